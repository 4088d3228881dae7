//! A report as a page: one HTML file that holds a run's result, its curves and how it was made.
//!
//! The page is a single file for any browser. It loads nothing, runs no script, reads well on a phone, on
//! paper and in the dark, and is heard as well as seen. This module knows no engine: a [`Report`] is plain
//! data. [`relevance`] draws explanations, also apart from a page: heat maps as PNG, words and bars for a terminal.
//!
//! Every text may come from strangers (class names, file names) and is escaped; every number may be anything,
//! and what is not finite is said in words and marked in charts instead of spoiling them.

mod axis;
mod confusion;
mod element;
mod escape;
#[cfg(test)]
pub(crate) mod example;
mod figure;
mod finding;
mod heat_map;
mod html;
mod line_chart;
mod number;
mod picture;
pub mod relevance;
mod reliability;
mod svg;
mod table;
mod thin;
mod ticks;

use logit_spec::Finding;

pub use axis::Scale;
pub use confusion::Confusion;
pub(crate) use escape::printed;
pub use line_chart::{LineChart, Series};
pub use picture::{Picture, Pixels};
pub use relevance::Explanation;
pub use reliability::{Bin, Reliability};
pub use table::{Fact, Metric, Table};

/// Everything that a page shows. Parts that are empty are left out.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Heading of the page.
    pub title: String,
    /// The result in one sentence.
    pub summary: String,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// The measures that the run is judged by.
    pub metrics: Vec<Metric>,
    /// Curves over the training.
    pub charts: Vec<LineChart>,
    /// Why it was decided so.
    pub explanations: Vec<Explanation>,
    /// Which class was taken for which.
    pub confusion: Option<Confusion>,
    /// How far confidences can be believed, for instance before and after temperature scaling.
    pub reliability: Vec<Reliability>,
    /// Other results.
    pub tables: Vec<Table>,
    /// Samples to look at; the first 40 are shown.
    pub pictures: Vec<Picture>,
    /// How the run was made: recipe, seed, versions, data, parameters, steps.
    pub facts: Vec<Fact>,
}

impl Report {
    /// The page, as the text of an HTML file in UTF-8. The same report always gives the same text.
    ///
    /// ```
    /// # use logit_zoo::page;
    /// use page::{LineChart, Report, Series};
    ///
    /// let points = vec![(1.0, 0.31), (2.0, 0.12), (3.0, 0.09)];
    /// let loss = Series { name: "validation".to_owned(), points };
    /// let report = Report {
    ///     title: "Digits".to_owned(),
    ///     summary: "98.6 % of the test digits are read rightly.".to_owned(),
    ///     charts: vec![LineChart {
    ///         title: "Cross entropy".to_owned(),
    ///         x_label: "epoch".to_owned(),
    ///         y_label: "nats".to_owned(),
    ///         series: vec![loss],
    ///         ..LineChart::default()
    ///     }],
    ///     ..Report::default()
    /// };
    /// let page = report.to_html();
    /// assert!(page.starts_with("<!DOCTYPE html>") && page.contains("lowest 0.0900 at 3"));
    /// ```
    pub fn to_html(&self) -> String {
        html::page(self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use logit_spec::{Fault, Level};
    use proptest::prelude::*;

    use super::*;

    /// Text that would break a page if any of it were not escaped.
    const HOSTILE: &str = "</title><script>alert(1)</script> \" onload='x' & \u{202E}\0";

    /// Every element that is opened must be closed, in order. Returns the names of the elements.
    fn elements(html: &str) -> Vec<&str> {
        let (mut open, mut all) = (Vec::new(), Vec::new());
        for tag in html.split('<').skip(1) {
            let (inside, _) = tag.split_once('>').unwrap_or_else(|| panic!("unfinished tag <{tag}"));
            let name = inside.split([' ', '\n']).next().unwrap_or_default();
            if let Some(closed) = name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "closing tag in {tag}");
            } else if !matches!(name, "!DOCTYPE" | "meta" | "img") {
                open.push(name);
            }
            all.push(name);
        }
        assert!(open.is_empty(), "never closed: {open:?}");
        all
    }

    fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
        html.split(&format!(" {name}=\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    #[test]
    fn a_run_on_digits_fills_every_part_of_the_page() {
        let html = example::digits().to_html();
        let elements = elements(&html);
        let count = |name: &str| elements.iter().filter(|element| **element == name).count();
        let landmarks = ["h1", "header", "nav", "main", "footer"].map(count);
        assert_eq!(landmarks, [1; 5]);
        assert_eq!((count("section"), count("h2")), (9, 9));
        assert_eq!((count("img"), count("g")), (10, 100), "nine pictures and heat maps, a hundred cells");
        assert!(html.contains("98.91 % of 10,000 test digits are read rightly"));
        assert!(html.len() < 150_000, "{} bytes", html.len());
        assert_eq!(html, example::digits().to_html());
    }

    #[test]
    fn headings_descend_one_step_at_a_time() {
        let html = example::digits().to_html();
        let level = |name: &&str| name.strip_prefix('h').and_then(|level| level.parse::<u32>().ok());
        let levels: Vec<u32> = elements(&html).iter().filter_map(level).collect();
        assert_eq!(levels.first(), Some(&1));
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    }

    #[test]
    fn names_are_unique_and_every_reference_leads_somewhere() {
        let html = example::digits().to_html();
        let ids = attributes(&html, "id");
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len());
        let links = attributes(&html, "href").into_iter().map(|link| link.trim_start_matches('#'));
        let labels = attributes(&html, "aria-labelledby").into_iter().flat_map(|names| names.split(' '));
        for reference in links.chain(labels) {
            assert!(unique.contains(reference), "{reference}");
        }
    }

    #[test]
    fn the_page_forbids_and_needs_no_network() {
        let html = example::digits().to_html();
        assert!(html.contains("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';"));
        for address in attributes(&html, "src").iter().chain(&attributes(&html, "href")) {
            let is_inside = address.starts_with("data:image/bmp;") || address.starts_with("data:image/png;");
            assert!(is_inside || address.starts_with('#'), "{address}");
        }
        assert!(!html.contains("://") && !html.contains("url(") && !html.contains("@import"));
    }

    #[test]
    fn hostile_text_stays_text() {
        let text = || HOSTILE.to_owned();
        let series = vec![Series { name: text(), points: vec![(0.0, 1.0), (1.0, f64::NAN)] }];
        let mut chart =
            LineChart { title: text(), x_label: text(), y_label: text(), series, ..LineChart::default() };
        chart.note = text();
        let report = Report {
            title: text(),
            summary: text(),
            findings: vec![Finding {
                level: Level::Advice,
                fault: Fault::Named(text()),
                message: text(),
                reason: text(),
                fix: text(),
            }],
            metrics: vec![Metric { name: text(), test: Some(1.0), ..Metric::default() }],
            charts: vec![chart],
            explanations: relevance::tests::of_text(HOSTILE),
            confusion: Some(Confusion { labels: vec![text(), text()], counts: vec![vec![1, 2]] }),
            reliability: vec![Reliability { title: text(), ..Reliability::default() }],
            tables: vec![Table {
                title: text(),
                columns: vec![text()],
                rows: vec![vec![text()]],
                note: text(),
            }],
            pictures: vec![Picture { caption: text(), width: 1, height: 1, pixels: Pixels::Grey(vec![0]) }],
            facts: vec![Fact { name: text(), value: text() }],
        };
        let html = report.to_html();
        assert!(!elements(&html).contains(&"script"));
        assert!(!html.contains(['\0', '\u{202E}']) && !html.contains("onload='"));
        assert!(html.matches("&lt;script&gt;").count() >= 20);
    }

    #[test]
    fn an_empty_report_is_still_a_page() {
        let html = Report::default().to_html();
        assert!(elements(&html).contains(&"main") && html.contains("<title>Report</title>"), "{html}");
        assert!(!html.contains("<section") && !html.contains("<nav"));
    }

    fn bins() -> impl Strategy<Value = Vec<Bin>> {
        let number = || prop_oneof![prop::num::f64::ANY, 0.0..1.0];
        let bin = (number(), number(), prop_oneof![Just(0), any::<u64>()], number(), number());
        let bin = bin.prop_map(|(lower, upper, count, confidence, accuracy)| Bin {
            lower,
            upper,
            count,
            confidence,
            accuracy,
        });
        prop::collection::vec(bin, 0..5)
    }

    fn counts() -> impl Strategy<Value = Vec<Vec<u64>>> {
        let count = prop_oneof![Just(0), any::<u64>()];
        prop::collection::vec(prop::collection::vec(count, 0..6), 0..6)
    }

    fn points() -> impl Strategy<Value = Vec<(f64, f64)>> {
        let number = || prop_oneof![prop::num::f64::ANY, Just(0.0), -1e3..1e3];
        prop_oneof![
            prop::collection::vec((number(), number()), 0..20),
            prop::collection::vec((number(), number()), 1500)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn no_number_spoils_the_page(
            series in prop::collection::vec(points(), 0..4),
            log: bool,
            counts in counts(),
            bins in bins(),
            values in prop::collection::vec(prop::num::f64::ANY, 3),
        ) {
            let series = series.into_iter().map(|points| Series { name: "a".to_owned(), points }).collect();
            let y_scale = if log { Scale::Log } else { Scale::Linear };
            let report = Report {
                metrics: vec![Metric { train: Some(values[0]), test: Some(values[1]), ..Metric::default() }],
                charts: vec![LineChart { y_scale, series, ..LineChart::default() }],
                confusion: Some(Confusion { labels: Vec::new(), counts }),
                reliability: vec![Reliability { title: String::new(), bins, ece: values[2] }],
                ..Report::default()
            };
            let html = report.to_html();
            prop_assert!(!html.contains("NaN") && !html.contains("inf"), "{}", html);
            prop_assert!(!elements(&html).is_empty());
        }
    }
}
