//! Known lessons of all circles, looked up by what failed.

use std::collections::{BTreeMap, HashMap};

use lore_protocol::ids::LessonId;
use lore_protocol::lesson::{Action, ErrorClass, Lesson, Op};
use lore_protocol::library::{Estimate, LessonState};

use crate::call::Call;
use crate::codebook::codebook;
use crate::digest::Digest;
use crate::hint::Hint;
use crate::line::{Command, commands};
use crate::program::{Program, program};
use crate::shape::is_shaped;
use crate::situation::{Situation, situation_of};
use crate::status::status_of;

/// Sessions or people from which on a remedy counts for another message of the same program and class.
const MIN_GROUPS_COARSE: u32 = 2;

/// Circle that a lesson comes from, the innermost first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Circle {
    /// The user's own sessions.
    Own,
    /// The same user's sessions on other devices.
    Devices,
    /// Released by this node, from all its users.
    Node,
    /// Released by other nodes.
    Federation,
    /// Public texts: the codebook.
    Codebook,
}

impl Circle {
    /// Returns true for what is a user's own, here or on the user's other devices: nobody else is shown it.
    #[must_use]
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Own | Self::Devices)
    }
}

/// All circles, by the numbers that an index has for them.
pub(crate) const CIRCLES: [Circle; 5] =
    [Circle::Own, Circle::Node, Circle::Federation, Circle::Codebook, Circle::Devices];

/// How often a remedy was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Times it worked.
    pub worked: u32,
    /// Times the same failure came again.
    pub failed: u32,
    /// Sessions in which it worked; of a released lesson, its noisy number of people.
    pub groups: u32,
    /// The last time, in seconds since the Unix epoch; 0 when not known.
    pub last_seconds: u64,
}

impl Tally {
    /// Pooled evidence of a released lesson that so many people know; without evidence it worked once for each of
    /// them.
    #[must_use]
    pub fn pooled(people: u32, evidence: Option<&Estimate>) -> Self {
        let groups = people.max(1);
        let trials = evidence.map_or(0, |evidence| u64::try_from(evidence.sessions).unwrap_or(0));
        let Some(evidence) = evidence.filter(|_| trials > 0) else {
            return Self { worked: groups, failed: 0, groups, last_seconds: 0 };
        };
        let all = u32::try_from(trials).unwrap_or(u32::MAX);
        let worked = trials.saturating_mul(evidence.rate_micros) / 1_000_000;
        let worked = u32::try_from(worked).unwrap_or(u32::MAX).min(all);
        Self { worked, failed: all - worked, groups, last_seconds: 0 }
    }

    /// Lower end of the 95 % Wilson interval of its success, 0 to 1 (Wilson 1927, "Probable inference, the
    /// law of succession, and statistical inference").
    #[must_use]
    pub fn lower_bound(&self) -> f64 {
        const Z: f64 = 1.96;
        let n = f64::from(self.worked) + f64::from(self.failed);
        if n == 0.0 {
            return 0.0;
        }
        let share = f64::from(self.worked) / n;
        let middle = share + Z * Z / (2.0 * n);
        let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        ((middle - spread) / (1.0 + Z * Z / n)).max(0.0)
    }
}

/// One known lesson.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The lesson.
    pub lesson: Lesson,
    /// Where it comes from.
    pub circle: Circle,
    /// How often it was seen.
    pub tally: Tally,
    /// A command that followed it; empty when there is none to show.
    pub example: String,
    /// True when its program is on the public list.
    pub public: bool,
    /// State in the evidence that federations released.
    pub state: LessonState,
}

impl Entry {
    /// Returns true when it may be hinted: it did not stop working, and has the shape of what sessions teach when
    /// other members are its source. That its situation is not met in the federation any more says nothing about a
    /// user who meets it.
    #[must_use]
    pub fn stands(&self) -> bool {
        if self.circle == Circle::Federation && !is_shaped(&self.lesson) {
            return false;
        }
        match self.state {
            LessonState::Steady => true,
            LessonState::Dormant { .. } => self.circle.is_private(),
            LessonState::Drifting { .. } => false,
        }
    }

    /// Returns true when it worked more often than it failed, or a text says that it does.
    #[must_use]
    pub fn helps(&self) -> bool {
        self.tally.worked > self.tally.failed || self.circle == Circle::Codebook
    }
}

