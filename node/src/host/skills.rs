//! The shared library as its user sees it.

use std::path::Path;

use lore_protocol::ids::FederationId;
use lore_protocol::library::Rendered;
use lore_protocol::payload::ItemId;
use serde_json::{Value, json};

use super::Node;
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
    pub(super) fn skill_list(&self, federation: Option<FederationId>) -> Result<Value, CliError> {
        let skills: Vec<Value> =
            self.rendered(federation)?.iter().map(|rendered| self.summary(rendered)).collect();
        Ok(json!({ "skills": skills }))
    }

    fn summary(&self, rendered: &Rendered) -> Value {
        let mut summary = json!({
            "name": rendered.name.as_str(),
            "description": rendered.description,
            "topics": rendered.topics,
            "skill": rendered.skill,
            "revision": rendered.revision,
        });
        let holder = self.engine.federations().values().find_map(|found| {
            let lessons = found.library().lessons_of(rendered.skill);
            (!lessons.is_empty()).then_some((found, lessons))
        });
        if let (Some((found, lessons)), Some(fields)) = (holder, summary.as_object_mut()) {
            let item = ItemId::Revision(rendered.revision);
            let estimate = found.library().estimate(found.log().charter(), item, 0);
            let evidence = estimate.map(|e| {
                let (low, high) = e.interval_micros();
                json!({
                    "rate": micros(e.rate_micros),
                    "low": micros(low),
                    "high": micros(high),
                    "sessions": e.sessions,
                    "members": e.voices,
                })
            });
            fields.insert("federation".into(), json!(found.id()));
            fields.insert("lessons".into(), json!(lessons.len()));
            let members = lessons.first().map_or(0, |(_, item)| item.support.len());
            fields.insert("members".into(), json!(members));
            fields.insert("evidence".into(), json!(evidence));
        }
        summary
    }

    /// One skill, by name or id.
    pub(super) fn skill_show(&self, name: &str) -> Result<Value, CliError> {
        let rendered = self.rendered(None)?;
        let wanted = |r: &&Rendered| r.name.as_str() == name || r.skill.to_string() == name;
        let found = rendered.iter().find(wanted).ok_or_else(|| {
            CliError::usage(format!("there is no skill `{name}`")).help("see `lore skill list`")
        })?;
        let mut summary = self.summary(found);
        if let Some(fields) = summary.as_object_mut() {
            let lessons: Vec<Value> = self
                .engine
                .federations()
                .values()
                .flat_map(|federation| {
                    federation.library().lessons_of(found.skill).into_iter().map(|(id, item)| {
                        json!({
                            "id": id,
                            "lesson": item.lesson,
                            "support": item.total_support(),
                            "members": item.support.keys().collect::<Vec<_>>(),
                            "authored": !item.authored.is_empty(),
                            "epoch": item.epoch,
                        })
                    })
                })
                .collect();
            fields.insert("lessons".into(), json!(lessons));
            fields.insert("text".into(), json!(found.text));
        }
        Ok(summary)
    }

    /// Writes every skill as a directory below `into`.
    pub(super) fn skill_export(
        &self,
        federation: Option<FederationId>,
        into: &Path,
    ) -> Result<Value, CliError> {
        let rendered = self.rendered(federation)?;
        let files = rendered.iter().map(|r| (r.name.as_str().to_owned(), r.text.clone())).collect();
        let report = export::write(into, &files)?;
        Ok(json!({
            "directory": into,
            "exported": report.written,
            "unchanged": report.unchanged,
            "removed": report.removed,
            "kept": report.kept,
        }))
    }
}

pub(super) fn micros(micros: u64) -> f64 {
    // Below 2^53, so the conversion is exact; for display only.
    #[allow(clippy::cast_precision_loss)]
    let value = micros as f64;
    value / 1e6
}
