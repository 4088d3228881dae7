//! The reliability diagram: is a confidence of 80 % right four times out of five?

use super::axis::{Axis, Scale};
use super::element::Element;
use super::figure::{KeyEntry, Sample, figure};
use super::number::{count, counted, percent, value};
use super::svg::{ABOVE, BELOW, WIDTH, canvas, grid, label_room, line, rect, text, tooltip};

/// A reliability diagram (Guo et al. 2017, *On Calibration of Modern Neural Networks*): accuracy of the
/// samples whose confidence falls into each bin, against the diagonal of perfect calibration, above a
/// histogram of the bins.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reliability {
    /// Heading of the diagram, such as the data it was measured on.
    pub title: String,
    /// The bins. They may have unequal widths; empty ones draw nothing.
    pub bins: Vec<Bin>,
    /// Expected calibration error, `Σ_b n_b/n · |accuracy_b − confidence_b|`, between 0 and 1.
    pub ece: f64,
}

/// The samples whose confidence lies between two bounds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bin {
    /// Lower bound of the confidence, between 0 and 1.
    pub lower: f64,
    /// Upper bound of the confidence, between 0 and 1.
    pub upper: f64,
    /// Samples in the bin.
    pub count: u64,
    /// Mean confidence of the samples; not read if there are none.
    pub confidence: f64,
    /// Share of the samples that were predicted rightly; not read if there are none.
    pub accuracy: f64,
}

/// Foot of the upper plot, top and foot of the histogram, height of the drawing.
const FOOT: f64 = 270.0;
const HISTOGRAM_TOP: f64 = 330.0;
const HISTOGRAM_FOOT: f64 = 386.0;
const HEIGHT: f64 = HISTOGRAM_FOOT + BELOW;

/// The diagram as a figure; `id` must be unique on the page.
pub(super) fn reliability(reliability: &Reliability, id: &str) -> Element {
    let key = [
        ("bar", "accuracy of the bin"),
        ("miss", "gap between accuracy and mean confidence"),
        ("sample-diagonal", "perfect calibration"),
    ]
    .map(|(class, name)| KeyEntry {
        class: class.to_owned(),
        sample: if class == "sample-diagonal" { Sample::Stroke } else { Sample::Square },
        name: name.to_owned(),
        detail: String::new(),
    });
    figure(&reliability.title, drawing(reliability, id), &key, &caption(reliability))
}

fn caption(reliability: &Reliability) -> Vec<String> {
    let unreadable = reliability.bins.iter().filter(|bin| bin.count > 0 && !bin.is_readable()).count();
    let unreadable = if unreadable == 0 {
        String::new()
    } else {
        format!("Not drawn: {} without finite values.", counted(unreadable, "bin"))
    };
    let samples = reliability.samples();
    let ece = format!(
        "Expected calibration error (ECE): {}; {} samples in {}.",
        value(reliability.ece),
        count(samples),
        counted(reliability.bins.len(), "bin")
    );
    vec![ece, unreadable]
}

fn drawing(reliability: &Reliability, id: &str) -> Element {
    let bins: Vec<Bin> =
        reliability.bins.iter().copied().filter(|bin| bin.count > 0 && bin.is_readable()).collect();
    let shares: Vec<f64> = bins.iter().map(|bin| bin.count as f64 / reliability.samples() as f64).collect();
    let left = label_room(4);
    let right = WIDTH - 14.0;
    let x = Axis::unit().across(left, right);
    let y = Axis::unit().across(FOOT, ABOVE);
    let histogram = Axis::rounded(shares.iter().copied().chain([0.0]), Scale::Linear)
        .sparse()
        .across(HISTOGRAM_FOOT, HISTOGRAM_TOP);
    let columns = bins.iter().zip(&shares).map(|(bin, share)| {
        rect("bar", (x.at(bin.lower), histogram.at(0.0)), (x.at(bin.upper), histogram.at(*share)))
            .child(tooltip(&format!("{} samples, {}", count(bin.count), percent(*share))))
    });

    canvas(id, (WIDTH, HEIGHT), &reliability.title, &description(&bins))
        .children(grid(&x, &y))
        .children(bins.iter().flat_map(|bin| bars(bin, &x, &y)))
        .child(line("diagonal", (x.at(0.0), y.at(0.0)), (x.at(1.0), y.at(1.0))))
        .child(text("label", (2.0, 13.0), "accuracy"))
        .children(grid(&x, &histogram))
        .children(columns)
        .child(text("label", (2.0, HISTOGRAM_TOP - 12.0), "share of samples"))
        .child(text("label middle", (f64::midpoint(left, right), HEIGHT - 8.0), "confidence"))
        .children(bins.is_empty().then(|| text("label middle", (x.at(0.65), y.at(0.25)), "no samples")))
}

