//! Two-dimensional convolution in plain `[N, C, H, W]`, directly: no matrix of patches is ever made.
//!
//! The pipeline of every function here:
//! 1. `frame`: a piece of work (some rows of an image, or some whole small images) copies the rows that it reads into a
//!    *frame* with zeros around it, each row ordered by the stride's phase, so that each tap of the kernel, whatever
//!    stride and dilation, is one contiguous run at a fixed offset;
//! 2. `pack`: the weights, once a call, in the order in which they are read;
//! 3. `direct`, cut up by `pieces` and computed by `tile`, or `weight` and `weight_tile`: register-blocked loops over output channels and runs of
//!    pixels.
//!
//! The gradient by the input is a convolution too, of the output's gradient with the flipped weights; a transposed
//! convolution is that gradient's computation, taken as a layer.

mod direct;
mod frame;
mod geometry;
mod pack;
mod pieces;
mod planes;
mod runs;
mod tile;
mod transposed;
mod upstream;
mod weight;
mod weight_tile;

pub use geometry::{Conv2d, ConvError, ConvTransposed2d};
pub use planes::{Part, PartMut};
pub use transposed::{transposed_backward_data, transposed_backward_weight, transposed_forward};

use direct::{Direct, Grid};
use frame::Source;
use pack::{Layout, Packed};
use planes::{Planes, PlanesMut};

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
    let numbers: Vec<usize> = (0..taps.len()).collect();
    let layout = Layout {
        groups: conv.groups,
        outputs: (outputs, inputs * taps.len()),
        inputs: (inputs, taps.len()),
        taps: &numbers,
    };
    let direct = Direct {
        batch: conv.batch,
        groups: conv.groups,
        inputs,
        outputs,
        source: Source { planes: &input, mask: None },
        stride: conv.stride,
        taps: &taps,
        grid: Grid { size: conv.output(), start: [0, 0], step: [1, 1], dense: false },
        weight: &Packed::new(weight, layout),
        bias,
        relu,
    };
    direct.run(&output);
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

/// Spreads a map of the convolution's output over its input's places: the gradient by the input, and, with a bias, a
/// transposed convolution.
///
/// The places that lie `stride` apart see the same taps: they are one grid, computed by a convolution of stride 1 with
/// those taps alone. Where the taps just tile the input, all places see one output each, and the grids are one.
fn spread(conv: &Conv2d, source: Source<'_>, weight: &[f32], bias: Option<&[f32]>, output: &PlanesMut<'_>) {
    let (inputs, outputs, taps) = (conv.group_outputs(), conv.group_inputs(), conv.taps());
    let from_input = outputs * taps;
    let run = |layout: Layout<'_>, places: &[[isize; 2]], grid: Grid| {
        let direct = Direct {
            batch: conv.batch,
            groups: conv.groups,
            inputs,
            outputs: layout.outputs.0,
            source,
            stride: [1, 1],
            taps: places,
            grid,
            weight: &Packed::new(weight, layout),
            bias,
            relu: false,
        };
        direct.run(output);
    };
    if conv.tiles() {
        let layout = Layout {
            groups: conv.groups,
            outputs: (outputs * taps, 1),
            inputs: (inputs, from_input),
            taps: &[0],
        };
        let grid = Grid { size: conv.output(), start: [0, 0], step: conv.stride, dense: true };
        return run(layout, &[[0, 0]], grid);
    }
    for start in (0..conv.stride[0]).flat_map(|y| (0..conv.stride[1]).map(move |x| [y, x])) {
        let (taps_of_grid, places): (Vec<usize>, Vec<[isize; 2]>) =
            conv.taps_that_reach(start).into_iter().unzip();
        let layout = Layout {
            groups: conv.groups,
            outputs: (outputs, taps),
            inputs: (inputs, from_input),
            taps: &taps_of_grid,
        };
        let size =
            [0, 1].map(|axis| conv.input[axis].saturating_sub(start[axis]).div_ceil(conv.stride[axis]));
        run(layout, &places, Grid { size, start, step: conv.stride, dense: false });
    }
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
