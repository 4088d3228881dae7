//! Curves: values over steps or epochs.

use super::axis::{Axis, Scale};
use super::element::Element;
use super::escape::shorten;
use super::figure::{KeyEntry, Sample, figure};
use super::number::{coordinate, counted, value};
use super::svg::{ABOVE, BELOW, WIDTH, canvas, dot, grid, label_room, text, tooltip};
use super::thin::{Piece, pieces, thin};

/// A chart of one or more curves over a common x axis.
///
/// Of a long series about 500 points are drawn, among them the lowest and the highest of every stretch, so
/// that no spike is lost. Where a value has no place on the axis (not a number, not finite, or not positive
/// on a logarithmic axis) the curve is interrupted and the place is marked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineChart {
    /// Heading of the chart.
    pub title: String,
    /// Name of the horizontal axis, with its unit.
    pub x_label: String,
    /// Name of the vertical axis, with its unit.
    pub y_label: String,
    /// Scale of the vertical axis.
    pub y_scale: Scale,
    /// The curves, in the order of the key; the first 28 are drawn, which is how many can be told apart.
    pub series: Vec<Series>,
    /// Caption; may be empty.
    pub note: String,
}

/// One curve.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    /// What the key calls it.
    pub name: String,
    /// Pairs of x and y in drawing order, any number of them, of any value.
    pub points: Vec<(f64, f64)>,
}

/// Height of the drawing.
const HEIGHT: f64 = 290.0;

/// Colours and dashes of the style sheet; coprime, so that their pairs repeat only after their product.
const COLOURS: usize = 7;
const DASHES: usize = 4;

/// Up to so many points of a series get a dot that tells its value.
const DOTTED: usize = 40;

/// More points than these are drawn with a finer line, or noise would fill an area.
const DENSE: usize = 250;

/// Half the size of the cross that marks a gap.
const CROSS: f64 = 3.5;

/// A series made ready for drawing.
struct Curve<'a> {
    name: &'a str,
    /// Style classes of its colour and its dashes.
    class: String,
    pieces: Vec<Piece>,
    /// Points left out because their x is not finite.
    unplaced: usize,
}

/// The chart as a figure; `id` must be unique on the page.
pub(super) fn line_chart(chart: &LineChart, id: &str) -> Element {
    let shown = chart.series.iter().take(COLOURS * DASHES).enumerate();
    let curves: Vec<Curve> = shown.map(|(index, series)| Curve::new(index, series, chart.y_scale)).collect();
    let key: Vec<KeyEntry> = curves.iter().map(Curve::key_entry).collect();
    figure(&chart.title, drawing(chart, &curves, id), &key, &caption(chart, &curves))
}

fn drawing(chart: &LineChart, curves: &[Curve], id: &str) -> Element {
    let points = || curves.iter().flat_map(Curve::points);
    let y = Axis::rounded(points().map(|(_, y)| y), chart.y_scale);
    let left = label_room(y.label_length());
    let (right, bottom) = (WIDTH - 14.0, HEIGHT - BELOW);
    let y = y.across(bottom, ABOVE);
    let x = Axis::around(curves.iter().flat_map(Curve::places), Scale::Linear).across(left, right);

    let x_label = shorten(&chart.x_label, 48);
    let shapes = curves.iter().flat_map(|curve| curve.shapes(&x, &y, &x_label));
    let empty = points().next().is_none();
    canvas(id, (WIDTH, HEIGHT), &chart.title, &description(chart, curves))
        .children(grid(&x, &y))
        .child(text("label", (2.0, 13.0), &shorten(&y_name(chart), 48)))
        .child(text("label middle", (f64::midpoint(left, right), HEIGHT - 8.0), &x_label))
        .children(shapes)
        .children(empty.then(|| text("label middle", (WIDTH / 2.0, HEIGHT / 2.0), "no points to draw")))
}

fn y_name(chart: &LineChart) -> String {
    match chart.y_scale {
        Scale::Linear => chart.y_label.clone(),
        Scale::Log => format!("{} (logarithmic)", chart.y_label),
    }
}

fn description(chart: &LineChart, curves: &[Curve]) -> String {
    let axes = format!("{} over {}.", y_name(chart), chart.x_label);
    let sentences = curves.iter().map(Curve::sentence);
    [axes].into_iter().chain(sentences).collect::<Vec<_>>().join(" ")
}

