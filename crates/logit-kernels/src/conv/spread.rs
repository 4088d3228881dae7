//! Spreading: the gradient by the input, and a transposed convolution's forward.

use rayon::prelude::*;

use super::direct::{Direct, Grid};
use super::frame::Source;
use super::geometry::Conv2d;
use super::pack;
use super::planes::{PartMut, PlanesMut};
use crate::buffer;

/// Spreads a map of the convolution's output over its input's places: the gradient by the input, and, with a bias, a
/// transposed convolution.
///
/// The places that lie `stride` apart see the same taps: they are one grid, computed by a convolution of stride 1 with
/// those taps alone.
pub(super) fn spread(
    conv: &Conv2d,
    source: Source<'_>,
    weight: &[f32],
    bias: Option<&[f32]>,
    output: &PlanesMut<'_>,
) {
    for row in 0..conv.stride[0] {
        if conv.stride[1] == 1 {
            let places = Grid { start: [row, 0], step: conv.stride, ..whole(conv, [row, 0]) };
            grid(conv, source, weight, bias, [row, 0], places, output);
        } else {
            let columns: Vec<(Vec<f32>, [usize; 2])> = (0..conv.stride[1])
                .map(|column| apart(conv, source, weight, bias, [row, column]))
                .collect();
            weave(conv, row, &columns, output);
            columns.into_iter().for_each(|(plane, _)| buffer::give(plane));
        }
    }
}

/// The grid of places that lie `stride` apart from `start` on, as planes of their own.
fn whole(conv: &Conv2d, start: [usize; 2]) -> Grid {
    let size = [0, 1].map(|axis| conv.input[axis].saturating_sub(start[axis]).div_ceil(conv.stride[axis]));
    Grid { size, start: [0, 0], step: [1, 1] }
}

/// The outputs of a grid, as planes of their own, and their size.
fn apart(
    conv: &Conv2d,
    source: Source<'_>,
    weight: &[f32],
    bias: Option<&[f32]>,
    start: [usize; 2],
) -> (Vec<f32>, [usize; 2]) {
    let places = whole(conv, start);
    let [height, width] = places.size;
    let mut planes = buffer::take(conv.batch * conv.in_channels * height * width);
    let mut part = [PartMut { data: &mut planes, channels: conv.in_channels }];
    let output = PlanesMut::new(&mut part, conv.batch, conv.in_channels, places.size);
    grid(conv, source, weight, bias, start, places, &output);
    (planes, places.size)
}

/// Puts the columns of grids beside each other again, into every `stride`th row of the output from `row` on.
fn weave(conv: &Conv2d, row: usize, columns: &[(Vec<f32>, [usize; 2])], output: &PlanesMut<'_>) {
    let [_, width] = conv.input;
    let rows = columns[0].1[0];
    (0..conv.batch * conv.in_channels).into_par_iter().for_each(|plane| {
        let (image, channel) = (plane / conv.in_channels, output.channel(plane % conv.in_channels));
        for from_row in 0..rows {
            let start = image * channel.next_image + (row + from_row * conv.stride[0]) * width;
            // SAFETY: the row lies in the plane, and no other task writes to that plane.
            let to = unsafe { std::slice::from_raw_parts_mut(channel.first.add(start), width) };
            let row_of = |(_, [_, width]): &(Vec<f32>, [usize; 2])| {
                let start = (plane * rows + from_row) * width;
                start..start + width
            };
            if let [even, odd] = columns {
                let (even, odd) = (&even.0[row_of(even)], &odd.0[row_of(odd)]);
                let (pairs, last) = to.as_chunks_mut::<2>();
                for (pair, (even, odd)) in pairs.iter_mut().zip(even.iter().zip(odd)) {
                    *pair = [*even, *odd];
                }
                if let ([last], Some(even)) = (last, even.last()) {
                    *last = *even;
                }
            } else {
                for (column, from) in columns.iter().enumerate() {
                    let to = to.iter_mut().skip(column).step_by(conv.stride[1]);
                    to.zip(&from.0[row_of(from)]).for_each(|(to, from)| *to = *from);
                }
            }
        }
    });
}

/// Computes the outputs that lie `stride` apart from `start` on, at the places of a grid.
fn grid(
    conv: &Conv2d,
    source: Source<'_>,
    weight: &[f32],
    bias: Option<&[f32]>,
    start: [usize; 2],
    places: Grid,
    output: &PlanesMut<'_>,
) {
    let (inputs, outputs) = (conv.group_outputs(), conv.group_inputs());
    let (taps, tap_places): (Vec<usize>, Vec<[isize; 2]>) = conv.taps_that_reach(start).into_iter().unzip();
    let sizes = [conv.groups, outputs, inputs, taps.len()];
    let packed =
        pack::pack(weight, sizes, |group, output, input, tap| pack::place(conv, group, input, output, taps[tap]));
    let direct = Direct {
        batch: conv.batch,
        groups: conv.groups,
        inputs,
        outputs,
        source,
        stride: [1, 1],
        taps: &tap_places,
        grid: places,
        weight: &packed,
        bias,
        relu: false,
    };
    direct.run(output);
    buffer::give(packed);
}
