//! Planted defects, each in a copy of the path under test, and the audit that must catch it.
//!
//! They live in tests and never behind a cargo feature: features unify, and would ship them.

#![allow(clippy::unwrap_used)]
use std::collections::{BTreeMap, BTreeSet};

use lore_protocol::lesson::LessonKey;
use lore_protocol::payload::{
    LessonEntry, Lessons as LessonsPayload, Mechanism, Origin, Payload, Window,
};

use super::attack::{Claim, Path, attack};
use super::rig::{Rig, secret};
use super::tests::Silent;
use super::*;
use crate::mechanism::Bounds;
use crate::release::{CostsSpec, LessonsSpec, OutcomesSpec, lessons_bound};
use crate::seal::Sealed;
use crate::{LessonContribution, LocalSecret, OutcomeContribution, Private, Released};

/// A defect, the audit that must catch it, and what that audit finds when the defect is there.
struct Defect {
    planted: &'static str,
    audit: &'static str,
    found: fn(&'static str) -> Certified,
    /// True when finding it takes many releases: `./x audit` does that.
    slow: bool,
}

const fn defect(
    planted: &'static str,
    audit: &'static str,
    found: fn(&'static str) -> Certified,
) -> Defect {
    Defect { planted, audit, found, slow: false }
}

const fn slow(
    planted: &'static str,
    audit: &'static str,
    found: fn(&'static str) -> Certified,
) -> Defect {
    Defect { planted, audit, found, slow: true }
}

const DEFECTS: &[Defect] = &[
    defect("scale 25 % too small", "gaussian_sampler", small_scale),
    slow("scale 25 % too small", "outcomes_attack", small_scale_seen),
    defect("Laplace scale 25 % too small", "laplace_sampler", small_laplace),
    slow("clamp lets one more cell through", "outcomes_attack", loose_clamp),
    slow("weight of one key too few", "lessons_attack", heavy_keys),
    defect("weights from another unit", "lessons_attack", weights_of_others),
    defect("completeness per node", "lessons_attack", all_or_nothing),
    defect("unit by file", "lessons_attack", unit_by_file),
    defect("window by the clock", "lessons_attack", window_by_the_clock),
    defect("sensitivity forgotten", "outcomes_attack", no_sensitivity),
    slow("zero counts skipped", "outcomes_attack", zeros_skipped),
    defect("threshold off by one", "singleton_release", off_by_one),
    slow("resample after crash", "outcomes_attack", resampled),
    slow("one user's data shown to another", "outcomes_attack", coupled),
    defect("replacement adjacency forgotten", "personal_vote_attack", no_replacement),
    slow("one user votes twice", "vote_attack", two_votes),
    defect("bound of a cost forgotten", "costs_attack", loose_costs),
    slow("release charged to the period in which it is made", "period_attack", charged_late),
];

/// Runs a side where the defect costs twice the claim or nearly.
const RUNS: u64 = 10_000;
/// Runs a side where it costs a third more.
const MANY: u64 = 50_000;

#[test]
fn every_planted_defect_is_caught_by_the_audit_that_is_named_for_it() {
    DEFECTS.iter().filter(|defect| !defect.slow).for_each(caught);
}

#[test]
#[ignore = "minutes of releases: `./x audit` runs it"]
fn every_planted_defect_that_takes_many_releases_is_caught_too() {
    DEFECTS.iter().filter(|defect| defect.slow).for_each(caught);
}

fn caught(defect: &Defect) {
    let Defect { planted, audit, found, .. } = defect;
    assert!(NAMES.contains(audit), "there is no audit `{audit}`");
    let found = found(audit);
    println!("{planted} -> {audit}: certified {}, claimed {}", found.certified, found.claimed);
    assert!(found.certified > found.claimed, "`{audit}` does not catch `{planted}`: {found:?}");
}

fn watch(audit: &'static str, path: &mut Path<'_>, claim: Claim, runs: u64) -> Certified {
    attack(audit, path, claim, runs, &mut Silent::new()).unwrap()
}

fn outcomes_with(audit: &'static str, release: outcomes::Release, runs: u64) -> Certified {
    let path = outcomes::Outcomes::new().unwrap();
    watch(audit, &mut |victim| path.see(victim, release), path.claim(), runs)
}

fn small_scale(audit: &'static str) -> Certified {
    let mut draw = |zeros: &[i64], micros: u64| SystemNoise.add(zeros, micros / 4 * 3);
    let (noise, scales) = (Noise::Gaussian, &GAUSSIAN_MICROS);
    samplers::fit(audit, &mut draw, noise, scales, 1.0, &mut Silent::new()).unwrap().0
}

fn small_laplace(audit: &'static str) -> Certified {
    let mut draw = |zeros: &[i64], micros: u64| mechanism::add_laplace(zeros, micros / 4 * 3);
    let (noise, scales) = (Noise::Laplace, &LAPLACE_MICROS);
    samplers::fit(audit, &mut draw, noise, scales, 1.0, &mut Silent::new()).unwrap().0
}

/// The system's noise with a defect.
struct Defective {
    quarter_less: bool,
    zeros_skipped: bool,
}

impl Sealed for Defective {}

impl NoiseSource for Defective {
    fn genesis() -> lore_protocol::ids::Hash {
        SystemNoise::genesis()
    }

    fn fork(&mut self) -> Self {
        Self { ..*self }
    }

    fn add(&mut self, cells: &[i64], scale_micros: u64) -> Result<Vec<i64>, PrivacyError> {
        let scale = if self.quarter_less { scale_micros / 4 * 3 } else { scale_micros };
        let noisy = SystemNoise.add(cells, scale)?;
        let skip = |(noisy, cell): (i64, &i64)| {
            if self.zeros_skipped && *cell == 0 { 0 } else { noisy }
        };
        Ok(noisy.into_iter().zip(cells).map(skip).collect())
    }

    fn add_laplace(&mut self, cells: &[i64], scale_micros: u64) -> Result<Vec<i64>, PrivacyError> {
        SystemNoise.add_laplace(cells, scale_micros)
    }

    fn keep_above(
        &mut self,
        counts: &[i64],
        scale_micros: u64,
        threshold: u32,
    ) -> Result<Vec<(usize, i64)>, PrivacyError> {
        SystemNoise.keep_above(counts, scale_micros, threshold)
    }
}

fn small_scale_seen(audit: &'static str) -> Certified {
    let release: outcomes::Release = |spec, contributions, secret| {
        let mut noise = Defective { quarter_less: true, zeros_skipped: false };
        let made = crate::release::release_outcomes(spec, contributions, secret, &mut noise)?;
        Ok(Released::by_mechanism(made.into_inner()))
    };
    outcomes_with(audit, release, RUNS)
}

fn zeros_skipped(audit: &'static str) -> Certified {
    let release: outcomes::Release = |spec, contributions, secret| {
        let mut noise = Defective { quarter_less: false, zeros_skipped: true };
        let made = crate::release::release_outcomes(spec, contributions, secret, &mut noise)?;
        Ok(Released::by_mechanism(made.into_inner()))
    };
    outcomes_with(audit, release, RUNS)
}

/// Bounded and noised under `actual`, declared as something else.
fn outcomes_under(
    actual: Mechanism,
    spec: &OutcomesSpec,
    contributions: &Private<Vec<OutcomeContribution>>,
    secret: &LocalSecret,
) -> Result<Released<Payload>, PrivacyError> {
    let wide = OutcomesSpec { mechanism: actual, ..spec.clone() };
    let mut payload = outcomes::shipped(&wide, contributions, secret)?.into_inner();
    if let Payload::Outcomes(outcomes) = &mut payload {
        outcomes.mechanism = spec.mechanism;
    }
    Ok(Released::by_mechanism(payload))
}

fn loose_clamp(audit: &'static str) -> Certified {
    let release: outcomes::Release = |spec, contributions, secret| {
        let Mechanism { l0, scale_micros, .. } = spec.mechanism;
        let one_more = mechanism::gaussian(Unit::User, Bounds::cells(l0 + 1, 1), scale_micros, 0)?;
        outcomes_under(one_more, spec, contributions, secret)
    };
    outcomes_with(audit, release, MANY)
}

fn lessons_under(
    actual: Mechanism,
    spec: &LessonsSpec,
    contributions: &Private<Vec<LessonContribution>>,
    secret: &LocalSecret,
) -> Result<Released<Payload>, PrivacyError> {
    let wide = LessonsSpec { mechanism: actual, ..spec.clone() };
    let mut payload = lessons::shipped(&wide, contributions, secret)?.into_inner();
    if let Payload::Lessons(LessonsPayload { origin, .. }) = &mut payload {
        *origin = Origin::Mechanism(spec.mechanism);
    }
    Ok(Released::by_mechanism(payload))
}

/// Weight of one key of a unit, by how many keys it has and how many any unit has.
type Weigh = fn(&Bounds, u16, u16) -> u64;

/// A lesson release with other weights than the shipped ones.
fn lessons_weighed(
    spec: &LessonsSpec,
    contributions: &Private<Vec<LessonContribution>>,
    secret: &LocalSecret,
    weigh: Weigh,
) -> Result<Released<Payload>, PrivacyError> {
    let bounded = lessons_bound(spec, contributions.expose_to_owner(), secret)?;
    let count = |keys: &BTreeSet<LessonKey>| u16::try_from(keys.len()).unwrap();
    let most = bounded.values().map(count).max().unwrap_or(1);
    let mut sums: BTreeMap<LessonKey, i64> = BTreeMap::new();
    for keys in bounded.values() {
        let weight = weigh(&Bounds::of(&spec.mechanism), count(keys), most);
        for key in keys {
            *sums.entry(key.clone()).or_default() += i64::try_from(weight).unwrap();
        }
    }
    let flat: Vec<i64> = sums.values().copied().collect();
    let mechanism = spec.mechanism;
    let kept = SystemNoise.keep_above(&flat, mechanism.scale_micros, mechanism.threshold)?;
    let keys: Vec<LessonKey> = sums.into_keys().collect();
    let entry = |(place, support): (usize, i64)| LessonEntry { key: keys[place].clone(), support };
    Ok(Released::by_mechanism(Payload::Lessons(LessonsPayload {
        origin: Origin::Mechanism(mechanism),
        window: Some(spec.window),
        entries: kept.into_iter().map(entry).collect(),
        padding: Vec::new(),
    })))
}

/// Each key weighs as if the unit had one key fewer: a third more of the square than is declared.
fn heavy_keys(audit: &'static str) -> Certified {
    let path = lessons::Lessons::new().unwrap();
    let release: lessons::Release = |spec, contributions, secret| {
        let weigh: Weigh = |bounds, own, _| bounds.each(own.saturating_sub(1).max(1));
        lessons_weighed(spec, contributions, secret, weigh)
    };
    watch(audit, &mut |victim| path.see(victim, release), path.claim(), MANY)
}

/// All units' keys weigh as much as those of the unit with the most keys.
fn weights_of_others(audit: &'static str) -> Certified {
    let path = lessons::Lessons::new().unwrap();
    let release: lessons::Release = |spec, contributions, secret| {
        lessons_weighed(spec, contributions, secret, |bounds, _, most| bounds.each(most))
    };
    watch(audit, &mut |victim| path.see(victim, release), path.claim(), RUNS)
}

fn lessons_over(
    audit: &'static str,
    with: Vec<LessonContribution>,
    release: lessons::Release,
) -> Certified {
    let path = lessons::Lessons::over(with, lessons::others().unwrap()).unwrap();
    watch(audit, &mut |victim| path.see(victim, release), path.claim(), RUNS)
}

/// A session of the victim that cannot be read ends the pass over everybody's.
fn all_or_nothing(audit: &'static str) -> Certified {
    lessons_over(audit, Vec::new(), lessons::shipped)
}

/// Each file of the victim's conversation counts as a unit.
fn unit_by_file(audit: &'static str) -> Certified {
    let files = lessons::victim(&["ada", "ada resumed", "ada forked", "ada aside"]).unwrap();
    lessons_over(audit, [lessons::others().unwrap(), files].concat(), lessons::shipped)
}

/// Contributions that the planted miner looks through in a second.
const MINED_A_SECOND: usize = 10;

/// The window ends when the sessions are mined.
fn window_by_the_clock(audit: &'static str) -> Certified {
    let release: lessons::Release = |spec, contributions, secret| {
        let mut payload = lessons::shipped(spec, contributions, secret)?.into_inner();
        let took = contributions.expose_to_owner().len() / MINED_A_SECOND;
        if let Payload::Lessons(LessonsPayload { window: Some(window), .. }) = &mut payload {
            window.end_seconds += took as u64;
        }
        Ok(Released::by_mechanism(payload))
    };
    let with = [lessons::others().unwrap(), lessons::victim(&["ada", "ada"]).unwrap()].concat();
    lessons_over(audit, with, release)
}

fn no_sensitivity(audit: &'static str) -> Certified {
    let path = outcomes::Outcomes::new().unwrap();
    let as_if_one = mechanism::cells_cost(Bounds::cells(1, 1), outcomes::SCALE_MICROS).unwrap();
    let claim = Claim { rho: as_if_one.rho_nano as f64 / 1e9, delta: 0.0 };
    watch(audit, &mut |victim| path.see(victim, outcomes::shipped), claim, RUNS)
}

fn off_by_one(audit: &'static str) -> Certified {
    let (scale_micros, threshold) = lessons::SINGLETONS;
    let declared =
        mechanism::gaussian(Unit::User, Bounds::cells(3, 1), scale_micros, threshold).unwrap();
    let release: lessons::Release = |spec, contributions, secret| {
        let Mechanism { l0, scale_micros, threshold, .. } = spec.mechanism;
        let lower =
            mechanism::gaussian(Unit::User, Bounds::cells(l0, 1), scale_micros, threshold - 1)?;
        lessons_under(lower, spec, contributions, secret)
    };
    lessons::singletons(audit, release, declared, 60_000, &mut Silent::new()).unwrap()
}

/// After the crash the process draws again instead of reading its one result; both went out.
fn resampled(audit: &'static str) -> Certified {
    let path = outcomes::Outcomes::new().unwrap();
    let release = |victim: bool| outcomes::shipped(&path.spec, path.database(victim), &secret());
    let mut see = |victim| {
        let first = path.rig.sample_and_die(|| release(victim))?;
        let second = path.rig.sample_and_die(|| release(victim))?;
        let mut sent = Rig::recover(first)?;
        sent.extend(Rig::recover(second)?);
        Ok(outcomes::cells(&sent))
    };
    watch(audit, &mut see, path.claim(), RUNS)
}

/// The others are shown what the victim did, and so they succeed where they failed before.
fn coupled(audit: &'static str) -> Certified {
    let with = [outcomes::victim(), outcomes::others(true)].concat();
    let path = outcomes::Outcomes::over(with, outcomes::others(false)).unwrap();
    watch(audit, &mut |victim| path.see(victim, outcomes::shipped), path.claim(), RUNS)
}

/// A personal node's vote, charged as if its vote could only come or go.
fn no_replacement(audit: &'static str) -> Certified {
    let claimed = votes::epsilon(VOTE_MICROS, 1).unwrap();
    let path = votes::Votes::replaced(VOTE_MICROS).unwrap();
    path.attack(audit, claimed, RUNS, &mut Silent::new()).unwrap()
}

/// One user counted as two.
fn two_votes(audit: &'static str) -> Certified {
    let claimed = votes::epsilon(VOTE_MICROS, 1).unwrap();
    let path = votes::Votes::with_victims(VOTE_MICROS, &["ada", "ada again"]).unwrap();
    path.attack(audit, claimed, MANY, &mut Silent::new()).unwrap()
}

/// Sums to which a session adds more than is declared.
fn loose_costs(audit: &'static str) -> Certified {
    let path = costs::Costs::new().unwrap();
    let release: costs::Release = |spec, contributions, secret| {
        let l0 = spec.mechanism.l0;
        let wide = mechanism::gaussian(
            Unit::User,
            Bounds::cells(l0, 2 * costs::BOUND),
            costs::SCALE_MICROS,
            0,
        )?;
        let wide = CostsSpec { mechanism: wide, ..spec.clone() };
        let mut payload = costs::shipped(&wide, contributions, secret)?.into_inner();
        if let Payload::Costs(costs) = &mut payload {
            costs.mechanism = spec.mechanism;
        }
        Ok(Released::by_mechanism(payload))
    };
    watch(audit, &mut |victim| path.see(victim, release), path.claim(), RUNS)
}

/// A late release is paid by the period of the clock, while it reads the sessions of an older one.
fn charged_late(audit: &'static str) -> Certified {
    let by_the_clock: period::Charge = |read, at_seconds| {
        let late = at_seconds - read.end_seconds;
        Window { start_seconds: read.start_seconds + late, end_seconds: at_seconds }
    };
    period::attack(audit, by_the_clock, RUNS, &mut Silent::new()).unwrap()
}

/// PRIVACY.md names every defect beside the audit that catches it.
#[test]
fn the_statement_names_the_audit_of_every_planted_defect() {
    let statement = include_str!("../../../PRIVACY.md");
    for Defect { planted, audit, .. } in DEFECTS {
        let line = format!("| {planted} | `{audit}` |");
        assert!(statement.contains(&line), "PRIVACY.md has no line `{line}`");
    }
}