fn caption(chart: &LineChart, curves: &[Curve]) -> Vec<String> {
    let has_gap = |curve: &Curve| curve.pieces.iter().any(|piece| matches!(piece, Piece::Gap { .. }));
    let gaps = curves.iter().any(has_gap).then(|| match chart.y_scale {
        Scale::Linear => "× marks where values are not finite.".to_owned(),
        Scale::Log => "× marks where values are not finite or not positive.".to_owned(),
    });
    let unplaced: usize = curves.iter().map(|curve| curve.unplaced).sum();
    let unplaced = (unplaced > 0)
        .then(|| format!("Left out: {} whose {} is not finite.", counted(unplaced, "point"), chart.x_label));
    let hidden = chart.series.len() - curves.len();
    let hidden = (hidden > 0).then(|| format!("Not drawn: {hidden} more series."));
    [Some(chart.note.clone()), gaps, unplaced, hidden].into_iter().flatten().collect()
}

impl<'a> Curve<'a> {
    fn new(index: usize, series: &'a Series, y_scale: Scale) -> Self {
        Self {
            name: &series.name,
            class: format!("colour{} dash{}", index % COLOURS, index % DASHES),
            pieces: thin(pieces(&series.points, y_scale)),
            unplaced: series.points.iter().filter(|(x, _)| !Scale::Linear.holds(*x)).count(),
        }
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        self.pieces.iter().filter_map(|piece| match *piece {
            Piece::Point(x, y) => Some((x, y)),
            Piece::Gap { .. } => None,
        })
    }

    /// The x of everything that is drawn, gaps among it.
    fn places(&self) -> impl Iterator<Item = f64> + Clone {
        self.pieces.iter().map(|piece| match *piece {
            Piece::Point(x, _) | Piece::Gap { x, .. } => x,
        })
    }

    fn key_entry(&self) -> KeyEntry {
        let last = self.pieces.last().map(|piece| match *piece {
            Piece::Point(_, y) | Piece::Gap { y, .. } => format!("last {}", value(y)),
        });
        KeyEntry {
            class: format!("curve {}", self.class),
            sample: Sample::Stroke,
            name: shorten(self.name, 60),
            detail: last.unwrap_or_else(|| "no points".to_owned()),
        }
    }

    /// The curve in words, for those who hear the page.
    fn sentence(&self) -> String {
        let name = shorten(self.name, 60);
        let by_height = |one: &(f64, f64), other: &(f64, f64)| one.1.total_cmp(&other.1);
        let (first, last) = (self.points().next(), self.points().last());
        let (low, high) = (self.points().min_by(by_height), self.points().max_by(by_height));
        let (Some(first), Some(last), Some(low), Some(high)) = (first, last, low, high) else {
            return format!("{name}: no points.");
        };
        let at = |(x, y): (f64, f64)| format!("{} at {}", value(y), value(x));
        format!("{name}: from {} to {}; lowest {}, highest {}.", at(first), at(last), at(low), at(high))
    }

    fn shapes(&self, x: &Axis, y: &Axis, x_label: &str) -> Vec<Element> {
        let all_dotted = self.pieces.len() <= DOTTED;
        let mut shapes = vec![self.line(x, y)];
        for (index, piece) in self.pieces.iter().enumerate() {
            let (mark, at, height) = match *piece {
                Piece::Point(at, height) if all_dotted || self.stands_alone(index) => {
                    (dot(&self.class, (x.at(at), y.at(height))), at, height)
                }
                Piece::Point(..) => continue,
                Piece::Gap { x: at, y: height, .. } => (self.cross(x.at(at), y, height), at, height),
            };
            let more = match *piece {
                Piece::Gap { count, .. } if count > 1 => format!(", {} in all", counted(count, "value")),
                _ => String::new(),
            };
            let name = shorten(self.name, 60);
            let tip = format!("{name}: {} at {x_label} {}{more}", value(height), value(at));
            shapes.push(mark.child(tooltip(&tip)));
        }
        shapes
    }

    /// Whether a point has no neighbour, so that its line would have no length.
    fn stands_alone(&self, index: usize) -> bool {
        let is_point = |piece: Option<&Piece>| matches!(piece, Some(Piece::Point(..)));
        let before = index.checked_sub(1).and_then(|before| self.pieces.get(before));
        !is_point(before) && !is_point(self.pieces.get(index + 1))
    }

