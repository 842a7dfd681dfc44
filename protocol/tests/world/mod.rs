//! A federation written by hand: real keys, real deltas, one log that has seen everything.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::expect_used)]

use lore_protocol::charter::{
    Charter, CostKind, CostTerms, EpochRule, Founder, Limits, Measure, PrivacyTerms, Vouchers,
    WindowTerms, join_header,
};
use lore_protocol::delta::{Delta, Header, Sound, Spend, VERSION};
use lore_protocol::identity::{SecretKey, Signer, recovery_hash};
use lore_protocol::ids::{DeltaId, Hash, InvitationId, MemberId};
use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger};
use lore_protocol::library::{Fold, Library};
use lore_protocol::log::{Fault, Ingest, Log};
use lore_protocol::payload::{
    Cell, Checkpoint, CostCell, Costs, ItemId, Join, LessonEntry, Lessons, Mechanism, Noise,
    Origin, Outcomes, Payload, Phase, Revoke, RevokeTarget, Unit, Void, VoteEntry, Votes, Vouch,
    WEIGHT, Window,
};
use lore_protocol::sync::{self, Done, Round, Step};

pub const SIGMA_MICROS: u64 = 4_000_000;
/// 3 / (2 * 4^2), in 1e-9.
pub const RHO_NANO: u64 = 93_750_000;

/// 1 / (2 * 4^2), in 1e-9.
pub const VOTE_RHO_NANO: u64 = 31_250_000;
pub const COST_SIGMA_MICROS: u64 = 100_000_000;
/// 3 * 7^2 / (2 * 100^2), in 1e-9.
pub const COST_RHO_NANO: u64 = 7_350_000;

pub fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}

/// The recovery key of member `n`.
pub fn recovery_key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[[n; 16], [255; 16]].concat().try_into().unwrap())
}

/// Noise of a sigma of four whole units on keys that share a unit's weight.
pub fn shared(rho_nano: u64) -> Mechanism {
    Mechanism {
        unit: Unit::User,
        noise: Noise::Gaussian,
        scale_micros: SIGMA_MICROS * u64::from(WEIGHT),
        l0: 4,
        linf: WEIGHT,
        l2_square: u64::from(WEIGHT).pow(2),
        threshold: 0,
        rho_nano,
        delta_e18: 0,
    }
}

pub fn charter(founder: &SecretKey) -> Charter {
    Charter {
        version: VERSION,
        name: "test".into(),
        nonce: Hash([7; 32]),
        epoch: EpochRule::Rounds,
        vouchers: Vouchers::Members,
        scripts: false,
        contexts: vec!["any".into()],
        codebook: None,
        privacy: PrivacyTerms {
            rho_nano: 10 * RHO_NANO,
            delta_e18: 1_000_000_000_000,
            units: vec![Unit::User, Unit::Personal],
            epochs_per_period: 4,
            lessons_at: vec![1],
            outcomes_at: vec![0, 1, 2, 3],
            l0: 3,
            sessions_per_item: 1,
            keys_per_unit: 4,
            topic_words: 2,
            lessons_min_sigma_micros: 3_000_000 * u64::from(WEIGHT),
            lessons_min_threshold: 10 * u32::from(WEIGHT),
            outcomes_min_sigma_micros: SIGMA_MICROS,
            lessons_payload_bytes: 2048,
            votes_at: vec![0, 1, 2, 3],
            votes_min_deviation_micros: SIGMA_MICROS * u64::from(WEIGHT),
            releases_per_unit: None,
            windows: WindowTerms::SHORTEST,
            costs: Some(CostTerms {
                at: vec![0, 1, 2, 3],
                bound: 7,
                min_sigma_micros: COST_SIGMA_MICROS,
                kinds: vec![CostKind { measure: Measure::Tokens, per: 1000 }],
            }),
        },
        limits: Limits {
            members: 50,
            members_per_voice: 400,
            deltas_per_epoch: 256,
            lessons_per_epoch: 100_000,
            evidence_cap: 1000,
            revokers: 2,
            vouches: None,
            promotion_margin_micros: 0,
        },
        founders: vec![Founder {
            key: founder.public_key(),
            recovery: recovery_hash(&recovery_key(1).public_key()),
        }],
    }
}

pub fn lesson(tool: &str, command: &str) -> Lesson {
    let trigger =
        Trigger { tool: Token::new(tool).unwrap(), error: ErrorClass::None, subject: None };
    let action = Action::Example(Token::new(command).unwrap());
    Lesson::new(None, Op::Prefer, trigger, action).unwrap()
}

