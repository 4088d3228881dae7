//! What steps compute.

use std::fmt;

use burn::nn::PaddingConfig2d;
use logit_spec::Answer;
use serde::Serialize;

/// What a step computes, with all that decides it but the parameters.
///
/// Sizes along a map are `[height, width]`. A kind says the same in training and outside of it: dropout is a step in
/// both, and batch norm is named by what it is, not by whose statistics it uses in this pass.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepKind {
    /// `x · weight + bias` on rows; the weight is `[inputs, units]`.
    Linear,
    /// A convolution; the weight is `[outputs, inputs / groups, height, width]`.
    Conv2d {
        /// The window.
        kernel: [usize; 2],
        /// From one window to the next.
        stride: [usize; 2],
        /// Zeros around the map.
        padding: Padding,
        /// From one row or column of the window to the next.
        dilation: [usize; 2],
        /// Groups of channels that do not see each other.
        groups: usize,
    },
    /// A transposed convolution; the weight is `[inputs, outputs / groups, height, width]`.
    ConvTranspose2d {
        /// The window.
        kernel: [usize; 2],
        /// From one window to the next, in the output.
        stride: [usize; 2],
        /// Rows and columns taken off the output on each side.
        padding: [usize; 2],
        /// Rows and columns added to the output's end.
        output_padding: [usize; 2],
        /// From one row or column of the window to the next.
        dilation: [usize; 2],
        /// Groups of channels that do not see each other.
        groups: usize,
    },
    /// The maximum of each window.
    MaxPool2d {
        /// The window.
        kernel: [usize; 2],
        /// From one window to the next.
        stride: [usize; 2],
        /// What is around the map, and never the maximum.
        padding: Padding,
        /// From one row or column of the window to the next.
        dilation: [usize; 2],
        /// Whether a window may begin within the map and end beyond it.
        ceil_mode: bool,
    },
    /// The average of each window.
    AvgPool2d {
        /// The window.
        kernel: [usize; 2],
        /// From one window to the next.
        stride: [usize; 2],
        /// Zeros around the map.
        padding: Padding,
        /// Whether these zeros count in the average.
        count_include_pad: bool,
        /// Whether a window may begin within the map and end beyond it.
        ceil_mode: bool,
    },
    /// The sum of each group of neighbours along axis 1.
    SumPool {
        /// Numbers in a group.
        size: usize,
    },
    /// The average of each channel over the whole map: `[N, C, H, W]` → `[N, C]`.
    GlobalAvgPool2d,
    /// Normalisation of each channel, by the batch in training and by the running statistics otherwise.
    BatchNorm {
        /// Added to the variance.
        epsilon: f64,
        /// How much of a batch goes into the running statistics.
        momentum: f64,
    },
    /// `max(0, x)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// Numbers left out at random in training, the others divided by `1 − probability`.
    Dropout {
        /// That a number is left out.
        probability: f64,
    },
    /// Whole channels left out at random in training, the others divided by `1 − probability`.
    ChannelDropout {
        /// That a channel is left out.
        probability: f64,
    },
    /// All axes but the batch's as one: `[N, d…]` → `[N, F]`.
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
    },
    /// The sum of the inputs, number by number.
    Sum,
    /// The product of two inputs, number by number.
    Product,
    /// `|a − b|` of two inputs, number by number.
    AbsDifference,
    /// A constant around a map.
    Pad2d {
        /// Rows and columns added at the top, the left, the bottom and the right.
        padding: [usize; 4],
        /// What they hold.
        value: f32,
    },
    /// The upper left part of a map.
    Crop2d {
        /// Its height and width.
        size: [usize; 2],
    },
    /// A row of the weight `[rows, units]` for each number: `[N]` → `[N, units]`.
    Embedding,
    /// For each row of numbers `[S, L]`, the maximum over the vectors `[W, U]` that it names, counted from 1: `[S, U]`. The
    /// number 0 names a vector of zeros.
    MaxOfNamed,
    /// Each row scaled to one length.
    ScaleToLength {
        /// The length.
        length: f64,
        /// Added to the squared length that is divided by.
        epsilon: f64,
    },
    /// The output layer: `x · weight + bias`, on rows or at each position of a map. The weight is `[features, units]`; where
    /// it has a single column, the units share it, and differ by their bias.
    Head {
        /// The kind of answer.
        answer: Answer,
        /// The size of axis 1 of the logits.
        units: usize,
    },
    /// What Logit does not know: something that another crate computes.
    Other {
        /// Its name, for whoever cannot use it to say so.
        operation: &'static str,
    },
}

