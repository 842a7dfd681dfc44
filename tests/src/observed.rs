//! All that others can see of a node, which is driven through time by a test.
//!
//! What is seen is kept as lines of text without what may differ between two equal nodes: keys, hashes, and
//! noisy numbers. Times are those of the node's clock, in seconds since the test began.

use std::collections::BTreeSet;
use std::sync::Arc;

use lore_control::{
    Ask, FederationCheckpoint, FederationCreate, FederationExportLog, FederationInvite,
    FederationShow, LessonPending, PrivacyExplain, PrivacyLedgerVerify, PrivacySet,
    PrivacyStatusOf, SkillList, Status, Unit, Windows,
};
use lore_engine::{Effect, Event, Finished};
use lore_node::config::Config;
use lore_node::home::Home;
use lore_node::host::{Machine, Node};
use lore_node::store::Store;
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{DeltaId, FederationId};
use lore_protocol::lesson::LessonKey;
use lore_protocol::log::Entry;
use lore_protocol::payload::Payload;
use lore_protocol::sync::Ask as SyncAsk;
use lore_protocol::wire::Request;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::clock::{MIDDLE_OF_A_PERIOD, SetClock};
use crate::played;

/// Seconds between two looks.
const STEP: u64 = 600;
/// Key of the other member, who is played, and of a stranger.
const SEEDS: [[u8; 32]; 2] = [[2; 32], [3; 32]];
/// Fields that only the node's operator is shown: how much is here.
const OPERATORS: [&str; 2] = ["users", "sessions"];
/// Fields that hold noisy numbers, or the test's own directory.
const NOISY: [&str; 5] = ["evidence", "costs", "text", "home", "directory"];

/// The field with a list of skills.
const SKILLS: &str = "skills";

/// A founder of a federation with one more member, on a clock that the test sets.
pub struct Observed {
    /// The node.
    pub node: Node,
    clock: Arc<SetClock>,
    federation: FederationId,
    /// Seconds that the work of each release takes.
    pub work_seconds: u64,
    /// True when that work is done on the node's loop: a planted defect.
    pub works_on_the_loop: bool,
    doing: Option<(u64, Finished)>,
    known: BTreeSet<DeltaId>,
    seen: Vec<String>,
    home: TempDir,
}

impl Observed {
    /// A node without sessions and without a budget.
    ///
    /// # Panics
    /// Panics when it cannot be made.
    #[must_use]
    pub fn new(machine: Machine, terms: FederationCreate) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let home = Home::at(&directory.path().join("home")).expect("a path");
        home.initialise(&Config::default().to_toml()).expect("a home");
        drop(Store::open_or_create(&home.store_path()).expect("a store"));
        let clock = SetClock::at(MIDDLE_OF_A_PERIOD);
        let machine = Machine { clock: Arc::clone(&clock) as _, ..machine };
        let mut node = Node::open(home, &machine).expect("a node");
        node.ask(terms).expect("a federation");
        let invite = FederationInvite { federation: None, uses: 1, epochs: 8 };
        let invited = node.federation_invite(&invite, vec!["/ip4/127.0.0.1/tcp/1".into()]);
        let line = invited.expect("an invitation").invitation;
        let federation = played::admit(node.engine_mut(), &line, &SecretKey::from_seed(&SEEDS[0]));
        Self {
            node,
            clock,
            federation,
            work_seconds: 0,
            works_on_the_loop: false,
            doing: None,
            known: BTreeSet::new(),
            seen: Vec::new(),
            home: directory,
        }
    }

    /// Gives the node a budget of epsilon 4.
    pub fn budget(&mut self, unit: Unit) {
        self.tell(PrivacySet {
            epsilon_micros: 4_000_000,
            delta_e18: 1_000_000_000_000,
            period_days: 90,
            unit: Some(unit),
            since_seconds: None,
        });
    }

    /// Lets time pass until so many seconds after the beginning, and does meanwhile what a daemon does.
    ///
    /// # Panics
    /// Panics when the node fails.
    pub fn pass_until(&mut self, seconds: u64) {
        while self.now() < seconds {
            self.clock.pass(STEP);
            let now = self.now();
            if let Some((_, done)) = self.doing.take_if(|(end, _)| now >= *end) {
                self.node.engine_mut().finish_job(done).expect("it is recorded");
            }
            self.node.handle(Event::Tick).expect("it is stored");
            self.work();
            self.look();
        }
    }

    fn work(&mut self) {
        while let Some(job) = self.node.engine_mut().take_job() {
            let done = job.run();
            if self.works_on_the_loop {
                self.clock.pass(self.work_seconds);
                self.node.engine_mut().finish_job(done).expect("it is recorded");
            } else {
                self.doing = Some((self.now() + self.work_seconds, done));
            }
        }
    }

    /// Ends the epoch; the other member answers at once.
    ///
    /// # Panics
    /// Panics when it cannot be ended.
    pub fn checkpoint(&mut self) {
        self.tell(FederationCheckpoint { federation: None });
        let member = SecretKey::from_seed(&SEEDS[0]).public_key();
        self.node.engine_mut().caught_up(self.federation, member).expect("it is stored");
        self.look();
    }

    /// Does a verb, and keeps its answer without what the operator alone sees.
    pub fn tell<R: Ask>(&mut self, verb: R) {
        let name = std::any::type_name::<R>().rsplit("::").next().unwrap_or_default();
        let answer = match self.node.ask(verb) {
            Ok(answer) => json!(answer),
            Err(error) => json!({ "exit": format!("{:?}", error.exit), "kind": error.kind }),
        };
        self.note(format!("{name}: {}", masked(answer)));
    }

    /// Asks all that a member, a stranger and another user of the node can ask; everything seen until now.
    ///
    /// # Panics
    /// Panics when the node does not answer.
    #[must_use]
    pub fn seen(mut self) -> Vec<String> {
        let federation = self.federation;
        let sync = SyncAsk::Missing { frontiers: Vec::new(), wants: Vec::new() };
        let requests = [
            Request::Sync { federation, ask: sync },
            Request::Peers { federation },
            Request::Knock { federation, nonce: [1; 32] },
        ];
        for (who, seed) in ["member", "stranger"].iter().zip(SEEDS) {
            let key = SecretKey::from_seed(&seed).public_key();
            for request in &requests {
                let reply = played::ask(self.node.engine_mut(), key, request);
                self.note(format!("{who}: {} bytes in reply", reply.len()));
            }
        }
        self.tell(Status {});
        self.tell(FederationShow { federation: None });
        self.tell(SkillList { federation: None });
        self.tell(LessonPending {});
        self.tell(PrivacyStatusOf {});
        self.tell(PrivacyExplain {});
        self.tell(PrivacyLedgerVerify {});
        let directory = self.home.path().join("log");
        self.tell(FederationExportLog { federation: None, directory });
        self.seen
    }

    fn now(&self) -> u64 {
        lore_engine::Clock::unix_seconds(&*self.clock) - MIDDLE_OF_A_PERIOD
    }

    fn note(&mut self, line: String) {
        self.seen.push(format!("{:>6} {line}", self.now()));
    }

    /// Notes what is new in the log and what goes to the network.
    fn look(&mut self) {
        let log = self.node.engine().federations()[&self.federation].log();
        let new = log.entries().filter(|(id, _)| !self.known.contains(*id));
        let mut new: Vec<(DeltaId, String)> =
            new.map(|(id, entry)| (*id, in_words(entry))).collect();
        new.sort_by(|a, b| a.1.cmp(&b.1));
        for (id, line) in new {
            self.known.insert(id);
            self.note(line);
        }
        for effect in self.node.engine_mut().take_effects() {
            let line = match effect {
                Effect::Publish { frame, sealed, .. } => {
                    format!("gossip: {} bytes, sealed {}", frame.len(), sealed.len())
                }
                Effect::Request { bytes, .. } => format!("asks: {} bytes", bytes.len()),
                Effect::Reply { bytes, .. } => format!("answers: {} bytes", bytes.len()),
                Effect::Subscribe(_) => "subscribes".to_owned(),
                Effect::Dial { addresses, .. } => format!("dials {addresses:?}"),
                Effect::Judge { verdict, .. } => format!("judges: {verdict:?}"),
                Effect::Joined { .. } => "joined".to_owned(),
            };
            self.note(line);
        }
    }
}

