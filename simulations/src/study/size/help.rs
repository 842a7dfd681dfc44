//! The share of failing calls that is answered: by a person's own sessions, and by what nodes release.

use lore_engine::Terms;
use lore_privacy::release::{LessonsSpec, release_lessons};
use lore_privacy::{LessonContribution, LocalSecret, Plan, Private, SeededNoise, VoteContribution};
use lore_protocol::ids::{Hash, MemberId};
use lore_protocol::payload::{Codebook, ItemId, Payload};

use super::Parameters;
use super::need::{WINDOW, votes_of};
use crate::budget;
use crate::rng::{Purpose, Streams};
use crate::study::StudyError;
use crate::study::arm::Arm;
use crate::study::bootstrap;
use crate::study::crowd::uniform;
use crate::study::fold::{Group, member};
use crate::study::page::{Chart, Curve, Page, Point, Scale, Sheet};
use crate::study::pitfall::Pitfall;
use crate::study::spec::Context;

/// Situations of a population with their prevalences.
struct Population {
    pitfalls: Vec<Pitfall>,
    prevalences: Vec<f64>,
}

impl Population {
    /// So many situations, evenly from a sorted distribution.
    fn new(distribution: &[f64], situations: u32) -> Result<Self, StudyError> {
        let place = |n: u32| (n as usize * 2 + 1) * distribution.len() / (2 * situations as usize);
        Ok(Self {
            pitfalls: (0..situations).map(|n| Pitfall::new(n, 1)).collect::<Result<_, _>>()?,
            prevalences: (0..situations).map(|n| distribution[place(n)]).collect(),
        })
    }

    /// Share of the meetings with these situations that the group's hints answer.
    fn answered(&self, group: &Group) -> f64 {
        let book = group.book();
        let known = self.pitfalls.iter().zip(&self.prevalences);
        let hinted = known.filter(|(one, _)| book.hint_for(&one.situation, None).is_some());
        hinted.map(|(_, prevalence)| prevalence).sum::<f64>() / self.prevalences.iter().sum::<f64>()
    }
}

/// Shares that one federation answers: by thresholds, by votes on a codebook, and by everything that anyone knows.
struct Answered {
    thresholds: f64,
    votes: f64,
    everything: f64,
}

fn federation(
    population: &Population,
    plan: Plan,
    nodes: u32,
    users: u32,
    seed: u64,
) -> Result<Answered, StudyError> {
    let lessons: Vec<_> = population.pitfalls.iter().map(|one| one.remedies[0].clone()).collect();
    let items: Vec<ItemId> = lessons.iter().map(|lesson| ItemId::Lesson(lesson.id())).collect();
    let mut known = vec![false; lessons.len()];
    let mut found: Vec<(MemberId, Payload)> = Vec::new();
    let mut voted: Vec<(MemberId, Payload)> = Vec::new();
    for node in 0..nodes {
        let secret = LocalSecret::from_bytes(*member(node).as_bytes());
        let mut draws = Streams::new(seed).stream(node, Purpose::Work);
        let (mut taught, mut spoken) = (Vec::new(), Vec::new());
        for person in 0..users {
            let unit = secret.user(&person.to_string());
            let mut supports = std::collections::BTreeSet::new();
            for (at, prevalence) in population.prevalences.iter().enumerate() {
                if uniform(&mut draws) >= *prevalence {
                    continue;
                }
                known[at] = true;
                supports.insert(items[at]);
                let primary = lessons[at].clone();
                taught.push(LessonContribution {
                    unit,
                    start_seconds: 1,
                    primary,
                    topics: Vec::new(),
                });
            }
            spoken.push(VoteContribution { unit, start_seconds: 1, supports });
        }
        let parts = [seed, node.into(), 0].map(u64::to_le_bytes).concat();
        if let Some(mechanism) = plan.lessons {
            let release = Hash::derive("lore-sim/size-help", &[&parts]);
            let spec = LessonsSpec::new(release, mechanism, WINDOW, Terms::LESSONS_BYTES);
            let mut noise = SeededNoise::new(&parts);
            let made = release_lessons(&spec, &Private::new(taught), &secret, &mut noise)?;
            found.push((member(node), made.into_inner()));
        }
        if let Some(mechanism) = plan.votes {
            let spoken = Private::new(spoken);
            voted.push((member(node), votes_of(mechanism, &items, &spoken, &secret, seed, node)?));
        }
    }
    let (mut thresholds, mut votes) = (Group::new(true), Group::new(true));
    thresholds.take(1, found)?;
    votes.propose(Codebook::of(lessons))?;
    votes.take(1, voted)?;
    let all: f64 = population.prevalences.iter().sum();
    let known = known.iter().zip(&population.prevalences).filter(|(known, _)| **known);
    Ok(Answered {
        thresholds: population.answered(&thresholds),
        votes: population.answered(&votes),
        everything: known.map(|(_, prevalence)| prevalence).sum::<f64>() / all,
    })
}

