//! People that a release needs: for a threshold on one node, and for the votes of several.

use std::collections::BTreeSet;

use lore_engine::Terms;
use lore_privacy::release::{LessonsSpec, VotesSpec, release_lessons, release_votes};
use lore_privacy::{
    Bounds, LessonContribution, LocalSecret, Private, SeededNoise, VoteContribution, preset,
};
use lore_protocol::ids::{Hash, LessonId, MemberId};
use lore_protocol::lesson::{Lesson, LessonKey};
use lore_protocol::payload::{Codebook, ItemId, Mechanism, Payload, Window};

use super::Parameters;
use crate::budget;
use crate::rng::{Purpose, Streams};
use crate::study::StudyError;
use crate::study::bootstrap::{self, Interval};
use crate::study::crowd::uniform;
use crate::study::fold::{Group, member};
use crate::study::page::{Curve, Page, Point, Sheet};
use crate::study::pitfall::Pitfall;
use crate::study::spec::Context;

pub(super) const WINDOW: Window = Window { start_seconds: 0, end_seconds: 7_776_000 };
/// Numbers of people that are tried, as multiples of what would suffice if people were dealt evenly.
const TRIED: [f64; 9] = [0.6, 0.75, 0.9, 1.05, 1.2, 1.4, 1.65, 2.0, 2.5];
/// Chance of release that is asked for.
const SURE: f64 = 0.95;
/// Deviations of the noise above which votes elect a candidate, for a first guess alone: the fold decides.
const ELECTED: f64 = 5.0;
/// Normal quantile of [`SURE`].
const SURE_DEVIATIONS: f64 = 1.645;
/// Candidates of the ballot beside those that are looked at.
const OTHERS: u32 = 200;

fn none() -> StudyError {
    StudyError::value("epsilons", "a budget without releases", "larger")
}

/// The lesson of a number.
pub(super) fn lesson(number: u32) -> Result<Lesson, StudyError> {
    Ok(Pitfall::new(number, 1)?.remedies.swap_remove(0))
}

/// Share of the looked-at lessons that one node releases, of people with `keys` lessons each.
fn released(
    mechanism: Mechanism,
    people: u32,
    prevalence: f64,
    keys: u32,
    seed: u64,
) -> Result<f64, StudyError> {
    let secret = LocalSecret::from_bytes(*member(0).as_bytes());
    let mut draws = Streams::new(seed).stream(people, Purpose::Work);
    let looked_at = (0..keys).map(lesson).collect::<Result<Vec<_>, _>>()?;
    let mut contributions = Vec::new();
    for person in 0..people {
        let unit = secret.user(&person.to_string());
        for (key, shared) in (0..keys).zip(&looked_at) {
            let knows = uniform(&mut draws) < prevalence;
            let own = || lesson(keys + person * keys + key);
            let primary = if knows { shared.clone() } else { own()? };
            contributions.push(LessonContribution {
                unit,
                start_seconds: 1,
                primary,
                topics: Vec::new(),
            });
        }
    }
    let parts = [seed, people.into()].map(u64::to_le_bytes).concat();
    let release = Hash::derive("lore-sim/size", &[&parts]);
    let spec = LessonsSpec::new(release, mechanism, WINDOW, Terms::LESSONS_BYTES);
    let mut noise = SeededNoise::new(&parts);
    let made = release_lessons(&spec, &Private::new(contributions), &secret, &mut noise)?;
    let Payload::Lessons(lessons) = made.into_inner() else { return Ok(0.0) };
    let passed: BTreeSet<&LessonKey> = lessons.entries.iter().map(|entry| &entry.key).collect();
    let count = looked_at.iter().filter(|one| passed.contains(&LessonKey::Primary((*one).clone())));
    Ok(count.count() as f64 / f64::from(keys))
}

/// People from which on the share reaches [`SURE`], by a straight line between two numbers on a logarithmic scale. Shares are
/// made monotone first, since more people never harm.
fn reached(people: &[u32], shares: &[f64]) -> f64 {
    let mut best = 0.0_f64;
    let rising: Vec<f64> = shares
        .iter()
        .map(|share| {
            best = best.max(*share);
            best
        })
        .collect();
    let Some(at) = rising.iter().position(|share| *share >= SURE) else { return f64::NAN };
    if at == 0 {
        return people[0].into();
    }
    let [left, right] = [people[at - 1], people[at]].map(|n| f64::from(n).ln());
    let part = (SURE - rising[at - 1]) / (rising[at] - rising[at - 1]);
    (left + part * (right - left)).exp()
}

