//! Founding a federation, and signing the Join of one.

use lore_privacy::preset::KEYS_PER_UNIT;
use lore_privacy::{Budget, Chain, Control, CostSchedule, NoiseSource, Outgoing, Schedule};
use lore_protocol::charter::{
    Charter, CostKind, CostTerms, EpochRule, Founder, Limits, PrivacyTerms, SignedCharter,
    Vouchers, WindowTerms, join_header,
};
use lore_protocol::delta::{Delta, Header, VERSION};
use lore_protocol::identity::{SecretKey, Signer, recovery_hash};
use lore_protocol::ids::{FederationId, Hash, InvitationId, MemberId};
use lore_protocol::payload::{Codebook, Join, Mechanism, Payload, Unit};

use crate::{Engine, EngineError, damaged};

/// Epoch of a period in which lessons are released by default.
const LESSONS_AT: u32 = 6;

/// Terms that a founder chooses; the rest has defaults.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Name of the federation.
    pub name: String,
    /// Ceiling on epsilon per period, in millionths.
    pub epsilon_micros: u64,
    /// Hours of an epoch; none: an epoch ends when the founder says so.
    pub epoch_hours: Option<u32>,
    /// Epochs in an accounting period.
    pub epochs_per_period: u32,
    /// Epochs of a period in which lessons are released.
    pub lessons_at: Option<Vec<u32>>,
    /// Epochs of a period in which outcomes are released.
    pub outcomes_at: Option<Vec<u32>>,
    /// Epochs of a period in which votes are released.
    pub votes_at: Option<Vec<u32>>,
    /// Topic words of its task that a lesson brings into a release, 0 to 2.
    pub topic_words: u16,
    /// Windows of time that releases draw on, and when they are sent.
    pub windows: WindowTerms,
    /// Units that a member's releases may protect.
    pub units: Option<Vec<Unit>>,
    /// Cost releases; none: costs stay where they are.
    pub costs: Option<Costs>,
    /// Most members on the roster, 1 to 400; none: 200.
    pub members: Option<u32>,
    /// Voices that must vouch for a newcomer, 2 to 8; none: the inviter's is enough.
    pub vouches: Option<u32>,
    /// Public lessons that are on the ballot from the start; none: the ballot begins empty.
    pub codebook: Option<Codebook>,
    /// True when skills with scripts may spread.
    pub scripts: bool,
}

impl Terms {
    /// Delta of a ceiling on a period, in 1e-18: a millionth.
    pub const DELTA_E18: u64 = DELTA_E18;
    /// Fixed size of a lesson release, in bytes: below what gossip pushes whole.
    pub const LESSONS_BYTES: u32 = 14 << 10;
    /// Limits of a new federation. Of these a founder chooses the members alone.
    pub const LIMITS: Limits = Limits {
        members: 200,
        members_per_voice: 16,
        deltas_per_epoch: 256,
        lessons_per_epoch: 1_024,
        evidence_cap: 1_000,
        revokers: 2,
        vouches: None,
        promotion_margin_micros: 0,
    };
}

/// Cost releases as a founder chooses them; the noise follows from the ceiling.
#[derive(Debug, Clone)]
pub struct Costs {
    /// Epochs of a period in which costs are released.
    pub at: Vec<u32>,
    /// Most that one session adds to a sum, in the kind's unit.
    pub bound: u16,
    /// Costs that are summed.
    pub kinds: Vec<CostKind>,
}

/// A federation that was founded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub federation: FederationId,
    /// Its name.
    pub name: String,
    /// Secret of the founder's recovery key, in hex; kept nowhere.
    pub recovery_secret: String,
}

impl<N: NoiseSource> Engine<N> {
    /// Founds a federation. Gives the secret of the recovery key, which is not kept here.
    ///
    /// # Errors
    /// Fails when the terms do not hold together, or the store fails.
    pub fn federation_create(&mut self, terms: &Terms) -> Result<Created, EngineError> {
        if self.federations.values().any(|found| found.log().charter().name == terms.name) {
            return Err(EngineError::usage(format!(
                "this node is in a federation named `{}` already",
                terms.name
            ))
            .help("choose another name: a name is how you tell your federations apart"));
        }
        let recovery = SecretKey::from_seed(&self.entropy.bytes()?);
        let recovery_hash = recovery_hash(&recovery.public_key());
        let charter = self.charter(terms, recovery_hash)?;
        let signed = charter.sign(&self.key).map_err(|error| {
            EngineError::usage(error.to_string()).kind("charter").help("choose other terms")
        })?;
        let id = self.add_federation(signed)?;
        let founder = Founder { key: self.public_key(), recovery: recovery_hash };
        let (header, payload) = charter.founder_join(id, &founder);
        self.sign_join(id, header, payload)?;
        if let Some(codebook) =
            terms.codebook.clone().and_then(|one| Control::codebook(one, &charter))
        {
            self.publish(id, &Outgoing::from(codebook))?;
        }
        Ok(Created { federation: id, name: charter.name, recovery_secret: hex(&recovery.seed()) })
    }

    fn sign_join(
        &mut self,
        federation: FederationId,
        header: Header,
        payload: Payload,
    ) -> Result<(), EngineError> {
        let Payload::Join(join) = payload else {
            return Ok(());
        };
        let chain = Chain { federation, member: MemberId::ZERO };
        self.sign(chain, header, &Outgoing::from(join)).map(drop)
    }

