//! Finding skills of the shared library for a task.

use std::collections::BTreeSet;

use lore_agent::select::{Evidence, Hit, Index, Offer, SkillText};
use lore_control as control;
use lore_lessons::codebook;
use lore_protocol::ids::FederationId;
use lore_protocol::lesson::Lesson;
use lore_protocol::library::{Library, Rendered};
use lore_protocol::payload::ItemId;

use super::Node;
use super::convert::count;
use super::skills::micros;
use crate::error::CliError;

impl Node {
    /// The skills that fit a query best. Public knowledge alone decides: texts and pooled evidence.
    pub(super) fn skill_search(
        &self,
        federation: Option<FederationId>,
        query: &str,
        offer: Offer,
    ) -> Result<control::Found, CliError> {
        let shelf = self.shelf();
        let mut all = Vec::new();
        for id in self.engine.federations().keys() {
            if federation.is_none_or(|wanted| wanted == *id)
                && let Some(library) = shelf.library(*id)
            {
                let rendered = self.render(library)?;
                all.extend(texts(library, &rendered, |rendered| self.evidence(rendered))?);
            }
        }
        Ok(found(&Index::new(all), query, offer))
    }

    /// Success rate of a skill as the library knows it, in the charter's first context.
    pub(super) fn evidence(&self, rendered: &Rendered) -> Option<Evidence> {
        let item = ItemId::Revision(rendered.revision);
        self.engine.federations().values().find_map(|found| {
            let estimate = found.library().estimate(found.log().charter(), item, 0)?;
            Some(Evidence::from(&estimate))
        })
    }
}

/// Rendered skills of a library as a search reads them.
///
/// # Errors
/// Fails when a skill cannot be read.
pub(super) fn texts(
    library: &Library,
    rendered: &[Rendered],
    evidence: impl Fn(&Rendered) -> Option<Evidence>,
) -> Result<Vec<SkillText>, CliError> {
    let read = |rendered: &Rendered| {
        let text = SkillText::rendered(rendered, evidence(rendered)).map_err(|reason| {
            let name = &rendered.name;
            CliError::failed("render", format!("the skill `{name}` cannot be read: {reason}"))
        })?;
        let lessons = library.lessons_of(rendered.skill);
        let tools: BTreeSet<&str> =
            lessons.iter().map(|(_, item)| item.lesson.trigger().tool.as_str()).collect();
        Ok(SkillText {
            tools: tools.into_iter().map(ToOwned::to_owned).collect(),
            keywords: lessons.iter().map(|(_, item)| keywords(&item.lesson)).collect(),
            ..text
        })
    };
    rendered.iter().map(read).collect()
}

/// Words by which one lesson is found, also when its skill has no room to show it: what fails, as outputs say it, the
/// remedy, and the codebook's sentence.
fn keywords(lesson: &Lesson) -> String {
    let trigger = lesson.trigger();
    let known = codebook().entry(lesson).map_or("", |entry| entry.text.as_str());
    let subject = trigger.subject.as_ref().map_or("", |subject| subject.as_str());
    let said = trigger.error.phrases().join(" ");
    format!("{} {} {said} {subject} {lesson} {known}\n", trigger.tool.as_str(), trigger.error)
}

/// A search as it is printed.
pub(crate) fn found(index: &Index, query: &str, offer: Offer) -> control::Found {
    let hits = index.search(query, offer);
    control::Found {
        query: query.to_owned(),
        skills: hits.iter().map(hit).collect(),
        searched: count(index.skills().len()),
        tokens: hits.iter().map(|hit| hit.tokens).sum(),
        tokens_of_all: index.skills().iter().map(|skill| skill.tokens()).sum(),
    }
}

fn hit(hit: &Hit) -> control::Hit {
    let used = &hit.skill.used;
    control::Hit {
        name: hit.name.clone(),
        description: hit.skill.description.clone(),
        score: hit.score,
        tokens: hit.tokens,
        whole: hit.whole,
        path: hit.skill.path.clone(),
        skill: used.skill.map(control::SkillId::of),
        revision: used.revision.map(control::RevisionId::of),
        evidence: hit.skill.evidence.map(|evidence| control::Interval {
            rate: micros(evidence.rate_micros),
            low: micros(evidence.low_micros),
            high: micros(evidence.high_micros),
        }),
    }
}
