//! Judging a pairing by the tables.

use serde::Serialize;

use crate::activation::Activation;
use crate::finding::Finding;
use crate::level::Level;
use crate::loss::{Expects, Loss, LossFacts};
use crate::pairing::{Pairing, Part};
use crate::pattern::{Decision, Row, decide};
use crate::range::Range;
use crate::rule::Rule;
use crate::table::{MODEL_FILES, PAIRINGS};
use crate::target::TargetForm;
use crate::units::Units;

/// What is said of a pairing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// [`Level::Fine`] is said only where nothing that is unknown could change it.
    pub level: Level,
    /// The rule that is broken, if one is.
    pub rule: Option<Rule>,
    /// Why this is said, also of what is right.
    pub reason: String,
    /// What to do instead, where there is something.
    pub fix: Option<String>,
    /// The parts that were not known. A fault was found in spite of them.
    pub unknown: Vec<Part>,
}

impl Verdict {
    /// The finding that belongs to a broken rule; `message` says what was found and by which names.
    pub fn finding(self, message: impl Into<String>) -> Option<Finding> {
        let (rule, fix) = self.rule.zip(self.fix)?;
        let fault = rule.into();
        Some(Finding { level: self.level, fault, message: message.into(), reason: self.reason, fix })
    }
}

/// Judges a pairing of a program that trains.
///
/// The worst fault is reported; others may show once it is mended.
///
/// ```
/// use logit_spec::{Activation, Level, Loss, Pairing, Rule, TargetForm, judge};
///
/// // A sigmoid before `NLLLoss` on digits.
/// let loss = Loss::of_pytorch("NLLLoss").unwrap();
/// let verdict = judge(&Pairing::new(10, &[Activation::Sigmoid], loss, TargetForm::Index));
/// assert_eq!(verdict.level, Level::Error);
/// assert_eq!(verdict.rule, Some(Rule::NotLogProbabilities));
///
/// // Nothing is approved of that was not seen.
/// let pairing = Pairing { activations: Some(&[]), loss: Some(Loss::CrossEntropy), ..Pairing::default() };
/// assert_eq!(judge(&pairing).level, Level::Unknown);
/// ```
pub fn judge(pairing: &Pairing) -> Verdict {
    verdict(PAIRINGS, pairing, pairing.unknown_parts())
}

/// Judges the end of a model file, of which neither loss nor targets are known.
///
/// ```
/// use logit_spec::{Activation, Rule, judge_model_file};
/// let verdict = judge_model_file(Some(10), Some(&[Activation::Softmax]));
/// assert_eq!(verdict.rule, Some(Rule::ProbabilitiesBakedIn));
/// ```
pub fn judge_model_file(units: Option<usize>, activations: Option<&[Activation]>) -> Verdict {
    let pairing = Pairing { units: units.and_then(Units::of), activations, ..Pairing::default() };
    let mut unknown = pairing.unknown_parts();
    unknown.retain(|part| matches!(part, Part::Units | Part::Activation));
    verdict(MODEL_FILES, &pairing, unknown)
}

fn verdict(table: &'static [Row], pairing: &Pairing, unknown: Vec<Part>) -> Verdict {
    match decide(table, pairing.known()) {
        Decision::Row(row) => Verdict {
            level: row.level,
            rule: row.rule,
            reason: fill(pairing, row.reason),
            fix: (!row.fix.is_empty()).then(|| fill(pairing, row.fix)),
            unknown,
        },
        Decision::Open(approval) => {
            let titles: Vec<_> = unknown.iter().map(|part| part.title()).collect();
            let not_known = format!("Not known, and so not judged: {}.", titles.join(", "));
            let reason = match approval {
                Some(row) => format!("{} {not_known}", fill(pairing, row.reason)),
                None => not_known,
            };
            Verdict { level: Level::Unknown, rule: None, reason, fix: None, unknown }
        }
    }
}

