//! Arguments against a tool's JSON Schema.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::Value;

use crate::tool::ToolSpec;

/// Most complaints that a model is told of at once.
const MAX_COMPLAINTS: usize = 5;

/// The schemas of all tools, read once.
#[derive(Debug)]
pub(super) struct Schemas(BTreeMap<String, Result<Validator, String>>);

impl Schemas {
    pub(super) fn new(specs: &[ToolSpec]) -> Self {
        let read = |spec: &ToolSpec| {
            let validator = jsonschema::validator_for(&spec.parameters)
                .map_err(|error| format!("the tool's own schema is broken: {error}"));
            (spec.name.clone(), validator)
        };
        Self(specs.iter().map(read).collect())
    }

    /// The fault in the arguments, worded for the model; None when there is none.
    pub(super) fn complaint(&self, tool: &str, arguments: &Value) -> Option<String> {
        let Some(validator) = self.0.get(tool) else {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            return Some(format!("there is no tool `{tool}`; there are: {}", known.join(", ")));
        };
        let validator = match validator {
            Ok(validator) => validator,
            Err(reason) => return Some(reason.clone()),
        };
        let complaints: Vec<String> = validator
            .iter_errors(arguments)
            .take(MAX_COMPLAINTS)
            .map(|error| match error.instance_path().to_string().as_str() {
                "" => error.to_string(),
                place => format!("{place}: {error}"),
            })
            .collect();
        (!complaints.is_empty())
            .then(|| format!("the arguments do not fit `{tool}`: {}", complaints.join("; ")))
    }
}
