//! What the output layer of a neural network is, as data.
//!
//! Floors, from the ground up: `catalogue`, `range`, `target`, `level`, `units`, `activation`, `rule`, `loss`, `answer`,
//! `finding`, `pattern`, `pairing`, `table`, `judge`.
//!
//! A network ends in a few units. What they mean depends on four things that must go together: the number
//! of units, the activation after them, the loss, and the form of the targets. Few pairings are right,
//! most of the wrong ones run without a word, and the network just learns badly. This crate holds what
//! is known of each of them, and the one table of which go together. It has no engine: it computes no
//! loss and reads no file, so that a linter of sources, a checker of model files and a library that
//! trains can all judge alike.
//!
//! | items | what they hold |
//! |---|---|
//! | [`Answer`], [`heads`] | the kinds of answer; for each the units, the loss, how to read and to measure it |
//! | [`Activation`] | their output, range, and names in the frameworks |
//! | [`Loss`] | the losses of Logit, PyTorch and Keras: what they expect, how they read the units |
//! | [`TargetForm`] | the forms that targets come in |
//! | [`judge`], [`judge_model_file`] | the verdict on a [`Pairing`], with its reason and the fix |
//! | [`Rule`], [`Finding`], [`At`] | the faults that checks look for, how they report one, and where |
//!
//! # Judging a pairing
//!
//! A network for segmentation ends in a convolution and a sigmoid, and is trained with PyTorch's
//! `CrossEntropyLoss`. Is that right?
//!
//! ```
//! use logit_spec::{Activation, Level, Loss, Pairing, Rule, TargetForm, judge};
//!
//! let loss = Loss::of_pytorch("CrossEntropyLoss").unwrap();
//! let verdict = judge(&Pairing::new(3, &[Activation::Sigmoid], loss, TargetForm::Index));
//! assert_eq!(verdict.level, Level::Error);
//! assert_eq!(verdict.rule, Some(Rule::ActivationBeforeLogitsLoss));
//! assert_eq!(
//!     verdict.fix.unwrap(),
//!     "Remove the sigmoid: the raw outputs of the last layer are the logits. \
//!      Apply softmax only to read probabilities."
//! );
//!
//! let verdict = judge(&Pairing::new(3, &[], loss, TargetForm::Index));
//! assert_eq!(verdict.level, Level::Fine);
//! ```
//!
//! # What is not known
//!
//! Every part of a [`Pairing`] may be unknown. A fault is reported in spite of that where it is one
//! whatever the unknown parts are. [`Level::Fine`] is given only where no unknown part could change it;
//! otherwise the verdict is [`Level::Unknown`] and names the parts, because silence reads as approval.
//!
//! ```
//! use logit_spec::{Level, Loss, Pairing, Part, TargetForm, judge};
//!
//! let pairing = Pairing {
//!     activations: Some(&[]),
//!     loss: Some(Loss::CrossEntropy),
//!     target: Some(TargetForm::Index),
//!     ..Pairing::default()
//! };
//! let verdict = judge(&pairing);
//! assert_eq!((verdict.level, verdict.unknown), (Level::Unknown, vec![Part::Units]));
//! ```
//!
//! # Choosing a head
//!
//! ```
//! use logit_spec::{Answer, heads};
//!
//! for head in heads() {
//!     println!("{head}\n");
//! }
//! assert_eq!(Answer::Labels.facts().probabilities, "sigmoid of each unit");
//! ```

mod activation;
mod answer;
mod catalogue;
mod finding;
mod judge;
mod level;
mod loss;
mod pairing;
mod pattern;
mod range;
mod rule;
mod table;
mod target;
mod units;

pub use activation::{Activation, ActivationFacts, Output};
pub use answer::{Answer, HeadFacts, OtherLosses, heads};
pub use finding::{At, Fault, Finding};
pub use judge::{Verdict, judge, judge_model_file};
pub use level::Level;
pub use loss::{Expects, Loss, LossFacts, Reading};
pub use pairing::{Pairing, Part};
pub use range::Range;
pub use rule::{Evidence, Rule, RuleFacts};
pub use target::{TargetFacts, TargetForm};
pub use units::Units;
