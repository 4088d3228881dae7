//! Where an element-wise kernel reads and where it writes.

use crate::parallel::{LEAST_PIECE, map_items};
use crate::simd::vectorized;

/// The numbers that an element-wise kernel reads, and where their images go.
#[derive(Debug)]
pub enum Place<'a> {
    /// Reads `from` and writes `to`, which is as long.
    Apart {
        /// What is read.
        from: &'a [f32],
        /// What is written, every number of it.
        to: &'a mut [f32],
    },
    /// Writes over what it reads.
    Over(&'a mut [f32]),
}

impl<'a> Place<'a> {
    /// How many numbers are read, and written.
    ///
    /// # Panics
    /// When `from` and `to` differ in length.
    pub fn len(&self) -> usize {
        match self {
            Place::Apart { from, to } => {
                assert_eq!(from.len(), to.len(), "numbers to read, and room to write");
                from.len()
            }
            Place::Over(numbers) => numbers.len(),
        }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is read.
    #[inline(always)]
    pub(crate) fn from(&self) -> &[f32] {
        match self {
            Place::Apart { from, .. } => from,
            Place::Over(numbers) => numbers,
        }
    }

    /// Writes the image of every number, and returns what is written.
    #[inline(always)]
    pub(crate) fn map(self, image: impl Fn(f32) -> f32) -> &'a [f32] {
        match self {
            Place::Apart { from, to } => {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = image(*from));
                to
            }
            Place::Over(numbers) => {
                for number in &mut *numbers {
                    *number = image(*number);
                }
                numbers
            }
        }
    }

    /// Writes the image of every number and its fellow in `others`, and returns what is written.
    #[inline(always)]
    pub(crate) fn map_with(self, others: &[f32], image: impl Fn(f32, f32) -> f32) -> &'a [f32] {
        match self {
            Place::Apart { from, to } => {
                to.iter_mut()
                    .zip(from)
                    .zip(others)
                    .for_each(|((to, from), other)| *to = image(*from, *other));
                to
            }
            Place::Over(numbers) => {
                numbers.iter_mut().zip(others).for_each(|(number, other)| *number = image(*number, *other));
                numbers
            }
        }
    }

    /// Writes the image of every number, by several threads when they are many.
    pub(crate) fn map_all(self, image: impl Fn(f32) -> f32 + Sync) {
        let len = self.len();
        let place = SharedPlace::new(self);
        map_items(len.div_ceil(LEAST_PIECE), LEAST_PIECE, |piece| {
            let start = piece * LEAST_PIECE;
            vectorized(
                #[inline(always)]
                || {
                    // SAFETY: the pieces lie in the place, side by side.
                    let piece = unsafe { place.piece(start, LEAST_PIECE.min(len - start)) };
                    piece.map(&image);
                },
            );
        });
    }

    /// Writes the image of every number and its fellow, by several threads when they are many.
    pub(crate) fn map_all_with(self, others: &[f32], image: impl Fn(f32, f32) -> f32 + Sync) {
        let len = self.len();
        assert_eq!(others.len(), len, "numbers, and their fellows");
        let place = SharedPlace::new(self);
        map_items(len.div_ceil(LEAST_PIECE), LEAST_PIECE, |piece| {
            let range = piece * LEAST_PIECE..len.min((piece + 1) * LEAST_PIECE);
            let others = &others[range.clone()];
            vectorized(
                #[inline(always)]
                || {
                    // SAFETY: the pieces lie in the place, side by side.
                    let piece = unsafe { place.piece(range.start, range.len()) };
                    piece.map_with(others, &image);
                },
            );
        });
    }
}

/// A place that the pieces of one parallel loop share.
#[derive(Clone, Copy)]
pub(crate) struct SharedPlace<'a> {
    from: *const f32,
    to: *mut f32,
    borrow: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: `piece` is the only access, and its callers vouch that pieces do not overlap.
unsafe impl Send for SharedPlace<'_> {}
// SAFETY: as above.
unsafe impl Sync for SharedPlace<'_> {}

impl<'a> SharedPlace<'a> {
    pub(crate) fn new(place: Place<'a>) -> Self {
        let borrow = std::marker::PhantomData;
        match place {
            Place::Apart { from, to } => {
                assert_eq!(from.len(), to.len(), "numbers to read, and room to write");
                Self { from: from.as_ptr(), to: to.as_mut_ptr(), borrow }
            }
            Place::Over(numbers) => {
                let to = numbers.as_mut_ptr();
                Self { from: to, to, borrow }
            }
        }
    }

    /// # Safety
    /// The range lies in the place, and while the piece lives nobody else touches what it covers.
    #[inline(always)]
    pub(crate) unsafe fn piece(&self, start: usize, len: usize) -> Place<'a> {
        // SAFETY: the caller vouches for the range, and `'a` for the memory.
        let to = unsafe { std::slice::from_raw_parts_mut(self.to.add(start), len) };
        if std::ptr::eq(self.from, self.to) {
            return Place::Over(to);
        }
        // SAFETY: as above; the two are apart, as they were borrowed as such.
        Place::Apart { from: unsafe { std::slice::from_raw_parts(self.from.add(start), len) }, to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_and_apart_write_the_same() {
        let numbers: Vec<f32> = (0..3 * LEAST_PIECE + 5).map(|number| number as f32).collect();
        let image = |a: f32, b: f32| a * 2.0 - b;
        let mut apart = vec![f32::NAN; numbers.len()];
        Place::Apart { from: &numbers, to: &mut apart }.map_all_with(&numbers, image);
        let mut over = numbers.clone();
        Place::Over(&mut over).map_all_with(&numbers, image);
        assert_eq!(apart, numbers);
        assert_eq!(over, numbers);
    }

    #[test]
    #[should_panic(expected = "room to write")]
    fn lengths_that_differ_are_refused() {
        Place::Apart { from: &[1.0, 2.0], to: &mut [0.0] }.map_all(|number| number);
    }
}
