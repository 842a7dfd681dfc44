//! Drift of a pitfall lesson: its remedy stopped working, or its situation stopped occurring.
//!
//! A watch has one value for every sealed epoch that brought outcomes of the lesson: how far the epoch's counts
//! are from the rate known before, in standard deviations. Each voice enters through the linear score
//! `u = s (1 - p) - f p` of [`Pool`](super::Pool), over the deviation `sqrt(n p q + sigma^2 (p^2 + q^2))`, sigma being the declared
//! noise. Values are summed by a one-sided CUSUM (Page 1954, "Continuous inspection schemes"):
//! `S = max(0, S + deviation - allowance)`, with an alarm at a threshold, and the epoch after S was last 0 as the
//! estimate of when the change came. The rate known before is itself an estimate; its variance enters the deviation,
//! as in a self-starting CUSUM (Hawkins 1987), so that the test needs no trial period.
//!
//! No voice can raise an alarm alone. Of three and more the lowest and the highest do not count, of two
//! the one that speaks less for a change counts, and one voice is no value where others spoke before.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Counts, Estimate};
use super::item::Library;
use super::spoken::{Spoken, add, hold};
use crate::codec::{Decode, Encode};
use crate::ids::{LessonId, MemberId};
use crate::lesson::Op;
use crate::payload::ItemId;

const MICRO: i128 = 1_000_000;
/// Deviations that each value must pass before it counts for a change, in millionths. A value of two is
/// where Page's test with this allowance is fastest.
const ALLOWANCE_MICRO: i128 = 1_000_000;
/// Sum at which the alarm is raised, in millionths. For normal values Siegmund's formula (1985, "Sequential
/// Analysis", chapter 2) gives one false alarm in about 15,000 of them; `protocol/tests/drift.rs` measures it.
const THRESHOLD_MICRO: i128 = 4_000_000;
/// Standard error of the rate known before above which nothing is tested, in millionths.
const MAX_ERROR_MICROS: u64 = 200_000;
/// Rate above which a remedy works more often than not, in millionths.
const HALF_MICROS: u64 = 500_000;
/// What a rise is measured from: how often a remedy failed that is hardly tried any more is not well known.
const EVEN: Estimate =
    Estimate { rate_micros: HALF_MICROS, variance_pico: 0, sessions: 0, voices: 0 };
/// One-sided 95 %, in millionths.
const SURE_MICRO: u64 = 1_644_854;
/// Deviations by which trials must be fewer than before for a lesson to be dormant, in millionths.
const MISSING_MICRO: i128 = 4_500_000;
/// Quiet epochs on end after which a lesson is dormant.
const QUIET_EPOCHS: u32 = 4;
/// Epochs that the mean number of trials remembers.
const HEARD_EPOCHS: u32 = 32;

/// State of a lesson's remedy in the released evidence.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize,
)]
#[serde(rename_all = "snake_case")]
pub enum LessonState {
    /// No change is known.
    #[default]
    Steady,
    /// Its situation stopped occurring.
    Dormant {
        /// First epoch without it.
        since: u32,
    },
    /// Its remedy stopped working.
    Drifting {
        /// Estimated first epoch of the change.
        since: u32,
    },
}

impl LessonState {
    /// Returns true for a lesson that may be hinted.
    #[must_use]
    pub const fn is_steady(self) -> bool {
        matches!(self, Self::Steady)
    }
}

/// Noisy trials over some epochs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub struct Trials {
    /// Successes and failures.
    pub count: i64,
    /// Variance of the noise in them, in millionths.
    pub variance_micros: u64,
    /// Epochs that they came in.
    pub epochs: u32,
}

impl Trials {
    /// Returns true when there are more than `deviations` (in millionths) of the noise.
    fn is_above(&self, deviations: i128) -> bool {
        let count = i128::from(self.count).max(0);
        let square = deviations * deviations / MICRO;
        count * count * MICRO > square.saturating_mul(i128::from(self.variance_micros)) / MICRO
    }

    fn add(&mut self, more: &Self) {
        self.count = self.count.saturating_add(more.count);
        self.variance_micros = self.variance_micros.saturating_add(more.variance_micros);
        self.epochs = self.epochs.saturating_add(more.epochs);
        if self.epochs > HEARD_EPOCHS {
            self.count /= 2;
            self.variance_micros /= 4;
            self.epochs /= 2;
        }
    }
}

/// What is remembered of a lesson's outcomes in one context.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Watch {
    /// Its state.
    pub state: LessonState,
    /// Counts by author since the epoch of the last alarm, that one included: what the known rate is from. The
    /// counts of a voice are halved where they pass half of the charter's cap, so that they are recent.
    pub recent: BTreeMap<MemberId, Counts>,
    /// The CUSUM, in millionths of a deviation.
    pub sum_micros: u64,
    /// First epoch since the sum was last 0; 0 while it is.
    pub rising_since: u32,
    /// Trials of the epochs before the quiet ones.
    pub heard: Trials,
    /// Trials of the quiet epochs on end up to the last one: those with less than half of the mean.
    pub quiet: Trials,
    /// First quiet epoch; 0 when there is none.
    pub quiet_since: u32,
}

