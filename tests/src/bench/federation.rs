//! A federation with many small deltas, made by hand: real keys, real signatures.

use lore_node::host::Handwritten;
use lore_protocol::charter::{
    Charter, EpochRule, Founder, Limits, PrivacyTerms, SignedCharter, Vouchers, WindowTerms,
    join_header,
};
use lore_protocol::codec;
use lore_protocol::delta::{Delta, Sound, VERSION};
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{Hash, InvitationId, MemberId};
use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger};
use lore_protocol::library::Fold;
use lore_protocol::log::{Ingest, Log};
use lore_protocol::payload::{
    Checkpoint, Join, LessonEntry, Lessons, Origin, Payload, Phase, Unit, Vouch,
};
use lore_protocol::sync::{Ask, Round, Step, answer};
use lore_protocol::wire::Reply;

/// Distinct lessons that members share.
const LESSONS: usize = 500;
const WORDS: [&str; 8] =
    ["invoice", "report", "archive", "picture", "table", "search", "order", "letter"];

/// A log that has seen everything, and what it is made of.
pub struct Federation {
    /// The charter.
    pub charter: SignedCharter,
    /// The log.
    pub log: Log,
    /// Every delta, in causal order.
    pub deltas: Vec<Sound>,
    keys: Vec<SecretKey>,
    members: Vec<MemberId>,
    fold: Fold,
}

fn charter(founder: &SecretKey) -> Charter {
    Charter {
        version: VERSION,
        name: "bench".into(),
        nonce: Hash([7; 32]),
        epoch: EpochRule::Rounds,
        vouchers: Vouchers::Members,
        scripts: false,
        contexts: vec!["any".into()],
        codebook: None,
        privacy: PrivacyTerms {
            rho_nano: 1_000_000_000,
            delta_e18: 1_000_000_000_000,
            units: vec![Unit::User],
            epochs_per_period: 90,
            lessons_at: vec![1],
            outcomes_at: vec![2],
            l0: 3,
            sessions_per_item: 1,
            keys_per_unit: 32,
            topic_words: 0,
            lessons_min_sigma_micros: 30_000_000_000,
            lessons_min_threshold: 100_000,
            outcomes_min_sigma_micros: 4_000_000,
            lessons_payload_bytes: 14 << 10,
            votes_at: Vec::new(),
            votes_min_deviation_micros: 1_000_000,
            releases_per_unit: None,
            windows: WindowTerms::SHORTEST,
            costs: None,
        },
        limits: Limits {
            members: 200,
            members_per_voice: 400,
            deltas_per_epoch: 256,
            lessons_per_epoch: 100_000,
            evidence_cap: 1000,
            revokers: 2,
            vouches: None,
            promotion_margin_micros: 0,
        },
        founders: vec![Founder { key: founder.public_key(), recovery: Hash::ZERO }],
    }
}

fn token(text: &str) -> Token {
    Token::new(text).expect("a token")
}

/// The `n`-th lesson, as a person writes one.
fn lesson(n: usize) -> Payload {
    let command = format!("tool{} --mode {} <arg> -o <out>", n % 25, n % LESSONS);
    let words = vec![WORDS[n % WORDS.len()].to_owned()];
    Handwritten::example(&command, words).expect("a lesson").payload().expect("its words")
}

impl Federation {
    /// Makes `epochs` epochs in each of which every member publishes `each` lessons.
    ///
    /// # Panics
    /// Panics when a delta is not valid.
    #[must_use]
    pub fn made(members: u8, epochs: usize, each: usize) -> Self {
        let founder = SecretKey::from_seed(&[1; 32]);
        let charter = charter(&founder);
        let signed = charter.sign(&founder).expect("it is consistent");
        let log = Log::new(signed.clone()).expect("it opens");
        let mut made = Self {
            members: vec![log.founders()[0].0],
            charter: signed,
            log,
            deltas: Vec::new(),
            keys: vec![founder],
            fold: Fold::default(),
        };
        let federation = made.log.federation();
        let (header, payload) = charter.founder_join(federation, &charter.founders[0]);
        made.push(Delta::sign(header, &payload, &made.keys[0]));
        for n in 1..members {
            made.admit(n + 1);
        }
        made.checkpoint();
        let mut next = 0;
        for _ in 0..epochs {
            for who in 0..made.members.len() {
                for _ in 0..each {
                    made.publish(who, &lesson(next));
                    next += 1;
                }
            }
            made.checkpoint();
        }
        made
    }

