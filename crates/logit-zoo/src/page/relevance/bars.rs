//! The relevance of a table's columns as bars.

use super::colour::{Colours, largest_amount, share};
use super::terminal::{TerminalColours, line_of};
use crate::page::element::Element;
use crate::page::escape::{printed, shorten};
use crate::page::figure::figure;
use crate::page::number::{counted, signed_beside};
use crate::page::svg::{WIDTH, canvas, label_room, line, rect, text, tooltip};

/// What each column of a table's row added to an answer, as bars from a common zero line.
///
/// At most 40 are shown, the most relevant ones; what the others amount to together is said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bars {
    /// Heading; may be empty.
    pub title: String,
    /// A bar per column.
    pub bars: Vec<Bar>,
    /// Which bar stands above which.
    pub order: Order,
    /// What stands below; may be empty.
    pub note: String,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bar {
    /// Name of the column.
    pub name: String,
    /// What the row holds there.
    pub value: String,
    /// Its relevance; one that is not finite has no bar.
    pub relevance: f32,
}

/// The order of bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The largest amount first, for or against.
    #[default]
    ByRelevance,
    /// As they were given.
    Given,
}

/// More bars are not shown.
const SHOWN: usize = 40;

/// Characters of a name and of a value that are shown.
const NAME: usize = 24;
const VALUE: usize = 14;

/// Height of a bar with its room in a drawing, and of the bar alone.
const PITCH: f64 = 22.0;
const THICKNESS: f64 = 14.0;

/// The share of the largest whose colours bars have: well seen on black and on white.
const TONE: f32 = 0.6;

impl Bars {
    /// The bars as lines for a terminal, `width` characters long, or a little longer where that is too narrow for a bar.
    pub fn lines(&self, colours: TerminalColours, width: usize) -> Vec<String> {
        const LEAST_HALF: usize = 5;
        let (shown, rest) = self.shown();
        let largest = largest(&shown);
        let cells: Vec<[String; 3]> =
            shown.iter().map(|bar| cells(bar, largest).map(|cell| printed(&cell))).collect();
        let [names, values, numbers] =
            [0, 1, 2].map(|cell| cells.iter().map(|cells| cells[cell].chars().count()).max().unwrap_or(0));
        // Two spaces between the four parts, and the line at zero.
        let half = (width.saturating_sub(names + values + numbers + 7) / 2).max(LEAST_HALF);
        let mut lines: Vec<String> = line_of(&self.title).into_iter().collect();
        for (bar, [name, value, number]) in shown.iter().zip(&cells) {
            let (against, for_it) = halves(share(bar.relevance, largest), half, colours);
            lines.push(format!("{name:<names$}  {value:>values$}  {against}│{for_it}  {number:>numbers$}"));
        }
        lines.extend([&rest, &self.note].into_iter().filter_map(|note| line_of(note)));
        lines
    }

    /// The bars as a part of a page; `id` must be unique there.
    pub(super) fn element(&self, id: &str) -> Element {
        let (shown, rest) = self.shown();
        let title = if self.title.is_empty() { "Columns" } else { &self.title };
        figure(title, drawing(&shown, title, id), &[], &[rest, self.note.clone()])
    }

    /// The bars that are shown, and what is said of the others.
    fn shown(&self) -> (Vec<&Bar>, String) {
        let mut order: Vec<usize> = (0..self.bars.len()).collect();
        // What is not a number comes first: it has to be seen.
        order.sort_by(|one, other| {
            self.bars[*other].relevance.abs().total_cmp(&self.bars[*one].relevance.abs())
        });
        let rest = order.split_off(order.len().min(SHOWN));
        if self.order == Order::Given {
            order.sort_unstable();
        }
        let told = || {
            let all = largest_amount(self.bars.iter().map(|bar| bar.relevance));
            let sum = rest.iter().map(|place| f64::from(self.bars[*place].relevance)).sum();
            let sum = signed_beside(sum, f64::from(all));
            format!("Not shown: {}, {sum} together.", counted(rest.len(), "column"))
        };
        let told = if rest.is_empty() { String::new() } else { told() };
        (order.into_iter().map(|place| &self.bars[place]).collect(), told)
    }
}

fn largest(bars: &[&Bar]) -> f32 {
    largest_amount(bars.iter().map(|bar| bar.relevance))
}

/// What is written of a bar: name, value, relevance.
fn cells(bar: &Bar, largest: f32) -> [String; 3] {
    let number = signed_beside(f64::from(bar.relevance), f64::from(largest));
    [shorten(&bar.name, NAME), shorten(&bar.value, VALUE), number]
}

/// What stands left and right of the zero line for a share of the largest, each `half` characters.
fn halves(share: f32, half: usize, colours: TerminalColours) -> (String, String) {
    // In half characters.
    let length = (share.abs() * 2.0 * half as f32).round() as usize;
    let (blocks, is_odd) = ("█".repeat(length / 2), length % 2 == 1);
    let space = " ".repeat(half - length.div_ceil(2));
    let nothing = " ".repeat(half);
    if share < 0.0 {
        let bar = format!("{}{blocks}", if is_odd { "▐" } else { "" });
        return (space + &colours.in_colour(Colours::Signed.at(-TONE), &bar), nothing);
    }
    let bar = format!("{blocks}{}", if is_odd { "▌" } else { "" });
    (nothing, colours.in_colour(Colours::Signed.at(TONE), &bar) + &space)
}

