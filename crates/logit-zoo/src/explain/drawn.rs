//! Explanations as pictures, lines and pages.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::Path;

use logit::explain::explainer::Place;
use logit_files::Replacement;
use logit_spec::{At, Finding};

use super::{Explained, Located, Mapped, Part};
use crate::error::ZooError;
use crate::page::relevance::{
    Bar, Bars, DrawnSheet, Map, Order, Row, Sheet, SheetError, TerminalColours, WordRow, Words,
};
use crate::page::{Explanation, Report, Table, printed};
use crate::run::RunDir;
use crate::system::predict;

/// The maps of pictures as one picture: a row per input; none where there is no picture.
///
/// # Errors
/// There are more than a sheet may have; relevance is not finite.
pub fn sheet(all: &[Explained]) -> Result<Option<DrawnSheet>, SheetError> {
    let rows: Vec<Row> = all.iter().filter_map(row).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    Sheet { title: String::new(), rows, ..Sheet::default() }.draw().map(Some)
}

fn row(explained: &Explained) -> Option<Row> {
    let map = |mapped: &Mapped| match &mapped.located {
        Located::Map { width, height, relevance, .. } => Some(Map {
            title: mapped.rule.clone(),
            width: *width,
            height: *height,
            relevance: relevance.clone(),
            note: sums(mapped),
        }),
        _ => None,
    };
    let picture = explained.maps.iter().find_map(|mapped| match &mapped.located {
        Located::Map { picture, .. } => Some(picture.clone()),
        _ => None,
    });
    let mut input = picture?;
    input.caption = caption(explained);
    Some(Row { input, maps: explained.maps.iter().filter_map(map).collect() })
}

/// `digit.png: 3 = 12.41 (logit)`.
fn caption(explained: &Explained) -> String {
    let Explained { input, target, value, what, .. } = explained;
    format!("{input}: {target} = {value:.4} ({what})")
}

/// What arrived of what started.
fn sums(mapped: &Mapped) -> String {
    match mapped.error {
        // The error first: a narrow panel cuts the end.
        Some(error) => format!("apart {error:.0e}: ΣR {:.4} of {:.4}", mapped.arrived, mapped.started),
        None => format!("sum {:.4}", mapped.arrived),
    }
}

/// An explanation as lines for a terminal; what a terminal would act on in names is written out, and colours are the only
/// sequences.
pub fn lines(explained: &Explained, colours: TerminalColours, width: usize) -> Vec<String> {
    let mut lines = vec![printed(&caption(explained))];
    for mapped in &explained.maps {
        lines.push(format!("  {}: {}, lowest {:.4}", mapped.rule, sums(mapped), mapped.lowest));
        lines.extend(measures(mapped).into_iter().map(|(name, value)| format!("    {name} {value:.4}")));
        match parts_of(mapped) {
            Some(Explanation::Words(words)) => lines.extend(words.lines(colours, width)),
            Some(Explanation::Bars(bars)) => lines.extend(bars.lines(colours, width)),
            _ => {}
        }
        for finding in findings(&mapped.findings) {
            lines.extend(finding.to_string().lines().map(|line| format!("  {}", printed(line))));
        }
    }
    lines
}

/// Steps of one fault that are listed.
const LISTED: usize = 5;

/// Findings with their steps, those of one fault as one.
fn findings<'a>(all: impl IntoIterator<Item = &'a At<Place>>) -> Vec<Finding> {
    let mut by_fault: Vec<(Finding, Vec<String>)> = Vec::new();
    for At { place, finding } in all {
        let message = match &place.step {
            Some(step) => format!("`{step}`: {}", finding.message),
            None => finding.message.clone(),
        };
        match by_fault.iter_mut().find(|(known, _)| known.fault == finding.fault) {
            Some((_, messages)) if messages.contains(&message) => {}
            Some((_, messages)) => messages.push(message),
            None => by_fault.push((finding.clone(), vec![message])),
        }
    }
    let joined = |(finding, messages): (Finding, Vec<String>)| {
        let more = messages.len().saturating_sub(LISTED);
        let more = (more > 0).then(|| format!("and {more} more"));
        let message = messages.into_iter().take(LISTED).chain(more).collect::<Vec<_>>().join("; ");
        Finding { message, ..finding }
    };
    by_fault.into_iter().map(joined).collect()
}

