//! What a writer of skill texts is given: public bytes of one skill.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lore_agent::evolve::Brief;
use serde_json::{Value, json};

use super::Node;
use crate::error::CliError;

impl Node {
    /// The brief of a skill, by name or id, for a writer in the asking process.
    pub(super) fn skill_brief(&self, name: &str) -> Result<Value, CliError> {
        let all = self.rendered(None)?;
        let found = all.iter().find(|rendered| is(rendered, name)).ok_or_else(|| {
            CliError::usage(format!("there is no skill `{name}`")).help("see `lore skill list`")
        })?;
        let mut libraries =
            self.engine.federations().values().map(|federation| federation.library());
        let brief = libraries
            .find_map(|library| Brief::of(library, found.skill, 0))
            .ok_or_else(|| CliError::failed("render", format!("`{name}` cannot be written")))?;
        Ok(json!({ "name": found.name.as_str(), "brief": STANDARD.encode(brief.to_bytes()) }))
    }
}

fn is(rendered: &lore_protocol::library::Rendered, name: &str) -> bool {
    rendered.name.as_str() == name || rendered.skill.to_string() == name
}

/// Reads a brief that [`Engine::skill_brief`] gave.
pub(crate) fn read_brief(value: &Value) -> Result<Brief, CliError> {
    let bytes = STANDARD.decode(value["brief"].as_str().unwrap_or_default());
    let bytes = bytes.map_err(|error| CliError::failed("brief", error))?;
    Brief::from_bytes(&bytes).map_err(|error| {
        CliError::failed("brief", error)
            .help("the daemon and the program may be of different versions: restart it")
    })
}
