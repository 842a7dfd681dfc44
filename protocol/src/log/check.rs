//! Validity of a delta against its causal ancestors.

use super::waiting::{Missing, Proof};
use super::{Entry, Log, Sealed, Totals};
use crate::charter::Vouchers;
use crate::delta::{Header, Sound, Spend};
use crate::ids::{FederationId, Hash, MemberId, PublicKey};
use crate::lesson::LessonKey;
use crate::payload::{
    FileEntry, LessonEntry, Mechanism, Noise, Origin, Payload, PayloadKind, Unit, WEIGHT, Window,
};

/// Why a delta is invalid for this federation. Never punishes who relayed it: only the author, or
/// nobody, is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It belongs to another federation.
    #[error("it belongs to federation {0:?}")]
    Foreign(FederationId),
    /// The signature is not the author's.
    #[error("its signature is not the author's")]
    Forged,
    /// The author is not a member at the anchor.
    #[error("its author is not a member; ask a member for an invitation")]
    NotMember,
    /// A header field contradicts an ancestor.
    #[error("its header contradicts its ancestors: {0}")]
    Header(&'static str),
    /// The author may not do this.
    #[error("the charter does not allow it: {0}")]
    Charter(&'static str),
    /// The spend is false or over the ceiling.
    #[error("its privacy spend is not valid: {0}")]
    Spend(&'static str),
    /// The author's chain forked at or below this height, and nothing that counts rests on it.
    #[error("the author's chain has two deltas at one height; what follows is excluded")]
    Forked,
    /// Two checkpoints of one epoch are final.
    #[error("an epoch was sealed twice; nothing is signed until the founder settles it")]
    Split,
    /// Too much waits already; it will be fetched again.
    #[error("too many deltas wait for their ancestors")]
    TooManyWaiting,
}

const MISPLACED: Fault = Fault::Header("prev is not the delta before it");
/// A Join stands on Vouches, which are not its ancestors: one whose only Vouch a fork excludes is here
/// or not by chance, and nothing that counts may rest on chance.
const RESTS_ON_JOIN: Fault = Fault::Header("a Join cannot be a dep");

pub(super) enum Hold {
    Wait(Vec<Missing>, Proof),
    Refuse(Fault),
}

/// Prev, anchor and key that a delta rests on.
struct Ancestors<'a> {
    prev: &'a Entry,
    anchor: &'a Sealed,
    key: PublicKey,
}

impl From<Fault> for Hold {
    fn from(fault: Fault) -> Self {
        Self::Refuse(fault)
    }
}

impl Log {
    /// Checks a sound delta; gives the key that its chain has with it, and what the chain holds.
    pub(super) fn check(&self, sound: &Sound) -> Result<(PublicKey, Totals), Hold> {
        let header = sound.header();
        if header.federation != self.federation {
            return Err(Fault::Foreign(header.federation).into());
        }
        if let Payload::Join(join) = &sound.payload {
            let founder = self.founders.iter().any(|(id, _)| *id == MemberId::from(sound.id));
            if !sound.signed_by(&join.key) {
                return Err(Fault::Forged.into());
            }
            if header.spend != Spend::default() {
                return Err(Fault::Spend("a Join spends nothing").into());
            }
            return if founder || self.index.vouches_for(sound.id, &join.key) {
                Ok((join.key, Totals::default()))
            } else {
                Err(Hold::Wait(vec![Missing::Vouch(sound.id)], Proof::Unknown))
            };
        }
        if self.is_excluded(sound) && !self.is_needed(sound) {
            return Err(Fault::Forked.into());
        }
        let Ancestors { prev, anchor, key } = self.ancestors(sound)?;
        check_place(header, prev, anchor)?;
        self.check_spend(header, prev, &sound.payload)?;
        let totals = self.check_quota(sound, prev, anchor)?;
        self.check_payload(sound, prev, anchor)?;
        if !sound.signed_by(&key) {
            return Err(Fault::Forged.into());
        }
        self.check_deps(header, prev)?;
        Ok((key, totals))
    }

    /// Finds prev, anchor and key. What has to wait is checked as far as it can be, so that nobody fills
    /// another author's place among the waiting: a delta that no key of its author known here has signed may be
    /// after a new key that is still to come, and waits among those of strangers.
    fn ancestors(&self, sound: &Sound) -> Result<Ancestors<'_>, Hold> {
        let header = sound.header();
        let prev_id = header.prev.ok_or(Fault::Header("a prev is missing"))?;
        let anchor = self.anchor(header.anchor);
        if anchor.is_some_and(|anchor| !anchor.roster.contains_key(&header.author)) {
            return Err(Fault::NotMember.into());
        }
        let prev = self.get(&prev_id);
        if prev.is_some_and(|prev| prev.chain != header.author) {
            return Err(MISPLACED.into());
        }
        let key = match &sound.payload {
            Payload::RotateKey(rotation) => self.key_by_recovery(header, rotation)?,
            _ => prev.map(|prev| prev.key),
        };
        let missing = match (prev, anchor, key) {
            (Some(prev), Some(anchor), Some(key)) => return Ok(Ancestors { prev, anchor, key }),
            (None, ..) => Missing::Delta(prev_id),
            _ => Missing::Checkpoint(header.anchor),
        };
        let proof = match key {
            Some(key) if !sound.signed_by(&key) => return Err(Fault::Forged.into()),
            Some(_) => Proof::Signed,
            None if self.keys_of(header.author).any(|key| sound.signed_by(&key)) => Proof::Signed,
            None => Proof::Unknown,
        };
        Err(Hold::Wait(vec![missing], proof))
    }

    /// Deps come last: what waits for them is valid in every other way, so that nobody can make this
    /// log fetch more for an author than the author's quota allows.
    fn check_deps(&self, header: &Header, prev: &Entry) -> Result<(), Hold> {
        let before = prev.header();
        let (mut deepest, mut latest) = (before.depth, before.epoch);
        let mut missing = Vec::new();
        for id in &header.deps {
            if let Some(dep) = self.entries.get(id).map(|entry| entry.header()) {
                if dep.payload_kind == PayloadKind::Join {
                    return Err(RESTS_ON_JOIN.into());
                }
                (deepest, latest) = (deepest.max(dep.depth), latest.max(dep.epoch));
            } else if self.waiting.is_join(id) {
                return Err(RESTS_ON_JOIN.into());
            } else {
                missing.push(Missing::Delta(*id));
            }
        }
        if header.epoch < latest {
            return Err(Fault::Header("it rests on a delta of a later epoch").into());
        }
        if !missing.is_empty() {
            return Err(Hold::Wait(missing, Proof::Signed));
        }
        if header.depth != deepest + 1 {
            return Err(Fault::Header("its depth does not follow its ancestors").into());
        }
        Ok(())
    }

    fn check_spend(&self, header: &Header, prev: &Entry, payload: &Payload) -> Result<(), Fault> {
        let period = self.charter.period(header.epoch);
        if header.spend.period != period {
            return Err(Fault::Spend("it names another period"));
        }
        let before = prev.header().spend;
        let before = if before.period == period { before } else { Spend::default() };
        let (rho_nano, delta_e18) = payload
            .mechanism()
            .map_or((0, 0), |mechanism| (mechanism.rho_nano, mechanism.delta_e18));
        let rho = before.rho_nano.checked_add(rho_nano);
        let delta = before.delta_e18.checked_add(delta_e18);
        let covers = rho.is_some_and(|rho| header.spend.rho_nano >= rho)
            && delta.is_some_and(|delta| header.spend.delta_e18 >= delta);
        if !covers {
            return Err(Fault::Spend("it does not add this release to what was spent before"));
        }
        let terms = &self.charter.privacy;
        if header.spend.rho_nano > terms.rho_nano || header.spend.delta_e18 > terms.delta_e18 {
            return Err(Fault::Spend("it is over the charter's ceiling"));
        }
        Ok(())
    }

    fn check_payload(&self, sound: &Sound, prev: &Entry, anchor: &Sealed) -> Result<(), Fault> {
        let header = sound.header();
        let privacy = &self.charter.privacy;
        match &sound.payload {
            Payload::Vouch(_) => {
                if self.charter.vouchers == Vouchers::Founders && !self.is_founder(header) {
                    return Err(Fault::Charter("only founders admit members"));
                }
            }
            Payload::Checkpoint(checkpoint) => {
                let body = &checkpoint.body;
                if body.parent != header.anchor || body.epoch != header.epoch {
                    return Err(Fault::Header("a checkpoint is anchored at its parent"));
                }
                if anchor.signers.binary_search(&header.author).is_err() {
                    return Err(Fault::Charter("its author does not sign checkpoints"));
                }
            }
            Payload::Signers(_) => {
                if anchor.signers.binary_search(&header.author).is_err() {
                    return Err(Fault::Charter("its author does not sign checkpoints"));
                }
            }
            Payload::Lessons(lessons) => {
                if let Origin::Mechanism(mechanism) = &lessons.origin {
                    let bounds = Bounds::shared(privacy.keys_per_unit, false);
                    self.check_mechanism(mechanism, privacy.lessons_min_sigma_micros, bounds)?;
                    self.check_schedule(header, prev, &privacy.lessons_at, lessons.window)?;
                    if mechanism.unit == Unit::Personal {
                        return Err(Fault::Charter("a personal node releases no lessons"));
                    }
                    if mechanism.threshold < privacy.lessons_min_threshold {
                        return Err(Fault::Charter("the threshold is below the charter's"));
                    }
                    let topic = |one: &LessonEntry| matches!(one.key, LessonKey::Topic { .. });
                    if privacy.topic_words == 0 && lessons.entries.iter().any(topic) {
                        return Err(Fault::Charter(
                            "this federation's releases have no topic words",
                        ));
                    }
                    if mechanism.delta_e18 == 0 {
                        return Err(Fault::Spend("a threshold costs delta"));
                    }
                    if header.payload_len != privacy.lessons_payload_bytes {
                        return Err(Fault::Charter(
                            "a lesson release has the charter's fixed size",
                        ));
                    }
                }
            }
            Payload::Outcomes(outcomes) => {
                let bounds = Bounds::cells(privacy.l0, privacy.sessions_per_item);
                let least = privacy.outcomes_min_sigma_micros;
                self.check_mechanism(&outcomes.mechanism, least, bounds)?;
                self.check_schedule(header, prev, &privacy.outcomes_at, Some(outcomes.window))?;
                check_items(outcomes.items_root, anchor)?;
                self.check_contexts(outcomes.cells.iter().map(|cell| cell.context))?;
            }
            Payload::Votes(votes) => {
                if privacy.votes_at.is_empty() {
                    return Err(Fault::Charter("this federation's schedule has no votes"));
                }
                let least = privacy.votes_min_deviation_micros;
                let bounds = Bounds::shared(privacy.keys_per_unit, true);
                self.check_mechanism(&votes.mechanism, least, bounds)?;
                self.check_schedule(header, prev, &privacy.votes_at, Some(votes.window))?;
                check_items(votes.items_root, anchor)?;
            }
            Payload::Costs(costs) => {
                let Some(terms) = &privacy.costs else {
                    return Err(Fault::Charter("this federation's schedule has no costs"));
                };
                let kinds = u16::try_from(terms.kinds.len()).unwrap_or(u16::MAX);
                let bounds = Bounds::cells(
                    privacy.l0.saturating_mul(kinds),
                    privacy.sessions_per_item.saturating_mul(terms.bound),
                );
                self.check_mechanism(&costs.mechanism, terms.min_sigma_micros, bounds)?;
                self.check_schedule(header, prev, &terms.at, Some(costs.window))?;
                check_items(costs.items_root, anchor)?;
                self.check_contexts(costs.cells.iter().map(|cell| cell.context))?;
                if costs.cells.iter().any(|cell| cell.sums.len() != terms.kinds.len()) {
                    return Err(Fault::Charter("it sums other kinds of cost than the charter's"));
                }
            }
            Payload::Codebook(codebook) => {
                if self.charter.codebook != Some(codebook.hash()) {
                    return Err(Fault::Charter("it is not the codebook that the charter names"));
                }
            }
            Payload::Join(_)
            | Payload::Leave(_)
            | Payload::Revoke(_)
            | Payload::RotateKey(_)
            | Payload::Void(_) => {}
            Payload::Revision(revision) => {
                let script = |file: &FileEntry| {
                    file.executable || file.path.split('/').next() == Some("scripts")
                };
                if !self.charter.scripts && revision.files.iter().any(script) {
                    return Err(Fault::Charter("skills with scripts do not spread here"));
                }
            }
        }
        Ok(())
    }

    /// Unit, bounds, noise and declared cost: [`Mechanism::least_rho_nano`] is the least cost.
    fn check_mechanism(
        &self,
        mechanism: &Mechanism,
        least_deviation_micros: u64,
        bounds: Bounds,
    ) -> Result<(), Fault> {
        let terms = &self.charter.privacy;
        if !terms.units.contains(&mechanism.unit) {
            return Err(Fault::Charter("it protects a unit that the charter does not allow"));
        }
        let law = mechanism.noise == Noise::Gaussian || bounds.laplace;
        if !law || mechanism.deviation_micros() < least_deviation_micros {
            return Err(Fault::Charter("its noise is below the charter's"));
        }
        let changed = mechanism.unit.cells_changed();
        if !mechanism.l0.is_multiple_of(changed) {
            return Err(Fault::Charter("replacing a unit changes an even number of cells"));
        }
        let l2_square = bounds.l2_square.saturating_mul(u64::from(changed));
        let shared = mechanism.l2_square > l2_square;
        if mechanism.l0 / changed > bounds.l0 || mechanism.linf > bounds.linf || shared {
            return Err(Fault::Charter("its contribution bounds are above the charter's"));
        }
        if u128::from(mechanism.rho_nano) < mechanism.least_rho_nano() {
            return Err(Fault::Spend("its cost does not fit its mechanism"));
        }
        Ok(())
    }

    fn check_contexts(&self, mut contexts: impl Iterator<Item = u16>) -> Result<(), Fault> {
        let known = self.charter.contexts.len();
        if contexts.any(|context| usize::from(context) >= known) {
            return Err(Fault::Charter("it names a context that the charter does not have"));
        }
        Ok(())
    }

    /// A release is made in its epoch of the period or later, at most one of a kind in an epoch, and no
    /// more of them in a period than have become due in it: a member that joined late or was away catches up.
    fn check_schedule(
        &self,
        header: &Header,
        prev: &Entry,
        at: &[u32],
        window: Option<Window>,
    ) -> Result<(), Fault> {
        let offset = header.epoch % self.charter.privacy.epochs_per_period;
        let due = at.iter().filter(|at| **at <= offset).count();
        let period = self.charter.period(header.epoch);
        let earlier = self
            .chain_before(prev)
            .take_while(|entry| self.charter.period(entry.header().epoch) == period)
            .filter(|entry| {
                entry.header().payload_kind == header.payload_kind && entry.is_released()
            });
        let mut made = 0;
        for entry in earlier {
            if entry.header().epoch == header.epoch {
                return Err(Fault::Charter("a release of this kind was made in this epoch"));
            }
            made += 1;
        }
        if made >= due {
            return Err(Fault::Charter("no release of this kind is due in this epoch"));
        }
        self.check_window(window)
    }

    /// A release's window ends on the charter's grid and is long enough.
    fn check_window(&self, window: Option<Window>) -> Result<(), Fault> {
        let terms = &self.charter.privacy.windows;
        let fits = window.is_some_and(|window| {
            let length = window.end_seconds.saturating_sub(window.start_seconds);
            window.end_seconds.is_multiple_of(u64::from(terms.grid_seconds))
                && length >= u64::from(terms.least_seconds)
        });
        if fits { Ok(()) } else { Err(Fault::Charter("its window does not fit the charter's")) }
    }

    /// A delta and its author's deltas before it, newest first.
    fn chain_before<'a>(&'a self, prev: &'a Entry) -> impl Iterator<Item = &'a Entry> {
        let before = |entry: &&'a Entry| entry.header().prev.and_then(|id| self.get(&id));
        std::iter::successors(Some(prev), before)
    }

    /// Returns true when a fork or a new key excludes this delta: it is not counted unless a checkpoint covers
    /// it. Two at the forked height are proof. A signer's branches are kept whole, since checkpoints may be on
    /// them; starting again, everything here was kept for a reason.
    fn is_excluded(&self, sound: &Sound) -> bool {
        let header = sound.header();
        let Some(chain) = self.chains.get(&header.author) else {
            return false;
        };
        if let Payload::RotateKey(_) = &sound.payload {
            // What ends a fork stands beside it; two of them are a fork again.
            return self.rotations_at(header.author, header.seq) > 1 && !self.rebuilding;
        }
        let excluded = chain.fork().is_some_and(|fork| {
            header.seq > fork || (header.seq == fork && chain.at(fork).count() > 1)
        });
        if self.rebuilding {
            return false;
        }
        if self.is_void(header) {
            // A thief could write on with the old key without end.
            let seals = match &sound.payload {
                Payload::Checkpoint(one) => self.may_seal(header.author, sound.id, one.body.id()),
                _ => false,
            };
            return !(seals && self.is_signer(header.author));
        }
        excluded && !self.is_signer(header.author)
    }

    pub(super) fn is_signer(&self, author: MemberId) -> bool {
        self.sealed.iter().any(|sealed| sealed.signers.binary_search(&author).is_ok())
    }
}

