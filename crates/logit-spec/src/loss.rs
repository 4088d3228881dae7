//! The losses, of Logit and of the frameworks whose programs are checked.

use serde::Serialize;

use crate::catalogue::{catalogue, same_name};
use crate::target::TargetForm::{
    self, Binary, Bounded, Distribution, Index, MultiHot, OneHot, OrderedSteps, Real,
};
use Expects::{LogProbabilities, Logits, Probabilities, RealValues};
use Reading::{Classes, ClassesOrEach, Cumulative, Each, Steps, Values};

/// What a loss expects the network to give it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expects {
    /// Raw outputs: the loss applies its own softmax or sigmoid.
    Logits,
    /// Logarithms of probabilities that sum to one over the units.
    LogProbabilities,
    /// Probabilities.
    Probabilities,
    /// Numbers on the scale of the target.
    RealValues,
}

/// How a loss reads the units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// As K classes that compete: softmax.
    Classes,
    /// Each alone, as a yes or no: sigmoid.
    Each,
    /// Either of these, as the target asks.
    ClassesOrEach,
    /// As K ordered steps that compete: softmax.
    Steps,
    /// Each as the question whether the grade lies above its step: sigmoid.
    Cumulative,
    /// As numbers.
    Values,
}

/// What is known of a [`Loss`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossFacts {
    /// Its name, in lower case with hyphens.
    pub name: &'static str,
    /// How it is written in a sentence.
    pub title: &'static str,
    /// What it expects the network to give it.
    pub expects: Expects,
    /// How it reads the units.
    pub reading: Reading,
    /// The forms of target it can be computed on. Those that are also *right* are fewer:
    /// [`judge`](crate::judge) tells.
    pub accepts: &'static [TargetForm],
    /// Whether Logit offers it.
    pub native: bool,
    /// Its names in PyTorch and `torchvision`, the class first.
    pub pytorch: &'static [&'static str],
    /// Its names in Keras and `tf.nn`, the class first.
    pub keras: &'static [&'static str],
    /// The loss of one row: `z` are the logits, `p` the probabilities, `v` the values, `y` the target.
    pub formula: &'static str,
}

/// The facts that a row does not name: those of a loss of another framework.
const FOREIGN: LossFacts = LossFacts {
    name: "",
    title: "",
    expects: Logits,
    reading: Classes,
    accepts: TargetForm::ALL,
    native: false,
    pytorch: &[],
    keras: &[],
    formula: "",
};
const NATIVE: LossFacts = LossFacts { native: true, ..FOREIGN };

const CLASS: &[TargetForm] = &[Index, Binary, OneHot, Distribution, OrderedSteps];
const CLASS_NUMBER: &[TargetForm] = &[Index, Binary, OrderedSteps];
const CLASS_ROW: &[TargetForm] = &[OneHot, Distribution, OrderedSteps];
const YES_OR_NO: &[TargetForm] = &[Binary, MultiHot, OneHot, Distribution, Real, Bounded];
const REGION: &[TargetForm] = &[Index, Binary, OneHot, MultiHot, Distribution, OrderedSteps];

