//! Recipes: all that decides a training run, in TOML, with the reason of each value beside it.
//!
//! A recipe's `task` says what is trained; its tables `model`, `data` and `loss` are the task's, `train` and `watch` are
//! the same for all.

mod digits;
mod error;
mod images;
mod pairs;
mod segmentation;
mod settings;
mod sts;
mod table;
mod train;
mod watch;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use logit_data::range::{ConfigError, Range};
use logit_files::read_text_at_most;
use logit_run::RunError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use digits::{DigitsSetup, ModelConfig};
pub use error::RecipeError;
pub use images::{ImagesModel, ImagesSetup};
pub use logit_data::Weights;
pub use logit_data::digits::DataConfig;
pub use logit_data::labelled::ImagesData;
pub use logit_data::pairs::PairsConfig;
pub(crate) use logit_data::segmentation::metric_key;
pub use logit_data::segmentation::{PixelAnswer, SegmentationData};
pub use logit_data::sentences::SentenceConfig;
pub use logit_data::table::{AnswerChoice, TableData};
pub use pairs::PairsSetup;
pub use segmentation::{SegmentationLoss, SegmentationModel, SegmentationSetup};
pub use settings::Setting;
pub use sts::{ScoreLoss, StsSetup};
pub use table::{TableLoss, TableModel, TableModelKind, TableSetup};
pub use train::{Optimizer, Schedule, TrainConfig};
pub use watch::WatchConfig;

/// The recipes that come with Logit, by name.
pub const RECIPES: [(&str, &str); 9] = [
    ("digits", include_str!("../../assets/recipes/digits.toml")),
    ("digits-linear", include_str!("../../assets/recipes/digits-linear.toml")),
    ("digits-mlp", include_str!("../../assets/recipes/digits-mlp.toml")),
    ("digit-pairs", include_str!("../../assets/recipes/digit-pairs.toml")),
    ("digit-pairs-paper", include_str!("../../assets/recipes/digit-pairs-paper.toml")),
    ("images", include_str!("../../assets/recipes/images.toml")),
    ("nuclei", include_str!("../../assets/recipes/nuclei.toml")),
    ("sts", include_str!("../../assets/recipes/sts.toml")),
    ("table", include_str!("../../assets/recipes/table.toml")),
];

/// The most steps that a run may have.
pub const MAX_STEPS: u64 = 100_000_000;

/// The largest recipe that is read: a hundred times what the longest needs.
const MAX_BYTES: u64 = 1 << 20;

/// All that decides a training run, apart from the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Its name.
    pub name: String,
    /// What it trains, in one line.
    pub summary: String,
    /// What is trained.
    pub task: TaskConfig,
    /// How it is trained.
    pub train: TrainConfig,
    /// What of the training passes is recorded.
    pub watch: WatchConfig,
}

/// Network, data and loss of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup<M, D, L> {
    /// The network.
    pub model: M,
    /// What is done to the data.
    pub data: D,
    /// The loss and its options.
    pub loss: L,
}

/// What the setup of each task knows of its values.
pub(crate) trait TaskSetup {
    /// The values that must lie in a range.
    fn ranges(&self) -> Vec<Range>;

    /// Refuses values that make no sense together.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    /// The paths that are given.
    fn paths_mut(&mut self) -> Vec<&mut PathBuf> {
        Vec::new()
    }
}

