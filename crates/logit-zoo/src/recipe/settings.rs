//! Values of a recipe that are replaced from the command line.

use super::RecipeError;

/// The setting `key=text`, whose value is text whatever it looks like.
///
/// ```
/// assert_eq!(logit_zoo::setting("data.vectors", "12"), "data.vectors=\"12\"");
/// ```
pub fn setting(key: &str, text: &str) -> String {
    format!("{key}={}", toml::Value::String(text.to_owned()))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_of_text_is_read_back() {
        let odd =
            ["12", "true", "a b", "\"quoted\"", "C:\\x", "tab\tand\u{7f}", "'", "''\u{27}", "\n", "ü#=", ""];
        for text in odd {
            let mut table = toml::Table::new();
            set(&mut table, &setting("a.b", text)).unwrap();
            assert_eq!(table["a"]["b"].as_str(), Some(text), "{text:?}");
        }
    }
}
