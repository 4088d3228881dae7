//! Decisions on pixels, counted against masks.

use logit::metrics::{ConfusionMatrix, Counts, LabelConfusion, LogLoss, MetricError};

use crate::page::{self, Table};
use crate::recipe::metric_key;
use crate::system::{Scores, confusion};

/// Decisions on pixels, counted against masks.
pub(crate) struct Tally {
    decisions: Decisions,
    log_loss: LogLoss,
    units: Vec<String>,
}

/// Decisions on pixels, by what a mask's values mean.
pub(crate) enum Decisions {
    Classes(ConfusionMatrix),
    Labels(LabelConfusion),
}

impl Tally {
    /// Nothing counted yet; `decisions` are of as many units.
    pub(crate) fn new(decisions: Decisions, units: Vec<String>) -> Result<Self, MetricError> {
        Ok(Self { decisions, log_loss: LogLoss::new(units.len())?, units })
    }

    /// Counts pixels: their logits, row after row, the mask's values decided for, and the true ones.
    pub(crate) fn add(&mut self, logits: &[f32], decided: &[u8], truth: &[u8]) -> Result<(), MetricError> {
        let labels = self.units.len();
        let bits = |values: &[u8]| -> Vec<bool> {
            values.iter().flat_map(|value| (0..labels).map(move |label| value >> label & 1 == 1)).collect()
        };
        match &mut self.decisions {
            Decisions::Classes(matrix) => {
                self.log_loss.update_classes_from_logits(logits, truth, None)?;
                matrix.update(decided, truth, None)
            }
            Decisions::Labels(confusion) => {
                let truth = bits(truth);
                self.log_loss.update_labels_from_logits(logits, &truth, None)?;
                confusion.update(&bits(decided), &truth, None)
            }
        }
    }

    /// The mean intersection over union of the classes or labels that occur.
    pub(crate) fn mean_iou(&self) -> Option<f64> {
        match &self.decisions {
            Decisions::Classes(matrix) => matrix.mean_iou(),
            Decisions::Labels(confusion) => confusion.mean_iou(),
        }
    }

    /// The intersection over union of each class or label.
    pub(crate) fn overlap(&self) -> Overlap {
        Overlap { mean: self.mean_iou(), each: self.counts().iter().map(Counts::iou).collect() }
    }

    /// The metrics, over so many images; a class that occurs neither in masks nor in decisions has none.
    pub(crate) fn scores(&self, images: u64) -> Scores {
        let (mean_dice, accuracy) = match &self.decisions {
            Decisions::Classes(matrix) => (matrix.mean_dice(), matrix.accuracy()),
            Decisions::Labels(confusion) => (confusion.mean_dice(), confusion.exact_match()),
        };
        let all = [
            ("mean_iou", self.mean_iou()),
            ("log_loss", self.log_loss.log_loss()),
            ("mean_dice", mean_dice),
            ("pixel_accuracy", accuracy),
        ];
        let all = all.into_iter().map(|(name, value)| (name.to_owned(), value));
        let per_unit = |name: &'static str, measure: fn(&Counts) -> Option<f64>| {
            let each = self.units.iter().zip(self.counts());
            each.map(move |(unit, counts)| (format!("{name}_{}", metric_key(unit)), measure(&counts)))
        };
        let each = per_unit("iou", Counts::iou).chain(per_unit("dice", Counts::dice));
        Scores::new(images, all.chain(each).filter_map(|(name, value)| Some((name, value?))))
    }

    /// The measures of each class or label.
    pub(crate) fn table(&self) -> Table {
        let row = |(unit, counts): (&String, Counts)| {
            vec![
                unit.clone(),
                cell(counts.iou()),
                cell(counts.dice()),
                cell(Some(counts.precision())),
                cell(Some(counts.recall())),
                counts.support().to_string(),
            ]
        };
        Table {
            title: "Overlap of what was decided with the masks".to_owned(),
            columns: ["Class", "IoU", "Dice", "Precision", "Recall", "Pixels"].map(str::to_owned).to_vec(),
            rows: self.units.iter().zip(self.counts()).map(row).collect(),
            note: "Over all pixels of the test images together.".to_owned(),
        }
    }

    /// The overlap beside that of decisions by logits alone.
    pub(crate) fn beside(&self, plain: &Self) -> Table {
        let row = |name: String, [plain, fitted]: [Option<f64>; 2]| vec![name, cell(plain), cell(fitted)];
        let each = self.units.iter().zip(plain.counts().into_iter().zip(self.counts()));
        let each =
            each.map(|(unit, (plain, fitted))| row(format!("IoU of {unit}"), [plain.iou(), fitted.iou()]));
        let mean = row("mean IoU".to_owned(), [plain.mean_iou(), self.mean_iou()]);
        Table {
            title: "Decisions".to_owned(),
            columns: ["on the test part", "by the logits alone", "fitted"].map(str::to_owned).to_vec(),
            rows: std::iter::once(mean).chain(each).collect(),
            note: "What is added to logits, or the threshold of a label, has the highest overlap on the validation \
                   part."
                .to_owned(),
        }
    }

    /// Decisions by true class, where a pixel has one.
    pub(crate) fn confusion(&self) -> Option<page::Confusion> {
        match &self.decisions {
            Decisions::Classes(matrix) => Some(confusion(matrix, self.units.clone())),
            Decisions::Labels(_) => None,
        }
    }

    fn counts(&self) -> Vec<Counts> {
        match &self.decisions {
            Decisions::Classes(matrix) => matrix.per_class(),
            Decisions::Labels(confusion) => confusion.per_label().to_vec(),
        }
    }
}

