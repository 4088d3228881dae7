//! The output's gradients, in vectors.

use std::ops::Range;

use super::frame::{Source, hide};
use crate::simd::vectorized;

/// How an image's rows fill its vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    pub(super) count: usize,
    /// Numbers of a row.
    pub(super) width: usize,
    /// Numbers of a row and of the zeros after it, with which it fills its runs.
    pub(super) computed: usize,
    /// Numbers of all rows and of the zeros after them, with which they fill vectors.
    pub(super) of_image: usize,
}

/// Copies rows of channels of images, to `[channel][image][row]`.
pub(super) fn copy(
    source: Source<'_>,
    images: Range<usize>,
    channels: Range<usize>,
    first_row: usize,
    rows: Rows,
    to: &mut [f32],
) {
    let each = channels.flat_map(|channel| images.clone().map(move |image| (image, channel)));
    for ((image, channel), to) in each.zip(to.chunks_exact_mut(rows.of_image)) {
        let range = first_row * rows.width..(first_row + rows.count) * rows.width;
        let mask = source.mask.map(|mask| &mask.plane(image, channel)[range.clone()]);
        let from = &source.planes.plane(image, channel)[range];
        vectorized(
            #[inline(always)]
            || copy_rows(from, mask, rows, to),
        );
    }
}

#[inline(always)]
fn copy_rows(from: &[f32], mask: Option<&[f32]>, rows: Rows, to: &mut [f32]) {
    let (whole, rest) = to.split_at_mut(rows.count * rows.computed);
    rest.fill(0.0);
    for (row, to) in whole.chunks_exact_mut(rows.computed).enumerate() {
        let range = row * rows.width..(row + 1) * rows.width;
        let (wanted, dropped) = to.split_at_mut(rows.width);
        wanted.copy_from_slice(&from[range.clone()]);
        dropped.fill(0.0);
        if let Some(mask) = mask {
            hide(wanted, &mask[range]);
        }
    }
}
