//! Members who show two groups different chains: whatever each group saw, sealed and passed on first,
//! one pull brings a log everything that counts elsewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use std::collections::BTreeMap;

use lore_protocol::charter::join_header;
use lore_protocol::delta::{Delta, Header, Spend, VERSION};
use lore_protocol::identity::Signer;
use lore_protocol::ids::{DeltaId, Hash, InvitationId, MemberId};
use lore_protocol::library::Fold;
use lore_protocol::log::{Fault, Ingest, Log};
use lore_protocol::payload::{
    Checkpoint, Join, Leave, Payload, PayloadKind, Phase, Revoke, RevokeTarget, Vouch,
};
use lore_protocol::sync::Done;
use proptest::prelude::*;
use world::{World, authored, key, lesson, pull, refold, shuffle, sound};

#[derive(Debug, Clone)]
enum Act {
    /// A lesson, perhaps on top of somebody's delta.
    Write {
        view: usize,
        who: usize,
        dep: Option<usize>,
    },
    /// A Vouch for one of a few keys, each of which has two Joins.
    Vouch {
        view: usize,
        who: usize,
        joiner: u8,
        expires: u32,
    },
    Revoke {
        view: usize,
        who: usize,
        target: usize,
    },
    Leave {
        view: usize,
        who: usize,
    },
    Seal {
        view: usize,
    },
    /// A group takes in what the other has.
    Meet {
        view: usize,
    },
    /// A relay shows a group one delta.
    Whisper {
        view: usize,
        which: usize,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let (view, who) = (0..2_usize, 1..4_usize);
    let dep = prop::option::weighted(0.2, any::<prop::sample::Index>())
        .prop_map(|at| at.map(|at| at.index(1 << 20)));
    prop_oneof![
        8 => (view.clone(), who.clone(), dep)
            .prop_map(|(view, who, dep)| Act::Write { view, who, dep }),
        2 => (view.clone(), 0..4_usize, 0..4_u8, 0..5_u32)
            .prop_map(|(view, who, joiner, expires)| Act::Vouch { view, who, joiner, expires }),
        1 => (view.clone(), 0..4_usize, 0..4_usize)
            .prop_map(|(view, who, target)| Act::Revoke { view, who, target }),
        1 => (view.clone(), who).prop_map(|(view, who)| Act::Leave { view, who }),
        4 => view.clone().prop_map(|view| Act::Seal { view }),
        2 => view.clone().prop_map(|view| Act::Meet { view }),
        2 => (view, any::<prop::sample::Index>())
            .prop_map(|(view, at)| Act::Whisper { view, which: at.index(1 << 20) }),
    ]
}

/// Two groups of one federation, with authors who write on each what they wrote last there.
struct Views {
    world: World,
    logs: [Log; 2],
    tips: [BTreeMap<MemberId, DeltaId>; 2],
    pool: Vec<Delta>,
    headers: BTreeMap<DeltaId, Header>,
    /// True when the founder, who is the only signer, shows both groups one chain.
    honest_founder: bool,
}

impl Views {
    fn new(honest_founder: bool) -> Self {
        let world = World::with_members(3);
        let tips: BTreeMap<_, _> =
            world.members.iter().map(|who| (*who, world.log.head(*who).unwrap().1)).collect();
        let headers = world.deltas.iter().map(|d| (d.header.id(), d.header.clone())).collect();
        Self {
            logs: [world.log.clone(), world.log.clone()],
            tips: [tips.clone(), tips],
            pool: world.deltas.clone(),
            headers,
            world,
            honest_founder,
        }
    }

    fn play(&mut self, act: &Act) {
        let of = |who: usize| RevokeTarget::Member(self.world.members[who]);
        match *act {
            Act::Write { view, who, dep } => {
                let dep = dep.map(|at| self.pool[at % self.pool.len()].header.id());
                let command = format!("tool --number {}", self.pool.len());
                self.write(view, who, dep, &authored(lesson("tool", &command)));
            }
            Act::Vouch { view, who, joiner, expires } => {
                let secret = key(100 + joiner / 2);
                let join = Join {
                    key: secret.public_key(),
                    recovery: Hash::ZERO,
                    invitation: None,
                    name: format!("j{joiner}"),
                };
                let (header, payload) = join_header(self.world.log.federation(), join);
                let join = Delta::sign(header, &payload, &secret);
                let vouch = Vouch {
                    join: join.header.id(),
                    key: secret.public_key(),
                    invitation: InvitationId([1; 32]),
                    uses: 2,
                    expires_epoch: expires,
                };
                self.write(view, who, None, &Payload::Vouch(vouch));
                self.show(view, join);
            }
            Act::Revoke { view, who, target } => {
                let payload = Payload::Revoke(Revoke { target: of(target), reason: String::new() });
                self.write(view, who, None, &payload);
            }
            Act::Leave { view, who } => {
                self.write(view, who, None, &Payload::Leave(Leave { reason: String::new() }));
            }
            Act::Seal { view } => {
                let mut fold = Fold::default();
                fold.advance(&self.logs[view]);
                let body = fold.propose(&self.logs[view]);
                let commit = Checkpoint { round: 0, phase: Phase::Commit, body };
                self.write(view, 0, None, &Payload::Checkpoint(commit));
            }
            Act::Meet { view } => {
                let other = self.logs[1 - view].clone();
                pull(&mut self.logs[view], &other);
            }
            Act::Whisper { view, which } => {
                let delta = self.pool[which % self.pool.len()].clone();
                let _ = self.logs[view].ingest(sound(&delta));
            }
        }
    }

