//! The work of one release: reading the sessions and drawing the noise, away from the engine's loop.
//!
//! Its time depends on private data. So nothing that others can see waits for it: the driver runs
//! it on another thread, and its result is sent at a public time.

use std::sync::Arc;

use lore_privacy::release::{
    CostsSpec, LessonsSpec, OutcomesSpec, Participation, VotesSpec, release_costs, release_lessons,
    release_outcomes, release_votes,
};
use lore_privacy::{
    CostContribution, DenyList, LessonContribution, LocalSecret, NoiseSource, OutcomeContribution,
    PrivacyError, Private, Released, SystemNoise, VoteContribution,
};
use lore_protocol::charter::CostKind;
use lore_protocol::ids::Hash;
use lore_protocol::payload::{Payload, Unit, Window};

use crate::{Ballot, Contributions, Source, Storage};

/// A release with all its public parameters, and the owner's deny-list as it stood when its window
/// opened: everything but the sessions.
pub(crate) enum Prepared {
    Lessons(LessonsSpec, DenyList),
    Outcomes(OutcomesSpec),
    Votes(VotesSpec, Ballot),
    Costs(CostsSpec, Vec<CostKind>),
}

/// A release with what the sessions give to it.
enum Gathered {
    Lessons(LessonsSpec, Private<Vec<LessonContribution>>),
    Outcomes(OutcomesSpec, Private<Vec<OutcomeContribution>>),
    Votes(VotesSpec, Private<Vec<VoteContribution>>),
    Costs(CostsSpec, Private<Vec<CostContribution>>),
}

impl Prepared {
    pub(crate) fn hash(&self) -> Hash {
        match self {
            Self::Lessons(spec, _) => spec.hash(),
            Self::Outcomes(spec) => spec.hash(),
            Self::Votes(spec, _) => spec.hash(),
            Self::Costs(spec, _) => spec.hash(),
        }
    }

    /// Reads the sessions. Runs after the release was paid for.
    fn gather(
        self,
        sessions: &dyn Contributions,
        source: &Source<'_>,
    ) -> Result<Gathered, PrivacyError> {
        let gathered = match self {
            Self::Lessons(spec, denied) => {
                Gathered::Lessons(spec, denied.filter(sessions.lessons(source)?))
            }
            Self::Outcomes(spec) => Gathered::Outcomes(spec, sessions.outcomes(source)?),
            Self::Votes(spec, ballot) => Gathered::Votes(spec, sessions.votes(source, &ballot)?),
            Self::Costs(spec, kinds) => Gathered::Costs(spec, sessions.costs(source, &kinds)?),
        };
        source.note()?;
        Ok(gathered)
    }
}

impl Gathered {
    /// Draws the noise, once.
    fn draw<N: NoiseSource>(
        &self,
        secret: &LocalSecret,
        noise: &mut N,
    ) -> Result<Released<Payload, N>, PrivacyError> {
        match self {
            Self::Lessons(spec, from) => release_lessons(spec, from, secret, noise),
            Self::Outcomes(spec, from) => release_outcomes(spec, from, secret, noise),
            Self::Votes(spec, from) => release_votes(spec, from, secret, noise),
            Self::Costs(spec, from) => release_costs(spec, from, secret, noise),
        }
    }
}

/// Work of a release that was paid for. Run it once, on any thread, and give what it returns to
/// [`Engine::finish_job`](crate::Engine::finish_job).
#[must_use = "a release whose work is not done becomes a void"]
pub struct Job<N = SystemNoise> {
    pub(crate) release: Hash,
    pub(crate) prepared: Prepared,
    pub(crate) window: Window,
    pub(crate) unit: Unit,
    pub(crate) participation: Participation,
    pub(crate) secret: LocalSecret,
    pub(crate) store: Arc<dyn Storage>,
    pub(crate) sessions: Arc<dyn Contributions>,
    pub(crate) noise: N,
}

/// Result of a [`Job`].
pub struct Finished<N = SystemNoise> {
    pub(crate) release: Hash,
    pub(crate) made: Result<Released<Payload, N>, PrivacyError>,
}

impl<N: NoiseSource> Job<N> {
    /// Reads what sessions give and draws the noise.
    #[must_use]
    pub fn run(self) -> Finished<N> {
        let Self { release, prepared, window, unit, participation, secret, store, .. } = self;
        let source = Source::new(window, unit, participation, secret, &store);
        let (sessions, mut noise) = (self.sessions, self.noise);
        let gathered = prepared.gather(&*sessions, &source);
        let made = gathered.and_then(|gathered| gathered.draw(source.secret(), &mut noise));
        Finished { release, made }
    }

    /// The result for a run that ended without one: the release becomes a void.
    #[must_use]
    pub fn lost(&self) -> Finished<N> {
        let made = Err(PrivacyError::Unreadable("the work of the release was cut off".into()));
        Finished { release: self.release, made }
    }
}