catalogue! {
    /// A loss. One that can be computed from logits or from probabilities, such as Keras'
    /// `BinaryCrossentropy`, is two losses here.
    pub enum Loss: LossFacts {
        /// Softmax cross entropy on logits; a row of targets is a class number or a distribution.
        CrossEntropy = LossFacts {
            name: "cross-entropy", title: "cross entropy", accepts: CLASS,
            pytorch: &["CrossEntropyLoss", "cross_entropy"],
            formula: "−Σ_k y_k log softmax(z)_k", ..NATIVE
        },
        /// Sigmoid cross entropy on logits, each unit alone.
        BinaryCrossEntropy = LossFacts {
            name: "binary-cross-entropy", title: "binary cross entropy on logits",
            reading: Each, accepts: YES_OR_NO,
            pytorch: &[
                "BCEWithLogitsLoss", "binary_cross_entropy_with_logits",
                "MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss",
            ],
            keras: &["BinaryCrossentropy", "sigmoid_cross_entropy_with_logits"],
            formula: "−y log σ(z) − (1−y) log(1−σ(z))", ..NATIVE
        },
        /// Cross entropy on logits that weighs down the rows that are right already (Lin et al. 2017).
        Focal = LossFacts {
            name: "focal", title: "focal loss on logits", accepts: CLASS,
            keras: &["CategoricalFocalCrossentropy"],
            formula: "−(1−p)^γ log p, p = softmax(z)_y", ..NATIVE
        },
        /// The focal loss of each unit alone, on logits.
        BinaryFocal = LossFacts {
            name: "binary-focal", title: "binary focal loss on logits", reading: Each, accepts: YES_OR_NO,
            pytorch: &["sigmoid_focal_loss"],
            keras: &["BinaryFocalCrossentropy"],
            formula: "−(1−p)^γ log p, p = σ(z) where y = 1, else 1−σ(z)", ..NATIVE
        },
        /// One minus the Dice overlap of prediction and target, on logits.
        Dice = LossFacts {
            name: "dice", title: "Dice loss on logits", reading: ClassesOrEach, accepts: REGION,
            formula: "1 − 2 Σ p y / (Σ p + Σ y)", ..NATIVE
        },
        /// Dice with a price each for what is wrongly in and what is wrongly out (Salehi et al. 2017).
        Tversky = LossFacts {
            name: "tversky", title: "Tversky loss on logits", reading: ClassesOrEach, accepts: REGION,
            formula: "1 − Σ p y / (Σ p y + α Σ p (1−y) + β Σ (1−p) y)", ..NATIVE
        },
        /// One minus intersection over union, on logits.
        Jaccard = LossFacts {
            name: "jaccard", title: "Jaccard loss on logits", reading: ClassesOrEach, accepts: REGION,
            formula: "1 − Σ p y / (Σ p + Σ y − Σ p y)", ..NATIVE
        },
        /// The convex surrogate of intersection over union (Berman et al. 2018), on logits.
        Lovasz = LossFacts {
            name: "lovasz", title: "Lovász loss on logits", reading: ClassesOrEach, accepts: REGION,
            formula: "Lovász extension of 1 − IoU at the sorted errors |y − p|", ..NATIVE
        },
        /// Squared error.
        Squared = LossFacts {
            name: "squared", title: "squared error", expects: RealValues, reading: Values,
            pytorch: &["MSELoss", "mse_loss"],
            keras: &["MeanSquaredError", "mse"],
            formula: "(v − y)²", ..NATIVE
        },
        /// Absolute error.
        Absolute = LossFacts {
            name: "absolute", title: "absolute error", expects: RealValues, reading: Values,
            pytorch: &["L1Loss", "l1_loss"],
            keras: &["MeanAbsoluteError", "mae"],
            formula: "|v − y|", ..NATIVE
        },
        /// Squared near the target, absolute far from it (Huber 1964).
        Huber = LossFacts {
            name: "huber", title: "Huber loss", expects: RealValues, reading: Values,
            pytorch: &["HuberLoss", "huber_loss", "SmoothL1Loss", "smooth_l1_loss"],
            keras: &["Huber"],
            formula: "½ e² where |e| ≤ δ, else δ (|e| − ½ δ); e = v − y", ..NATIVE
        },
        /// Likelihood of a normal distribution whose mean and variance the network gives.
        GaussianNll = LossFacts {
            name: "gaussian-nll", title: "Gaussian likelihood", expects: RealValues, reading: Values,
            pytorch: &["GaussianNLLLoss", "gaussian_nll_loss"],
            formula: "½ log s² + ½ (v − y)² / s²", ..NATIVE
        },
        /// The pinball loss, whose minimum is the q-quantile (Koenker and Bassett 1978).
        Quantile = LossFacts {
            name: "quantile", title: "quantile loss", expects: RealValues, reading: Values,
            formula: "max(q (y − v), (q − 1)(y − v))", ..NATIVE
        },
        /// Divergence from the target spread over its two neighbouring steps (Tai et al. 2015), on logits.
        InterpolatedKl = LossFacts {
            name: "interpolated-kl", title: "interpolated KL", reading: Steps,
            accepts: &[Bounded, OrderedSteps, Index, Binary],
            formula: "Σ_k t_k (log t_k − log softmax(z)_k), t = y spread over its two steps", ..NATIVE
        },
        /// Minus the Pearson correlation of expected grade and target over a batch, on logits.
        MinusPearson = LossFacts {
            name: "minus-pearson", title: "minus Pearson", reading: Steps,
            accepts: &[Real, Bounded, OrderedSteps, Index, Binary],
            formula: "−corr(v, y) over the batch, v = Σ_k k softmax(z)_k", ..NATIVE
        },
        /// Cumulative logits that share their weights and differ in bias (Cao et al. 2020).
        Coral = LossFacts {
            name: "coral", title: "CORAL", reading: Cumulative,
            accepts: &[OrderedSteps, Bounded, Index, Binary, MultiHot],
            pytorch: &["CoralLoss", "coral_loss"],
            formula: "Σ_k binary cross entropy(z_k, y > step k)", ..NATIVE
        },
        /// Cumulative logits, each on the rows that passed the step before (Shi et al. 2021).
        Corn = LossFacts {
            name: "corn", title: "CORN", reading: Cumulative,
            accepts: &[OrderedSteps, Bounded, Index, Binary],
            pytorch: &["CornLoss", "corn_loss"],
            formula: "Σ_k binary cross entropy(z_k, y > step k) over rows with y > step k−1", ..NATIVE
        },
        /// Minus the log-probability of the right class; takes no logarithm itself.
        NllOnLogProbabilities = LossFacts {
            name: "nll-on-log-probabilities", title: "negative log-likelihood",
            expects: LogProbabilities, accepts: CLASS_NUMBER,
            pytorch: &["NLLLoss", "nll_loss"],
            formula: "−log p_y", ..FOREIGN
        },
        /// Kullback-Leibler divergence from log-probabilities.
        KlOnLogProbabilities = LossFacts {
            name: "kl-on-log-probabilities", title: "KL divergence",
            expects: LogProbabilities, accepts: CLASS_ROW,
            pytorch: &["KLDivLoss", "kl_div"],
            formula: "Σ_k y_k (log y_k − log p_k)", ..FOREIGN
        },
        /// Binary cross entropy of probabilities.
        BinaryOnProbabilities = LossFacts {
            name: "binary-on-probabilities", title: "binary cross entropy on probabilities",
            expects: Probabilities, reading: Each, accepts: YES_OR_NO,
            pytorch: &["BCELoss", "binary_cross_entropy"],
            keras: &["BinaryCrossentropy"],
            formula: "−y log p − (1−y) log(1−p)", ..FOREIGN
        },
        /// Keras' cross entropy with rows of K targets, on logits.
        CategoricalOnLogits = LossFacts {
            name: "categorical-on-logits", title: "categorical cross entropy on logits", accepts: CLASS_ROW,
            keras: &["CategoricalCrossentropy", "softmax_cross_entropy_with_logits"],
            formula: "−Σ_k y_k log softmax(z)_k", ..FOREIGN
        },
        /// Keras' cross entropy with rows of K targets, on probabilities.
        CategoricalOnProbabilities = LossFacts {
            name: "categorical-on-probabilities", title: "categorical cross entropy on probabilities",
            expects: Probabilities, accepts: CLASS_ROW,
            keras: &["CategoricalCrossentropy"],
            formula: "−Σ_k y_k log(p_k / Σ_j p_j)", ..FOREIGN
        },
        /// Keras' cross entropy with class numbers, on logits.
        SparseOnLogits = LossFacts {
            name: "sparse-on-logits", title: "sparse categorical cross entropy on logits",
            accepts: CLASS_NUMBER,
            keras: &["SparseCategoricalCrossentropy", "sparse_softmax_cross_entropy_with_logits"],
            formula: "−log softmax(z)_y", ..FOREIGN
        },
        /// Keras' cross entropy with class numbers, on probabilities.
        SparseOnProbabilities = LossFacts {
            name: "sparse-on-probabilities", title: "sparse categorical cross entropy on probabilities",
            expects: Probabilities, accepts: CLASS_NUMBER,
            keras: &["SparseCategoricalCrossentropy"],
            formula: "−log(p_y / Σ_j p_j)", ..FOREIGN
        },
        /// Keras' Kullback-Leibler divergence, from probabilities.
        KlOnProbabilities = LossFacts {
            name: "kl-on-probabilities", title: "KL divergence on probabilities",
            expects: Probabilities, accepts: CLASS_ROW,
            keras: &["KLDivergence", "kl_divergence", "kld", "kullback_leibler_divergence"],
            formula: "Σ_k y_k log(y_k / p_k)", ..FOREIGN
        },
        /// Keras' focal loss over classes, on probabilities.
        FocalOnProbabilities = LossFacts {
            name: "focal-on-probabilities", title: "focal loss on probabilities",
            expects: Probabilities, accepts: CLASS,
            keras: &["CategoricalFocalCrossentropy"],
            formula: "−(1−p_y)^γ log p_y", ..FOREIGN
        },
        /// Keras' focal loss of each unit alone, on probabilities.
        BinaryFocalOnProbabilities = LossFacts {
            name: "binary-focal-on-probabilities", title: "binary focal loss on probabilities",
            expects: Probabilities, reading: Each, accepts: YES_OR_NO,
            keras: &["BinaryFocalCrossentropy"],
            formula: "−(1−p)^γ log p where y = 1, −p^γ log(1−p) else", ..FOREIGN
        },
        /// Dice loss of probabilities.
        DiceOnProbabilities = LossFacts {
            name: "dice-on-probabilities", title: "Dice loss on probabilities",
            expects: Probabilities, reading: ClassesOrEach, accepts: REGION,
            keras: &["Dice"],
            formula: "1 − 2 Σ p y / (Σ p + Σ y)", ..FOREIGN
        },
        /// Tversky loss of probabilities.
        TverskyOnProbabilities = LossFacts {
            name: "tversky-on-probabilities", title: "Tversky loss on probabilities",
            expects: Probabilities, reading: ClassesOrEach, accepts: REGION,
            keras: &["Tversky"],
            formula: "1 − Σ p y / (Σ p y + α Σ p (1−y) + β Σ (1−p) y)", ..FOREIGN
        },
        /// Jaccard loss of probabilities.
        JaccardOnProbabilities = LossFacts {
            name: "jaccard-on-probabilities", title: "Jaccard loss on probabilities",
            expects: Probabilities, reading: ClassesOrEach, accepts: REGION,
            formula: "1 − Σ p y / (Σ p + Σ y − Σ p y)", ..FOREIGN
        },
    }
}

