//! HTML and SVG elements, so that no page is put together from loose strings: every tag is closed, every text
//! is escaped and every number is finite because there is no other way to write one.

use std::fmt::{self, Display};

use super::escape::escape;
use super::number::coordinate;

/// Elements of HTML that have neither content nor an end tag.
const VOID: [&str; 1] = ["img"];

/// One element with its attributes and content, already written out.
pub(super) struct Element {
    name: &'static str,
    attributes: String,
    content: String,
}

/// What an attribute may be set to.
pub(super) trait AttributeValue {
    /// The value as it stands between the quotes.
    fn written(&self) -> String;
}

impl Element {
    /// An empty element. `name` is a tag of HTML or SVG.
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, attributes: String::new(), content: String::new() }
    }

    /// Sets an attribute.
    pub(super) fn with(mut self, name: &str, value: impl AttributeValue) -> Self {
        self.attributes.push(' ');
        self.attributes.push_str(name);
        self.attributes.push_str("=\"");
        self.attributes.push_str(&value.written());
        self.attributes.push('"');
        self
    }

    /// Appends text.
    pub(super) fn text(mut self, text: impl AsRef<str>) -> Self {
        self.content.push_str(&escape(text.as_ref()));
        self
    }

    /// Appends a child.
    pub(super) fn child(self, child: Element) -> Self {
        self.children([child])
    }

    /// Appends children; an `Option` is none or one of them.
    pub(super) fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        for child in children {
            self.content.push_str(&child.to_string());
        }
        self
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, attributes, content } = self;
        if VOID.contains(name) {
            return write!(f, "<{name}{attributes}>");
        }
        write!(f, "<{name}{attributes}>{content}</{name}>")
    }
}

impl AttributeValue for &str {
    fn written(&self) -> String {
        escape(self)
    }
}

impl AttributeValue for String {
    fn written(&self) -> String {
        escape(self)
    }
}

impl AttributeValue for f64 {
    fn written(&self) -> String {
        coordinate(*self)
    }
}

impl AttributeValue for usize {
    fn written(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_attributes_are_escaped_and_tags_closed() {
        let element = Element::new("p")
            .with("title", "\"><script>")
            .with("x", 1.25)
            .text("a < b")
            .children(None)
            .child(Element::new("img").with("alt", ""));
        assert_eq!(
            element.to_string(),
            "<p title=\"&quot;&gt;&lt;script&gt;\" x=\"1.25\">a &lt; b<img alt=\"\"></p>"
        );
    }
}
