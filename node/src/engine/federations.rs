//! Founding, loading and showing federations.

use lore_privacy::{Budget, Chain, CostSchedule, Outgoing, Schedule};
use lore_protocol::charter::{
    Charter, CostKind, CostTerms, EpochRule, Founder, Limits, PrivacyTerms, SignedCharter,
    Vouchers, join_header,
};
use lore_protocol::codec;
use lore_protocol::delta::{Delta, Sound, VERSION};
use lore_protocol::identity::{SecretKey, Signer};
use lore_protocol::ids::{FederationId, Hash, InvitationId, MemberId};
use lore_protocol::log::Log;
use lore_protocol::payload::{Checkpoint, Join, Mechanism, Payload, Phase, Unit};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Effect, Engine, Federation, now_seconds, random_bytes};
use crate::error::CliError;
use crate::store::{Durability, Table};

const PREFIX: &[u8] = b"federation/";
const JOINED: &[u8] = b"joined/";

/// What a founder chooses; the rest has defaults.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Terms {
    /// Name of the federation.
    pub name: String,
    /// Ceiling on epsilon per period, in millionths.
    #[serde(default = "four")]
    pub epsilon_micros: u64,
    /// Hours of an epoch; none: an epoch ends when the founder says so.
    #[serde(default)]
    pub epoch_hours: Option<u32>,
    /// Epochs in an accounting period.
    #[serde(default = "period")]
    pub epochs_per_period: u32,
    /// Epochs of a period in which lessons are released.
    #[serde(default)]
    pub lessons_at: Option<Vec<u32>>,
    /// Epochs of a period in which outcomes are released.
    #[serde(default)]
    pub outcomes_at: Option<Vec<u32>>,
    /// Epochs of a period in which votes are released.
    #[serde(default)]
    pub votes_at: Option<Vec<u32>>,
    /// Units that a member's releases may protect.
    #[serde(default)]
    pub units: Option<Vec<Unit>>,
    /// Cost releases; none: costs stay where they are.
    #[serde(default)]
    pub costs: Option<Costs>,
}

/// What a founder chooses about cost releases; the noise follows from the ceiling.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Costs {
    /// Epochs of a period in which costs are released.
    pub at: Vec<u32>,
    /// Most that one session adds to a sum, in the kind's unit.
    pub bound: u16,
    /// What is summed.
    pub kinds: Vec<CostKind>,
}

const fn four() -> u64 {
    4_000_000
}

const fn period() -> u32 {
    90
}

impl Engine {
    pub(super) fn load_federations(&mut self) -> Result<(), CliError> {
        let mut charters = Vec::new();
        for pair in self.store.scan(Table::Settings, PREFIX) {
            charters.push(pair?.1);
        }
        for bytes in charters {
            let charter: SignedCharter = codec::decode(&bytes).map_err(|error| damaged(&error))?;
            let log = Log::new(charter).map_err(|error| damaged(&error))?;
            let id = log.federation();
            let mut federation = Federation::new(log);
            for sound in self.stored_deltas(id)? {
                federation.log.ingest(sound);
            }
            federation.refresh();
            self.federations.insert(id, federation);
            self.outbox.push(Effect::Subscribe(id));
        }
        Ok(())
    }

    /// Stored deltas in causal order.
    fn stored_deltas(&self, federation: FederationId) -> Result<Vec<Sound>, CliError> {
        let mut all = Vec::new();
        for pair in self.store.scan(Table::Deltas, federation.as_bytes()) {
            let (_, bytes) = pair?;
            all.push(Delta::parse(&bytes).map_err(|error| damaged(&error))?);
        }
        all.sort_by_key(|sound| (sound.header().epoch, sound.header().depth, sound.id));
        Ok(all)
    }

    fn add_federation(&mut self, charter: SignedCharter) -> Result<FederationId, CliError> {
        let bytes = codec::encode(&charter);
        let log = Log::new(charter).map_err(|error| {
            CliError::failed("charter", error.to_string())
                .help("ask the inviter for a new invitation")
        })?;
        let id = log.federation();
        let key = [PREFIX, id.as_bytes()].concat();
        self.store.put(Table::Settings, &key, &bytes, Durability::Synced)?;
        let joined = [JOINED, id.as_bytes()].concat();
        let now = now_seconds().to_be_bytes();
        self.store.put(Table::Settings, &joined, &now, Durability::Synced)?;
        self.federations.insert(id, Federation::new(log));
        self.outbox.push(Effect::Subscribe(id));
        Ok(id)
    }