impl Loss {
    /// The loss of that [`name`](Self::name); case, hyphens and underscores do not count. The names of
    /// other frameworks mean other things: PyTorch's `binary_cross_entropy` takes probabilities.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|loss| same_name(loss.name(), name))
    }

    /// The loss that PyTorch or `torchvision` calls by that name, of a class or a function.
    ///
    /// ```
    /// use logit_spec::Loss;
    /// assert_eq!(Loss::of_pytorch("NLLLoss"), Some(Loss::NllOnLogProbabilities));
    /// assert_eq!(Loss::of_pytorch("binary_cross_entropy"), Some(Loss::BinaryOnProbabilities));
    /// ```
    pub fn of_pytorch(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|loss| loss.facts().pytorch.iter().any(|known| same_name(known, name)))
    }

    /// The loss that Keras or `tf.nn` calls by that name, of a class or a function. `from_logits` counts
    /// where the loss has that flag; Keras leaves it off unless told.
    ///
    /// ```
    /// use logit_spec::Loss;
    /// assert_eq!(Loss::of_keras("binary_crossentropy", true), Some(Loss::BinaryCrossEntropy));
    /// assert_eq!(Loss::of_keras("binary_crossentropy", false), Some(Loss::BinaryOnProbabilities));
    /// assert_eq!(Loss::of_keras("mse", false), Some(Loss::Squared));
    /// ```
    pub fn of_keras(name: &str, from_logits: bool) -> Option<Self> {
        let named = |loss: &Self| loss.facts().keras.iter().any(|known| same_name(known, name));
        let mut candidates = Self::ALL.iter().copied().filter(named);
        let first = candidates.next()?;
        match candidates.next() {
            Some(second) if first.takes_logits() != from_logits => Some(second),
            _ => Some(first),
        }
    }

    /// Whether the loss applies its own softmax or sigmoid to raw outputs.
    pub fn takes_logits(self) -> bool {
        self.facts().expects == Logits
    }

    /// The loss in a sentence, with its name in PyTorch or else in Keras: cross entropy
    /// (`CrossEntropyLoss`).
    pub fn label(self) -> String {
        let LossFacts { title, pytorch, keras, .. } = self.facts();
        match (pytorch.first(), keras.first()) {
            (Some(class), _) => format!("{title} (`{class}`)"),
            (None, Some(class)) => format!("{title} (Keras `{class}`)"),
            (None, None) => (*title).to_owned(),
        }
    }
}

