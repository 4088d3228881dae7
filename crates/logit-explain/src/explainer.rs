//! The way from the output back to the inputs.

use logit_spec::{At, Fault, Finding, Level};
use serde::Serialize;

use crate::account::{Account, StepAccount};
use crate::array::Array;
use crate::composite::Composite;
use crate::error::ExplainError;
use crate::network::{Network, Node, Pass, finite};
use crate::number::Number;
use crate::op::{ActivationWay, Back, Op, SumWay, back};
use crate::relevance::Prepared;
use crate::rule::Rule;
use crate::target::Target;

/// A network, the rules of its steps, and all of them that does not depend on an input, computed once.
///
/// ```
/// use std::sync::Arc;
///
/// use logit_explain::map::Map;
/// use logit_explain::op::Weighted;
/// use logit_explain::{Array, Composite, Explainer, Network, Node, Op, Target};
///
/// let map = Map::Dense { inputs: 2, units: 1 };
/// let op = Op::Weighted(Weighted { map, weight: Arc::new(vec![3.0, 1.0]), bias: None });
/// let node = Node { name: "value".to_owned(), op, inputs: vec![0], outputs: vec![1] };
/// let network = Network::<f64>::new(vec![node], vec![("x".to_owned(), 0)], 1)?;
///
/// // z^B: each input gets by how far it is above the lowest, times its weight.
/// let explainer = Explainer::new(network, Composite::deep_taylor(Some([0.0, 1.0])))?;
/// let x = Array::new([1, 2], vec![0.5, 0.5]);
/// let found = explainer.explain_inputs(&[x], &[Target::Logit { unit: 0 }])?;
/// assert_eq!(found.inputs[0].1.numbers, [1.5, 0.5]);
/// assert_eq!(found.account.worst_error(), 0.0);
/// # Ok::<(), logit_explain::ExplainError>(())
/// ```
pub struct Explainer<T> {
    network: Network<T>,
    composite: Composite,
    steps: Vec<Option<Ruled<T>>>,
    findings: Vec<At<Place>>,
}

/// A step with its rule.
struct Ruled<T> {
    rule: Rule,
    prepared: Option<Prepared<T>>,
}

/// Where something was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The step, or the input; none where it is of the explanation as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The sample, by its place in the batch; none where it is of all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
}

/// An explanation of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Relevances<T> {
    /// The relevance of each input of the network, of the input's shape, by name. Of numbers of rows, as categories, it is
    /// that of the row.
    pub inputs: Vec<(String, Array<T>)>,
    /// The relevance of what steps gave, for those that were asked for.
    pub layers: Vec<(String, Array<T>)>,
    /// What became of it.
    pub account: Account,
    /// What stands against the explanation.
    pub findings: Vec<At<Place>>,
}

/// Relevance that may be missing or too much of an exact decomposition, as a share.
const EXACT: f64 = 1e-4;

/// The same of rules in which biases and stabilisers keep their shares: beyond it, a map says little of what is explained.
const INEXACT: f64 = 0.5;

impl<T: Number> Explainer<T> {
    /// Prepares a composite for a network.
    ///
    /// # Errors
    /// A step has no rule, or a rule is for a step that is not there.
    pub fn new(network: Network<T>, composite: Composite) -> Result<Self, ExplainError> {
        for name in composite.named() {
            network.value_of(name)?;
            let ruled =
                |node: &Node<T>| node.name == name && matches!(node.op, Op::Weighted(_) | Op::Unknown(_));
            if !network.nodes().iter().any(ruled) {
                let reason =
                    "it has no weights of its own, so that a rule for it would change nothing".to_owned();
                return Err(ExplainError::Step { step: name.to_owned(), reason });
            }
        }
        let mut sees_input = vec![false; network.values()];
        network.inputs().iter().for_each(|(_, value)| sees_input[*value] = true);
        let mut steps = Vec::with_capacity(network.nodes().len());
        let mut findings = Vec::new();
        for node in network.nodes() {
            let first = node.inputs.iter().any(|value| sees_input[*value]);
            if first && node.op.moves() {
                node.outputs.iter().for_each(|value| sees_input[*value] = true);
            }
            let ruled = ruled(node, &composite, first)?;
            if composite.is_exact() {
                findings.extend(bias_above_zero(node));
            }
            steps.push(ruled);
        }
        Ok(Self { network, composite, steps, findings })
    }

