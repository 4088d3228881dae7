//! Images and maps at the size of a panel.

/// The size of a panel for `width × height` pixels: small images are enlarged by a whole factor, large ones shrunk, so that
/// neither side is longer than `side`.
pub(super) fn fitted(width: usize, height: usize, side: usize) -> (usize, usize) {
    let longest = width.max(height).max(1);
    if longest <= side {
        let factor = side / longest;
        return (width * factor, height * factor);
    }
    let shrunk = |length: usize| (length as f64 * side as f64 / longest as f64).round().max(1.0) as usize;
    (shrunk(width), shrunk(height))
}

/// Values at another size: each is the mean of the area that it covers. So whole factors repeat values, and the sum over
/// all, each by its area, stays what it was.
pub(super) fn resampled(
    value: impl Fn(usize) -> f32,
    (width, height): (usize, usize),
    (columns, rows): (usize, usize),
) -> Vec<f32> {
    let across: Vec<Vec<(usize, f64)>> = (0..columns).map(|column| covered(column, columns, width)).collect();
    let mut values = Vec::with_capacity(columns * rows);
    let mut above = Vec::new();
    for row in 0..rows {
        let down = covered(row, rows, height);
        if down == above {
            // Rows that are repeated, as of small images, are computed once.
            values.extend_from_within(values.len() - columns..);
            continue;
        }
        for across in &across {
            let weighted = down.iter().flat_map(|(y, of_row)| {
                let value = &value;
                across.iter().map(move |(x, part)| of_row * part * f64::from(value(y * width + x)))
            });
            values.push(weighted.sum::<f64>() as f32);
        }
        above = down;
    }
    values
}

/// What one of `places` covers of `length` pixels: which, and their shares of it.
fn covered(place: usize, places: usize, length: usize) -> Vec<(usize, f64)> {
    // In units of which a place has `length` and a pixel has `places`.
    let (start, end) = (place * length, (place + 1) * length);
    let share = |pixel: usize| end.min((pixel + 1) * places) - start.max(pixel * places);
    (start / places..end.div_ceil(places)).map(|pixel| (pixel, share(pixel) as f64 / length as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_images_are_enlarged_by_whole_factors_and_large_ones_shrunk() {
        let cases = [
            ((28, 28), (308, 308)),
            ((56, 28), (280, 140)),
            ((320, 200), (320, 200)),
            ((161, 1), (161, 1)),
            ((640, 480), (320, 240)),
            ((1, 100_000), (1, 320)),
        ];
        for ((width, height), expected) in cases {
            assert_eq!(fitted(width, height, 320), expected, "{width} × {height}");
        }
    }

    #[test]
    fn values_are_repeated_when_enlarged_and_averaged_when_shrunk() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let value = |place: usize| values[place];
        assert_eq!(resampled(value, (2, 1), (4, 2)), [1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
        assert_eq!(resampled(value, (4, 1), (2, 1)), [1.5, 3.5]);
        assert_eq!(resampled(value, (2, 2), (1, 1)), [2.5]);
        // Half of the second value lies in the first of two places.
        assert_eq!(resampled(value, (3, 1), (2, 1)), [4.0 / 3.0, 8.0 / 3.0]);
    }

    proptest! {
        #[test]
        fn the_sum_stays_what_it_was(
            from in (1_usize..12, 1_usize..12),
            to in (1_usize..12, 1_usize..12),
            values in prop::collection::vec(-1.0_f32..1.0, 144),
        ) {
            let size = from.0 * from.1;
            let sum: f64 = values[..size].iter().map(|value| f64::from(*value)).sum();
            let other = resampled(|place| values[place], from, to);
            let area = size as f64 / (to.0 * to.1) as f64;
            let drawn: f64 = other.iter().map(|value| f64::from(*value) * area).sum();
            prop_assert!((sum - drawn).abs() < 1e-4, "{} became {}", sum, drawn);
        }
    }
}
