//! The forms that targets come in.

use crate::catalogue::{catalogue, same_name};

/// What is known of a [`TargetForm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetFacts {
    /// Its name, in lower case with hyphens.
    pub name: &'static str,
    /// The form in words that continue “the targets are …”.
    pub title: &'static str,
    /// The targets of a row, or of two.
    pub example: &'static str,
}

catalogue! {
    /// The form of the targets of one row (or one pixel).
    ///
    /// The form says what the targets *mean*, which their numbers alone need not tell: the whole
    /// numbers 0 … 4 are an [`Index`](Self::Index) where they number kinds of flower, and
    /// [`OrderedSteps`](Self::OrderedSteps) where they number stars.
    pub enum TargetForm: TargetFacts {
        /// The number of the right class, 0 … K−1. Classes exclude each other and have no order.
        Index = TargetFacts { name: "index", title: "class numbers", example: "3" },
        /// K values, 1 for the right class and 0 for all others.
        OneHot = TargetFacts { name: "one-hot", title: "one-hot rows", example: "0 0 0 1" },
        /// K values, 1 for each label that applies: none, one or several.
        MultiHot = TargetFacts {
            name: "multi-hot", title: "rows with any number of labels", example: "1 0 1 0",
        },
        /// K probabilities that sum to one: soft labels, a teacher's answer, smoothed classes.
        Distribution = TargetFacts {
            name: "distribution", title: "probabilities that sum to one", example: "0.1 0.2 0.7",
        },
        /// One value, 0 or 1.
        Binary = TargetFacts { name: "binary", title: "zeros and ones", example: "1" },
        /// One real number or several, of which no ends are known.
        Real = TargetFacts { name: "real", title: "real numbers", example: "−12.7" },
        /// One real number or several, each between two known ends: a score from 0 to 5.
        Bounded = TargetFacts {
            name: "bounded", title: "real numbers between two ends", example: "2.33 of 0 … 5",
        },
        /// Steps with an order, as a number or one-hot: stars, or a score cut into bins.
        OrderedSteps = TargetFacts { name: "ordered-steps", title: "ordered steps", example: "3 of 0 … 5" },
    }
}

impl TargetForm {
    /// The form of that name; case, hyphens and underscores do not count.
    ///
    /// ```
    /// use logit_spec::TargetForm;
    /// assert_eq!(TargetForm::parse("multi_hot"), Some(TargetForm::MultiHot));
    /// ```
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|form| same_name(form.name(), name))
    }
}

#[cfg(test)]
mod tests {
    use super::TargetForm;

    #[test]
    fn a_name_means_one_form() {
        for &form in TargetForm::ALL {
            assert_eq!(TargetForm::parse(form.name()), Some(form));
        }
        assert_eq!(TargetForm::parse("ragged"), None);
    }
}
