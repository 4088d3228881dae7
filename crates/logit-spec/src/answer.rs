//! The kinds of answer a network can give, and what follows from each.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::catalogue::{catalogue, same_name};
use crate::loss::{Loss, Reading};
use crate::target::TargetForm;

/// All that follows from a kind of answer. The last layer is always linear: its outputs are the logits,
/// or the values themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HeadFacts {
    /// Its name, in lower case with hyphens.
    pub name: &'static str,
    /// The answer in words.
    pub title: &'static str,
    /// How many units the last layer has.
    pub units: &'static str,
    /// What the target of a row is, in words.
    pub target: &'static str,
    /// The forms of target that are right.
    pub target_forms: &'static [TargetForm],
    /// The loss where none is asked for.
    pub loss: Loss,
    /// The other losses on the same outputs.
    pub other_losses: OtherLosses,
    /// How probabilities are read from the outputs.
    pub probabilities: &'static str,
    /// How the answer is read from the outputs.
    pub decision: &'static str,
    /// What its answers are measured by.
    pub metrics: &'static [&'static str],
    /// The shapes where every pixel of an H×W image is answered.
    pub per_pixel: &'static str,
}

/// The losses on the outputs of an answer that are not its default: the native ones of the table of losses that train it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherLosses(Answer);

impl OtherLosses {
    /// In the order of the table.
    pub fn iter(self) -> impl Iterator<Item = Loss> {
        let default = self.0.facts().loss;
        let of_answer = move |loss: &Loss| loss.facts().native && loss.answers().contains(&self.0);
        Loss::ALL.iter().copied().filter(of_answer).filter(move |loss| *loss != default)
    }
}

impl Serialize for OtherLosses {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

catalogue! {
    /// The kind of answer a network gives.
    ///
    /// ```
    /// use logit_spec::{Answer, Loss};
    /// let head = Answer::YesNo.facts();
    /// assert_eq!((head.units, head.loss), ("1", Loss::BinaryCrossEntropy));
    /// ```
    pub enum Answer: HeadFacts {
        /// One of K classes that exclude each other.
        Classes = HeadFacts {
            name: "classes", title: "one of K classes", units: "K",
            target: "a class number 0 … K−1, or K probabilities that sum to one",
            target_forms: &[TargetForm::Index, TargetForm::OneHot, TargetForm::Distribution],
            loss: Loss::CrossEntropy,
            other_losses: OtherLosses(Answer::Classes),
            probabilities: "softmax over the units", decision: "argmax; top-k",
            metrics: &["accuracy", "top-k accuracy", "macro F1", "log loss", "calibration error"],
            per_pixel: "logits K×H×W, target H×W",
        },
        /// One of two, asked as a question.
        YesNo = HeadFacts {
            name: "yes-no", title: "yes or no", units: "1",
            target: "0 or 1",
            target_forms: &[TargetForm::Binary],
            loss: Loss::BinaryCrossEntropy,
            other_losses: OtherLosses(Answer::YesNo),
            probabilities: "sigmoid", decision: "yes above a threshold",
            metrics: &["accuracy", "precision", "recall", "F1", "ROC AUC", "log loss", "calibration error"],
            per_pixel: "logits 1×H×W, target H×W",
        },
        /// Any number of K labels.
        Labels = HeadFacts {
            name: "labels", title: "any of K labels", units: "K",
            target: "K values, 1 for each label that applies and 0 for the others",
            target_forms: &[TargetForm::MultiHot],
            loss: Loss::BinaryCrossEntropy,
            other_losses: OtherLosses(Answer::Labels),
            probabilities: "sigmoid of each unit", decision: "each label above its own threshold",
            metrics: &["micro F1", "macro F1", "exact match", "log loss"],
            per_pixel: "logits K×H×W, target K×H×W",
        },
        /// A number, or several.
        Values = HeadFacts {
            name: "values", title: "a number, or several",
            units: "T, one for each number; Gaussian 2 T; quantiles T for each",
            target: "T real numbers",
            target_forms: &[TargetForm::Real, TargetForm::Bounded],
            loss: Loss::Squared,
            other_losses: OtherLosses(Answer::Values),
            probabilities: "none", decision: "the value",
            metrics: &["mean absolute error", "root mean squared error", "R²"],
            per_pixel: "values T×H×W, target T×H×W",
        },
        /// A grade between two ends.
        Grades = HeadFacts {
            name: "grades", title: "a grade between two ends", units: "K, one per step; CORAL and CORN K−1",
            target: "a real number from the lowest to the highest grade",
            target_forms: &[TargetForm::Bounded, TargetForm::OrderedSteps],
            loss: Loss::InterpolatedKl,
            other_losses: OtherLosses(Answer::Grades),
            probabilities: "softmax over the steps; CORAL and CORN cumulative sigmoid",
            decision: "expected value",
            metrics: &["Pearson", "Spearman", "mean absolute error"],
            per_pixel: "logits K×H×W, target H×W",
        },
    }
}

/// The table of heads, one for each [`Answer`], in its order.
pub fn heads() -> &'static [HeadFacts] {
    Answer::FACTS
}

