//! What a training pass showed of its output, read from logits and targets.

use logit_kernels::row::{argmax, binary_cross_entropy, cross_entropy};

use super::frame::OutputSeen;

/// The most rows that are looked at; more are thinned out evenly.
const MOST_ROWS: usize = 4096;

/// Bins of confidence.
const BINS: usize = 10;

/// How near to an end of a range a number is taken for saturated.
const NEAR: f32 = 1e-3;

/// What a training pass showed of its output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// What the loss was fed.
    pub output: OutputSeen,
    /// Truth, decision and how often, of classes.
    pub confusion: Vec<[u32; 3]>,
    /// Of ten bins of confidence: how many, the sum of their confidences, how many were right.
    pub reliability: Vec<[f64; 3]>,
    /// How much higher the loss is with each target taken from half a batch further on.
    pub shuffled: Option<f64>,
    /// What the loss is about before anything was learned.
    pub chance_loss: Option<f64>,
}

/// The targets of a batch, in the order of its rows: samples, or the positions of each sample's map.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    /// A class per row; one that is no unit, as `usize::MAX`, is ignored.
    Classes(Vec<usize>),
    /// 0 or 1 per unit, row after row.
    Labels(Vec<f32>),
    /// A number per unit, row after row.
    Values(Vec<f32>),
    /// Something else.
    Other,
}

/// What the loss was fed: a row of units per sample, or per position of each sample's map.
#[derive(Clone, Copy, Debug)]
pub struct Output<'a> {
    numbers: &'a [f32],
    units: usize,
    positions: usize,
}

impl<'a> Output<'a> {
    /// Numbers `[N, K]`, row after row.
    pub fn rows(numbers: &'a [f32], units: usize) -> Self {
        Self::maps(numbers, units, 1)
    }

    /// Numbers `[N, K, positions]`: of each sample the map of the first unit, then that of the second, and so on.
    pub fn maps(numbers: &'a [f32], units: usize, positions: usize) -> Self {
        Self { numbers, units, positions }
    }

    /// How many samples there are; numbers that are left over are none.
    pub fn samples(&self) -> usize {
        self.numbers.len().checked_div(self.units * self.positions).unwrap_or(0)
    }

    /// How many rows there are: samples, or positions of all of them.
    pub(crate) fn row_count(&self) -> usize {
        self.samples() * self.positions
    }

    pub(crate) fn units(&self) -> usize {
        self.units
    }

    /// Whether no number is left over.
    pub(crate) fn is_whole(&self) -> bool {
        self.row_count() * self.units == self.numbers.len()
    }
}

impl Facts {
    /// Reads what the loss was fed against its targets.
    pub fn of(output: &Output<'_>, truth: &Truth) -> Self {
        let rows = Rows::of(output);
        let mut facts = Self { output: rows.seen(), ..Self::default() };
        facts.chance_loss = rows.chance(truth);
        facts.shuffled = rows.shuffled(truth);
        if let Truth::Classes(classes) = truth {
            (facts.confusion, facts.reliability) = rows.judged(classes);
        }
        facts
    }
}

/// Rows of numbers, thinned out.
struct Rows {
    units: usize,
    /// Which of the batch's rows each is.
    places: Vec<usize>,
    numbers: Vec<f32>,
}

impl Rows {
    fn of(output: &Output<'_>) -> Self {
        let Output { numbers: all, units, positions } = *output;
        let count = output.row_count();
        let every = count.div_ceil(MOST_ROWS).max(1);
        let places: Vec<usize> = (0..count).step_by(every).collect();
        let start = |place: usize| place / positions * units * positions + place % positions;
        let numbers = places.iter().flat_map(|place| {
            (0..units).map(|unit| all[start(*place) + unit * positions]).collect::<Vec<_>>()
        });
        Self { units, numbers: numbers.collect(), places }
    }

    fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.numbers.chunks_exact(self.units.max(1))
    }

    fn seen(&self) -> OutputSeen {
        let range = |numbers: &mut dyn Iterator<Item = f64>| {
            numbers.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], number| {
                [low.min(number), high.max(number)]
            })
        };
        let wide = |number: &f32| f64::from(*number);
        let share = |is: &dyn Fn(f32) -> bool| {
            self.numbers.iter().filter(|number| is(**number)).count() as f64
                / self.numbers.len().max(1) as f64
        };
        let rows = self.places.len().max(1) as f64;
        let column = |unit: usize| self.rows().map(move |row| f64::from(row[unit]));
        let spread = (0..self.units).map(|unit| {
            let mean = column(unit).sum::<f64>() / rows;
            (column(unit).map(|number| (number - mean).powi(2)).sum::<f64>() / rows).sqrt()
        });
        let [low, high] = range(&mut self.numbers.iter().map(wide));
        OutputSeen {
            rows: self.places.len() as u64,
            units: self.units as u32,
            low,
            high,
            row_sums: range(&mut self.rows().map(|row| row.iter().map(wide).sum())),
            exp_row_sums: range(
                &mut self.rows().map(|row| row.iter().map(|number| wide(number).exp()).sum()),
            ),
            column_sums: range(&mut (0..self.units).map(|unit| column(unit).sum())),
            exp_column_sums: range(&mut (0..self.units).map(|unit| column(unit).map(f64::exp).sum())),
            spread: spread.fold(0.0, f64::max),
            zeros: share(&|number| number == 0.0),
            near_unit_ends: share(&|number| number.abs() <= NEAR || (number - 1.0).abs() <= NEAR),
            near_sign_ends: share(&|number| (number.abs() - 1.0).abs() <= NEAR),
        }
    }

    /// What the loss is about while every answer is as likely: none where it is not known.
    fn chance(&self, truth: &Truth) -> Option<f64> {
        match truth {
            Truth::Classes(_) => Some((self.units as f64).ln()),
            Truth::Labels(_) => Some(std::f64::consts::LN_2),
            Truth::Values(targets) => {
                let count = targets.len().max(1) as f64;
                let mean = targets.iter().map(|target| f64::from(*target)).sum::<f64>() / count;
                Some(targets.iter().map(|target| (f64::from(*target) - mean).powi(2)).sum::<f64>() / count)
            }
            Truth::Other => None,
        }
    }

    /// How much higher the mean loss of the rows is with targets from half of them further on: neighbours on a map are
    /// alike.
    fn shuffled(&self, truth: &Truth) -> Option<f64> {
        let count = self.places.len();
        if count < 2 || *truth == Truth::Other {
            return None;
        }
        let mean = |shift: usize| {
            let loss = self.rows().enumerate().map(|(at, row)| {
                let place = self.places[(at + shift) % count];
                match truth {
                    Truth::Classes(classes) => {
                        let class = classes.get(place).filter(|class| **class < self.units);
                        class.map_or(0.0, |class| cross_entropy(row, *class))
                    }
                    Truth::Labels(targets) => each(row, targets, place, binary_cross_entropy),
                    Truth::Values(targets) => each(row, targets, place, |x, y| (x - y).powi(2)),
                    Truth::Other => 0.0,
                }
            });
            loss.sum::<f64>() / count as f64
        };
        Some(mean(count / 2) - mean(0))
    }

    /// Confusion and reliability.
    fn judged(&self, classes: &[usize]) -> (Vec<[u32; 3]>, Vec<[f64; 3]>) {
        let mut confusion = std::collections::BTreeMap::new();
        let mut reliability = vec![[0.0; 3]; BINS];
        for (row, place) in self.rows().zip(&self.places) {
            let Some(class) = classes.get(*place).filter(|class| **class < self.units) else { continue };
            let decision = argmax(row);
            *confusion.entry((*class as u32, decision as u32)).or_insert(0) += 1;
            let confidence = (-cross_entropy(row, decision)).exp();
            let bin = &mut reliability[((confidence * BINS as f64) as usize).min(BINS - 1)];
            bin[0] += 1.0;
            bin[1] += confidence;
            bin[2] += f64::from(u8::from(decision == *class));
        }
        (
            confusion.into_iter().map(|((truth, decision), count)| [truth, decision, count]).collect(),
            reliability,
        )
    }
}

/// The mean loss of a row's units.
fn each(row: &[f32], targets: &[f32], place: usize, loss: impl Fn(f64, f64) -> f64) -> f64 {
    let of_row = targets.get(place * row.len()..(place + 1) * row.len()).unwrap_or_default();
    let losses = row.iter().zip(of_row).map(|(x, y)| loss(f64::from(*x), f64::from(*y)));
    losses.sum::<f64>() / row.len().max(1) as f64
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are exact")]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
    }

    #[test]
    fn of_two_rows() {
        let logits = Output::rows(&[2.0, 0.0, 1.0, -1.0], 2);
        let facts = Facts::of(&logits, &Truth::Classes(vec![0, 1]));
        assert_eq!((facts.output.rows, facts.output.units), (2, 2));
        assert_eq!((facts.output.low, facts.output.high), (-1.0, 2.0));
        assert_eq!(facts.output.row_sums, [0.0, 2.0]);
        assert_eq!(facts.output.column_sums, [-1.0, 3.0]);
        close(facts.output.spread, 0.5);
        assert_eq!(facts.confusion, [[0, 0, 1], [1, 0, 1]]);
        // Both say class 0 with sigmoid(2).
        close(facts.reliability[8][1], 2.0 / (1.0 + (-2.0_f64).exp()));
        assert_eq!((facts.reliability[8][0], facts.reliability[8][2]), (2.0, 1.0));
        // Turned round, the right one is wrong and the wrong one right: the mean is the same.
        close(facts.shuffled.unwrap(), 0.0);
        close(facts.chance_loss.unwrap(), 2.0_f64.ln());
    }

    #[test]
    fn of_a_map() {
        // Two positions: logits (3, 0) and (0, 3).
        let logits = Output::maps(&[3.0, 0.0, 0.0, 3.0], 2, 2);
        let facts = Facts::of(&logits, &Truth::Classes(vec![0, 1]));
        assert_eq!(facts.confusion, [[0, 0, 1], [1, 1, 1]]);
        close(facts.shuffled.unwrap(), 3.0);
        let labels = Truth::Labels(vec![1.0, 0.0, 0.0, 1.0]);
        let facts = Facts::of(&logits, &labels);
        // Of each position's two units, one was right by its logit of 3 and is now wrong by it.
        close(facts.shuffled.unwrap(), 1.5);
        let values = Truth::Values(vec![3.0, 0.0, 0.0, 3.0]);
        let facts = Facts::of(&logits, &values);
        close(facts.shuffled.unwrap(), 9.0);
        close(facts.chance_loss.unwrap(), 2.25);
    }

    #[test]
    fn many_rows_are_thinned_out() {
        let facts = Facts::of(&Output::rows(&vec![0.0; 30_000], 3), &Truth::Other);
        assert_eq!(facts.output.rows, 3334);
        assert_eq!(facts.output.zeros, 1.0);
    }

    #[test]
    fn nothing_is_no_row() {
        for output in [Output::rows(&[], 3), Output::rows(&[1.0], 0), Output::maps(&[1.0], 1, 0)] {
            assert_eq!(Facts::of(&output, &Truth::Classes(vec![])).output.rows, 0);
        }
    }
}