macro_rules! tasks {
    ($($(#[$doc:meta])* $name:literal: $variant:ident($setup:ty),)*) => {
        /// What is trained, with its network, data and loss.
        #[derive(Clone, Debug, PartialEq)]
        pub enum TaskConfig {
            $($(#[$doc])* $variant($setup),)*
        }

        /// The names of the tasks.
        const TASKS: &[&str] = &[$($name),*];

        impl TaskConfig {
            /// Its name in recipes.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            fn setup(&self) -> &dyn TaskSetup {
                match self {
                    $(Self::$variant(setup) => setup,)*
                }
            }

            fn setup_mut(&mut self) -> &mut dyn TaskSetup {
                match self {
                    $(Self::$variant(setup) => setup,)*
                }
            }
        }

        impl Recipe {
            /// Reads the file as one of the task.
            fn of_task(task: &str, text: &Text<'_>) -> Result<Self, Misread> {
                match task {
                    $($name => text.recipe(TaskConfig::$variant),)*
                    other => Err(Misread::of(format!("`task` is `{other}`; it must be one of {}", TASKS.join(", ")))),
                }
            }

            /// The recipe as TOML.
            ///
            /// # Errors
            /// A seed beyond what TOML's integers hold.
            pub fn to_toml(&self) -> Result<String, RecipeError> {
                let text = match &self.task {
                    $(TaskConfig::$variant(setup) => toml::to_string(&File::of(self, setup.clone())),)*
                };
                text.map_err(|error| Misread::of(error.to_string()).at(&self.name))
            }
        }
    };
}

tasks! {
    /// Handwritten digits: Q3 and Q4.
    "digits": Digits(DigitsSetup),
    /// Images with a class or labels.
    "images": Images(ImagesSetup),
    /// A column of a table: Q4.
    "table": Table(TableSetup),
    /// An answer for every pixel: Q1.
    "segmentation": Segmentation(SegmentationSetup),
    /// Pairs of digits: Q2.
    "digit-pairs": Pairs(PairsSetup),
    /// Sentence similarity: Q5.
    "sts": Sts(StsSetup),
}

/// A recipe as it stands in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File<M, D, L> {
    name: String,
    summary: String,
    task: String,
    model: M,
    data: D,
    train: TrainConfig,
    #[serde(default)]
    watch: WatchConfig,
    loss: L,
}

impl<M, D, L> File<M, D, L> {
    fn of(recipe: &Recipe, setup: Setup<M, D, L>) -> Self {
        Self {
            name: recipe.name.clone(),
            summary: recipe.summary.clone(),
            task: recipe.task.name().to_owned(),
            model: setup.model,
            data: setup.data,
            train: recipe.train.clone(),
            watch: recipe.watch.clone(),
            loss: setup.loss,
        }
    }
}

/// A recipe's text, or its table where values were replaced.
enum Text<'a> {
    /// As it was written, so that an error can show the line.
    Written(&'a str),
    Replaced(toml::Table),
}

impl Text<'_> {
    /// The recipe of a task, whose setup `task` takes.
    fn recipe<M, D, L>(&self, task: impl FnOnce(Setup<M, D, L>) -> TaskConfig) -> Result<Recipe, Misread>
    where
        File<M, D, L>: DeserializeOwned,
    {
        let File { name, summary, model, data, train, watch, loss, .. } = match self {
            Self::Written(text) => toml::from_str(text).map_err(|error| Misread::of_written(&error))?,
            Self::Replaced(table) => {
                table.clone().try_into().map_err(|error: toml::de::Error| Misread::of(error.message()))?
            }
        };
        Ok(Recipe { name, summary, task: task(Setup { model, data, loss }), train, watch })
    }
}

/// Why a text is no recipe.
struct Misread {
    /// The lines of the text that show it; empty where the message says it all.
    excerpt: String,
    message: String,
}

impl Misread {
    fn of(message: impl Into<String>) -> Self {
        Self { excerpt: String::new(), message: message.into() }
    }

    fn of_written(error: &toml::de::Error) -> Self {
        let (whole, message) = (error.to_string(), error.message());
        match whole.trim_end_matches('\n').strip_suffix(message) {
            Some(excerpt) => Self { excerpt: excerpt.to_owned(), ..Self::of(message) },
            None => Self::of(whole),
        }
    }

    /// The error of a recipe or file.
    fn at(self, origin: &str) -> RecipeError {
        RecipeError::Parse { origin: origin.to_owned(), excerpt: self.excerpt, message: self.message }
    }
}

impl Serialize for Recipe {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_toml().map_err(serde::ser::Error::custom)?;
        let table: toml::Table = text.parse().map_err(serde::ser::Error::custom)?;
        table.serialize(serializer)
    }
}

impl Recipe {
    /// The recipe of a name or a TOML file, with values replaced by `settings`.
    ///
    /// A relative path in it, wherever it stands, is one from the folder in which the program runs.
    ///
    /// # Errors
    /// No such recipe or file; a key that is unknown or missing; a value of the wrong type or out of range.
    pub fn load(name: &str, settings: &[Setting]) -> Result<Self, RecipeError> {
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

    /// The name of a recipe's preset: of the recipe `RECIPE-PRESET`.
    ///
    /// # Errors
    /// No such recipe, or it has no such preset.
    pub fn preset(recipe: &str, preset: &str) -> Result<&'static str, RecipeError> {
        let presets = presets(recipe);
        match presets.iter().find(|(name, _)| *name == preset) {
            Some((_, whole)) => Ok(whole),
            None if presets.is_empty() && !is_known(recipe) && !Path::new(recipe).exists() => {
                Err(RecipeError::Unknown { name: recipe.to_owned() })
            }
            None => Err(RecipeError::Preset {
                recipe: recipe.to_owned(),
                preset: preset.to_owned(),
                presets: presets.into_iter().map(|(name, _)| name).collect(),
            }),
        }
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
    pub fn parse(origin: &str, text: &str, settings: &[Setting]) -> Result<Self, RecipeError> {
        let mut table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| Misread::of_written(&error).at(origin))?;
        for setting in settings {
            setting.put(&mut table)?;
        }
        let task = match table.get("task") {
            Some(toml::Value::String(task)) => task.clone(),
            Some(_) => return Err(Misread::of("`task` is no text").at(origin)),
            None => {
                let missing = format!("missing field `task`: one of {}", TASKS.join(", "));
                return Err(Misread::of(missing).at(origin));
            }
        };
        let given = text;
        let text = if settings.is_empty() { Text::Written(text) } else { Text::Replaced(table) };
        let recipe =
            Self::of_task(&task, &text).map_err(|misread| match refused(&task, given, settings) {
                Some(setting) => Misread::of(format!("`{setting}`: {}", misread.message)).at(origin),
                None => misread.at(origin),
            })?;
        recipe.check(origin)?;
        Ok(recipe)
    }

