//! What can be wrong with a recipe.

use std::path::PathBuf;

use logit_data::range::ConfigError;

use super::RECIPES;

/// A recipe that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// No recipe and no file of that name.
    #[error("no recipe is named `{name}`, and no such file exists; the recipes are {}", names())]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// No preset of that name.
    #[error("{}", no_preset(recipe, preset, presets))]
    Preset {
        /// The recipe.
        recipe: String,
        /// What was asked for.
        preset: String,
        /// The presets that it has.
        presets: Vec<&'static str>,
    },
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML, or not a recipe's TOML.
    #[error("{origin}: {excerpt}{message}")]
    Parse {
        /// The recipe's name, file, or `--set`.
        origin: String,
        /// Lines that say where, and quote the recipe's own; empty where the message says it all.
        excerpt: String,
        /// What is wrong.
        message: String,
    },
    /// A `--set` that is not `key=value`.
    #[error("`--set {text}`: write KEY=VALUE, as in `--set train.epochs=3`")]
    Setting {
        /// What was given.
        text: String,
    },
    /// A path that cannot be written down.
    #[error("`{key}`: {} is not UTF-8, and could not be written down; rename it", path.display())]
    Path {
        /// The key, with its table.
        key: String,
        /// The path.
        path: PathBuf,
    },
    /// Options of the loss that do not fit.
    #[error("`loss`: {source}")]
    Loss {
        /// What does not fit.
        source: logit::LossError,
    },
    /// A value that does not make sense with another.
    #[error("`{key}`: {reason}")]
    Value {
        /// The key, with its table.
        key: &'static str,
        /// What is wrong, and what to do.
        reason: String,
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

impl From<ConfigError> for RecipeError {
    fn from(ConfigError { key, reason }: ConfigError) -> Self {
        Self::Value { key, reason }
    }
}

fn no_preset(recipe: &str, preset: &str, presets: &[&str]) -> String {
    if presets.is_empty() {
        return format!("`{recipe}` has no presets; leave `--preset` out");
    }
    format!("`{recipe}` has no preset `{preset}`; its presets are {}", presets.join(", "))
}

fn names() -> String {
    RECIPES.map(|(name, _)| name).join(", ")
}