/// A number in a table.
fn cell(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"))
}

/// Intersections over union in one image; none of what does not occur in it.
pub(crate) struct Overlap {
    pub(crate) mean: Option<f64>,
    pub(crate) each: Vec<Option<f64>>,
}

/// The means over images of what each has alone: there small images, and those with little in them, weigh as the others.
pub(crate) fn by_image(overlaps: &[Overlap], units: &[String]) -> Vec<(String, f64)> {
    let mean = |name: String, of: &dyn Fn(&Overlap) -> Option<f64>| {
        let found: Vec<f64> = overlaps.iter().filter_map(of).collect();
        (!found.is_empty()).then(|| (name, found.iter().sum::<f64>() / found.len() as f64))
    };
    let each = units.iter().enumerate().map(|(unit, name)| {
        mean(format!("iou_{}_by_image", metric_key(name)), &move |overlap| overlap.each[unit])
    });
    std::iter::once(mean("mean_iou_by_image".to_owned(), &|overlap| overlap.mean))
        .chain(each)
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally<const N: usize>(
        decisions: impl FnOnce(usize) -> Result<Decisions, MetricError>,
        units: [&str; N],
    ) -> Tally {
        Tally::new(decisions(N).unwrap(), units.map(str::to_owned).to_vec()).unwrap()
    }

    fn of_classes() -> Tally {
        tally(
            |units| ConfusionMatrix::new(units).map(Decisions::Classes),
            ["background", "nucleus", "boundary"],
        )
    }

    fn of_labels() -> Tally {
        tally(|units| LabelConfusion::new(units).map(Decisions::Labels), ["nucleus", "boundary"])
    }

    fn close(scores: &Scores, name: &str, expected: f64) {
        let value = scores.get(name).unwrap();
        assert!((value - expected).abs() < 1e-6, "{name}: {value}, not {expected}");
    }

    #[test]
    fn classes_are_measured_one_by_one() {
        let mut tally = of_classes();
        // Logits of a row are 0 but for what is decided, which is 1.
        let rows = [0, 0, 1, 1]
            .map(|class| std::array::from_fn::<f32, 3, _>(|unit| f32::from(u8::from(unit == class))));
        tally.add(rows.as_flattened(), &[0, 0, 1, 1], &[0, 1, 1, 1]).unwrap();
        let scores = tally.scores(1);
        close(&scores, "iou_background", 0.5);
        close(&scores, "iou_nucleus", 2.0 / 3.0);
        close(&scores, "dice_nucleus", 0.8);
        close(&scores, "mean_iou", f64::midpoint(0.5, 2.0 / 3.0));
        close(&scores, "pixel_accuracy", 0.75);
        let right = (2.0 + 1.0_f64.exp()).ln() - 1.0;
        close(&scores, "log_loss", right + 0.25);
        assert_eq!((scores.get("iou_boundary"), scores.samples), (None, 1));
        let table = tally.table();
        assert_eq!(table.rows[1], ["nucleus", "0.6667", "0.8000", "1.0000", "0.6667", "3"]);
        assert_eq!(table.rows[2][1], "–");
        assert_eq!(tally.confusion().unwrap().counts, [[1, 0, 0], [1, 2, 0], [0, 0, 0]]);
    }

    #[test]
    fn images_weigh_alike_where_they_are_measured_alone() {
        let overlap =
            |mean: f64, nucleus: Option<f64>| Overlap { mean: Some(mean), each: vec![Some(1.0), nucleus] };
        let overlaps = [overlap(1.0, None), overlap(0.5, Some(0.25)), overlap(0.0, Some(0.75))];
        let found = by_image(&overlaps, &["background".to_owned(), "a nucleus".to_owned()]);
        let expected =
            [("mean_iou_by_image", 0.5), ("iou_background_by_image", 1.0), ("iou_a_nucleus_by_image", 0.5)];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)));
        assert!(by_image(&[], &[]).is_empty());
    }

    #[test]
    fn labels_are_measured_each_for_itself() {
        let mut tally = of_labels();
        tally.add(&[0.0; 8], &[3, 1, 0, 2], &[3, 3, 0, 1]).unwrap();
        let scores = tally.scores(1);
        close(&scores, "iou_nucleus", 2.0 / 3.0);
        close(&scores, "iou_boundary", 1.0 / 3.0);
        close(&scores, "mean_iou", 0.5);
        close(&scores, "pixel_accuracy", 0.5);
        close(&scores, "log_loss", 2.0_f64.ln());
        assert!(scores.get("iou_background").is_none() && tally.confusion().is_none());
    }
}
