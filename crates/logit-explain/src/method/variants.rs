//! A batch's inputs, changed again and again: the network is run at several at a time, and never at more than a few rows.

use crate::array::Array;
use crate::error::ExplainError;
use crate::explainer::Explainer;
use crate::network::{Network, Pass};
use crate::number::Number;
use crate::target::Target;

/// Samples that go through the network at a time; a batch of more goes through as it is.
const ROWS: usize = 64;

/// A batch and what of it is explained.
pub(crate) struct Asked<'a, T> {
    pub(crate) network: &'a Network<T>,
    pub(crate) inputs: Vec<&'a Array<T>>,
    /// Whether each input may be changed: numbers of rows may not.
    pub(crate) changed: Vec<bool>,
    pub(crate) targets: &'a [Target],
    /// The values that are explained, per sample.
    pub(crate) values: Vec<f64>,
    at_a_time: usize,
}

impl<'a, T: Number> Asked<'a, T> {
    /// What a pass was run at.
    pub(crate) fn new(
        network: &'a Network<T>,
        pass: &'a Pass<T>,
        targets: &'a [Target],
    ) -> Result<Self, ExplainError> {
        let logits = network.logits_of(pass)?;
        let values = Target::values(targets, logits)?;
        let missing = |name: &str| ExplainError::Network(format!("the pass has no input `{name}`"));
        let inputs =
            network.inputs().iter().map(|(name, value)| pass.value(*value).ok_or_else(|| missing(name)));
        let inputs: Vec<&Array<T>> = inputs.collect::<Result<_, _>>()?;
        // Inputs that are not rows of samples, as vectors that samples name, cannot be put one after the other.
        let stacked = !values.is_empty() && inputs.iter().all(|input| input.rows() == values.len());
        let at_a_time = if stacked { (ROWS / values.len()).max(1) } else { 1 };
        let changed = network.row_numbers().into_iter().map(|rows| !rows).collect();
        Ok(Self { network, inputs, changed, targets, values, at_a_time })
    }

    /// Runs the network at variants of the batch: `change` has the number of the variant and of the input, and the input.
    /// `visit` has the first variant of those that went through together, how many they are, their pass and their targets.
    fn each(
        &self,
        variants: usize,
        change: impl Fn(usize, usize, &mut Array<T>),
        mut visit: impl FnMut(usize, usize, &Pass<T>, &[Target]) -> Result<(), ExplainError>,
    ) -> Result<(), ExplainError> {
        for first in (0..variants).step_by(self.at_a_time) {
            let count = self.at_a_time.min(variants - first);
            let stack = |(number, input): (usize, &&Array<T>)| {
                let mut numbers = Vec::with_capacity(input.numbers.len() * count);
                for variant in first..first + count {
                    let mut changed = (*input).clone();
                    if self.changed[number] {
                        change(variant, number, &mut changed);
                    }
                    numbers.append(&mut changed.numbers);
                }
                let mut shape = input.shape.clone();
                if let Some(rows) = shape.first_mut() {
                    *rows *= count;
                }
                Array::new(shape, numbers)
            };
            let inputs: Vec<Array<T>> = self.inputs.iter().enumerate().map(stack).collect();
            let targets: Vec<Target> = match self.targets {
                [one] => vec![one.clone()],
                many => many.iter().cycle().take(many.len() * count).cloned().collect(),
            };
            visit(first, count, &self.network.run(&inputs)?, &targets)?;
        }
        Ok(())
    }

    /// The values of variants, per sample of each.
    pub(crate) fn each_value(
        &self,
        variants: usize,
        change: impl Fn(usize, usize, &mut Array<T>),
        mut visit: impl FnMut(usize, &[f64]),
    ) -> Result<(), ExplainError> {
        self.each(variants, change, |first, _, pass, targets| {
            let values = Target::values(targets, self.network.logits_of(pass)?)?;
            let samples = self.values.len().max(1);
            values.chunks(samples).enumerate().for_each(|(at, values)| visit(first + at, values));
            Ok(())
        })
    }

    /// The mean of the gradients at variants, for each input.
    pub(crate) fn mean_gradient(
        &self,
        explainer: &Explainer<T>,
        variants: usize,
        change: impl Fn(usize, usize, &mut Array<T>),
    ) -> Result<Vec<Array<T>>, ExplainError> {
        let mut means: Vec<Array<T>> =
            self.inputs.iter().map(|input| Array::zeros(input.shape.clone())).collect();
        let share = T::one() / T::of(variants as f64);
        self.each(variants, change, |_, _, pass, targets| {
            let gradients = explainer.explain(pass, targets, &[])?.inputs;
            let inputs = means.iter_mut().zip(&self.changed).zip(gradients);
            for ((mean, _), (_, gradient)) in inputs.filter(|((_, changed), _)| **changed) {
                let len = mean.numbers.len().max(1);
                for gradient in gradient.numbers.chunks_exact(len) {
                    mean.numbers.iter_mut().zip(gradient).for_each(|(mean, g)| *mean += *g * share);
                }
            }
            Ok(())
        })?;
        Ok(means)
    }
}
