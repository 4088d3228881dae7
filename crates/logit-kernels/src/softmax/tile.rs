//! The passes of a softmax over a tile: so many positions that their logits stay in the cache from pass to pass.

use pulp::Simd;

use crate::math::{exp, tanh};
use crate::simd::{load, store};

/// Positions that a tile has at most.
pub(crate) const MOST_POSITIONS: usize = 512;

/// A number a position of a tile.
pub(crate) type OfPosition = [f32; MOST_POSITIONS];

/// The most lanes that a vector has.
const MOST_LANES: usize = 16;

/// Accumulators of a line: so many vectors are on their way at once.
const WAYS: usize = 4;

/// Which of a tile's numbers lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// Those of a position: a line is a position.
    Positions,
    /// Those of a unit: a line is a unit.
    Units,
}

/// Lines of numbers in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// The first number.
    pub(crate) start: *mut f32,
    /// From one line to the next.
    pub(crate) stride: usize,
}

impl Grid {
    /// # Safety
    /// The line is one of the grid's.
    #[inline(always)]
    pub(crate) unsafe fn line(self, line: usize) -> *mut f32 {
        // SAFETY: the caller vouches that the line is inside.
        unsafe { self.start.add(line * self.stride) }
    }
}

/// What is taken off the share of a unit, and weighs its surprise.
#[derive(Clone, Copy)]
pub(crate) enum Spread<'a> {
    /// Nothing.
    None,
    /// A number a unit.
    Units(&'a [f32]),
    /// `share · factor + summand`: shares of the tile's shape, a factor and a summand a unit.
    Entries { shares: Grid, factor: &'a [f32], summand: &'a [f32] },
}

/// Positions, their logits, and where the exponentials and then the gradient are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tile {
    pub(crate) lines: Lines,
    pub(crate) units: usize,
    pub(crate) positions: usize,
    pub(crate) from: Grid,
    /// May be `from`.
    pub(crate) to: Grid,
}

/// What a pass reads: a number an entry, a position or a unit.
#[derive(Clone, Copy)]
pub(super) enum Of<'a> {
    Entry(Grid),
    Position(&'a OfPosition),
    Unit(&'a [f32]),
}

/// Numbers along a line, or one for the whole of it.
#[derive(Clone, Copy)]
struct Along {
    start: *const f32,
    /// All bits, or none when the number is the same for the whole line.
    moves: usize,
}

/// A vector of one number.
#[repr(align(64))]
#[derive(Clone, Copy)]
struct Same([f32; MOST_LANES]);

/// How the lanes and accumulators of a line become one number.
#[derive(Clone, Copy)]
pub(super) enum Reduction {
    Sum,
    Max,
}

impl Reduction {
    fn start(self) -> f32 {
        match self {
            Reduction::Sum => 0.0,
            Reduction::Max => f32::NEG_INFINITY,
        }
    }

    #[inline(always)]
    fn of<S: Simd>(self, simd: S, [a, b, c, d]: [S::f32s; WAYS]) -> f32 {
        match self {
            Reduction::Sum => simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d))),
            Reduction::Max => simd.reduce_max_f32s(simd.max_f32s(simd.max_f32s(a, b), simd.max_f32s(c, d))),
        }
    }
}

impl Tile {
    /// How many lines there are, and how long each is.
    pub(crate) fn extent(&self) -> [usize; 2] {
        match self.lines {
            Lines::Positions => [self.positions, self.units],
            Lines::Units => [self.units, self.positions],
        }
    }

    /// The place of an entry in a grid of the tile's shape.
    ///
    /// # Panics
    /// When there is no such entry.
    #[inline(always)]
    pub(crate) fn entry(&self, grid: Grid, position: usize, unit: usize) -> *mut f32 {
        assert!(position < self.positions && unit < self.units, "no unit {unit} among {}", self.units);
        let (line, place) = match self.lines {
            Lines::Positions => (position, unit),
            Lines::Units => (unit, position),
        };
        // SAFETY: the entry is inside, as checked.
        unsafe { grid.line(line).add(place) }
    }

