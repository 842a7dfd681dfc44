//! The human gate: what waits for a person, what they decide, and what happens at the deadline.

use lore_privacy::ledger::{Answer, Held};
use lore_protocol::ids::Hash;
use lore_protocol::lesson::LessonKey;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Node;
use crate::config::Config;
use crate::error::CliError;

/// What a person says about the keys at the gate.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    /// `keep`, `drop`, `approve` or `refuse`.
    decision: String,
    /// Keys by the id that the preview shows, or its beginning.
    #[serde(default)]
    keys: Vec<String>,
    /// Which release, when several wait.
    #[serde(default)]
    release: Option<String>,
}

impl Node {
    /// What waits at the gate, with the exact payloads that go out.
    pub(super) fn gate_preview(&self) -> Result<Value, CliError> {
        let held = self.engine.ledger().held()?;
        let waiting: Vec<Value> = held.iter().map(|held| self.shown(held)).collect();
        Ok(json!({
            "fixed": "these bytes were drawn once, are paid for, and are never drawn again: looking \
                      at them commits them, and the gate can only leave keys out",
            "gate": self.gate_setting(),
            "waiting": waiting,
            "due": self.planned(),
        }))
    }

    pub(super) fn gate_setting(&self) -> Value {
        match Config::load(&self.home.config_path()) {
            Ok(config) => json!({
                "ask": config.gate_seconds.is_some(),
                "deadline_seconds": config.gate_seconds,
            }),
            Err(error) => json!({ "problem": error.to_string() }),
        }
    }

    fn shown(&self, held: &Held) -> Value {
        let keeps = |place: usize| match &held.answer {
            None => Value::Null,
            Some(Answer::Refuse) => json!(false),
            Some(Answer::Keep(keep)) => json!(keep.iter().any(|kept| *kept as usize == place)),
        };
        let keys: Vec<Value> = held
            .entries
            .iter()
            .enumerate()
            .map(|(place, entry)| {
                json!({
                    "id": key_id(&entry.key),
                    "text": entry.key.to_string(),
                    "key": entry.key,
                    "noisy_support": entry.support,
                    "kept": keeps(place),
                })
            })
            .collect();
        let answer = match &held.answer {
            None => "none: without one, a void goes out",
            Some(Answer::Refuse) => "refused: a void goes out",
            Some(Answer::Keep(_)) => "approved: the kept keys go out",
        };
        let name =
            self.engine.federations().get(&held.chain.federation).map(|f| &f.log().charter().name);
        json!({
            "release": held.release,
            "federation": held.chain.federation,
            "name": name,
            "deadline_seconds": held.deadline_seconds,
            "seconds_left": held.deadline_seconds.saturating_sub(self.engine.now_seconds()),
            "answer": answer,
            "keys": keys,
            "payload_bytes": held.payload.as_ref().map(Vec::len),
            "payload_hash": held.payload.as_ref().map(|bytes| payload_hash(bytes)),
            "payload": held.payload.as_ref().map(|bytes| hex(bytes)),
        })
    }

    /// Records what a person decided; it can be replaced until the deadline.
    pub(super) fn gate_decide(&mut self, wanted: &Decision) -> Result<Value, CliError> {
        let held = self.held_for(wanted.release.as_deref())?;
        let named = |key: &LessonKey| {
            let id = key_id(key).to_string();
            wanted.keys.iter().any(|prefix| id.starts_with(prefix.as_str()))
        };
        for prefix in &wanted.keys {
            let fits = held.entries.iter().map(|e| key_id(&e.key).to_string());
            if prefix.len() < 4 || !fits.into_iter().any(|id| id.starts_with(prefix.as_str())) {
                return Err(CliError::usage(format!("there is no key `{prefix}` at the gate"))
                    .help("`lore privacy preview` shows the keys with their ids"));
            }
        }
        let places = |wants: &dyn Fn(&LessonKey) -> bool| {
            let all = (0_u32..).zip(&held.entries);
            Answer::Keep(all.filter(|(_, e)| wants(&e.key)).map(|(place, _)| place).collect())
        };
        let answer = match wanted.decision.as_str() {
            "approve" => places(&|_| true),
            "keep" => places(&named),
            "drop" => places(&|key| !named(key)),
            "refuse" => Answer::Refuse,
            other => return Err(CliError::usage(format!("the gate knows no `{other}`"))),
        };
        self.engine.answer_gate(held.release, answer)?;
        self.gate_preview()
    }

    fn held_for(&self, release: Option<&str>) -> Result<Held, CliError> {
        let mut held = self.engine.ledger().held()?;
        held.retain(|one| release.is_none_or(|text| one.release.to_string().starts_with(text)));
        if held.len() > 1 {
            return Err(CliError::usage("more than one release waits at the gate")
                .help("name it with --release; see `lore privacy preview`"));
        }
        held.pop().ok_or_else(|| {
            CliError::refused("nothing_at_the_gate", "no such release waits at the gate")
                .help("`lore privacy preview` says what waits and when the next one is due")
        })
    }
}

/// The id of a key, as a person names it.
fn key_id(key: &LessonKey) -> Hash {
    Hash::derive("commonlore/gate-key/v1", &[&lore_protocol::codec::encode(key)])
}

fn payload_hash(bytes: &[u8]) -> Hash {
    Hash(*blake3::hash(bytes).as_bytes())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
