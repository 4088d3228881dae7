//! Recipes: all that decides a training run, in TOML, with the reason of each value beside it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use logit::loss::CrossEntropyLoss;
use serde::{Deserialize, Serialize};

use crate::models::{ConvNetConfig, MlpConfig, SoftmaxClassifierConfig};

/// The recipes that come with Logit, by name.
pub const RECIPES: [(&str, &str); 3] = [
    ("digits", include_str!("../assets/recipes/digits.toml")),
    ("digits-linear", include_str!("../assets/recipes/digits-linear.toml")),
    ("digits-mlp", include_str!("../assets/recipes/digits-mlp.toml")),
];

/// The most steps that a run may have.
pub(crate) const MAX_STEPS: u64 = 100_000_000;

/// The largest recipe that is read: a hundred times what the longest needs.
const MAX_BYTES: u64 = 1 << 20;

/// All that decides a training run, apart from the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Its name.
    pub name: String,
    /// What it trains, in one line.
    pub summary: String,
    /// The network.
    pub model: ModelConfig,
    /// What is done to the data.
    pub data: DataConfig,
    /// How it is trained.
    pub train: TrainConfig,
    /// The options of the cross entropy.
    pub loss: CrossEntropyLoss,
}

/// The network of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ModelConfig {
    /// The convolutional network of Q3.
    #[serde(rename = "convnet")]
    ConvNet(ConvNetConfig),
    /// One dense layer.
    Linear(SoftmaxClassifierConfig),
    /// Dense layers with `ReLU`.
    Mlp(MlpConfig),
}

/// What is done to the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Share of the training images held out for validation, in (0, 1).
    pub validation: f64,
    /// Subtracted from pixels in [0, 1].
    pub mean: f64,
    /// What they are then divided by, above 0.
    pub deviation: f64,
    /// Pixels by which training images are moved at random, each way, at each step; 0 for none.
    #[serde(default)]
    pub shift: usize,
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Decides everything that is random.
    pub seed: u64,
    /// Passes over the training images, at least 1.
    pub epochs: u64,
    /// Least number of steps: on a small set there are as many more epochs as that takes.
    #[serde(default)]
    pub min_steps: u64,
    /// Images a step, at least 1.
    pub batch_size: usize,
    /// How a gradient becomes a step.
    pub optimizer: Optimizer,
    /// The first and largest learning rate, in (0, 1].
    pub learning_rate: f64,
    /// SGD's momentum, in [0, 1).
    #[serde(default)]
    pub momentum: f64,
    /// Factor of the weights added to their gradient, not negative.
    #[serde(default)]
    pub weight_decay: f64,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// Epochs without a better validation loss before training stops; 0 never stops early.
    #[serde(default)]
    pub patience: u64,
    /// Steps between two checkpoints within an epoch, at least 1.
    pub checkpoint_every: u64,
}

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam (Kingma and Ba 2014), with its defaults.
    Adam,
    /// Stochastic gradient descent, with momentum if given.
    Sgd,
}

/// How the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// It falls to 0 along half a cosine.
    Cosine,
}

/// A recipe that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// No recipe and no file of that name.
    #[error("no recipe is named `{name}`, and no such file exists; the recipes are {}", names())]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Too large to be a recipe.
    #[error("{} has {bytes} bytes; a recipe has at most {MAX_BYTES}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// Not TOML, or not a recipe's TOML.
    #[error("{origin}: {message}")]
    Parse {
        /// The recipe's name, file, or `--set`.
        origin: String,
        /// What is wrong, and where.
        message: String,
    },
    /// A `--set` that is not `key=value`.
    #[error("`--set {text}`: write KEY=VALUE, as in `--set train.epochs=3`")]
    Setting {
        /// What was given.
        text: String,
    },
    /// Options of the loss that do not fit.
    #[error("`loss`: {source}")]
    Loss {
        /// What does not fit.
        source: logit::LossError,
    },
    /// A value outside its range.
    #[error("{origin}: `{key}` is {value}; it must be {range}")]
    Range {
        /// The recipe's name or file.
        origin: String,
        /// The key, with its table.
        key: &'static str,
        /// The value.
        value: f64,
        /// What it may be, in words.
        range: &'static str,
    },
}