/// Known lessons.
#[derive(Debug, Clone, Default)]
pub struct Book {
    entries: Vec<Entry>,
    places: HashMap<(Circle, LessonId), usize>,
    /// By program and class.
    by_situation: HashMap<(String, ErrorClass), Vec<usize>>,
    /// By program.
    by_program: HashMap<String, Vec<usize>>,
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All lessons: pitfalls and practice, in the order in which they came.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds a lesson, or what was seen of it to one that is there.
    pub fn add(&mut self, entry: Entry) {
        let place = (entry.circle, entry.lesson.id());
        if let Some(at) = self.places.get(&place) {
            let known = &mut self.entries[*at];
            let (sum, more) = (&mut known.tally, entry.tally);
            sum.worked = sum.worked.saturating_add(more.worked);
            sum.failed = sum.failed.saturating_add(more.failed);
            sum.groups = sum.groups.saturating_add(more.groups);
            let newer = more.last_seconds >= sum.last_seconds;
            sum.last_seconds = sum.last_seconds.max(more.last_seconds);
            if newer && !entry.example.is_empty() {
                known.example = entry.example;
            }
            known.state = known.state.max(entry.state);
            return;
        }
        let at = self.entries.len();
        let trigger = entry.lesson.trigger();
        if entry.lesson.op() == Op::Fix {
            let program = trigger.tool.as_str().to_owned();
            self.by_situation.entry((program.clone(), trigger.error)).or_default().push(at);
            self.by_program.entry(program).or_default().push(at);
        }
        self.places.insert(place, at);
        self.entries.push(entry);
    }

    /// Adds the public texts that come with the program.
    pub fn add_codebook(&mut self) {
        for known in codebook().entries() {
            self.add(Entry {
                lesson: known.lesson.clone(),
                circle: Circle::Codebook,
                tally: Tally { worked: 1, failed: 0, groups: 1, last_seconds: 0 },
                example: String::new(),
                public: true,
                state: LessonState::Steady,
            });
        }
    }

    /// Adds what one of the user's own sessions saw.
    pub fn add_session(&mut self, digest: &Digest) {
        let mut sums: BTreeMap<&Lesson, Entry> = BTreeMap::new();
        let practices = digest.practices.iter().map(|lesson| (lesson, true, true, ""));
        let seen = digest.seen.iter();
        let seen = seen.map(|one| (&one.lesson, one.public, one.worked, one.example.as_str()));
        for (lesson, public, worked, example) in seen.chain(practices) {
            let entry = sums.entry(lesson).or_insert_with(|| Entry {
                lesson: lesson.clone(),
                circle: Circle::Own,
                tally: Tally { last_seconds: digest.started_seconds, ..Tally::default() },
                example: String::new(),
                public,
                state: LessonState::Steady,
            });
            if worked {
                entry.tally.worked += 1;
                entry.tally.groups = 1;
                example.clone_into(&mut entry.example);
            } else {
                entry.tally.failed += 1;
            }
        }
        for (_, entry) in sums {
            self.add(entry);
        }
    }

    /// Notes the state of a lesson in every circle. Of several federations the worst one counts.
    pub fn mark(&mut self, lesson: LessonId, state: LessonState) {
        for circle in CIRCLES {
            if let Some(at) = self.places.get(&(circle, lesson)) {
                let entry = &mut self.entries[*at];
                entry.state = entry.state.max(state);
            }
        }
    }

    /// Lessons that answer the same failure in another way, each once for each circle that knows it.
    #[must_use]
    pub fn rivals(&self, lesson: &Lesson) -> Vec<&Entry> {
        let trigger = lesson.trigger();
        let place = (trigger.tool.as_str().to_owned(), trigger.error);
        let known = self.by_situation.get(&place).into_iter().flatten();
        let known = known.map(|at| &self.entries[*at]);
        let is_rival = |entry: &&Entry| {
            lesson.op() == Op::Fix
                && entry.lesson.trigger() == trigger
                && entry.lesson.action() != lesson.action()
        };
        known.filter(is_rival).collect()
    }

