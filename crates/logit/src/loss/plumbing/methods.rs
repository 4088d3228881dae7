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

/// `forward` and `forward_no_reduction` of a loss on a kind, or on all kinds of a family: `on K: Family`; `on regions` is that of
/// every loss on regions. What they do is `reduced` and `unreduced` of [`LossOn`](super::LossOn) or [`RegionLoss`](super::RegionLoss).
macro_rules! forward_methods {
    (on regions;) => {
        $crate::loss::plumbing::forward_methods! {
            on K: RegionKind;
            /// # Shapes
            /// - logits: `[N, K, d…]`
            /// - targets of `Classes`: indices `[N, d…]` or a distribution `[N, K, d…]`; of `Labels` and `YesNo`:
            ///   `[N, K, d…]`
            ///
            /// # Errors
            /// A target out of range, shapes that do not agree, an option out of its range.
            forward;
            /// The loss of each class, `[1, K]`, or `[N, K]` with `per_sample`; absent classes too.
            forward_no_reduction -> Tensor<2>;
        }
    };
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
