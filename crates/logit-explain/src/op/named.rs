//! Rows that are read by number.

use crate::array::Array;
use crate::number::Number;

/// A whole number below a bound.
fn place<T: Number>(number: T, below: usize) -> Result<usize, String> {
    let wide = number.wide();
    if wide >= 0.0 && wide.fract() == 0.0 && wide < below as f64 {
        Ok(wide as usize)
    } else {
        Err(format!("{wide} is no number of a row; there are {below}"))
    }
}

/// A row of the weights for each number.
pub(super) fn embedded<T: Number>(rows: &Array<T>, weight: &[T], units: usize) -> Result<Array<T>, String> {
    let count = weight.len() / units.max(1);
    let mut numbers = Vec::with_capacity(rows.numbers.len() * units);
    for row in &rows.numbers {
        numbers.extend_from_slice(&weight[place(*row, count)? * units..][..units]);
    }
    Ok(Array::new([rows.numbers.len(), units], numbers))
}

/// For each row of numbers the maximum over the vectors that it names, and which vector each is of; none where zeros are the
/// greatest.
pub(super) fn maximum<T: Number>(
    vectors: &Array<T>,
    places: &Array<T>,
) -> Result<(Array<T>, Vec<Option<usize>>), String> {
    let (&[count, units], &[rows, _]) = (&vectors.shape[..], &places.shape[..]) else {
        return Err(format!(
            "it takes vectors [W, U] and numbers [S, L], not {:?}, {:?}",
            vectors.shape, places.shape
        ));
    };
    let mut best = Array::full([rows, units], T::neg_infinity());
    let mut winners = vec![None; rows * units];
    for (row, named) in places.each_row().enumerate() {
        for number in named {
            let vector = place(*number, count + 1)?.checked_sub(1);
            for unit in 0..units {
                let value = vector.map_or_else(T::zero, |vector| vectors.numbers[vector * units + unit]);
                if value > best.numbers[row * units + unit] {
                    best.numbers[row * units + unit] = value;
                    winners[row * units + unit] = vector;
                }
            }
        }
    }
    Ok((best, winners))
}

/// What arrives at each maximum, at the vector that it is of.
pub(super) fn to_winners<T: Number>(
    vectors: &Array<T>,
    places: &Array<T>,
    arrived: &Array<T>,
) -> Result<Array<T>, String> {
    let (_, winners) = maximum(vectors, places)?;
    let mut back = Array::zeros(vectors.shape.clone());
    let units = vectors.row_len();
    for ((at, winner), arrived) in winners.into_iter().enumerate().zip(&arrived.numbers) {
        if let Some(vector) = winner {
            back.numbers[vector * units + at % units] += *arrived;
        }
    }
    Ok(back)
}
