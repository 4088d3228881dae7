//! Losses, forward and backward, on logits that are given.

use std::collections::BTreeMap;

use burn::module::Param;
use burn::tensor::{Device, Tensor};
use logit::loss::{BinaryCrossEntropyLoss, CrossEntropyLoss, Loss};
use logit::{Classes, HeadConfig, Labels, Logits};

use crate::case::{Case, Failure};
use crate::data::{indices, sparse_ones, uniform};

/// How far the logits reach: a softmax over them is neither flat nor settled.
const SCALE: f32 = 4.0;

/// Rows by classes, as a classifier over a thousand classes has them.
pub(crate) fn cross_entropy() -> Box<dyn Case> {
    let device = Device::flex().autodiff();
    let (rows, classes) = (65_536, 1_000);
    let targets = indices(2, [rows], classes, &device);
    let logits = uniform(1, [rows, classes as usize], SCALE, &device);
    Gradients::of([logits], move |[logits]| {
        let logits = Logits::new(logits, Classes::new(classes as usize))?;
        Ok(CrossEntropyLoss::new().forward(logits, targets.clone())?)
    })
}

/// A class for every pixel.
pub(crate) fn per_pixel() -> Box<dyn Case> {
    let device = Device::flex().autodiff();
    let (images, classes, side) = (8, 5, 256);
    let targets = indices(2, [images, side, side], classes, &device);
    let logits = uniform(1, [images, classes as usize, side, side], SCALE, &device);
    Gradients::of([logits], move |[logits]| {
        let logits = Logits::new(logits, Classes::new(classes as usize))?;
        Ok(CrossEntropyLoss::new().forward(logits, targets.clone())?)
    })
}

/// Many labels, each rare and its positives weighted up.
pub(crate) fn multi_label() -> Box<dyn Case> {
    let device = Device::flex().autodiff();
    let (rows, labels) = (4_096, 1_000);
    let targets = sparse_ones(2, [rows, labels], 20, &device);
    let pos_weight: Vec<f64> = (0..labels).map(|label| 1.0 + (label % 16) as f64).collect();
    let loss = BinaryCrossEntropyLoss::new().with_pos_weight(pos_weight);
    let logits = uniform(1, [rows, labels], SCALE, &device);
    Gradients::of([logits], move |[logits]| {
        Ok(loss.forward(Logits::new(logits, Labels::new(labels))?, targets.clone())?)
    })
}

/// The head of a language model: features, a matrix, cross entropy over a vocabulary.
pub(crate) fn linear_cross_entropy() -> Box<dyn Case> {
    let device = Device::flex().autodiff();
    let (rows, features, classes) = (2_048, 512, 32_768);
    let targets = indices(3, [rows], classes, &device);
    let inputs = uniform(1, [rows, features], 1.0, &device);
    let weight = uniform(2, [features, classes as usize], 0.1, &device);
    let head = HeadConfig::new(features, Classes::new(classes as usize)).init(&device);
    let bias = Param::from_tensor(Tensor::zeros([classes as usize], &device));
    Gradients::of([inputs, weight], move |[inputs, weight]| {
        let mut head = head.clone()?;
        head.weight = Param::initialized(head.weight.id, weight);
        head.bias = bias.clone();
        Ok(CrossEntropyLoss::new().forward_linear(&head, inputs, targets.clone())?)
    })
}

type Forward<const D: usize, const N: usize> = Box<dyn Fn([Tensor<D>; N]) -> Result<Loss, Failure>>;

/// A loss and its gradients for `N` inputs.
struct Gradients<const D: usize, const N: usize> {
    inputs: [Tensor<D>; N],
    forward: Forward<D, N>,
}

impl<const D: usize, const N: usize> Gradients<D, N> {
    fn of(
        inputs: [Tensor<D>; N],
        forward: impl Fn([Tensor<D>; N]) -> Result<Loss, Failure> + 'static,
    ) -> Box<dyn Case> {
        Box::new(Self { inputs: inputs.map(Tensor::require_grad), forward: Box::new(forward) })
    }
}

impl<const D: usize, const N: usize> Case for Gradients<D, N> {
    fn step(&mut self) -> Result<(), Failure> {
        (self.forward)(self.inputs.clone())?.backward();
        Ok(())
    }

    fn agreed(&mut self) -> Result<BTreeMap<&'static str, f64>, Failure> {
        let loss = (self.forward)(self.inputs.clone())?;
        let gradients = loss.backward();
        let mut squares = 0.0;
        for input in &self.inputs {
            let gradient = input.grad(&gradients).ok_or("an input got no gradient")?;
            let numbers = gradient.try_into_vec_as::<f32>()?;
            squares += numbers.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>();
        }
        let value = loss.value.try_into_scalar::<f64>()?;
        Ok(BTreeMap::from([("loss", value), ("gradient norm", squares.sqrt())]))
    }
}