/// Accuracy as a bar, and what lies between it and the mean confidence.
fn bars(bin: &Bin, x: &Axis, y: &Axis) -> [Element; 2] {
    let tip = format!(
        "confidence {}, accuracy {}: {} samples",
        percent(bin.confidence),
        percent(bin.accuracy),
        count(bin.count)
    );
    let (left, right) = (x.at(bin.lower), x.at(bin.upper));
    let (accuracy, confidence) = (y.at(bin.accuracy), y.at(bin.confidence));
    [
        rect("bar", (left, y.at(0.0)), (right, accuracy)).child(tooltip(&tip)),
        rect("miss", (left, accuracy), (right, confidence)).child(tooltip(&tip)),
    ]
}

fn description(bins: &[Bin]) -> String {
    let sentence = |bin: &Bin| {
        format!(
            "Confidence {}: accuracy {}, {} samples.",
            percent(bin.confidence),
            percent(bin.accuracy),
            count(bin.count)
        )
    };
    let sentences: Vec<String> = bins.iter().take(30).map(sentence).collect();
    format!("Accuracy and samples by confidence. {}", sentences.join(" "))
}

impl Reliability {
    fn samples(&self) -> u128 {
        self.bins.iter().map(|bin| u128::from(bin.count)).sum()
    }
}

impl Bin {
    fn is_readable(&self) -> bool {
        [self.lower, self.upper, self.confidence, self.accuracy].iter().all(|value| value.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(lower: f64, count: u64, confidence: f64, accuracy: f64) -> Bin {
        Bin { lower, upper: lower + 0.25, count, confidence, accuracy }
    }

    fn drawn(bins: Vec<Bin>, ece: f64) -> String {
        reliability(&Reliability { title: "Test".to_owned(), bins, ece }, "diagram").to_string()
    }

    #[test]
    fn bars_stand_as_high_as_the_accuracy_and_gaps_reach_to_the_confidence() {
        let html = drawn(vec![bin(0.5, 30, 0.625, 0.5), bin(0.75, 10, 0.75, 1.0)], 0.15625);
        // The plot reaches from 44.4 to 466 and from 270 up to 32.
        for expected in [
            "class=\"bar\" x=\"255.2\" y=\"151\" width=\"105.4\" height=\"119\"",
            "class=\"miss\" x=\"255.2\" y=\"121.25\" width=\"105.4\" height=\"29.75\"",
            "class=\"bar\" x=\"360.6\" y=\"32\" width=\"105.4\" height=\"238\"",
            "confidence 62.5\u{A0}%, accuracy 50.0\u{A0}%: 30 samples",
            "30 samples, 75.0\u{A0}%",
            "Expected calibration error (ECE): 0.1562; 40 samples in 2 bins.",
        ] {
            assert!(html.contains(expected), "{expected} in {html}");
        }
    }

    #[test]
    fn empty_bins_draw_nothing_and_unreadable_ones_are_counted() {
        let html = drawn(vec![bin(0.0, 0, f64::NAN, f64::NAN), bin(0.25, 3, f64::NAN, 0.5)], f64::NAN);
        assert!(!html.contains("<rect"), "{html}");
        assert!(
            html.contains("no samples") && html.contains("Not drawn: 1 bin without finite values."),
            "{html}"
        );
        assert!(html.contains("(ECE): not a number; 3 samples in 2 bins."), "{html}");
    }
}
