//! The confusion matrix as a picture.

use super::confusion::{Cell, Confusion};
use super::element::Element;
use super::escape::shorten;
use super::figure::{KeyEntry, Sample, figure, scrollable};
use super::number::{compact_count, coordinate, count, percent};
use super::svg::{WIDTH, canvas, label_room, rect, text, tooltip};

/// Up to so many classes the cells hold their counts.
const NUMBERED: usize = 30;

/// More classes are not drawn: their cells would be hardly larger than a pixel.
const DRAWN: usize = 300;

/// Width that up to a dozen classes share, and least width of a cell that has to hold a count.
const SIDE: f64 = 380.0;
const CELL: f64 = 27.0;

/// Characters of a class name that stand beside the drawing; longer ones than `LEVEL` stand above it aslant.
const NAME: usize = 12;
const LEVEL: usize = 3;

/// Where the cells of a drawing stand.
struct Layout {
    classes: usize,
    /// Side of a cell.
    cell: f64,
    left: f64,
    top: f64,
    /// Room to the right, for the last of the names that stand aslant.
    beside: f64,
    aslant: bool,
}

/// The heat map, or a sentence if there are too many classes; `id` must be unique on the page.
pub(super) fn heat_map(confusion: &Confusion, id: &str) -> Element {
    let layout = Layout::new(confusion);
    if layout.classes > DRAWN {
        let classes = count(layout.classes as u128);
        return Element::new("p").text(format!("A heat map of {classes} classes cannot be drawn legibly."));
    }
    let key =
        [(true, "predicted rightly"), (false, "taken for another class")].map(|(is_right, name)| KeyEntry {
            class: colour(is_right).to_owned(),
            sample: Sample::Square,
            name: name.to_owned(),
            detail: String::new(),
        });
    let caption = "Each row is one true class; the shade of a cell grows with the cube root of its share of \
                   the row, so that rare confusions stay visible.";
    let title = "Confusion matrix";
    let drawing = drawing(confusion, &layout, title, id);
    if layout.width() <= WIDTH {
        return figure(title, drawing, &key, &[caption.to_owned()]);
    }
    figure(title, scrollable(title, drawing), &key, &[caption.to_owned()]).with("class", "wide")
}

fn drawing(confusion: &Confusion, layout: &Layout, title: &str, id: &str) -> Element {
    let sum = |is_counted: fn(&Cell) -> bool| -> u128 {
        confusion.cells().filter(is_counted).map(|cell| u128::from(cell.count)).sum()
    };
    let (right, all) = (count(sum(|cell| cell.is_right())), count(sum(|_| true)));
    let description = format!("{right} of {all} samples are on the diagonal, where the prediction is right.");
    let numbered = layout.classes <= NUMBERED;
    let names = if numbered { names(confusion, layout) } else { Vec::new() };
    let cells = if numbered { numbered_cells(confusion, layout) } else { shaded_cells(confusion, layout) };
    canvas(id, (layout.width(), layout.height()), title, &description)
        .child(text("label", (2.0, 13.0), "true class ↓ · predicted class →"))
        .children(names)
        .children(cells)
        .child(rect("outline", layout.corner(0, 0), layout.corner(layout.classes, layout.classes)))
}

/// The names of the classes, to the left of the rows and above the columns.
fn names(confusion: &Confusion, layout: &Layout) -> Vec<Element> {
    let name = |class: usize| {
        let full = confusion.label(class);
        let (short, tip) = (shorten(&full, NAME), shorten(&full, 200));
        let (x, y) = layout.centre(class, class);
        let foot = layout.top - 7.0;
        let above = if layout.aslant {
            let turn = format!("rotate(-50 {} {})", coordinate(x), coordinate(foot));
            text("tick", (x, foot), &short).with("transform", turn)
        } else {
            text("tick middle", (x, foot), &short)
        };
        let beside = text("tick end", (layout.left - 7.0, y + 4.0), &short);
        [beside.child(tooltip(&tip)), above.child(tooltip(&tip))]
    };
    (0..layout.classes).flat_map(name).collect()
}

/// A rectangle and a number for each cell, zeros among them.
fn numbered_cells(confusion: &Confusion, layout: &Layout) -> Vec<Element> {
    let labels: Vec<String> = (0..layout.classes).map(|class| shorten(&confusion.label(class), 60)).collect();
    let mut shapes = Vec::new();
    for (truth, true_label) in labels.iter().enumerate() {
        let total = confusion.total(truth);
        let samples = count(total);
        for (predicted, label) in labels.iter().enumerate() {
            let cell = confusion.cell(truth, predicted, total);
            let share = format!("{} of {samples} ({})", count(cell.count), percent(cell.share));
            let (x, y) = layout.centre(truth, predicted);
            let square = rect(
                colour(cell.is_right()),
                layout.corner(truth, predicted),
                layout.corner(truth + 1, predicted + 1),
            );
            let group = Element::new("g")
                .child(tooltip(&format!("true {true_label}, predicted {label}: {share}")))
                .child(square.with("fill-opacity", shade(cell)))
                .child(text(number_class(cell), (x, y + 4.0), &compact_count(cell.count)));
            shapes.push(group);
        }
    }
    shapes
}

