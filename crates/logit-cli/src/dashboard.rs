//! Progress as a dashboard, where standard error is a terminal.

use std::io;
use std::time::{Duration, Instant};

use logit_run::{Found, Record, metric_name};
use logit_zoo::train::Progress;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Stylize};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Chart, Dataset, Gauge, GraphType, Paragraph, Wrap};
use ratatui::{DefaultTerminal, Frame};

use crate::output::{note_finding, shown};
use crate::progress::{Pace, in_words};

/// Time between two drawings.
const REDRAW: Duration = Duration::from_millis(150);

/// Points kept a curve: more than a terminal has columns.
const POINTS: usize = 400;

/// Lines that the last finding has of the screen.
const FINDING: u16 = 4;

/// Curves of loss and accuracy, the pace, and a key to stop.
pub(crate) struct Dashboard {
    terminal: DefaultTerminal,
    screen: Screen,
    drawn: Instant,
    stop: bool,
}

impl Dashboard {
    /// Takes the terminal over; it is given back when this is dropped.
    pub(crate) fn open(title: String) -> io::Result<Self> {
        let terminal = ratatui::try_init()?;
        Ok(Self { terminal, screen: Screen::new(title), drawn: Instant::now(), stop: false })
    }

    fn refresh(&mut self) -> io::Result<()> {
        while event::poll(Duration::ZERO)? {
            if let Event::Key(key) = event::read()? {
                let interrupt =
                    key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
                self.stop |= interrupt || key.code == KeyCode::Char('q');
            }
        }
        self.screen.stopping = self.stop;
        self.terminal.draw(|frame| self.screen.draw(frame))?;
        self.drawn = Instant::now();
        Ok(())
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        ratatui::restore();
        // What was on the screen is gone with it.
        for found in &self.screen.findings {
            note_finding(&found.finding);
        }
    }
}

impl Progress for Dashboard {
    fn begin(&mut self, done: u64, steps: u64) {
        self.screen.pace = Pace::new(done, steps);
    }

    fn found(&mut self, found: &Found) {
        self.screen.findings.push(found.clone());
    }

    fn record(&mut self, record: &Record) {
        self.screen.add(record);
        if self.drawn.elapsed() >= REDRAW && self.refresh().is_err() {
            // A terminal that went away is no reason to lose the run: it is saved, and can be resumed.
            self.stop = true;
        }
    }

    fn wants_stop(&self) -> bool {
        self.stop
    }
}

/// What the dashboard shows.
#[derive(Default)]
struct Screen {
    title: String,
    pace: Pace,
    epoch: u64,
    rate: f64,
    batch_loss: Curve,
    validation_loss: Curve,
    train_accuracy: Curve,
    /// The first of the metrics, and its name.
    validation_metric: Curve,
    metric: String,
    findings: Vec<Found>,
    stopping: bool,
}

impl Screen {
    fn new(title: String) -> Self {
        Self { title: shown(title), ..Self::default() }
    }

    fn add(&mut self, record: &Record) {
        match record {
            Record::Step { step, epoch, loss, learning_rate, .. } => {
                self.pace.done = *step;
                (self.epoch, self.rate) = (*epoch, *learning_rate);
                self.batch_loss.push(*step, *loss);
            }
            Record::Epoch { step, train_accuracy, validation, .. } => {
                if let Some(loss) = validation.get("log_loss") {
                    self.validation_loss.push(*step, loss);
                }
                if let Some(accuracy) = train_accuracy {
                    self.train_accuracy.push(*step, *accuracy);
                }
                if let Some((metric, value)) = validation.iter().next() {
                    self.metric = shown(metric_name(metric));
                    self.validation_metric.push(*step, value);
                }
            }
            Record::Resume { .. } | Record::End { .. } => {}
        }
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let finding = if self.findings.is_empty() { 0 } else { FINDING };
        let heights =
            [Constraint::Length(3), Constraint::Min(8), Constraint::Length(finding), Constraint::Length(1)];
        let [top, middle, finding, bottom] = Layout::vertical(heights).areas(frame.area());
        let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(middle);
        let label = format!(
            "step {} of {}, epoch {}, learning rate {:.2e}, {} left",
            self.pace.done,
            self.pace.steps,
            self.epoch,
            self.rate,
            in_words(self.pace.left())
        );
        let share = self.pace.done as f64 / self.pace.steps.max(1) as f64;
        let gauge = Gauge::default().block(Block::bordered().title(self.title.as_str())).label(label);
        frame.render_widget(gauge.ratio(share.clamp(0.0, 1.0)).gauge_style(Color::Blue), top);
        let steps = self.pace.steps as f64;
        chart(
            frame,
            left,
            "loss",
            steps,
            [("training batch", &self.batch_loss), ("validation", &self.validation_loss)],
        );
        let accuracy = [("training", &self.train_accuracy), ("validation", &self.validation_metric)];
        chart(frame, right, &self.metric, steps, accuracy);
        if let Some(last) = self.findings.last() {
            frame.render_widget(described(last, self.findings.len()), finding);
        }
        let keys = if self.stopping { "stopping after this step…" } else { "q: stop and save" };
        let line = match self.validation_metric.points.last() {
            Some((_, value)) => format!("validation {} {value:.4}   {keys}", self.metric),
            None => keys.to_owned(),
        };
        frame.render_widget(Paragraph::new(Line::from(line).dim()), bottom);
    }
}

