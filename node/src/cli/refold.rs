//! Folds an exported log again, in another order: a check that needs no node.

use std::path::Path;

use lore_protocol::charter::SignedCharter;
use lore_protocol::codec;
use lore_protocol::delta::{Delta, Sound};
use lore_protocol::library::Fold;
use lore_protocol::log::Log;
use serde_json::json;

use super::Context;
use super::federation_args::RefoldArgs;
use crate::error::CliError;
use crate::output;

pub(super) fn refold(context: &Context, args: &RefoldArgs) -> Result<(), CliError> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| {
            CliError::failed("refold", format!("cannot read {}: {error}", path.display()))
                .help("give a directory written by `lore federation export-log`")
        })
    };
    let charter = read(&args.directory.join("charter.bin"))?;
    let broken =
        |error: &dyn std::fmt::Display| CliError::failed("refold", format!("damaged: {error}"));
    let charter: SignedCharter = codec::decode(&charter).map_err(|error| broken(&error))?;
    let mut log = Log::new(charter).map_err(|error| broken(&error))?;
    let entries = std::fs::read_dir(&args.directory).map_err(|error| broken(&error))?;
    let mut sounds = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| broken(&error))?.path();
        if path.extension().is_some_and(|extension| extension == "delta") {
            let sound = Delta::parse(&read(&path)?).map_err(|error| {
                CliError::failed("refold", format!("{}: {error}", path.display()))
            })?;
            sounds.push(sound);
        }
    }
    let count = sounds.len();
    sounds.sort_by_key(|sound| order(args.seed, sound));
    for sound in sounds {
        log.ingest(sound);
    }
    let mut fold = Fold::default();
    fold.advance(&log);
    let root = fold.library(&log).root();
    let value = json!({ "deltas": count, "accepted": log.len(), "root": root });
    output::result(&value, context.json, |_| format!("{root}  {count} deltas"))
}

/// A place that depends on the seed and the id alone.
fn order(seed: u64, sound: &Sound) -> [u8; 32] {
    *blake3::hash(&[&seed.to_le_bytes()[..], sound.id.as_bytes()].concat()).as_bytes()
}
