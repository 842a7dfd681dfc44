//! JSON, with comments and trailing commas where the person has them.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::{Value, json};

use super::{Hook, SettingsError};

/// Key of the hooks.
const HOOKS: &str = "hooks";

fn parse(text: &str) -> Result<CstRootNode, SettingsError> {
    CstRootNode::parse(text, &ParseOptions::default()).map_err(|error| {
        let (line, column) = (error.line_display(), error.column_display());
        SettingsError::Syntax(format!("{} at line {line}, column {column}", error.kind()))
    })
}

fn root(text: &str) -> Result<(CstRootNode, CstObject), SettingsError> {
    let root = parse(if text.trim().is_empty() { "{}\n" } else { text })?;
    let object = root.object_value().ok_or_else(|| SettingsError::Shape("the top".into()))?;
    Ok((root, object))
}

fn object(parent: &CstObject, name: &str) -> Result<CstObject, SettingsError> {
    parent.object_value_or_create(name).ok_or_else(|| SettingsError::Shape(name.into()))
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(value) => CstInputValue::Bool(*value),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(items) => CstInputValue::Array(items.iter().map(input).collect()),
        Value::Object(fields) => CstInputValue::Object(
            fields.iter().map(|(name, value)| (name.clone(), input(value))).collect(),
        ),
    }
}

/// Adds hooks in Claude Code's form.
///
/// # Errors
/// [`SettingsError`].
pub fn add_hooks(text: &str, hooks: &[Hook]) -> Result<String, SettingsError> {
    let (root, top) = root(text)?;
    let events = object(&top, HOOKS)?;
    for hook in hooks {
        let groups = events
            .array_value_or_create(&hook.event)
            .ok_or_else(|| SettingsError::Shape(format!("hooks.{}", hook.event)))?;
        groups.ensure_multiline();
        groups.append(input(&json!({
            "hooks": [{"type": "command", "command": hook.command, "timeout": hook.timeout}],
        })));
    }
    Ok(root.to_string())
}

/// Removes the hooks that `is_ours` knows by their command, with the lists that are empty without them.
///
/// # Errors
/// [`SettingsError`].
pub fn remove_hooks(text: &str, is_ours: impl Fn(&str) -> bool) -> Result<String, SettingsError> {
    let (root, top) = root(text)?;
    let Some(events) = top.object_value(HOOKS) else { return Ok(text.to_owned()) };
    let mut removed = false;
    for event in events.properties() {
        let Some(groups) = event.array_value() else { continue };
        let mut of_event = false;
        for group in groups.elements() {
            let Some(hooks) = group.as_object().and_then(|group| group.array_value(HOOKS)) else {
                continue;
            };
            let all = hooks.elements();
            let ours: Vec<CstNode> =
                all.iter().filter(|hook| is_ours(&command(hook))).cloned().collect();
            if ours.is_empty() {
                continue;
            }
            of_event = true;
            if ours.len() == all.len() {
                group.remove();
            } else {
                ours.into_iter().for_each(CstNode::remove);
            }
        }
        if of_event && groups.elements().is_empty() {
            event.remove();
        }
        removed |= of_event;
    }
    if !removed {
        return Ok(text.to_owned());
    }
    if events.properties().is_empty()
        && let Some(hooks) = top.get(HOOKS)
    {
        hooks.remove();
    }
    Ok(root.to_string())
}

/// The hooks that `is_ours` knows by their command, by event; none when the text cannot be read.
#[must_use]
pub fn hooks(text: &str, is_ours: impl Fn(&str) -> bool) -> Vec<Hook> {
    let Ok((root, _)) = root(text) else { return Vec::new() };
    let value = root.to_serde_value().unwrap_or_default();
    let mut found = Vec::new();
    for (event, groups) in value[HOOKS].as_object().into_iter().flatten() {
        let hooks = groups.as_array().into_iter().flatten();
        let hooks = hooks.flat_map(|group| group[HOOKS].as_array().cloned().unwrap_or_default());
        for hook in hooks {
            let command = hook["command"].as_str().unwrap_or_default().to_owned();
            if is_ours(&command) {
                let timeout = hook["timeout"].as_u64().unwrap_or_default();
                found.push(Hook { event: event.clone(), command, timeout });
            }
        }
    }
    found
}

