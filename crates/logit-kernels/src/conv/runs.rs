//! How the outputs of a piece of work make vectors: runs of neighbours in a row.

use super::frame::Frame;

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

/// The vectors of a piece: of one run each, or of two runs of half a vector.
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

/// Outputs that a row computes: `width`, and what fills its last run up.
pub(super) fn computed_width(width: usize, lanes: usize) -> usize {
    width.next_multiple_of(if prefers_halves(width, lanes) { lanes / 2 } else { lanes })
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
        let size = if halves { lanes / 2 } else { lanes };
        let runs: Vec<Run> = (0..images * rows)
            .flat_map(|row| (0..width).step_by(size).map(move |column| (row / rows, row % rows, column)))
            .map(|(image, row, column)| Run {
                input: image * image_frame + frame.place(row, column),
                image,
                row,
                column,
                len: size.min(width - column),
            })
            .collect();
        // An odd run is joined by one that reads what it reads, and of which nothing is wanted.
        let nothing = |run: Run| Run { len: 0, ..run };
        let list = if halves {
            runs.chunks(2).map(|pair| [pair[0], pair.get(1).copied().unwrap_or(nothing(pair[0]))]).collect()
        } else {
            runs.iter().map(|run| [*run, nothing(*run)]).collect()
        };
        Self { list, halves }
    }
}
