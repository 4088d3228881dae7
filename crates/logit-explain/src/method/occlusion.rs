//! Occlusion (Zeiler and Fergus 2014, <https://arxiv.org/abs/1311.2901>).

use super::told;
use super::variants::Asked;
use crate::array::Array;
use crate::error::ExplainError;
use crate::explainer::Relevances;
use crate::number::Number;

/// The windows over a sample: every axis has its sizes.
struct Windows {
    shape: Vec<usize>,
    window: Vec<usize>,
    stride: Vec<usize>,
    counts: Vec<usize>,
}

pub(super) fn explain<T: Number>(
    asked: &Asked<'_, T>,
    window: &[usize],
    stride: &[usize],
    baseline: f64,
) -> Result<Relevances<T>, ExplainError> {
    let mut maps: Vec<Array<T>> =
        asked.inputs.iter().map(|input| Array::zeros(input.shape.clone())).collect();
    for (number, map) in maps.iter_mut().enumerate().filter(|(number, _)| asked.changed[*number]) {
        if map.rows() != asked.values.len() {
            let name = &asked.network.inputs()[number].0;
            let what = format!("input `{name}` has no row for each sample, and no part of it can be covered");
            return Err(ExplainError::Method(what));
        }
        cover(asked, number, map, &Windows::over(&map.shape[1..], window, stride), T::of(baseline))?;
    }
    Ok(told(asked.network, maps, asked.values.clone()))
}

/// The mean drop over the windows that cover each number of an input.
fn cover<T: Number>(
    asked: &Asked<'_, T>,
    covered: usize,
    map: &mut Array<T>,
    windows: &Windows,
    baseline: T,
) -> Result<(), ExplainError> {
    let len = map.row_len();
    let mut times = vec![0.0_f64; len];
    let change = |window: usize, number: usize, input: &mut Array<T>| {
        if number == covered {
            let places = windows.places(window);
            let rows = input.numbers.chunks_exact_mut(len.max(1));
            rows.for_each(|row| places.iter().for_each(|place| row[*place] = baseline));
        }
    };
    asked.each_value(windows.count(), change, |window, values| {
        for place in windows.places(window) {
            times[place] += 1.0;
            for (sample, (before, value)) in asked.values.iter().zip(values).enumerate() {
                map.numbers[sample * len + place] += T::of(before - value);
            }
        }
    })?;
    for row in map.numbers.chunks_exact_mut(len.max(1)) {
        row.iter_mut().zip(&times).for_each(|(sum, times)| *sum = *sum / T::of(times.max(1.0)));
    }
    Ok(())
}

impl Windows {
    /// Windows over a sample's axes; sizes are of the last ones.
    fn over(shape: &[usize], window: &[usize], stride: &[usize]) -> Self {
        let last =
            |sizes: &[usize], axis: usize| (axis + sizes.len()).checked_sub(shape.len()).map(|at| sizes[at]);
        let window: Vec<usize> =
            (0..shape.len()).map(|axis| last(window, axis).unwrap_or(shape[axis]).min(shape[axis])).collect();
        let stride: Vec<usize> = (0..shape.len()).map(|axis| last(stride, axis).unwrap_or(1)).collect();
        let counts = (0..shape.len()).map(|axis| (shape[axis] - window[axis]).div_ceil(stride[axis]) + 1);
        Self { counts: counts.collect(), shape: shape.to_vec(), window, stride }
    }

    fn count(&self) -> usize {
        self.counts.iter().product()
    }

    /// The places that a window covers.
    fn places(&self, window: usize) -> Vec<usize> {
        let (mut rest, mut size) = (window, 1);
        let mut places = vec![0];
        for axis in (0..self.shape.len()).rev() {
            let start = rest % self.counts[axis] * self.stride[axis];
            rest /= self.counts[axis];
            let along = start..(start + self.window[axis]).min(self.shape[axis]);
            places = along.flat_map(|at| places.iter().map(move |place| at * size + place)).collect();
            size *= self.shape[axis];
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::Windows;

    #[test]
    fn windows_reach_the_edge_and_are_cut_there() {
        let windows = Windows::over(&[2, 3, 4], &[2, 3], &[2, 2]);
        // Along rows from 0 and 2, along columns from 0 and 2, through both channels.
        assert_eq!(windows.count(), 4);
        assert_eq!(windows.places(0), [0, 1, 2, 4, 5, 6, 12, 13, 14, 16, 17, 18]);
        assert_eq!(windows.places(3), [10, 11, 22, 23]);
        assert_eq!(Windows::over(&[3], &[7], &[1]).places(0), [0, 1, 2]);
    }
}