    fn show(&mut self, view: usize, delta: Delta) -> Ingest {
        self.headers.insert(delta.header.id(), delta.header.clone());
        let ingest = self.logs[view].ingest(sound(&delta));
        self.pool.push(delta);
        ingest
    }

    /// Writes on the author's chain as that group knows it, whatever this log thinks of the author:
    /// at the newest anchor that still has it as a member.
    fn write(&mut self, view: usize, who: usize, dep: Option<DeltaId>, payload: &Payload) {
        let (member, log) = (self.world.members[who], &self.logs[view]);
        let prev = self.tips[view][&member];
        let before = self.headers[&prev].clone();
        let anchor = log.sealed().iter().rev().find(|sealed| sealed.roster.contains_key(&member));
        let anchor = anchor.unwrap();
        let dep = dep.filter(|dep| self.headers[dep].epoch <= anchor.epoch() + 1);
        let dep_depth = dep.map_or(0, |dep| self.headers[&dep].depth);
        let period = log.charter().period(anchor.epoch() + 1);
        let header = Header {
            version: VERSION,
            federation: log.federation(),
            author: member,
            seq: before.seq + 1,
            prev: Some(prev),
            anchor: anchor.id,
            deps: dep.into_iter().collect(),
            depth: before.depth.max(dep_depth) + 1,
            epoch: anchor.epoch() + 1,
            spend: Spend { period, ..Spend::default() },
            payload_kind: PayloadKind::Void,
            payload_len: 0,
            payload_hash: Hash::ZERO,
        };
        let delta = Delta::sign(header, payload, &self.world.keys[who]);
        let id = delta.header.id();
        match self.show(view, delta.clone()) {
            // What a fork excludes here may be covered elsewhere.
            Ingest::Refused(Fault::Forked) => {}
            // Nothing could follow an invalid delta.
            Ingest::Refused(_) => return,
            _ => {}
        }
        self.tips[view].insert(member, id);
        if who == 0 && self.honest_founder {
            let _ = self.logs[1 - view].ingest(sound(&delta));
            self.tips[1 - view].insert(member, id);
        }
    }
}

/// Everybody pulls from everybody. What waits for an epoch to end is on offer only afterwards, so that
/// every epoch may take a turn.
fn meet(logs: &mut [Log]) {
    let turns = logs.iter().map(Log::open_epoch).max().unwrap();
    for _ in 0..=turns {
        for to in 0..logs.len() {
            for from in 0..logs.len() {
                let other = logs[from].clone();
                pull(&mut logs[to], &other);
                let same = logs[to].frontiers() == other.frontiers();
                assert_eq!(same, logs[to].digest() == other.digest(), "digests say what is held");
            }
        }
    }
}

fn law(views: Views, seed: u64) -> Result<(), TestCaseError> {
    let mut order: Vec<usize> = (0..views.pool.len()).collect();
    shuffle(&mut order, seed);
    let mut fed = views.world.empty();
    for at in &order {
        let _ = fed.ingest(sound(&views.pool[*at]));
    }
    let [a, b] = views.logs;
    let mut logs = vec![a, b, fed];
    meet(&mut logs);
    let all = &logs[0];
    for other in &logs[1..] {
        prop_assert_eq!(other.frontiers(), all.frontiers());
        prop_assert_eq!(other.tip().id, all.tip().id);
        prop_assert_eq!(other.is_split(), all.is_split());
        prop_assert_eq!(refold(other).root(), refold(all).root());
    }
    let bound = |log: &Log| 3 + 3 * log.tip().epoch() as usize;
    let mut late = views.world.empty();
    let (done, asks) = pull(&mut late, all);
    prop_assert_eq!(done, Done::InSync, "one round is enough for whoever knows nothing");
    prop_assert!(asks <= bound(all), "{} asks", asks);
    prop_assert_eq!(refold(&late).root(), refold(all).root());
    // A stranger may have shown it half of everything first: what the others lack may be in it, too.
    let (mut known, mut all) = (views.world.empty(), all.clone());
    for at in &order[..order.len() / 2] {
        let _ = known.ingest(sound(&views.pool[*at]));
    }
    for _ in 0..=all.open_epoch() {
        let (_, asks) = pull(&mut known, &all);
        prop_assert!(asks <= bound(&known), "{} asks", asks);
        pull(&mut all, &known);
    }
    prop_assert_eq!(known.frontiers(), all.frontiers());
    prop_assert_eq!(known.tip().id, all.tip().id);
    prop_assert_eq!(refold(&known).root(), refold(&all).root());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn groups_that_saw_different_chains_agree(
        acts in prop::collection::vec(act(), 1..40),
        seed in any::<u64>(),
    ) {
        let mut views = Views::new(true);
        acts.iter().for_each(|act| views.play(act));
        law(views, seed)?;
    }

    #[test]
    fn groups_that_the_signer_split_agree(
        acts in prop::collection::vec(act(), 1..40),
        seed in any::<u64>(),
    ) {
        let mut views = Views::new(false);
        acts.iter().for_each(|act| views.play(act));
        law(views, seed)?;
    }
}