/// A pitfall: when `tool` fails with this flag, leave the flag out.
pub fn pitfall(tool: &str, flag: &str) -> Lesson {
    let flag = Token::new(flag).unwrap();
    let trigger = Trigger {
        tool: Token::new(tool).unwrap(),
        error: ErrorClass::UnknownOption,
        subject: Some(flag.clone()),
    };
    Lesson::new(None, Op::Fix, trigger, Action::DropFlag(flag)).unwrap()
}

pub fn authored(lesson: Lesson) -> Payload {
    Payload::Lessons(Lessons {
        origin: Origin::Authored,
        window: None,
        entries: vec![LessonEntry { key: LessonKey::Primary(lesson), support: 0 }],
        padding: Vec::new(),
    })
}

pub struct World {
    pub keys: Vec<SecretKey>,
    pub members: Vec<MemberId>,
    pub log: Log,
    pub fold: Fold,
    /// Every delta ever made, forks included, in order of making.
    pub deltas: Vec<Delta>,
    /// Returns true when a member, the founder excepted, has equivocated.
    pub forked: bool,
}

impl World {
    /// A founder and nobody else.
    pub fn found() -> Self {
        Self::with_limits(|_| {})
    }

    /// A founder and nobody else, under other limits.
    pub fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
        Self::with_terms(|terms| change(&mut terms.limits))
    }

    /// A founder and nobody else, under another charter.
    pub fn with_terms(change: impl FnOnce(&mut Charter)) -> Self {
        let founder = key(1);
        let mut terms = charter(&founder);
        change(&mut terms);
        let signed = terms.sign(&founder).unwrap();
        let log = Log::new(signed).unwrap();
        let member = log.founders()[0].0;
        let mut world = Self {
            keys: vec![founder],
            members: vec![member],
            log,
            fold: Fold::default(),
            deltas: Vec::new(),
            forked: false,
        };
        let charter = world.log.charter().clone();
        let (header, payload) = charter.founder_join(world.log.federation(), &charter.founders[0]);
        let join = Delta::sign(header, &payload, &world.keys[0]);
        world.push(join);
        world
    }

    /// A founder and `others` members, admitted by the founder and sealed.
    pub fn with_members(others: u8) -> Self {
        let mut world = Self::found();
        world.admit_and_seal(others);
        world
    }

    pub fn admit_and_seal(&mut self, others: u8) {
        for n in 0..others {
            self.admit(n + 2, 8, 100);
        }
        self.checkpoint();
    }

    pub fn join(&self, n: u8) -> (SecretKey, Delta) {
        let secret = key(n);
        let join = Join {
            key: secret.public_key(),
            recovery: recovery_hash(&recovery_key(n).public_key()),
            invitation: Some(InvitationId::ZERO),
            name: format!("m{n}"),
        };
        let (header, payload) = join_header(self.log.federation(), join);
        let delta = Delta::sign(header, &payload, &secret);
        (secret, delta)
    }

    /// A Join and the founder's Vouch for it.
    pub fn admit(&mut self, n: u8, uses: u16, expires_epoch: u32) -> MemberId {
        self.admit_by(0, n, uses, expires_epoch)
    }

    /// A Join and the Vouch of member `sponsor` for it.
    pub fn admit_by(&mut self, sponsor: usize, n: u8, uses: u16, expires_epoch: u32) -> MemberId {
        let (secret, join) = self.join(n);
        let id = join.header.id();
        let vouch = Payload::Vouch(Vouch {
            join: id,
            key: secret.public_key(),
            invitation: InvitationId::ZERO,
            uses,
            expires_epoch,
        });
        self.publish(sponsor, &vouch);
        self.push(join);
        self.keys.push(secret);
        self.members.push(id.into());
        id.into()
    }

    pub fn push(&mut self, delta: Delta) -> DeltaId {
        let sound = delta.clone().sound().unwrap();
        let id = sound.id;
        let result = self.log.ingest(sound);
        assert!(matches!(result, Ingest::Accepted(_)), "{result:?}");
        self.deltas.push(delta);
        id
    }

    /// Signs a payload as member `who` on its newest delta.
    pub fn make(&self, who: usize, payload: &Payload, rho_nano: u64) -> Delta {
        let mut spend = self.log.spend(self.members[who]);
        spend.rho_nano += rho_nano;
        let header = self.log.draft(self.members[who], spend).unwrap();
        Delta::sign(header, payload, &self.keys[who])
    }

    pub fn publish(&mut self, who: usize, payload: &Payload) -> DeltaId {
        let delta = self.make(who, payload, 0);
        self.push(delta)
    }

    /// Members `who` revoke a target, one delta each.
    pub fn revoke(&mut self, who: &[usize], target: RevokeTarget) {
        for who in who {
            self.publish(*who, &Payload::Revoke(Revoke { target, reason: String::new() }));
        }
    }

    /// Returns true when member `who` is on the roster of the last sealed epoch.
    pub fn is_on_roster(&self, who: usize) -> bool {
        self.log.tip().roster.contains_key(&self.members[who])
    }

    /// Noisy counts for these items.
    pub fn outcomes(&mut self, who: usize, cells: &[(ItemId, i64, i64)]) -> DeltaId {
        let mut cells: Vec<Cell> = cells
            .iter()
            .map(|(item, s, f)| Cell { item: *item, context: 0, successes: *s, failures: *f })
            .collect();
        cells.sort_by_key(|cell| cell.item);
        let mechanism = Mechanism {
            unit: Unit::User,
            noise: Noise::Gaussian,
            scale_micros: SIGMA_MICROS,
            l0: 3,
            linf: 1,
            l2_square: 3,
            threshold: 0,
            rho_nano: RHO_NANO,
            delta_e18: 0,
        };
        let payload = Payload::Outcomes(Outcomes {
            mechanism,
            window: Window { start_seconds: 0, end_seconds: 1 },
            items_root: self.log.tip().body.state_root,
            cells,
        });
        let delta = self.make(who, &payload, RHO_NANO);
        self.push(delta)
    }

    /// Lessons with the whole units of support that a member claims for them, in the next epoch that has lesson releases.
    pub fn lessons(&mut self, who: usize, lessons: &[(LessonKey, i64)]) -> DeltaId {
        let privacy = &self.log.charter().privacy;
        let (size, at) = (privacy.lessons_payload_bytes as usize, privacy.lessons_at[0]);
        let period = privacy.epochs_per_period;
        while self.log.open_epoch() % period != at {
            self.checkpoint();
        }
        let mechanism =
            Mechanism { threshold: 10 * u32::from(WEIGHT), delta_e18: 5, ..shared(RHO_NANO) };
        let entry = |(key, support): &(LessonKey, i64)| LessonEntry {
            key: key.clone(),
            support: support.saturating_mul(i64::from(WEIGHT)),
        };
        let mut entries: Vec<LessonEntry> = lessons.iter().map(entry).collect();
        entries.sort_by(|a, b| a.key.cmp(&b.key));
        let with_padding = |bytes: usize| {
            Payload::Lessons(Lessons {
                origin: Origin::Mechanism(mechanism),
                window: Some(Window { start_seconds: 0, end_seconds: 1 }),
                entries: entries.clone(),
                padding: vec![0; bytes],
            })
        };
        let length = |payload: &Payload| lore_protocol::codec::encode(payload).len();
        // The padding's own length takes one byte or three.
        let bare = length(&with_padding(0)) - 1;
        let padding = if size - bare <= 251 { size - bare - 1 } else { size - bare - 3 };
        let payload = with_padding(padding);
        assert_eq!(length(&payload), size);
        let mut spend = self.log.spend(self.members[who]);
        spend.rho_nano += RHO_NANO;
        spend.delta_e18 += 5;
        let header = self.log.draft(self.members[who], spend).unwrap();
        self.push(Delta::sign(header, &payload, &self.keys[who]))
    }

    /// Noisy whole votes on these candidates.
    pub fn votes(&mut self, who: usize, votes: &[(ItemId, i64)]) -> DeltaId {
        let entry = |(item, votes): &(ItemId, i64)| VoteEntry {
            item: *item,
            votes: votes.saturating_mul(i64::from(WEIGHT)),
        };
        let mut votes: Vec<VoteEntry> = votes.iter().map(entry).collect();
        votes.sort_by_key(|entry| entry.item);
        let mechanism = shared(VOTE_RHO_NANO);
        let payload = Payload::Votes(Votes {
            mechanism,
            window: Window { start_seconds: 0, end_seconds: 1 },
            items_root: self.log.tip().body.state_root,
            votes,
        });
        let delta = self.make(who, &payload, VOTE_RHO_NANO);
        self.push(delta)
    }

    /// Noisy token sums of these items.
    pub fn costs(&mut self, who: usize, cells: &[(ItemId, i64)]) -> DeltaId {
        let mut cells: Vec<CostCell> = cells
            .iter()
            .map(|(item, sum)| CostCell { item: *item, context: 0, sums: vec![*sum] })
            .collect();
        cells.sort_by_key(|cell| cell.item);
        let mechanism = Mechanism {
            unit: Unit::User,
            noise: Noise::Gaussian,
            scale_micros: COST_SIGMA_MICROS,
            l0: 3,
            linf: 7,
            l2_square: 3 * 49,
            threshold: 0,
            rho_nano: COST_RHO_NANO,
            delta_e18: 0,
        };
        let payload = Payload::Costs(Costs {
            mechanism,
            window: Window { start_seconds: 0, end_seconds: 1 },
            items_root: self.log.tip().body.state_root,
            cells,
        });
        let delta = self.make(who, &payload, COST_RHO_NANO);
        self.push(delta)
    }

    /// Another delta at the height of `of`, by the same author: equivocation.
    pub fn fork(&mut self, who: usize, of: DeltaId, payload: &Payload) -> Delta {
        let mut header = self.log.get(&of).unwrap().header().clone();
        header.spend = Spend { ..header.spend };
        let delta = Delta::sign(header, payload, &self.keys[who]);
        let _ = self.log.ingest(delta.clone().sound().unwrap());
        self.deltas.push(delta.clone());
        self.forked = true;
        delta
    }

    /// A delta that rests on another.
    pub fn publish_on(&mut self, who: usize, dep: DeltaId, payload: &Payload) -> DeltaId {
        let spend = self.log.spend(self.members[who]);
        let mut header = self.log.draft(self.members[who], spend).unwrap();
        header.deps = vec![dep];
        let depth = self.log.get(&dep).unwrap().header().depth;
        header.depth = header.depth.max(depth + 1);
        self.push(Delta::sign(header, payload, &self.keys[who]))
    }

    /// The founder signs another body for the epoch that it sealed last: equivocation of the signer.
    pub fn rival(&mut self, claim: u8) {
        let last = self.log.entries().find(|(_, entry)| match entry.payload().as_ref() {
            Payload::Checkpoint(checkpoint) => checkpoint.body.id() == self.log.tip().id,
            _ => false,
        });
        let Some((header, Payload::Checkpoint(checkpoint))) =
            last.map(|(_, e)| (e.header().clone(), e.payload().into_owned()))
        else {
            return;
        };
        let mut body = checkpoint.body;
        body.state_root = Hash([claim; 32]);
        let payload = Payload::Checkpoint(Checkpoint { round: 0, phase: Phase::Commit, body });
        let delta = Delta::sign(header, &payload, &self.keys[0]);
        let _ = self.log.ingest(delta.clone().sound().unwrap());
        self.deltas.push(delta);
    }

    pub fn checkpoint(&mut self) -> DeltaId {
        self.fold.advance(&self.log);
        let body = self.fold.propose(&self.log);
        let payload = Payload::Checkpoint(Checkpoint { round: 0, phase: Phase::Commit, body });
        let id = self.publish(0, &payload);
        self.fold.advance(&self.log);
        id
    }

    pub fn library(&mut self) -> Library {
        self.fold.advance(&self.log);
        self.fold.library(&self.log)
    }

    pub fn empty(&self) -> Log {
        Log::new(self.log.signed_charter().clone()).unwrap()
    }
}

