//! Finding skills of the shared library for a task.

use lore_agent::select::{Evidence, Hit, Index, Offer, SkillText};
use lore_protocol::ids::FederationId;
use lore_protocol::library::Rendered;
use lore_protocol::payload::ItemId;
use serde_json::{Value, json};

use super::Node;
use crate::error::CliError;

impl Node {
    /// The skills that fit a query best. Public knowledge alone decides: texts and pooled evidence.
    pub(super) fn skill_search(
        &self,
        federation: Option<FederationId>,
        query: &str,
        offer: Offer,
    ) -> Result<Value, CliError> {
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

    /// What the library knows of a skill's success, in the charter's first context.
    fn evidence(&self, rendered: &Rendered) -> Option<Evidence> {
        let item = ItemId::Revision(rendered.revision);
        self.engine.federations().values().find_map(|found| {
            let estimate = found.library().estimate(found.log().charter(), item, 0)?;
            Some(Evidence::from(&estimate))
        })
    }
}

/// A search as it is printed.
pub(crate) fn found(index: &Index, query: &str, offer: Offer) -> Value {
    let hits = index.search(query, offer);
    let everything: u64 = index.skills().iter().map(|skill| skill.tokens()).sum();
    json!({
        "query": query,
        "skills": hits.iter().map(hit).collect::<Vec<_>>(),
        "searched": index.skills().len(),
        "tokens": hits.iter().map(|hit| hit.tokens).sum::<u64>(),
        "tokens_of_all": everything,
    })
}

fn hit(hit: &Hit) -> Value {
    let micros = |micros: u64| serde_json::Number::from_f64(super::skills::micros(micros));
    json!({
        "name": hit.name,
        "description": hit.skill.description,
        "score": hit.score,
        "tokens": hit.tokens,
        "whole": hit.whole,
        "path": hit.skill.path,
        "skill": hit.skill.used.skill,
        "revision": hit.skill.used.revision,
        "evidence": hit.skill.evidence.map(|evidence| json!({
            "rate": micros(evidence.rate_micros),
            "low": micros(evidence.low_micros),
            "high": micros(evidence.high_micros),
        })),
    })
}