fn command(hook: &CstNode) -> String {
    let value = hook.to_serde_value().unwrap_or_default();
    value["command"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn set_entry(
    text: &str,
    path: &[String],
    name: &str,
    value: &Value,
) -> Result<String, SettingsError> {
    let (root, mut list) = root(text)?;
    for key in path {
        list = object(&list, key)?;
    }
    match list.get(name) {
        Some(standing) => standing.set_value(input(value)),
        None => drop(list.append(name, input(value))),
    }
    Ok(root.to_string())
}

pub(super) fn remove_entry(
    text: &str,
    path: &[String],
    name: &str,
) -> Result<String, SettingsError> {
    let (root, top) = root(text)?;
    let mut lists = vec![top];
    for key in path {
        let next = lists.last().and_then(|list| list.object_value(key));
        let Some(next) = next else { return Ok(text.to_owned()) };
        lists.push(next);
    }
    let Some(entry) = lists.last().and_then(|list| list.get(name)) else {
        return Ok(text.to_owned());
    };
    entry.remove();
    for (at, key) in path.iter().enumerate().rev() {
        if !lists[at + 1].properties().is_empty() {
            break;
        }
        if let Some(list) = lists[at].get(key) {
            list.remove();
        }
    }
    Ok(root.to_string())
}

pub(super) fn entry(text: &str, path: &[String], name: &str) -> Option<Value> {
    let (_, mut list) = root(text).ok()?;
    for key in path {
        list = list.object_value(key)?;
    }
    list.get(name)?.value()?.to_serde_value()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const ODD: &str = "{\n\t// mine\n\t\"model\": \"opus\", /* stays */\n\t\"hooks\": {\n\t\t\"PreToolUse\": [\n\t\t\t{\"matcher\": \"Bash\", \"hooks\": [{\"type\": \"command\", \"command\": \"./check\"}]},\n\t\t],\n\t},\n\t\"env\": {\"A\": \"1\"},\n}\n";

    fn ours_of() -> Vec<Hook> {
        ["PreToolUse", "SessionStart"]
            .map(|event| Hook {
                event: event.into(),
                command: format!("/bin/lore hook claude-code {event}"),
                timeout: 10,
            })
            .to_vec()
    }

    fn ours(command: &str) -> bool {
        command.contains("lore hook")
    }

    #[test]
    fn what_is_the_persons_survives_and_ours_goes_again() {
        let with = add_hooks(ODD, &ours_of()).unwrap();
        for mine in ["// mine", "/* stays */", "./check", "\"env\": {\"A\": \"1\"},"] {
            assert!(with.contains(mine), "{with}");
        }
        assert_eq!(with.matches("lore hook").count(), 2, "{with}");
        assert_eq!(super::hooks(&with, ours), ours_of());
        let without = remove_hooks(&with, ours).unwrap();
        let read = |text: &str| parse(text).unwrap().to_serde_value().unwrap();
        assert_eq!(read(&without), read(ODD), "{without}");
        assert!(without.contains("// mine") && without.contains("/* stays */"));
    }

    #[test]
    fn an_empty_or_missing_file_begins_as_an_object() {
        for text in ["", "  \n", "{}", "{\n}\n"] {
            let with = add_hooks(text, &ours_of()).unwrap();
            let value: Value = serde_json::from_str(&with).unwrap();
            let command = &value["hooks"]["PreToolUse"][0]["hooks"][0]["command"];
            assert_eq!(command, "/bin/lore hook claude-code PreToolUse", "{with}");
            let without = remove_hooks(&with, ours).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&without).unwrap(), json!({}), "{without}");
        }
    }

    #[test]
    fn a_faulty_file_is_refused_with_its_place_and_another_shape_by_name() {
        let error = add_hooks("{\n  \"a\": \n", &ours_of()).unwrap_err();
        assert!(error.to_string().contains("line "), "{error}");
        for text in ["[]", "{\"hooks\": []}", "{\"hooks\": {\"PreToolUse\": 1}}"] {
            assert!(matches!(add_hooks(text, &ours_of()), Err(SettingsError::Shape(_))), "{text}");
        }
    }

    #[test]
    fn entries_are_set_replaced_and_removed_with_empty_lists() {
        let path = ["mcpServers".to_owned()];
        let value = json!({"command": "lore", "args": ["mcp"]});
        let with = set_entry("{\n  \"a\": 1\n}\n", &path, "commonlore", &value).unwrap();
        assert_eq!(entry(&with, &path, "commonlore"), Some(value.clone()));
        let again = set_entry(&with, &path, "commonlore", &json!({"command": "other"})).unwrap();
        assert_eq!(entry(&again, &path, "commonlore"), Some(json!({"command": "other"})));
        let without = remove_entry(&again, &path, "commonlore").unwrap();
        assert_eq!(serde_json::from_str::<Value>(&without).unwrap(), json!({"a": 1}), "{without}");
        let theirs = "{\"mcpServers\": {\"other\": {\"command\": \"x\"}}}";
        let with = set_entry(theirs, &path, "commonlore", &value).unwrap();
        let without = remove_entry(&with, &path, "commonlore").unwrap();
        assert_eq!(entry(&without, &path, "other"), Some(json!({"command": "x"})));
    }
}