    /// Writes the greatest logit of each position, or some other where one is NaN.
    ///
    /// # Safety
    /// Here and in all passes: the grids can be read and written as the tile says, nobody else touches them, and what
    /// is given a unit is given for every unit.
    #[inline(always)]
    pub(crate) unsafe fn maxima<S: Simd>(&self, simd: S, maxima: &mut OfPosition) {
        let from = ([Of::Entry(self.from)], [f32::NEG_INFINITY]);
        // SAFETY: as the caller vouches.
        unsafe {
            self.pass(
                simd,
                from,
                [],
                [maxima],
                Reduction::Max,
                #[inline(always)]
                |[most]: [S::f32s; 1], [x]: [S::f32s; 1]| ([simd.max_f32s(most, x)], []),
            );
        };
    }

    /// Writes `exp(logit - shift)` to `to`, and the sum over each position.
    ///
    /// # Safety
    /// As for `maxima`.
    #[inline(always)]
    pub(crate) unsafe fn exponentials<S: Simd>(&self, simd: S, shift: &OfPosition, sums: &mut OfPosition) {
        let from = ([Of::Entry(self.from), Of::Position(shift)], [f32::NEG_INFINITY, 0.0]);
        // SAFETY: as the caller vouches.
        unsafe {
            self.pass(
                simd,
                from,
                [self.to],
                [sums],
                Reduction::Sum,
                #[inline(always)]
                |[sum]: [S::f32s; 1], [x, shift]: [S::f32s; 2]| {
                    let e = exp(simd, simd.sub_f32s(x, shift));
                    ([simd.add_f32s(sum, e)], [e])
                },
            );
        }
    }

    /// Writes the sum of what `to` holds of each position.
    ///
    /// # Safety
    /// As for `maxima`.
    #[inline(always)]
    pub(crate) unsafe fn sums<S: Simd>(&self, simd: S, sums: &mut OfPosition) {
        // SAFETY: as the caller vouches.
        unsafe {
            self.pass(
                simd,
                ([Of::Entry(self.to)], [0.0]),
                [],
                [sums],
                Reduction::Sum,
                #[inline(always)]
                |[sum]: [S::f32s; 1], [e]: [S::f32s; 1]| ([simd.add_f32s(sum, e)], []),
            );
        };
    }

    /// Writes, of each position, the sum of the spread and that of spread times `shift - logit`.
    ///
    /// # Safety
    /// As for `maxima`.
    #[inline(always)]
    pub(crate) unsafe fn weigh<S: Simd>(
        &self,
        simd: S,
        shift: &OfPosition,
        spread: Spread<'_>,
        [masses, surprises]: [&mut OfPosition; 2],
    ) {
        let (x, shift) = (Of::Entry(self.from), Of::Position(shift));
        let to = [masses, surprises];
        // SAFETY: as the caller vouches.
        unsafe {
            match spread {
                Spread::None => to.into_iter().for_each(|sums| sums[..self.positions].fill(0.0)),
                Spread::Units(shares) => {
                    let from = ([x, shift, Of::Unit(shares)], [0.0; 3]);
                    self.pass(
                        simd,
                        from,
                        [],
                        to,
                        Reduction::Sum,
                        #[inline(always)]
                        |sums, [x, shift, share]: [S::f32s; 3]| {
                            (weighed(simd, sums, share, simd.sub_f32s(shift, x)), [])
                        },
                    );
                }
                Spread::Entries { shares, factor, summand } => {
                    let of = [x, shift, Of::Entry(shares), Of::Unit(factor), Of::Unit(summand)];
                    self.pass(
                        simd,
                        (of, [0.0; 5]),
                        [],
                        to,
                        Reduction::Sum,
                        #[inline(always)]
                        |sums, [x, shift, share, factor, summand]: [S::f32s; 5]| {
                            let share = simd.mul_add_e_f32s(share, factor, summand);
                            (weighed(simd, sums, share, simd.sub_f32s(shift, x)), [])
                        },
                    );
                }
            }
        }
    }

