//! Linear maps with weights: dense layers, convolutions, transposed convolutions.

use logit_kernels::conv::{Conv2d, ConvTransposed2d};
use logit_kernels::linear::Linear;

use crate::array::Array;
use crate::number::Number;

/// A linear map, whose weights are given apart. Bias is no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Map {
    /// Rows `[N, inputs]` to `[N, units]`; weights `[inputs, units]`.
    Dense {
        /// Features.
        inputs: usize,
        /// Units.
        units: usize,
    },
    /// Maps `[N, C, H, W]`; weights `[outputs, inputs / groups, height, width]`.
    Conv(Window),
    /// Maps; weights `[inputs, outputs / groups, height, width]`.
    ConvTransposed {
        /// The window, as it is laid over the output.
        window: Window,
        /// Rows and columns added to the output's end.
        output_padding: [usize; 2],
    },
}

/// The window of a convolution; pairs are height, width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Channels that go in, and that come out.
    pub channels: [usize; 2],
    /// Its size.
    pub kernel: [usize; 2],
    /// From one window to the next.
    pub stride: [usize; 2],
    /// Zeros on either side.
    pub padding: [usize; 2],
    /// From one tap to the next.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

/// A map on input of a shape.
enum Sized {
    Dense(Linear),
    Conv(Conv2d),
    /// The convolution whose transpose is the map.
    Transposed(Conv2d),
}

impl Map {
    /// The shape of the output, batch axis included.
    ///
    /// # Errors
    /// The input does not fit; what is wrong, in words.
    pub fn output(&self, input: &[usize]) -> Result<Vec<usize>, String> {
        Ok(match self.sized(input)? {
            Sized::Dense(size) => vec![size.rows, size.outputs],
            Sized::Conv(size) => {
                let [height, width] = size.output();
                vec![size.batch, size.out_channels, height, width]
            }
            Sized::Transposed(size) => vec![size.batch, size.in_channels, size.input[0], size.input[1]],
        })
    }

    /// That it has a size, and that groups divide its channels.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (sizes, groups) = match *self {
            Self::Dense { inputs, units } => (vec![inputs, units], 1),
            Self::Conv(window) | Self::ConvTransposed { window, .. } => {
                let Window { channels, kernel, stride, dilation, groups, .. } = window;
                ([channels, kernel, stride, dilation].concat(), groups)
            }
        };
        if sizes.contains(&0) || groups == 0 || sizes[..2].iter().any(|channels| channels % groups != 0) {
            return Err(format!("{self:?} has a size of 0, or groups that do not divide its channels"));
        }
        let weights = sizes.iter().take(4).try_fold(1_usize, |all, size| all.checked_mul(*size));
        weights.map(|_| ()).ok_or_else(|| format!("{self:?} is too large"))
    }

    /// How many weights it has.
    pub fn weights(&self) -> usize {
        match *self {
            Self::Dense { inputs, units } => inputs * units,
            Self::Conv(window) | Self::ConvTransposed { window, .. } => {
                window.channels[0] * window.channels[1] / window.groups.max(1)
                    * window.kernel[0]
                    * window.kernel[1]
            }
        }
    }

    /// Units, or channels, that come out: as many as it may have biases.
    pub fn units(&self) -> usize {
        match *self {
            Self::Dense { units, .. } => units,
            Self::Conv(window) | Self::ConvTransposed { window, .. } => window.channels[1],
        }
    }

    /// To which output unit a weight belongs.
    pub(crate) fn unit_of(&self, weight: usize) -> usize {
        match *self {
            Self::Dense { units, .. } => weight % units.max(1),
            Self::Conv(window) => weight / (self.weights() / window.channels[1].max(1)).max(1),
            Self::ConvTransposed { window, .. } => {
                let taps = window.kernel[0] * window.kernel[1];
                let per_group = window.channels[1] / window.groups.max(1);
                let (input, output) = (weight / (taps * per_group), weight / taps % per_group);
                input / (window.channels[0] / window.groups.max(1)).max(1) * per_group + output
            }
        }
    }

    /// The output of an input that fits.
    pub(crate) fn forward<T: Number>(&self, x: &Array<T>, weights: &[T]) -> Result<Array<T>, String> {
        let mut y = Array::zeros(self.output(&x.shape)?);
        match self.sized(&x.shape)? {
            Sized::Dense(size) => T::dense(&size, &x.numbers, weights, &mut y.numbers),
            Sized::Conv(size) => T::conv(&size, &x.numbers, weights, &mut y.numbers),
            Sized::Transposed(size) => T::conv_transposed(&size, &x.numbers, weights, &mut y.numbers),
        }
        Ok(y)
    }

    /// The transposed map, from the output's shape to the input's.
    pub(crate) fn transposed<T: Number>(
        &self,
        y: &Array<T>,
        weights: &[T],
        input: &[usize],
    ) -> Result<Array<T>, String> {
        let mut x = Array::zeros(input);
        match self.sized(input)? {
            Sized::Dense(size) => T::dense_transposed(&size, &y.numbers, weights, &mut x.numbers),
            Sized::Conv(size) => T::conv_transposed(&size, &y.numbers, weights, &mut x.numbers),
            Sized::Transposed(size) => T::conv(&size, &y.numbers, weights, &mut x.numbers),
        }
        Ok(x)
    }

    fn sized(&self, input: &[usize]) -> Result<Sized, String> {
        match (*self, input) {
            (Self::Dense { inputs, units }, &[rows, features]) if features == inputs => {
                Ok(Sized::Dense(Linear { rows, inputs, outputs: units }))
            }
            (Self::Conv(window), &[batch, channels, height, width]) if channels == window.channels[0] => {
                let size = window.convolution(batch, [height, width]);
                size.check().map_err(|error| error.to_string())?;
                Ok(Sized::Conv(size))
            }
            (Self::ConvTransposed { window, output_padding }, &[batch, channels, height, width])
                if channels == window.channels[0] =>
            {
                let size = window.transposed(batch, [height, width], output_padding);
                size.check().map_err(|error| error.to_string())?;
                Ok(Sized::Transposed(size.convolution()))
            }
            (Self::Dense { inputs, .. }, _) => Err(format!("it takes [N, {inputs}], not {input:?}")),
            (Self::Conv(window) | Self::ConvTransposed { window, .. }, _) => {
                Err(format!("it takes [N, {}, H, W], not {input:?}", window.channels[0]))
            }
        }
    }
}

/// Adds a number per unit at each of its places.
pub(crate) fn add_bias<T: Number>(y: &mut Array<T>, bias: &[T]) {
    let places = y.shape.get(2..).map_or(1, |places| places.iter().product::<usize>());
    for (at, plane) in y.numbers.chunks_exact_mut(places.max(1)).enumerate() {
        let bias = bias[at % bias.len()];
        for number in plane {
            *number += bias;
        }
    }
}

impl Window {
    fn convolution(&self, batch: usize, input: [usize; 2]) -> Conv2d {
        let Self { channels: [in_channels, out_channels], kernel, stride, padding, dilation, groups } = *self;
        Conv2d { batch, in_channels, out_channels, input, kernel, stride, padding, dilation, groups }
    }

    fn transposed(&self, batch: usize, input: [usize; 2], output_padding: [usize; 2]) -> ConvTransposed2d {
        let Self { channels: [in_channels, out_channels], kernel, stride, padding, dilation, groups } = *self;
        ConvTransposed2d {
            batch,
            in_channels,
            out_channels,
            input,
            kernel,
            stride,
            padding,
            output_padding,
            dilation,
            groups,
        }
    }
}
