//! Rules and methods against one another, on the test part of a run: what they conserve, and how far their maps say where and
//! why.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Instant;

use indexmap::IndexMap;
use logit::explain::Array;
use logit::explain::measure::{Localisation, localised};
use logit::explain::method::KNOWN;
use serde::Serialize;
use serde::ser::SerializeStruct as _;

use crate::error::ZooError;
use crate::explain::{Explained, Explaining, Located, Measures, Wish};
use crate::run::{DataSource, RunDir, TrainedRun as _};
use crate::system::{AskedOf, Explicable, Origin, Reading, Task, WithSystem, with_system};

/// Rules that are compared only where they are named: composites are made of them.
const SINGLE: [&str; 7] = ["epsilon", "zero", "z-plus", "gamma", "alpha-beta", "w-square", "flat"];

/// A study of explanations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExplanationStudy {
    /// Samples that were to be explained.
    pub samples: usize,
    /// A row per rule or method.
    pub rows: Vec<Row>,
    /// Methods that the network does not allow, and why.
    pub left_out: Vec<(String, String)>,
}

/// What is true of a rule's or method's maps: means over samples, unless said otherwise. What cannot be had is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Row {
    /// The rule or method.
    pub rule: String,
    /// Samples that were explained: those with nothing to explain are left out.
    pub explained: usize,
    /// The greatest `|Σ R − f|/|f|`; none of gradients, which conserve nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst_error: Option<f64>,
    /// The lowest relevance of all samples.
    pub lowest: f64,
    /// Of each mask, the share of positive relevance that lies on it.
    pub mass: IndexMap<&'static str, Mean>,
    /// Of each mask, the share of as many pixels, those with the highest relevance, that lies on it.
    pub rank: IndexMap<&'static str, Mean>,
    /// Pixel flipping: the mean of the value while the most relevant pixels are taken away, over the value, both summed over the
    /// samples whose value is above 0.
    pub flipping: Mean,
    /// Infidelity at the map's best scale.
    pub infidelity: Mean,
    /// Max-sensitivity.
    pub max_sensitivity: Mean,
    /// Seconds for all samples, with measures.
    pub seconds: f64,
}

/// A mean over the samples that have a number, weighted where that is said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    sum: f64,
    weight: f64,
    /// How many samples have one.
    pub count: usize,
}

/// Mean and count.
impl Serialize for Mean {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Mean", 2)?;
        object.serialize_field("mean", &self.value())?;
        object.serialize_field("samples", &self.count)?;
        object.end()
    }
}

impl Mean {
    fn add(&mut self, number: Option<f64>) {
        self.add_weighted(number, 1.0);
    }

    fn add_weighted(&mut self, number: Option<f64>, weight: f64) {
        if let Some(number) = number.filter(|_| weight > 0.0) {
            self.sum += weight * number;
            self.weight += weight;
            self.count += 1;
        }
    }

    /// The mean; none over no samples.
    pub fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.weight)
    }
}

/// Explains the first `samples` of a run's test part by each rule, and measures the maps. `data` stands in the place of the
/// run's own; `print` gets each row as soon as it is known.
///
/// # Errors
/// The run has no weights, or its data cannot be read; a rule is not known; or the run is of nothing that says what maps should
/// find.
pub fn run(
    run: &RunDir,
    data: Option<&DataSource>,
    rules: &[String],
    samples: usize,
    print: &mut dyn FnMut(&Row),
) -> Result<ExplanationStudy, ZooError> {
    let own = run.about()?.data;
    let source = data.cloned().or(own).unwrap_or(DataSource::Embedded);
    with_system(&run.recipe()?, Origin::Run(run), Study { run, source: &source, rules, samples, print })
}

struct Study<'a> {
    run: &'a RunDir,
    source: &'a DataSource,
    rules: &'a [String],
    samples: usize,
    print: &'a mut dyn FnMut(&Row),
}

impl WithSystem for Study<'_> {
    type Output = ExplanationStudy;

    fn call<T: Task>(self, system: T::System) -> Result<ExplanationStudy, ZooError> {
        let Self { run, source, rules, samples, print } = self;
        let recipe = run.recipe()?;
        let task = T::read(system, &Reading::to_judge(&recipe, source, run)?)?;
        let all = KNOWN.iter().map(|known| known.name).filter(|name| !SINGLE.contains(name));
        let names: Vec<String> =
            if rules.is_empty() { all.map(str::to_owned).collect() } else { rules.to_vec() };
        let mut study = ExplanationStudy { samples: 0, rows: Vec::new(), left_out: Vec::new() };
        for rule in names {
            let explicable = task.explicable(samples)?;
            study.samples = explicable.len();
            if explicable.is_empty() {
                let task = recipe.task.name();
                return Err(ZooError::Usage(format!(
                    "explanations are studied where masks say what they should find: runs of digits, digit-pairs and \
                     segmentation, and not of `{task}`"
                )));
            }
            match row::<T>(task.system(), run, &rule, explicable) {
                Ok(row) => {
                    print(&row);
                    study.rows.push(row);
                }
                // What was not named is compared where the network allows it.
                Err(error) if rules.is_empty() && error.is_usage() => {
                    study.left_out.push((rule, error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(study)
    }
}

/// What a rule's maps of the samples come to.
fn row<T: Task>(
    system: &T::System,
    run: &RunDir,
    rule: &str,
    explicable: Vec<Explicable<AskedOf<T>>>,
) -> Result<Row, ZooError> {
    let wish = Wish { rules: vec![rule.to_owned()], measure: true, ..Wish::default() };
    let mut row = Row { rule: rule.to_owned(), lowest: f64::INFINITY, ..Row::default() };
    let (mut asked, mut masks) = (Vec::new(), VecDeque::new());
    for sample in explicable {
        asked.push(sample.asked);
        masks.push_back(sample.masks);
    }
    let start = Instant::now();
    let mut failed = None;
    let mut each = |explained: Result<Explained, ZooError>| {
        // An image without the target has nothing to explain.
        let masks = masks.pop_front().unwrap_or_default();
        failed = explained.ok().and_then(|explained| row.add(&explained, &masks).err());
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    Explaining::new(system, run, &wish)?.all(Box::new(std::iter::once(Ok(asked))), &mut each)?;
    row.seconds = start.elapsed().as_secs_f64();
    failed.map_or(Ok(row), Err)
}

impl Row {
    /// Adds what is true of a sample's map.
    fn add(&mut self, explained: &Explained, masks: &[(&'static str, Vec<bool>)]) -> Result<(), ZooError> {
        let Some(mapped) = explained.maps.first() else { return Ok(()) };
        self.explained += 1;
        self.lowest = self.lowest.min(mapped.lowest);
        self.worst_error = mapped.error.map(|error| self.worst_error.unwrap_or(0.0).max(error));
        let Measures { flipping, infidelity, max_sensitivity, .. } =
            mapped.measures.clone().unwrap_or_default();
        self.flipping.add_weighted(flipping, explained.value);
        self.infidelity.add(infidelity);
        self.max_sensitivity.add(max_sensitivity);
        let Located::Map { width, height, relevance, .. } = &mapped.located else { return Ok(()) };
        let map = Array::new([1, 1, *height, *width], relevance.clone());
        for (name, mask) in masks {
            let found = localised(&map, std::slice::from_ref(mask)).map_err(ZooError::other)?;
            let Localisation { mass, rank } = found[0];
            self.mass.entry(name).or_default().add(mass);
            self.rank.entry(name).or_default().add(rank);
        }
        Ok(())
    }
}