    /// Makes `slope · to - scale · spread` of what `to` holds.
    ///
    /// # Safety
    /// As for `maxima`.
    #[inline(always)]
    pub(crate) unsafe fn finish<S: Simd>(
        &self,
        simd: S,
        slopes: &OfPosition,
        spread: Spread<'_>,
        scale: f32,
    ) {
        let scale = simd.splat_f32s(-scale);
        let (e, slope) = (Of::Entry(self.to), Of::Position(slopes));
        // SAFETY: as the caller vouches.
        unsafe {
            match spread {
                Spread::None => {
                    self.map(
                        simd,
                        [e, slope],
                        self.to,
                        #[inline(always)]
                        |[e, slope]: [S::f32s; 2]| simd.mul_f32s(e, slope),
                    );
                }
                Spread::Units(shares) => {
                    self.map(
                        simd,
                        [e, slope, Of::Unit(shares)],
                        self.to,
                        #[inline(always)]
                        |[e, slope, share]: [S::f32s; 3]| {
                            simd.mul_add_e_f32s(share, scale, simd.mul_f32s(e, slope))
                        },
                    );
                }
                Spread::Entries { shares, factor, summand } => {
                    let of = [e, slope, Of::Entry(shares), Of::Unit(factor), Of::Unit(summand)];
                    self.map(
                        simd,
                        of,
                        self.to,
                        #[inline(always)]
                        |[e, slope, share, factor, summand]: [S::f32s; 5]| {
                            let share = simd.mul_add_e_f32s(share, factor, summand);
                            simd.mul_add_e_f32s(share, scale, simd.mul_f32s(e, slope))
                        },
                    );
                }
            }
        }
    }

    /// Writes `logit - shift - log` to `to`.
    ///
    /// # Safety
    /// As for `maxima`.
    #[inline(always)]
    pub(crate) unsafe fn differences<S: Simd>(&self, simd: S, shift: &OfPosition, logs: &OfPosition) {
        let of = [Of::Entry(self.from), Of::Position(shift), Of::Position(logs)];
        // SAFETY: as the caller vouches.
        unsafe {
            self.map(
                simd,
                of,
                self.to,
                #[inline(always)]
                |[x, shift, log]: [S::f32s; 3]| simd.sub_f32s(simd.sub_f32s(x, shift), log),
            );
        };
    }

    /// Writes `cap · tanh(logit / cap)` to another grid.
    ///
    /// # Safety
    /// As for `maxima`; the grid has the tile's shape.
    #[inline(always)]
    pub(crate) unsafe fn cap<S: Simd>(&self, simd: S, cap: f32, capped: Grid) {
        let (factor, cap) = (simd.splat_f32s(1.0 / cap), simd.splat_f32s(cap));
        // SAFETY: as the caller vouches.
        unsafe {
            self.map(
                simd,
                [Of::Entry(self.from)],
                capped,
                #[inline(always)]
                |[x]: [S::f32s; 1]| simd.mul_f32s(tanh(simd, simd.mul_f32s(x, factor)), cap),
            );
        };
    }

    /// Multiplies `to` by the derivative of the cap, `1 - (capped / cap)²`.
    ///
    /// # Safety
    /// As for `maxima`; the grid has the tile's shape.
    #[inline(always)]
    pub(crate) unsafe fn uncap<S: Simd>(&self, simd: S, cap: f32, capped: Grid) {
        let (factor, one) = (simd.splat_f32s(1.0 / cap), simd.splat_f32s(1.0));
        // SAFETY: as the caller vouches.
        unsafe {
            self.map(
                simd,
                [Of::Entry(self.to), Of::Entry(capped)],
                self.to,
                #[inline(always)]
                |[gradient, capped]: [S::f32s; 2]| {
                    let tanh = simd.mul_f32s(capped, factor);
                    let rest = simd.mul_f32s(simd.sub_f32s(one, tanh), simd.add_f32s(one, tanh));
                    simd.mul_f32s(gradient, rest)
                },
            );
        }
    }