    /// The one hint for a call, when it failed and something is known that answers it: of the innermost circle
    /// that knows one, the lesson with the best lower bound; never one that stopped working. `task` is the user's task.
    #[must_use]
    pub fn hint(&self, call: &Call, task: &str) -> Option<Hint<'_>> {
        let situation = situation_of(call, task)?;
        self.hint_for(&situation, call.command.as_deref())
    }

    /// As [`Book::hint`], for a situation that is known.
    #[must_use]
    pub fn hint_for(&self, situation: &Situation, command: Option<&str>) -> Option<Hint<'_>> {
        let known = self.by_situation.get(&(situation.program.clone(), situation.class))?;
        let lines = command.map(commands).unwrap_or_default();
        let fits = known.iter().map(|at| &self.entries[*at]).filter_map(|entry| {
            let exact = answers(entry, situation)?;
            let usable = entry.helps() && entry.stands();
            (usable && applies(entry.lesson.action(), &situation.program, &lines))
                .then_some((entry, exact))
        });
        let mut fits: Vec<(&Entry, bool)> = fits.collect();
        // What own sessions showed is not displaced by another device, which may be wrong about it.
        if fits.iter().any(|(entry, _)| entry.circle == Circle::Own) {
            fits.retain(|(entry, _)| entry.circle != Circle::Devices);
        }
        let best = fits.into_iter().min_by(|(a, a_exact), (b, b_exact)| {
            let rank = |entry: &Entry, exact: bool| (!exact, entry.circle);
            rank(a, *a_exact)
                .cmp(&rank(b, *b_exact))
                .then_with(|| b.tally.lower_bound().total_cmp(&a.tally.lower_bound()))
                .then_with(|| b.tally.last_seconds.cmp(&a.tally.last_seconds))
                .then_with(|| a.lesson.cmp(&b.lesson))
        })?;
        Some(Hint { entry: best.0, exact: best.1, failed: true })
    }

    /// The one line to show beside the result of a call: the hint when it failed, else the advice when its line is a
    /// known failing form. None for a call that did its job or was not carried out.
    #[must_use]
    pub fn hint_or_advice(&self, call: &Call, task: &str) -> Option<Hint<'_>> {
        if !status_of(call).wants_a_hint() {
            return None;
        }
        self.hint(call, task).or_else(|| self.advice(call.command.as_deref()?))
    }

    /// Advice before a command line that is exactly a known failing form. It never blocks.
    #[must_use]
    pub fn advice(&self, command: &str) -> Option<Hint<'_>> {
        let lines = commands(command);
        let programs: Vec<Program> = lines.iter().map(program).collect();
        let known = programs.iter().filter_map(|one| self.by_program.get(&one.path)).flatten();
        let fits = known.map(|at| &self.entries[*at]).filter(|entry| {
            let tally = entry.tally;
            let sure = tally.groups >= MIN_GROUPS_COARSE || entry.circle == Circle::Codebook;
            sure && entry.stands() && tally.failed == 0 && is_failing_form(&entry.lesson, &lines)
        });
        let best = fits.min_by(|a, b| {
            a.circle
                .cmp(&b.circle)
                .then_with(|| b.tally.lower_bound().total_cmp(&a.tally.lower_bound()))
                .then_with(|| a.lesson.cmp(&b.lesson))
        })?;
        Some(Hint { entry: best, exact: true, failed: false })
    }
}

/// Returns true for a lesson that answers the very message, false for one that answers the program and class;
/// none when it answers neither.
fn answers(entry: &Entry, situation: &Situation) -> Option<bool> {
    let subject = entry.lesson.trigger().subject.as_ref().map(|token| token.as_str());
    if subject.is_some() && subject == situation.point() {
        return Some(true);
    }
    if subject.is_none() {
        return Some(situation.point().is_none());
    }
    // Known for another message: only what has nothing to do with its words.
    let general = matches!(
        entry.lesson.action(),
        Action::RunFirst(_)
            | Action::InDirectory(_)
            | Action::WithOption(_)
            | Action::SetEnv(_)
            | Action::Retry(_)
    );
    (general && entry.tally.groups >= MIN_GROUPS_COARSE).then_some(false)
}

/// Returns true when a line holds these words in this order; a word of a list (`a,b`) counts.
fn holds(lines: &[Command], words: &str) -> bool {
    let words: Vec<&str> = words.split(' ').collect();
    let is = |text: &str, word: &str| {
        text == word
            // An empty word, as it is written.
            || (text.is_empty() && word == "''")
            || text.split(',').any(|item| item == word)
            || (word.starts_with('-') && text.split('=').next() == Some(word))
    };
    lines.iter().any(|line| {
        line.words
            .windows(words.len().max(1))
            .any(|window| window.iter().zip(&words).all(|(have, word)| is(&have.text, word)))
    })
}

/// Returns true when the advice changes something about the line.
fn applies(action: &Action, program: &str, lines: &[Command]) -> bool {
    if lines.is_empty() {
        return true;
    }
    match action {
        Action::UseArgument { old, .. } => old.as_str() == program || holds(lines, old.as_str()),
        Action::DropFlag(flag) => holds(lines, flag.as_str()),
        Action::AddFlag(flag) => !holds(lines, flag.as_str()),
        Action::UseTool(tool) => tool.as_str() != program,
        _ => true,
    }
}

/// Returns true when the line holds the very word that fails, so that it fails again.
fn is_failing_form(lesson: &Lesson, lines: &[Command]) -> bool {
    let subject = lesson.trigger().subject.as_ref().map(|token| token.as_str());
    match lesson.action() {
        Action::UseArgument { old, .. } | Action::DropFlag(old) => {
            let bare = |word: &str| word.trim_start_matches('-').to_owned();
            let word = old.as_str().split(' ').next().map(bare);
            // Some programs name a flag without its dashes.
            subject.is_some() && subject.map(bare) == word && holds(lines, old.as_str())
        }
        Action::UseTool(_) => lesson.trigger().error == ErrorClass::CommandNotFound,
        _ => false,
    }
}
