//! How the positions of a tensor are cut into tiles, and how their numbers come into them.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use super::Shape;
use super::tile::{Grid, Lines, MOST_POSITIONS, Tile};
use crate::buffer;
use crate::element::Element;
use crate::parallel::map_items;

/// Numbers of a tile, about: 32 KiB.
const TILE: usize = 8 * 1024;

/// Numbers of a piece of work, at least.
const PIECE: usize = 32 * 1024;

/// Positions or units side by side below which a vector would be mostly empty.
const SHORT: usize = 24;

/// Positions of a tile whose lines are units, at least: so many that lines are read whole from memory.
const LEAST_POSITIONS: usize = 64;

/// The numbers of a tensor: read, and perhaps written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers<'a, E> {
    from: *const E,
    to: Option<*mut E>,
    borrow: PhantomData<&'a mut [E]>,
}

// SAFETY: tiles are the only access, and no two of them have an entry in common.
unsafe impl<E: Send> Send for Numbers<'_, E> {}
// SAFETY: as above.
unsafe impl<E: Sync> Sync for Numbers<'_, E> {}

impl<'a, E: Element> Numbers<'a, E> {
    /// Numbers that are only read.
    pub(crate) fn read(from: &'a [E]) -> Self {
        Self { from: from.as_ptr(), to: None, borrow: PhantomData }
    }

    /// Numbers whose images are written elsewhere.
    ///
    /// # Panics
    /// When the lengths differ.
    pub(crate) fn apart(from: &'a [E], to: &'a mut [E]) -> Self {
        assert_eq!(from.len(), to.len(), "numbers to read, and room to write");
        Self { from: from.as_ptr(), to: Some(to.as_mut_ptr()), borrow: PhantomData }
    }

    /// Numbers whose images are written over them.
    pub(crate) fn over(numbers: &'a mut [E]) -> Self {
        let to = numbers.as_mut_ptr();
        Self { from: to, to: Some(to), borrow: PhantomData }
    }

    /// Where the numbers from `start` on are to be read and their images to be written: in place or in the copy.
    ///
    /// # Safety
    /// So many numbers as the copy has lie in the tensor, and nobody else touches them.
    #[inline(always)]
    pub(crate) unsafe fn open_run(&self, start: usize, copy: &mut [f32]) -> [*mut f32; 2] {
        let room = copy.as_mut_ptr();
        // SAFETY: as the caller vouches.
        unsafe {
            let from = self.from.add(start);
            if !E::IS_F32 {
                E::load(std::slice::from_raw_parts(from, copy.len()), copy);
                return [room; 2];
            }
            [from.cast_mut().cast(), self.to.map_or(room, |to| to.add(start).cast())]
        }
    }

    /// Writes the images of a run from the copy, unless they are there.
    ///
    /// # Safety
    /// As for `open_run`.
    #[inline(always)]
    pub(crate) unsafe fn close_run(&self, start: usize, copy: &[f32]) {
        if let (Some(to), false) = (self.to, E::IS_F32) {
            // SAFETY: as the caller vouches.
            E::store(copy, unsafe { std::slice::from_raw_parts_mut(to.add(start), copy.len()) });
        }
    }

    /// Whether images are written.
    pub(crate) fn writes(&self) -> bool {
        self.to.is_some()
    }
}

/// Some positions side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// The first of them, counted over all.
    pub(crate) first: usize,
    pub(crate) count: usize,
}

/// Buffers for the numbers of a tile, which a thread uses for tile after tile.
pub(crate) struct Workspace {
    /// The numbers themselves, where they are not computed with in place.
    numbers: Vec<f32>,
    /// Whatever else has the tile's shape.
    other: [Vec<f32>; 2],
}

impl Workspace {
    fn new() -> Self {
        Self { numbers: Vec::new(), other: [Vec::new(), Vec::new()] }
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let Self { numbers, other: [one, two] } = self;
        for buffer in [numbers, one, two] {
            buffer::give(std::mem::take(buffer));
        }
    }
}

