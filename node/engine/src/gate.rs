//! The human gate: when what waits for a person goes out.

use lore_privacy::NoiseSource;
use lore_privacy::ledger::{Answer, Held};
use lore_protocol::charter::EpochRule;
use lore_protocol::ids::{FederationId, Hash};
use lore_protocol::payload::Window;

use crate::{Engine, EngineError};

/// Gate at which a person approves what lesson releases send.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Gate {
    /// All that was drawn is sent.
    #[default]
    Off,
    /// A person may leave keys out until so many seconds after the release was due.
    Ask {
        /// Seconds until the deadline.
        seconds: u64,
    },
    /// The owner's wish cannot be read, for this reason: no lesson is released until it can.
    Unreadable(String),
}

impl<N: NoiseSource> Engine<N> {
    /// Time when a lesson release of this window opens its gate; none without a gate. A function of the
    /// settings, the charter and the window. An epoch by the clock leaves room: after its end the
    /// release would be late.
    pub(crate) fn gate_deadline(
        &self,
        federation: FederationId,
        window: Window,
    ) -> Result<Option<u64>, EngineError> {
        let seconds = match &self.settings.gate {
            Gate::Off => return Ok(None),
            Gate::Ask { seconds } => *seconds,
            Gate::Unreadable(why) => return Err(EngineError::failed("gate", why)),
        };
        let seconds = match self.federation(federation)?.log().charter().epoch {
            EpochRule::Hours(hours) => seconds.min(u64::from(hours) * 3600 / 2),
            EpochRule::Rounds => seconds,
        };
        Ok(Some(self.sent_at(federation, window).saturating_add(seconds)))
    }

    /// Results that wait at the gate.
    ///
    /// # Errors
    /// Fails when the ledger cannot be read.
    pub fn held(&self) -> Result<Vec<Held>, EngineError> {
        Ok(self.ledger.held()?)
    }

    /// Records what a person decided about a release; it can be replaced until the deadline.
    ///
    /// # Errors
    /// Fails when nothing of this release waits, or its deadline has passed.
    pub fn answer_gate(&mut self, release: Hash, answer: Answer) -> Result<(), EngineError> {
        self.ledger.answer(release, answer, self.clock.unix_seconds())?;
        Ok(())
    }
}
