//! The tape: what a forward pass computed on its way, as it computed it.
//!
//! A callback that calls `predict` sees another pass: in inference mode, after the update, at the price of a forward pass
//! more. A [`Tape`] is given to the training pass itself, and comes back with what that pass computed: logits,
//! probabilities, any layer's output, and on request the gradient that arrived there. It is a value that a pass returns,
//! never a hook that a framework may drop.
//!
//! A model takes part by [`Taped`]: one line a layer.
//!
//! ```
//! use burn::module::Module;
//! use burn::nn::{Linear, LinearConfig};
//! use burn::tensor::{Device, Distribution, Int, Tensor};
//! use logit::loss::CrossEntropyLoss;
//! use logit::tape::{Part, Tape, Taped, Watch};
//! use logit::{Classes, Head, HeadConfig, Logits, ops};
//!
//! #[derive(Module, Debug)]
//! struct Net {
//!     hidden: Linear,
//!     head: Head<Classes>,
//! }
//!
//! impl Taped for Net {
//!     type Input = Tensor<2>;
//!     type Output = Logits<Classes>;
//!
//!     fn forward_on(&self, x: Tensor<2>, tape: &mut Tape) -> Logits<Classes> {
//!         let x = tape.layer("hidden", ops::linear_relu(&self.hidden, x));
//!         tape.head(self.head.forward(x))
//!     }
//! }
//!
//! let device = Device::flex().autodiff();
//! let net = Net {
//!     hidden: LinearConfig::new(4, 8).init(&device),
//!     head: HeadConfig::new(8, Classes::new(3)).init(&device)?,
//! };
//! let x = Tensor::random([16, 4], Distribution::Default, &device);
//! let targets = Tensor::<1, Int>::zeros([16], &device);
//!
//! let watch = Watch::new()
//!     .outputs("probabilities", Part::First(2))
//!     .outputs("hidden", Part::Statistics)
//!     .gradients("hidden", Part::Statistics);
//! let (logits, mut tape) = net.forward_taped(x, &watch);
//! let loss = CrossEntropyLoss::new().forward(logits, targets)?;
//! let _gradients = tape.backward(loss.value); // for the optimiser
//!
//! let softmax = tape.output("probabilities").unwrap();
//! assert_eq!(softmax.shape, [16, 3]);
//! assert_eq!(softmax.numbers().unwrap().len(), 2 * 3); // of the first two samples
//! assert!(tape.output("hidden").unwrap().statistics().unwrap().low >= 0.0); // after a ReLU
//! assert!(tape.gradient("hidden").unwrap().statistics().unwrap().deviation > 0.0);
//! assert!(tape.loss().unwrap() > 0.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod watch;

use burn::tensor::{Gradients, Tensor};

pub use logit_kernels::statistics::Statistics;
pub use watch::{Part, Side, Watch};

use crate::kind::Kind;
use crate::logits::Logits;
use crate::ops::operation::{array_of, fits};

/// A network whose forward pass can be given a tape.
///
/// Its author writes [`forward_on`](Self::forward_on), with a line a layer, and gets both other passes, which compute the
/// same.
pub trait Taped {
    /// What a pass takes.
    type Input;
    /// What it gives.
    type Output;

    /// The forward pass, told to a tape as it goes.
    fn forward_on(&self, input: Self::Input, tape: &mut Tape) -> Self::Output;

    /// The forward pass alone.
    fn forward(&self, input: Self::Input) -> Self::Output {
        self.forward_on(input, &mut Tape::off())
    }

    /// The forward pass, and what of it was to be recorded.
    fn forward_taped(&self, input: Self::Input, watch: &Watch) -> (Self::Output, Tape) {
        let mut tape = Tape::new(watch);
        let output = self.forward_on(input, &mut tape);
        (output, tape)
    }
}

/// What one forward pass computed on its way: values by name, as that pass computed them, without a way back for
/// gradients.
///
/// A tape that is off costs a comparison a layer.
#[derive(Debug, Default)]
pub struct Tape {
    watch: Option<Watch>,
    recorded: Vec<Recorded>,
    arrivals: Vec<Box<dyn Arrival>>,
    loss: Option<f64>,
    bytes: usize,
    left_out: usize,
}

/// A value on a tape.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The name that the model gives it.
    pub name: String,
    /// Whether it is what a layer gave, or the gradient that arrived there.
    pub side: Side,
    /// The shape of the whole value, the batch axis first.
    pub shape: Vec<usize>,
    /// What was recorded of it.
    pub content: Content,
}