    /// The network.
    pub fn network(&self) -> &Network<T> {
        &self.network
    }

    /// The composite.
    pub fn composite(&self) -> &Composite {
        &self.composite
    }

    /// Runs the network and explains its outputs: a target per sample, or one for all.
    ///
    /// # Errors
    /// As [`Network::run`] and [`explain`](Self::explain).
    pub fn explain_inputs(
        &self,
        inputs: &[Array<T>],
        targets: &[Target],
    ) -> Result<Relevances<T>, ExplainError> {
        self.explain(&self.network.run(inputs)?, targets, &[])
    }

    /// Explains a pass: a target per sample, or one for all. Of the steps named in `layers`, the relevance of what they gave
    /// is kept.
    ///
    /// # Errors
    /// A target that the output does not have, a step that is not there, or numbers of the pass that are not finite.
    pub fn explain(
        &self,
        pass: &Pass<T>,
        targets: &[Target],
        layers: &[&str],
    ) -> Result<Relevances<T>, ExplainError> {
        let logits = self.network.logits_of(pass)?;
        let mut start = Target::directions(targets, logits)?;
        if !self.composite.is_gradient() {
            start.change_with(logits, |direction, logit| direction * logit);
        }
        self.explain_from(pass, start, layers)
    }

    /// Explains a pass from a given relevance of the output.
    ///
    /// # Errors
    /// As [`explain`](Self::explain).
    pub fn explain_from(
        &self,
        pass: &Pass<T>,
        start: Array<T>,
        layers: &[&str],
    ) -> Result<Relevances<T>, ExplainError> {
        let layers = layers.iter().map(|name| Ok(((*name).to_owned(), self.network.value_of(name)?)));
        self.explain_values(pass, start, &layers.collect::<Result<Vec<_>, ExplainError>>()?)
    }

    /// Explains a pass, and keeps the relevance of some values by names.
    pub(crate) fn explain_values(
        &self,
        pass: &Pass<T>,
        start: Array<T>,
        layers: &[(String, usize)],
    ) -> Result<Relevances<T>, ExplainError> {
        let given = pass.value(self.network.output()).map_or(&start.shape, |logits| &logits.shape);
        if *given != start.shape || start.numbers.is_empty() {
            let what = format!("relevance of {:?} for an output of {given:?}", start.shape);
            return Err(ExplainError::Target(what));
        }
        for (name, value) in self.network.inputs() {
            if let Some(input) = pass.value(*value) {
                finite(input, &format!("number of input `{name}`"))?;
            }
        }
        let wanted: Vec<usize> = layers.iter().map(|(_, value)| *value).collect();
        let pass = self.filled(pass, &wanted)?;
        let started = start.row_sums();
        let mut walk = Walk::new(self, &pass, start);
        for (place, node) in self.network.nodes().iter().enumerate().rev() {
            walk.step(place, node)?;
        }
        let kept = |value: usize| walk.arrived[value].clone().unwrap_or_else(|| zeros_like(&pass, value));
        let inputs: Vec<_> =
            self.network.inputs().iter().map(|(name, value)| (name.clone(), kept(*value))).collect();
        let layers = layers.iter().map(|(name, value)| (name.clone(), kept(*value))).collect();
        let (arrived, lowest) = sums(&inputs, started.len());
        let account = Account { started, arrived, lowest, steps: walk.accounts };
        let findings = self.found(&account, &pass);
        Ok(Relevances { inputs, layers, account, findings })
    }

    /// The pass with the values that the way back needs, and those that are wanted, where they were never there.
    pub(crate) fn filled(&self, pass: &Pass<T>, wanted: &[usize]) -> Result<Pass<T>, ExplainError> {
        let mut pass = pass.clone();
        let nodes = self.network.nodes();
        let mut needed = vec![false; self.network.values()];
        for value in wanted {
            needed[*value] = true;
        }
        for (node, step) in nodes.iter().zip(&self.steps).rev() {
            if self.needs_outputs(node) {
                node.outputs.iter().for_each(|value| needed[*value] = true);
            }
            let missing = |value: &&usize| needed[**value] && pass.value(**value).is_none();
            let computed = node.outputs.iter().any(|value| missing(&value));
            let looked_at =
                step.is_some() || !matches!(node.op, Op::Activation(_) | Op::Identity | Op::Scale { .. });
            if computed || looked_at {
                node.inputs.iter().for_each(|value| needed[*value] = true);
            }
        }
        for node in nodes {
            if node.outputs.iter().any(|value| needed[*value] && pass.value(*value).is_none()) {
                node.compute(&mut pass)?;
            }
        }
        Ok(pass)
    }

