//! Transposed convolution: the gradient of a convolution by its input, taken as a layer.

use super::frame::Source;
use super::geometry::ConvTransposed2d;
use super::planes::{Part, PartMut, PlanesMut};
use super::{backward_weight, forward, outputs_of, spread};

/// The transposed convolution of the input with the weight, plus the bias.
///
/// `weight` is `[in_channels, out_channels / groups, kernel…]`, `output` `[batch, out_channels, height, width]`.
///
/// # Panics
/// A length does not fit the geometry, or the geometry cannot be.
pub fn transposed_forward(
    conv: &ConvTransposed2d,
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    output: &mut [f32],
) {
    conv.expect();
    assert!(bias.is_none_or(|bias| bias.len() == conv.out_channels), "biases, and the channels of {conv:?}");
    let convolution = conv.convolution();
    convolution.expect_weights(weight.len(), None);
    let source = outputs_of(&convolution, input);
    let mut output = [PartMut { data: output, channels: conv.out_channels }];
    let output = PlanesMut::new(&mut output, conv.batch, conv.out_channels, conv.output());
    spread(&convolution, Source { planes: &source, mask: None }, weight, bias, &output);
}

/// The gradient by the input.
///
/// # Panics
/// As [`transposed_forward`].
pub fn transposed_backward_data(
    conv: &ConvTransposed2d,
    grad_output: &[f32],
    weight: &[f32],
    grad_input: &mut [f32],
) {
    conv.expect();
    let part = Part { data: grad_output, channels: conv.out_channels };
    forward(&conv.convolution(), &[part], weight, None, false, grad_input);
}

/// The gradient by the weight, and by the bias if wanted.
///
/// # Panics
/// As [`transposed_forward`].
pub fn transposed_backward_weight(
    conv: &ConvTransposed2d,
    input: &[f32],
    grad_output: &[f32],
    grad_weight: &mut [f32],
    grad_bias: Option<&mut [f32]>,
) {
    conv.expect();
    let part = Part { data: grad_output, channels: conv.out_channels };
    backward_weight(&conv.convolution(), &[part], input, None, grad_weight, None);
    let Some(grad_bias) = grad_bias else { return };
    assert_eq!(grad_bias.len(), conv.out_channels, "biases, and the channels of {conv:?}");
    let plane: usize = conv.output().iter().product();
    grad_bias.fill(0.0);
    for (at, plane) in grad_output.chunks_exact(plane).enumerate() {
        grad_bias[at % conv.out_channels] += crate::simd::sum(plane);
    }
}
