//! Values of a recipe that are replaced.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::RecipeError;

/// A value of a recipe that is replaced: its key with its tables, such as `train.epochs`, and what it becomes.
///
/// As text it is `KEY=VALUE`, as `--set` takes it, with a value in TOML; a bare word that is no TOML is text.
///
/// ```
/// use logit_zoo::recipe::Setting;
///
/// assert_eq!("train.optimizer=sgd".parse::<Setting>()?, Setting::new("train.optimizer", "sgd"));
/// assert_eq!("data.grades=[0, 5]".parse::<Setting>()?, Setting::new("data.grades", vec![0, 5]));
/// assert_ne!("data.vectors=12".parse::<Setting>()?, Setting::new("data.vectors", "12"));
/// # Ok::<(), logit_zoo::RecipeError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    key: String,
    value: toml::Value,
}

impl Setting {
    /// The setting of a key.
    pub fn new(key: impl Into<String>, value: impl Into<toml::Value>) -> Self {
        Self { key: key.into(), value: value.into() }
    }

    /// A whole number; one that is beyond TOML's integers becomes the largest of them.
    pub fn whole(key: impl Into<String>, number: u64) -> Self {
        Self::new(key, i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// A path.
    ///
    /// # Errors
    /// It is not UTF-8, and could not be written down.
    pub fn path(key: impl Into<String>, path: &Path) -> Result<Self, RecipeError> {
        let key = key.into();
        match path.to_str() {
            Some(text) => Ok(Self::new(key, text)),
            None => Err(RecipeError::Path { key, path: path.to_owned() }),
        }
    }

    /// Settings from texts `KEY=VALUE`.
    ///
    /// # Errors
    /// One of them is written otherwise.
    pub fn all<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Vec<Self>, RecipeError> {
        texts.into_iter().map(|text| text.as_ref().parse()).collect()
    }

    /// Puts the value in its place.
    pub(super) fn put(&self, table: &mut toml::Table) -> Result<(), RecipeError> {
        let mut parts: Vec<&str> = self.key.split('.').collect();
        let last = parts.pop().unwrap_or_default();
        let mut table = table;
        for part in parts {
            table = table
                .entry(part)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()))
                .as_table_mut()
                .ok_or_else(|| RecipeError::Setting { text: self.to_string() })?;
        }
        table.insert(last.to_owned(), self.value.clone());
        Ok(())
    }
}

impl FromStr for Setting {
    type Err = RecipeError;

    fn from_str(text: &str) -> Result<Self, RecipeError> {
        let (key, value) = text
            .split_once('=')
            .map(|(key, value)| (key.trim(), value))
            .filter(|(key, _)| key.split('.').all(|part| !part.is_empty()))
            .ok_or_else(|| RecipeError::Setting { text: text.to_owned() })?;
        let parsed = value.trim().parse::<toml::Value>();
        Ok(Self::new(key, parsed.unwrap_or_else(|_| toml::Value::String(value.to_owned()))))
    }
}

/// `KEY=VALUE`, with text as it is.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            toml::Value::String(text) => write!(f, "{}={text}", self.key),
            value => write!(f, "{}={value}", self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_toml_or_bare_words() {
        let read = |text: &str| text.parse::<Setting>().unwrap();
        assert_eq!(read("a.b=3"), Setting::whole("a.b", 3));
        assert_eq!(read(" a = 3.5 "), Setting::new("a", 3.5));
        assert_eq!(read("a=inf"), Setting::new("a", f64::INFINITY));
        assert_eq!(read("a=['x', 'y']"), Setting::new("a", vec!["x", "y"]));
        assert_eq!(read("a=sgd"), Setting::new("a", "sgd"));
        assert_eq!(read("a='sgd'"), Setting::new("a", "sgd"));
        assert_eq!(read("a=b=c"), Setting::new("a", "b=c"));
        assert_eq!(read("a="), Setting::new("a", ""));
        // A value cannot smuggle another key in.
        assert_eq!(read("a=1\nb = 2"), Setting::new("a", "1\nb = 2"));
        for malformed in ["a", "=3", "a.=3", ".a=3", "a..b=3", ""] {
            let message = malformed.parse::<Setting>().unwrap_err().to_string();
            assert!(message.contains("KEY=VALUE"), "{message}");
        }
    }

    #[test]
    fn a_value_is_put_in_its_table() {
        let mut table: toml::Table = "[a]\nb = 1\nc = 2".parse().unwrap();
        Setting::new("a.b", "12").put(&mut table).unwrap();
        Setting::new("d.e.f", true).put(&mut table).unwrap();
        assert_eq!(table, "a = { b = '12', c = 2 }\nd.e.f = true".parse().unwrap());
        let message = Setting::new("a.c.x", 1).put(&mut table).unwrap_err().to_string();
        assert!(message.contains("a.c.x=1"), "{message}");
    }

    #[test]
    fn a_number_beyond_tomls_is_the_largest() {
        assert_eq!(Setting::whole("a", u64::MAX), Setting::new("a", i64::MAX));
    }
}
