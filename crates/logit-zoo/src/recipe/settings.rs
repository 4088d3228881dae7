//! Values of a recipe that are replaced from the command line.

use super::RecipeError;

/// Replaces one value, `a.b=value`; a value that is no TOML is taken as text.
pub(super) fn set(table: &mut toml::Table, setting: &str) -> Result<(), RecipeError> {
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
