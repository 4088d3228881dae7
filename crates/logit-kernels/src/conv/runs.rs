//! How the outputs of a piece of work make vectors: runs of neighbours in a row.

use pulp::Simd;

use super::frame::Frame;
use crate::buffer::Scratch;
use crate::simd::{load, load_halves};

/// A run of outputs of one row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    /// The offset of its first output's first tap, in the frames of the piece.
    pub(super) input: usize,
    /// The image within the piece.
    pub(super) image: usize,
    /// The row within the piece.
    pub(super) row: usize,
    /// The first column.
    pub(super) column: usize,
    /// How many outputs are wanted; those after them are computed and dropped.
    pub(super) len: usize,
}

/// The vectors of a piece: of one run each, or of two runs of half a vector. No vector lies in two images.
#[derive(Debug)]
pub(super) struct Vectors {
    pub(super) list: Vec<[Run; 2]>,
    /// Whether a vector is two runs.
    pub(super) halves: bool,
}

/// Whether vectors of two runs waste less than vectors of one, for rows of `width`.
pub(super) fn prefers_halves(width: usize, lanes: usize) -> bool {
    lanes >= 8 && width.div_ceil(lanes / 2) < 2 * width.div_ceil(lanes)
}

/// Outputs of a run.
pub(super) fn run_size(width: usize, lanes: usize) -> usize {
    if prefers_halves(width, lanes) { lanes / 2 } else { lanes }
}

/// Outputs that a row computes: `width`, and what fills its last run up.
pub(super) fn computed_width(width: usize, lanes: usize) -> usize {
    width.next_multiple_of(run_size(width, lanes))
}

/// What a thread keeps from piece to piece.
#[derive(Default)]
pub(super) struct Workspace {
    scratch: Scratch,
    /// Vectors of so many images, rows and channels.
    vectors: Option<([usize; 3], Vectors)>,
}

impl Workspace {
    /// Room for numbers, and the vectors of so many images, rows and channels, upon which an image's place in the frames
    /// depends: within one call of a convolution, they are made the same way for all pieces.
    pub(super) fn prepare(
        &mut self,
        sizes: [usize; 3],
        make: impl FnOnce() -> Vectors,
    ) -> (&mut Scratch, &Vectors) {
        let kept = self.vectors.take().filter(|(of, _)| *of == sizes);
        let (_, vectors) = self.vectors.insert(kept.unwrap_or_else(|| (sizes, make())));
        (&mut self.scratch, vectors)
    }
}

impl Vectors {
    /// The vectors of `rows` rows of `width` outputs in each of `images` images, whose frames lie `image_frame` apart.
    pub(super) fn new(
        frame: &Frame,
        images: usize,
        image_frame: usize,
        rows: usize,
        width: usize,
        lanes: usize,
    ) -> Self {
        let halves = prefers_halves(width, lanes);
        let size = run_size(width, lanes);
        let mut list = vec![];
        for image in 0..images {
            let mut runs = (0..rows).flat_map(|row| {
                (0..width).step_by(size).map(move |column| Run {
                    input: image * image_frame + frame.place(row, column),
                    image,
                    row,
                    column,
                    len: size.min(width - column),
                })
            });
            while let Some(run) = runs.next() {
                // A lonely run is joined by one that reads what it reads, and of which nothing is wanted.
                let nothing = Run { len: 0, ..run };
                list.push([run, if halves { runs.next().unwrap_or(nothing) } else { nothing }]);
            }
        }
        Self { list, halves }
    }
}

/// The vector of one run, or of two, that begin at their offsets from `frame`.
///
/// # Safety
/// The runs can be read.
#[inline(always)]
pub(super) unsafe fn load_runs<S: Simd, const HALVES: bool>(
    simd: S,
    frame: *const f32,
    [low, high]: [usize; 2],
) -> S::f32s {
    // SAFETY: the caller vouches for the runs.
    unsafe {
        if HALVES { load_halves(simd, frame.add(low), frame.add(high)) } else { load(simd, frame.add(low)) }
    }
}