fn names() -> String {
    RECIPES.map(|(name, _)| name).join(", ")
}

impl ModelConfig {
    fn dropouts(&self) -> Vec<f64> {
        match self {
            Self::ConvNet(config) => vec![config.channel_dropout, config.dropout],
            Self::Linear(_) => vec![],
            Self::Mlp(config) => vec![config.dropout],
        }
    }

    /// The width of the narrowest hidden layer that the recipe may choose.
    fn least_hidden(&self) -> usize {
        match self {
            Self::Mlp(config) => config.hidden.iter().copied().min().unwrap_or(1),
            Self::ConvNet(_) | Self::Linear(_) => 1,
        }
    }
}

impl Recipe {
    /// The recipe of a name or a TOML file, with values replaced by `settings` of the form `train.epochs=3`.
    ///
    /// # Errors
    /// No such recipe or file; a key that is unknown or missing; a value of the wrong type or out of range.
    pub fn load(name: &str, settings: &[String]) -> Result<Self, RecipeError> {
        let text = match RECIPES.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => (*text).to_owned(),
            None => read(Path::new(name)).map_err(|error| match error {
                RecipeError::Read { source, .. } if source.kind() == ErrorKind::NotFound => {
                    RecipeError::Unknown { name: name.to_owned() }
                }
                error => error,
            })?,
        };
        Self::parse(name, &text, settings)
    }

    /// The recipe of a TOML file.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn read(path: &Path) -> Result<Self, RecipeError> {
        Self::parse(&path.display().to_string(), &read(path)?, &[])
    }

    /// A recipe from its text; `origin` names it in errors.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(origin: &str, text: &str, settings: &[String]) -> Result<Self, RecipeError> {
        let told = |origin: &str, message: String| RecipeError::Parse { origin: origin.to_owned(), message };
        let mut table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| told(origin, error.to_string()))?;
        for setting in settings {
            set(&mut table, setting)?;
        }
        let recipe: Self = if settings.is_empty() {
            // From the text, so that the error can show the line.
            toml::from_str(text).map_err(|error| told(origin, error.to_string()))?
        } else {
            table.try_into().map_err(|error: toml::de::Error| told(origin, error.message().to_owned()))?
        };
        recipe.check(origin)?;
        Ok(recipe)
    }

    /// The recipe as TOML.
    ///
    /// # Errors
    /// A seed beyond what TOML's integers hold.
    pub fn to_toml(&self) -> Result<String, RecipeError> {
        let told = |error: toml::ser::Error| RecipeError::Parse {
            origin: self.name.clone(),
            message: error.to_string(),
        };
        toml::to_string(self).map_err(told)
    }

    fn check(&self, origin: &str) -> Result<(), RecipeError> {
        let (data, train) = (&self.data, &self.train);
        let share = |value: f64| (0.0..1.0).contains(&value);
        let rows = [
            (
                "model.dropout",
                self.model.dropouts().into_iter().find(|value| !share(*value)).unwrap_or(0.0),
                "in [0, 1)",
                share as fn(f64) -> bool,
            ),
            ("model.hidden", self.model.least_hidden() as f64, "at least 1 a layer", |value| value >= 1.0),
            ("data.validation", data.validation, "above 0 and below 1", |value| value > 0.0 && value < 1.0),
            ("data.mean", data.mean, "finite", f64::is_finite),
            ("data.deviation", data.deviation, "finite and above 0", |value| {
                value.is_finite() && value > 0.0
            }),
            ("data.shift", data.shift as f64, "at most 1000", |value| value <= 1000.0),
            ("train.epochs", train.epochs as f64, "from 1 to 1000000", |value| (1.0..=1e6).contains(&value)),
            ("train.min_steps", train.min_steps as f64, "at most 100000000", |value| {
                value <= MAX_STEPS as f64
            }),
            ("train.batch_size", train.batch_size as f64, "from 1 to 1000000", |value| {
                (1.0..=1e6).contains(&value)
            }),
            ("train.learning_rate", train.learning_rate, "above 0 and at most 1", |value| {
                value > 0.0 && value <= 1.0
            }),
            ("train.momentum", train.momentum, "in [0, 1)", share),
            ("train.weight_decay", train.weight_decay, "finite and not negative", |value| {
                value.is_finite() && value >= 0.0
            }),
            ("train.checkpoint_every", train.checkpoint_every as f64, "at least 1", |value| value >= 1.0),
        ];
        match rows.into_iter().find(|(_, value, _, fits)| !fits(*value)) {
            Some((key, value, range, _)) => {
                Err(RecipeError::Range { origin: origin.to_owned(), key, value, range })
            }
            None => Ok(()),
        }
    }
}