    /// Whether the recipe alone decides the network. Of tables and images the data does too, of sentences the word vectors.
    pub(crate) fn decides_network(&self) -> bool {
        matches!(self.task, TaskConfig::Digits(_) | TaskConfig::Pairs(_) | TaskConfig::Segmentation(_))
    }

    /// The same, with paths that hold whatever folder the program runs in.
    ///
    /// # Errors
    /// A path cannot be written down.
    pub(crate) fn with_whole_paths(mut self) -> Result<Self, RunError> {
        for path in self.task.setup_mut().paths_mut() {
            *path = logit_run::absolute_path(path)?;
        }
        Ok(self)
    }

    fn check(&self, origin: &str) -> Result<(), RecipeError> {
        let setup = self.task.setup();
        let mut ranges = setup.ranges().into_iter().chain(self.train.ranges()).chain(self.watch.ranges());
        match ranges.find(|range| !(range.fits)(range.value)) {
            Some(Range { key, value, wanted, .. }) => {
                Err(RecipeError::Range { origin: origin.to_owned(), key, value, range: wanted })
            }
            None => Ok(setup.check()?),
        }
    }
}

/// The first of the settings with which a recipe can no longer be read; none if it cannot be read without them.
fn refused<'a>(task: &str, text: &str, settings: &'a [Setting]) -> Option<&'a Setting> {
    let mut table: toml::Table = text.parse().ok()?;
    let reads = |table: &toml::Table| Recipe::of_task(task, &Text::Replaced(table.clone())).is_ok();
    if !reads(&table) {
        return None;
    }
    settings.iter().find(|setting| setting.put(&mut table).is_ok() && !reads(&table))
}

fn is_known(name: &str) -> bool {
    RECIPES.iter().any(|(known, _)| *known == name)
}

/// The presets of a recipe that comes with Logit, each with the name of the recipe that it is.
fn presets(recipe: &str) -> Vec<(&'static str, &'static str)> {
    let of = |(whole, _): &(&'static str, &'static str)| {
        Some((whole.strip_prefix(recipe)?.strip_prefix('-')?, *whole))
    };
    if is_known(recipe) { RECIPES.iter().filter_map(of).collect() } else { Vec::new() }
}

