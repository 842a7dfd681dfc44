//! Events in: what the engine makes of what happened outside.

use lore_privacy::NoiseSource;
use lore_protocol::codec;
use lore_protocol::ids::PublicKey;
use lore_protocol::wire::Reply;

use crate::{Class, Effect, Engine, EngineError, Event};

impl<N: NoiseSource> Engine<N> {
    /// Takes in what happened. What is to be done is left for [`Engine::take_effects`].
    ///
    /// # Errors
    /// Fails when the own store or ledger fails. Nothing that a peer sends is an error here: what a rule
    /// refuses is logged, since peers can bring about that a rule refuses.
    pub fn handle(&mut self, event: Event) -> Result<(), EngineError> {
        match self.take_in(event) {
            Err(error) if error.class != Class::Failed => {
                tracing::warn!(kind = error.kind, %error, "refused");
                Ok(())
            }
            done => done,
        }
    }

    fn take_in(&mut self, event: Event) -> Result<(), EngineError> {
        // What teaches where members listen, or who they are; a tick sees what came in otherwise.
        let dial = !matches!(event, Event::Heard { .. } | Event::Wake | Event::Request { .. });
        match event {
            Event::Connected { peer } => {
                tracing::info!(peer = %peer.short(), "connected");
                self.connected.entry(peer).or_default();
                self.knock_if_joining(peer);
                self.ask_if_taking_over(peer);
                self.begin_rounds_with(peer);
                self.connection_may_have_blobs();
            }
            Event::Disconnected { peer } => {
                tracing::info!(peer = %peer.short(), "disconnected");
                self.connected.remove(&peer);
                self.on_stream(peer, false);
            }
            Event::Identified { peer, addresses } => {
                if let Some(known) = self.connected.get_mut(&peer) {
                    *known = addresses;
                }
                self.remember_identified()?;
            }
            Event::Stream { peer, open } => {
                self.on_stream(peer, open && self.connected.contains_key(&peer));
            }
            Event::Heard { peer, bytes } => self.on_heard(peer, &bytes)?,
            Event::Wake => self.wake_spreads(),
            Event::Request { number, peer, bytes } => {
                let bytes = self.answer(peer, &bytes)?;
                self.effects.push(Effect::Reply { number, bytes });
                self.settle()?;
            }
            Event::Response { number, peer, bytes } => self.on_response(number, peer, &bytes)?,
            Event::RequestFailed { number, why } => {
                tracing::debug!(%why, "a request failed");
                self.rounds.forget(number);
                self.fail_blob(number);
                self.fail_join(number, &why);
                self.fail_takeover(number, &why);
            }
            Event::Tick => {
                self.settle()?;
                self.remember_identified()?;
                self.expire_joins();
                self.expire_takeovers();
                self.begin_rounds_in_turn()?;
                self.tend_blobs()?;
                self.note_all_near();
                self.wake_spreads();
            }
        }
        if dial { self.dial_known() } else { Ok(()) }
    }

    fn on_response(
        &mut self,
        number: u64,
        peer: PublicKey,
        bytes: &[u8],
    ) -> Result<(), EngineError> {
        match codec::decode::<Reply>(bytes) {
            Ok(reply) => {
                if !self.on_blob_reply(number, peer, Some(&reply))?
                    && !self.on_round_reply(number, peer, &reply)?
                    && !self.on_takeover_reply(number, peer, &reply)?
                {
                    self.on_join_reply(number, peer, reply)?;
                }
            }
            Err(error) => {
                tracing::warn!(peer = %peer.short(), %error, "a reply does not decode");
                self.heard.malformed += 1;
                if self.on_blob_reply(number, peer, None)? {
                    return Ok(());
                }
                self.rounds.forget(number);
                self.fail_join(number, "its reply does not decode");
                self.fail_takeover(number, "its reply does not decode");
            }
        }
        Ok(())
    }

    /// Remembers where connected members listen. A peer that identifies itself is often a stranger
    /// still, and a member only after it was vouched for.
    fn remember_identified(&self) -> Result<(), EngineError> {
        for (peer, addresses) in &self.connected {
            self.remember(*peer, addresses)?;
        }
        Ok(())
    }
}