/// What was recorded of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Rows along the batch axis, one after the other, and which they are.
    Rows {
        /// Their places in the batch.
        rows: Vec<usize>,
        /// Their numbers.
        numbers: Vec<f32>,
    },
    /// Statistics of all numbers.
    Statistics(Statistics),
}

impl Recorded {
    /// The numbers, where they were recorded.
    pub fn numbers(&self) -> Option<&[f32]> {
        match &self.content {
            Content::Rows { numbers, .. } => Some(numbers),
            Content::Statistics(_) => None,
        }
    }

    /// The statistics, where they were recorded.
    pub fn statistics(&self) -> Option<&Statistics> {
        match &self.content {
            Content::Rows { .. } => None,
            Content::Statistics(statistics) => Some(statistics),
        }
    }
}

impl Tape {
    /// A tape that records nothing.
    pub fn off() -> Self {
        Self::default()
    }

    /// A tape that records what is watched.
    pub fn new(watch: &Watch) -> Self {
        Self { watch: Some(watch.clone()), ..Self::default() }
    }

    /// Whether anything may be recorded.
    pub fn is_on(&self) -> bool {
        self.watch.is_some()
    }

    /// Records a layer's output, the batch axis first, and gives it back to go on with.
    pub fn layer<const D: usize>(&mut self, name: &str, output: Tensor<D>) -> Tensor<D> {
        if !self.is_on() {
            return output;
        }
        self.record(Side::Output, name, &output);
        if output.is_require_grad() || output.device().is_autodiff() {
            self.await_gradient(name, output)
        } else {
            output
        }
    }

    /// The same for one of several layers of a kind: `hidden` and 2 are recorded as `hidden2`.
    pub fn layer_at<const D: usize>(&mut self, name: &str, number: usize, output: Tensor<D>) -> Tensor<D> {
        if self.is_on() { self.layer(&format!("{name}{number}"), output) } else { output }
    }

    /// Records a head's `logits`, and as `probabilities` what they stand for, where the kind of answer has any.
    pub fn head<K: Kind, const D: usize>(&mut self, logits: Logits<K, D>) -> Logits<K, D> {
        if !self.is_on() {
            return logits;
        }
        let kind = logits.kind().clone();
        let raw = self.layer("logits", logits.into_tensor());
        if self.wants(Side::Output, "probabilities")
            && let Some(probabilities) = kind.probabilities(raw.clone().without_autodiff())
        {
            self.record(Side::Output, "probabilities", &probabilities);
        }
        Logits::of_checked(raw, kind)
    }

    /// The gradients of a loss, as `loss.backward()` gives them; records the loss, and the gradients that were watched.
    pub fn backward(&mut self, loss: Tensor<1>) -> Gradients {
        if self.is_on() {
            self.loss = loss.clone().try_into_scalar::<f64>().ok();
        }
        let gradients = loss.backward();
        for arrival in std::mem::take(&mut self.arrivals) {
            arrival.record(&gradients, self);
        }
        gradients
    }

    /// The loss that the pass ended in.
    pub fn loss(&self) -> Option<f64> {
        self.loss
    }

    /// All that was recorded, in the order in which it was computed.
    pub fn recorded(&self) -> &[Recorded] {
        &self.recorded
    }

    /// What was recorded first of a layer's output.
    pub fn output(&self, name: &str) -> Option<&Recorded> {
        self.recorded.iter().find(|value| value.side == Side::Output && value.name == name)
    }

    /// What was recorded first of the gradient that arrived at a layer's output.
    pub fn gradient(&self, name: &str) -> Option<&Recorded> {
        self.recorded.iter().find(|value| value.side == Side::Gradient && value.name == name)
    }

