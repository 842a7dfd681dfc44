//! Two honest nodes in one federation with members that a test plays.

use lore_protocol::lesson::{Action, ErrorClass, Lesson, LessonKey, Op, Token, Trigger};
use lore_protocol::payload::{LessonEntry, Lessons, Origin, Payload};

use crate::member::Identity;
use crate::node::{Cluster, Node, converged};

/// The nodes and the members. All are on the roster.
pub struct Guild {
    /// The founder's node.
    pub ada: Node,
    /// An invited node.
    pub ben: Node,
    /// Members that are played, in the order of their seeds.
    pub members: Vec<Identity>,
}

impl Guild {
    /// Founds it; members come by one invitation, with keys from these seeds.
    ///
    /// # Panics
    /// Panics when a node does not do its work.
    #[must_use]
    pub fn of(cluster: &Cluster, seeds: impl IntoIterator<Item = u8>) -> Self {
        let [ada, ben] = ["ada", "ben"].map(|name| cluster.running(name));
        ada.json(&["federation", "create", "guild"]);
        ada.admit(&ben);
        let line = ada.invitation(&["--uses", "16"]);
        let members = seeds.into_iter().map(|seed| Identity::join(&ada, &line, seed)).collect();
        ada.checkpoint();
        converged(&[&ada, &ben]);
        Self { ada, ben, members }
    }
}

/// A release of worked examples that a person is said to have written: of each command its first word is the program.
///
/// # Panics
/// Panics for a command that is no token.
#[must_use]
pub fn authored(commands: impl IntoIterator<Item = String>) -> Payload {
    let entries = commands.into_iter().map(|command| {
        let tool = Token::new(command.split(' ').next().unwrap_or_default()).expect("a program");
        let trigger = Trigger { tool, error: ErrorClass::None, subject: None };
        let action = Action::Example(Token::new(command).expect("a command"));
        let lesson = Lesson::new(None, Op::Prefer, trigger, action).expect("a lesson");
        LessonEntry { key: LessonKey::Primary(lesson), support: 0 }
    });
    let mut entries: Vec<LessonEntry> = entries.collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    Payload::Lessons(Lessons { origin: Origin::Authored, window: None, entries, padding: vec![] })
}