impl Reading {
    /// What turns logits into the probabilities that the loss compares with the target, in words.
    pub fn activation(self) -> &'static str {
        match self {
            Classes | Steps => "softmax",
            Each | Cumulative => "sigmoid",
            ClassesOrEach => "softmax or sigmoid",
            Values => "no activation",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_everything() {
        for &loss in Loss::ALL {
            let facts = loss.facts();
            assert!(!facts.title.is_empty() && !facts.formula.is_empty(), "{loss}");
            assert_eq!(Loss::parse(facts.name), Some(loss));
            assert!(!facts.native || facts.expects == Logits || facts.expects == RealValues, "{loss}");
            assert_eq!(facts.expects == RealValues, facts.reading == Values, "{loss}");
        }
    }

    #[test]
    fn a_name_of_pytorch_means_one_loss() {
        for &loss in Loss::ALL {
            for name in loss.facts().pytorch {
                assert_eq!(Loss::of_pytorch(name), Some(loss), "{name}");
            }
        }
        assert_eq!(Loss::of_pytorch("TripletMarginLoss"), None);
    }

    #[test]
    fn a_name_of_keras_and_its_flag_mean_one_loss() {
        for &loss in Loss::ALL {
            for name in loss.facts().keras {
                assert_eq!(Loss::of_keras(name, loss.takes_logits()), Some(loss), "{name}");
            }
        }
        assert_eq!(Loss::of_keras("CosineSimilarity", false), None);
    }

    #[test]
    fn a_flag_does_not_change_a_loss_that_has_none() {
        assert_eq!(Loss::of_keras("Dice", true), Some(Loss::DiceOnProbabilities));
        assert_eq!(
            Loss::of_keras("softmax_cross_entropy_with_logits", false),
            Some(Loss::CategoricalOnLogits)
        );
    }
}
