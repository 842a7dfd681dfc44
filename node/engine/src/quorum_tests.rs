//! Several signers, a lost founder, and a split, over a virtual network with a clock that the test moves.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;
use std::sync::Arc;

use lore_privacy::{Chain, Outgoing};
use lore_protocol::delta::{Header, Spend};
use lore_protocol::ids::{FederationId, Hash, MemberId, RevisionId};
use lore_protocol::payload::{Body, Checkpoint, Phase};

use crate::tests::{World, connect, member, open_in, terms};
use crate::{Effect, EngineError, Event, Joining, MemoryStorage, Terms};

type Engine = crate::Engine;

/// Engines that hear each other, those that are down excepted.
struct Net {
    engines: Vec<Engine>,
    stores: Vec<Arc<MemoryStorage>>,
    worlds: Vec<Arc<World>>,
    down: Vec<usize>,
    federation: FederationId,
    secrets: Vec<String>,
    joined: Vec<Result<Joining, EngineError>>,
}

impl Net {
    /// A founder and members, all on the roster.
    fn new(members: u8, terms: &Terms) -> Self {
        let mut net = Self {
            engines: Vec::new(),
            stores: Vec::new(),
            worlds: Vec::new(),
            down: Vec::new(),
            federation: FederationId::ZERO,
            secrets: Vec::new(),
            joined: Vec::new(),
        };
        net.open(1);
        let created = net.engines[0].federation_create(terms).unwrap();
        net.federation = created.federation;
        net.secrets.push(created.recovery_secret);
        for seed in 2..2 + members {
            let at = net.open(seed);
            let line = net.line(0);
            net.connect(at);
            net.engines[at].begin_join(&line, false).unwrap();
            net.settle();
            match net.joined.pop() {
                Some(Ok(Joining::Admitted { recovery_secret: Some(secret), .. })) => {
                    net.secrets.push(secret);
                }
                other => panic!("{other:?}"),
            }
        }
        net.engines[0].federation_checkpoint(net.federation).unwrap();
        net.settle();
        net
    }

    fn open(&mut self, seed: u8) -> usize {
        let (store, world) = (Arc::new(MemoryStorage::new()), World::at(u64::from(seed) << 32));
        self.engines.push(open_in(seed, Arc::clone(&store), Arc::clone(&world)));
        self.stores.push(store);
        self.worlds.push(world);
        self.engines.len() - 1
    }

    fn line(&self, by: usize) -> String {
        let address = vec!["/ip4/127.0.0.1/tcp/1".to_owned()];
        self.engines[by].federation_invite(self.federation, 1, 8, address).unwrap().line
    }

    fn is_up(&self, at: usize) -> bool {
        !self.down.contains(&at)
    }

    /// Connects an engine with all others that are up.
    fn connect(&mut self, at: usize) {
        for other in (0..self.engines.len()).filter(|other| *other != at) {
            if self.is_up(other) && self.is_up(at) {
                let [one, two] = self.engines.get_disjoint_mut([at, other]).unwrap();
                connect(one, two);
            }
        }
    }

    /// Carries effects until nobody wants anything.
    fn settle(&mut self) {
        let mut queue: VecDeque<(usize, Effect)> = VecDeque::new();
        loop {
            for (at, engine) in self.engines.iter_mut().enumerate() {
                queue.extend(engine.take_effects().into_iter().map(|effect| (at, effect)));
            }
            let Some((from, effect)) = queue.pop_front() else { return };
            if !self.is_up(from) {
                continue;
            }
            self.carry(from, effect);
        }
    }

    fn carry(&mut self, from: usize, effect: Effect) {
        let peer = self.engines[from].public_key();
        match effect {
            Effect::Publish { federation, sealed, .. } => {
                for to in (0..self.engines.len()).filter(|to| *to != from) {
                    if self.is_up(to) {
                        let bytes = sealed.clone();
                        let gossip = Event::Gossip { number: 1, from: peer, federation, bytes };
                        self.engines[to].handle(gossip).unwrap();
                    }
                }
            }
            Effect::Request { number, peer: to, bytes } => {
                let to = self.engines.iter().position(|engine| engine.public_key() == to);
                let Some(to) = to.filter(|to| self.is_up(*to)) else {
                    let why = "down".to_owned();
                    return self.engines[from]
                        .handle(Event::RequestFailed { number, why })
                        .unwrap();
                };
                // Only this request is asked, so that its answer is the one with its number.
                self.engines[to].handle(Event::Request { number, peer, bytes }).unwrap();
                let effects = self.engines[to].take_effects();
                let peer = self.engines[to].public_key();
                for effect in effects {
                    match effect {
                        Effect::Reply { number, bytes } => {
                            let answer = Event::Response { number, peer, bytes };
                            self.engines[from].handle(answer).unwrap();
                        }
                        other => self.carry(to, other),
                    }
                }
            }
            Effect::Joined { result, .. } => self.joined.push(result),
            _ => {}
        }
    }

