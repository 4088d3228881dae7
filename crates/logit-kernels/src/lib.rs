//! Fast CPU kernels over slices.
//!
//! Floors, from the ground up: `simd`, `parallel`, `math`, `element`, `buffer`, `place`, `relu`, `product`, `row`,
//! `summary`, `statistics`, `group_sum`, `linear`, `batch_norm`, `pool`, `softmax`, `softmax_backward`, `conv`, `loss`,
//! `optimizer`.
//!
//! Everything here works on plain slices in row-major order; no tensor type, no engine. What every kernel keeps to:
//! - **the SIMD width is chosen at run time** (AVX-512, AVX2 with FMA, NEON, or none), so that the default build is fast
//!   on every machine;
//! - **threads come from rayon's current pool**, and work is cut into pieces by its size alone, so that a result is the
//!   same, bit for bit, for every number of threads;
//! - f16 and bf16 are read and written as such and computed in f32;
//! - slices whose lengths do not fit the stated shape are a caller's mistake: a panic that names both.

pub mod batch_norm;
pub mod buffer;
pub mod conv;
pub mod group_sum;
pub mod linear;
pub mod loss;
pub mod optimizer;
pub mod place;
pub mod pool;
pub mod relu;
pub mod row;
pub mod softmax;
pub mod softmax_backward;
pub mod statistics;
pub mod summary;

mod element;
mod math;
mod parallel;
mod product;
mod simd;

pub use element::Element;
