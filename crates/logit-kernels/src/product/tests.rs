use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

use super::*;
use crate::simd::tests::in_each_width;

fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|place| ((place * 7919 + seed * 104_729 + 13) % 10_007) as f32 / 5003.0 - 1.0).collect()
}

/// A matrix of a size, stored either way.
#[derive(Clone, Debug)]
struct Stored {
    numbers: Vec<f32>,
    sizes: [usize; 2],
    transposed: bool,
}

impl Stored {
    fn new(sizes: [usize; 2], transposed: bool, seed: usize) -> Self {
        Self { numbers: numbers(sizes[0] * sizes[1], seed), sizes, transposed }
    }

    fn at(&self, row: usize, column: usize) -> f64 {
        let [rows, columns] = self.sizes;
        f64::from(self.numbers[if self.transposed { column * rows + row } else { row * columns + column }])
    }

    fn matrix(&self) -> Matrix<'_> {
        if self.transposed { Matrix::transposed(&self.numbers) } else { Matrix::plain(&self.numbers) }
    }
}

/// A product onto each thing that there is, against its definition.
fn check([rows, terms, columns]: [usize; 3], transposed: [bool; 2]) {
    let left = Stored::new([rows, terms], transposed[0], 1);
    let right = Stored::new([terms, columns], transposed[1], 2);
    let (bias, before) = (numbers(columns, 3), numbers(rows * columns, 4));
    for (number, onto) in [Onto::Nothing, Onto::Bias(&bias), Onto::Numbers].into_iter().enumerate() {
        let mut to = before.clone();
        Product { rows, terms, columns, left: left.matrix(), right: right.matrix(), onto }.write(&mut to);
        for (place, to) in to.iter().enumerate() {
            let (row, column) = (place / columns, place % columns);
            let sum: f64 = (0..terms).map(|term| left.at(row, term) * right.at(term, column)).sum();
            let expected = sum + [0.0, f64::from(bias[column]), f64::from(before[place])][number];
            let room = 1e-6 * (terms as f64 + 2.0);
            assert!((f64::from(*to) - expected).abs() < room, "{to} {expected}, {onto:?} at {row}, {column}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn agrees_with_f64(
        rows in 0..70_usize, terms in 0..70_usize, columns in 0..130_usize, transposed: [bool; 2],
    ) {
        in_each_width(|| check([rows, terms, columns], transposed));
    }
}

#[test]
fn many_blocks_agree_with_f64() {
    for transposed in [[false, false], [false, true], [true, false], [true, true]] {
        for sizes in [[3, 5, 4099], [9, 300, 700], [2, 70_001, 5]] {
            in_each_width(|| check(sizes, transposed));
        }
    }
}

#[test]
fn the_same_for_every_number_of_threads() {
    for sizes in [[70, 20, 5000], [130, 300, 600], [33, 3000, 250]] {
        for transposed in [false, true] {
            let [rows, terms, columns] = sizes;
            let (left, right) =
                (Stored::new([rows, terms], false, 1), Stored::new([terms, columns], transposed, 2));
            let run = || {
                let mut to = numbers(rows * columns, 3);
                let onto = Onto::Numbers;
                Product { rows, terms, columns, left: left.matrix(), right: right.matrix(), onto }
                    .write(&mut to);
                to
            };
            let with = |threads| ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run);
            let one = with(1);
            assert!(one == with(2), "{sizes:?}");
            assert!(one == with(3), "{sizes:?}");
        }
    }
}

#[test]
fn nan_stays_in_its_row_and_column() {
    let (rows, terms, columns) = (11, 20, 37);
    for [row, column] in [[Some(7), None], [None, Some(5)], [Some(10), Some(36)]] {
        let (mut left, mut right) = (numbers(rows * terms, 1), numbers(terms * columns, 2));
        if let Some(row) = row {
            left[row * terms + 3] = f32::NAN;
        }
        if let Some(column) = column {
            right[3 * columns + column] = f32::NAN;
        }
        in_each_width(|| {
            let mut to = vec![0.0; rows * columns];
            let (left, right) = (Matrix::plain(&left), Matrix::plain(&right));
            Product { rows, terms, columns, left, right, onto: Onto::Nothing }.write(&mut to);
            for (place, to) in to.iter().enumerate() {
                let expected = row == Some(place / columns) || column == Some(place % columns);
                assert_eq!(to.is_nan(), expected, "{place}");
            }
        });
    }
}