/// The number of people that is needed, around a first guess, with its interval over seeds.
fn needed(
    context: &Context<'_>,
    guess: f64,
    share: impl Fn(u32, u64) -> Result<f64, StudyError> + Sync,
) -> Result<(Interval, Vec<f64>), StudyError> {
    let mut people: Vec<u32> = TRIED.map(|times| ((guess * times).ceil() as u32).max(1)).to_vec();
    people.dedup();
    let all = context.each(|seed| {
        people.iter().map(|people| share(*people, seed)).collect::<Result<Vec<_>, _>>()
    })?;
    let of = |places: &[usize]| {
        let shares: Vec<f64> = (0..people.len())
            .map(|at| places.iter().map(|seed| all[*seed][at]).sum::<f64>() / places.len() as f64)
            .collect();
        reached(&people, &shares)
    };
    let each = (0..all.len()).map(|seed| of(&[seed]));
    Ok((bootstrap::of(all.len(), of), each.collect()))
}

/// Curves of the people that one node needs, by prevalence.
pub(super) fn thresholds(
    page: &mut Page,
    parameters: &Parameters,
    context: &Context<'_>,
) -> Result<Vec<Curve>, StudyError> {
    let few = context.facts.value("lessons_per_person").round().max(1.0) as u32;
    let many = (context.facts.range("lessons_per_person").1.round() as u32).max(few);
    let mut settings: Vec<(f64, u32)> = parameters.epsilons.iter().map(|one| (*one, few)).collect();
    // Who has more lessons counts for less in each: shown at one epsilon.
    let middle = parameters.epsilons[parameters.epsilons.len() / 2];
    if many > few {
        settings.push((middle, many));
    }
    let (mut curves, mut rows) = (Vec::new(), Vec::new());
    let total = settings.len() * parameters.prevalences.len();
    let mut done = 0;
    for (epsilon, keys) in settings {
        let mechanism = budget::plan(epsilon)?.lessons.ok_or_else(none)?;
        let supporters = preset::supporters_with(&mechanism, keys as u16);
        let mut points = Vec::new();
        for prevalence in &parameters.prevalences {
            (context.progress)(0.5 * f64::from(done) / total as f64);
            done += 1;
            let guess = f64::from(supporters) / prevalence;
            let (y, each) = needed(context, guess, |people, seed| {
                released(mechanism, people, *prevalence, keys, seed)
            })?;
            let arm = format!("threshold, epsilon {epsilon}, {keys} lessons a person");
            let run = (prevalence * 1e6).round() as u64;
            page.note(run, &context.seeds, &arm, "people_on_the_node", &each);
            rows.push(vec![
                epsilon.to_string(),
                keys.to_string(),
                format!("{:.0} %", 100.0 * prevalence),
                supporters.to_string(),
                y.text(0),
            ]);
            points.push(Point { x: 100.0 * prevalence, y });
        }
        curves.push(Curve { label: format!("epsilon {epsilon}, {keys} lessons each"), points });
    }
    let columns = [
        "epsilon",
        "lessons of a person",
        "who know it",
        "people who must know it",
        "people on the node",
    ];
    page.sheets.push(Sheet {
        caption: "One node, one lesson release a period: people who must know a lesson (computed), and people on the node until \
                  that many do (simulated, 95 % interval)."
            .into(),
        columns: columns.map(String::from).to_vec(),
        rows,
    });
    Ok(curves)
}

