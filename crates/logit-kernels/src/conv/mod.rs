//! Two-dimensional convolution in plain `[N, C, H, W]`, directly: no matrix of patches is ever made.
//!
//! The pipeline of every function here:
//! 1. [`frame`]: a piece of work (some rows of an image, or some whole small images) copies the rows that it reads into a
//!    *frame* with zeros around it, each row ordered by the stride's phase, so that each tap of the kernel, whatever
//!    stride and dilation, is one contiguous run at a fixed offset;
//! 2. [`pack`]: the weights, once a call, in the order in which they are read;
//! 3. [`output`] or [`weight`]: register-blocked loops over output channels and runs of pixels.
//!
//! The gradient by the input is a convolution too, of the output's gradient with the flipped weights; a transposed
//! convolution is that gradient's computation, taken as a layer.

mod direct;
mod frame;
mod geometry;
mod pack;
mod planes;
mod runs;
mod spread;
mod transposed;
mod weight;

pub use geometry::{Conv2d, ConvError, ConvTransposed2d};
pub use planes::{Part, PartMut};
pub use transposed::{transposed_backward_data, transposed_backward_weight, transposed_forward};

use direct::{Direct, Grid};
use frame::Source;
use planes::{Planes, PlanesMut};
use spread::spread;

use crate::buffer;

/// The convolution of the input with the weight, plus the bias, through `max(0, ·)` if `relu`.
///
/// `weight` is `[out_channels, in_channels / groups, kernel…]`, `output` `[batch, out_channels, height, width]`; the
/// parts of the input make its channels together.
///
/// # Panics
/// A length does not fit the geometry, or the geometry cannot be.
pub fn forward(
    conv: &Conv2d,
    input: &[Part<'_>],
    weight: &[f32],
    bias: Option<&[f32]>,
    relu: bool,
    output: &mut [f32],
) {
    conv.expect();
    conv.expect_weights(weight.len(), bias.map(<[f32]>::len));
    let input = Planes::new(input, conv.batch, conv.in_channels, conv.input);
    let mut output = [PartMut { data: output, channels: conv.out_channels }];
    let output = PlanesMut::new(&mut output, conv.batch, conv.out_channels, conv.output());
    let (inputs, outputs, taps) = (conv.group_inputs(), conv.group_outputs(), conv.tap_places());
    let packed = pack::pack(weight, [conv.groups, outputs, inputs, taps.len()], |group, output, input, tap| {
        pack::place(conv, group, output, input, tap)
    });
    let direct = Direct {
        batch: conv.batch,
        groups: conv.groups,
        inputs,
        outputs,
        source: Source { planes: &input, mask: None },
        stride: conv.stride,
        taps: &taps,
        grid: Grid { size: conv.output(), start: [0, 0], step: [1, 1] },
        weight: &packed,
        bias,
        relu,
    };
    direct.run(&output);
    buffer::give(packed);
}

/// The gradient by the input, written to one buffer a part.
///
/// `activated` is the forward's output where it went through the rectifier: no gradient passes where that is 0.
///
/// # Panics
/// As [`forward`].
pub fn backward_data(
    conv: &Conv2d,
    grad_output: &[f32],
    activated: Option<&[f32]>,
    weight: &[f32],
    grad_input: &mut [PartMut<'_>],
) {
    conv.expect();
    conv.expect_weights(weight.len(), None);
    let gradient = outputs_of(conv, grad_output);
    let mask = activated.map(|activated| outputs_of(conv, activated));
    let grad_input = PlanesMut::new(grad_input, conv.batch, conv.in_channels, conv.input);
    spread(conv, Source { planes: &gradient, mask: mask.as_ref() }, weight, None, &grad_input);
}

/// The gradient by the weight, and by the bias if wanted.
///
/// # Panics
/// As [`forward`].
pub fn backward_weight(
    conv: &Conv2d,
    input: &[Part<'_>],
    grad_output: &[f32],
    activated: Option<&[f32]>,
    grad_weight: &mut [f32],
    grad_bias: Option<&mut [f32]>,
) {
    conv.expect();
    conv.expect_weights(grad_weight.len(), grad_bias.as_ref().map(|bias| bias.len()));
    let input = Planes::new(input, conv.batch, conv.in_channels, conv.input);
    let gradient = outputs_of(conv, grad_output);
    let mask = activated.map(|activated| outputs_of(conv, activated));
    weight::gradient(conv, &input, Source { planes: &gradient, mask: mask.as_ref() }, grad_weight, grad_bias);
}

fn outputs_of<'a>(conv: &Conv2d, data: &'a [f32]) -> Planes<'a> {
    Planes::new(&[Part { data, channels: conv.out_channels }], conv.batch, conv.out_channels, conv.output())
}

#[cfg(test)]
mod tests;
