//! Tables: the metrics, the facts of the run, and whatever else has rows.

use super::element::Element;
use super::figure::scrollable;
use super::number::value;

/// A named value that a run is known by: recipe, seed, version, number of parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fact {
    /// What the value is.
    pub name: String,
    /// The value, with its unit.
    pub value: String,
}

impl Fact {
    /// A fact.
    pub fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: value.into() }
    }
}

/// One measure on the splits it was taken on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Metric {
    /// Name of the measure, with its unit.
    pub name: String,
    /// On the training data.
    pub train: Option<f64>,
    /// On the validation data.
    pub validation: Option<f64>,
    /// On the test data.
    pub test: Option<f64>,
}

/// A table. The first cell of a row is its heading; columns of numbers are set flush right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// Caption of the table.
    pub title: String,
    /// Headings of the columns.
    pub columns: Vec<String>,
    /// The rows; short ones are filled with empty cells, longer ones get columns without a heading.
    pub rows: Vec<Vec<String>>,
    /// What stands below; may be empty.
    pub note: String,
}

/// The table under its heading; `id` must be unique on the page.
pub(super) fn table(table: &Table, id: &str) -> Element {
    let note = (!table.note.is_empty()).then(|| Element::new("p").with("class", "note").text(&table.note));
    Element::new("div")
        .with("class", "table")
        .child(Element::new("h3").with("id", id).text(&table.title))
        .children(
            (!table.rows.is_empty())
                .then(|| scrollable(&table.title, grid(table).with("aria-labelledby", id))),
        )
        .children(note)
}

/// The measures as a table: a column for every split that any of them was taken on.
pub(super) fn metrics(metrics: &[Metric]) -> Option<Element> {
    type Split = (&'static str, fn(&Metric) -> Option<f64>);
    let splits: [Split; 3] = [
        ("Training", |metric| metric.train),
        ("Validation", |metric| metric.validation),
        ("Test", |metric| metric.test),
    ];
    let used: Vec<Split> =
        splits.into_iter().filter(|(_, read)| metrics.iter().any(|metric| read(metric).is_some())).collect();
    let columns =
        ["Measure"].into_iter().chain(used.iter().map(|(name, _)| *name)).map(str::to_owned).collect();
    let row = |metric: &Metric| {
        let values = used.iter().map(|(_, read)| read(metric).map_or_else(|| "–".to_owned(), value));
        [metric.name.clone()].into_iter().chain(values).collect()
    };
    let rows: Vec<Vec<String>> = metrics.iter().map(row).collect();
    let table = || scrollable("Measures", grid(&Table { columns, rows, ..Table::default() }));
    (!metrics.is_empty()).then(table)
}

/// The facts as a table of two columns.
pub(super) fn facts(facts: &[Fact]) -> Option<Element> {
    let row = |fact: &Fact| {
        let name = Element::new("th").with("scope", "row").text(&fact.name);
        Element::new("tr").child(name).child(Element::new("td").text(&fact.value))
    };
    let body = Element::new("tbody").children(facts.iter().map(row));
    let table = || Element::new("div").child(Element::new("table").with("class", "facts").child(body));
    (!facts.is_empty()).then(table)
}

fn grid(table: &Table) -> Element {
    let widest = table.rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = widest.max(table.columns.len());
    let numeric: Vec<bool> = (0..width).map(|column| is_numeric(table, column)).collect();
    let aligned = |element: Element, column: usize| {
        if numeric.get(column) == Some(&true) { element.with("class", "number") } else { element }
    };
    let headings = (0..width).map(|column| {
        let name = table.columns.get(column).map_or("", String::as_str);
        // A heading cell must not be empty, nor speak for a column that has no name.
        if name.is_empty() {
            Element::new("td")
        } else {
            aligned(Element::new("th").with("scope", "col"), column).text(name)
        }
    });
    let row = |cells: &Vec<String>| {
        let cell = |column: usize| {
            let text = cells.get(column).map_or("", String::as_str);
            let element =
                if column == 0 { Element::new("th").with("scope", "row") } else { Element::new("td") };
            aligned(element, column).text(text)
        };
        Element::new("tr").children((0..width).map(cell))
    };
    Element::new("table")
        .child(Element::new("thead").child(Element::new("tr").children(headings)))
        .child(Element::new("tbody").children(table.rows.iter().map(row)))
}

/// Whether every cell of a column that holds anything begins like a number.
fn is_numeric(table: &Table, column: usize) -> bool {
    let cells = || {
        table.rows.iter().filter_map(|row| row.get(column)).filter(|cell| !matches!(cell.as_str(), "" | "–"))
    };
    let starts_with_number = |cell: &String| {
        cell.trim_start_matches(['−', '-', '+', '±'])
            .starts_with(|first: char| first.is_ascii_digit() || first == '∞')
            || cell == "not a number"
    };
    column > 0 && cells().next().is_some() && cells().all(starts_with_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_unequal_length_make_a_whole_table() {
        let rows = [vec!["0", "0.5", "a", "left over"], vec!["1"], vec!["2", "−1", "b"]];
        let rows = rows.map(|row| row.into_iter().map(str::to_owned).collect()).to_vec();
        let columns = ["Digit", "Score", "Name"].map(str::to_owned).to_vec();
        let html = grid(&Table { columns, rows, ..Table::default() }).to_string();
        assert_eq!(html.matches("<tr>").count(), 4);
        assert_eq!(html.matches("<td").count() + html.matches("<th scope").count(), 16, "{html}");
        assert!(
            html.contains("<th scope=\"row\">1</th><td class=\"number\"></td><td></td><td></td>"),
            "{html}"
        );
        assert!(
            html.contains(
                "<th scope=\"col\" class=\"number\">Score</th><th scope=\"col\">Name</th><td></td>"
            )
        );
    }

    #[test]
    fn measures_have_a_column_for_each_split_they_were_taken_on() {
        let measure =
            |name: &str, train, test| Metric { name: name.to_owned(), train, validation: None, test };
        let html = metrics(&[measure("loss", Some(f64::NAN), Some(0.25)), measure("F1", None, Some(1.0))])
            .expect("a table")
            .to_string();
        assert!(html.contains("Training") && html.contains("Test") && !html.contains("Validation"));
        assert!(html.contains(">not a number</td><td class=\"number\">0.2500</td>"), "{html}");
        assert!(html.contains("F1</th><td class=\"number\">–</td><td class=\"number\">1</td>"), "{html}");
    }
}
