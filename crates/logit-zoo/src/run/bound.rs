//! What the weights of a checkpoint belong to: the recipe that they were trained under, and the files that the run began
//! with. Weights in another recipe's network, or read by another table's schema, give figures that nobody measured.

use std::collections::BTreeMap;

use logit_files::read_at_most;
use logit_run::{RunDir, RunError};
use serde::{Deserialize, Serialize};

use crate::error::ZooError;
use crate::recipe::Recipe;

/// Files that a run begins with and that decide its figures.
const FILES: [&str; 2] = ["run.json", "table.json"];

/// The largest of them.
const MAX_BYTES: u64 = 64 << 20;

/// Values of a recipe that say how training goes on: weights that were judged before are worth the same under others.
const OF_TRAINING: [&str; 3] = ["train.", "watch.", "summary"];

/// Values that are shown where many differ.
const SHOWN: usize = 4;

/// The one value among them that says more: which samples are held out.
const SEED: &str = "train.seed";

/// What the weights of a checkpoint belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The recipe, as TOML.
    recipe: String,
    /// The CRC-32 of each of the files that are there, in hexadecimal digits.
    files: BTreeMap<String, String>,
}

/// What weights are used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// They are trained on, so that every value of the recipe counts.
    Train,
    /// They are asked.
    Ask,
}

impl Bound {
    /// What the weights of a run that is trained under a recipe belong to.
    pub(crate) fn of(run: &RunDir, recipe: &Recipe) -> Result<Self, ZooError> {
        Ok(Self { recipe: recipe.to_toml()?, files: sums(run)? })
    }

    /// Refuses a run whose recipe or files are not those that the weights of `checkpoint` belong to.
    pub(crate) fn check(
        &self,
        run: &RunDir,
        recipe: &Recipe,
        checkpoint: &std::path::Path,
        what_for: Use,
    ) -> Result<(), ZooError> {
        let counts = |key: &str| {
            what_for == Use::Train || key == SEED || !OF_TRAINING.iter().any(|start| key.starts_with(start))
        };
        let differences = differences(&self.recipe, &recipe.to_toml()?, counts);
        if !differences.is_empty() {
            let more = differences.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!("; and {more} more values differ") } else { String::new() };
            let reason = differences[..differences.len().min(SHOWN)].join("; ") + &more;
            return Err(RunError::OtherRecipe { path: checkpoint.to_owned(), reason }.into());
        }
        let now = sums(run)?;
        let changed = FILES.iter().find(|file| self.files.get(**file) != now.get(**file));
        match changed {
            Some(file) => {
                let (path, checkpoint) = (run.path().join(file), checkpoint.to_owned());
                Err(RunError::OtherFile { path, checkpoint }.into())
            }
            None => Ok(()),
        }
    }
}

/// The sums of the files that are there.
fn sums(run: &RunDir) -> Result<BTreeMap<String, String>, RunError> {
    let mut sums = BTreeMap::new();
    for file in FILES {
        let path = run.path().join(file);
        match read_at_most(&path, MAX_BYTES) {
            Ok(content) => {
                sums.insert(file.to_owned(), sum(&content));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(RunError::io("read", &path, source)),
        }
    }
    Ok(sums)
}

/// The CRC-32 of a content, in hexadecimal digits.
pub(super) fn sum(content: &[u8]) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    format!("{:08x}", crc.sum())
}

/// The values that count and differ, each as a sentence.
fn differences(then: &str, now: &str, counts: impl Fn(&str) -> bool) -> Vec<String> {
    let (then, now) = (values(then), values(now));
    let keys: std::collections::BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let of = |values: &BTreeMap<String, String>, key: &String| values.get(key).cloned();
    let differs = |key: &&&String| counts(key) && of(&then, key) != of(&now, key);
    let said = |key: &String| {
        let shown = |value: Option<String>| value.unwrap_or_else(|| "absent".to_owned());
        format!("`{key}` is now {}, and was {}", shown(of(&now, key)), shown(of(&then, key)))
    };
    keys.iter().filter(differs).map(|key| said(key)).collect()
}

/// The values of a TOML text by their dotted keys.
fn values(text: &str) -> BTreeMap<String, String> {
    fn gather(prefix: &str, value: &toml::Value, into: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                    gather(&key, value, into);
                }
            }
            value => {
                into.insert(prefix.to_owned(), value.to_string());
            }
        }
    }

    let mut all = BTreeMap::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        gather("", &toml::Value::Table(table), &mut all);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let then = "a = 1\n[data]\nmean = 0.1307\nnames = [\"x\"]\n[train]\nepochs = 2\n";
        let now = "a = 1\n[data]\nmean = 0.9307\n[train]\nepochs = 3\n";
        assert_eq!(
            differences(then, now, |key| !key.starts_with("train.")),
            ["`data.mean` is now 0.9307, and was 0.1307", "`data.names` is now absent, and was [\"x\"]"]
        );
        assert_eq!(differences(then, then, |_| true), [""; 0]);
    }
}
