//! Values on a tape.

use burn::tensor::Tensor;

use super::watch::{Extent, Side};
use crate::ops::operation::{array_of, fits};
use logit_kernels::statistics::Statistics;

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

impl Content {
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Rows { numbers, .. } => size_of_val(numbers.as_slice()),
            Self::Statistics(statistics) => {
                size_of::<Statistics>() + size_of_val(statistics.histogram.as_slice())
            }
        }
    }
}

/// So much of a value, read from its device; none where it cannot be.
pub(super) fn content<const D: usize>(value: &Tensor<D>, extent: &Extent) -> Option<Content> {
    // Read where they lie, where that can be.
    if fits(value) {
        return Some(of_numbers(array_of(value.clone()).numbers(), value.dims()[0], extent));
    }
    let data = value.clone().without_autodiff().try_into_data().ok()?.convert::<f32>();
    Some(of_numbers(data.as_slice().ok()?, value.dims()[0], extent))
}

fn of_numbers(all: &[f32], batch: usize, extent: &Extent) -> Content {
    let rows: Vec<usize> = match extent {
        Extent::Statistics => return Content::Statistics(Statistics::of(all)),
        Extent::Whole => (0..batch).collect(),
        Extent::First(count) => (0..batch.min(*count)).collect(),
        Extent::Rows(rows) => rows.iter().copied().filter(|row| *row < batch).collect(),
    };
    let each = all.len() / batch.max(1);
    let numbers = rows.iter().flat_map(|row| &all[row * each..][..each]).copied().collect();
    Content::Rows { rows, numbers }
}
