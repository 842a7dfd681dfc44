//! Vouching for a Join that another member invited, where a charter wants more than one voice.

use lore_privacy::{NoiseSource, Outgoing};
use lore_protocol::ids::{DeltaId, FederationId, InvitationId, MemberId};
use lore_protocol::payload::Vouch;

use crate::{Engine, EngineError};

/// A Join that waits for members to vouch for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// The member that it would be.
    pub member: MemberId,
    /// Its name, as it gives it itself.
    pub name: String,
    /// Sorted: members that vouched for it in the open epoch.
    pub vouchers: Vec<MemberId>,
    /// Their distinct voices.
    pub voices: usize,
    /// Voices that must vouch.
    pub needed: usize,
    /// True when the next checkpoint can admit it: so many vouch, and who invited it is among them.
    pub enough: bool,
}

impl<N: NoiseSource> Engine<N> {
    /// Joins that wait for members to vouch for them, or for the next checkpoint.
    ///
    /// # Errors
    /// Fails when this node does not hold the federation.
    pub fn asking(&self, federation: FederationId) -> Result<Vec<Asking>, EngineError> {
        let log = self.federation(federation)?.log();
        let needed = log.vouches_needed();
        let all = log.asking().map(|one| Asking {
            member: one.member,
            name: one.join.name.clone(),
            vouchers: one.vouchers,
            voices: one.voices,
            needed,
            enough: one.enough,
        });
        Ok(all.collect())
    }

    /// Vouches for a Join that another member invited. While no checkpoint has admitted it, this node vouches again in each
    /// epoch, for so many more.
    ///
    /// # Errors
    /// Fails when this node is no member, one voice is enough here, or it vouched for the Join already.
    pub fn federation_vouch(
        &mut self,
        federation: FederationId,
        member: MemberId,
        epochs: u32,
    ) -> Result<Asking, EngineError> {
        let me = self.own_member(federation)?;
        let log = self.federation(federation)?.log();
        let Some(found) = log.asking().find(|one| one.member == member) else {
            return Err(EngineError::usage(format!(
                "no Join of {} waits here for members to vouch for it",
                member.short()
            ))
            .help("see `lore federation show`; who invited it vouches first, when it joins"));
        };
        if found.vouchers.contains(&me) {
            return Err(EngineError::usage("this node has vouched for it already")
                .help("another member has to; see `lore federation show`"));
        }
        let vouch = Vouch {
            join: DeltaId(member.0),
            key: found.join.key,
            // Not that of the Join: its inviter is who answers for it.
            invitation: InvitationId(self.entropy.bytes()?),
            uses: 1,
            expires_epoch: log.open_epoch().saturating_add(epochs),
        };
        self.publish(federation, &Outgoing::from(vouch))?;
        let now = self.asking(federation)?.into_iter().find(|one| one.member == member);
        now.ok_or_else(|| EngineError::failed("vouch", "the Join is not here any more"))
    }

    /// Vouches again, once an epoch, for those that the epoch before did not admit.
    pub(crate) fn tend_vouches(&mut self, federation: FederationId) -> Result<(), EngineError> {
        let log = self.federation(federation)?.log();
        let (epoch, several) = (log.open_epoch(), log.charter().limits.vouches.is_some());
        let Some(me) = log.member_of(&self.public_key()).filter(|_| several) else {
            return Ok(());
        };
        if self.vouched.insert(federation, epoch) == Some(epoch)
            || self.is_former_member(federation)?
        {
            return Ok(());
        }
        for vouch in self.federation(federation)?.log().unanswered_vouches(me) {
            // The quota may be used up: what is left waits for the next epoch.
            if let Err(error) = self.publish(federation, &Outgoing::from(vouch)) {
                tracing::info!(%error, "did not vouch again");
                return Ok(());
            }
        }
        Ok(())
    }
}
