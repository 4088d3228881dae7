//! Optimisers that update a parameter in one pass over memory.
//!
//! They are Burn optimisers: `init` gives a [`ModuleOptimizer`](burn::optim::ModuleOptimizer), used, saved and loaded like
//! any other. On the CPU backend, in f32, a step reads weights, gradient and state once and writes them once; elsewhere it
//! is composed of Burn's operations, with the same formula.
//!
//! # Examples
//! ```
//! use burn::nn::LinearConfig;
//! use burn::optim::GradientsParams;
//! use burn::tensor::{Device, Tensor};
//! use logit::optim::Adam;
//!
//! let device = Device::flex().autodiff();
//! let mut layer = LinearConfig::new(4, 1).init(&device);
//! let mut optimizer = Adam::new().init();
//! let error = |layer: &burn::nn::Linear| {
//!     let output = layer.forward(Tensor::<2>::ones([2, 4], &device));
//!     (output - 1.0).square().mean()
//! };
//! let before = error(&layer).into_scalar::<f32>();
//! for _ in 0..20 {
//!     let gradients = GradientsParams::from_grads(error(&layer).backward(), &layer);
//!     layer = optimizer.step(0.01, layer, gradients);
//! }
//! assert!(error(&layer).into_scalar::<f32>() < before);
//! ```

mod adam;
mod sgd;

pub use adam::Adam;
pub use sgd::{Sgd, SgdState};
