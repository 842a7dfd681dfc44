//! Arguments of a call: their schema and their reading.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ToolOutput, ToolSpec};

/// The specification of a tool whose arguments are `A`.
pub fn spec<A: JsonSchema>(name: &str, description: &str) -> ToolSpec {
    let mut parameters = schemars::schema_for!(A).to_value();
    if let Some(object) = parameters.as_object_mut() {
        // Names of Rust types say nothing to a model and cost tokens in every request.
        object.remove("$schema");
        object.remove("title");
    }
    ToolSpec { name: name.to_owned(), description: description.to_owned(), parameters }
}

/// The arguments, or what is wrong with them in words for a model.
pub fn parse<A: DeserializeOwned>(arguments: Value) -> Result<A, ToolOutput> {
    serde_json::from_value(arguments)
        .map_err(|error| ToolOutput::error(format!("the arguments do not fit: {error}")))
}
