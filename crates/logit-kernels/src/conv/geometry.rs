//! The sizes of a convolution.

use std::fmt;

/// A 2-d convolution's sizes; pairs are height, width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Images.
    pub batch: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// How far the kernel moves from one output to the next.
    pub stride: [usize; 2],
    /// Zeros on either side of the input.
    pub padding: [usize; 2],
    /// How far apart the kernel's taps are.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

/// A transposed 2-d convolution's sizes; pairs are height, width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTransposed2d {
    /// Images.
    pub batch: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Height and width of the input.
    pub input: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// How far the kernel's image moves from one input to the next.
    pub stride: [usize; 2],
    /// What is cut off either side of the output.
    pub padding: [usize; 2],
    /// What is added to the output's far side.
    pub output_padding: [usize; 2],
    /// How far apart the kernel's taps are.
    pub dilation: [usize; 2],
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

/// Why a convolution cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvError {
    reason: String,
}

impl fmt::Display for ConvError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "no such convolution: {}", self.reason)
    }
}

impl std::error::Error for ConvError {}

/// The most numbers that a tensor of a convolution may have: offsets within it then never overflow.
const MOST_NUMBERS: usize = isize::MAX as usize / 64;

impl Conv2d {
    /// Height and width of the output.
    ///
    /// # Panics
    /// [`check`](Self::check) finds fault.
    pub fn output(&self) -> [usize; 2] {
        let size = |axis: usize| {
            (self.input[axis] + 2 * self.padding[axis] - reach(self.kernel[axis], self.dilation[axis]))
                / self.stride[axis]
                + 1
        };
        [size(0), size(1)]
    }

    /// Whether there is such a convolution.
    ///
    /// # Errors
    /// A size of 0, groups that do not divide the channels, a kernel larger than the padded input, or tensors too large
    /// to address.
    pub fn check(&self) -> Result<(), ConvError> {
        check_common(
            self.kernel,
            self.stride,
            self.dilation,
            [self.in_channels, self.out_channels],
            self.groups,
        )?;
        for axis in 0..2 {
            let padded = self.input[axis].checked_add(self.padding[axis].saturating_mul(2));
            let reach = checked_reach(self.kernel[axis], self.dilation[axis]);
            match (padded, reach) {
                (Some(padded), Some(reach)) if reach <= padded => {}
                _ => {
                    return fault(format!(
                        "a kernel of {:?}, dilated by {:?}, does not fit into an input of {:?}, padded by {:?}",
                        self.kernel, self.dilation, self.input, self.padding
                    ));
                }
            }
        }
        let padded = [0, 1].map(|axis| self.input[axis].saturating_add(self.padding[axis].saturating_mul(2)));
        check_addressable(&[self.batch, self.in_channels, padded[0], padded[1]])?;
        let [height, width] = self.output();
        check_addressable(&[self.batch, self.out_channels, height, width])
    }

    pub(crate) fn expect(&self) {
        if let Err(error) = self.check() {
            panic!("{error}");
        }
    }

    pub(crate) fn expect_weights(&self, weights: usize, biases: Option<usize>) {
        let expected = self.out_channels * self.group_inputs() * self.taps();
        assert_eq!(weights, expected, "weights, and those of {self:?}");
        assert!(
            biases.is_none_or(|biases| biases == self.out_channels),
            "biases, and the channels of {self:?}"
        );
    }

    /// Input channels that an output channel sees.
    pub(crate) fn group_inputs(&self) -> usize {
        self.in_channels / self.groups
    }

    /// Output channels that an input channel reaches.
    pub(crate) fn group_outputs(&self) -> usize {
        self.out_channels / self.groups
    }

    pub(crate) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Products that the output is the sums of.
    pub(crate) fn multiplications(&self) -> usize {
        let [height, width] = self.output();
        self.batch * self.out_channels * height * width * self.group_inputs() * self.taps()
    }

    /// Whether every input is read by one output, through one tap.
    pub(crate) fn tiles(&self) -> bool {
        let output = self.output();
        (0..2).all(|axis| {
            self.kernel[axis] == self.stride[axis]
                && (self.dilation[axis] == 1 || self.kernel[axis] == 1)
                && self.padding[axis] == 0
                && self.input[axis] == output[axis] * self.stride[axis]
        })
    }

    /// Where each tap reads, from the place that an output's stride takes it to.
    pub(crate) fn tap_places(&self) -> Vec<[isize; 2]> {
        (0..self.taps()).map(|tap| self.tap_place(tap)).collect()
    }