    fn charter(&self, terms: &Terms, recovery: Hash) -> Result<Charter, EngineError> {
        // In the first week: a member that joins later releases once a window had time to fill.
        let first = LESSONS_AT.min(terms.epochs_per_period.saturating_sub(1));
        let lessons_at = terms.lessons_at.clone().unwrap_or_else(|| vec![first]);
        let every = (terms.epochs_per_period / 12).max(1);
        let twelve = || -> Vec<u32> {
            (0..12).map(|n| n * every).filter(|at| *at < terms.epochs_per_period).collect()
        };
        let outcomes_at = terms.outcomes_at.clone().unwrap_or_else(twelve);
        // As rare as lessons: a unit's votes of a period then share one weight and meet the least noise.
        let votes_at = terms.votes_at.clone().unwrap_or_else(|| vec![first]);
        let count = |at: &[u32]| u32::try_from(at.len()).unwrap_or(u32::MAX);
        let costs = terms.costs.as_ref().filter(|costs| !costs.at.is_empty());
        if costs.is_some_and(|costs| costs.kinds.is_empty() || costs.bound == 0) {
            return Err(EngineError::usage(
                "cost releases need a kind of cost, and a bound above 0",
            )
            .help("such as `--costs-at 3 --costs tokens/1000 --costs-bound 100`"));
        }
        let schedule = Schedule {
            lessons: count(&lessons_at),
            outcomes: count(&outcomes_at),
            votes: count(&votes_at),
            costs: costs.map(|costs| CostSchedule {
                releases: count(&costs.at),
                kinds: u16::try_from(costs.kinds.len()).unwrap_or(u16::MAX),
                bound: costs.bound,
            }),
            keys_per_unit: KEYS_PER_UNIT,
        };
        let ceiling = Budget::new(Unit::User, terms.epsilon_micros, DELTA_E18, 90)?;
        let plan = ceiling.plan(schedule)?;
        let caps = ceiling.caps();
        Ok(Charter {
            version: VERSION,
            name: terms.name.clone(),
            nonce: Hash(self.entropy.bytes()?),
            epoch: terms.epoch_hours.map_or(EpochRule::Rounds, EpochRule::Hours),
            vouchers: Vouchers::Members,
            scripts: terms.scripts,
            contexts: vec!["any".into()],
            codebook: terms.codebook.as_ref().map(Codebook::hash),
            privacy: PrivacyTerms {
                rho_nano: caps.rho_nano,
                delta_e18: caps.delta_e18,
                units: terms.units.clone().unwrap_or_else(|| vec![Unit::User, Unit::Personal]),
                epochs_per_period: terms.epochs_per_period,
                lessons_at,
                outcomes_at,
                l0: 3,
                sessions_per_item: 1,
                keys_per_unit: KEYS_PER_UNIT,
                topic_words: terms.topic_words,
                lessons_min_sigma_micros: least(plan.lessons),
                lessons_min_threshold: plan.lessons.map_or(1, |m| m.threshold),
                outcomes_min_sigma_micros: least(plan.outcomes),
                lessons_payload_bytes: Terms::LESSONS_BYTES,
                votes_at,
                votes_min_deviation_micros: least(plan.votes),
                releases_per_unit: None,
                windows: terms.windows,
                costs: costs.map(|costs| CostTerms {
                    at: costs.at.clone(),
                    bound: costs.bound,
                    min_sigma_micros: least(plan.costs),
                    kinds: costs.kinds.clone(),
                }),
            },
            limits: Limits {
                members: terms.members.unwrap_or(Terms::LIMITS.members),
                vouches: terms.vouches,
                ..Terms::LIMITS
            },
            founders: vec![Founder { key: self.public_key(), recovery }],
        })
    }

    /// The Join of this node for an invitation, signed once and kept.
    ///
    /// # Errors
    /// Fails when the charter does not hold or the store fails.
    pub fn prepare_join(
        &mut self,
        charter: SignedCharter,
        invitation: InvitationId,
        name: &str,
    ) -> Result<(Delta, String), EngineError> {
        let recovery = SecretKey::from_seed(&self.entropy.bytes()?);
        let federation = self.add_federation(charter)?;
        let join = Join {
            key: self.public_key(),
            recovery: recovery_hash(&recovery.public_key()),
            invitation: Some(invitation),
            name: name.chars().filter(|c| !c.is_control()).take(32).collect(),
        };
        let (header, payload) = join_header(federation, join);
        self.sign_join(federation, header, payload)?;
        let chain = Chain { federation, member: MemberId::ZERO };
        let committed = self.ledger.committed(chain, 0)?;
        let delta = Delta::parse(committed.bytes()).map_err(|error| damaged(&error))?.delta;
        Ok((delta, hex(&recovery.seed())))
    }

    /// The Join that this node signed for a federation before, to be sent again.
    pub(crate) fn own_join(&self, federation: FederationId) -> Option<Delta> {
        let committed =
            self.ledger.committed(Chain { federation, member: MemberId::ZERO }, 0).ok()?;
        Delta::parse(committed.bytes()).ok().map(|sound| sound.delta)
    }
}

/// Delta of a ceiling, in 1e-18.
pub(crate) const DELTA_E18: u64 = 1_000_000_000_000;

/// The least noise of a charter: a thousandth below what a user's budget at the ceiling buys, because
/// for another unit the same shares are rounded elsewhere.
fn least(mechanism: Option<Mechanism>) -> u64 {
    mechanism.map_or(1, |m| (m.deviation_micros() - m.deviation_micros() / 1_000).max(1))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Millionths as a decimal number, exactly: 4 000 000 is `4`, 100 000 is `0.1`.
pub(crate) fn decimal(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