/// Adds the charts of help: one for a community, one for strangers.
pub(super) fn add(
    page: &mut Page,
    parameters: &Parameters,
    context: &Context<'_>,
) -> Result<(), StudyError> {
    let facts = context.facts;
    let works = facts.value("works");
    let own = facts.value("own_repeats") * works;
    let rest = (1.0 - facts.value("own_repeats")) * facts.value("shared_failures") * works;
    let populations = [
        ("a community that shares tools", facts.community_prevalences()),
        ("strangers", facts.stranger_prevalences()),
    ];
    let mut rows = Vec::new();
    let total = populations.len() * parameters.vote_epsilons.len() * parameters.nodes.len();
    let (mut done, mut most) = (0, 0.0_f64);
    for (name, distribution) in populations {
        let population = Population::new(&distribution, parameters.situations)?;
        let flat = |y| {
            let nodes = parameters.nodes.iter();
            nodes.map(|n| Point { x: (*n).into(), y: bootstrap::mean(&[y]) }).collect()
        };
        let mut curves = vec![Curve { label: "own sessions alone".into(), points: flat(own) }];
        let mut everything = Vec::new();
        for epsilon in &parameters.vote_epsilons {
            let plan = budget::plan(*epsilon)?;
            let (mut thresholds, mut votes) = (Vec::new(), Vec::new());
            everything.clear();
            for nodes in &parameters.nodes {
                (context.progress)(0.8 + 0.2 * f64::from(done) / total as f64);
                done += 1;
                let all = context
                    .each(|seed| federation(&population, plan, *nodes, parameters.users, seed))?;
                let mut point = |kind: &str, of: fn(&Answered) -> f64| {
                    let values: Vec<f64> = all.iter().map(|one| own + rest * of(one)).collect();
                    let arm = format!("{kind}, epsilon {epsilon}, {name}");
                    page.note((*nodes).into(), &context.seeds, &arm, "answered_share", &values);
                    Point { x: (*nodes).into(), y: bootstrap::mean(&values) }
                };
                thresholds.push(point("threshold", |one| one.thresholds));
                votes.push(point("votes", |one| one.votes));
                everything.push(point("no privacy", |one| one.everything));
            }
            for (kind, points) in [("thresholds", &thresholds), ("votes", &votes)] {
                most = points.iter().map(|point| point.y.mean - own).fold(most, f64::max);
                // Worth having: a point of a hundred more than without others.
                let first = points.iter().find(|point| point.y.mean >= own + 0.01);
                rows.push(vec![
                    name.to_owned(),
                    kind.to_owned(),
                    epsilon.to_string(),
                    first.map_or_else(
                        || format!("more than {}", parameters.nodes.last().unwrap_or(&0)),
                        |point| format!("{:.0}", point.x),
                    ),
                    points.last().map_or_else(String::new, |point| point.y.text(3)),
                ]);
            }
            curves.push(Curve {
                label: format!("thresholds, epsilon {epsilon}"),
                points: thresholds,
            });
            curves.push(Curve { label: format!("votes, epsilon {epsilon}"), points: votes });
        }
        curves.push(Curve { label: Arm::Gossip.label().into(), points: everything });
        page.charts.push(Chart {
            title: format!("Failing calls that are answered, {name}"),
            caption: format!(
                "Share of failing calls with a hint that works, by the number of nodes of {} people each, after one period. \
                 Own sessions answer {:.0} % of all calls whatever others do. Bands are 95 % bootstrap intervals over {} seeds.",
                parameters.users,
                100.0 * own,
                context.seeds.len()
            ),
            x: Scale::log("nodes", ""),
            y: Scale::even("failing calls answered", "share"),
            curves,
            marks: Vec::new(),
        });
    }
    let columns = [
        "people",
        "way",
        "epsilon",
        "nodes until a point more than own",
        "answered with most nodes",
    ];
    page.sheets.push(Sheet {
        caption: format!(
            "From how many nodes of {} people on others help: one point of a hundred more than own sessions alone ({:.0} %).",
            parameters.users,
            100.0 * own
        ),
        columns: columns.map(String::from).to_vec(),
        rows,
    });
    page.method.push(format!(
        "Charts of help: nodes of {} people, {} situations whose prevalences follow the measured distribution among strangers, or the \
         same shape between the ends that were measured inside communities. A person knows each by its prevalence. {:.0} % of failing calls \
         repeat one of the person's own; of the others {:.0} % are of these situations, in proportion to their prevalence. \
         Arms: own sessions are the isolated arm; at the end of a period the centre and the oracle answer what gossip without privacy does, as soon \
         as one person knows each situation; votes and thresholds are pooled as nodes do it, with each voice bounded.",
        parameters.users,
        parameters.situations,
        100.0 * facts.value("own_repeats"),
        100.0 * facts.value("shared_failures"),
    ));
    summarise(page, own, most);
    Ok(())
}

/// The answer, from the tables. `own` is the share that own sessions answer, `most` the most that releases add to it.
fn summarise(page: &mut Page, own: f64, most: f64) {
    let Some(help) = page.sheets.last() else { return };
    let sentences = help
        .rows
        .iter()
        .map(|row| format!("{}, {} at epsilon {}: {} nodes", row[0], row[1], row[2], row[3]));
    let text = sentences.collect::<Vec<_>>().join("; ");
    page.answer = vec![
        format!(
            "The circle \"own\" needs no size: one session is enough. It answers {:.0} % of failing calls; releases add {:.0} points of a hundred \
             at most. What others add depends on how many share a lesson: the tables give the numbers of people for thresholds and for votes.",
            100.0 * own,
            100.0 * most,
        ),
        format!(
            "Nodes until others add one point of a hundred to what own sessions answer. {text}."
        ),
    ];
}
