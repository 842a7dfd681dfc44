//! Changes of `config.toml` that leave everything else in it as it is, comments too.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use crate::config::Config;
use crate::config::is_name;
use crate::error::CliError;
use crate::home::Home;

/// One change.
#[derive(Debug)]
pub(crate) enum Change<'a> {
    /// Sets fields of `[models.NAME]`, which is made when it is not there; other fields stay.
    Set {
        /// The model.
        name: &'a str,
        /// Fields with their new values.
        fields: Vec<(&'static str, Value)>,
        /// Fields to take out.
        without: Vec<&'static str>,
        /// True when it becomes the one that is used when none is named.
        default: bool,
    },
    /// Takes out `[models.NAME]`.
    Remove {
        /// The model.
        name: &'a str,
    },
}

/// Makes a change, unless the file would no longer be understood after it.
///
/// # Errors
/// Fails when there is no node, the change is not possible, or the file cannot be written.
pub(crate) fn change(home: &Home, change: &Change<'_>) -> Result<Config, CliError> {
    if !home.is_initialised() {
        home.load_key()?;
    }
    let path = home.config_path();
    let failed = |error: std::io::Error| {
        CliError::failed("io", format!("cannot change {}: {error}", path.display()))
    };
    // Two changes at once would undo each other.
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(home.root().join("config.lock"))
        .map_err(failed)?;
    lock.lock().map_err(failed)?;
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.map_err(failed)?,
    };
    // What is broken already is named with its line and not touched.
    Config::parse(&text, &path)?;
    let text = edited(&text, change)?;
    let config = Config::parse(&text, &path)?;
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(home.root())?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    };
    write().map_err(failed)?;
    Ok(config)
}

fn edited(text: &str, change: &Change<'_>) -> Result<String, CliError> {
    let mut document: DocumentMut =
        text.parse().map_err(|error| CliError::usage(error).kind("config"))?;
    match change {
        Change::Set { name, fields, without, default } => {
            if !is_name(name) {
                let message = format!("`{name}` cannot be a model's name");
                return Err(CliError::usage(message)
                    .help("use letters, digits, `.`, `_` and `-`, at most 64"));
            }
            let models = table(document.as_table_mut(), "models", true)?;
            let model = table(models, name, false)?;
            for field in without {
                model.remove(field);
            }
            for (field, value) in fields {
                put(model, field, value.clone());
            }
            if *default {
                let agent = table(document.as_table_mut(), "agent", false)?;
                put(agent, "model", (*name).into());
            }
        }
        Change::Remove { name } => {
            let models = table(document.as_table_mut(), "models", true)?;
            if models.remove(name).is_none() {
                return Err(CliError::usage(format!("there is no model `{name}`"))
                    .kind("no_model")
                    .help("`lore model list` shows which there are"));
            }
            let agent = document.get_mut("agent").and_then(Item::as_table_like_mut);
            if let Some(agent) = agent
                && agent.get("model").and_then(Item::as_str) == Some(name)
            {
                agent.remove("model");
            }
        }
    }
    Ok(document.to_string())
}

/// A value in the place of the old one, whose comments stay, above it and behind it.
fn put(table: &mut dyn TableLike, field: &str, mut value: Value) {
    let Some(item) = table.get_mut(field) else {
        table.insert(field, Item::Value(value));
        return;
    };
    if let Some(old) = item.as_value() {
        *value.decor_mut() = old.decor().clone();
    }
    *item = Item::Value(value);
}

fn table<'a>(
    parent: &'a mut dyn TableLike,
    name: &str,
    implicit: bool,
) -> Result<&'a mut dyn TableLike, CliError> {
    if parent.get(name).is_none() {
        let mut new = Table::new();
        // No separate line `[models]` above `[models.NAME]`.
        new.set_implicit(implicit);
        parent.insert(name, Item::Table(new));
    }
    parent
        .get_mut(name)
        .and_then(Item::as_table_like_mut)
        .ok_or_else(|| CliError::usage(format!("`{name}` is not a table")).kind("config"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn set(text: &str, fields: Vec<(&'static str, Value)>, default: bool) -> String {
        edited(text, &Change::Set { name: "m", fields, without: Vec::new(), default }).unwrap()
    }

    #[test]
    fn a_change_leaves_comments_and_everything_else_as_it_was() {
        let before = "# mine\nname = \"a\" # here\n\n[models.m]\n# the good one\nurl = \"http://a/v1\" # old\nmodel = \"x\"\n\n[privacy]\ngate = \"off\"\n";
        let after = set(before, vec![("url", "http://b/v1".into())], false);
        assert_eq!(after, before.replace("http://a/v1", "http://b/v1"));
    }

    #[test]
    fn what_is_set_is_read_and_what_is_removed_is_gone_with_its_default() {
        let before = "# mine\nname = \"a\"\n";
        let fields = vec![("url", "http://b/v1".into()), ("model", "x".into())];
        let text = set(before, fields, true);
        let path = std::path::Path::new("c");
        let config = Config::parse(&text, path).unwrap();
        assert_eq!(config.models["m"].url, "http://b/v1");
        assert_eq!(config.default_model.as_deref(), Some("m"));
        assert!(!text.contains("[models]\n"), "{text}");
        let text = edited(&text, &Change::Remove { name: "m" }).unwrap();
        let config = Config::parse(&text, path).unwrap();
        assert_eq!((config.models.len(), config.default_model), (0, None));
        assert!(text.starts_with(before));
        assert_eq!(edited(&text, &Change::Remove { name: "m" }).unwrap_err().kind, "no_model");
    }

    #[test]
    fn a_change_after_which_the_file_is_not_understood_is_not_made() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(&dir.path().join("node")).unwrap();
        home.initialise("# mine\n").unwrap();
        let fields = vec![("url", "nonsense".into()), ("model", "x".into())];
        let wrong = Change::Set { name: "m", fields, without: Vec::new(), default: false };
        assert!(change(&home, &wrong).unwrap_err().message.contains("URL"));
        assert_eq!(fs::read_to_string(home.config_path()).unwrap(), "# mine\n");
        let fields = vec![("url", "http://a/v1".into()), ("model", "x".into())];
        let right = Change::Set { name: "m", fields, without: Vec::new(), default: true };
        assert!(change(&home, &right).unwrap().models.contains_key("m"));
        let again = Config::load(&home.config_path()).unwrap();
        assert_eq!(again.default_model.as_deref(), Some("m"));
    }
}