fn read(path: &Path) -> Result<String, RecipeError> {
    read_text_at_most(path, MAX_BYTES).map_err(|source| RecipeError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use logit::loss::CrossEntropyLoss;

    use super::*;

    fn message(result: Result<Recipe, RecipeError>) -> String {
        result.unwrap_err().to_string()
    }

    fn load(recipe: &str, settings: &[&str]) -> Result<Recipe, RecipeError> {
        Recipe::load(recipe, &Setting::all(settings)?)
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
        let settings = ["train.epochs=3", "train.optimizer=sgd", "loss.z_loss=1e-4"];
        let recipe = load("digits", &settings).unwrap();
        assert_eq!((recipe.train.epochs, recipe.train.optimizer), (3, Optimizer::Sgd));
        let TaskConfig::Digits(setup) = recipe.task else { panic!("{:?}", recipe.task) };
        assert_eq!(setup.loss, CrossEntropyLoss::new().with_z_loss(1e-4));
    }

    #[test]
    fn mistakes_are_named() {
        let set = |setting: &str| message(load("digits", &[setting]));
        assert!(set("train.epoch=3").contains("epoch"));
        assert!(set("train.epochs=0").contains("`train.epochs` is 0"));
        assert!(set("train.learning_rate=-1").contains("`train.learning_rate` is -1"));
        assert!(set("model.dropout=1.0").contains("`model.dropout` is 1"));
        assert!(set("train.epochs").contains("KEY=VALUE"));
        assert!(set("train.optimizer=lion").contains("lion"));
        let several = message(load("digits", &["train.epochs=3", "model.dropout=abc", "train.seed=2"]));
        assert!(several.starts_with("digits: `model.dropout=abc`: invalid type"), "{several}");
        assert!(set("task=digitz").contains("`task` is `digitz`; it must be one of digits"));
        assert!(set("task=digitz").contains("sts"));
        assert!(message(load("digitz", &[])).contains("digits, digits-linear, digits-mlp"));
        assert!(message(Recipe::parse("x", "name = ", &[])).starts_with("x: "));
    }

    #[test]
    fn a_preset_is_the_recipe_of_the_longer_name() {
        assert_eq!(Recipe::preset("digit-pairs", "paper").unwrap(), "digit-pairs-paper");
        assert_eq!(Recipe::preset("digits", "mlp").unwrap(), "digits-mlp");
        let message = |recipe, preset| Recipe::preset(recipe, preset).unwrap_err().to_string();
        assert_eq!(message("digits", "paper"), "`digits` has no preset `paper`; its presets are linear, mlp");
        assert_eq!(message("digits-mlp", "paper"), "`digits-mlp` has no presets; leave `--preset` out");
        // The beginning of a name is no recipe, though what follows would be one's rest.
        assert!(message("digit", "pairs").starts_with("no recipe is named `digit`"));
        assert!(message("nonsense", "paper").starts_with("no recipe is named `nonsense`"));
    }

    #[test]
    fn pairs_are_of_whole_groups_and_a_code_that_holds_0() {
        let set = |setting: &str| message(load("digit-pairs", &[setting]));
        assert!(set("model.pool=3").contains("`model.pool` is 3; it must be a divisor of `model.units`"));
        assert!(set("model.pool=0").contains("`model.pool` is 0"));
        assert!(set("model.units=0").contains("`model.units` is 0"));
        assert!(set("model.deviation=0.0").contains("`model.deviation` is 0"));
        assert!(set("data.low=0.1").contains("`data.low` is 0.1; it must be finite and at most 0"));
        assert!(set("data.high=inf").contains("`data.high` is inf"));
        assert!(set("data.shift=29").contains("`data.shift` is 29"));
        assert!(set("data.sampling=even").contains("even"));
        for key in ["pairs", "validation_pairs", "test_pairs"] {
            assert!(set(&format!("data.{key}=0")).contains(&format!("`data.{key}` is 0")));
            assert!(set(&format!("data.{key}=10000001")).contains(&format!("`data.{key}` is 10000001")));
        }
    }

    #[test]
    fn classes_of_masks_are_checked_when_a_recipe_is_loaded() {
        let set = |setting: &str| message(load("nuclei", &[setting]));
        assert!(set("data.classes=['a']").starts_with("`data.classes`: 1 names"));
        assert!(set("data.classes=['a b','A_B']").contains("`a_b`"));
    }

    #[test]
    fn older_names_of_values_are_read() {
        let TaskConfig::Segmentation(setup) = load("nuclei", &["loss.class_weights=root"]).unwrap().task
        else {
            panic!("no segmentation")
        };
        assert_eq!(setup.loss.class_weights, Weights::Sqrt);
    }

    #[test]
    fn the_ends_of_a_scale_are_checked_wherever_they_come_from() {
        let set = |setting: &str| message(load("table", &[setting]));
        for ends in ["[5, 0]", "[0.0, inf]", "[nan, 5.0]", "[1.0]"] {
            let message = set(&format!("data.grades={ends}"));
            assert!(message.starts_with("table: `data.grades=["), "{message}");
            assert!(message.contains("two finite numbers, the lower one first"), "{message}");
        }
        let numbers =
            message(Recipe::load("table", &[Setting::new("data.grades", vec![0.0, f64::INFINITY])]));
        assert!(numbers.contains("[0.0, inf] is no scale of grades"), "{numbers}");
        let images = message(load("images", &["data.table.grades=[5,0]"]));
        assert!(images.contains("the lower one first"), "{images}");
        let text = Recipe::load("table", &[]).unwrap().to_toml().unwrap();
        let written = text.replace("[data]\n", "[data]\ngrades = [2.0, 1.0]\n");
        let line = message(Recipe::parse("x.toml", &written, &[]));
        assert!(line.contains("grades = [2.0, 1.0]") && line.contains("the lower one first"), "{line}");
    }

    #[test]
    fn every_path_becomes_whole_and_none_is_made_up() {
        let whole = |recipe: &str, settings: &[&str]| {
            load(recipe, settings).unwrap().with_whole_paths().unwrap().to_toml().unwrap()
        };
        let here = std::env::current_dir().unwrap();
        for (recipe, key) in
            [("table", "data.test_file"), ("images", "data.table.test_file"), ("sts", "data.vectors")]
        {
            let text = whole(recipe, &[&format!("{key}=below/x")]);
            let path = here.join("below/x");
            assert!(text.contains(&format!("= {:?}", path.to_str().unwrap())), "{text}");
            assert_eq!(whole(recipe, &[]), Recipe::load(recipe, &[]).unwrap().to_toml().unwrap());
        }
    }
}
