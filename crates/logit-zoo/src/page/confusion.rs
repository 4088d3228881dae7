//! The confusion matrix: which class was taken for which.

use std::cmp::Reverse;

use super::element::Element;
use super::number::{count, counted, percent};
use super::table::{Table, table};

/// Counts of true class against predicted class.
///
/// Drawn as a heat map: each cell is shaded by its share of the row, right decisions in one colour and wrong
/// ones in another. The shade grows with the cube root of the share, since an error of one percent would
/// otherwise look white. Up to 30 classes each cell holds its count; beyond 300 only the table of the most
/// frequent confusions is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Confusion {
    /// Names of the classes. Classes without a name are called by their index.
    pub labels: Vec<String>,
    /// `counts[t][p]`: how many samples of the true class `t` were predicted as `p`. Missing cells count as
    /// 0.
    pub counts: Vec<Vec<u64>>,
}

/// How often one class was taken for another, or for itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cell {
    /// Index of the true class.
    pub(super) truth: usize,
    /// Index of the predicted class.
    pub(super) predicted: usize,
    /// Samples.
    pub(super) count: u64,
    /// Share of all samples of the true class; 0 if there are none.
    pub(super) share: f64,
}

/// Rows of the table of confusions.
const LISTED: usize = 10;

/// The table of the most frequent confusions; `id` must be unique on the page.
pub(super) fn most_frequent(confusion: &Confusion, id: &str) -> Element {
    let rank = |cell: &Cell| (Reverse(cell.count), cell.truth, cell.predicted);
    let mut first: Vec<Cell> = Vec::new();
    let mut pairs = 0;
    for cell in confusion.cells().filter(|cell| !cell.is_right()) {
        pairs += 1;
        let place = first.partition_point(|kept| rank(kept) <= rank(&cell));
        if place < LISTED {
            first.insert(place, cell);
            first.truncate(LISTED);
        }
    }
    let row = |cell: &Cell| {
        let pair = format!("{} → {}", confusion.label(cell.truth), confusion.label(cell.predicted));
        vec![pair, count(cell.count), percent(cell.share)]
    };
    let note = match pairs {
        0 => "No sample was taken for another class.".to_owned(),
        more if more > LISTED => format!("The first {LISTED} of {}.", counted(more, "pair")),
        _ => String::new(),
    };
    let columns = ["True class → taken for", "Samples", "Share of the true class"].map(str::to_owned);
    let rows = first.iter().map(row).collect();
    table(&Table { title: "Most frequent confusions".to_owned(), columns: columns.to_vec(), rows, note }, id)
}

impl Confusion {
    /// Number of classes that have a name, a row or a column.
    pub(super) fn classes(&self) -> usize {
        let widest = self.counts.iter().map(Vec::len).max().unwrap_or(0);
        self.labels.len().max(self.counts.len()).max(widest)
    }

    /// What a class is called.
    pub(super) fn label(&self, class: usize) -> String {
        self.labels.get(class).filter(|label| !label.is_empty()).cloned().unwrap_or_else(|| class.to_string())
    }

    /// Samples of a true class.
    pub(super) fn total(&self, truth: usize) -> u128 {
        self.counts.get(truth).into_iter().flatten().map(|count| u128::from(*count)).sum()
    }

    /// One cell, which may be 0.
    pub(super) fn cell(&self, truth: usize, predicted: usize, total: u128) -> Cell {
        let count = self.counts.get(truth).and_then(|row| row.get(predicted)).copied().unwrap_or(0);
        let share = if total == 0 { 0.0 } else { count as f64 / total as f64 };
        Cell { truth, predicted, count, share }
    }

    /// The cells that are not 0, row by row.
    pub(super) fn cells(&self) -> impl Iterator<Item = Cell> {
        self.counts.iter().enumerate().flat_map(move |(truth, row)| {
            let total = self.total(truth);
            (0..row.len())
                .map(move |predicted| self.cell(truth, predicted, total))
                .filter(|cell| cell.count > 0)
        })
    }
}

impl Cell {
    /// Whether the prediction is the true class.
    pub(super) fn is_right(self) -> bool {
        self.truth == self.predicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusions_are_listed_by_count_then_by_class() {
        let labels = ["cat", "dog", ""].map(str::to_owned).to_vec();
        let confusion = Confusion { labels, counts: vec![vec![90, 3, 7], vec![7, 0, 0], vec![]] };
        let html = most_frequent(&confusion, "list").to_string();
        let rows = [
            "cat → 2</th><td class=\"number\">7</td><td class=\"number\">7.0\u{A0}%",
            "dog → cat</th><td class=\"number\">7</td><td class=\"number\">100.0\u{A0}%",
            "cat → dog</th><td class=\"number\">3</td><td class=\"number\">3.0\u{A0}%",
        ];
        let places: Vec<Option<usize>> = rows.iter().map(|row| html.find(row)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {html}");
    }

    #[test]
    fn of_many_confusions_the_ten_greatest_are_listed() {
        let counts = (0..40).map(|truth| (0..40).map(|predicted| truth * 40 + predicted).collect()).collect();
        let html = most_frequent(&Confusion { labels: Vec::new(), counts }, "list").to_string();
        assert_eq!(html.matches("<tr>").count(), 11);
        assert!(
            html.contains("39 → 38<") && html.contains("39 → 29<") && !html.contains("39 → 28<"),
            "{html}"
        );
        assert!(html.contains("The first 10 of 1,560 pairs."));
    }
}
