//! Long series made short without losing a spike.

use super::axis::Scale;

/// About how many points of a series are drawn: one a screen pixel.
pub(super) const DRAWN: usize = 500;

/// A part of a line, in the order of the data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Piece {
    /// A point that the axes can hold.
    Point(f64, f64),
    /// `count` points in a row that they cannot, of which the first is given: the line is interrupted.
    Gap {
        /// Where the gap begins.
        x: f64,
        /// The first value that cannot be drawn.
        y: f64,
        /// How many points the gap stands for.
        count: usize,
    },
}

/// A series cut into pieces. Points whose x is not finite have no place at all and are left out.
pub(super) fn pieces(points: &[(f64, f64)], y_scale: Scale) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for &(x, y) in points.iter().filter(|(x, _)| Scale::Linear.holds(*x)) {
        if y_scale.holds(y) {
            pieces.push(Piece::Point(x, y));
        } else if let Some(Piece::Gap { count, .. }) = pieces.last_mut() {
            *count += 1;
        } else {
            pieces.push(Piece::Gap { x, y, count: 1 });
        }
    }
    pieces
}

/// At most [`DRAWN`] points and half as many gaps.
///
/// The first and the last piece stay. Those between are dealt into buckets of equal length, in their order,
/// and of each bucket the lowest point, the highest point and one gap (counting all of them) stay. So the
/// drawn line touches every extreme of the data; what is lost is the path between the extremes of one bucket,
/// a 250th of the chart.
pub(super) fn thin(pieces: Vec<Piece>) -> Vec<Piece> {
    if pieces.len() <= DRAWN {
        return pieces;
    }
    let [first, inner @ .., last] = pieces.as_slice() else { return pieces };
    let bucket = inner.len().div_ceil((DRAWN - 2) / 2);
    let mut kept = vec![*first];
    kept.extend(inner.chunks(bucket).flat_map(extremes));
    kept.push(*last);
    kept
}

/// Lowest point, highest point and gap of a bucket, in the order of the data.
fn extremes(bucket: &[Piece]) -> Vec<Piece> {
    let (mut low, mut high, mut gap) = (None::<(usize, f64)>, None::<(usize, f64)>, None);
    let mut missing = 0;
    for (index, piece) in bucket.iter().enumerate() {
        match *piece {
            Piece::Point(_, y) => {
                low = low.filter(|(_, lowest)| *lowest <= y).or(Some((index, y)));
                high = high.filter(|(_, highest)| *highest >= y).or(Some((index, y)));
            }
            Piece::Gap { count, .. } => {
                gap = gap.or(Some(index));
                missing += count;
            }
        }
    }
    let stays = |index: usize| {
        [low.map(|(index, _)| index), high.map(|(index, _)| index), gap].contains(&Some(index))
    };
    let pieces = bucket.iter().enumerate().filter(|(index, _)| stays(*index));
    pieces
        .map(|(_, piece)| match *piece {
            Piece::Gap { x, y, .. } => Piece::Gap { x, y, count: missing },
            point @ Piece::Point(..) => point,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(kept: &[Piece]) -> Vec<(f64, f64)> {
        let point = |piece: &Piece| match *piece {
            Piece::Point(x, y) => Some((x, y)),
            Piece::Gap { .. } => None,
        };
        kept.iter().filter_map(point).collect()
    }

    #[test]
    fn no_spike_is_lost_among_a_hundred_thousand_points() {
        let mut series: Vec<(f64, f64)> = (0..100_000).map(|step| (f64::from(step), 1.0)).collect();
        series[31_415].1 = 9.0;
        series[77_777].1 = -9.0;
        let kept = thin(pieces(&series, Scale::Linear));
        assert!(kept.len() <= DRAWN, "{} points", kept.len());
        let drawn = points(&kept);
        assert!(drawn.contains(&(31_415.0, 9.0)) && drawn.contains(&(77_777.0, -9.0)));
        assert_eq!((drawn[0], drawn[drawn.len() - 1]), (series[0], series[99_999]));
        assert!(drawn.is_sorted_by(|one, next| one.0 < next.0));
    }

    #[test]
    fn short_series_stay_whole() {
        let series: Vec<(f64, f64)> = (0..500).map(|step| (f64::from(step), f64::from(step % 7))).collect();
        assert_eq!(points(&thin(pieces(&series, Scale::Linear))), series);
    }

    #[test]
    fn values_without_a_place_become_gaps() {
        let series =
            [(0.0, 1.0), (1.0, f64::NAN), (2.0, f64::INFINITY), (f64::NAN, 1.0), (3.0, 0.0), (4.0, 2.0)];
        let linear = pieces(&series, Scale::Linear);
        assert_eq!(points(&linear), [(0.0, 1.0), (3.0, 0.0), (4.0, 2.0)]);
        assert!(matches!(linear[1], Piece::Gap { x: 1.0, count: 2, .. }));
        let log = pieces(&series, Scale::Log);
        assert!(matches!(log[1], Piece::Gap { x: 1.0, count: 3, .. }));
    }

    #[test]
    fn thinned_gaps_still_count_every_point() {
        let value = |step: u32| if step.is_multiple_of(2) { 1.0 } else { f64::NAN };
        let series: Vec<(f64, f64)> = (0..10_000).map(|step| (f64::from(step), value(step))).collect();
        let kept = thin(pieces(&series, Scale::Linear));
        let missing = |piece: &Piece| if let Piece::Gap { count, .. } = piece { *count } else { 0 };
        assert_eq!(kept.iter().map(missing).sum::<usize>(), 5_000);
        assert!(kept.len() <= DRAWN + DRAWN / 2);
    }
}