    /// A pass that writes an image of every entry.
    ///
    /// # Safety
    /// As for `pass`.
    #[inline(always)]
    pub(super) unsafe fn map<S: Simd, const I: usize>(
        &self,
        simd: S,
        of: [Of<'_>; I],
        to: Grid,
        image: impl Fn([S::f32s; I]) -> S::f32s,
    ) {
        // SAFETY: as the caller vouches.
        unsafe {
            self.pass(
                simd,
                (of, [0.0; I]),
                [to],
                [],
                Reduction::Sum,
                #[inline(always)]
                |[]: [S::f32s; 0], numbers| ([], [image(numbers)]),
            );
        };
    }

    /// Goes over the entries line by line: `step` makes new accumulators of the position, and images, of the old
    /// accumulators and what is read. Lanes beyond a line's end hold the filler, and are not written.
    ///
    /// # Safety
    /// As for `maxima`; all grids have the tile's shape.
    #[inline(always)]
    pub(super) unsafe fn pass<S: Simd, const I: usize, const O: usize, const R: usize>(
        &self,
        simd: S,
        (of, filler): ([Of<'_>; I], [f32; I]),
        to: [Grid; O],
        reduced: [&mut OfPosition; R],
        reduction: Reduction,
        step: impl Fn([S::f32s; R], [S::f32s; I]) -> ([S::f32s; R], [S::f32s; O]),
    ) {
        let [lines, len] = self.extent();
        let reduced = reduced.map(|numbers| {
            numbers[..self.positions].fill(reduction.start());
            numbers.as_mut_ptr()
        });
        let mut same = [Same([0.0; MOST_LANES]); I];
        for line in 0..lines {
            // SAFETY: the line is the tile's; what is read and written lies in it, or in the numbers of its position.
            unsafe {
                let from = self.along(line, of, &mut same);
                let to = to.map(|to| to.line(line));
                match self.lines {
                    Lines::Positions => {
                        let start = [simd.splat_f32s(reduction.start()); R];
                        let all = fold(simd, len, (from, filler), to, start, &step);
                        for (which, reduced) in reduced.into_iter().enumerate() {
                            *reduced.add(line) = reduction.of(simd, all.map(|of_way| of_way[which]));
                        }
                    }
                    Lines::Units => accumulate(simd, len, from, to, reduced, &step),
                }
            }
        }
    }

    /// What a pass reads along a line.
    ///
    /// # Safety
    /// As for `pass`.
    #[inline(always)]
    unsafe fn along<const I: usize>(&self, line: usize, of: [Of<'_>; I], same: &mut [Same; I]) -> [Along; I] {
        // SAFETY: the line is the tile's.
        let entries = |grid: Grid| unsafe { grid.line(line) };
        let mut same = same.iter_mut();
        of.map(|of| {
            let same = same.next().expect("as many as there are operands");
            let number = match (self.lines, of) {
                (_, Of::Entry(grid)) => return Along { start: entries(grid), moves: usize::MAX },
                (Lines::Positions, Of::Unit(numbers)) => {
                    return Along { start: numbers.as_ptr(), moves: usize::MAX };
                }
                (Lines::Units, Of::Position(numbers)) => {
                    return Along { start: numbers.as_ptr(), moves: usize::MAX };
                }
                (Lines::Positions, Of::Position(numbers)) => numbers[line],
                (Lines::Units, Of::Unit(numbers)) => numbers[line],
            };
            same.0 = [number; MOST_LANES];
            Along { start: same.0.as_ptr(), moves: 0 }
        })
    }
}

impl Along {
    /// # Safety
    /// A vector can be read from the place on.
    #[inline(always)]
    unsafe fn load<S: Simd>(self, simd: S, place: usize) -> S::f32s {
        // SAFETY: as the caller vouches; a number for the whole line is there as often as a vector has lanes.
        unsafe { load(simd, self.start.add(place & self.moves)) }
    }

    /// # Safety
    /// The lanes of the mask can be read from the place on.
    #[inline(always)]
    unsafe fn load_lanes<S: Simd>(self, simd: S, lanes: pulp::MemMask<S::m32s>, place: usize) -> S::f32s {
        // SAFETY: as the caller vouches.
        unsafe { simd.mask_load_ptr_f32s(lanes, self.start.add(place & self.moves)) }
    }
}

/// Goes along a line with accumulators in registers, which it returns.
///
/// # Safety
/// `len` numbers can be read and written from each place.
#[inline(always)]
unsafe fn fold<S: Simd, const I: usize, const O: usize, const R: usize>(
    simd: S,
    len: usize,
    (from, filler): ([Along; I], [f32; I]),
    to: [*mut f32; O],
    start: [S::f32s; R],
    step: &impl Fn([S::f32s; R], [S::f32s; I]) -> ([S::f32s; R], [S::f32s; O]),
) -> [[S::f32s; R]; WAYS] {
    let mut accumulators = [start; WAYS];
    let mut place = 0;
    while place + WAYS * S::F32_LANES <= len {
        for accumulator in &mut accumulators {
            // SAFETY: the vectors end within `len`.
            unsafe {
                let (next, images) = step(*accumulator, from.map(|from| from.load(simd, place)));
                *accumulator = next;
                for (to, image) in to.into_iter().zip(images) {
                    store(simd, to.add(place), image);
                }
            }
            place += S::F32_LANES;
        }
    }
    while place < len {
        let count = S::F32_LANES.min(len - place);
        let lanes = simd.mask_between_m32s(0, count as u32);
        // SAFETY: the lanes of the mask end within `len`.
        unsafe {
            let mut numbers = from.map(|from| from.load_lanes(simd, lanes, place));
            for (number, filler) in numbers.iter_mut().zip(filler) {
                *number = simd.select_f32s(lanes.mask(), *number, simd.splat_f32s(filler));
            }
            let (next, images) = step(accumulators[0], numbers);
            accumulators[0] = next;
            for (to, image) in to.into_iter().zip(images) {
                simd.mask_store_ptr_f32s(lanes, to.add(place), image);
            }
        }
        place += count;
    }
    accumulators
}

/// Goes along a line with accumulators in memory.
///
/// # Safety
/// `len` numbers can be read and written from each place.
#[inline(always)]
unsafe fn accumulate<S: Simd, const I: usize, const O: usize, const R: usize>(
    simd: S,
    len: usize,
    from: [Along; I],
    to: [*mut f32; O],
    sums: [*mut f32; R],
    step: &impl Fn([S::f32s; R], [S::f32s; I]) -> ([S::f32s; R], [S::f32s; O]),
) {
    let mut place = 0;
    while place + S::F32_LANES <= len {
        // SAFETY: the vectors end within `len`.
        unsafe {
            let old = sums.map(|sums| load(simd, sums.add(place)));
            let (new, images) = step(old, from.map(|from| from.load(simd, place)));
            for (to, image) in sums.into_iter().zip(new).chain(to.into_iter().zip(images)) {
                store(simd, to.add(place), image);
            }
        }
        place += S::F32_LANES;
    }
    if place < len {
        let lanes = simd.mask_between_m32s(0, (len - place) as u32);
        // SAFETY: the lanes of the mask end within `len`.
        unsafe {
            let old = sums.map(|sums| simd.mask_load_ptr_f32s(lanes, sums.add(place)));
            let (new, images) = step(old, from.map(|from| from.load_lanes(simd, lanes, place)));
            for (to, image) in sums.into_iter().zip(new).chain(to.into_iter().zip(images)) {
                simd.mask_store_ptr_f32s(lanes, to.add(place), image);
            }
        }
    }
}

/// Adds a share to the mass, and share times how far the logit is below the shift to the surprise.
#[inline(always)]
fn weighed<S: Simd>(simd: S, [mass, surprise]: [S::f32s; 2], share: S::f32s, below: S::f32s) -> [S::f32s; 2] {
    [simd.add_f32s(mass, share), simd.mul_add_e_f32s(share, below, surprise)]
}