    fn needs_outputs(&self, node: &Node<T>) -> bool {
        let ways = self.composite.ways();
        match node.op {
            Op::Activation(_) => ways.activation != ActivationWay::Pass,
            Op::Sum => matches!(ways.sum, SumWay::Share(_)),
            _ => false,
        }
    }

    /// What stands against the explanation: what was found in the network, and in this pass.
    fn found(&self, account: &Account, pass: &Pass<T>) -> Vec<At<Place>> {
        let mut findings = self.findings.clone();
        for (node, step) in self.network.nodes().iter().zip(&self.steps) {
            let bounds = step.as_ref().and_then(|ruled| ruled.rule.bounds());
            let input = node.inputs.first().and_then(|value| pass.value(*value));
            if let (Some(bounds), Some(input)) = (bounds, input) {
                findings.extend(outside(&node.name, bounds, input, account.started.len()));
            }
        }
        if self.composite.is_exact() {
            findings.extend(not_conserved(account, EXACT));
            findings.extend(negative(account));
        } else if !self.composite.is_gradient() {
            findings.extend(not_conserved(account, INEXACT));
        }
        findings
    }
}

/// The rule of a node, prepared; none where what it computes decides the way back.
fn ruled<T: Number>(
    node: &Node<T>,
    composite: &Composite,
    first: bool,
) -> Result<Option<Ruled<T>>, ExplainError> {
    let rule = composite.rule(&node.name, &node.op, first);
    match (&node.op, rule) {
        (Op::Weighted(step), Some(rule)) => {
            let prepared = (!rule.is_pass()).then(|| Prepared::new(step, rule));
            Ok(Some(Ruled { rule: rule.clone(), prepared }))
        }
        (Op::Unknown(_), Some(rule)) => Ok(Some(Ruled { rule: rule.clone(), prepared: None })),
        (Op::Weighted(_) | Op::Unknown(_), None) => Err(ExplainError::NoRule {
            step: node.name.clone(),
            kind: node.op.name().to_owned(),
            composite: format!("`{}`", composite.name()),
        }),
        _ => Ok(None),
    }
}

/// Relevance on its way.
struct Walk<'a, T> {
    explainer: &'a Explainer<T>,
    pass: &'a Pass<T>,
    arrived: Vec<Option<Array<T>>>,
    accounts: Vec<StepAccount>,
}

impl<'a, T: Number> Walk<'a, T> {
    fn new(explainer: &'a Explainer<T>, pass: &'a Pass<T>, start: Array<T>) -> Self {
        let mut arrived = vec![None; explainer.network.values()];
        arrived[explainer.network.output()] = Some(start);
        Self { explainer, pass, arrived, accounts: Vec::new() }
    }

    /// Hands what arrived at a node's outputs down to its inputs.
    fn step(&mut self, place: usize, node: &Node<T>) -> Result<(), ExplainError> {
        if node.outputs.iter().all(|value| self.arrived[*value].is_none()) {
            return Ok(());
        }
        let nothing: Vec<Array<T>> = node.outputs.iter().map(|value| zeros_like(self.pass, *value)).collect();
        let arrived: Vec<&Array<T>> = node
            .outputs
            .iter()
            .zip(&nothing)
            .map(|(value, nothing)| self.arrived[*value].as_ref().unwrap_or(nothing))
            .collect();
        let ruled = self.explainer.steps[place].as_ref();
        let handed = self.handed(node, ruled, &arrived).map_err(|reason| node.fault(reason))?;
        self.accounts.push(StepAccount {
            step: node.name.clone(),
            kind: node.op.name().to_owned(),
            rule: ruled.map(|ruled| ruled.rule.to_string()),
            arrived: arrived.iter().map(|arrived| arrived.sum()).sum(),
            handed: handed.iter().map(Array::sum).sum(),
        });
        for (value, handed) in node.inputs.iter().zip(handed) {
            if let Some(input) = self.pass.value(*value).filter(|input| input.shape != handed.shape) {
                let (found, shape) = (&handed.shape, &input.shape);
                return Err(node.fault(format!("relevance of {found:?} for an input of {shape:?}")));
            }
            match &mut self.arrived[*value] {
                Some(sum) if sum.shape != handed.shape => {
                    let (found, shape) = (&handed.shape, &sum.shape);
                    return Err(node.fault(format!("relevance of {found:?} and {shape:?} for one value")));
                }
                Some(sum) => sum.add(&handed),
                empty => *empty = Some(handed),
            }
        }
        Ok(())
    }