impl Watch {
    /// Takes in the outcomes of an epoch, by author. `voice_of` names the voice of an author, `cap` is the
    /// charter's `evidence_cap`.
    pub fn observe(
        &mut self,
        cap: u32,
        epoch: u32,
        voice_of: impl Fn(MemberId) -> MemberId,
        came: &BTreeMap<MemberId, Counts>,
    ) {
        let voices = Spoken::of(cap, &voice_of, came);
        if voices.counts.is_empty() {
            return;
        }
        self.listen(epoch, &voices.trials());
        let known = Spoken::of(cap, &voice_of, &self.recent);
        let alone = voices.counts.len() == 1 && known.counts.keys().any(|one| !voices.is(*one));
        let known = known.estimate(cap);
        let upward = self.looks_for_rise(known.as_ref());
        let is_sure = |rate: &Estimate| rate.standard_error_micros() <= MAX_ERROR_MICROS;
        let rate = if upward { Some(EVEN) } else { known.filter(is_sure) };
        let rate = rate.filter(|_| !alone && !matches!(self.state, LessonState::Dormant { .. }));
        let mut sum = i128::from(self.sum_micros);
        if let Some(rate) = rate {
            sum = (sum + voices.deviation(&rate, upward) - ALLOWANCE_MICRO).max(0);
        }
        if sum == 0 {
            self.rising_since = 0;
        } else if self.rising_since == 0 {
            self.rising_since = epoch;
        }
        self.sum_micros = u64::try_from(sum).unwrap_or(0);
        if sum >= THRESHOLD_MICRO {
            self.state = match upward {
                true => LessonState::Steady,
                false => LessonState::Drifting { since: self.rising_since },
            };
            self.recent.clone_from(came);
            (self.sum_micros, self.rising_since) = (0, 0);
        } else {
            add(&mut self.recent, came);
            let rate = Spoken::of(cap, &voice_of, &self.recent).estimate(cap);
            self.recover(rate.as_ref());
            if self.looks_for_rise(rate.as_ref()) != upward {
                (self.sum_micros, self.rising_since) = (0, 0);
            }
        }
        hold(&mut self.recent, cap, &voice_of);
    }

    /// Returns true when a rise above one half is looked for: of a remedy that stopped working, or that never
    /// worked more often than not.
    fn looks_for_rise(&self, rate: Option<&Estimate>) -> bool {
        let low = rate.is_some_and(|rate| rate.rate_micros <= HALF_MICROS);
        low || matches!(self.state, LessonState::Drifting { .. })
    }

    /// A lesson that works more often than not again, beyond doubt, is steady.
    fn recover(&mut self, rate: Option<&Estimate>) {
        let works = rate.is_some_and(|rate| {
            let doubt = SURE_MICRO.saturating_mul(rate.standard_error_micros()) / 1_000_000;
            rate.rate_micros.saturating_sub(doubt) > HALF_MICROS
        });
        if works && matches!(self.state, LessonState::Drifting { .. }) {
            self.state = LessonState::Steady;
        }
    }

    /// Notes how often the situation occurred.
    fn listen(&mut self, epoch: u32, trials: &Trials) {
        let mean = i128::from(self.heard.count);
        let less = 2 * i128::from(trials.count) * i128::from(self.heard.epochs) < mean;
        if !(less && self.heard.is_above(3 * MICRO)) {
            let quiet = std::mem::take(&mut self.quiet);
            self.heard.add(&quiet);
            self.heard.add(trials);
            self.quiet_since = 0;
        } else {
            if self.quiet.epochs == 0 {
                self.quiet_since = epoch;
            }
            self.quiet.add(trials);
        }
        let expected = mean * i128::from(self.quiet.epochs) / i128::from(self.heard.epochs.max(1));
        let missing = Trials {
            count: i64::try_from(expected).unwrap_or(i64::MAX).saturating_sub(self.quiet.count),
            ..self.quiet
        };
        let ended = self.quiet.epochs >= QUIET_EPOCHS
            && !self.quiet.is_above(SURE_MICRO.into())
            && missing.is_above(MISSING_MICRO);
        match self.state {
            LessonState::Steady if ended => {
                self.state = LessonState::Dormant { since: self.quiet_since };
            }
            LessonState::Dormant { .. } if trials.is_above(3 * MICRO) => {
                self.state = LessonState::Steady;
            }
            _ => {}
        }
    }
}

impl Library {
    /// State of a lesson's remedy; of several contexts, the best one's.
    #[must_use]
    pub fn lesson_state(&self, lesson: LessonId) -> LessonState {
        let contexts = self.watches.get(&lesson).into_iter().flatten();
        contexts.map(|(_, watch)| watch.state).min().unwrap_or_default()
    }

    /// Counts of a lesson since its last change, by author; none of what is not watched.
    pub(super) fn recent(&self, item: ItemId, context: u16) -> Option<&BTreeMap<MemberId, Counts>> {
        let ItemId::Lesson(lesson) = item else { return None };
        self.watches.get(&lesson)?.get(&context).map(|watch| &watch.recent)
    }

    /// Lessons whose remedy stopped working, revoked ones left out.
    #[must_use]
    pub fn drifting(&self) -> BTreeSet<LessonId> {
        let lessons = self.watches.keys().copied();
        lessons
            .filter(|lesson| {
                matches!(self.lesson_state(*lesson), LessonState::Drifting { .. })
                    && !self.is_revoked(crate::payload::RevokeTarget::Lesson(*lesson))
            })
            .collect()
    }

    /// Returns true when outcomes of a lesson are watched: those of pitfalls.
    pub(super) fn is_watched(&self, lesson: LessonId) -> bool {
        self.lessons.get(&lesson).is_some_and(|item| item.lesson.op() == Op::Fix)
    }
}
