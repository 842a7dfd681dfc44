//! What sessions give to a release. Every session is looked at alone, with public data only; what comes
//! out is private, and only the privacy door reads it.

use std::collections::{BTreeMap, BTreeSet};

use lore_agent::session::Session;
use lore_privacy::release::Participation;
use lore_privacy::{
    CostContribution, LessonContribution, LocalSecret, OutcomeContribution, PrivacyError, Private,
    UnitId, VoteContribution,
};
use lore_protocol::charter::{CostKind, Measure};
use lore_protocol::ids::LessonId;
use lore_protocol::lesson;
use lore_protocol::library::Library;
use lore_protocol::payload::{ItemId, Unit};
use lore_protocol::trace::{Outcome, Trace};

use crate::store::{Store, Table};

/// Reads the sessions that feed one release. It is used while the release is sampled, so that an error
/// here voids the release.
pub(super) struct Reader {
    pub(super) store: Store,
    pub(super) secret: LocalSecret,
    /// Whose removal or replacement the release protects.
    pub(super) unit: Unit,
    pub(super) participation: Participation,
}

/// A session with the unit it belongs to.
type Owned = (UnitId, Session);

impl Reader {
    fn sessions(&self) -> Result<Private<Vec<Owned>>, PrivacyError> {
        let unreadable =
            |error: &dyn std::fmt::Display| PrivacyError::Unreadable(error.to_string());
        let mut sessions = Vec::new();
        for pair in self.store.scan(Table::Sessions, b"") {
            let (_, bytes) = pair.map_err(|error| unreadable(&error))?;
            // A record that is damaged belongs to nobody who could be named, and feeds nothing.
            let Ok(session) = serde_json::from_slice::<Session>(&bytes) else { continue };
            let unit = match self.unit {
                Unit::User => session.unit.as_deref().map(|unit| self.secret.user(unit)),
                // With its user: two users may have sessions of one id.
                Unit::Session => {
                    let user = session.unit.as_deref().unwrap_or_default();
                    Some(self.secret.session(&format!("{user}/{}", session.id)))
                }
                Unit::Personal => Some(self.secret.person()),
            };
            let unit = unit.filter(|unit| self.participation.includes(&self.secret, unit));
            sessions.extend(unit.map(|unit| Private::new((unit, session))));
        }
        Ok(sessions.into())
    }

    fn each<T>(
        &self,
        give: impl Fn(&UnitId, &Session) -> Vec<T>,
    ) -> Result<Private<Vec<T>>, PrivacyError> {
        let give =
            |owned: Vec<Owned>| owned.iter().flat_map(|(unit, one)| give(unit, one)).collect();
        Ok(self.sessions()?.map(give))
    }

    /// What each session teaches.
    pub(super) fn lessons(&self) -> Result<Private<Vec<LessonContribution>>, PrivacyError> {
        self.each(|unit, session| {
            let bundle = lesson::mine(&session.trace()).map(|bundle| LessonContribution {
                unit: *unit,
                start_seconds: session.started.unix_seconds,
                primary: bundle.primary,
                topics: bundle.topics,
            });
            bundle.into_iter().collect()
        })
    }

    /// How each session ended with the skills that it used.
    pub(super) fn outcomes(&self) -> Result<Private<Vec<OutcomeContribution>>, PrivacyError> {
        self.each(|unit, session| {
            let success = match session.outcome.verdict {
                Outcome::Success => true,
                Outcome::Failure => false,
                Outcome::Unknown => return Vec::new(),
            };
            let one = |item| OutcomeContribution {
                unit: *unit,
                item,
                context: 0,
                success,
                start_seconds: session.started.unix_seconds,
            };
            used(session).map(one).collect()
        })
    }

    /// What each session cost with the skills that it used, in the charter's units.
    pub(super) fn costs(
        &self,
        kinds: &[CostKind],
    ) -> Result<Private<Vec<CostContribution>>, PrivacyError> {
        self.each(|unit, session| {
            let amounts: Vec<u64> = kinds
                .iter()
                .map(|kind| measure(session, kind.measure) / u64::from(kind.per.max(1)))
                .collect();
            let one = |item| CostContribution {
                unit: *unit,
                item,
                context: 0,
                amounts: amounts.clone(),
                start_seconds: session.started.unix_seconds,
            };
            used(session).map(one).collect()
        })
    }

    /// Which candidates each session speaks for.
    pub(super) fn votes(
        &self,
        candidates: &Candidates,
    ) -> Result<Private<Vec<VoteContribution>>, PrivacyError> {
        self.each(|unit, session| {
            vec![VoteContribution {
                unit: *unit,
                start_seconds: session.started.unix_seconds,
                supports: candidates.supported(session),
            }]
        })
    }
}

/// Revisions whose text the session opened.
fn used(session: &Session) -> impl Iterator<Item = ItemId> {
    session.skills_read.iter().filter_map(|skill| skill.revision).map(ItemId::Revision)
}

fn measure(session: &Session, measure: Measure) -> u64 {
    let calls = || session.turns.iter().flat_map(|turn| &turn.calls);
    match measure {
        Measure::Tokens => {
            session.turns.iter().filter_map(|turn| turn.tokens).fold(0, |sum, tokens| {
                sum.saturating_add(tokens.input).saturating_add(tokens.output)
            })
        }
        Measure::Seconds => {
            calls().filter_map(|call| call.duration_ms).fold(0_u64, u64::saturating_add) / 1000
        }
        Measure::Calls => calls().count() as u64,
    }
}

/// A public ballot, with the command lines of its lessons.
pub(super) struct Candidates {
    ballot: BTreeSet<ItemId>,
    by_template: BTreeMap<String, Vec<LessonId>>,
}

impl Candidates {
    /// The ballot of a library.
    pub(super) fn of(library: &Library) -> Self {
        let ballot: BTreeSet<ItemId> = library.ballot().into_iter().collect();
        let mut by_template: BTreeMap<String, Vec<LessonId>> = BTreeMap::new();
        for item in &ballot {
            let ItemId::Lesson(id) = item else { continue };
            let example = library.lessons.get(id).and_then(|item| item.lesson.example());
            if let Some(template) = example {
                by_template.entry(template.as_str().to_owned()).or_default().push(*id);
            }
        }
        Self { ballot, by_template }
    }

    /// What is voted on.
    pub(super) const fn ballot(&self) -> &BTreeSet<ItemId> {
        &self.ballot
    }

    /// What a session speaks for, when it succeeded: revisions that it read, lessons that it would teach
    /// itself, and lessons whose command line worked in it.
    fn supported(&self, session: &Session) -> BTreeSet<ItemId> {
        if session.outcome.verdict != Outcome::Success {
            return BTreeSet::new();
        }
        let trace = session.trace();
        let taught = lesson::candidates(&trace).into_iter().map(|lesson| lesson.id());
        let lessons = taught.chain(self.worked(&trace)).map(ItemId::Lesson);
        used(session).chain(lessons).filter(|item| self.ballot.contains(item)).collect()
    }

    fn worked(&self, trace: &Trace) -> Vec<LessonId> {
        let values = lesson::values(&trace.task);
        let mut found = Vec::new();
        for call in trace.calls.iter().filter(|call| !call.failed) {
            // A shell's input is a command line; another tool's name stands before its arguments.
            for line in [call.input.clone(), format!("{} {}", call.tool.to_lowercase(), call.input)]
            {
                let Ok(template) = lesson::templatise_with(&line, &values) else { continue };
                found.extend(self.by_template.get(template.as_str()).into_iter().flatten());
            }
        }
        found
    }
}