/// Cells without numbers, one path a shade: a matrix of hundreds of classes stays a small drawing.
fn shaded_cells(confusion: &Confusion, layout: &Layout) -> Vec<Element> {
    const SHADES: usize = 10;
    let side = coordinate(layout.cell);
    let mut paths = vec![[String::new(), String::new()]; SHADES + 1];
    for cell in confusion.cells() {
        let shade = (shade(cell) * SHADES as f64).ceil() as usize;
        let Some([wrong, right]) = paths.get_mut(shade) else { continue };
        let (x, y) = layout.corner(cell.truth, cell.predicted);
        let path = if cell.is_right() { right } else { wrong };
        path.extend(["M", &coordinate(x), " ", &coordinate(y), "h", &side, "v", &side, "h-", &side, "z"]);
    }
    let mut shapes = Vec::new();
    for (shade, [wrong, right]) in paths.into_iter().enumerate() {
        for (path, is_right) in [(wrong, false), (right, true)] {
            let path = (!path.is_empty()).then(|| Element::new("path").with("d", path));
            let opacity = shade as f64 / SHADES as f64;
            shapes
                .extend(path.map(|path| path.with("class", colour(is_right)).with("fill-opacity", opacity)));
        }
    }
    shapes
}

fn shade(cell: Cell) -> f64 {
    cell.share.cbrt()
}

fn colour(is_right: bool) -> &'static str {
    if is_right { "heat-right" } else { "heat-wrong" }
}

/// Where the shade is strong the number takes the colour of the paper.
fn number_class(cell: Cell) -> &'static str {
    match cell.count {
        0 => "cell zero",
        _ if shade(cell) > 0.72 => "cell strong",
        _ => "cell",
    }
}

impl Layout {
    fn new(confusion: &Confusion) -> Self {
        let classes = confusion.classes();
        if classes > NUMBERED {
            let cell = (WIDTH - 8.0) / classes as f64;
            return Self { classes, cell, left: 2.0, top: 24.0, beside: 4.0, aslant: false };
        }
        let longest = (0..classes).map(|class| confusion.label(class).chars().count()).max().unwrap_or(0);
        let left = label_room(longest.min(NAME));
        let aslant = longest > LEVEL;
        // A name at 50 degrees takes sin 50° of its length above the columns and cos 50° beside them.
        let (above, beside) = if aslant { (left * 0.8, left * 0.6) } else { (18.0, 4.0) };
        let cell = (SIDE / classes.max(1) as f64).clamp(CELL, 72.0);
        Self { classes, cell, left, top: 24.0 + above, beside, aslant }
    }

    fn width(&self) -> f64 {
        let title = 240.0;
        (self.corner(0, self.classes).0 + self.beside).max(title)
    }

    fn height(&self) -> f64 {
        self.corner(self.classes, 0).1 + 2.0
    }

    /// Upper left corner of a cell.
    fn corner(&self, truth: usize, predicted: usize) -> (f64, f64) {
        (self.left + predicted as f64 * self.cell, self.top + truth as f64 * self.cell)
    }

    fn centre(&self, truth: usize, predicted: usize) -> (f64, f64) {
        let (x, y) = self.corner(truth, predicted);
        (x + self.cell / 2.0, y + self.cell / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(labels: &[&str], counts: Vec<Vec<u64>>) -> String {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        heat_map(&Confusion { labels, counts }, "matrix").to_string()
    }

    #[test]
    fn every_cell_holds_its_count_and_is_shaded_by_its_share_of_the_row() {
        let html = drawn(&["cat", "dog"], vec![vec![7, 1], vec![]]);
        assert_eq!(html.matches("<g>").count(), 4);
        assert!(html.contains("true cat, predicted dog: 1 of 8 (12.5\u{A0}%)"), "{html}");
        assert!(html.contains("fill-opacity=\"0.5\""), "the cube root of 1/8: {html}");
        assert!(html.contains("true dog, predicted dog: 0 of 0 (0.0\u{A0}%)"), "an empty row: {html}");
        assert!(html.contains("7 of 8 samples are on the diagonal"));
    }

    #[test]
    fn long_names_stand_aslant_and_short_ones_level() {
        assert!(!drawn(&["cat", "dog"], vec![]).contains("rotate"));
        assert!(drawn(&["horse", "dog"], vec![]).contains("rotate(-50 "));
    }

    #[test]
    fn the_number_of_classes_decides_what_is_drawn() {
        let diagonal = |classes: usize| -> Vec<Vec<u64>> {
            (0..classes).map(|truth| (0..classes).map(|other| u64::from(other == truth)).collect()).collect()
        };
        let cases = [(0, 0, 0), (1, 1, 1), (30, 900, 900), (31, 0, 1), (300, 0, 1)];
        for (classes, numbers, squares) in cases {
            let html = drawn(&[], diagonal(classes));
            assert_eq!(html.matches("class=\"cell").count(), numbers, "{classes} classes");
            assert_eq!(html.matches("fill-opacity").count(), squares, "{classes} classes");
        }
        assert_eq!(drawn(&[], diagonal(301)), "<p>A heat map of 301 classes cannot be drawn legibly.</p>");
    }

    #[test]
    fn a_matrix_of_any_size_fits_its_drawing() {
        for classes in 0..=NUMBERED {
            for label in ["a", "a name that is cut"] {
                let labels = vec![label.to_owned(); classes];
                let layout = Layout::new(&Confusion { labels, counts: Vec::new() });
                let (right, foot) = layout.corner(classes, classes);
                assert!(right <= layout.width() && foot <= layout.height() && layout.width() <= 1000.0);
            }
        }
    }
}