/// Zeros around a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// As many as make the output as large as the input over the stride.
    Same,
    /// Rows and columns at the top, the left, the bottom and the right.
    #[serde(untagged)]
    Explicit([usize; 4]),
}

impl Padding {
    /// The padding of one of Burn's layers.
    pub fn of(padding: &PaddingConfig2d) -> Self {
        match *padding {
            PaddingConfig2d::Same => Self::Same,
            PaddingConfig2d::Valid => Self::Explicit([0; 4]),
            PaddingConfig2d::Explicit(top, left, bottom, right) => Self::Explicit([top, left, bottom, right]),
        }
    }
}

impl fmt::Display for Padding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("same"),
            Self::Explicit([top, left, bottom, right]) if top == bottom && left == right => {
                f.write_str(&size([*top, *left]))
            }
            Self::Explicit(sides) => write!(f, "{sides:?}"),
        }
    }
}

/// `2`, or `2×3` where the sides differ.
fn size([height, width]: [usize; 2]) -> String {
    if height == width { height.to_string() } else { format!("{height}×{width}") }
}

/// An attribute and its value, where it is not `usual`.
fn unless<T: PartialEq>(usual: T, name: &str, value: T, shown: impl FnOnce(T) -> String) -> Option<String> {
    (value != usual).then(|| format!("{name} {}", shown(value)))
}

fn window([height, width]: [usize; 2]) -> String {
    format!("{height}×{width}")
}

fn padded(padding: Padding) -> Option<String> {
    unless(Padding::Explicit([0; 4]), "padding", padding, |padding| padding.to_string())
}

fn said(flag: bool, name: &str) -> Option<String> {
    flag.then(|| name.to_owned())
}

impl StepKind {
    /// Its name, as JSON has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Conv2d { .. } => "conv2d",
            Self::ConvTranspose2d { .. } => "conv_transpose2d",
            Self::MaxPool2d { .. } => "max_pool2d",
            Self::AvgPool2d { .. } => "avg_pool2d",
            Self::SumPool { .. } => "sum_pool",
            Self::GlobalAvgPool2d => "global_avg_pool2d",
            Self::BatchNorm { .. } => "batch_norm",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Dropout { .. } => "dropout",
            Self::ChannelDropout { .. } => "channel_dropout",
            Self::Flatten => "flatten",
            Self::Concat { .. } => "concat",
            Self::Split { .. } => "split",
            Self::Sum => "sum",
            Self::Product => "product",
            Self::AbsDifference => "abs_difference",
            Self::Pad2d { .. } => "pad2d",
            Self::Crop2d { .. } => "crop2d",
            Self::Embedding => "embedding",
            Self::MaxOfNamed => "max_of_named",
            Self::ScaleToLength { .. } => "scale_to_length",
            Self::Head { .. } => "head",
            Self::Other { operation } => operation,
        }
    }

    /// The attributes that a reader is told: those that are not what the layer has unless told otherwise.
    fn attributes(&self) -> Vec<Option<String>> {
        match *self {
            Self::Conv2d { kernel, stride, padding, dilation, groups } => vec![
                Some(window(kernel)),
                unless([1, 1], "stride", stride, size),
                padded(padding),
                unless([1, 1], "dilation", dilation, size),
                unless(1, "groups", groups, |groups| groups.to_string()),
            ],
            Self::ConvTranspose2d { kernel, stride, padding, output_padding, dilation, groups } => vec![
                Some(window(kernel)),
                unless([1, 1], "stride", stride, size),
                unless([0, 0], "padding", padding, size),
                unless([0, 0], "output padding", output_padding, size),
                unless([1, 1], "dilation", dilation, size),
                unless(1, "groups", groups, |groups| groups.to_string()),
            ],
            Self::MaxPool2d { kernel, stride, padding, dilation, ceil_mode } => vec![
                Some(window(kernel)),
                unless(kernel, "stride", stride, size),
                padded(padding),
                unless([1, 1], "dilation", dilation, size),
                said(ceil_mode, "ceil mode"),
            ],
            Self::AvgPool2d { kernel, stride, padding, count_include_pad, ceil_mode } => vec![
                Some(window(kernel)),
                unless(kernel, "stride", stride, size),
                padded(padding),
                said(!count_include_pad && padding != Padding::Explicit([0; 4]), "without the padding"),
                said(ceil_mode, "ceil mode"),
            ],
            Self::SumPool { size } => vec![Some(size.to_string())],
            Self::Dropout { probability } | Self::ChannelDropout { probability } => {
                vec![Some(probability.to_string())]
            }
            Self::Concat { axis } | Self::Split { axis } => vec![Some(format!("axis {axis}"))],
            Self::Pad2d { padding, value } => {
                vec![
                    Some(Padding::Explicit(padding).to_string()),
                    unless(0.0, "of", value, |v| v.to_string()),
                ]
            }
            Self::Crop2d { size } => vec![Some(window(size))],
            Self::ScaleToLength { length, .. } => vec![Some(length.to_string())],
            Self::Head { answer, .. } => vec![Some(answer.name().to_owned())],
            _ => Vec::new(),
        }
    }
}

