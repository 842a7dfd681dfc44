//! What an author signs next: the header of its next delta, and what it has spent.

use super::{Fault, Log};
use crate::delta::{Header, Spend, VERSION};
use crate::ids::{Hash, MemberId};
use crate::payload::PayloadKind;

impl Log {
    /// Header of the next delta of `author`, payload fields still empty.
    ///
    /// # Errors
    /// Fails when the author is no member at the last sealed epoch, its chain has forked, or an epoch was
    /// sealed twice: what is signed on one side of a split could not follow on the other.
    pub fn draft(&self, author: MemberId, spend: Spend) -> Result<Header, Fault> {
        if self.is_split() {
            return Err(Fault::Split);
        }
        self.draft_anyway(author, spend)
    }

    /// Header of a delta that ends a split: a signer's checkpoint, which alone is signed while there is one.
    ///
    /// # Errors
    /// Fails when the author is no member at the last sealed epoch, or its chain has forked.
    pub fn draft_anyway(&self, author: MemberId, spend: Spend) -> Result<Header, Fault> {
        if self.is_forked(author) {
            return Err(Fault::Forked);
        }
        self.header_after_head(author, spend)
    }

    fn header_after_head(&self, author: MemberId, spend: Spend) -> Result<Header, Fault> {
        if !self.tip().roster.contains_key(&author) {
            return Err(Fault::NotMember);
        }
        let (seq, prev) = self.head(author).ok_or(Fault::NotMember)?;
        let depth = self.entries.get(&prev).map_or(0, |entry| entry.header().depth);
        Ok(Header {
            version: VERSION,
            federation: self.federation,
            author,
            seq: seq + 1,
            prev: Some(prev),
            anchor: self.tip().id,
            deps: Vec::new(),
            depth: depth + 1,
            epoch: self.open_epoch(),
            spend,
            payload_kind: PayloadKind::Void,
            payload_len: 0,
            payload_hash: Hash::ZERO,
        })
    }

    /// Header of the RotateKey of a member, payload fields still empty: after the newest delta of it that counts,
    /// whatever the old key has done since. The spend is the most that any delta of the member claims in this
    /// period: what was released, was.
    ///
    /// # Errors
    /// Fails when the member is not on the roster of the last sealed epoch.
    pub fn draft_rotation(&self, member: MemberId) -> Result<Header, Fault> {
        let mut spend = self.spend(member);
        let own = self.entries.values().filter(|entry| entry.chain == member);
        for seen in own.map(|entry| entry.header().spend) {
            if seen.period == spend.period {
                spend.rho_nano = spend.rho_nano.max(seen.rho_nano);
                spend.delta_e18 = spend.delta_e18.max(seen.delta_e18);
            }
        }
        self.header_after_head(member, spend)
    }

    /// Spend of a member up to its newest delta, brought to the open epoch's period.
    #[must_use]
    pub fn spend(&self, author: MemberId) -> Spend {
        let period = self.charter.period(self.open_epoch());
        let last = self
            .head(author)
            .and_then(|(_, id)| self.entries.get(&id))
            .map_or_else(Spend::default, |entry| entry.header().spend);
        if last.period == period { last } else { Spend { period, ..Spend::default() } }
    }
}