    /// Seconds pass everywhere, with a tick in each.
    fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            for at in 0..self.engines.len() {
                self.worlds[at].pass(1);
                if self.is_up(at) {
                    self.engines[at].handle(Event::Tick).unwrap();
                }
            }
            self.settle();
        }
    }

    fn epoch(&self, at: usize) -> u32 {
        self.engines[at].federation(self.federation).unwrap().log().open_epoch()
    }

    fn root(&self, at: usize) -> Hash {
        self.engines[at].federation(self.federation).unwrap().root()
    }

    fn member(&self, at: usize) -> MemberId {
        member(&self.engines[at], self.federation)
    }

    /// The founder makes the first four sign.
    fn four_sign(&mut self) {
        let others = [1, 2, 3].map(|at| self.member(at));
        self.engines[0].federation_signers(self.federation, &others, &[]).unwrap();
        self.engines[0].federation_checkpoint(self.federation).unwrap();
        self.settle();
        for engine in &self.engines {
            assert_eq!(engine.signing(self.federation).unwrap().signers.len(), 4);
        }
    }
}

#[test]
fn one_signer_asks_and_the_others_nodes_agree_by_themselves() {
    let mut net = Net::new(4, &terms());
    net.four_sign();
    let epoch = net.epoch(0);
    let ended = net.engines[2].federation_checkpoint(net.federation).unwrap();
    assert!(!ended.sealed);
    assert_eq!((ended.epoch, ended.agreed, ended.needed), (epoch, 1, 3));
    net.settle();
    for at in 0..5 {
        assert_eq!(net.epoch(at), epoch + 1, "node {at}");
        assert_eq!(net.root(at), net.root(0));
    }
    let refused = net.engines[4].federation_checkpoint(net.federation).unwrap_err();
    assert_eq!(refused.kind, "not_a_signer");
}

#[test]
fn epochs_of_hours_end_with_the_founder_gone_and_not_with_two_of_four_gone() {
    let mut net = Net::new(4, &Terms { epoch_hours: Some(1), ..terms() });
    net.four_sign();
    let epoch = net.epoch(1);
    net.down = vec![0];
    net.pass(3_600 + 120);
    assert!(
        (1..5).all(|at| net.epoch(at) == epoch + 1),
        "{:?}",
        [1, 2, 3, 4].map(|at| net.epoch(at))
    );
    net.down = vec![0, 1];
    net.pass(2 * 3_600);
    assert_eq!(net.epoch(2), epoch + 1, "two of four are no quorum");
    net.down = vec![0];
    net.connect(1);
    net.pass(900);
    assert!(net.epoch(2) > epoch + 1, "and it goes on when one is back");
}

#[test]
fn a_signer_does_not_end_an_epoch_before_its_clock_says_so() {
    let mut net = Net::new(4, &Terms { epoch_hours: Some(1), ..terms() });
    net.four_sign();
    let epoch = net.epoch(0);
    net.engines[3].federation_checkpoint(net.federation).unwrap();
    net.pass(600);
    assert_eq!(net.epoch(0), epoch, "one hasty signer ends nothing");
    net.pass(3_600);
    assert_eq!(net.epoch(0), epoch + 1);
}

#[test]
fn a_home_with_the_recovery_secret_takes_over_a_lost_founder() {
    let mut net = Net::new(2, &terms());
    let (founder, secret) = (net.member(0), net.secrets[0].clone());
    net.down = vec![0];
    let new = net.open(9);
    let line = net.line(1);
    net.connect(new);
    let wrong = net.secrets[2].replace(['0', '1'], "2");
    net.engines[new].begin_takeover(&line, &wrong).unwrap();
    net.settle();
    assert_eq!(net.joined.pop().unwrap().unwrap_err().kind, "not_recovered");

    net.engines[new].begin_takeover(&line, &secret).unwrap();
    net.settle();
    let federation = net.federation;
    assert_eq!(net.joined.pop(), Some(Ok(Joining::TakenOver { federation, member: founder })));
    assert_eq!(net.member(new), founder);
    net.pass(120);
    let ended = net.engines[new].federation_checkpoint(federation).unwrap();
    assert!(ended.sealed);
    net.settle();
    assert_eq!(net.epoch(1), net.epoch(new));
    assert_eq!(net.root(1), net.root(new));

    // The old home comes back: its key is no member's, it is told so, and what it seals reaches nobody.
    net.down.clear();
    net.connect(0);
    net.pass(120);
    assert_eq!(net.engines[0].called_gone_by(federation), 2);
    let (epoch, root) = (net.epoch(1), net.root(1));
    net.engines[0].federation_checkpoint(federation).unwrap();
    net.pass(120);
    assert_eq!((net.epoch(1), net.root(1)), (epoch, root));
    assert!(!net.engines[1].federation(federation).unwrap().log().is_split());
    let again = net.engines[new].begin_takeover(&line, &secret).unwrap_err();
    assert_eq!(again.kind, "usage", "it is a member already");
}

