//! What surrounds a drawing: its heading, the key to its colours and the words below it.

use super::element::Element;

/// One line of the key to a drawing.
pub(super) struct KeyEntry {
    /// The classes of the sample: what the drawing itself gave its shapes.
    pub(super) class: String,
    /// Shape of the sample.
    pub(super) sample: Sample,
    /// What the sample stands for.
    pub(super) name: String,
    /// A figure worth reading beside the name; may be empty.
    pub(super) detail: String,
}

/// The shape that a line of the key shows.
#[derive(Clone, Copy)]
pub(super) enum Sample {
    /// A stroke, for series.
    Stroke,
    /// A square, for filled shapes.
    Square,
}

/// A drawing under a heading, with its key and a caption of some paragraphs, empty ones left out.
pub(super) fn figure(title: &str, drawing: Element, key: &[KeyEntry], caption: &[String]) -> Element {
    let paragraphs = caption.iter().filter(|paragraph| !paragraph.is_empty());
    let mut words = paragraphs.map(|paragraph| Element::new("p").text(paragraph)).peekable();
    let has_words = words.peek().is_some();
    Element::new("figure")
        .child(Element::new("h3").text(title))
        .child(drawing)
        .children((!key.is_empty()).then(|| {
            let entries = key.iter().map(key_entry);
            Element::new("ul").with("class", "key").children(entries)
        }))
        .children(has_words.then(|| Element::new("figcaption").children(words)))
}

/// Content that may be wider than a small screen, in a box that scrolls and that the keyboard reaches.
pub(super) fn scrollable(label: &str, content: Element) -> Element {
    Element::new("div")
        .with("class", "scroll")
        .with("role", "group")
        .with("aria-label", label)
        .with("tabindex", "0")
        .child(content)
}

fn key_entry(entry: &KeyEntry) -> Element {
    let (box_size, shape) = match entry.sample {
        Sample::Stroke => ("0 0 34 12", Element::new("path").with("d", "M1 6H33")),
        Sample::Square => ("0 0 12 12", Element::new("path").with("d", "M0 0H12V12H0Z")),
    };
    let sample = Element::new("svg")
        .with("class", "sample")
        .with("viewBox", box_size)
        .with("aria-hidden", "true")
        .child(shape.with("class", entry.class.as_str()));
    let detail = (!entry.detail.is_empty()).then(|| Element::new("small").text(&entry.detail));
    Element::new("li").child(sample).child(Element::new("span").text(&entry.name)).children(detail)
}
