//! What a node computes, with its weights; forward, and how relevance or a gradient goes back where no weights decide it.
//!
//! `pool` has windows and means, `route` what moves numbers and computes none, `named` what reads rows by number; `back` is
//! the way back through all of them.

mod back;
mod named;
mod pool;
mod route;

use std::ops::RangeInclusive;
use std::sync::Arc;

pub(crate) use back::{ActivationWay, Back, SumWay, Ways, back};
pub use pool::Pool;

use crate::array::Array;
use crate::map::{Map, add_bias};
use crate::number::Number;

/// What a node computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op<T> {
    /// A linear map with weights, and bias.
    Weighted(Weighted<T>),
    /// A mean, or a sum, of windows or groups.
    Pool(Pool),
    /// The maximum of each window.
    MaxPool(MaxPool),
    /// `x · scale + shift`, a number each per channel (axis 1): batch norm outside of training.
    Scale {
        /// What a channel is multiplied by.
        scale: Arc<Vec<T>>,
        /// What is added to it.
        shift: Arc<Vec<T>>,
    },
    /// A function of each number.
    Activation(Activation),
    /// Nothing, as dropout outside of training.
    Identity,
    /// All axes but the first as one.
    Flatten,
    /// The inputs one after the other along an axis.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// Equal pieces along an axis, each an output.
    Split {
        /// The axis.
        axis: usize,
        /// How many.
        pieces: usize,
    },
    /// A constant around a map.
    Pad {
        /// Rows and columns at the top, the left, the bottom and the right.
        padding: [usize; 4],
        /// What they hold.
        value: T,
    },
    /// The upper left part of a map.
    Crop {
        /// Its height and width.
        size: [usize; 2],
    },
    /// The sum of the inputs.
    Sum,
    /// The product of two inputs.
    Product,
    /// `|a − b|`.
    AbsDifference,
    /// A row of the weights `[rows, units]` for each number.
    Embedding {
        /// The rows.
        weight: Arc<Vec<T>>,
        /// Numbers of a row.
        units: usize,
    },
    /// Of the vectors `[W, U]`, for each row of numbers `[S, L]` the maximum over those that it names from 1; 0 names zeros.
    MaxOfNamed,
    /// Each row scaled to a length: `x · length / √(Σx² + epsilon)`.
    ScaleToLength {
        /// The length.
        length: T,
        /// Added to the squared length.
        epsilon: T,
    },
    /// What is not known here: it can neither be computed nor explained.
    Unknown(String),
}

/// A linear map with its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted<T> {
    /// Which map.
    pub map: Map,
    /// Its weights, as the map has them.
    pub weight: Arc<Vec<T>>,
    /// A number per unit, if any.
    pub bias: Option<Arc<Vec<T>>>,
}

/// The windows of a pooling by maximum; pairs are height, width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// The window.
    pub kernel: [usize; 2],
    /// From one window to the next.
    pub stride: [usize; 2],
    /// What is around the map, and never the maximum.
    pub padding: [usize; 2],
    /// From one tap to the next.
    pub dilation: [usize; 2],
    /// Whether a window may end beyond the map.
    pub ceil_mode: bool,
}

/// A function of each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `max(0, x)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

impl Activation {
    fn of<T: Number>(self, x: T) -> T {
        match self {
            Self::Relu => x.max(T::zero()),
            Self::Tanh => x.tanh(),
        }
    }

    /// The derivative, by what it gave.
    fn slope<T: Number>(self, y: T) -> T {
        match self {
            Self::Relu if y > T::zero() => T::one(),
            Self::Relu => T::zero(),
            Self::Tanh => T::one() - y * y,
        }
    }
}

impl<T: Number> Weighted<T> {
    /// That it has the weights and biases of its map.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.map.check()?;
        let (found, biases) = (self.weight.len(), self.bias.as_ref().map_or(0, |bias| bias.len()));
        let (weights, units) = (self.map.weights(), self.map.units());
        if found != weights || self.bias.as_ref().is_some_and(|bias| bias.len() != units) {
            return Err(format!("{found} weights and {biases} biases, where {weights} and {units} belong"));
        }
        Ok(())
    }

    /// What it gives.
    pub(crate) fn forward(&self, x: &Array<T>) -> Result<Array<T>, String> {
        let mut y = self.map.forward(x, &self.weight)?;
        if let Some(bias) = &self.bias {
            add_bias(&mut y, bias);
        }
        Ok(y)
    }

    /// The same step with its outputs scaled and shifted, a number each per unit: what batch norm after it comes to.
    pub(crate) fn scaled(&self, scale: &[T], shift: &[T]) -> Self {
        let weights = self.weight.iter().enumerate();
        let weight = weights.map(|(at, weight)| *weight * scale[self.map.unit_of(at)]).collect();
        let before = |unit: usize| self.bias.as_ref().map_or_else(T::zero, |bias| bias[unit]);
        let bias =
            shift.iter().enumerate().map(|(unit, shift)| before(unit) * scale[unit] + *shift).collect();
        Self { map: self.map, weight: Arc::new(weight), bias: Some(Arc::new(bias)) }
    }
}