    /// The whole line as one path, lifted at every gap.
    fn line(&self, x: &Axis, y: &Axis) -> Element {
        let mut path = String::new();
        let mut pen = 'M';
        for piece in &self.pieces {
            let Piece::Point(at, height) = *piece else {
                pen = 'M';
                continue;
            };
            path.push(pen);
            path.push_str(&coordinate(x.at(at)));
            path.push(' ');
            path.push_str(&coordinate(y.at(height)));
            pen = 'L';
        }
        let weight = if self.pieces.len() > DENSE { "curve dense" } else { "curve" };
        Element::new("path").with("class", format!("{weight} {}", self.class)).with("d", path)
    }

    /// A cross at the foot of the plot, or at its top where the value is +∞.
    fn cross(&self, x: f64, y: &Axis, missing: f64) -> Element {
        let (bottom, top) = y.positions();
        let y = if missing > 0.0 { top + CROSS } else { bottom - CROSS };
        let [left, right, above, below] = [x - CROSS, x + CROSS, y - CROSS, y + CROSS].map(coordinate);
        Element::new("path")
            .with("class", format!("gap {}", self.class))
            .with("d", format!("M{left} {above}L{right} {below}M{left} {below}L{right} {above}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(series: Vec<(&str, Vec<(f64, f64)>)>, y_scale: Scale) -> String {
        let series =
            series.into_iter().map(|(name, points)| Series { name: name.to_owned(), points }).collect();
        let [title, x_label, y_label] = ["Loss", "step", "nats"].map(str::to_owned);
        line_chart(&LineChart { title, x_label, y_label, y_scale, series, note: String::new() }, "chart")
            .to_string()
    }

    /// The path of the first curve.
    fn path(html: &str) -> &str {
        let (_, rest) = html.split_once("class=\"curve colour0 dash0\" d=\"").expect("a curve");
        rest.split_once('"').expect("a quoted path").0
    }

    #[test]
    fn points_stand_where_the_axes_put_them() {
        let html = drawn(vec![("train", vec![(0.0, 1.0), (5.0, 0.0), (10.0, 0.5)])], Scale::Linear);
        // The plot reaches from 35.8 (labels of three characters) to 466 and from 242 up to 32.
        assert_eq!(path(&html), "M35.8 32L250.9 242L466 137");
        assert!(html.contains("train: 0.5000 at step 10</title>"), "{html}");
        assert!(
            html.contains("train: from 1 at 0 to 0.5000 at 10; lowest 0 at 5, highest 1 at 0."),
            "{html}"
        );
    }

    #[test]
    fn values_without_a_place_break_the_line_and_are_marked() {
        let points =
            vec![(0.0, 1.0), (1.0, 2.0), (2.0, f64::NAN), (3.0, -1.0), (4.0, 1.0), (5.0, f64::INFINITY)];
        let cases = [(Scale::Linear, 2, "not finite."), (Scale::Log, 2, "not finite or not positive.")];
        for (scale, gaps, note) in cases {
            let html = drawn(vec![("train", points.clone())], scale);
            assert_eq!(path(&html).matches('M').count(), 2, "{html}");
            assert_eq!(html.matches("class=\"gap").count(), gaps, "{html}");
            assert!(html.contains(&format!("× marks where values are {note}")), "{html}");
        }
        let html = drawn(vec![("train", points)], Scale::Log);
        assert!(html.contains("train: not a number at step 2, 2 values in all</title>"), "{html}");
        assert!(html.contains("<small>last ∞</small>"), "a run that ends badly says so: {html}");
    }

    #[test]
    fn a_point_between_gaps_is_a_dot_even_in_a_long_series() {
        let value = |step: u32| if step == 50 { 1.0 } else { f64::NAN };
        let points = (0..100).map(|step| (f64::from(step), value(step))).collect();
        assert_eq!(drawn(vec![("train", points)], Scale::Linear).matches("<circle").count(), 1);
    }

    #[test]
    fn what_cannot_be_drawn_is_said() {
        let html =
            drawn(vec![("", vec![(0.0, 1.0), (f64::NAN, 1.0), (f64::INFINITY, 2.0)]); 30], Scale::Linear);
        assert_eq!(html.matches("class=\"curve").count(), 2 * 28, "each once in the plot and in the key");
        assert!(html.contains("Not drawn: 2 more series."), "{html}");
        assert!(html.contains("Left out: 56 points whose step is not finite."), "{html}");
        assert!(drawn(vec![], Scale::Log).contains("no points to draw"));
    }
}