    fn handed(
        &self,
        node: &Node<T>,
        ruled: Option<&Ruled<T>>,
        arrived: &[&Array<T>],
    ) -> Result<Vec<Array<T>>, String> {
        let value = |value: &usize| self.pass.value(*value);
        let input = |number: usize| node.inputs.get(number).and_then(value).ok_or("a value is missing");
        match ruled {
            Some(Ruled { prepared: Some(prepared), .. }) => {
                Ok(vec![prepared.hand_down(input(0)?, arrived[0])?])
            }
            Some(Ruled { prepared: None, .. }) => {
                let x = input(0)?;
                if x.shape != arrived[0].shape {
                    let (from, to) = (&arrived[0].shape, &x.shape);
                    return Err(format!("relevance of {from:?} does not pass to inputs of {to:?}"));
                }
                Ok(vec![arrived[0].clone()])
            }
            None => {
                // Steps that pass relevance on do not look at their values, which may not be there.
                let absent = Array::default();
                let values = |numbers: &[usize]| -> Vec<&Array<T>> {
                    numbers.iter().map(|number| value(number).unwrap_or(&absent)).collect()
                };
                let (inputs, outputs) = (values(&node.inputs), values(&node.outputs));
                back(
                    &node.op,
                    self.explainer.composite.ways(),
                    &Back { inputs: &inputs, outputs: &outputs, arrived },
                )
            }
        }
    }
}

fn zeros_like<T: Number>(pass: &Pass<T>, value: usize) -> Array<T> {
    Array::zeros(pass.value(value).map_or_else(|| vec![0], |value| value.shape.clone()))
}

/// Sums and lowest numbers over all inputs, per sample where each input has a row for each.
pub(crate) fn sums<T: Number>(inputs: &[(String, Array<T>)], samples: usize) -> (Vec<f64>, Vec<f64>) {
    let by_sample = inputs.iter().all(|(_, relevance)| relevance.rows() == samples);
    let lowest = |numbers: &[T]| numbers.iter().map(|number| number.wide()).fold(f64::INFINITY, f64::min);
    if !by_sample {
        let sum = inputs.iter().map(|(_, relevance)| relevance.sum()).sum();
        let low =
            inputs.iter().map(|(_, relevance)| lowest(&relevance.numbers)).fold(f64::INFINITY, f64::min);
        return (vec![sum], vec![low]);
    }
    let mut sums = vec![0.0; samples];
    let mut lows = vec![f64::INFINITY; samples];
    for (_, relevance) in inputs {
        for (sample, sum) in relevance.row_sums().into_iter().enumerate() {
            sums[sample] += sum;
            lows[sample] = lows[sample].min(lowest(relevance.row(sample)));
        }
    }
    (sums, lows)
}

/// A warning of a step, or of all of them, in a sample, or in all of them: what, why, and what to do.
fn finding(
    step: Option<&str>,
    sample: Option<usize>,
    name: &str,
    [message, reason, fix]: [String; 3],
) -> At<Place> {
    let fault = Fault::Named(name.to_owned());
    let place = Place { step: step.map(str::to_owned), sample };
    Finding { level: Level::Warning, fault, message, reason, fix }.at(place)
}

/// Biases above 0 of a step, where exactness needs them at most 0.
fn bias_above_zero<T: Number>(node: &Node<T>) -> Option<At<Place>> {
    let Op::Weighted(step) = &node.op else { return None };
    let biases = step.bias.as_ref()?;
    let above = biases.iter().filter(|bias| **bias > T::zero()).count();
    let (unit, most) = biases.iter().enumerate().max_by(|a, b| a.1.wide().total_cmp(&b.1.wide()))?;
    (above > 0).then(|| {
        let message =
            format!("{above} of {} biases are above 0; the greatest is {:.6} of unit {unit}", biases.len(), most.wide());
        finding(
            Some(&node.name),
            None,
            "bias-above-zero",
            [
                message,
                "A unit may then be active without any input, and no root of it lies in the domain: the decomposition is \
                 not consistent there, though it stays conservative."
                    .to_owned(),
                "Hold biases at most 0 while training, or read the map as a heuristic.".to_owned(),
            ],
        )
    })
}

