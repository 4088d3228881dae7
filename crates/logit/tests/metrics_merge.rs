//! However rows are cut into batches, and in whatever order parts are merged, every metric reads the same to
//! the bit.

use std::ops::Range;

use logit::metrics::{
    Average, Brier, ConfusionMatrix, LabelConfusion, LogLoss, MetricError, Pearson, Ranking, Regression,
    Reliability, Spearman, TopK,
};
use proptest::prelude::*;

const COLUMNS: usize = 3;
const IGNORED: i64 = -1;
const AVERAGES: [Average; 3] = [Average::Micro, Average::Macro, Average::Weighted];

/// Rows of three columns, as every metric wants them.
#[derive(Clone, Debug, Default)]
struct Rows {
    /// Of magnitudes far apart, so that any plain sum would round.
    numbers: Vec<f64>,
    other_numbers: Vec<f64>,
    /// With ties.
    logits: Vec<f32>,
    probabilities: Vec<f64>,
    classes: Vec<i64>,
    decided: Vec<u8>,
    labels: Vec<bool>,
    decisions: Vec<bool>,
    ignore: Vec<bool>,
}

type Row = ([f64; COLUMNS], [f64; COLUMNS], [f32; COLUMNS], i64, u8, [(bool, bool, bool); COLUMNS]);

fn row() -> impl Strategy<Value = Row> {
    let number =
        || (-1.0..1.0_f64, -40..40_i32).prop_map(|(mantissa, exponent)| mantissa * 2_f64.powi(exponent));
    (
        prop::array::uniform3(number()),
        prop::array::uniform3(number()),
        prop::array::uniform3((-6..6_i8).prop_map(|step| f32::from(step) * 0.7)),
        IGNORED..COLUMNS as i64,
        0..COLUMNS as u8,
        prop::array::uniform3((any::<bool>(), any::<bool>(), prop::bool::weighted(0.2))),
    )
}

impl Rows {
    fn push(&mut self, (numbers, other_numbers, logits, class, decided, labels): Row) {
        self.numbers.extend(numbers);
        self.other_numbers.extend(other_numbers);
        self.logits.extend(logits);
        let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
        self.probabilities.extend(logits.iter().map(|&logit| f64::from(logit).exp() / sum));
        self.classes.push(class);
        self.decided.push(decided);
        self.labels.extend(labels.iter().map(|label| label.0));
        self.decisions.extend(labels.iter().map(|label| label.1));
        self.ignore.extend(labels.iter().map(|label| label.2));
    }
}

/// How to cut rows and put them together again.
#[derive(Clone, Debug)]
struct Cut {
    rows: Rows,
    /// Batches of rows that cover all, in order.
    batches: Vec<Range<usize>>,
    /// The order in which batches are counted, and the part that counts each.
    order: Vec<(usize, usize)>,
    parts: usize,
}

fn cut() -> impl Strategy<Value = Cut> {
    prop::collection::vec(row(), 0..24)
        .prop_flat_map(|rows| {
            let cuts = prop::collection::vec(0..=rows.len(), 0..6);
            (Just(rows), cuts, 1..4_usize)
        })
        .prop_flat_map(|(rows, mut cuts, parts)| {
            cuts.extend([0, rows.len()]);
            cuts.sort_unstable();
            let batches: Vec<_> = cuts.windows(2).map(|ends| ends[0]..ends[1]).collect();
            let order = Just((0..batches.len()).collect::<Vec<_>>()).prop_shuffle();
            let places = prop::collection::vec(0..parts, batches.len());
            (Just(rows), Just(batches), order, places, Just(parts))
        })
        .prop_map(|(rows, batches, order, places, parts)| {
            let mut columns = Rows::default();
            for row in rows {
                columns.push(row);
            }
            Cut { rows: columns, batches, order: order.into_iter().zip(places).collect(), parts }
        })
}

impl Cut {
    /// Counts all rows at once, and cut and merged; both must read the same.
    fn check<Metric: Clone>(
        &self,
        empty: Metric,
        update: impl Fn(&mut Metric, &Rows, Range<usize>, Range<usize>) -> Result<(), MetricError>,
        merge: impl Fn(&mut Metric, &Metric) -> Result<(), MetricError>,
        read: impl Fn(&Metric) -> Vec<Option<f64>>,
    ) -> Result<(), TestCaseError> {
        let count = |metric: &mut Metric, batch: &Range<usize>| {
            let elements = batch.start * COLUMNS..batch.end * COLUMNS;
            update(metric, &self.rows, batch.clone(), elements)
        };
        let mut whole = empty.clone();
        count(&mut whole, &(0..self.rows.classes.len())).unwrap();

        let mut parts = vec![empty.clone(); self.parts];
        for &(batch, part) in &self.order {
            count(&mut parts[part], &self.batches[batch]).unwrap();
        }
        let mut merged = empty;
        for part in parts.iter().rev() {
            merge(&mut merged, part).unwrap();
        }
        let bits = |metric| read(metric).into_iter().map(|value| value.map(f64::to_bits)).collect::<Vec<_>>();
        prop_assert_eq!(bits(&whole), bits(&merged));
        Ok(())
    }
}