fn check_place(header: &Header, prev: &Entry, anchor: &Sealed) -> Result<(), Fault> {
    let before = prev.header();
    if before.seq + 1 != header.seq {
        return Err(MISPLACED);
    }
    if header.epoch != anchor.epoch() + 1 || header.epoch < before.epoch {
        return Err(Fault::Header("its epoch does not follow its anchor"));
    }
    Ok(())
}

/// Bounds on what one unit fills: cells or keys, how much of each, and the sum of the squares.
#[derive(Clone, Copy)]
struct Bounds {
    l0: u16,
    linf: u16,
    l2_square: u64,
    /// True when discrete Laplace noise is an answer here.
    laplace: bool,
}

impl Bounds {
    /// Keys that share one weight.
    fn shared(l0: u16, laplace: bool) -> Self {
        let weight = u64::from(WEIGHT);
        Self { l0, linf: WEIGHT, l2_square: weight * weight, laplace }
    }

    /// Cells with a bound each.
    fn cells(l0: u16, linf: u16) -> Self {
        let l2_square = u64::from(l0) * u64::from(linf) * u64::from(linf);
        Self { l0, linf, l2_square, laplace: false }
    }
}

/// A release lists the items of the state that its anchor names.
fn check_items(root: Hash, anchor: &Sealed) -> Result<(), Fault> {
    if root != anchor.body.state_root {
        return Err(Fault::Header("it counts items of another state"));
    }
    Ok(())
}

impl PayloadKind {
    /// Returns true when deltas of this kind belong to membership and epochs rather than to the library.
    #[must_use]
    pub const fn is_control(self) -> bool {
        !matches!(self, Self::Outcomes | Self::Votes | Self::Lessons | Self::Revision | Self::Costs)
    }
}