    /// Founds a federation. Gives the secret of the recovery key, which is not kept here.
    pub(super) fn federation_create(&mut self, terms: &Terms) -> Result<Value, CliError> {
        let recovery = SecretKey::from_seed(&random_bytes()?);
        let recovery_hash = recovery_hash(&recovery);
        let charter = self.charter(terms, recovery_hash)?;
        let signed = charter.sign(&self.key).map_err(|error| {
            CliError::usage(error.to_string()).kind("charter").help("choose other terms")
        })?;
        let id = self.add_federation(signed)?;
        let founder = Founder { key: self.public_key(), recovery: recovery_hash };
        let (header, payload) = charter.founder_join(id, &founder);
        self.sign_join(id, header, payload)?;
        Ok(json!({
            "federation": id,
            "name": charter.name,
            "recovery_secret": hex(&recovery.seed()),
        }))
    }

    fn sign_join(
        &mut self,
        federation: FederationId,
        header: lore_protocol::delta::Header,
        payload: Payload,
    ) -> Result<(), CliError> {
        let Payload::Join(join) = payload else {
            return Ok(());
        };
        let chain = Chain { federation, member: MemberId::ZERO };
        self.sign(chain, header, &Outgoing::from(join)).map(drop)
    }

    fn charter(&self, terms: &Terms, recovery: Hash) -> Result<Charter, CliError> {
        let lessons_at = terms.lessons_at.clone().unwrap_or_else(|| vec![1]);
        let every = (terms.epochs_per_period / 12).max(1);
        let twelve = || -> Vec<u32> {
            (0..12).map(|n| n * every).filter(|at| *at < terms.epochs_per_period).collect()
        };
        let outcomes_at = terms.outcomes_at.clone().unwrap_or_else(twelve);
        let votes_at = terms.votes_at.clone().unwrap_or_else(twelve);
        let count = |at: &[u32]| u32::try_from(at.len()).unwrap_or(u32::MAX);
        let costs = terms.costs.as_ref().filter(|costs| !costs.at.is_empty());
        if costs.is_some_and(|costs| costs.kinds.is_empty() || costs.bound == 0) {
            return Err(CliError::usage("cost releases need a kind of cost, and a bound above 0")
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
        };
        let ceiling = Budget::new(Unit::User, terms.epsilon_micros, DELTA_E18, 90)?;
        let plan = ceiling.plan(schedule)?;
        let caps = ceiling.caps();
        Ok(Charter {
            version: VERSION,
            name: terms.name.clone(),
            nonce: Hash(random_bytes()?),
            epoch: terms.epoch_hours.map_or(EpochRule::Rounds, EpochRule::Hours),
            vouchers: Vouchers::Members,
            scripts: false,
            contexts: vec!["any".into()],
            privacy: PrivacyTerms {
                rho_nano: caps.rho_nano,
                delta_e18: caps.delta_e18,
                epsilon_display: crate::output::decimal(terms.epsilon_micros),
                units: terms.units.clone().unwrap_or_else(|| vec![Unit::User, Unit::Personal]),
                epochs_per_period: terms.epochs_per_period,
                lessons_at,
                outcomes_at,
                l0: 3,
                sessions_per_item: 1,
                lessons_min_sigma_micros: least(plan.lessons),
                lessons_min_threshold: plan.lessons.map_or(1, |m| m.threshold),
                outcomes_min_sigma_micros: least(plan.outcomes),
                lessons_payload_bytes: LESSONS_BYTES,
                votes_at,
                votes_min_deviation_micros: least(plan.votes),
                releases_per_unit: None,
                costs: costs.map(|costs| CostTerms {
                    at: costs.at.clone(),
                    bound: costs.bound,
                    min_sigma_micros: least(plan.costs),
                    kinds: costs.kinds.clone(),
                }),
            },
            limits: Limits {
                members: 200,
                deltas_per_epoch: 256,
                evidence_cap: 1000,
                revokers: 2,
                promotion_margin_micros: 0,
            },
            founders: vec![Founder { key: self.public_key(), recovery }],
        })
    }

    /// Ends the epoch, as a signer.
    pub(super) fn federation_checkpoint(
        &mut self,
        federation: FederationId,
    ) -> Result<Value, CliError> {
        let me = self.own_member(federation)?;
        let found = self
            .federations
            .get_mut(&federation)
            .ok_or_else(|| super::publish::unknown(federation))?;
        if found.log.tip().signers.binary_search(&me).is_err() {
            return Err(CliError::refused(
                "not_a_signer",
                "this node does not sign checkpoints of this federation",
            )
            .help("only the founder ends an epoch"));
        }
        if found.log.is_split() {
            return Err(CliError::refused(
                "split",
                "two checkpoints of one epoch are final; signing has stopped",
            )
            .help("see `lore status`"));
        }
        found.refresh();
        let body = found.fold().propose(&found.log);
        let (epoch, covered, roster) = (body.epoch, body.frontier.len(), body.roster.len());
        let checkpoint = Checkpoint { round: 0, phase: Phase::Commit, body };
        self.publish(federation, &Outgoing::from(checkpoint))?;
        let key = [b"sealed/".as_slice(), federation.as_bytes()].concat();
        let now = now_seconds().to_be_bytes();
        self.store.put(Table::Settings, &key, &now, Durability::Buffered)?;
        self.settle()?;
        Ok(
            json!({ "federation": federation, "epoch": epoch, "chains": covered, "members": roster }),
        )
    }

    /// Whether a signer's clock says that the epoch is over.
    pub(super) fn checkpoint_is_due(&self, federation: FederationId) -> Result<bool, CliError> {
        let log = self.log(federation)?;
        let EpochRule::Hours(hours) = log.charter().epoch else {
            return Ok(false);
        };
        let Some(me) = log.member_of(&self.public_key()) else {
            return Ok(false);
        };
        if log.tip().signers.binary_search(&me).is_err() || log.is_split() {
            return Ok(false);
        }
        let last = [b"sealed/".as_slice(), JOINED]
            .iter()
            .find_map(|prefix| self.time_setting(&[prefix, &federation.as_bytes()[..]].concat()))
            .unwrap_or(0);
        Ok(now_seconds() >= last + u64::from(hours) * 3600)
    }

    /// When the open epoch began by a signer's own clock, in seconds since the Unix epoch; none elsewhere.
    pub(super) fn epoch_opened_seconds(&self, federation: FederationId) -> Option<u64> {
        self.time_setting(&[b"sealed/".as_slice(), federation.as_bytes()].concat())
    }

    /// When this node came to a federation, in seconds since the Unix epoch.
    pub(super) fn joined_seconds(&self, federation: FederationId) -> u64 {
        self.time_setting(&[JOINED, federation.as_bytes()].concat()).unwrap_or(0)
    }

    pub(super) fn time_setting(&self, key: &[u8]) -> Option<u64> {
        let bytes = self.store.get(Table::Settings, key).ok()??;
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    }

    /// The Join of this node for an invitation, signed once and kept.
    pub fn prepare_join(
        &mut self,
        charter: SignedCharter,
        invitation: InvitationId,
        name: &str,
    ) -> Result<(Delta, String), CliError> {
        let recovery = SecretKey::from_seed(&random_bytes()?);
        let federation = self.add_federation(charter)?;
        let join = Join {
            key: self.public_key(),
            recovery: recovery_hash(&recovery),
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
    pub fn own_join(&self, federation: FederationId) -> Option<Delta> {
        let committed =
            self.ledger.committed(Chain { federation, member: MemberId::ZERO }, 0).ok()?;
        Delta::parse(committed.bytes()).ok().map(|sound| sound.delta)
    }
}

const DELTA_E18: u64 = 1_000_000_000_000;
/// Fixed size of a lesson release: below what gossip pushes whole.
const LESSONS_BYTES: u32 = 14 << 10;

/// The least noise of a charter: a thousandth below what a user's budget at the ceiling buys, because
/// for another unit the same shares are rounded elsewhere.
fn least(mechanism: Option<Mechanism>) -> u64 {
    mechanism.map_or(1, |m| (m.deviation_micros() - m.deviation_micros() / 1_000).max(1))
}

fn recovery_hash(recovery: &SecretKey) -> Hash {
    Hash::derive("commonlore/recovery/v1", &[recovery.public_key().as_bytes()])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn damaged(error: &dyn std::fmt::Display) -> CliError {
    CliError::failed(
        "damaged",
        format!("the store holds something that this program did not write: {error}"),
    )
    .help("run `lore doctor`; a node can also join again and fetch everything from its peers")
}
