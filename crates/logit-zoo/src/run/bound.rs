//! What the weights of a checkpoint belong to: the recipe that they were trained under, and the files that the run began
//! with. Weights in another recipe's network, or read by another table's schema, give figures that nobody measured.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use logit_files::open;
use logit_run::{RunDir, RunError};
use serde::{Deserialize, Serialize};

use crate::error::ZooError;
use crate::recipe::Recipe;

/// Files that a run begins with and that decide its figures, or say what they are of; and whether resuming it writes them
/// again. Of those, checkpoints of before they were bound know nothing.
const FILES: [(&str, bool); 3] = [("run.json", false), ("table.json", false), ("test_rows.txt", true)];

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
        checkpoint: &Path,
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
        for (file, is_remade) in FILES {
            let then = self.files.get(file);
            let may_differ = is_remade && (then.is_none() || what_for == Use::Train);
            if then == now.get(file) || may_differ {
                continue;
            }
            let (path, checkpoint) = (run.path().join(file), checkpoint.to_owned());
            return Err(if is_remade {
                RunError::Remade { path, checkpoint }.into()
            } else {
                RunError::OtherFile { path, checkpoint }.into()
            });
        }
        Ok(())
    }
}

/// The sums of the files that are there.
fn sums(run: &RunDir) -> Result<BTreeMap<String, String>, RunError> {
    let mut sums = BTreeMap::new();
    for (file, _) in FILES {
        match sum_of(&run.path().join(file)) {
            Ok(sum) => {
                sums.insert(file.to_owned(), sum);
            }
            Err(RunError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sums)
}

/// What a file is for that lies outside of a run's folder and that its figures depend on, and where it is.
pub(crate) type Outside<'a> = (&'static str, &'a Path);

/// The sums of such files, as `run.json` keeps them.
pub(crate) fn sums_outside(files: &[Outside<'_>]) -> Result<BTreeMap<String, String>, RunError> {
    files.iter().map(|(name, path)| Ok(((*name).to_owned(), sum_of(path)?))).collect()
}

/// Refuses files that are not those which `run.json` knows. Of a run from before it kept their sums, nothing is known.
pub(crate) fn check_outside(run: &RunDir, files: &[Outside<'_>]) -> Result<(), RunError> {
    let kept = run.about()?.sums;
    for (name, path) in files {
        if let Some(sum) = kept.get(*name)
            && *sum != sum_of(path)?
        {
            let (path, run) = (path.to_path_buf(), run.path().to_owned());
            return Err(RunError::OtherFile { path, checkpoint: run });
        }
    }
    Ok(())
}

/// The CRC-32 of a file of any size, in hexadecimal digits.
///
/// # Errors
/// It is not there, or cannot be read.
pub fn sum_of(path: &Path) -> Result<String, RunError> {
    let io_error = |source| RunError::io("read", path, source);
    let mut reader = BufReader::with_capacity(1 << 16, open(path).map_err(io_error)?.0);
    let mut crc = flate2::Crc::new();
    loop {
        let bytes = reader.fill_buf().map_err(io_error)?;
        if bytes.is_empty() {
            return Ok(format!("{:08x}", crc.sum()));
        }
        crc.update(bytes);
        let read = bytes.len();
        reader.consume(read);
    }
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
