//! Recognises turns that another file, or an earlier state of the same file, already gave.
//!
//! Files of sessions grow, are copied by a resume or a fork, and are saved again and again as states of one
//! conversation. A turn is recognised by a mark: by the names that the source gives its messages, which copies
//! keep; else by the session and its place in it; else, where a session has no name, by everything up to it.

use std::collections::BTreeSet;

use lore_protocol::steps::Steps;

use super::skills;
use crate::conversation::mark;
use crate::{Role, Session, Source, Turn, judge};

/// What an importer knows of a turn beside what the session holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TurnFact {
    /// Mark by which the turn is recognised; empty when it cannot be told from others.
    pub mark: String,
    /// True when a node should keep the mark. The others are for finding an earlier state only.
    pub kept: bool,
    /// True when the mark stands for everything up to this turn.
    pub covers: bool,
    /// Time at which it was said, in seconds since the Unix epoch, when the source says so.
    pub seconds: Option<u64>,
}

/// A session as an importer found it, with one fact a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The session.
    pub session: Session,
    /// Facts of its turns, in their order.
    pub turns: Vec<TurnFact>,
}

impl Found {
    /// A session of which the source says no more than it holds.
    #[must_use]
    pub fn bare(session: Session) -> Self {
        let turns = session.turns.iter().enumerate();
        let turns = turns.map(|(at, turn)| TurnFact {
            mark: by_place(&session.id, at, turn),
            kept: true,
            ..TurnFact::default()
        });
        Self { turns: turns.collect(), session }
    }

    /// Leaves out turns, with what was read from them. The task stays, unless the turns that are left have
    /// words of the person.
    pub fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let mut at = 0..;
        self.session.turns.retain(|_| at.next().is_some_and(&keep));
        let mut at = 0..;
        self.turns.retain(|_| at.next().is_some_and(&keep));
        let steps = Steps::unbounded();
        let turns = &self.session.turns;
        self.session.skills_read = skills::read_in(turns, &steps);
        if matches!(self.session.outcome.source, Source::Rules | Source::Nobody) {
            self.session.outcome = judge(turns);
        }
        let said = turns.iter().find(|turn| turn.role == Role::User && !turn.text.is_empty());
        if let Some(said) = said {
            self.session.task.clone_from(&said.text);
        }
    }
}

/// How many calls a turn has, and how many of them were answered: a turn that got an answer is another one.
fn counts(turn: &Turn) -> (usize, usize) {
    (turn.calls.len(), turn.calls.iter().filter(|call| call.result.is_some()).count())
}

/// The mark of a turn by the names of its messages.
pub(super) fn by_names(names: &BTreeSet<String>, turn: &Turn) -> String {
    let (calls, answered) = counts(turn);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    mark("turn", &format!("{calls}/{answered}/{}", names.join("/")))
}

/// The mark of a turn by its place in a session that has a name.
pub(super) fn by_place(session: &str, at: usize, turn: &Turn) -> String {
    let (calls, answered) = counts(turn);
    mark("place", &format!("{calls}/{answered}/{at}/{session}"))
}

/// Marks of turns by everything up to them. Turns before the first answered call have none: many
/// conversations begin alike.
pub(super) fn by_chain(turns: &[Turn]) -> Vec<TurnFact> {
    let mut hasher = blake3::Hasher::new_derive_key("commonlore/session/chain/v1");
    let mut answered = false;
    let add = |text: &str, hasher: &mut blake3::Hasher| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    let fact = |(at, turn): (usize, &Turn)| {
        hasher.update(&[turn.role as u8]);
        add(&turn.text, &mut hasher);
        for call in &turn.calls {
            add(&call.tool, &mut hasher);
            add(&call.arguments.to_string(), &mut hasher);
            add(call.result.as_deref().unwrap_or_default(), &mut hasher);
            answered |= call.result.is_some();
        }
        let mark = answered.then(|| mark("chain", &hasher.finalize().to_hex()));
        // The last turn of a state may have been waiting for an answer: the one before it counts too.
        let kept = answered && at + 2 >= turns.len();
        TurnFact { mark: mark.unwrap_or_default(), kept, covers: true, seconds: None }
    };
    turns.iter().enumerate().map(fact).collect()
}