/// The last of so many findings.
fn described(found: &Found, count: usize) -> Paragraph<'_> {
    let title = if count == 1 { " 1 finding ".to_owned() } else { format!(" {count} findings, the last: ") };
    let line = Line::from(shown(format!("{}: {}", found.finding.fault, found.finding.message)));
    Paragraph::new(line).wrap(Wrap { trim: true }).block(Block::bordered().title(title).yellow())
}

/// Points of a curve, thinned as they become many.
#[derive(Default)]
struct Curve {
    points: Vec<(f64, f64)>,
    /// Each point is the mean of as many values.
    width: usize,
    sum: f64,
    count: usize,
}

impl Curve {
    fn push(&mut self, step: u64, value: f64) {
        self.width = self.width.max(1);
        self.sum += value;
        self.count += 1;
        if self.count < self.width {
            return;
        }
        self.points.push((step as f64, self.sum / self.count as f64));
        (self.sum, self.count) = (0.0, 0);
        if self.points.len() >= 2 * POINTS {
            self.points =
                self.points.chunks(2).map(|two| (two[1].0, f64::midpoint(two[0].1, two[1].1))).collect();
            self.width *= 2;
        }
    }
}

fn chart(frame: &mut Frame<'_>, area: Rect, title: &str, steps: f64, curves: [(&str, &Curve); 2]) {
    let values = curves.iter().flat_map(|(_, curve)| curve.points.iter().map(|(_, value)| *value));
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    let (low, high) = if low < high { (low, high) } else { (0.0, 1.0) };
    let colours = [Color::Blue, Color::Yellow];
    let datasets = curves.iter().zip(colours).map(|((name, curve), colour)| {
        let dataset = Dataset::default().name(*name).marker(Marker::Braille).graph_type(GraphType::Line);
        dataset.style(colour).data(&curve.points)
    });
    let x = Axis::default().bounds([0.0, steps.max(1.0)]).labels(["0".to_owned(), format!("{steps}")]);
    let y = Axis::default().bounds([low, high]).labels([format!("{low:.3}"), format!("{high:.3}")]);
    let chart = Chart::new(datasets.collect()).block(Block::bordered().title(title)).x_axis(x).y_axis(y);
    // The names of the curves are shown as long as they leave half of the chart free.
    let chart = chart.hidden_legend_constraints((Constraint::Ratio(1, 2), Constraint::Ratio(1, 2)));
    frame.render_widget(chart, area);
}

#[cfg(test)]
mod tests {
    use super::*;
    use logit_run::{RunPlace, Scores};
    use logit_spec::{Fault, Finding, Level, Rule};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn shown_on(screen: &Screen) -> String {
        let mut terminal = Terminal::new(TestBackend::new(100, 20)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    fn step(step: u64, loss: f64) -> Record {
        Record::Step { step, epoch: 1, loss, learning_rate: 1e-3, head_gradient_norm: 1.0 }
    }

    #[test]
    fn an_empty_screen_can_be_drawn() {
        assert!(shown_on(&Screen::new("digits".to_owned())).contains("q: stop and save"));
    }

    #[test]
    fn it_shows_where_training_stands() {
        let mut screen = Screen::new("digits".to_owned());
        screen.pace = Pace::new(0, 200);
        (1..=50).for_each(|at| screen.add(&step(at, 2.0 / at as f64)));
        let text = shown_on(&screen);
        for part in ["digits", "step 50 of 200", "epoch 1", "loss", "2.000", "0.040", "training batch"] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }

    #[test]
    fn the_last_finding_is_shown() {
        let found = |rule: Rule| {
            let finding = Finding {
                level: Level::Warning,
                fault: rule.into(),
                message: "the probabilities sum to 1 before the softmax".to_owned(),
                reason: String::new(),
                fix: String::new(),
            };
            finding.at(RunPlace::Step { step: 3 })
        };
        let mut screen = Screen::new("digits".to_owned());
        screen.findings = vec![found(Rule::OddFirstLoss), found(Rule::NormalisedTwice)];
        let text = shown_on(&screen);
        for part in ["2 findings", "normalised-twice: the probabilities sum to 1", "q: stop and save"] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }

    #[test]
    fn names_are_shown_and_not_sent() {
        let mut screen = Screen::new("runs/\u{1b}[31m\u{202e}".to_owned());
        let validation = Scores::new(1, [("a\u{202e}b", 0.5)]);
        let (epoch, step, train_loss, train_accuracy, best) = (1, 1, 0.5, None, true);
        screen.add(&Record::Epoch { epoch, step, train_loss, train_accuracy, validation, best });
        let finding = Finding {
            level: Level::Warning,
            fault: Fault::Named("odd".to_owned()),
            message: "column `x\u{200f}\u{7}`".to_owned(),
            reason: String::new(),
            fix: String::new(),
        };
        screen.findings.push(finding.at(RunPlace::DATA));
        let text = shown_on(&screen);
        for part in ["runs/\\u{1b}[31m\\u{202e}", "a\\u{202e}b 0.5", "x\\u{200f}\\u{7}"] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
    }

    #[test]
    fn a_long_curve_is_thinned_to_means() {
        let mut curve = Curve::default();
        (1..=10_000).for_each(|step| curve.push(step, f64::from(u32::try_from(step).unwrap())));
        assert!(curve.points.len() < 2 * POINTS);
        let (last, value) = *curve.points.last().unwrap();
        assert!((value - last).abs() < curve.width as f64, "{value} {last}");
    }
}