/// Puts the names of the pairing's parts into a text of the tables, which begins with a capital.
fn fill(pairing: &Pairing, text: &str) -> String {
    let known = pairing.known();
    let activation = |activation: Option<Activation>| activation.map_or("it", |known| known.facts().title);
    let loss = pairing.loss.map(Loss::facts);
    let target = |form: &TargetForm| form.facts().title;
    let accepted = loss.map_or(vec![], |loss| loss.accepts.iter().map(target).collect());
    let range = |range: Option<Range>| range.map_or_else(String::new, |known| known.to_string());
    let filled = text
        .replace("{loss}", &pairing.loss.map_or_else(String::new, Loss::label))
        .replace("{activation}", activation(known.last))
        .replace("{before}", activation(known.before))
        .replace("{own}", loss.map_or("", |loss| loss.reading.activation()))
        .replace("{wanted}", loss.map_or("", wanted))
        .replace("{target}", pairing.target.as_ref().map_or("", target))
        .replace("{accepted}", &accepted.join(", "))
        .replace("{reach}", &range(pairing.reach(known.last)))
        .replace("{target_range}", &range(pairing.target_range));
    capitalised(&filled)
}

/// The last activation that a loss wants, in words.
fn wanted(loss: &LossFacts) -> &'static str {
    match loss.expects {
        Expects::Logits | Expects::RealValues => "no activation",
        Expects::LogProbabilities => "log-softmax",
        Expects::Probabilities => loss.reading.activation(),
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Activation::{LeakyRelu, Linear, LogSigmoid, LogSoftmax, Relu, Sigmoid, Softmax, Tanh};
    use TargetForm::{Binary, Bounded, Index, MultiHot, OneHot, OrderedSteps, Real};

    const GRADES: (f64, f64) = (0.0, 5.0);

    fn expect(pairing: &Pairing, level: Level, rule: Option<Rule>) -> Verdict {
        let verdict = judge(pairing);
        assert_eq!((verdict.level, verdict.rule), (level, rule), "{pairing:?}\n{verdict:?}");
        verdict
    }

    fn wrong(pairing: &Pairing, rule: Rule) -> Verdict {
        expect(pairing, Level::Error, Some(rule))
    }

    fn right(pairing: &Pairing) {
        expect(pairing, Level::Fine, None);
    }

    #[test]
    fn question_1_sigmoid_before_cross_entropy() {
        let loss = Loss::of_pytorch("CrossEntropyLoss").unwrap();
        let asked = Pairing::new(3, &[Sigmoid], loss, Index);
        wrong(&asked, Rule::ActivationBeforeLogitsLoss);
        wrong(&Pairing { units: None, target: None, ..asked }, Rule::ActivationBeforeLogitsLoss);
        right(&Pairing { activations: Some(&[]), ..asked });

        let labels = Loss::of_pytorch("BCEWithLogitsLoss").unwrap();
        right(&Pairing::new(3, &[], labels, MultiHot));
        right(&Pairing::new(3, &[Sigmoid], Loss::of_pytorch("BCELoss").unwrap(), MultiHot));
        wrong(&Pairing::new(3, &[Sigmoid], labels, MultiHot), Rule::ActivationBeforeLogitsLoss);
    }

    #[test]
    fn question_2_summed_rectified_units_and_squared_error() {
        let target_range = Range::new(0.0, 100.0).unwrap();
        let summed = Pairing::new(1, &[], Loss::of_pytorch("MSELoss").unwrap(), Real);
        right(&summed.with_target_range(target_range));
        let rectified = Pairing { activations: Some(&[Relu]), ..summed };
        right(&rectified.with_target_range(target_range));
        wrong(&rectified.with_target_range(Range::new(-1.0, 1.0).unwrap()), Rule::TargetBeyondOutput);
    }

    #[test]
    fn question_3_nll_loss_needs_log_softmax() {
        let loss = Loss::of_pytorch("NLLLoss").unwrap();
        let digits = Pairing::new(10, &[Softmax], loss, Index);
        wrong(&digits, Rule::NotLogProbabilities);
        let sigmoid = wrong(&Pairing { activations: Some(&[Sigmoid]), ..digits }, Rule::NotLogProbabilities);
        assert!(sigmoid.reason.contains("all of them rise to 1"), "{}", sigmoid.reason);
        wrong(&Pairing { activations: Some(&[]), ..digits }, Rule::NotLogProbabilities);
        right(&Pairing { activations: Some(&[LogSoftmax]), ..digits });
        wrong(&Pairing { activations: Some(&[Softmax, LogSoftmax]), ..digits }, Rule::NormalisedTwice);
    }

    #[test]
    fn question_4_softmax_over_one_unit() {
        for name in ["BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"] {
            let loss = Loss::of_keras(name, false).unwrap();
            wrong(&Pairing::new(1, &[Softmax], loss, Binary), Rule::SoftmaxOverOneUnit);
        }
        wrong(&Pairing::new(1, &[], Loss::CrossEntropy, Binary), Rule::SoftmaxOverOneUnit);
        let classifier = Loss::of_keras("CategoricalCrossentropy", false).unwrap();
        right(&Pairing::new(10, &[Softmax], classifier, OneHot));
    }

    #[test]
    fn question_5_a_continuous_target_is_no_class() {
        let scores = Range::new(GRADES.0, GRADES.1).unwrap();
        let softmax = |loss, target| Pairing::new(6, &[Softmax], loss, target).with_target_range(scores);
        let linear = |units, loss| Pairing::new(units, &[], loss, Bounded).with_target_range(scores);
        let categorical = Loss::CategoricalOnProbabilities;
        wrong(&softmax(categorical, Bounded), Rule::ClassLossOnContinuousTarget);
        wrong(&softmax(categorical, Real), Rule::ClassLossOnContinuousTarget);
        let binned = softmax(categorical, OrderedSteps);
        expect(&binned, Level::Advice, Some(Rule::ClassLossOnContinuousTarget));
        wrong(&softmax(Loss::Squared, Bounded), Rule::TargetBeyondOutput);
        wrong(&softmax(Loss::MinusPearson, Bounded), Rule::ActivationBeforeLogitsLoss);
        right(&linear(1, Loss::Squared));
        for loss in [Loss::InterpolatedKl, Loss::MinusPearson, Loss::Coral, Loss::Corn] {
            right(&linear(6, loss));
        }
    }

    #[test]
    fn question_6_softmax_in_keras_and_its_flag() {
        let asked = |from_logits| {
            let loss = Loss::of_keras("categorical_crossentropy", from_logits).unwrap();
            Pairing::new(10, &[Softmax], loss, OneHot)
        };
        right(&asked(false));
        wrong(&asked(true), Rule::ActivationBeforeLogitsLoss);
        wrong(&Pairing { activations: Some(&[]), ..asked(false) }, Rule::NotProbabilities);
    }

    fn of_four(activations: &[Activation], loss: Loss, target: TargetForm) -> Pairing<'_> {
        Pairing::new(4, activations, loss, target)
    }

    #[test]
    fn other_faults_that_users_ask_about() {
        let categorical = Loss::CategoricalOnProbabilities;
        wrong(&of_four(&[Sigmoid], categorical, OneHot), Rule::SigmoidWithCategoricalLoss);
        wrong(&of_four(&[Softmax], categorical, Index), Rule::SparseOrCategorical);
        wrong(&of_four(&[Softmax], Loss::SparseOnProbabilities, OneHot), Rule::SparseOrCategorical);
        wrong(&of_four(&[], Loss::CrossEntropy, MultiHot), Rule::SoftmaxOnSeveralLabels);
        wrong(&of_four(&[Softmax], Loss::BinaryOnProbabilities, MultiHot), Rule::SoftmaxOnSeveralLabels);
        wrong(&of_four(&[Relu], Loss::CrossEntropy, Index), Rule::HiddenActivationAtHead);
        wrong(&of_four(&[], Loss::Squared, Index), Rule::TargetDoesNotFitLoss);
        wrong(&of_four(&[], Loss::BinaryCrossEntropy, Index), Rule::TargetDoesNotFitLoss);
        wrong(&Pairing::new(1, &[], Loss::BinaryCrossEntropy, MultiHot), Rule::UnitsDoNotMatchClasses);
    }

    #[test]
    fn what_trains_and_is_likely_not_meant() {
        let warned = |pairing, rule| expect(&pairing, Level::Warning, Some(rule));
        let binary = Loss::BinaryOnProbabilities;
        warned(of_four(&[], Loss::BinaryCrossEntropy, OneHot), Rule::BinaryLossOnExclusiveClasses);
        warned(of_four(&[Softmax], binary, OneHot), Rule::SoftmaxWithBinaryLoss);
        warned(of_four(&[Softmax], Loss::Squared, OneHot), Rule::RegressionLossOnClasses);
        warned(of_four(&[LeakyRelu], Loss::CrossEntropy, Index), Rule::HiddenActivationAtHead);
        warned(of_four(&[Relu, Softmax], Loss::SparseOnProbabilities, Index), Rule::StackedActivations);
        warned(of_four(&[Activation::HardSigmoid], binary, MultiHot), Rule::FlatOrSaturatedLogits);
    }

    #[test]
    fn log_softmax_before_cross_entropy_does_no_harm() {
        let harmless = of_four(&[LogSoftmax], Loss::CrossEntropy, Index);
        expect(&harmless, Level::Advice, Some(Rule::ActivationBeforeLogitsLoss));
    }

    #[test]
    fn a_bounded_output_is_right_only_for_targets_known_to_lie_within() {
        let picture = Pairing::new(784, &[Sigmoid], Loss::Squared, Real);
        right(&picture.with_target_range(Range::UNIT));
        wrong(&picture.with_target_range(Range::new(0.0, 255.0).unwrap()), Rule::TargetBeyondOutput);
        let verdict = expect(&picture, Level::Unknown, None);
        assert_eq!(verdict.unknown, [Part::TargetRange]);
        assert_eq!(verdict.reason, "Not known, and so not judged: the range of the targets.");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let nothing = expect(&Pairing::default(), Level::Unknown, None);
        assert_eq!(nothing.unknown, [Part::Units, Part::Activation, Part::Loss, Part::Target]);
        let layer = Pairing { activations: Some(&[]), loss: Some(Loss::CrossEntropy), ..Pairing::default() };
        let verdict = expect(&layer, Level::Unknown, None);
        assert_eq!(
            verdict.reason,
            "The raw outputs are the logits that cross entropy (`CrossEntropyLoss`) expects: it applies its \
             own softmax, exactly and without overflow. Not known, and so not judged: the number of units, \
             the form of the targets."
        );
    }

    #[test]
    fn a_finding_comes_of_a_fault_alone() {
        let fault = judge(&Pairing::new(1, &[Softmax], Loss::CrossEntropy, Index));
        let finding = fault.clone().finding("`nn.Softmax` over one unit").unwrap();
        assert_eq!((finding.rule(), finding.level), (Some(Rule::SoftmaxOverOneUnit), Level::Error));
        assert_eq!((finding.reason, Some(finding.fix)), (fault.reason, fault.fix));
        assert_eq!(judge(&Pairing::new(3, &[], Loss::CrossEntropy, Index)).finding(""), None);
    }

    #[test]
    fn model_files() {
        let judged = |units, activations: Option<&[Activation]>| {
            let verdict = judge_model_file(units, activations);
            (verdict.level, verdict.rule)
        };
        assert_eq!(judged(Some(10), Some(&[])), (Level::Fine, None));
        assert_eq!(judged(Some(10), Some(&[Sigmoid])), (Level::Advice, Some(Rule::ProbabilitiesBakedIn)));
        assert_eq!(judged(None, Some(&[Softmax])), (Level::Advice, Some(Rule::ProbabilitiesBakedIn)));
        assert_eq!(judged(Some(1), Some(&[Softmax])), (Level::Error, Some(Rule::SoftmaxOverOneUnit)));
        assert_eq!(judged(Some(9), Some(&[Softmax, Softmax])), (Level::Error, Some(Rule::NormalisedTwice)));
        assert_eq!(judged(Some(9), Some(&[Relu, Softmax])), (Level::Warning, Some(Rule::StackedActivations)));
        assert_eq!(judged(Some(9), Some(&[Relu])), (Level::Unknown, None));
        assert_eq!(judge_model_file(None, None).unknown, [Part::Units, Part::Activation]);
    }

    /// No activation, each one, and pairs of those that differ in kind.
    fn chains() -> Vec<Vec<Activation>> {
        let pairs = [Softmax, LogSoftmax, Sigmoid, LogSigmoid, Tanh, Relu, LeakyRelu];
        let pairs = pairs.iter().flat_map(|&before| pairs.iter().map(move |&last| vec![before, last]));
        Activation::ALL.iter().map(|&one| vec![one]).chain(pairs).collect()
    }

    fn ranges() -> [Range; 3] {
        [Range::UNIT, Range::new(GRADES.0, GRADES.1).unwrap(), Range::new(-1.0, 1.0).unwrap()]
    }

    /// Every pairing of which all is known, of the given chains of activations.
    fn all_known(chains: &[Vec<Activation>]) -> impl Iterator<Item = Pairing<'_>> {
        chains.iter().flat_map(|chain| {
            [1, 2].into_iter().flat_map(move |units| {
                Loss::ALL.iter().flat_map(move |&loss| {
                    TargetForm::ALL.iter().flat_map(move |&target| {
                        ranges()
                            .map(|range| Pairing::new(units, chain, loss, target).with_target_range(range))
                    })
                })
            })
        })
    }

    fn row(table: &'static [Row], pairing: &Pairing) -> &'static Row {
        match decide(table, pairing.known()) {
            Decision::Row(row) => row,
            Decision::Open(_) => panic!("no row speaks of {pairing:?}"),
        }
    }

    #[test]
    fn every_known_pairing_has_a_row_and_every_row_a_pairing() {
        let mut reached = vec![false; PAIRINGS.len()];
        let mut of_files = vec![false; MODEL_FILES.len()];
        for pairing in all_known(&chains()) {
            for (table, reached) in [(PAIRINGS, &mut reached), (MODEL_FILES, &mut of_files)] {
                let row = row(table, &pairing);
                let place = table.iter().position(|other| std::ptr::eq(other, row)).unwrap();
                reached[place] = true;
            }
        }
        for (row, reached) in PAIRINGS.iter().zip(reached).chain(MODEL_FILES.iter().zip(of_files)) {
            assert!(reached, "no pairing comes to this row: {}", row.reason);
        }
    }

    /// What a loss may be given, written without the table.
    fn agree(activations: &[Activation], loss: Loss) -> bool {
        let last = activations[0];
        match loss {
            _ if activations.len() > 1 => false,
            Loss::NllOnLogProbabilities | Loss::KlOnLogProbabilities => last == LogSoftmax,
            Loss::BinaryOnProbabilities | Loss::BinaryFocalOnProbabilities => last == Sigmoid,
            Loss::CategoricalOnProbabilities
            | Loss::SparseOnProbabilities
            | Loss::KlOnProbabilities
            | Loss::FocalOnProbabilities => last == Softmax,
            Loss::DiceOnProbabilities | Loss::TverskyOnProbabilities | Loss::JaccardOnProbabilities => {
                matches!(last, Softmax | Sigmoid)
            }
            Loss::Squared | Loss::Absolute | Loss::Huber | Loss::GaussianNll | Loss::Quantile => {
                !matches!(last, Softmax | LogSoftmax)
            }
            _ => last == Linear,
        }
    }

    #[test]
    fn nothing_is_fine_that_gives_the_loss_what_it_does_not_expect() {
        let mut approved = 0;
        for pairing in all_known(&chains()) {
            let fine = row(PAIRINGS, &pairing).level == Level::Fine;
            let (activations, loss) = (pairing.activations.unwrap(), pairing.loss.unwrap());
            assert!(!fine || agree(activations, loss), "{pairing:?}");
            approved += usize::from(fine);
        }
        assert!(approved > 0);
    }

    #[test]
    fn every_head_is_right_with_each_of_its_losses_and_targets() {
        for &answer in crate::Answer::ALL {
            let head = answer.facts();
            for loss in head.losses() {
                for &target in head.target_forms {
                    let units = if answer == crate::Answer::YesNo { 1 } else { 5 };
                    right(&Pairing::new(units, &[], loss, target));
                }
            }
        }
    }

    /// The pairing without the parts that the bits of `mask` name.
    fn hidden<'a>(pairing: &Pairing<'a>, mask: u8) -> Pairing<'a> {
        let hides = |bit: u8| mask & (1 << bit) != 0;
        Pairing {
            units: pairing.units.filter(|_| !hides(0)),
            activations: pairing.activations.filter(|_| !hides(1)),
            loss: pairing.loss.filter(|_| !hides(2)),
            target: pairing.target.filter(|_| !hides(3)),
            target_range: pairing.target_range.filter(|_| !hides(4)),
        }
    }

    #[test]
    fn a_part_more_known_never_takes_a_fault_or_an_approval_back() {
        let singles: Vec<_> = Activation::ALL.iter().map(|&one| vec![one]).collect();
        for pairing in all_known(&singles) {
            let level = row(PAIRINGS, &pairing).level;
            for mask in 1..32 {
                let hidden = hidden(&pairing, mask);
                let Decision::Row(row) = decide(PAIRINGS, hidden.known()) else { continue };
                let kept = if row.level == Level::Fine { level == Level::Fine } else { level >= row.level };
                assert!(kept, "{level} {pairing:?}\n{} {hidden:?}", row.level);
            }
        }
    }

    #[test]
    fn texts_name_only_parts_that_are_known() {
        for pairing in all_known(&[vec![Linear], vec![Softmax], vec![Sigmoid], vec![Relu, Softmax]]) {
            for mask in 0..32 {
                let hidden = hidden(&pairing, mask);
                let (Decision::Row(row) | Decision::Open(Some(row))) = decide(PAIRINGS, hidden.known())
                else {
                    continue;
                };
                let texts = [row.reason, row.fix].concat();
                for (placeholders, known) in [
                    (&["{activation}", "{before}"][..], hidden.activations.is_some()),
                    (&["{loss}", "{own}", "{wanted}", "{accepted}"], hidden.loss.is_some()),
                    (&["{target}"], hidden.target.is_some()),
                    (&["{target_range}", "{reach}"], hidden.target_range.is_some()),
                ] {
                    let named = placeholders.iter().any(|placeholder| texts.contains(placeholder));
                    assert!(known || !named, "{hidden:?}: {texts}");
                }
                let filled = [fill(&hidden, row.reason), fill(&hidden, row.fix)].concat();
                assert!(!filled.contains(['{', '}']), "{filled}");
            }
        }
    }

    /// For each loss and the activations that heads end in: the targets that are right.
    #[test]
    fn the_table_of_what_is_right() {
        let mut lines = Vec::new();
        for &loss in Loss::ALL {
            lines.push(loss.label());
            for &last in &[Linear, Softmax, LogSoftmax, Sigmoid, Tanh, Relu] {
                let is_right = |units, target: &TargetForm| {
                    let activations = [last];
                    let pairing = Pairing::new(units, &activations, loss, *target);
                    row(PAIRINGS, &pairing.with_target_range(Range::UNIT)).level == Level::Fine
                };
                for (units, count) in [("1", 1), ("K", 2)] {
                    let targets = TargetForm::ALL.iter().filter(|target| is_right(count, target));
                    let names: Vec<_> = targets.map(|target| target.name()).collect();
                    if !names.is_empty() {
                        lines.push(format!("  {units} {last}: {}", names.join(", ")));
                    }
                }
            }
        }
        insta::assert_snapshot!(lines.join("\n"));
    }
}