/// Share of the looked-at candidates that the votes of all nodes elect.
fn elected(
    mechanism: Mechanism,
    nodes: u32,
    people: u32,
    prevalence: f64,
    keys: u32,
    seed: u64,
) -> Result<f64, StudyError> {
    let candidates = (0..keys + OTHERS).map(lesson).collect::<Result<Vec<_>, _>>()?;
    let items: Vec<ItemId> = candidates.iter().map(|one| ItemId::Lesson(one.id())).collect();
    let mut group = Group::new(true);
    group.propose(Codebook::of(candidates.iter().cloned()))?;
    let mut said: Vec<(MemberId, Payload)> = Vec::new();
    for node in 0..nodes {
        let secret = LocalSecret::from_bytes(*member(node).as_bytes());
        let mut draws = Streams::new(seed).stream(node, Purpose::Work);
        let contributions = (0..people).map(|person| VoteContribution {
            unit: secret.user(&person.to_string()),
            start_seconds: 1,
            supports: (0..keys as usize)
                .map(|key| {
                    let other = keys as usize + draws.index(OTHERS as usize);
                    items[if uniform(&mut draws) < prevalence { key } else { other }]
                })
                .collect(),
        });
        let contributions = Private::new(contributions.collect());
        let made = votes_of(mechanism, &items, &contributions, &secret, seed, node)?;
        said.push((member(node), made));
    }
    group.take(1, said)?;
    let known = &group.library().lessons;
    let ids: Vec<LessonId> = candidates[..keys as usize].iter().map(Lesson::id).collect();
    Ok(ids.iter().filter(|id| known.contains_key(id)).count() as f64 / f64::from(keys))
}

/// One node's vote release on a ballot.
pub(super) fn votes_of(
    mechanism: Mechanism,
    ballot: &[ItemId],
    contributions: &Private<Vec<VoteContribution>>,
    secret: &LocalSecret,
    seed: u64,
    node: u32,
) -> Result<Payload, StudyError> {
    let parts = [seed, node.into(), 1].map(u64::to_le_bytes).concat();
    let spec = VotesSpec {
        release: Hash::derive("lore-sim/size-votes", &[&parts]),
        mechanism,
        window: WINDOW,
        items_root: Hash::ZERO,
        ballot: ballot.iter().copied().collect(),
    };
    let mut noise = SeededNoise::new(&parts);
    Ok(release_votes(&spec, contributions, secret, &mut noise)?.into_inner())
}

/// Curves of the people that each node needs, by the number of nodes.
pub(super) fn votes(
    page: &mut Page,
    parameters: &Parameters,
    context: &Context<'_>,
) -> Result<Vec<Curve>, StudyError> {
    let keys = context.facts.value("lessons_per_person").round().max(1.0) as u32;
    let (mut curves, mut rows) = (Vec::new(), Vec::new());
    let total = parameters.vote_epsilons.len() * parameters.vote_prevalences.len();
    let mut done = 0;
    for epsilon in &parameters.vote_epsilons {
        let mechanism = budget::plan(*epsilon)?.votes.ok_or_else(none)?;
        for prevalence in &parameters.vote_prevalences {
            let mut points = Vec::new();
            for nodes in &parameters.nodes {
                (context.progress)(
                    0.5 + 0.3 * f64::from(done) / (total * parameters.nodes.len()) as f64,
                );
                done += 1;
                let each = Bounds::of(&mechanism).each(keys as u16) as f64;
                let sigma = mechanism.deviation_micros() as f64 / 1e6 / each;
                let votes = (ELECTED + SURE_DEVIATIONS) * sigma * f64::from(*nodes).sqrt();
                let guess = votes / prevalence / f64::from(*nodes);
                let (y, each) = needed(context, guess, |people, seed| {
                    elected(mechanism, *nodes, people, *prevalence, keys, seed)
                })?;
                let arm = format!("votes, epsilon {epsilon}, known to {prevalence}");
                page.note((*nodes).into(), &context.seeds, &arm, "people_on_each_node", &each);
                rows.push(vec![
                    epsilon.to_string(),
                    format!("{:.0} %", 100.0 * prevalence),
                    nodes.to_string(),
                    y.text(0),
                ]);
                points.push(Point { x: (*nodes).into(), y });
            }
            let label = format!("epsilon {epsilon}, known to {:.0} %", 100.0 * prevalence);
            curves.push(Curve { label, points });
        }
    }
    let columns = ["epsilon", "who know it", "nodes", "people on each node"];
    page.sheets.push(Sheet {
        caption: "Votes on a ballot, one vote release a period: people on each node until the candidate is elected (simulated, 95 % interval)."
            .into(),
        columns: columns.map(String::from).to_vec(),
        rows,
    });
    Ok(curves)
}
