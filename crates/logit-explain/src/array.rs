//! Numbers with a shape.

use rayon::prelude::*;

use crate::number::Number;

/// Numbers in row-major order.
///
/// Whole numbers, as of words and categories, are kept as what they are in `T`; `f32` holds them exactly up to 2²⁴.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Array<T> {
    /// Its sizes, the batch first.
    pub shape: Vec<usize>,
    /// Its numbers, as many as the sizes' product.
    pub numbers: Vec<T>,
}

/// Numbers that a thread takes at a time.
const PIECE: usize = 1 << 14;

impl<T: Number> Array<T> {
    /// Numbers of a shape.
    ///
    /// # Panics
    /// They are not as many as the sizes' product.
    pub fn new(shape: impl Into<Vec<usize>>, numbers: Vec<T>) -> Self {
        let shape = shape.into();
        assert_eq!(shape.iter().product::<usize>(), numbers.len(), "numbers of the shape {shape:?}");
        Self { shape, numbers }
    }

    /// One number everywhere.
    pub fn full(shape: impl Into<Vec<usize>>, number: T) -> Self {
        let shape = shape.into();
        let numbers = vec![number; shape.iter().product()];
        Self { shape, numbers }
    }

    /// Zeros.
    pub fn zeros(shape: impl Into<Vec<usize>>) -> Self {
        Self::full(shape, T::zero())
    }

    /// The size of the first axis; 1 of a number without axes.
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Numbers of each row.
    pub fn row_len(&self) -> usize {
        self.shape.get(1..).map_or(1, |rest| rest.iter().product())
    }

    /// The numbers of a row.
    pub fn row(&self, row: usize) -> &[T] {
        let len = self.row_len();
        &self.numbers[row * len..(row + 1) * len]
    }

    /// Its rows; none where a row has no numbers.
    pub fn each_row(&self) -> impl Iterator<Item = &[T]> {
        self.numbers.chunks_exact(self.row_len().max(1))
    }

    /// The sum of each row, in double precision.
    pub fn row_sums(&self) -> Vec<f64> {
        (0..self.rows()).map(|row| self.row(row).iter().map(|number| number.wide()).sum()).collect()
    }

    /// The sum of all numbers, in double precision.
    pub fn sum(&self) -> f64 {
        self.numbers.iter().map(|number| number.wide()).sum()
    }

    /// The lowest of its numbers; none of no numbers.
    pub fn lowest(&self) -> Option<f64> {
        self.numbers.iter().map(|number| number.wide()).reduce(f64::min)
    }

    /// The same numbers in another shape.
    pub(crate) fn reshaped(&self, shape: &[usize]) -> Self {
        Self::new(shape, self.numbers.clone())
    }

    /// Each number through a function.
    #[must_use]
    pub fn map(&self, of: impl Fn(T) -> T + Sync) -> Self {
        let mut numbers = self.numbers.clone();
        change(&mut numbers, of);
        Self { shape: self.shape.clone(), numbers }
    }

    /// Each number and the other array's through a function, in place.
    ///
    /// # Panics
    /// The other has another number of numbers.
    pub fn change_with(&mut self, other: &Self, of: impl Fn(T, T) -> T + Sync) {
        assert_eq!(self.numbers.len(), other.numbers.len(), "{:?} and {:?}", self.shape, other.shape);
        let pieces = self.numbers.par_chunks_mut(PIECE).zip(other.numbers.par_chunks(PIECE));
        pieces.for_each(|(numbers, others)| {
            numbers.iter_mut().zip(others).for_each(|(number, other)| *number = of(*number, *other));
        });
    }

    /// Each number and those of two other arrays through a function, in place.
    pub(crate) fn change_with_two(&mut self, a: &Self, b: &Self, of: impl Fn(T, T, T) -> T + Sync) {
        let pieces = self
            .numbers
            .par_chunks_mut(PIECE)
            .zip(a.numbers.par_chunks(PIECE))
            .zip(b.numbers.par_chunks(PIECE));
        pieces.for_each(|((numbers, a), b)| {
            numbers.iter_mut().zip(a).zip(b).for_each(|((number, a), b)| *number = of(*number, *a, *b));
        });
    }

    /// Adds another array of the same shape.
    pub fn add(&mut self, other: &Self) {
        self.change_with(other, |a, b| a + b);
    }

    /// The rows of another array, or its only row again and again, through a function, in place.
    pub(crate) fn change_by_rows(&mut self, other: &Self, of: impl Fn(T, T) -> T + Sync) {
        if other.numbers.len() == self.numbers.len() {
            return self.change_with(other, of);
        }
        let len = other.numbers.len().max(1);
        self.numbers.par_chunks_exact_mut(len).for_each(|row| {
            row.iter_mut().zip(&other.numbers).for_each(|(number, other)| *number = of(*number, *other));
        });
    }

    /// The first number that is no number or infinite, by its place.
    pub fn not_finite(&self) -> Option<usize> {
        self.numbers.iter().position(|number| !number.is_finite())
    }
}

/// Each of some numbers through a function, in place.
pub(crate) fn change<T: Number>(numbers: &mut [T], of: impl Fn(T) -> T + Sync) {
    numbers.par_chunks_mut(PIECE).for_each(|piece| piece.iter_mut().for_each(|number| *number = of(*number)));
}
