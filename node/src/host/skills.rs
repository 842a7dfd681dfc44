//! The shared library as its user sees it.

use lore_control as control;
use lore_engine::Federation;
use lore_protocol::charter::CostKind;
use lore_protocol::ids::{FederationId, LessonId};
use lore_protocol::library::{LessonItem, Library, Rendered};
use lore_protocol::payload::ItemId;

use super::Node;
use super::convert::{self, count};
use crate::error::CliError;

/// A skill, and whether agents may be given it.
struct Shown {
    rendered: Rendered,
    on_shelf: bool,
}

impl Node {
    /// The skills as agents may be given them: with the lessons on the shelf, and no others.
    pub(super) fn rendered(
        &self,
        federation: Option<FederationId>,
    ) -> Result<Vec<Rendered>, CliError> {
        let shelf = self.shelf();
        let mut all = Vec::new();
        for id in self.engine.federations().keys() {
            if federation.is_none_or(|wanted| wanted == *id)
                && let Some(library) = shelf.library(*id)
            {
                all.extend(render(library)?);
            }
        }
        Ok(all)
    }

    /// The skills as their owner sees them: those that agents may be given, then those of which no lesson is on the
    /// shelf, whole.
    fn shown_skills(&self, federation: Option<FederationId>) -> Result<Vec<Shown>, CliError> {
        let mut all: Vec<Shown> = Vec::new();
        for rendered in self.rendered(federation)? {
            all.push(Shown { rendered, on_shelf: true });
        }
        for (id, found) in self.engine.federations() {
            if federation.is_none_or(|wanted| wanted == *id) {
                for rendered in render(found.library())? {
                    if !all.iter().any(|one| one.rendered.skill == rendered.skill) {
                        all.push(Shown { rendered, on_shelf: false });
                    }
                }
            }
        }
        Ok(all)
    }

    /// Every skill with its evidence.
    pub(super) fn skill_list(
        &self,
        federation: Option<FederationId>,
    ) -> Result<control::Skills, CliError> {
        let shown = self.shown_skills(federation)?;
        Ok(control::Skills { skills: shown.iter().map(|one| self.summary(one)).collect() })
    }

    fn summary(&self, shown: &Shown) -> control::SkillSummary {
        let Shown { rendered, on_shelf } = shown;
        let shelf = self.shelf();
        let holder = self.engine.federations().values().find_map(|found| {
            let library = if *on_shelf { shelf.library(found.id())? } else { found.library() };
            let lessons = library.lessons_of(rendered.skill);
            (!lessons.is_empty()).then_some((found, lessons))
        });
        let item = ItemId::Revision(rendered.revision);
        let evidence = holder.as_ref().and_then(|(found, _)| {
            let estimate = found.library().estimate(found.log().charter(), item, 0)?;
            Some(convert::evidence(&estimate))
        });
        let supporters = |lessons: &[(LessonId, &LessonItem)]| {
            lessons.first().map_or(0, |(_, item)| item.support.len())
        };
        let waiting = shelf.waiting().filter(|one| one.skill == rendered.skill).count();
        control::SkillSummary {
            name: rendered.name.as_str().to_owned(),
            description: rendered.description.clone(),
            topics: rendered.topics.iter().map(ToString::to_string).collect(),
            skill: control::SkillId::of(rendered.skill),
            revision: control::RevisionId::of(rendered.revision),
            federation: holder.as_ref().map(|(found, _)| control::FederationId::of(found.id())),
            lessons: holder.as_ref().map(|(_, lessons)| count(lessons.len())),
            members: holder.as_ref().map(|(_, lessons)| count(supporters(lessons))),
            waiting: count(waiting),
            on_shelf: *on_shelf,
            evidence,
            costs: holder.as_ref().map_or_else(Vec::new, |(found, _)| costs(found, item)),
        }
    }

    /// One skill, by name or id.
    pub(super) fn skill_show(&self, name: &str) -> Result<control::Skill, CliError> {
        let all = self.shown_skills(None)?;
        let wanted = |one: &&Shown| {
            one.rendered.name.as_str() == name || one.rendered.skill.to_string() == name
        };
        let shown = all.iter().find(wanted).ok_or_else(|| {
            CliError::usage(format!("there is no skill `{name}`")).help("see `lore skill list`")
        })?;
        let found = &shown.rendered;
        let shelf = self.shelf();
        let lessons = self.engine.federations().values().flat_map(|federation| {
            let lessons = federation.library().lessons_of(found.skill);
            let standing = |id| {
                let standing = shelf.standing(federation.id(), id);
                standing.map_or(control::Standing::Waiting, convert::standing)
            };
            let lesson = |(id, item): (LessonId, &LessonItem)| control::SkillLesson {
                id: control::LessonId::of(id),
                lesson: convert::lesson(&item.lesson),
                support: convert::whole(item.total_support()),
                members: item.support.keys().map(control::MemberId::of).collect(),
                authored: !item.authored.is_empty(),
                standing: standing(id),
                epoch: item.epoch,
            };
            lessons.into_iter().map(lesson).collect::<Vec<_>>()
        });
        let summary = self.summary(shown);
        Ok(control::Skill {
            name: summary.name,
            description: summary.description,
            topics: summary.topics,
            skill: summary.skill,
            revision: summary.revision,
            federation: summary.federation,
            members: summary.members,
            evidence: summary.evidence,
            costs: summary.costs,
            on_shelf: summary.on_shelf,
            lessons: lessons.collect(),
            text: found.text.clone(),
        })
    }
}

/// The skills of a library.
pub(super) fn render(library: &Library) -> Result<Vec<Rendered>, CliError> {
    library.render(0).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        CliError::failed("render", format!("a skill cannot be written: {first}"))
    })
}

/// Costs of the sessions that used an item, in the order of the charter's kinds.
fn costs(found: &Federation, item: ItemId) -> Vec<control::CostSum> {
    let charter = found.log().charter();
    let Some(terms) = &charter.privacy.costs else { return Vec::new() };
    let sum = |(place, kind): (usize, &CostKind)| {
        let cost = found.library().cost(charter, item, 0, place)?;
        Some(control::CostSum {
            measure: convert::measure(kind.measure),
            per: kind.per,
            sum: cost.sum,
            standard_error: micros(cost.variance_micros).sqrt(),
            bound: terms.bound,
            members: u64::from(cost.voices),
        })
    };
    terms.kinds.iter().enumerate().filter_map(sum).collect()
}

pub(super) fn micros(micros: u64) -> f64 {
    // Below 2^53, so the conversion is exact; for display only.
    #[allow(clippy::cast_precision_loss)]
    let value = micros as f64;
    value / 1e6
}
