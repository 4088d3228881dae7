//! A network step by step, as a recipe or a run decides it: no data set is read.

use std::any::type_name;
use std::fmt;

use burn::tensor::Device;
use logit::graph::{Graph, ValueId};
use logit::tape::Taped;
use serde::{Serialize, Serializer};

use crate::error::ZooError;
use crate::recipe::Recipe;
use crate::run::{DataSource, RunDir, RunError, TrainedRun as _};
use crate::system::{Origin, System, Task, WithSystem, best, network, with_system};
use crate::telemetry::Subject;

/// The bytes of a parameter's number.
const NUMBER: usize = size_of::<f32>();

/// A network: its steps, and what its output means.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The name of the recipe.
    pub recipe: String,
    /// What the recipe trains, by name.
    pub task: &'static str,
    /// The type of the network.
    pub network: String,
    /// Its steps, as a batch of two went through them.
    pub graph: Graph,
    /// What the output is for, and the loss on it.
    pub subject: Subject,
    /// The names of its units.
    pub units: Vec<String>,
    /// The best weights of the run; nothing of a recipe.
    pub weights: Option<Weights>,
    sizes: Vec<Vec<Size>>,
}

/// Whether a run has weights for its network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weights {
    /// None yet.
    Missing,
    /// The checkpoint holds them.
    Fit,
    /// The checkpoint is damaged, or is of another network.
    Unusable {
        /// What is wrong.
        reason: String,
    },
}

/// How large an axis of a value is: for so many samples, and besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// For each sample of the batch.
    per_sample: usize,
    /// However many samples there are.
    fixed: usize,
}

impl Size {
    /// The size that is `of_two` in a batch of two and `of_three` in one of three.
    fn between(of_two: usize, of_three: usize) -> Self {
        let per_sample = of_three.saturating_sub(of_two);
        Self { per_sample, fixed: of_two.saturating_sub(2 * per_sample) }
    }
}

/// `784`, or `N` for an axis with a place per sample, `2N` for one with two.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per_sample {
            0 => return write!(f, "{}", self.fixed),
            1 => f.write_str("N")?,
            several => write!(f, "{several}N")?,
        }
        if self.fixed == 0 { Ok(()) } else { write!(f, "+{}", self.fixed) }
    }
}

/// A number, or a text where the batch decides.
impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.per_sample == 0 { self.fixed.serialize(serializer) } else { serializer.collect_str(self) }
    }
}

impl Summary {
    /// The sizes of a value's axes.
    pub fn shape(&self, value: ValueId) -> &[Size] {
        &self.sizes[value.number()]
    }

    /// The sizes of a value's axes, as `N×784`.
    pub fn shown(&self, value: ValueId) -> String {
        self.shape(value).iter().map(Size::to_string).collect::<Vec<_>>().join("×")
    }

    /// How many numbers are learned, and how many the network holds besides: running statistics.
    pub fn numbers(&self) -> [usize; 2] {
        let (mut learned, mut others) = (0, 0);
        for parameter in self.graph.parameters() {
            *(if parameter.learned { &mut learned } else { &mut others }) += parameter.count();
        }
        [learned, others]
    }

    /// The bytes of these numbers.
    pub fn bytes(&self) -> usize {
        NUMBER * self.numbers().iter().sum::<usize>()
    }
}

/// The network of a run. That its best weights are missing, or cannot be used, is part of the answer.
///
/// # Errors
/// The recipe, or what the run keeps of its data, cannot be read.
pub fn run(run: &RunDir) -> Result<Summary, ZooError> {
    summary(&run.recipe()?, Origin::Run(run), Some(run))
}

/// The network of a recipe that decides it alone.
///
/// # Errors
/// The network depends on data that only a run keeps, or cannot be built.
pub fn recipe(recipe: &Recipe) -> Result<Summary, ZooError> {
    if !recipe.decides_network() {
        return Err(ZooError::Usage(format!(
            "the recipe `{}` does not decide its network alone: the columns of a table, the classes of images and the width \
             of word vectors do too; train it, then name the run: `logit inspect RUN`",
            recipe.name
        )));
    }
    summary(recipe, Origin::Data(&DataSource::Embedded), None)
}

fn summary(recipe: &Recipe, origin: Origin<'_>, run: Option<&RunDir>) -> Result<Summary, ZooError> {
    struct Inspect<'a> {
        recipe: &'a Recipe,
        run: Option<&'a RunDir>,
    }

    impl WithSystem for Inspect<'_> {
        type Output = Summary;

        fn call<T: Task>(self, system: T::System) -> Result<Summary, ZooError> {
            let (graph, sizes) = traced(&system)?;
            Ok(Summary {
                recipe: self.recipe.name.clone(),
                task: self.recipe.task.name(),
                network: plain_name(type_name::<<T::System as System>::Net>()),
                graph,
                sizes,
                subject: system.subject(),
                units: system.units(),
                weights: self.run.map(|run| weights(&system, run)).transpose()?,
            })
        }
    }

    with_system(recipe, origin, Inspect { recipe, run })
}

/// The steps of a batch of two, and the sizes of all values: an axis that is another for three depends on the batch.
fn traced<S: System>(system: &S) -> Result<(Graph, Vec<Vec<Size>>), ZooError> {
    let device = Device::flex();
    let net = network(system, &device)?;
    let of = |samples: usize| {
        let blank: Vec<S::Asked> = (0..samples).map(|_| system.blank()).collect();
        net.graph(system.tensors(&blank, &device))
    };
    let (two, three) = (of(2), of(3));
    let sizes = two.values().zip(three.values()).map(|((_, two), (_, three))| {
        two.shape.iter().zip(&three.shape).map(|(two, three)| Size::between(*two, *three)).collect()
    });
    let sizes = sizes.collect();
    Ok((two, sizes))
}

fn weights<S: System>(system: &S, run: &RunDir) -> Result<Weights, ZooError> {
    match best(system, run, &Device::flex()) {
        Ok(_) => Ok(Weights::Fit),
        Err(ZooError::Run(RunError::NoCheckpoint { .. })) => Ok(Weights::Missing),
        Err(ZooError::Run(error)) => Ok(Weights::Unusable { reason: error.to_string() }),
        Err(error) => Err(error),
    }
}

/// The name of a type without its path and parameters.
fn plain_name(name: &str) -> String {
    let plain = name.split('<').next().unwrap_or(name);
    plain.rsplit("::").next().unwrap_or(plain).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::RECIPES;

    #[test]
    fn an_axis_is_of_the_batch_or_fixed() {
        for (two, three, shown) in [(784, 784, "784"), (2, 3, "N"), (4, 6, "2N"), (3, 4, "N+1"), (0, 0, "0")]
        {
            assert_eq!(Size::between(two, three).to_string(), shown);
        }
    }

    #[test]
    fn a_recipe_alone_decides_the_network_where_it_asks_no_data() {
        for (name, _) in &RECIPES {
            let summary = recipe(&Recipe::load(name, &[]).unwrap());
            match *name {
                "table" | "images" | "sts" => assert!(summary.unwrap_err().is_usage(), "{name}"),
                _ => {
                    let summary = summary.unwrap();
                    assert!(summary.graph.gaps().next().is_none(), "{name}");
                    let inputs: Vec<String> =
                        summary.graph.inputs().map(|(_, value)| summary.shown(value)).collect();
                    assert!(inputs.iter().all(|shape| shape.starts_with("N×1×")), "{name}: {inputs:?}");
                }
            }
        }
    }
}
