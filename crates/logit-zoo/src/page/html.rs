//! The page around the parts of a report.

use super::Report;
use super::element::Element;
use super::escape::escape;
use super::{confusion, finding, heat_map, line_chart, picture, reliability, table};

const STYLE: &str = include_str!("style.css");

/// Nothing is loaded and nothing runs: the style is in the page, pictures are in their `src`.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// A part of the page that the list at its top leads to.
struct Section {
    id: &'static str,
    title: &'static str,
    content: Vec<Element>,
}

/// The whole document.
pub(super) fn page(report: &Report) -> String {
    let title = if report.title.trim().is_empty() { "Report" } else { &report.title };
    let sections: Vec<Section> =
        sections(report).into_iter().filter(|section| !section.content.is_empty()).collect();
    let body =
        Element::new("body")
            .child(header(title, &report.summary))
            .children((sections.len() > 1).then(|| navigation(&sections)))
            .child(Element::new("main").children(sections.into_iter().map(Section::element)))
            .child(Element::new("footer").child(
                Element::new("p").text(
                    "Written by Logit. This page is one file: it holds all it shows and loads nothing.",
                ),
            ));
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n{body}\n</html>\n",
        escape(title)
    )
}

fn header(title: &str, summary: &str) -> Element {
    let summary = (!summary.is_empty()).then(|| Element::new("p").text(summary));
    Element::new("header").child(Element::new("h1").text(title)).children(summary)
}

fn navigation(sections: &[Section]) -> Element {
    let item = |section: &Section| {
        let link = Element::new("a").with("href", format!("#{}", section.id)).text(section.title);
        Element::new("li").child(link)
    };
    let list = Element::new("ul").children(sections.iter().map(item));
    Element::new("nav").with("aria-label", "Sections of this page").child(list)
}

/// All sections in reading order, empty ones among them.
fn sections(report: &Report) -> Vec<Section> {
    let numbered = |name: &'static str| (1..).map(move |number: usize| format!("{name}-{number}"));
    let section = |id, title, content| Section { id, title, content };
    let single = |part: Option<Element>| part.into_iter().collect();

    let charts = report.charts.iter().zip(numbered("chart"));
    let charts = charts.map(|(chart, id)| line_chart::line_chart(chart, &id)).collect();
    let tables = report.tables.iter().zip(numbered("table"));
    let tables = tables.map(|(table, id)| table::table(table, &id)).collect();
    let confusion = report.confusion.iter().flat_map(|confusion| {
        [heat_map::heat_map(confusion, "matrix"), confusion::most_frequent(confusion, "matrix-list")]
    });
    let explanations = report.explanations.iter().zip(numbered("explanation"));
    let explanations = explanations.map(|(explanation, id)| explanation.element(&id)).collect();
    let diagrams = report.reliability.iter().zip(numbered("diagram"));
    let diagrams = diagrams.map(|(diagram, id)| reliability::reliability(diagram, &id)).collect();
    vec![
        section("findings", "Findings", single(finding::findings(&report.findings))),
        section("results", "Results", single(table::metrics(&report.metrics))),
        section("relevance", "Relevance", explanations),
        section("curves", "Curves", charts),
        section("confusion", "Confusion", confusion.collect()),
        section("calibration", "Calibration", diagrams),
        section("tables", "Tables", tables),
        section("pictures", "Pictures", single(picture::pictures(&report.pictures))),
        section("facts", "How it was made", single(table::facts(&report.facts))),
    ]
}

impl Section {
    fn element(self) -> Element {
        let heading = format!("{}-heading", self.id);
        Element::new("section")
            .with("id", self.id)
            .with("aria-labelledby", heading.as_str())
            .child(Element::new("h2").with("id", heading).text(self.title))
            .child(Element::new("div").with("class", "parts").children(self.content))
    }
}