    /// How many values were left out, because they did not fit the budget or could not be read.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    fn wants(&self, side: Side, name: &str) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.wanted(side, name).next().is_some())
    }

    fn record<const D: usize>(&mut self, side: Side, name: &str, value: &Tensor<D>) {
        let Some(watch) = &self.watch else { return };
        let parts: Vec<Part> = watch.wanted(side, name).cloned().collect();
        let most = watch.most_bytes();
        for part in parts {
            let shape = value.dims().to_vec();
            match content(value, &part) {
                Some(content) if self.bytes + content.bytes() <= most => {
                    self.bytes += content.bytes();
                    self.recorded.push(Recorded { name: name.to_owned(), side, shape, content });
                }
                _ => self.left_out += 1,
            }
        }
    }

    /// Where a gradient is watched, adds zeros whose gradient is the one that arrives at the output.
    fn await_gradient<const D: usize>(&mut self, name: &str, output: Tensor<D>) -> Tensor<D> {
        if !self.wants(Side::Gradient, name) {
            return output;
        }
        let zeros = output.zeros_like().detach().require_grad();
        self.arrivals.push(Box::new(Zeros { name: name.to_owned(), zeros: zeros.clone() }));
        output + zeros
    }
}

impl Content {
    fn bytes(&self) -> usize {
        match self {
            Self::Rows { numbers, .. } => size_of_val(numbers.as_slice()),
            Self::Statistics(statistics) => {
                size_of::<Statistics>() + size_of_val(statistics.histogram.as_slice())
            }
        }
    }
}

/// A part of a value, read from its device; none where it cannot be.
fn content<const D: usize>(value: &Tensor<D>, part: &Part) -> Option<Content> {
    // Read where they lie, where that can be.
    if fits(value) {
        return Some(of_numbers(array_of(value.clone()).numbers(), value.dims()[0], part));
    }
    let data = value.clone().without_autodiff().try_into_data().ok()?.convert::<f32>();
    Some(of_numbers(data.as_slice().ok()?, value.dims()[0], part))
}

fn of_numbers(all: &[f32], batch: usize, part: &Part) -> Content {
    let rows: Vec<usize> = match part {
        Part::Statistics => return Content::Statistics(Statistics::of(all)),
        Part::Whole => (0..batch).collect(),
        Part::First(count) => (0..batch.min(*count)).collect(),
        Part::Rows(rows) => rows.iter().copied().filter(|row| *row < batch).collect(),
    };
    let each = all.len() / batch.max(1);
    let numbers = rows.iter().flat_map(|row| &all[row * each..][..each]).copied().collect();
    Content::Rows { rows, numbers }
}

/// A gradient that is there once the backward pass is done.
trait Arrival: std::fmt::Debug + Send {
    fn record(&self, gradients: &Gradients, tape: &mut Tape);
}

#[derive(Debug)]
struct Zeros<const D: usize> {
    name: String,
    zeros: Tensor<D>,
}

