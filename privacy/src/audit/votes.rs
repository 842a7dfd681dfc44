//! Votes with discrete Laplace noise, under removal of a user and under replacement of a personal
//! node's one vote, through the whole release.

use std::collections::BTreeSet;

use lore_protocol::ids::{Hash, LessonId};
use lore_protocol::payload::{ItemId, Mechanism, Payload, PayloadKind, Unit};

use super::rig::{NOW, Rig, WINDOW, secret};
use super::statistics::certified_epsilon;
use super::{Certified, Observer};
use crate::mechanism::Bounds;
use crate::release::{VotesSpec, release_votes};
use crate::{PrivacyError, Private, SystemNoise, UnitId, VoteContribution, mechanism};

/// Epsilon that is charged when one unit moves the vector by `l1`: what is recorded is half its square.
pub(crate) fn epsilon(scale_micros: u64, l1: u16) -> Result<f64, PrivacyError> {
    let rho = mechanism::laplace_cost(Bounds::cells(l1, 1), scale_micros)?.rho_nano as f64 / 1e9;
    Ok((2.0 * rho).sqrt())
}

/// Two databases that differ by one unit, with a ballot of two candidates.
pub(crate) struct Votes {
    spec: VotesSpec,
    rig: Rig,
    with: Private<Vec<VoteContribution>>,
    without: Private<Vec<VoteContribution>>,
    /// Votes of the others, the same on both sides.
    others: [f64; 2],
    /// True when the second candidate's count differs too.
    moved: bool,
}

fn candidate(number: u8) -> ItemId {
    ItemId::Lesson(LessonId([number; 32]))
}

/// Three sessions: two speak for one candidate, one for both, so that one vote too many shows.
fn sessions(unit: UnitId, number: u8) -> Vec<VoteContribution> {
    let one = |start_seconds, supports: &[u8]| VoteContribution {
        unit,
        start_seconds,
        supports: supports.iter().map(|number| candidate(*number)).collect(),
    };
    vec![one(NOW - 9, &[number]), one(NOW - 8, &[number]), one(NOW - 7, &[0, 1])]
}

impl Votes {
    /// One user of two voted for the first candidate, or is not there.
    pub(crate) fn removed(scale_micros: u64) -> Result<Self, PrivacyError> {
        Self::with_victims(scale_micros, &["ada"])
    }

    /// The same with more than one unit as the victim, which is more than is claimed.
    pub(crate) fn with_victims(scale_micros: u64, victims: &[&str]) -> Result<Self, PrivacyError> {
        let other = sessions(secret().user("bob"), 1);
        let victims = victims.iter().flat_map(|user| sessions(secret().user(user), 0));
        let with = other.iter().cloned().chain(victims).collect();
        let mechanism = mechanism::laplace(Unit::User, Bounds::cells(1, 1), scale_micros)?;
        Self::over(mechanism, with, other, [0.0, 1.0], false)
    }

    /// A personal node voted for the first candidate, or for the second.
    pub(crate) fn replaced(scale_micros: u64) -> Result<Self, PrivacyError> {
        let person = |number| sessions(secret().person(), number);
        let mechanism = mechanism::laplace(Unit::Personal, Bounds::cells(2, 1), scale_micros)?;
        Self::over(mechanism, person(0), person(1), [0.0, 0.0], true)
    }

    fn over(
        mechanism: Mechanism,
        with: Vec<VoteContribution>,
        without: Vec<VoteContribution>,
        others: [f64; 2],
        moved: bool,
    ) -> Result<Self, PrivacyError> {
        let spec = VotesSpec {
            release: Hash::ZERO,
            mechanism,
            window: WINDOW,
            items_root: Hash::ZERO,
            ballot: [candidate(0), candidate(1)].into_iter().collect::<BTreeSet<_>>(),
        };
        let rig = Rig::new(PayloadKind::Votes, mechanism)?;
        Ok(Self {
            spec,
            rig,
            with: Private::new(with),
            without: Private::new(without),
            others,
            moved,
        })
    }

    /// One release with a crash after its noise was drawn: whether it shows the event that attains the
    /// bound, the first count up, and the second not where that one moves too.
    fn hit(&self, victim: bool) -> Result<bool, PrivacyError> {
        let database = if victim { &self.with } else { &self.without };
        let made = || release_votes(&self.spec, database, &secret(), &mut SystemNoise);
        let sent = Rig::recover(self.rig.sample_and_die(made)?)?;
        let votes = sent.iter().flat_map(|payload| match payload {
            Payload::Votes(votes) => votes.votes.as_slice(),
            _ => &[],
        });
        // In the order of the ballot; a second draw would be a third count, and a hit like the first.
        let noisy: Vec<f64> = votes.map(|entry| entry.votes as f64).collect();
        Ok(noisy.chunks_exact(2).any(|pair| {
            pair[0] - self.others[0] >= 1.0 && (!self.moved || pair[1] - self.others[1] <= 0.0)
        }))
    }

    /// Tells the neighbours apart.
    pub(crate) fn attack(
        &self,
        name: &'static str,
        claimed: f64,
        runs: u64,
        observer: &mut dyn Observer,
    ) -> Result<Certified, PrivacyError> {
        let mut count = |victim| -> Result<u64, PrivacyError> {
            let mut hits = 0;
            for done in 0..runs {
                hits += u64::from(self.hit(victim)?);
                if done % 1_000 == 0 {
                    observer.progress(name, done, runs);
                }
            }
            Ok(hits)
        };
        let (with, without) = (count(true)?, count(false)?);
        let certified = certified_epsilon((with, runs), (without, runs), 0.0);
        Ok(Certified { claimed, certified, samples: 2 * runs, epsilon: None })
    }
}