/// Terms of a federation whose releases are sent four hours after the end of their window: lessons and outcomes of
/// the second epoch, votes of the third, and outcomes of the fourth.
#[must_use]
pub fn terms() -> FederationCreate {
    FederationCreate {
        name: "team".into(),
        epsilon_micros: 4_000_000,
        epoch_hours: None,
        epochs_per_period: 90,
        lessons_at: Some(vec![2]),
        outcomes_at: Some(vec![2, 4]),
        votes_at: Some(vec![3]),
        topic_words: 0,
        windows: Windows { grid_seconds: 3_600, least_seconds: 600, send_after_seconds: 14_400 },
        units: Some(vec![Unit::User, Unit::Session]),
        costs: None,
        without_codebook: false,
        scripts: false,
        members: None,
        vouches: None,
    }
}

/// A delta without its noise: everything in its header but hashes, its length, its window, which public items it
/// counts, and which keys passed.
fn in_words(entry: &Entry) -> String {
    let (header, payload) = (entry.header(), entry.payload());
    let what = match payload.as_ref() {
        Payload::Lessons(lessons) => {
            let key = |key: &LessonKey| match key {
                LessonKey::Primary(lesson) => lesson.to_string(),
                LessonKey::Topic { word, .. } => format!("{word:?}"),
            };
            let keys: Vec<String> = lessons.entries.iter().map(|entry| key(&entry.key)).collect();
            format!("{:?} {keys:?}", lessons.window)
        }
        Payload::Outcomes(outcomes) => format!("{:?} {}", outcomes.window, outcomes.cells.len()),
        Payload::Votes(votes) => format!("{:?} {}", votes.window, votes.votes.len()),
        _ => String::new(),
    };
    format!(
        "delta {:?} {} of epoch {} at depth {}, {} bytes, {:?}, {:?}: {what}",
        header.payload_kind,
        header.seq,
        header.epoch,
        header.depth,
        header.payload_len,
        header.spend,
        payload.mechanism(),
    )
}

/// A JSON value without keys, hashes, noisy numbers, and what the operator alone is shown.
fn masked(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let open = fields.into_iter().filter(|(name, _)| {
                !OPERATORS.contains(&name.as_str()) && !NOISY.contains(&name.as_str())
            });
            let open = open.map(|(name, value)| {
                let mut value = masked(value);
                // The best come first, by noisy counts.
                if let (SKILLS, Some(skills)) = (name.as_str(), value.as_array_mut()) {
                    skills.sort_by_key(ToString::to_string);
                }
                (name, value)
            });
            open.collect()
        }
        Value::Array(values) => values.into_iter().map(masked).collect(),
        Value::String(text) => {
            let hex = |c: char| c.is_ascii_hexdigit();
            let secret = |word: &str| word.len() >= 16 && word.chars().all(hex);
            let words = text.split_inclusive(|c: char| !c.is_alphanumeric());
            let kept = words.map(|word| {
                if secret(word.trim_end_matches(|c: char| !c.is_alphanumeric())) {
                    "#"
                } else {
                    word
                }
            });
            kept.collect::<String>().into()
        }
        other => other,
    }
}
