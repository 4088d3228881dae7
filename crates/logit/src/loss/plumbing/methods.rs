//! The methods that every loss has, written once.

/// Builder methods: `with_name(name: Type)` sets the field `name`, to the expression after `=>` if there is one.
macro_rules! option_methods {
    ($($(#[$doc:meta])* $with:ident($field:ident: $type:ty) $(=> $value:expr)?;)+) => {$(
        $(#[$doc])*
        pub fn $with(mut self, $field: $type) -> Self {
            self.$field = $crate::loss::plumbing::option_methods!(@value $field $($value)?);
            self
        }
    )+};
    (@value $field:ident) => { $field };
    (@value $field:ident $value:expr) => { $value };
}

/// `forward` and `forward_no_reduction` of a loss on a kind, or on all kinds of a family: `on K: Family`. What they do is
/// `reduced` and `unreduced` of [`LossOn`](super::LossOn) or [`RegionLoss`](super::RegionLoss).
macro_rules! forward_methods {
    (on $kind:ident: $family:ident; $($methods:tt)+) => {
        $crate::loss::plumbing::forward_methods!(@methods [$kind: $family,] $kind; $($methods)+);
    };
    (on $kind:ty; $($methods:tt)+) => {
        $crate::loss::plumbing::forward_methods!(@methods [] $kind; $($methods)+);
    };
    (
        @methods [$($any:tt)*] $kind:ty;
        $(#[$of_all:meta])* forward;
        $(#[$of_each:meta])* forward_no_reduction -> $losses:ty;
    ) => {
        /// The loss as one number.
        ///
        $(#[$of_all])*
        pub fn forward<$($any)* const D: usize>(
            &self,
            logits: impl LogitsOf<$kind, D>,
            targets: impl TargetsFor<$kind, D>,
        ) -> Result<Loss, LossError> {
            self.reduced(logits.into_logits(), targets.form())
        }

        $(#[$of_each])*
        ///
        /// # Errors
        /// As [`forward`](Self::forward).
        pub fn forward_no_reduction<$($any)* const D: usize>(
            &self,
            logits: impl LogitsOf<$kind, D>,
            targets: impl TargetsFor<$kind, D>,
        ) -> Result<$losses, LossError> {
            self.unreduced(logits.into_logits(), targets.form())
        }
    };
}

pub(in crate::loss) use {forward_methods, option_methods};
