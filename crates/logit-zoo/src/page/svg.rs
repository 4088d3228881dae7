//! The pieces that drawings are made of.

use super::axis::Axis;
use super::element::Element;

/// Width of one drawing in its own units, chosen so that it fills half a wide page, or a phone, at about one
/// pixel a unit: text stays readable in both.
pub(super) const WIDTH: f64 = 480.0;

/// Room below a plot for tick labels and the name of the axis.
pub(super) const BELOW: f64 = 48.0;

/// Room above a plot for the name of its vertical axis.
pub(super) const ABOVE: f64 = 32.0;

/// Room for a character of a label: wide enough for the larger text of small screens.
const CHARACTER: f64 = 8.6;

/// An SVG that is read out as one picture. `id` must be unique on the page.
pub(super) fn canvas(id: &str, (width, height): (f64, f64), title: &str, description: &str) -> Element {
    let (title_id, description_id) = (format!("{id}-title"), format!("{id}-description"));
    let (columns, rows) = (width.ceil() as usize, height.ceil() as usize);
    Element::new("svg")
        .with("viewBox", format!("0 0 {columns} {rows}"))
        .with("width", columns)
        .with("height", rows)
        .with("role", "img")
        .with("aria-labelledby", format!("{title_id} {description_id}"))
        .child(Element::new("title").with("id", title_id).text(title))
        .child(Element::new("desc").with("id", description_id).text(description))
}

/// A line between two points.
pub(super) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> Element {
    Element::new("line")
        .with("class", class)
        .with("x1", from.0)
        .with("y1", from.1)
        .with("x2", to.0)
        .with("y2", to.1)
}

/// A rectangle between two opposite corners.
pub(super) fn rect(class: &str, from: (f64, f64), to: (f64, f64)) -> Element {
    Element::new("rect")
        .with("class", class)
        .with("x", from.0.min(to.0))
        .with("y", from.1.min(to.1))
        .with("width", (to.0 - from.0).abs())
        .with("height", (to.1 - from.1).abs())
}

/// A small disc.
pub(super) fn dot(class: &str, centre: (f64, f64)) -> Element {
    Element::new("circle").with("class", class).with("cx", centre.0).with("cy", centre.1).with("r", 2.5)
}

/// Text at a point; the class says which part of the text stands there.
pub(super) fn text(class: &str, at: (f64, f64), text: &str) -> Element {
    Element::new("text").with("class", class).with("x", at.0).with("y", at.1).text(text)
}

/// What is shown beside a pointer that rests on an element.
pub(super) fn tooltip(text: &str) -> Element {
    Element::new("title").text(text)
}

/// Room for a label of so many characters.
pub(super) fn label_room(characters: usize) -> f64 {
    (10.0 + CHARACTER * characters as f64).min(WIDTH / 3.0)
}

/// Grid lines and tick labels of two axes that are laid over the plot, and the line at its foot.
pub(super) fn grid(x: &Axis, y: &Axis) -> Vec<Element> {
    let ((left, right), (bottom, _)) = (x.positions(), y.positions());
    let mut pieces = Vec::new();
    for (value, label) in &y.ticks {
        let height = y.at(*value);
        pieces.push(line("grid", (left, height), (right, height)));
        pieces.push(text("tick end", (left - 7.0, height + 4.0), label));
    }
    let room = (right - left) / label_room(x.label_length());
    let labelled = (x.ticks.len() as f64 / room).ceil().max(1.0) as usize;
    for (index, (value, label)) in x.ticks.iter().enumerate() {
        let place = x.at(*value);
        pieces.push(line("axis", (place, bottom), (place, bottom + 4.0)));
        if index % labelled != 0 {
            continue;
        }
        // A label at the right edge would otherwise be cut off in the middle.
        let middle = place.min(WIDTH - CHARACTER / 2.0 * label.chars().count() as f64);
        pieces.push(text("tick middle", (middle, bottom + 18.0), label));
    }
    pieces.push(line("axis", (left, bottom), (right, bottom)));
    pieces
}