fn drawing(bars: &[&Bar], title: &str, id: &str) -> Element {
    let largest = largest(bars);
    let cells: Vec<[String; 3]> = bars.iter().map(|bar| cells(bar, largest)).collect();
    let longest = |length: &dyn Fn(&[String; 3]) -> usize| cells.iter().map(length).max().unwrap_or(0);
    let left = label_room(longest(&|cells| label(cells).chars().count()));
    let right = WIDTH - label_room(longest(&|[_, _, number]| number.chars().count()));
    let (zero, half) = (f64::midpoint(left, right), (right - left) / 2.0 - 1.0);
    let height = PITCH * bars.len() as f64 + 8.0;
    let mut drawing = canvas(id, (WIDTH, height), title, &description(bars, &cells));
    for (index, (bar, cells)) in bars.iter().zip(&cells).enumerate() {
        let middle = 4.0 + PITCH * (index as f64 + 0.5);
        let end = zero + f64::from(share(bar.relevance, largest)) * half;
        let class = if end < zero { "against" } else { "for" };
        let tip = format!("{} = {}: {}", shorten(&bar.name, 200), shorten(&bar.value, 200), cells[2]);
        drawing = drawing
            .child(text("tick end", (left - 7.0, middle + 4.0), &label(cells)).child(tooltip(&tip)))
            .child(
                rect(class, (zero, middle - THICKNESS / 2.0), (end, middle + THICKNESS / 2.0))
                    .child(tooltip(&tip)),
            )
            .child(text("end", (WIDTH - 2.0, middle + 4.0), &cells[2]));
    }
    drawing.child(line("axis", (zero, 0.0), (zero, height)))
}

/// Name and value as they stand beside a bar: where there is no room for both, the name is cut.
fn label([name, value, _]: &[String; 3]) -> String {
    const ROOM: usize = 17;
    if value.is_empty() {
        return shorten(name, ROOM);
    }
    let value = shorten(value, ROOM / 2);
    let name = shorten(name, ROOM - " = ".len() - value.chars().count());
    format!("{name} = {value}")
}

/// All that is drawn, in words.
fn description(bars: &[&Bar], cells: &[[String; 3]]) -> String {
    let parts: Vec<String> =
        cells.iter().map(|[name, value, number]| format!("{name} = {value}: {number}")).collect();
    format!("Relevance of {}. {}.", counted(bars.len(), "column"), parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(bars: &[(&str, &str, f32)]) -> Bars {
        let bar = |(name, value, relevance): &(&str, &str, f32)| Bar {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            relevance: *relevance,
        };
        Bars { bars: bars.iter().map(bar).collect(), ..Bars::default() }
    }

    #[test]
    fn bars_stand_left_and_right_of_zero_the_largest_first() {
        let row = bars(&[("age", "42", 0.12), ("sex", "female", -0.4), ("class", "1", 0.0)]);
        let lines = row.lines(TerminalColours::None, 40);
        assert_eq!(
            lines,
            [
                "sex    female  ████████│          −0.400",
                "age        42          │██▌       +0.120",
                "class       1          │               0",
            ]
        );
        let given = Bars { order: Order::Given, ..row };
        assert!(given.lines(TerminalColours::None, 40)[0].starts_with("age"));
    }

    #[test]
    fn what_is_not_finite_has_no_bar_and_is_said() {
        let row = bars(&[("a", "1", 0.5), ("b", "2", f32::NAN), ("c", "3", f32::NEG_INFINITY)]);
        let lines = row.lines(TerminalColours::None, 60);
        assert!(lines[0].starts_with('b') && lines[0].ends_with("not a number"), "{lines:?}");
        assert!(lines[1].ends_with("−∞") && !lines[0].contains('█'), "{lines:?}");
        let html = row.element("b").to_string();
        assert!(
            html.contains("not a number") && html.contains("width=\"0\"") && !html.contains("NaN"),
            "{html}"
        );
    }

    #[test]
    fn forty_bars_are_shown_and_the_others_summed() {
        let many: Vec<(String, f32)> = (0..50).map(|index| (format!("c{index}"), index as f32)).collect();
        let many: Vec<(&str, &str, f32)> =
            many.iter().map(|(name, value)| (name.as_str(), "x", *value)).collect();
        let lines = bars(&many).lines(TerminalColours::None, 80);
        assert_eq!(lines.len(), 41);
        assert!(
            lines[0].starts_with("c49") && lines[40] == "Not shown: 10 columns, +45.0 together.",
            "{lines:?}"
        );
        let html = bars(&many).element("b").to_string();
        assert_eq!(html.matches("<rect").count(), 40);
    }

    #[test]
    fn no_width_is_too_narrow() {
        let row =
            bars(&[("a name that is longer than the line", "a value that is too", -0.5), ("b", "", 0.25)]);
        for width in [0, 1, 40, 200] {
            let lines = row.lines(TerminalColours::None, width);
            let lengths: Vec<usize> = lines.iter().map(|line| line.chars().count()).collect();
            assert!(lengths[0] == lengths[1] && lengths[0] <= width.max(61), "{width}: {lines:?}");
        }
        assert!(bars(&[]).lines(TerminalColours::All, 80).is_empty());
    }

    #[test]
    fn a_page_has_a_bar_on_each_side() {
        let html = bars(&[("age", "42", 0.2), ("sex", "f", -0.4)]).element("b").to_string();
        assert!(html.contains("class=\"against\"") && html.contains("class=\"for\""), "{html}");
        assert!(html.contains("Relevance of 2 columns. sex = f: −0.400; age = 42: +0.200."), "{html}");
    }
}
