//! Finding skills of the shared library for a task.

use lore_agent::select::{Evidence, Hit, Index, Offer, SkillText};
use lore_control as control;
use lore_protocol::ids::FederationId;
use lore_protocol::library::Rendered;
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
        let mut texts = Vec::new();
        for rendered in self.rendered(federation)? {
            let text = SkillText::rendered(&rendered, self.evidence(&rendered));
            texts.push(text.map_err(|reason| {
                let name = &rendered.name;
                CliError::failed("render", format!("the skill `{name}` cannot be read: {reason}"))
            })?);
        }
        Ok(found(&Index::new(texts), query, offer))
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
