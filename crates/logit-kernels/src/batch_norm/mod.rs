//! Batch normalisation over `[batch, channels, inner]`, with the rectifier that mostly follows it.
//!
//! A channel is one task: its planes stay in the second-level cache between the passes. Sums run over blocks that fit
//! the first-level cache, in f32, and are put together in f64, so that a mean far from zero costs no digits.

mod pieces;
mod sums;

use crate::place::{Place, SharedPlace};
use crate::simd::vectorized;

use sums::{Line, Moments, Slope};

/// `[batch, channels, inner]`: `inner` is height times width of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Examples.
    pub batch: usize,
    /// Channels: each has its own statistics.
    pub channels: usize,
    /// Numbers of a channel of an example.
    pub inner: usize,
}

/// A batch normalisation in training: `(x - mean) / sqrt(variance + epsilon) · gamma + beta`, with the mean and the
/// (biased) variance of the batch, channel by channel (Ioffe and Szegedy 2015).
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// Of the input and of the output.
    pub shape: Shape,
    /// A factor a channel.
    pub gamma: &'a [f32],
    /// A summand a channel.
    pub beta: &'a [f32],
    /// Added to the variance.
    pub epsilon: f32,
    /// Whether the output is `max(0, ·)` of the above.
    pub relu: bool,
}

/// What a batch was normalised by: a number a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Of the batch.
    pub mean: Vec<f32>,
    /// Of the batch: biased, divided by the count.
    pub variance: Vec<f32>,
    /// `1 / sqrt(variance + epsilon)`.
    pub inverse_deviation: Vec<f32>,
}

/// The gradient by the parameters: a number a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterGradient {
    /// By the factors.
    pub gamma: Vec<f32>,
    /// By the summands.
    pub beta: Vec<f32>,
}

impl BatchNorm<'_> {
    /// Writes the normalised batch to `y`; `x` and `y` are `[batch, channels, inner]`.
    ///
    /// A channel that has no numbers has mean and variance 0.
    ///
    /// # Panics
    /// When a length does not fit the shape.
    pub fn forward_train(&self, x: &[f32], y: &mut [f32]) -> Statistics {
        self.check(x.len());
        let place = SharedPlace::new(Place::Apart { from: x, to: y });
        let channels = self.shape.map_channels(|planes| {
            let moments = planes.map(|piece| {
                vectorized(
                    #[inline(always)]
                    || piece.moments(x),
                )
            });
            let moments = moments.into_iter().fold(Moments::default(), Moments::merge);
            let variance = moments.variance();
            let inverse_deviation = (1.0 / (variance + f64::from(self.epsilon)).sqrt()) as f32;
            let line = Line::new(self, planes.channel, moments.mean as f32, inverse_deviation);
            planes.map(|piece| {
                vectorized(
                    #[inline(always)]
                    // SAFETY: no two pieces of no two channels overlap.
                    || unsafe { piece.write(line, place, self.relu) },
                );
            });
            (moments.mean as f32, variance as f32, inverse_deviation)
        });
        let mut statistics = Statistics::with_capacity(self.shape.channels);
        for (mean, variance, inverse_deviation) in channels {
            statistics.mean.push(mean);
            statistics.variance.push(variance);
            statistics.inverse_deviation.push(inverse_deviation);
        }
        statistics
    }

    /// The gradient: `gradient` holds that by the output, and gets that by the input; `x` is the forward's input and
    /// `statistics` what it returned.
    ///
    /// With `h = (x - mean) / deviation`, and `g` the gradient where the output is above zero, it is
    /// `gamma / deviation · (g - mean(g) - h · mean(g · h))`, and the parameters' are `sum(g · h)` and `sum(g)`. Whether
    /// an output was above zero is computed again, by the same operations, which is cheaper than to read it.
    ///
    /// # Panics
    /// When a length does not fit the shape.
    pub fn backward(&self, x: &[f32], statistics: &Statistics, gradient: Place<'_>) -> ParameterGradient {
        self.check(x.len());
        self.check(gradient.len());
        statistics.check(self.shape.channels);
        let count = (self.shape.batch * self.shape.inner) as f64;
        let place = SharedPlace::new(gradient);
        let (gamma, beta) = self
            .shape
            .map_channels(|planes| {
                let channel = planes.channel;
                let inverse_deviation = statistics.inverse_deviation[channel];
                let line = Line::new(self, channel, statistics.mean[channel], inverse_deviation);
                let sums = planes.map(|piece| {
                    vectorized(
                        #[inline(always)]
                        // SAFETY: no two pieces of no two channels overlap.
                        || unsafe { piece.gradient_sums(line, x, place, self.relu) },
                    )
                });
                let [sum, product] =
                    sums.iter().fold([0.0; 2], |[sum, product], piece| [sum + piece[0], product + piece[1]]);
                let inverse = f64::from(inverse_deviation);
                let slope =
                    Slope { mean: (sum / count) as f32, tilt: (product * inverse * inverse / count) as f32 };
                planes.map(|piece| {
                    vectorized(
                        #[inline(always)]
                        // SAFETY: no two pieces of no two channels overlap.
                        || unsafe { piece.write_gradient(line, x, place, slope, self.relu) },
                    );
                });
                ((product * inverse) as f32, sum as f32)
            })
            .into_iter()
            .unzip();
        ParameterGradient { gamma, beta }
    }

    fn check(&self, len: usize) {
        self.shape.check(len);
        assert_eq!(self.gamma.len(), self.shape.channels, "factors, and channels");
        assert_eq!(self.beta.len(), self.shape.channels, "summands, and channels");
    }
}

/// Inference: `x · scale + shift` channel by channel, and `max(0, ·)` of it with `relu`.
///
/// # Panics
/// When a length does not fit the shape.
pub fn apply(shape: Shape, scale: &[f32], shift: &[f32], relu: bool, place: Place<'_>) {
    shape.check(place.len());
    assert_eq!(scale.len(), shape.channels, "factors, and channels");
    assert_eq!(shift.len(), shape.channels, "summands, and channels");
    let place = SharedPlace::new(place);
    shape.map_channels(|planes| {
        let line = Line { mean: 0.0, scale: scale[planes.channel], shift: shift[planes.channel] };
        planes.map(|piece| {
            vectorized(
                #[inline(always)]
                // SAFETY: no two pieces of no two channels overlap.
                || unsafe { piece.write(line, place, relu) },
            );
        });
    });
}

impl Statistics {
    fn with_capacity(channels: usize) -> Self {
        let empty = || Vec::with_capacity(channels);
        Self { mean: empty(), variance: empty(), inverse_deviation: empty() }
    }

    fn check(&self, channels: usize) {
        assert_eq!(self.mean.len(), channels, "means, and channels");
        assert_eq!(self.inverse_deviation.len(), channels, "inverse deviations, and channels");
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests;
