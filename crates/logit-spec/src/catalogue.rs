//! How the closed lists of this crate are written: an enum and its table of facts, in one place.

/// Declares an enum whose every variant stands beside its row of facts, so that neither can be
/// added, moved or removed without the other. The facts must have a field `name`.
macro_rules! catalogue {
    (
        $(#[$meta:meta])*
        pub enum $catalogue:ident: $facts:ident { $( $(#[$doc:meta])* $variant:ident = $row:expr ),* $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $catalogue { $( $(#[$doc])* $variant ),* }

        impl $catalogue {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),*];

            pub(crate) const FACTS: &'static [$facts] = &[$( $row ),*];

            /// What is known of it.
            pub fn facts(self) -> &'static $facts {
                &Self::FACTS[self as usize]
            }

            /// Its name in lower case with hyphens, as it is serialised.
            pub fn name(self) -> &'static str {
                self.facts().name
            }
        }

        impl std::fmt::Display for $catalogue {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

pub(crate) use catalogue;

/// Whether two names are one but for case, `_`, `-` and spaces: `LogSoftmax` is `log_softmax`.
pub(crate) fn same_name(left: &str, right: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = char> + '_ {
        name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase())
    }
    letters(left).eq(letters(right))
}

#[cfg(test)]
mod tests {
    use super::same_name;

    #[test]
    fn names_differ_by_more_than_case_and_joints() {
        assert!(same_name("LogSoftmax", "log_softmax"));
        assert!(same_name("hard-sigmoid", "Hardsigmoid"));
        assert!(!same_name("softmax", "softmin"));
        assert!(!same_name("softmax", "softmax2d"));
    }

    #[test]
    fn written_read_and_printed_names_are_the_names_of_the_tables() {
        macro_rules! check {
            ($($catalogue:ident),*) => {$(
                for &entry in crate::$catalogue::ALL {
                    assert_eq!(serde_json::to_value(entry).unwrap(), entry.name());
                    assert_eq!(entry.to_string(), entry.name());
                    assert_eq!(serde_json::from_value::<crate::$catalogue>(entry.name().into()).unwrap(), entry);
                }
            )*};
        }
        check!(Activation, Answer, Loss, Rule, TargetForm);
    }
}
