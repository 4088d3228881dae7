//! Layers as fast operations.
//!
//! Each function takes one of Burn's layers and does what the layer's own `forward` does. On the CPU backend, in f32, it
//! runs Logit's kernels, forward and backward; on every other backend, and for options that the kernels do not know, it
//! is the layer's own `forward`. A model keeps Burn's layers, and with them its parameters, their names and its records;
//! only the call changes.
//!
//! Several of them do two steps in one pass over memory, where a network nearly always has the two together.

pub(crate) mod array;
pub(crate) mod operation;

mod activation;
mod channels;
pub(crate) mod conv;
pub(crate) mod linear;
mod norm;
mod pool;
mod softmax;

pub use activation::{relu, sum_pool};
pub use channels::scale_channels;
pub use conv::{conv_transpose2d, conv2d, conv2d_joined, conv2d_relu};
pub use linear::{linear, linear_relu};
pub use norm::{batch_norm, batch_norm_relu, conv2d_joined_norm_relu, conv2d_norm_relu};
pub use pool::{avg_pool2d, max_pool2d, max_pool2d_relu};
pub use softmax::{log_softmax, log_sum_exp, softmax};
