//! Cross entropy of a head on features, without ever holding all logits.

use burn::tensor::{Int, Tensor};
use logit_kernels::buffer;
use logit_kernels::loss::{CrossEntropy, LinearCrossEntropy, LinearGradient, Scales, Shape};

use super::cross_entropy::CrossEntropyLoss;
use super::plumbing::{Checked, Loss, LossOn};
use crate::error::LossError;
use crate::head::Head;
use crate::kind::{Classes, Kind};
use crate::ops::array::{Array, IndexArray};
use crate::ops::operation::{Input, Operation, fits_with, run};

/// Bytes of logits that are held at a time.
const LOGITS_AT_A_TIME: usize = 32 * 1024 * 1024;

impl CrossEntropyLoss {
    /// The loss of a head on features: `self.forward(head.forward(features), targets)`, without holding all logits.
    ///
    /// With many classes the logits and their gradient are most of a step's memory. Here 32 MiB of logits at a time, some
    /// rows of the batch, are computed, turned into their gradient and added to the gradients of features, weight and
    /// bias. On backends other than the CPU, and for other types than f32, it is the two calls.
    ///
    /// # Shapes
    /// - features: `[N, F]`, F the head's features
    /// - targets: class indices `[N]`
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    ///
    /// # Panics
    /// The features are not as many as the head takes.
    ///
    /// # Examples
    /// ```
    /// use burn::tensor::{Device, Distribution, Int, Tensor};
    /// use logit::{Classes, HeadConfig, loss::CrossEntropyLoss};
    ///
    /// let device = Device::flex().autodiff();
    /// let head = HeadConfig::new(16, Classes::new(1000)).init(&device)?;
    /// let features = Tensor::<2>::random([8, 16], Distribution::Default, &device);
    /// let targets = Tensor::<1, Int>::from_ints([0, 1, 2, 3, 4, 5, 6, 999], &device);
    /// let loss = CrossEntropyLoss::new();
    /// let at_once = loss.forward(head.forward(features.clone()), targets.clone())?;
    /// let by_parts = loss.forward_linear(&head, features, targets)?;
    /// let difference = at_once.value.into_scalar::<f32>() - by_parts.value.clone().into_scalar::<f32>();
    /// assert!(difference.abs() < 1e-5);
    /// assert!(head.weight.grad(&by_parts.backward()).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn forward_linear(
        &self,
        head: &Head<Classes>,
        features: Tensor<2>,
        targets: Tensor<1, Int>,
    ) -> Result<Loss, LossError> {
        let (weight, bias) = (head.weight.val(), head.bias.val());
        if !fits_with(&features, &weight) {
            return self.forward(head.forward(features), targets);
        }
        let classes = head.kind().units();
        self.check(classes)?;
        let [rows, inputs] = features.dims();
        assert_eq!(inputs, weight.dims()[0], "features, and those that the head takes");
        let checked = self.check_index(targets.unsqueeze_dim::<2>(1), [rows, classes])?;
        let Checked { targets, counted, denominator } = checked;
        let [surprise, z] = [denominator, counted as f64].map(|by| self.reduction().factor(by) as f32);
        let operation = LinearKernel {
            options: self.kernel_options(Shape { outer: rows, units: classes, inner: 1 }),
            weight: self.kernel_weight(),
            index: targets.host,
            ignore_index: targets.ignore_index,
            scales: Scales { surprise, z },
        };
        let value = run(operation, [Input::new(features), Input::new(weight), Input::new(bias)]);
        Ok(Loss { value, counted, finding: self.reduction().finding(counted, denominator) })
    }
}

/// A linear layer and cross entropy; its inputs are the features, the weight and the bias.
#[derive(Clone, Debug)]
struct LinearKernel {
    options: CrossEntropy<'static>,
    /// Of the classes.
    weight: Option<Vec<f32>>,
    index: IndexArray,
    ignore_index: Option<i64>,
    scales: Scales,
}

impl LinearKernel {
    fn loss(&self, [features, weight, bias]: [&Array; 3], gradient: Option<LinearGradient<'_>>) -> Array {
        let [rows, inputs] = features.shape();
        let kernel = LinearCrossEntropy {
            rows,
            features: inputs,
            weight: weight.numbers(),
            transposed: false,
            bias: Some(bias.numbers()),
            loss: CrossEntropy { weight: self.weight.as_deref(), ..self.options },
            memory: LOGITS_AT_A_TIME,
        };
        let sums =
            kernel.run(features.numbers(), self.index.numbers(), self.ignore_index, self.scales, gradient);
        let loss = sums.surprise * f64::from(self.scales.surprise) + sums.z * f64::from(self.scales.z);
        Array::new(vec![loss as f32], &[1])
    }
}

impl Operation<3> for LinearKernel {
    /// The gradients of the inputs.
    type Saved = [Array; 3];

    fn forward(&self, inputs: [Array; 3]) -> (Array, Self::Saved) {
        let mut gradients = inputs.each_ref().map(|input| buffer::take(input.len()));
        let [x, weight, bias] = &mut gradients;
        let loss = self.loss(inputs.each_ref(), Some(LinearGradient { x, weight, bias: Some(bias) }));
        let mut dims = inputs.iter().map(Array::dims);
        (loss, gradients.map(|numbers| Array::new(numbers, dims.next().unwrap_or_default())))
    }

    fn infer(&self, inputs: [Array; 3]) -> Array {
        self.loss(inputs.each_ref(), None)
    }

    fn backward(&self, gradients: Self::Saved, upstream: Array, wanted: [bool; 3]) -> [Option<Array>; 3] {
        let factor = upstream.numbers()[0];
        let mut wanted = wanted.into_iter();
        gradients.map(|gradient| wanted.next().unwrap_or_default().then(|| gradient.times(factor)))
    }
}