pub fn sound(delta: &Delta) -> Sound {
    delta.clone().sound().unwrap()
}

/// The library of a log, folded from nothing.
pub fn refold(log: &Log) -> Library {
    let mut fold = Fold::default();
    fold.advance(log);
    fold.library(log)
}

/// Why a log refuses a delta.
pub fn refusal(log: &mut Log, delta: &Delta) -> Fault {
    match log.ingest(sound(delta)) {
        Ingest::Refused(fault) => fault,
        other => panic!("{other:?}"),
    }
}

/// A delta of `who` whose header was changed before signing.
pub fn bent(world: &World, who: usize, payload: &Payload, bend: impl FnOnce(&mut Header)) -> Delta {
    let spend = world.log.spend(world.members[who]);
    let mut header = world.log.draft(world.members[who], spend).unwrap();
    bend(&mut header);
    Delta::sign(header, payload, &world.keys[who])
}

pub fn void() -> Payload {
    Payload::Void(Void { release: Hash::ZERO })
}

/// Pulls from another log; gives how the round ended and how many requests it took.
pub fn pull(asker: &mut Log, other: &Log) -> (Done, usize) {
    let (mut round, mut ask) = Round::begin(asker, Hash([3; 32]));
    let mut asks = 0;
    loop {
        asks += 1;
        let (_, step) = round.handle(asker, sync::answer(other, &ask).0);
        match step {
            Step::Ask(next) => ask = next,
            Step::Done(done) => return (done, asks),
        }
    }
}

pub fn shuffle(order: &mut [usize], seed: u64) {
    let mut state = seed | 1;
    for at in (1..order.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(at, usize::try_from(state % (at as u64 + 1)).unwrap());
    }
}