#[test]
fn a_founder_that_was_rolled_back_settles_the_split_with_a_new_key() {
    let mut net = Net::new(2, &terms());
    let federation = net.federation;
    // The founder's disk is copied; one copy goes on with one member, the other with the other.
    let copy = Arc::new(net.stores[0].copy());
    crate::Storage::clear_recovery(&*copy).unwrap();
    net.down = vec![2];
    net.engines[1].withdraw_revision(federation, RevisionId::ZERO).unwrap();
    net.settle();
    net.engines[0].federation_checkpoint(federation).unwrap();
    net.engines[0].federation_checkpoint(federation).unwrap();
    net.settle();
    let world = World::at((1 << 32) + 500);
    net.engines.push(open_in(1, copy, Arc::clone(&world)));
    net.stores.push(Arc::new(MemoryStorage::new()));
    net.worlds.push(world);
    net.engines[3].federation_checkpoint(federation).unwrap();
    let rival = net.engines[3].federation(federation).unwrap();
    let deltas: Vec<_> = rival.log().entries().map(|(_, entry)| entry.delta.clone()).collect();
    net.down = vec![0, 3];
    for delta in deltas {
        let sound = delta.sound().unwrap();
        net.engines[2].ingest(federation, sound, crate::Durability::Synced).unwrap();
    }
    net.connect(1);
    net.pass(120);
    for at in [1, 2] {
        let log = net.engines[at].federation(federation).unwrap().log();
        assert!(log.is_split(), "node {at}");
    }
    let stopped = net.engines[2].withdraw_revision(federation, RevisionId::ZERO);
    assert_eq!(stopped.unwrap_err().kind, "cannot_sign");

    let new = net.open(9);
    let line = net.line(2);
    net.connect(new);
    net.engines[new].begin_takeover(&line, &net.secrets[0].clone()).unwrap();
    net.settle();
    assert!(matches!(net.joined.pop(), Some(Ok(Joining::TakenOver { .. }))));
    net.pass(120);
    let ended = net.engines[new].federation_checkpoint(federation).unwrap();
    assert!(ended.sealed);
    net.pass(120);
    for at in [1, 2, new] {
        let log = net.engines[at].federation(federation).unwrap().log();
        assert!(!log.is_split(), "node {at}");
        assert!(log.open_epoch() >= log.newest_epoch());
        assert_eq!(net.root(at), net.root(new));
    }
    let again = net.engines[new].federation_heal(federation).unwrap_err();
    assert_eq!(again.kind, "usage", "there is nothing to heal");
    net.engines[2].withdraw_revision(federation, RevisionId::ZERO).unwrap();
}

/// A signer commits to a body of an epoch that is over: it lies.
fn commit_beside(net: &mut Net, at: usize, body: &Body) {
    let (federation, member) = (net.federation, net.member(at));
    let log = net.engines[at].federation(federation).unwrap().log();
    let spend = Spend { period: log.charter().period(body.epoch), ..log.spend(member) };
    let header = Header {
        anchor: body.parent,
        epoch: body.epoch,
        ..log.draft_anyway(member, spend).unwrap()
    };
    let commit = Checkpoint { round: 1, phase: Phase::Commit, body: body.clone() };
    let chain = Chain { federation, member };
    net.engines[at].sign(chain, header, &Outgoing::from(commit)).unwrap();
}

#[test]
fn several_signers_heal_a_split_each_by_a_persons_word_that_outlives_a_restart() {
    let mut net = Net::new(4, &terms());
    net.four_sign();
    let federation = net.federation;
    let found = net.engines[0].federation(federation).unwrap();
    let rival = found.fold().propose(found.log());
    net.engines[4].withdraw_revision(federation, RevisionId::ZERO).unwrap();
    net.settle();
    net.engines[0].federation_checkpoint(federation).unwrap();
    net.settle();
    for at in [0, 1, 3] {
        commit_beside(&mut net, at, &rival);
    }
    net.settle();
    let epoch = net.epoch(2);
    for at in 0..5 {
        assert!(net.engines[at].federation(federation).unwrap().log().is_split(), "node {at}");
    }
    assert_eq!(net.engines[2].federation_checkpoint(federation).unwrap_err().kind, "split");
    let ended = net.engines[2].federation_heal(federation).unwrap();
    assert_eq!((ended.sealed, ended.agreed, ended.needed), (false, 1, 3));
    net.pass(60);
    assert_eq!(net.epoch(2), epoch, "no node agrees by itself");
    // Its word is on its chain: a restart forgets nothing.
    net.engines[2] = open_in(3, Arc::clone(&net.stores[2]), Arc::clone(&net.worlds[2]));
    net.connect(2);
    for at in [0, 1] {
        net.engines[at].federation_heal(federation).unwrap();
        net.settle();
    }
    net.pass(120);
    for at in 0..5 {
        let log = net.engines[at].federation(federation).unwrap().log();
        assert!(!log.is_split(), "node {at}");
        assert!(log.open_epoch() > epoch);
        assert_eq!(net.root(at), net.root(0));
    }
}
