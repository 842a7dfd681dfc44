//! A small federation that is made by hand: a founder, three members, and one log that has seen everything.

use lore_protocol::charter::join_header;
use lore_protocol::codec;
use lore_protocol::delta::{Delta, Header, Sound};
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{Hash, InvitationId, MemberId};
use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger};
use lore_protocol::library::{Fold, Library};
use lore_protocol::log::{Ingest, Log};
use lore_protocol::payload::{
    Checkpoint, Join, LessonEntry, Lessons, Origin, Payload, Phase, Vouch,
};

use crate::seeds::vectors;

/// Members besides the founder.
const OTHERS: u8 = 3;

/// Key of a member; 1 is the founder of the charter of the vectors.
pub(crate) fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}

#[derive(Clone)]
pub(crate) struct Guild {
    pub(crate) keys: Vec<SecretKey>,
    pub(crate) members: Vec<MemberId>,
    pub(crate) log: Log,
    pub(crate) fold: Fold,
    /// Every delta with sound bytes that was made, in order.
    pub(crate) deltas: Vec<Delta>,
}

impl Guild {
    /// The founder and the members, on the roster of a checkpoint.
    pub(crate) fn new() -> Self {
        let (_, signed) = vectors("SignedCharter", 1).remove(0);
        let log = Log::new(codec::decode(&signed).expect("a charter")).expect("a log");
        let charter = log.charter().clone();
        let founder = key(1);
        let members = vec![log.founders()[0].0];
        let (header, payload) = charter.founder_join(log.federation(), &charter.founders[0]);
        let mut guild =
            Self { keys: vec![founder], members, log, fold: Fold::default(), deltas: Vec::new() };
        let join = Delta::sign(header, &payload, &guild.keys[0]);
        guild.push(join);
        for n in 2..2 + OTHERS {
            guild.admit(n);
        }
        guild.checkpoint();
        guild
    }

    /// Takes in a delta that is right.
    fn push(&mut self, delta: Delta) {
        let taken = self.say(delta);
        assert!(matches!(taken, Some(Ingest::Accepted(_))), "{taken:?}");
    }

    /// Takes in whatever it is; none for bytes that are not sound.
    pub(crate) fn say(&mut self, delta: Delta) -> Option<Ingest> {
        let sound = delta.clone().sound().ok()?;
        self.deltas.push(delta);
        Some(self.log.ingest(sound))
    }

    fn admit(&mut self, n: u8) {
        let (join, vouch) = self.invite(n);
        let vouch = self.sign(0, &vouch, |_| {});
        self.members.push(join.header.id().into());
        self.push(vouch.expect("the founder signs"));
        self.push(join);
        self.keys.push(key(n));
    }

    /// A Join of a key, and the Vouch that it waits for.
    pub(crate) fn invite(&self, n: u8) -> (Delta, Payload) {
        let join = Join {
            key: key(n).public_key(),
            recovery: Hash::ZERO,
            invitation: Some(InvitationId::ZERO),
            name: format!("m{n}"),
        };
        let (header, payload) = join_header(self.log.federation(), join);
        let join = Delta::sign(header, &payload, &key(n));
        let vouch = Vouch {
            join: join.header.id(),
            key: key(n).public_key(),
            invitation: InvitationId::ZERO,
            uses: 200,
            expires_epoch: 200,
        };
        (join, Payload::Vouch(vouch))
    }

    /// A payload on the newest delta of member `who`; none when its chain has ended.
    pub(crate) fn sign(
        &self,
        who: usize,
        payload: &Payload,
        bend: impl FnOnce(&mut Header),
    ) -> Option<Delta> {
        let mut header =
            self.log.draft(self.members[who], self.log.spend(self.members[who])).ok()?;
        bend(&mut header);
        Some(Delta::sign(header, payload, &self.keys[who]))
    }

    /// The payload that ends the open epoch.
    pub(crate) fn proposal(&mut self) -> Checkpoint {
        self.fold.advance(&self.log);
        let body = self.fold.propose(&self.log);
        Checkpoint { round: 0, phase: Phase::Commit, body }
    }

    pub(crate) fn checkpoint(&mut self) {
        let payload = Payload::Checkpoint(self.proposal());
        if let Some(delta) = self.sign(0, &payload, |_| {}) {
            self.say(delta);
        }
    }

    /// A log of the same charter without any delta.
    pub(crate) fn empty(&self) -> Log {
        Log::new(self.log.signed_charter().clone()).expect("the charter opens")
    }
}

pub(crate) fn sound(delta: &Delta) -> Sound {
    delta.clone().sound().expect("only sound deltas are kept")
}

/// The library of a log, folded from nothing.
pub(crate) fn refold(log: &Log) -> Library {
    let mut fold = Fold::default();
    fold.advance(log);
    fold.library(log)
}

/// A worked example that a person is said to have written.
pub(crate) fn authored(tool: u8, command: u8) -> Payload {
    let trigger = Trigger {
        tool: Token::new(format!("tool{tool}")).expect("a program"),
        error: ErrorClass::None,
        subject: None,
    };
    let line = format!("tool{tool} --flag{command} <arg>");
    let action = Action::Example(Token::new(line).expect("a command"));
    let lesson = Lesson::new(None, Op::Prefer, trigger, action).expect("a lesson");
    Payload::Lessons(Lessons {
        origin: Origin::Authored,
        window: None,
        entries: vec![LessonEntry { key: LessonKey::Primary(lesson), support: 0 }],
        padding: Vec::new(),
    })
}