fn read(path: &Path) -> Result<String, RecipeError> {
    let told = |source| RecipeError::Read { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(told)?;
    if !metadata.is_file() {
        // A device or a pipe could deliver bytes, or none, for ever.
        return Err(told(std::io::Error::other("not a regular file")));
    }
    let bytes = metadata.len();
    if bytes > MAX_BYTES {
        return Err(RecipeError::TooLarge { path: path.to_owned(), bytes });
    }
    std::fs::read_to_string(path).map_err(told)
}

/// Replaces one value, `a.b=value`; a value that is no TOML is taken as text.
fn set(table: &mut toml::Table, setting: &str) -> Result<(), RecipeError> {
    let malformed = || RecipeError::Setting { text: setting.to_owned() };
    let (key, value) = setting.split_once('=').ok_or_else(malformed)?;
    let parsed =
        format!("value = {value}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("value"));
    let value = parsed.unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let mut parts: Vec<&str> = key.trim().split('.').collect();
    let last = parts.pop().filter(|part| !part.is_empty()).ok_or_else(malformed)?;
    let mut table = table;
    for part in parts {
        table = table
            .entry(part)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .ok_or_else(malformed)?;
    }
    table.insert(last.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(result: Result<Recipe, RecipeError>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn every_recipe_loads_and_survives_its_own_toml() {
        for (name, text) in RECIPES {
            let recipe = Recipe::load(name, &[]).unwrap();
            assert_eq!(recipe.name, name);
            assert_eq!(Recipe::parse(name, &recipe.to_toml().unwrap(), &[]).unwrap(), recipe);
            assert!(
                text.lines().filter(|line| line.contains('=')).filter(|line| line.contains('#')).count() >= 3
            );
        }
    }

    #[test]
    fn settings_replace_values() {
        let settings =
            ["train.epochs=3".to_owned(), "train.optimizer=sgd".to_owned(), "loss.z_loss=1e-4".to_owned()];
        let recipe = Recipe::load("digits", &settings).unwrap();
        assert_eq!((recipe.train.epochs, recipe.train.optimizer), (3, Optimizer::Sgd));
        assert_eq!(recipe.loss, CrossEntropyLoss::new().with_z_loss(1e-4));
    }

    #[test]
    fn mistakes_are_named() {
        let set = |setting: &str| told(Recipe::load("digits", &[setting.to_owned()]));
        assert!(set("train.epoch=3").contains("epoch"));
        assert!(set("train.epochs=0").contains("`train.epochs` is 0"));
        assert!(set("train.learning_rate=-1").contains("`train.learning_rate` is -1"));
        assert!(set("model.dropout=1.0").contains("`model.dropout` is 1"));
        assert!(set("train.epochs").contains("KEY=VALUE"));
        assert!(set("train.optimizer=lion").contains("lion"));
        assert!(told(Recipe::load("digitz", &[])).contains("digits, digits-linear, digits-mlp"));
        assert!(told(Recipe::parse("x", "name = ", &[])).starts_with("x: "));
    }
}
