//! A node's log as its files show it.

use std::path::Path;

use lore_node::home::Home;
use lore_protocol::charter::SignedCharter;
use lore_protocol::codec;
use lore_protocol::delta::Delta;
use lore_protocol::identity::SecretKey;
use lore_protocol::log::Log;

use crate::node::Node;

/// An exported log, read back.
pub struct Exported {
    /// The log.
    pub log: Log,
    /// The deltas as they travel.
    pub deltas: Vec<Delta>,
    /// The node's answer about it: `deltas`, `root`.
    pub said: serde_json::Value,
}

/// Exports the log of a node to a fresh directory and reads it.
///
/// # Panics
/// When a file is not what it should be.
#[must_use]
pub fn exported(node: &Node, into: &Path, federation: &[&str]) -> Exported {
    let directory = into.to_str().expect("the path is text");
    let said = node.json(&[&["federation", "export-log", "--dir", directory], federation].concat());
    let charter = std::fs::read(into.join("charter.bin")).expect("the charter");
    let charter: SignedCharter = codec::decode(&charter).expect("the charter decodes");
    let mut log = Log::new(charter).expect("the charter opens");
    let mut deltas = Vec::new();
    for entry in std::fs::read_dir(into).expect("the directory") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "delta") {
            let sound = Delta::parse(&std::fs::read(&path).expect("a delta")).expect("it is sound");
            deltas.push(sound.delta.clone());
            let _ = log.ingest(sound);
        }
    }
    assert_eq!(log.len(), deltas.len(), "every exported delta is valid");
    Exported { log, deltas, said }
}

/// The signing key of a node, as somebody who stole its home has it.
///
/// # Panics
/// When the home has none.
#[must_use]
pub fn key_of(node: &Node) -> SecretKey {
    Home::at(node.home()).and_then(|home| home.load_key()).expect("the key")
}