impl<const D: usize> Arrival for Zeros<D> {
    fn record(&self, gradients: &Gradients, tape: &mut Tape) {
        match self.zeros.grad(gradients) {
            Some(gradient) => tape.record(Side::Gradient, &self.name, &gradient),
            None => tape.left_out += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Classes;
    use crate::loss::CrossEntropyLoss;
    use crate::{Head, HeadConfig, ops};
    use burn::module::Module;
    use burn::nn::{Dropout, DropoutConfig, Linear, LinearConfig};
    use burn::tensor::{Device, Distribution, Int};
    use std::cell::Cell;

    thread_local! {
        static PASSES: Cell<usize> = const { Cell::new(0) };
    }

    #[derive(Module, Debug)]
    struct Net {
        hidden: Linear,
        dropout: Dropout,
        head: Head<Classes>,
    }

    impl Taped for Net {
        type Input = Tensor<2>;
        type Output = Logits<Classes>;

        fn forward_on(&self, x: Tensor<2>, tape: &mut Tape) -> Logits<Classes> {
            PASSES.set(PASSES.get() + 1);
            let x = tape.layer("hidden", ops::linear_relu(&self.hidden, x));
            tape.head(self.head.forward(self.dropout.forward(x)))
        }
    }

    struct Setting {
        net: Net,
        x: Tensor<2>,
        targets: Tensor<1, Int>,
    }

    fn setting() -> Setting {
        let device = Device::flex().autodiff();
        device.seed(3);
        let net = Net {
            hidden: LinearConfig::new(6, 32).init(&device),
            dropout: DropoutConfig::new(0.5).init(),
            head: HeadConfig::new(32, Classes::new(4)).init(&device).unwrap(),
        };
        let x = Tensor::random([12, 6], Distribution::Default, &device);
        let targets = Tensor::from_ints([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3], &device);
        Setting { net, x, targets }
    }

    fn mean_loss(probabilities: &[f32]) -> f64 {
        let of = |(row, p): (usize, &[f32])| -f64::from(p[row % 4]).ln();
        probabilities.chunks(4).enumerate().map(of).sum::<f64>() / 12.0
    }

    #[test]
    fn loss_and_probabilities_are_of_the_same_pass_and_there_is_just_one() {
        let Setting { net, x, targets } = setting();
        let watch = Watch::new().outputs("probabilities", Part::Whole);
        PASSES.set(0);
        let (logits, mut tape) = net.forward_taped(x.clone(), &watch);
        let loss = CrossEntropyLoss::new().forward(logits, targets).unwrap();
        tape.backward(loss.value);
        assert_eq!(PASSES.get(), 1);
        let told = mean_loss(tape.output("probabilities").unwrap().numbers().unwrap());
        assert!((told - tape.loss().unwrap()).abs() < 1e-6, "{told}, {:?}", tape.loss());
        // Another pass draws another dropout: what a callback's second pass tells is of another network.
        let (_, again) = net.forward_taped(x, &watch);
        let other = mean_loss(again.output("probabilities").unwrap().numbers().unwrap());
        assert!((other - tape.loss().unwrap()).abs() > 1e-3, "{other}");
    }

    #[test]
    fn the_tape_changes_nothing() {
        let pass = |watch: Option<Watch>| {
            let Setting { net, x, targets } = setting();
            let mut tape = watch.as_ref().map_or_else(Tape::off, Tape::new);
            let loss = CrossEntropyLoss::new().forward(net.forward_on(x, &mut tape), targets).unwrap().value;
            let gradients = tape.backward(loss.clone());
            let gradient = net.hidden.weight.grad(&gradients).unwrap();
            (loss.into_scalar::<f32>(), gradient.try_into_vec_as::<f32>().unwrap())
        };
        let plain = pass(None);
        assert_eq!(plain, pass(Some(Watch::default())));
        assert_eq!(plain, pass(Some(Watch::new().outputs("*", Part::Whole).gradients("*", Part::Whole))));
    }

    #[test]
    fn the_gradient_at_the_logits_is_the_one_of_the_formula() {
        let Setting { net, x, targets } = setting();
        let watch = Watch::new().outputs("probabilities", Part::Whole).gradients("logits", Part::Whole);
        let (logits, mut tape) = net.forward_taped(x, &watch);
        tape.backward(CrossEntropyLoss::new().forward(logits, targets).unwrap().value);
        let p = tape.output("probabilities").unwrap().numbers().unwrap();
        let gradient = tape.gradient("logits").unwrap();
        assert_eq!(gradient.shape, [12, 4]);
        for (at, (p, g)) in p.iter().zip(gradient.numbers().unwrap()).enumerate() {
            let hot = f32::from(u8::from(at / 4 % 4 == at % 4));
            assert!((g - (p - hot) / 12.0).abs() < 1e-6, "{at}: {g}, {p}");
        }
    }

    #[test]
    fn rows_are_those_asked_for() {
        let Setting { net, x, .. } = setting();
        let rows = |part: Part| {
            let (_, tape) = net
                .valid()
                .forward_taped(x.clone().without_autodiff(), &Watch::new().outputs("logits", part));
            let recorded = tape.output("logits").unwrap();
            let Content::Rows { rows, numbers } = recorded.content.clone() else { panic!("statistics") };
            (rows, numbers)
        };
        let (all, whole) = rows(Part::Whole);
        assert_eq!((all.len(), whole.len()), (12, 48));
        assert_eq!(rows(Part::First(2)), (vec![0, 1], whole[..8].to_vec()));
        assert_eq!(rows(Part::Rows(vec![3, 4])), (vec![3, 4], whole[12..20].to_vec()));
        let odd = [&whole[28..32], &whole[4..8]].concat();
        assert_eq!(rows(Part::Rows(vec![7, 1, 99])), (vec![7, 1], odd));
        assert_eq!(rows(Part::Rows(vec![50])), (vec![], vec![]));
    }

    #[test]
    fn what_does_not_fit_the_budget_is_counted() {
        let Setting { net, x, .. } = setting();
        let watch = Watch::new().outputs("*", Part::Whole).budget(12 * 4 * 4);
        let (_, tape) = net.forward_taped(x, &watch);
        // The hidden layer does not fit; the logits do, and then the probabilities do not.
        assert_eq!((tape.recorded().len(), tape.left_out()), (1, 2));
        assert!(tape.output("logits").is_some());
    }
}
