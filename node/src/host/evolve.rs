//! Brief for a writer of skill texts: public bytes of one skill.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lore_agent::evolve::Brief;
use lore_control as control;

use super::Node;
use crate::error::CliError;

impl Node {
    /// The brief of a skill, by name or id, for a writer in the asking process.
    pub(super) fn skill_brief(&self, name: &str) -> Result<control::Brief, CliError> {
        let all = self.rendered(None)?;
        let found = all.iter().find(|rendered| is(rendered, name)).ok_or_else(|| {
            CliError::usage(format!("there is no skill `{name}`")).help("see `lore skill list`")
        })?;
        let shelf = self.shelf();
        let mut libraries = self.engine.federations().keys().filter_map(|id| shelf.library(*id));
        let brief = libraries
            .find(|library| library.skills.contains_key(&found.skill))
            .map(|library| Brief::of_rendered(library, found))
            .ok_or_else(|| CliError::failed("render", format!("`{name}` cannot be written")))?;
        Ok(control::Brief {
            name: found.name.as_str().to_owned(),
            brief: STANDARD.encode(brief.to_bytes()),
        })
    }
}

fn is(rendered: &lore_protocol::library::Rendered, name: &str) -> bool {
    rendered.name.as_str() == name || rendered.skill.to_string() == name
}

/// Reads a brief that a node gave.
///
/// # Errors
/// Fails when it is no brief, or one of another version.
pub(crate) fn read_brief(given: &control::Brief) -> Result<Brief, CliError> {
    let bytes = STANDARD.decode(&given.brief).map_err(|error| CliError::failed("brief", error))?;
    Brief::from_bytes(&bytes).map_err(|error| CliError::failed("brief", error))
}