    /// The taps through which outputs reach the inputs at `start` and every stride from it, and where those outputs are
    /// from the input's own number on that grid.
    pub(crate) fn taps_that_reach(&self, start: [usize; 2]) -> Vec<(usize, [isize; 2])> {
        (0..self.taps())
            .filter_map(|tap| {
                let place = self.tap_place(tap);
                // The output o reads the input o · stride + place: its number is (input − place) / stride.
                let from = [0, 1].map(|axis| start[axis] as isize - place[axis]);
                let on_grid = (0..2).all(|axis| from[axis].rem_euclid(self.stride[axis] as isize) == 0);
                on_grid.then(|| (tap, [0, 1].map(|axis| from[axis].div_euclid(self.stride[axis] as isize))))
            })
            .collect()
    }

    fn tap_place(&self, tap: usize) -> [isize; 2] {
        let tap = [tap / self.kernel[1], tap % self.kernel[1]];
        [0, 1].map(|axis| (tap[axis] * self.dilation[axis]) as isize - self.padding[axis] as isize)
    }
}

impl ConvTransposed2d {
    /// Height and width of the output.
    ///
    /// # Panics
    /// [`check`](Self::check) finds fault.
    pub fn output(&self) -> [usize; 2] {
        let size = |axis: usize| {
            (self.input[axis] - 1) * self.stride[axis]
                + reach(self.kernel[axis], self.dilation[axis])
                + self.output_padding[axis]
                - 2 * self.padding[axis]
        };
        [size(0), size(1)]
    }

    /// Whether there is such a transposed convolution.
    ///
    /// # Errors
    /// A size of 0, groups that do not divide the channels, padding that leaves no output, output padding that is not
    /// smaller than the stride, or tensors too large to address.
    pub fn check(&self) -> Result<(), ConvError> {
        check_common(
            self.kernel,
            self.stride,
            self.dilation,
            [self.in_channels, self.out_channels],
            self.groups,
        )?;
        for axis in 0..2 {
            if self.input[axis] == 0 {
                return fault(format!("an input of {:?} has no size", self.input));
            }
            if self.output_padding[axis] >= self.stride[axis] {
                return fault(format!(
                    "an output padding of {:?} is not smaller than the stride {:?}",
                    self.output_padding, self.stride
                ));
            }
            let spread = (self.input[axis] - 1).checked_mul(self.stride[axis]);
            let whole = spread.zip(checked_reach(self.kernel[axis], self.dilation[axis])).and_then(
                |(spread, reach)| spread.checked_add(reach)?.checked_add(self.output_padding[axis]),
            );
            if whole.is_none_or(|whole| whole <= self.padding[axis].saturating_mul(2)) {
                return fault(format!("a padding of {:?} leaves no output", self.padding));
            }
        }
        check_addressable(&[self.batch, self.in_channels, self.input[0], self.input[1]])?;
        let [height, width] = self.output();
        check_addressable(&[self.batch, self.out_channels, height, width])
    }

    pub(crate) fn expect(&self) {
        if let Err(error) = self.check() {
            panic!("{error}");
        }
    }

    /// The convolution whose gradient by the input this one's forward is.
    pub fn convolution(&self) -> Conv2d {
        Conv2d {
            batch: self.batch,
            in_channels: self.out_channels,
            out_channels: self.in_channels,
            input: self.output(),
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
        }
    }
}

/// Numbers from a kernel's first tap to its last.
fn reach(kernel: usize, dilation: usize) -> usize {
    (kernel - 1) * dilation + 1
}

fn checked_reach(kernel: usize, dilation: usize) -> Option<usize> {
    (kernel - 1).checked_mul(dilation)?.checked_add(1)
}

fn check_common(
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    channels: [usize; 2],
    groups: usize,
) -> Result<(), ConvError> {
    let sizes = [("kernel", kernel), ("stride", stride), ("dilation", dilation), ("channels", channels)];
    if let Some((name, size)) = sizes.iter().find(|(_, size)| size.contains(&0)) {
        return fault(format!("{name} of {size:?} has a 0"));
    }
    if groups == 0 || channels.iter().any(|channels| channels % groups != 0) {
        return fault(format!("{groups} groups do not divide channels of {channels:?}"));
    }
    Ok(())
}

fn check_addressable(sizes: &[usize]) -> Result<(), ConvError> {
    let numbers = sizes.iter().try_fold(1_usize, |numbers, size| numbers.checked_mul(*size));
    match numbers {
        Some(numbers) if numbers <= MOST_NUMBERS => Ok(()),
        _ => fault(format!("a tensor of {sizes:?} is too large to address")),
    }
}

fn fault(reason: String) -> Result<(), ConvError> {
    Err(ConvError { reason })
}