/// Inputs outside the box that z^B takes them to be in, sample by sample; together where they are no rows of samples.
fn outside<T: Number>(
    step: &str,
    [low, high]: [&[f64]; 2],
    input: &Array<T>,
    samples: usize,
) -> Vec<At<Place>> {
    let len = input.row_len();
    let bound = |bounds: &[f64], at: usize| bounds[at % len * bounds.len() / len];
    // What was rounded to the numbers' type is not outside.
    let is_outside = |(at, number): &(usize, &T)| {
        let (low, high, number) = (bound(low, *at), bound(high, *at), number.wide());
        number < T::of(low).wide().min(low) || number > T::of(high).wide().max(high)
    };
    let by_sample = input.rows() == samples;
    let rows = if by_sample { samples } else { 1 };
    let of_row = |(row, numbers): (usize, &[T])| {
        let count = numbers.iter().enumerate().filter(is_outside).count();
        (count > 0).then(|| outside_in(step, [low, high], numbers, count, by_sample.then_some(row)))
    };
    input.numbers.chunks((input.numbers.len() / rows.max(1)).max(1)).enumerate().filter_map(of_row).collect()
}

fn outside_in<T: Number>(
    step: &str,
    [low, high]: [&[f64]; 2],
    numbers: &[T],
    count: usize,
    sample: Option<usize>,
) -> At<Place> {
    let ends = |numbers: &mut dyn Iterator<Item = f64>| {
        numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), x| (least.min(x), most.max(x)))
    };
    let (lowest, highest) = ends(&mut numbers.iter().map(|number| number.wide()));
    let (least, most) = (ends(&mut low.iter().copied()).0, ends(&mut high.iter().copied()).1);
    let all = numbers.len();
    let texts = [
        format!(
            "{count} of {all} inputs are outside of [{least}, {most}]: they go from {lowest:.4} to {highest:.4}"
        ),
        "z^B looks for roots within the box; for inputs outside of it relevance may be negative.".to_owned(),
        "Give the box that the inputs lie in, or none: w² is for inputs without bounds.".to_owned(),
    ];
    finding(Some(step), sample, "input-outside-box", texts)
}

/// Samples of whose value a larger share than `most` was lost, or came from nowhere.
fn not_conserved(account: &Account, most: f64) -> Vec<At<Place>> {
    let lost = |step: &StepAccount| (step.arrived - step.handed).abs();
    let worst = account.steps.iter().max_by(|a, b| lost(a).total_cmp(&lost(b)));
    let where_most = worst.map_or_else(String::new, |StepAccount { step, arrived, handed, .. }| {
        format!("; of all that was explained together, most was lost in `{step}`: {arrived:.6} arrived, {handed:.6} was handed down")
    });
    let errors = account.errors();
    let by_sample = errors.len() == account.started.len();
    let of_sample = |(sample, error): (usize, &f64)| {
        (*error > most).then(|| {
            let texts = [
                format!("|ΣR − f|/|f| is {error:.2e}{where_most}"),
                "Relevance stays with biases and stabilisers, and where no input of a unit speaks for what it computed."
                    .to_owned(),
                "Read the map with that in mind, or choose a rule that conserves more.".to_owned(),
            ];
            finding(worst.map(|step| step.step.as_str()), by_sample.then_some(sample), "relevance-not-conserved", texts)
        })
    };
    errors.iter().enumerate().filter_map(of_sample).collect()
}

/// Samples whose relevance is negative.
fn negative(account: &Account) -> Vec<At<Place>> {
    let by_sample = account.lowest.len() == account.started.len();
    let of_sample = |(sample, lowest): (usize, &f64)| {
        let started = if by_sample { account.started[sample] } else { account.started.iter().sum() };
        let message = if started < 0.0 {
            format!("what is explained is negative, {started:.6}, and so is its relevance")
        } else if *lowest < -EXACT * started {
            format!("the lowest relevance is {lowest:.6}")
        } else {
            return None;
        };
        let reason = "Deep Taylor decomposition explains positive values, by relevance that is at least 0.";
        let fix = "Explain a class that the network speaks for, or use a composite with signs.";
        let texts = [message, reason.to_owned(), fix.to_owned()];
        Some(finding(None, by_sample.then_some(sample), "relevance-negative", texts))
    };
    account.lowest.iter().enumerate().filter_map(of_sample).collect()
}