/// What is done to each tile.
pub(crate) trait TileWork: Sync {
    /// What comes of the tiles of a piece.
    type Sum: Default + Send;

    /// Works on one tile.
    fn run<S: Simd>(
        &self,
        simd: S,
        tiling: &Tiling,
        span: Span,
        workspace: &mut Workspace,
        sum: &mut Self::Sum,
    );
}

/// How a shape is cut into tiles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiling {
    shape: Shape,
    lines: Lines,
    /// Whether tiles are copies, for what lies side by side in the tensor is too short for vectors.
    gathered: bool,
    /// Of a tile.
    positions: usize,
}

impl Tiling {
    pub(crate) fn new(shape: Shape) -> Self {
        let Shape { units, inner, .. } = shape;
        let lines = if inner == 1 && units >= SHORT { Lines::Positions } else { Lines::Units };
        let least = if lines == Lines::Positions { 1 } else { LEAST_POSITIONS };
        let positions = (TILE / units.max(1)).clamp(least, MOST_POSITIONS);
        Self { shape, lines, gathered: lines == Lines::Units && inner < SHORT, positions }
    }

    /// Tiles of a block of positions that are cut together, and the positions of such a block.
    fn block(&self) -> [usize; 2] {
        let Shape { outer, inner, .. } = self.shape;
        let positions = if self.lines == Lines::Units && !self.gathered { inner } else { outer * inner };
        [positions.div_ceil(self.positions), positions]
    }

    fn span(&self, tile: usize) -> Span {
        let [tiles, positions] = self.block();
        let start = tile % tiles * self.positions;
        Span { first: tile / tiles * positions + start, count: self.positions.min(positions - start) }
    }

    /// Works on all tiles: what comes of each piece, in order.
    pub(crate) fn each_tile<W: TileWork>(&self, work: &W) -> Vec<W::Sum> {
        let Shape { outer, units, inner } = self.shape;
        let [block, positions] = self.block();
        let tiles = block * (outer * inner).checked_div(positions).unwrap_or(0);
        let numbers = (units * self.positions).max(self.positions);
        let each = PIECE.div_ceil(numbers.max(1)).max(1);
        #[cfg(test)]
        let width = crate::math::tests::width();
        map_items(tiles.div_ceil(each), each * numbers, |piece| {
            let piece = Piece { tiling: self, work, tiles: piece * each..tiles.min((piece + 1) * each) };
            #[cfg(test)]
            return crate::math::tests::dispatch_as(width, piece);
            #[cfg(not(test))]
            crate::simd::dispatch(piece)
        })
    }

    /// The first number of a span, where lines are computed with in place, and how far lines are apart.
    fn place(&self, span: Span) -> [usize; 2] {
        let Shape { units, inner, .. } = self.shape;
        match self.lines {
            Lines::Positions => [span.first * units, units],
            Lines::Units => [span.first / inner * units * inner + span.first % inner, inner],
        }
    }

    /// The tile of a span.
    ///
    /// # Safety
    /// The numbers are those of the tiling's shape, and nobody else touches those of the span.
    pub(crate) unsafe fn open<E: Element>(
        &self,
        numbers: &Numbers<'_, E>,
        span: Span,
        workspace: &mut Workspace,
    ) -> Tile {
        let tile =
            |from, to| Tile { lines: self.lines, units: self.shape.units, positions: span.count, from, to };
        let direct = E::IS_F32 && !self.gathered;
        let [start, stride] = self.place(span);
        // SAFETY: the span starts inside.
        let at = |place: *mut f32| unsafe { Grid { start: place.add(start), stride } };
        match numbers.to {
            Some(to) if direct => tile(at(numbers.from.cast_mut().cast()), at(to.cast())),
            None if direct => tile(at(numbers.from.cast_mut().cast()), self.room(&mut workspace.numbers)),
            _ => {
                let copy = self.room(&mut workspace.numbers);
                let tile = tile(copy, copy);
                // SAFETY: as the caller vouches; the room is that of a tile.
                unsafe { self.read(numbers.from, span, &tile) };
                tile
            }
        }
    }