fn measures(mapped: &Mapped) -> Vec<(&'static str, f64)> {
    let Some(measures) = &mapped.measures else { return Vec::new() };
    let all = [
        ("pixel flipping", measures.flipping),
        ("infidelity", measures.infidelity),
        ("max-sensitivity", measures.max_sensitivity),
        ("on ink", measures.on_ink),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Words or bars of an explanation that is not of a picture.
fn parts_of(mapped: &Mapped) -> Option<Explanation> {
    match &mapped.located {
        Located::Words { texts } => Some(Explanation::Words(words(mapped, texts))),
        Located::Parts { parts } => Some(Explanation::Bars(bars(mapped, parts))),
        Located::Map { .. } => None,
    }
}

fn words(mapped: &Mapped, texts: &[Vec<Part>]) -> Words {
    let word = |part: &Part| (part.name.clone(), part.relevance as f32);
    let row = |text: &Vec<Part>| WordRow { title: String::new(), words: text.iter().map(word).collect() };
    Words {
        title: mapped.rule.clone(),
        rows: texts.iter().map(row).collect(),
        largest: None,
        note: sums(mapped),
    }
}

fn bars(mapped: &Mapped, parts: &[Part]) -> Bars {
    let bar = |part: &Part| Bar {
        name: part.name.clone(),
        value: part.value.clone(),
        relevance: part.relevance as f32,
    };
    let bars = parts.iter().map(bar).collect();
    Bars { title: mapped.rule.clone(), bars, order: Order::ByRelevance, note: sums(mapped) }
}

/// What a file of explanations may be.
enum Drawing {
    Png,
    Html,
}

/// What a file's name says that it is.
fn drawing(out: &Path) -> Result<Drawing, ZooError> {
    let ending = out.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match ending.as_str() {
        "png" => Ok(Drawing::Png),
        "html" | "htm" => Ok(Drawing::Html),
        _ => Err(ZooError::Usage(format!(
            "{}: explanations are drawn as a sheet of heat maps, in a file that ends in `.png`, or as a page, in one that \
             ends in `.html`",
            out.display()
        ))),
    }
}

/// Whether explanations of inputs can be drawn to a place: its ending says how.
///
/// # Errors
/// It ends in something else, is an input or a file of a run, or cannot be written.
pub fn check_out(run: &RunDir, inputs: &[OsString], out: &Path) -> Result<(), ZooError> {
    drawing(out)?;
    predict::check_out(run, inputs, out)?;
    // What is begun here, and goes with its drop, says whether there can be a file at all.
    Replacement::at(out).map(drop).map_err(|source| cannot_write(out, source))
}

fn cannot_write(out: &Path, source: io::Error) -> ZooError {
    logit_run::RunError::io("write", out, source).into()
}

/// Draws explanations to a file, whole or not at all.
///
/// # Errors
/// The file ends in something else than `.png` or `.html`, cannot be written, or cannot hold them.
pub fn write(out: &Path, run: &str, all: &[Explained]) -> Result<(), ZooError> {
    let unfit = |error: SheetError| ZooError::Usage(error.to_string());
    let bytes = match drawing(out)? {
        Drawing::Html => page(run, all).map_err(unfit)?.into_bytes(),
        Drawing::Png => {
            let drawn = sheet(all).map_err(unfit)?.ok_or_else(|| {
                let what = "words and columns are drawn on a page: end the file's name in `.html`";
                ZooError::Usage(what.to_owned())
            })?;
            drawn.png().to_vec()
        }
    };
    let failed = |source| cannot_write(out, source);
    let mut file = Replacement::at(out).map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    file.finish().map_err(failed)
}

/// Explanations as one page of HTML.
///
/// # Errors
/// As [`sheet`].
pub fn page(run: &str, all: &[Explained]) -> Result<String, SheetError> {
    let mut explanations: Vec<Explanation> = sheet(all)?.into_iter().map(Explanation::Sheet).collect();
    for explained in all {
        for (mapped, parts) in explained.maps.iter().filter_map(|mapped| Some((mapped, parts_of(mapped)?))) {
            let title = format!("{}, by {}", caption(explained), mapped.rule);
            explanations.push(match parts {
                Explanation::Words(words) => Explanation::Words(Words { title, ..words }),
                Explanation::Bars(bars) => Explanation::Bars(Bars { title, ..bars }),
                sheet @ Explanation::Sheet(_) => sheet,
            });
        }
    }
    let found = all.iter().flat_map(|explained| &explained.maps).flat_map(|mapped| &mapped.findings);
    let inputs = if all.len() == 1 { "1 input".to_owned() } else { format!("{} inputs", all.len()) };
    let report = Report {
        title: format!("Why {run} decided so"),
        summary: format!(
            "Relevance of {inputs}. A map says what this network's number is made of, not what is true."
        ),
        findings: findings(found),
        tables: vec![table(all)],
        explanations,
        ..Report::default()
    };
    Ok(report.to_html())
}

fn table(all: &[Explained]) -> Table {
    let row = |explained: &Explained, mapped: &Mapped| {
        let error = mapped.error.map_or_else(String::new, |error| format!("{error:.1e}"));
        let numbers = [mapped.started, mapped.arrived, mapped.lowest].map(|number| format!("{number:.6}"));
        let [started, arrived, lowest] = numbers;
        vec![
            explained.input.clone(),
            explained.target.clone(),
            mapped.rule.clone(),
            started,
            arrived,
            error,
            lowest,
        ]
    };
    let rows =
        all.iter().flat_map(|explained| explained.maps.iter().map(move |mapped| row(explained, mapped)));
    let header = ["input", "target", "rule", "f", "ΣR", "|ΣR − f|/|f|", "lowest R"].map(str::to_owned);
    Table {
        title: "Conservation".to_owned(),
        columns: header.into(),
        rows: rows.collect(),
        ..Table::default()
    }
}
