//! TOML.

use serde_json::Value;
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::SettingsError;

fn parse(text: &str) -> Result<DocumentMut, SettingsError> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        // The error's own text quotes the file: settings hold keys.
        let before = error.span().map_or("", |span| text.get(..span.start).unwrap_or_default());
        SettingsError::Syntax(format!(
            "{} at line {}",
            error.message(),
            before.matches('\n').count() + 1
        ))
    })
}

pub(super) fn set_entry(
    text: &str,
    path: &[String],
    name: &str,
    entry: &Value,
) -> Result<String, SettingsError> {
    let mut document = parse(text)?;
    let mut table = document.as_table_mut();
    for key in path {
        let next = table.entry(key).or_insert_with(|| {
            let mut list = Table::new();
            list.set_implicit(true);
            Item::Table(list)
        });
        table = next.as_table_mut().ok_or_else(|| SettingsError::Shape(key.clone()))?;
    }
    let mut ours = Table::new();
    for (key, field) in entry.as_object().into_iter().flatten() {
        let item = match field {
            Value::String(text) => value(text.as_str()),
            Value::Bool(flag) => value(*flag),
            Value::Array(items) => value(items.iter().filter_map(Value::as_str).collect::<Array>()),
            _ => continue,
        };
        ours.insert(key, item);
    }
    table.insert(name, Item::Table(ours));
    Ok(document.to_string())
}

pub(super) fn remove_entry(
    text: &str,
    path: &[String],
    name: &str,
) -> Result<String, SettingsError> {
    let mut document = parse(text)?;
    if !remove(document.as_table_mut(), path, name) {
        return Ok(text.to_owned());
    }
    Ok(document.to_string())
}

fn remove(table: &mut Table, path: &[String], name: &str) -> bool {
    let Some((key, rest)) = path.split_first() else { return table.remove(name).is_some() };
    let Some(list) = table.get_mut(key).and_then(Item::as_table_mut) else { return false };
    let removed = remove(list, rest, name);
    if removed && list.is_empty() && list.is_implicit() {
        table.remove(key);
    }
    removed
}

pub(super) fn entry(text: &str, path: &[String], name: &str) -> Option<Value> {
    let value: ::toml::Value = ::toml::from_str(text).ok()?;
    let list = path.iter().try_fold(&value, |value, key| value.get(key))?;
    serde_json::to_value(list.get(name)?).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_the_persons_survives_and_ours_goes_again() {
        let theirs = "# mine\nmodel = \"x\" # and this\n\n[mcp_servers.other]\ncommand = \"y\"\n";
        let path = ["mcp_servers".to_owned()];
        let value = json!({"command": "/bin/lore", "args": ["mcp"]});
        let with = set_entry(theirs, &path, "commonlore", &value).unwrap();
        assert!(with.starts_with(theirs), "{with}");
        assert_eq!(entry(&with, &path, "commonlore"), Some(value.clone()));
        assert_eq!(remove_entry(&with, &path, "commonlore").unwrap(), theirs);
        let first = set_entry("model = \"x\"\n", &path, "commonlore", &value).unwrap();
        assert_eq!(remove_entry(&first, &path, "commonlore").unwrap(), "model = \"x\"\n");
    }

    #[test]
    fn a_faulty_file_is_refused_without_its_text() {
        let path = ["mcp_servers".to_owned()];
        let error = set_entry("a = 1\nkey = sk-secret", &path, "x", &json!({})).unwrap_err();
        assert!(error.to_string().contains("line 2") && !error.to_string().contains("secret"));
        let error = set_entry("mcp_servers = 3", &path, "x", &json!({})).unwrap_err();
        assert!(matches!(error, SettingsError::Shape(_)));
    }
}
