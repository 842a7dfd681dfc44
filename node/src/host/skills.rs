//! The shared library as its user sees it.

use std::path::Path;

use lore_control as control;
use lore_engine::Federation;
use lore_protocol::charter::CostKind;
use lore_protocol::ids::{FederationId, LessonId};
use lore_protocol::library::{LessonItem, Rendered};
use lore_protocol::payload::ItemId;

use super::Node;
use super::convert::{self, count};
use crate::error::CliError;
use crate::export;

impl Node {
    pub(super) fn rendered(
        &self,
        federation: Option<FederationId>,
    ) -> Result<Vec<Rendered>, CliError> {
        let mut all = Vec::new();
        for (id, found) in self.engine.federations() {
            if federation.is_none_or(|wanted| wanted == *id) {
                let rendered = found.library().render(0).map_err(|problems| {
                    let first = problems.first().map(ToString::to_string).unwrap_or_default();
                    CliError::failed("render", format!("a skill cannot be written: {first}"))
                })?;
                all.extend(rendered);
            }
        }
        Ok(all)
    }

    /// Every skill with its evidence.
    pub(super) fn skill_list(
        &self,
        federation: Option<FederationId>,
    ) -> Result<control::Skills, CliError> {
        let rendered = self.rendered(federation)?;
        Ok(control::Skills { skills: rendered.iter().map(|one| self.summary(one)).collect() })
    }

    fn summary(&self, rendered: &Rendered) -> control::SkillSummary {
        let holder = self.engine.federations().values().find_map(|found| {
            let lessons = found.library().lessons_of(rendered.skill);
            (!lessons.is_empty()).then_some((found, lessons))
        });
        let item = ItemId::Revision(rendered.revision);
        let evidence = holder.as_ref().and_then(|(found, _)| {
            let estimate = found.library().estimate(found.log().charter(), item, 0)?;
            let (low, high) = estimate.interval_micros();
            Some(control::Evidence {
                rate: micros(estimate.rate_micros),
                low: micros(low),
                high: micros(high),
                sessions: estimate.sessions,
                members: u64::from(estimate.voices),
            })
        });
        let supporters = |lessons: &[(LessonId, &LessonItem)]| {
            lessons.first().map_or(0, |(_, item)| item.support.len())
        };
        control::SkillSummary {
            name: rendered.name.as_str().to_owned(),
            description: rendered.description.clone(),
            topics: rendered.topics.iter().map(ToString::to_string).collect(),
            skill: control::SkillId::of(rendered.skill),
            revision: control::RevisionId::of(rendered.revision),
            federation: holder.as_ref().map(|(found, _)| control::FederationId::of(found.id())),
            lessons: holder.as_ref().map(|(_, lessons)| count(lessons.len())),
            members: holder.as_ref().map(|(_, lessons)| count(supporters(lessons))),
            evidence,
            costs: holder.as_ref().map_or_else(Vec::new, |(found, _)| costs(found, item)),
        }
    }

    /// One skill, by name or id.
    pub(super) fn skill_show(&self, name: &str) -> Result<control::Skill, CliError> {
        let rendered = self.rendered(None)?;
        let wanted = |r: &&Rendered| r.name.as_str() == name || r.skill.to_string() == name;
        let found = rendered.iter().find(wanted).ok_or_else(|| {
            CliError::usage(format!("there is no skill `{name}`")).help("see `lore skill list`")
        })?;
        let lessons = self.engine.federations().values().flat_map(|federation| {
            let lessons = federation.library().lessons_of(found.skill);
            lessons.into_iter().map(|(id, item)| control::SkillLesson {
                id: control::LessonId::of(id),
                lesson: convert::lesson(&item.lesson),
                support: item.total_support(),
                members: item.support.keys().map(control::MemberId::of).collect(),
                authored: !item.authored.is_empty(),
                epoch: item.epoch,
            })
        });
        let summary = self.summary(found);
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
            lessons: lessons.collect(),
            text: found.text.clone(),
        })
    }

    /// Writes every skill as a directory below `into`.
    pub(super) fn skill_export(
        &self,
        federation: Option<FederationId>,
        into: &Path,
    ) -> Result<control::SkillsExported, CliError> {
        let rendered = self.rendered(federation)?;
        let files = rendered.iter().map(|r| (r.name.as_str().to_owned(), r.text.clone())).collect();
        let report = export::write(into, &files)?;
        Ok(control::SkillsExported {
            directory: into.to_owned(),
            exported: report.written,
            unchanged: report.unchanged,
            removed: report.removed,
            kept: report.kept,
        })
    }
}

/// The costs of the sessions that used an item, in the order of the charter's kinds.
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