/// `conv2d 3×3, padding 1`.
impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        let attributes: Vec<String> = self.attributes().into_iter().flatten().collect();
        if attributes.is_empty() { Ok(()) } else { write!(f, " {}", attributes.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A convolution as Burn's configuration has it unless told otherwise.
    const CONV: StepKind = StepKind::Conv2d {
        kernel: [3, 3],
        stride: [1, 1],
        padding: Padding::Explicit([0; 4]),
        dilation: [1, 1],
        groups: 1,
    };

    #[test]
    fn attributes_are_shown_where_they_are_unusual() {
        let pool = |stride| StepKind::MaxPool2d {
            kernel: [2, 2],
            stride,
            padding: Padding::Same,
            dilation: [1, 1],
            ceil_mode: true,
        };
        let uneven = StepKind::Pad2d { padding: [0, 0, 1, 3], value: 0.0 };
        for (kind, shown) in [
            (CONV, "conv2d 3×3"),
            (pool([2, 2]), "max_pool2d 2×2, padding same, ceil mode"),
            (pool([1, 2]), "max_pool2d 2×2, stride 1×2, padding same, ceil mode"),
            (uneven, "pad2d [0, 0, 1, 3]"),
            (StepKind::Dropout { probability: 0.5 }, "dropout 0.5"),
            (StepKind::Head { answer: Answer::Classes, units: 3 }, "head classes"),
            (StepKind::Other { operation: "attention" }, "attention"),
        ] {
            assert_eq!(kind.to_string(), shown);
        }
    }

    #[test]
    fn json_names_the_kind_as_its_name_does() {
        let told = serde_json::to_value(CONV).unwrap();
        assert_eq!((&told["kind"], &told["padding"]), (&CONV.name().into(), &[0; 4].as_slice().into()));
        let pool = StepKind::AvgPool2d {
            kernel: [2, 2],
            stride: [2, 2],
            padding: Padding::Same,
            count_include_pad: true,
            ceil_mode: false,
        };
        let told = serde_json::to_value(&pool).unwrap();
        assert_eq!((&told["kind"], &told["padding"]), (&pool.name().into(), &"same".into()));
        for kind in [
            StepKind::MaxOfNamed,
            StepKind::GlobalAvgPool2d,
            StepKind::ScaleToLength { length: 1.0, epsilon: 0.0 },
        ] {
            assert_eq!(serde_json::to_value(&kind).unwrap()["kind"], kind.name());
        }
    }
}