    /// Writes the images of a tile, unless they are there.
    ///
    /// # Safety
    /// As for `open`; the tile is what that returned.
    pub(crate) unsafe fn close<E: Element>(&self, numbers: &Numbers<'_, E>, span: Span, tile: &Tile) {
        let Some(to) = numbers.to else { return };
        if E::IS_F32 && !self.gathered {
            return;
        }
        let [start, stride] = self.place(span);
        let [lines, len] = tile.extent();
        // SAFETY: as the caller vouches, and lines are inside.
        unsafe {
            if self.gathered {
                let write = |number: usize, place: *mut f32| *to.add(number) = E::of(*place);
                return self.gather(span, tile, write);
            }
            for line in 0..lines {
                let images = std::slice::from_raw_parts(tile.to.line(line), len);
                E::store(images, std::slice::from_raw_parts_mut(to.add(start + line * stride), len));
            }
        }
    }

    /// The part of a tensor of the tiling's shape that belongs to a tile, copied where the tile is a copy.
    ///
    /// # Safety
    /// The numbers are those of the tiling's shape.
    pub(crate) unsafe fn fellow(
        &self,
        numbers: &[f32],
        span: Span,
        tile: &Tile,
        workspace: &mut Workspace,
    ) -> Grid {
        let [start, stride] = self.place(span);
        if !self.gathered {
            return Grid { start: numbers[start..].as_ptr().cast_mut(), stride };
        }
        let grid = self.room(&mut workspace.other[0]);
        // SAFETY: as the caller vouches.
        unsafe { self.read(numbers.as_ptr(), span, &Tile { to: grid, ..*tile }) };
        grid
    }

    /// Room for another grid of a tile's shape.
    pub(crate) fn spare(&self, workspace: &mut Workspace) -> Grid {
        self.room(&mut workspace.other[1])
    }

    fn room(&self, buffer: &mut Vec<f32>) -> Grid {
        let len = self.positions * self.shape.units;
        if buffer.len() != len {
            *buffer = buffer::take(len);
        }
        let stride = if self.lines == Lines::Positions { self.shape.units } else { self.positions };
        Grid { start: buffer.as_mut_ptr(), stride }
    }

    /// Copies the numbers of a span to a tile's `to`.
    ///
    /// # Safety
    /// As for `open`; there is room for the tile's shape.
    unsafe fn read<E: Element>(&self, from: *const E, span: Span, tile: &Tile) {
        let [start, stride] = self.place(span);
        let [lines, len] = tile.extent();
        // SAFETY: as the caller vouches, and lines are inside.
        unsafe {
            if self.gathered {
                return self.gather(span, tile, |number, place| *place = (*from.add(number)).get());
            }
            for line in 0..lines {
                let numbers = std::slice::from_raw_parts(from.add(start + line * stride), len);
                E::load(numbers, std::slice::from_raw_parts_mut(tile.to.line(line), len));
            }
        }
    }

    /// Calls `copy` with where each number is in the tensor and in a tile's `to`.
    ///
    /// # Safety
    /// The tile's `to` has room for its shape.
    #[inline(always)]
    unsafe fn gather(&self, span: Span, tile: &Tile, copy: impl Fn(usize, *mut f32)) {
        let Shape { units, inner, .. } = self.shape;
        for position in 0..span.count {
            let [outer, place] = [(span.first + position) / inner, (span.first + position) % inner];
            for unit in 0..units {
                // SAFETY: unit and position are inside.
                copy((outer * units + unit) * inner + place, unsafe { tile.to.line(unit).add(position) });
            }
        }
    }
}

struct Piece<'a, W> {
    tiling: &'a Tiling,
    work: &'a W,
    tiles: std::ops::Range<usize>,
}

impl<W: TileWork> WithSimd for Piece<'_, W> {
    type Output = W::Sum;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> W::Sum {
        let (mut workspace, mut sum) = (Workspace::new(), W::Sum::default());
        for tile in self.tiles {
            self.work.run(simd, self.tiling, self.tiling.span(tile), &mut workspace, &mut sum);
        }
        sum
    }
}
