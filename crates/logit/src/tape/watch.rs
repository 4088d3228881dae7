//! What a tape is to record.

/// How much of a value is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of its numbers.
    Whole,
    /// Its first rows, along the batch axis.
    First(usize),
    /// Some of its rows, by their place in the batch; those beyond its end are left out.
    Rows(Vec<usize>),
    /// [`Statistics`](super::Statistics) of its numbers.
    Statistics,
}

/// Which side of a layer is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// What the layer gave.
    Output,
    /// The gradient of the loss that arrived at what the layer gave.
    Gradient,
}

/// What a [`Tape`](super::Tape) is to record: values by name, how much of each, and how often.
///
/// Names are those that the network gives its steps, and `logits` and `probabilities` for its head. In a pattern, `*` stands
/// for any number of characters but the dot: `*` names the steps at the network's top, `down1.*` those within `down1`.
///
/// # Examples
/// ```
/// use logit::tape::{Extent, Watch};
///
/// let watch = Watch::new()
///     .outputs("logits", Extent::First(8))
///     .outputs("conv*", Extent::Statistics)
///     .gradients("logits", Extent::Statistics)
///     .every(10)
///     .budget(1 << 20);
/// assert!(watch.is_due(1) && watch.is_due(11) && !watch.is_due(12));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Watch {
    wishes: Vec<Wish>,
    every: u64,
    budget: usize,
    graph: bool,
    values: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Wish {
    side: Side,
    pattern: String,
    extent: Extent,
}

impl Default for Watch {
    /// Logits and probabilities of the batch's first 8 samples, and statistics of every layer's output, every 20 steps.
    fn default() -> Self {
        Self::new()
            .outputs("logits", Extent::First(8))
            .outputs("probabilities", Extent::First(8))
            .outputs("*", Extent::Statistics)
            .every(20)
    }
}

impl Watch {
    /// Bytes of numbers that a tape holds at most, unless told otherwise.
    pub const BUDGET: usize = 64 << 20;

    /// Nothing yet; whatever is added, at every step.
    pub fn new() -> Self {
        Self { wishes: Vec::new(), every: 1, budget: Self::BUDGET, graph: false, values: false }
    }

    /// So much of the outputs whose names fit a pattern.
    pub fn outputs(self, pattern: &str, extent: Extent) -> Self {
        self.with(Side::Output, pattern, extent)
    }

    /// So much of the gradients that arrive at the outputs whose names fit a pattern. They cost an addition in the forward
    /// pass, and are there after [`Tape::backward`](super::Tape::backward).
    pub fn gradients(self, pattern: &str, extent: Extent) -> Self {
        self.with(Side::Gradient, pattern, extent)
    }

    /// Also the [graph](crate::graph::Graph) of the network's steps: what each computes, takes and gives.
    pub fn graph(mut self) -> Self {
        self.graph = true;
        self
    }

    /// Also the [graph](Self::graph), and the numbers of every value of it: what an
    /// [explanation](crate::explain) walks back through.
    pub fn values(mut self) -> Self {
        self.values = true;
        self.graph()
    }

    /// Only at every `steps`th training step, from the first; 0 counts as 1.
    pub fn every(mut self, steps: u64) -> Self {
        self.every = steps.max(1);
        self
    }

    /// At most so many bytes of numbers; what does not fit any more is counted, and left out.
    pub fn budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// Whether step `step`, counted from 1, is one that is recorded.
    pub fn is_due(&self, step: u64) -> bool {
        step % self.every == 1 % self.every
    }

    /// The bytes that a tape holds at most.
    pub(super) fn most_bytes(&self) -> usize {
        self.budget
    }

    /// Whether the numbers of all values are wanted.
    pub(super) fn wants_values(&self) -> bool {
        self.values
    }

    /// Whether the graph is wanted.
    pub(super) fn wants_graph(&self) -> bool {
        self.graph
    }

    /// How much of a value is wanted: once for each wish that names it.
    pub(super) fn wanted<'a>(&'a self, side: Side, name: &'a str) -> impl Iterator<Item = &'a Extent> {
        self.wishes
            .iter()
            .filter(move |wish| wish.side == side && fits(&wish.pattern, name))
            .map(|wish| &wish.extent)
    }

    fn with(mut self, side: Side, pattern: &str, extent: Extent) -> Self {
        self.wishes.push(Wish { side, pattern: pattern.to_owned(), extent });
        self
    }
}

/// Whether a name fits a pattern with `*` for any characters but the dot.
fn fits(pattern: &str, name: &str) -> bool {
    let (mut patterns, mut names) = (pattern.split('.'), name.split('.'));
    loop {
        match (patterns.next(), names.next()) {
            (None, None) => return true,
            (Some(pattern), Some(name)) if fits_between_dots(pattern, name) => {}
            _ => return false,
        }
    }
}

/// Whether a name without dots fits a pattern with `*` for any characters.
fn fits_between_dots(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let mut pieces = rest.split('*').peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return name.ends_with(piece);
        }
        // The earliest place leaves the most for the pieces to come.
        let Some(at) = name.find(piece) else { return false };
        name = &name[at + piece.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "a"),
            ("conv*", "conv1"),
            ("*1", "conv1"),
            ("c*v*", "conv"),
            ("a*b*c", "abbc"),
            ("x", "x"),
            ("down1.*", "down1.pool"),
            ("*.pool", "down1.pool"),
            ("*.*", "down1.pool"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "a"),
            ("conv", "conv1"),
            ("conv*", "con"),
            ("a*b*c", "acb"),
            ("a*a", "a"),
            ("*", "down1.pool"),
            ("down1*", "down1.pool"),
            ("*.*", "down1"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn the_first_step_is_always_one() {
        let due = |every| (1..=6).filter(|step| Watch::new().every(every).is_due(*step)).collect::<Vec<_>>();
        assert_eq!(due(0), [1, 2, 3, 4, 5, 6]);
        assert_eq!(due(1), [1, 2, 3, 4, 5, 6]);
        assert_eq!(due(2), [1, 3, 5]);
        assert_eq!(due(5), [1, 6]);
    }
}
