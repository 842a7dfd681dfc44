//! The human gate: what waits for a person, what they decide, and what happens at the deadline.

use lore_control::{self as control, Decision, GateSetting};
use lore_privacy::ledger::{Answer, Held};
use lore_protocol::ids::Hash;
use lore_protocol::lesson::LessonKey;

use super::Node;
use super::convert::{self, count};
use crate::config::Config;
use crate::error::CliError;

impl Node {
    /// Preview of what waits at the gate, with the exact payloads that go out.
    pub(super) fn gate_preview(&self) -> Result<control::GatePreview, CliError> {
        let held = self.engine.ledger().held()?;
        Ok(control::GatePreview {
            fixed: "these bytes were drawn once, are paid for, and are never drawn again: looking \
                      at them commits them, and the gate can only leave keys out"
                .into(),
            gate: self.gate_setting(),
            waiting: held.iter().map(|held| self.shown(held)).collect(),
            due: self.planned(),
        })
    }

    pub(super) fn gate_setting(&self) -> GateSetting {
        match Config::load(&self.home.config_path()) {
            Ok(config) => GateSetting::Known {
                ask: config.gate_seconds.is_some(),
                deadline_seconds: config.gate_seconds,
            },
            Err(error) => GateSetting::Unreadable { problem: error.to_string() },
        }
    }

    fn shown(&self, held: &Held) -> control::HeldRelease {
        let keeps = |place: usize| match &held.answer {
            None => None,
            Some(Answer::Refuse) => Some(false),
            Some(Answer::Keep(keep)) => Some(keep.iter().any(|kept| *kept as usize == place)),
        };
        let keys = held.entries.iter().enumerate().map(|(place, entry)| control::GateKey {
            id: control::Hash::of(key_id(&entry.key)),
            text: entry.key.to_string(),
            key: convert::lesson_key(&entry.key),
            noisy_support: entry.support,
            kept: keeps(place),
        });
        let answer = match &held.answer {
            None => "none: without one, a void goes out",
            Some(Answer::Refuse) => "refused: a void goes out",
            Some(Answer::Keep(_)) => "approved: the kept keys go out",
        };
        let found = self.engine.federations().get(&held.chain.federation);
        let payload = held.payload.as_ref();
        control::HeldRelease {
            release: control::Hash::of(held.release),
            federation: control::FederationId::of(held.chain.federation),
            name: found.map(|found| found.log().charter().name.clone()),
            deadline_seconds: held.deadline_seconds,
            seconds_left: held.deadline_seconds.saturating_sub(self.engine.now_seconds()),
            answer: answer.into(),
            keys: keys.collect(),
            payload_bytes: payload.map(|bytes| count(bytes.len())),
            payload_hash: payload.map(|bytes| control::Hash::of(payload_hash(bytes))),
            payload: payload.map(|bytes| hex(bytes)),
        }
    }

    /// Records what a person decided; it can be replaced until the deadline.
    pub(super) fn gate_decide(
        &mut self,
        wanted: &control::PrivacyGate,
    ) -> Result<control::GatePreview, CliError> {
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
        let answer = match wanted.decision {
            Decision::Approve => places(&|_| true),
            Decision::Keep => places(&named),
            Decision::Drop => places(&|key| !named(key)),
            Decision::Refuse => Answer::Refuse,
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