    /// Makes one epoch in which twenty members publish so many lessons, all different.
    ///
    /// # Panics
    /// Panics when a delta is not valid.
    #[must_use]
    pub fn of_lessons(count: usize) -> Self {
        const EACH: usize = 250;
        let mut made = Self::made(20, 0, 0);
        let numbers: Vec<usize> = (0..count).collect();
        for (place, numbers) in numbers.chunks(EACH).enumerate() {
            let entries = numbers.iter().map(|n| {
                let tool = format!("program{}", n % 1_000);
                let action = Action::Example(token(&format!("{tool} --case {n} <arg>")));
                let trigger =
                    Trigger { tool: token(&tool), error: ErrorClass::None, subject: None };
                let lesson = Lesson::new(None, Op::Prefer, trigger, action).expect("it is short");
                LessonEntry { key: LessonKey::Primary(lesson), support: 0 }
            });
            let mut entries: Vec<LessonEntry> = entries.collect();
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            let (origin, padding) = (Origin::Authored, Vec::new());
            let lessons = Lessons { origin, window: None, entries, padding };
            made.publish(place % made.members.len(), &Payload::Lessons(lessons));
        }
        made.checkpoint();
        made
    }

    fn push(&mut self, delta: Delta) {
        let sound = delta.sound().expect("it is sound");
        let taken = self.log.ingest(sound.clone());
        assert!(matches!(taken, Ingest::Accepted(_)), "{taken:?}");
        self.deltas.push(sound);
    }

    fn publish(&mut self, who: usize, payload: &Payload) {
        let author = self.members[who];
        let header = self.log.draft(author, self.log.spend(author)).expect("a header");
        self.push(Delta::sign(header, payload, &self.keys[who]));
    }

    /// Every member publishes so many lessons more, which no checkpoint covers.
    ///
    /// # Panics
    /// Panics when a delta is not valid.
    pub fn publish_each(&mut self, each: usize) {
        for next in 0..each * self.members.len() {
            self.publish(next % self.members.len(), &lesson(next));
        }
    }

    /// The members, the founder first.
    #[must_use]
    pub fn members(&self) -> &[MemberId] {
        &self.members
    }

    fn admit(&mut self, seed: u8) {
        let key = SecretKey::from_seed(&[seed; 32]);
        let join = Join {
            key: key.public_key(),
            recovery: Hash::ZERO,
            invitation: Some(InvitationId::ZERO),
            name: format!("m{seed}"),
        };
        let (header, payload) = join_header(self.log.federation(), join);
        let join = Delta::sign(header, &payload, &key);
        let id = join.header.id();
        let vouch = Vouch {
            join: id,
            key: key.public_key(),
            invitation: InvitationId::ZERO,
            uses: u16::MAX,
            expires_epoch: 1000,
        };
        self.publish(0, &Payload::Vouch(vouch));
        self.push(join);
        self.keys.push(key);
        self.members.push(id.into());
    }

    fn checkpoint(&mut self) {
        self.fold.advance(&self.log);
        let body = self.fold.propose(&self.log);
        let checkpoint = Checkpoint { round: 0, phase: Phase::Commit, body };
        self.publish(0, &Payload::Checkpoint(checkpoint));
    }

    /// The library's root.
    #[must_use]
    pub fn root(&mut self) -> Hash {
        self.fold.advance(&self.log);
        self.fold.library(&self.log).root()
    }

    /// Replies of a peer that has everything to one that has nothing, as they travel.
    ///
    /// # Panics
    /// Panics when the two do not come to the same log.
    #[must_use]
    pub fn replies(&self) -> Vec<Vec<u8>> {
        let mut asker = Log::new(self.charter.clone()).expect("it opens");
        let mut replies = Vec::new();
        let (mut round, mut ask): (Round, Ask) = Round::begin(&asker, Hash([7; 32]));
        loop {
            let (answer, _) = answer(&self.log, &ask);
            replies.push(codec::encode(&Reply::Sync(Box::new(answer.clone()))));
            match round.handle(&mut asker, answer).1 {
                Step::Ask(next) => ask = next,
                Step::Done(_) => break,
            }
        }
        assert_eq!(asker.digest(), self.log.digest());
        replies
    }

    /// Signers of the deltas, one for each: the control arm checks the same signatures.
    ///
    /// # Panics
    /// Panics when a delta is of nobody.
    #[must_use]
    pub fn signers(&self) -> Vec<&SecretKey> {
        let place = |sound: &Sound| self.members.iter().position(|m| *m == sound.chain());
        self.deltas.iter().map(|sound| &self.keys[place(sound).expect("a member")]).collect()
    }
}