impl<T: Number> Op<T> {
    /// Its kind in a word.
    pub fn name(&self) -> &str {
        match self {
            Self::Weighted(Weighted { map: Map::Dense { .. }, .. }) => "linear",
            Self::Weighted(Weighted { map: Map::Conv(_), .. }) => "conv2d",
            Self::Weighted(Weighted { map: Map::ConvTransposed { .. }, .. }) => "conv_transpose2d",
            Self::Pool(pool) => pool.name(),
            Self::MaxPool(_) => "max_pool2d",
            Self::Scale { .. } => "batch_norm",
            Self::Activation(Activation::Relu) => "relu",
            Self::Activation(Activation::Tanh) => "tanh",
            Self::Identity => "dropout",
            Self::Flatten => "flatten",
            Self::Concat { .. } => "concat",
            Self::Split { .. } => "split",
            Self::Pad { .. } => "pad2d",
            Self::Crop { .. } => "crop2d",
            Self::Sum => "sum",
            Self::Product => "product",
            Self::AbsDifference => "abs_difference",
            Self::Embedding { .. } => "embedding",
            Self::MaxOfNamed => "max_of_named",
            Self::ScaleToLength { .. } => "scale_to_length",
            Self::Unknown(name) => name,
        }
    }

    /// How many values it takes, and how many it gives.
    pub(crate) fn arity(&self) -> (RangeInclusive<usize>, usize) {
        match self {
            Self::Concat { .. } | Self::Sum => (1..=usize::MAX, 1),
            Self::Product | Self::AbsDifference | Self::MaxOfNamed => (2..=2, 1),
            Self::Split { pieces, .. } => (1..=1, *pieces),
            _ => (1..=1, 1),
        }
    }

    /// Whether it moves numbers and computes none, so that what it gives is still the network's input.
    pub(crate) fn moves(&self) -> bool {
        matches!(
            self,
            Self::Identity
                | Self::Flatten
                | Self::Concat { .. }
                | Self::Split { .. }
                | Self::Pad { .. }
                | Self::Crop { .. }
        )
    }

    /// What it gives.
    ///
    /// # Errors
    /// The inputs do not fit, or it is not known; in words.
    pub fn forward(&self, inputs: &[&Array<T>]) -> Result<Vec<Array<T>>, String> {
        let one = match (self, inputs) {
            (Self::Weighted(step), [x]) => step.forward(x)?,
            (Self::Pool(pool), [x]) => pool.forward(x)?,
            (Self::MaxPool(pool), [x]) => pool.forward(x)?,
            (Self::Scale { scale, shift }, [x]) => {
                by_channel(x, scale.len(), |x, at| x * scale[at] + shift[at])?
            }
            (Self::Activation(activation), [x]) => x.map(|x| activation.of(x)),
            (Self::Identity, [x]) => (*x).clone(),
            (Self::Flatten, [x]) => x.reshaped(&[x.rows(), x.row_len()]),
            (Self::Concat { axis }, [_, ..]) => route::concat(inputs, *axis)?,
            (Self::Split { axis, pieces }, [x]) => return route::split(x, *axis, *pieces),
            (Self::Pad { padding, value }, [x]) => route::pad(x, *padding, *value)?,
            (Self::Crop { size }, [x]) => route::crop(x, *size)?,
            (Self::Sum, [first, rest @ ..]) => {
                rest.iter().try_fold((*first).clone(), |sum, x| both(&sum, x, |a, b| a + b))?
            }
            (Self::Product, [a, b]) => both(a, b, |a, b| a * b)?,
            (Self::AbsDifference, [a, b]) => both(a, b, |a, b| (a - b).abs())?,
            (Self::Embedding { weight, units }, [rows]) => named::embedded(rows, weight, *units)?,
            (Self::MaxOfNamed, [vectors, places]) => named::maximum(vectors, places)?.0,
            (Self::ScaleToLength { length, epsilon }, [x]) => {
                let mut y = (*x).clone();
                for row in y.numbers.chunks_exact_mut(x.row_len().max(1)) {
                    let factor = *length / norm(row, *epsilon);
                    for x in row {
                        *x = *x * factor;
                    }
                }
                y
            }
            (Self::Unknown(name), _) => return Err(format!("how `{name}` computes is not known")),
            _ => return Err(format!("it does not take {} inputs", inputs.len())),
        };
        Ok(vec![one])
    }
}

/// `√(Σx² + epsilon)`.
fn norm<T: Number>(row: &[T], epsilon: T) -> T {
    (row.iter().fold(T::zero(), |sum, x| sum + *x * *x) + epsilon).sqrt()
}

/// Each number with its channel's place through a function.
fn by_channel<T: Number>(
    x: &Array<T>,
    channels: usize,
    of: impl Fn(T, usize) -> T,
) -> Result<Array<T>, String> {
    let found = x.shape.get(1).copied().unwrap_or(1);
    if found != channels {
        return Err(format!("it takes {channels} channels, not {found}"));
    }
    let plane = x.row_len() / channels.max(1);
    let mut y = x.clone();
    for (at, plane) in y.numbers.chunks_exact_mut(plane.max(1)).enumerate() {
        for x in plane {
            *x = of(*x, at % channels);
        }
    }
    Ok(y)
}

/// Two arrays of one shape, number by number.
fn both<T: Number>(a: &Array<T>, b: &Array<T>, of: impl Fn(T, T) -> T + Sync) -> Result<Array<T>, String> {
    if a.shape != b.shape {
        return Err(format!("it takes inputs of one shape, not {:?} and {:?}", a.shape, b.shape));
    }
    let mut sum = a.clone();
    sum.change_with(b, of);
    Ok(sum)
}