proptest! {
    #[test]
    fn confusion_matrix(cut in cut()) {
        cut.check(
            ConfusionMatrix::new(COLUMNS).unwrap(),
            |m, rows, batch, _| m.update(&rows.decided[batch.clone()], &rows.classes[batch], Some(IGNORED)),
            ConfusionMatrix::merge,
            |m| {
                let averaged = AVERAGES.iter().flat_map(|&by| [m.precision(by), m.recall(by), m.f1(by)]);
                averaged.chain([m.accuracy(), m.mean_iou(), m.mean_dice()]).collect()
            },
        )?;
    }

    #[test]
    fn label_confusion(cut in cut()) {
        cut.check(
            LabelConfusion::new(COLUMNS).unwrap(),
            |m, rows, _, elements| {
                let ignore = Some(&rows.ignore[elements.clone()]);
                m.update(&rows.decisions[elements.clone()], &rows.labels[elements], ignore)
            },
            LabelConfusion::merge,
            |m| {
                let averaged = AVERAGES.iter().flat_map(|&by| [m.precision(by), m.recall(by), m.f1(by)]);
                let whole = [m.exact_match(), m.hamming_loss(), m.row_precision(), m.row_recall(), m.row_f1()];
                averaged.chain(whole).chain([m.mean_iou(), m.mean_dice()]).collect()
            },
        )?;
    }

    #[test]
    fn top_k(cut in cut()) {
        cut.check(
            TopK::new(COLUMNS).unwrap(),
            |m, rows, batch, elements| m.update(&rows.logits[elements], &rows.classes[batch], Some(IGNORED)),
            TopK::merge,
            |m| (0..=COLUMNS).map(|k| m.accuracy(k)).collect(),
        )?;
    }

    #[test]
    fn ranking(cut in cut()) {
        let read = |m: &Ranking| {
            let averaged = AVERAGES.iter().flat_map(|&kind| [m.auroc(kind), m.average_precision(kind)]);
            averaged.chain(m.auroc_per_column()).chain(m.average_precision_per_column()).collect()
        };
        let empty = Ranking::new(COLUMNS).unwrap();
        cut.check(
            empty.clone(),
            |m, rows, batch, elements| {
 m.update_classes(&rows.logits[elements], &rows.classes[batch], Some(IGNORED)) },
            Ranking::merge,
            read,
        )?;
        cut.check(
            empty,
            |m, rows, _, elements| {
                let ignore = Some(&rows.ignore[elements.clone()]);
                m.update_labels(&rows.logits[elements.clone()], &rows.labels[elements], ignore)
            },
            Ranking::merge,
            read,
        )?;
    }

    #[test]
    fn log_loss(cut in cut()) {
        cut.check(
            LogLoss::new(COLUMNS).unwrap(),
            |m, rows, batch, elements| {
                let classes = &rows.classes[batch];
                m.update_classes(&rows.probabilities[elements.clone()], classes, Some(IGNORED))?;
                m.update_classes_from_logits(&rows.numbers[elements], classes, Some(IGNORED))
            },
            LogLoss::merge,
            |m| vec![m.log_loss()],
        )?;
        cut.check(
            LogLoss::new(COLUMNS).unwrap(),
            |m, rows, _, elements| {
                let labels = &rows.labels[elements.clone()];
                m.update_labels(&rows.probabilities[elements.clone()], labels, None)?;
                m.update_labels_from_logits(&rows.numbers[elements], labels, None)
            },
            LogLoss::merge,
            |m| vec![m.log_loss()],
        )?;
    }

    #[test]
    fn brier(cut in cut()) {
        cut.check(
            Brier::new(COLUMNS).unwrap(),
            |m, rows, batch, elements| {
                m.update_classes(&rows.probabilities[elements], &rows.classes[batch], Some(IGNORED))
            },
            Brier::merge,
            |m| vec![m.brier()],
        )?;
        cut.check(
            Brier::new(COLUMNS).unwrap(),
            |m, rows, _, elements| {
                m.update_labels(&rows.probabilities[elements.clone()], &rows.labels[elements], None)
            },
            Brier::merge,
            |m| vec![m.brier()],
        )?;
    }

    #[test]
    fn reliability(cut in cut(), bins in 1..20_usize) {
        let read = |m: &Reliability| {
            let bins = m.bins().into_iter().flat_map(|bin| [bin.mean_confidence, bin.accuracy]);
            bins.chain([m.expected_calibration_error(), m.maximum_calibration_error()]).collect()
        };
        let empty = Reliability::with_bins(COLUMNS, bins).unwrap();
        cut.check(
            empty.clone(),
            |m, rows, batch, elements| {
                m.update_classes(&rows.probabilities[elements], &rows.classes[batch], Some(IGNORED))
            },
            Reliability::merge,
            read,
        )?;
        cut.check(
            empty,
            |m, rows, _, elements| {
                m.update_labels(&rows.probabilities[elements.clone()], &rows.labels[elements], None)
            },
            Reliability::merge,
            read,
        )?;
    }

    #[test]
    fn regression(cut in cut()) {
        cut.check(
            Regression::new(COLUMNS).unwrap(),
            |m, rows, _, elements| m.update(&rows.numbers[elements.clone()], &rows.other_numbers[elements]),
            Regression::merge,
            |m| vec![m.mae(), m.mse(), m.rmse(), m.r2()],
        )?;
    }

    #[test]
    fn correlation(cut in cut()) {
        cut.check(
            Pearson::new(),
            |m, rows, _, elements| m.update(&rows.numbers[elements.clone()], &rows.other_numbers[elements]),
            |m, other| { m.merge(other); Ok(()) },
            |m| vec![m.pearson()],
        )?;
        cut.check(
            Spearman::new(),
            |m, rows, _, elements| m.update(&rows.logits[elements.clone()], &rows.other_numbers[elements]),
            |m, other| { m.merge(other); Ok(()) },
            |m| vec![m.spearman()],
        )?;
    }
}