impl Answer {
    /// The answer of that name; case, hyphens and underscores do not count.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|answer| same_name(answer.name(), name))
    }
}

impl HeadFacts {
    /// The default loss, then the others.
    pub fn losses(&self) -> impl Iterator<Item = Loss> + use<> {
        [self.loss].into_iter().chain(self.other_losses.iter())
    }

    /// The columns of the table with their headings, as text.
    pub fn columns(&self) -> [(&'static str, String); 9] {
        let others: Vec<_> = self.other_losses.iter().map(Loss::name).collect();
        [
            ("answer", self.title.to_owned()),
            ("units", self.units.to_owned()),
            ("target", self.target.to_owned()),
            ("loss", self.loss.name().to_owned()),
            ("other losses", others.join(", ")),
            ("probabilities", self.probabilities.to_owned()),
            ("decision", self.decision.to_owned()),
            ("metrics", self.metrics.join(", ")),
            ("per pixel", self.per_pixel.to_owned()),
        ]
    }
}

/// The name of the head, and below it a line for each column.
impl fmt::Display for HeadFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        self.columns().iter().try_for_each(|(heading, text)| write!(f, "\n  {heading:<14} {text}"))
    }
}

impl Loss {
    /// The kinds of answer that the loss trains.
    pub fn answers(self) -> &'static [Answer] {
        match self.facts().reading {
            Reading::Classes => &[Answer::Classes],
            Reading::Each => &[Answer::YesNo, Answer::Labels],
            Reading::ClassesOrEach => &[Answer::Classes, Answer::YesNo, Answer::Labels],
            Reading::Steps | Reading::Cumulative => &[Answer::Grades],
            Reading::Values => &[Answer::Values],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_heads() {
        let blocks: Vec<_> = heads().iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(blocks.join("\n\n"));
    }

    #[test]
    fn the_table_serialises() {
        let json = serde_json::to_value(heads()).unwrap();
        assert_eq!(json[0]["name"], "classes");
        assert_eq!(json[4]["other_losses"], serde_json::json!(["minus-pearson", "coral", "corn"]));
        assert_eq!(json[2]["target_forms"], serde_json::json!(["multi-hot"]));
    }

    #[test]
    fn every_native_loss_trains_an_answer_and_the_default_is_one() {
        for &answer in Answer::ALL {
            assert_eq!(Answer::parse(answer.name()), Some(answer));
            let default = answer.facts().loss;
            assert!(default.facts().native && default.answers().contains(&answer), "{answer}");
        }
        for &loss in Loss::ALL {
            let listed =
                Answer::ALL.iter().any(|answer| answer.facts().losses().any(|of_head| of_head == loss));
            assert_eq!(listed, loss.facts().native, "{loss}");
        }
    }
}
