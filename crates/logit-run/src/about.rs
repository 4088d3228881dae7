//! What a run was started with: `run.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::RunError;

/// What a run was started with. What a program does not know or have is absent; what a later version adds is passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// The program that made the run; absent where it is `logit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// That program's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The name of the recipe, or whatever else tells one training from another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// Where the data came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<DataSource>,
    /// The sums of files that lie outside of the run's folder and that its figures depend on, by what they are for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sums: BTreeMap<String, String>,
    /// The seed that everything random follows from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Logit's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logit: Option<String>,
    /// Burn's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burn: Option<String>,
}

impl About {
    /// A run of another program than `logit`.
    pub fn of_program(program: &str, version: &str) -> Self {
        let (program, version) = (Some(program.to_owned()), Some(version.to_owned()));
        Self { program, version, logit: Some(env!("CARGO_PKG_VERSION").to_owned()), ..Self::default() }
    }

    /// The program that made the run.
    pub fn maker(&self) -> String {
        match (&self.program, &self.version) {
            (Some(program), Some(version)) => format!("{program} {version}"),
            (Some(program), None) => program.clone(),
            (None, _) => "logit".to_owned(),
        }
    }

    /// The recipe's name, or else the program's.
    pub fn title(&self) -> String {
        self.recipe.clone().unwrap_or_else(|| self.maker())
    }
}

/// Where data comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataSource {
    /// The digits carried in the binary.
    Embedded,
    /// A folder.
    Folder(PathBuf),
    /// A file.
    File(PathBuf),
}

impl DataSource {
    /// A file or a folder.
    pub fn at(path: &Path) -> Self {
        if path.is_file() { Self::File(path.to_owned()) } else { Self::Folder(path.to_owned()) }
    }

    /// The same, whatever folder the program runs in.
    ///
    /// # Errors
    /// The path cannot be written down.
    pub fn absolute(&self) -> Result<Self, RunError> {
        Ok(match self {
            Self::Embedded => Self::Embedded,
            Self::Folder(path) => Self::Folder(absolute_path(path)?),
            Self::File(path) => Self::File(absolute_path(path)?),
        })
    }
}

impl std::fmt::Display for DataSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Embedded => f.write_str("the embedded digits"),
            Self::Folder(path) | Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A path that holds whatever folder the program runs in.
///
/// # Errors
/// It is not UTF-8, so that it cannot be written down.
pub fn absolute_path(path: &Path) -> Result<PathBuf, RunError> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if path.to_str().is_none() { Err(RunError::DataPath { path }) } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_today_reads_and_writes_alike() {
        let text = r#"{"recipe":"digits","data":"embedded","seed":7,"logit":"0.1.0","burn":"0.22.1"}"#;
        let about: About = serde_json::from_str(text).unwrap();
        assert_eq!((about.title().as_str(), about.data.as_ref()), ("digits", Some(&DataSource::Embedded)));
        assert_eq!(serde_json::to_string(&about).unwrap(), text);
    }

    #[test]
    fn a_foreign_program_names_itself() {
        let about: About =
            serde_json::from_str(r#"{"program":"train.py","version":"3","host":"later"}"#).unwrap();
        assert_eq!((about.maker().as_str(), about.title().as_str()), ("train.py 3", "train.py 3"));
        assert_eq!(serde_json::from_str::<About>("{}").unwrap(), About::default());
    }
}
