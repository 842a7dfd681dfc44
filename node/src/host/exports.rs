//! Skills in directories of agents: the most useful ones within a budget, kept as the shelf is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;

use lore_agent::select::Evidence;
use lore_control as control;
use lore_engine::Federation;
use lore_protocol::ids::{FederationId, Hash};
use lore_protocol::library::Rendered;

use super::Node;
use crate::error::CliError;
use crate::export::{self, ExportPlace, ExportPlaces, Wish};

/// A description of so many characters is not written within a budget: an agent drops the skill, or cuts it.
const TOO_LONG_CHARS: usize = 1_000;
/// Least seconds between two looks that write, and until a directory that could not be written is tried again.
const PAUSE_SECONDS: u64 = 5;
const FAULT_PAUSE_SECONDS: u64 = 60;
/// Factor of a skill without evidence, in thousandths.
const NO_EVIDENCE_MILLI: u64 = 1_000;

/// State of agents' directories.
#[derive(Debug, Default)]
pub(super) struct ExportState {
    /// What they were last written from: the shelf's version and the federations' roots.
    made_of: Option<(u64, Vec<Hash>)>,
    /// Time of the next look, in seconds since the Unix epoch.
    next: u64,
}

/// Skills of one export.
pub(super) struct Chosen {
    /// Text by name.
    pub(super) files: BTreeMap<String, String>,
    /// Names of the rest, the most useful first.
    pub(super) left_out: Vec<String>,
}

impl Node {
    /// Writes skills that are on the shelf as directories below one.
    pub(super) fn skill_export(
        &self,
        federation: Option<FederationId>,
        ask: &control::SkillExport,
    ) -> Result<control::SkillsExported, CliError> {
        let chosen = self.chosen(federation, ask.budget_chars)?;
        let for_agents = !ask.agents.is_empty();
        let wish = Wish { preview: ask.preview, restore: ask.repair || !for_agents };
        let created = export::missing(&ask.directory);
        let report = export::export(&ask.directory, &chosen.files, wish)?;
        if for_agents && !ask.preview {
            let directory = fs::canonicalize(&ask.directory).map_err(|error| {
                let place = ask.directory.display();
                CliError::failed("export", format!("cannot look at {place}: {error}"))
            })?;
            let place = ExportPlace {
                directory,
                agents: ask.agents.clone(),
                federation: federation.map(|id| id.to_string()),
                budget_chars: ask.budget_chars,
                created,
            };
            ExportPlaces::keep(&self.home, place)?;
        }
        Ok(control::SkillsExported {
            directory: ask.directory.clone(),
            exported: report.written,
            unchanged: report.unchanged,
            removed: report.removed,
            kept: report.kept,
            edited: report.edited,
            missing: report.missing,
            left_out: chosen.left_out,
        })
    }

    /// Writes agents' directories and what hooks read again at once, after a person's decision.
    pub(super) fn tell_agents(&mut self) {
        self.exports.next = 0;
        self.refresh_exports();
        self.hints_decided();
    }

    /// Writes agents' directories again when the shelf changed. A fault is logged: it is no reason to stop.
    pub(super) fn refresh_exports(&mut self) {
        let now = self.engine.now_seconds();
        if now < self.exports.next {
            return;
        }
        let roots = self.engine.federations().values().map(Federation::root).collect();
        let made_of = (self.shelf_version(), roots);
        if self.exports.made_of.as_ref() == Some(&made_of) {
            return;
        }
        let places = ExportPlaces::load(&self.home).map(|places| places.exports);
        let mut faults = Vec::new();
        match places {
            Ok(places) => {
                faults.extend(places.iter().filter_map(|place| self.refresh_export(place).err()));
            }
            Err(error) => faults.push(error),
        }
        for error in &faults {
            tracing::warn!(%error, "skills of an agent cannot be written");
        }
        // One that could not be written may still hold what was withdrawn.
        self.exports = if faults.is_empty() {
            ExportState { made_of: Some(made_of), next: now.saturating_add(PAUSE_SECONDS) }
        } else {
            ExportState { made_of: None, next: now.saturating_add(FAULT_PAUSE_SECONDS) }
        };
    }

    fn refresh_export(&self, place: &ExportPlace) -> Result<(), CliError> {
        // A directory that was removed, or leads elsewhere now, is not the one that was exported to.
        if fs::canonicalize(&place.directory).ok().as_ref() != Some(&place.directory) {
            tracing::info!("a directory of skills is not there any more");
            return Ok(());
        }
        let federations = self.engine.federations();
        let meant = |id: &FederationId| place.federation.as_ref() == Some(&id.to_string());
        let federation = federations.keys().copied().find(meant);
        let chosen = if place.federation.is_some() && federation.is_none() {
            // This node left the federation: nothing of it stays with an agent.
            Chosen { files: BTreeMap::new(), left_out: Vec::new() }
        } else {
            self.chosen(federation, place.budget_chars)?
        };
        let wish = Wish { preview: false, restore: false };
        export::export(&place.directory, &chosen.files, wish).map(drop)
    }

    /// The skills on the shelf whose descriptions fit the budget, the most useful first: what works beyond doubt, then
    /// what many members stand behind.
    fn chosen(
        &self,
        federation: Option<FederationId>,
        budget_chars: Option<u64>,
    ) -> Result<Chosen, CliError> {
        let mut skills = self.rendered(federation)?;
        skills.sort_by_cached_key(|skill| {
            let evidence = self.evidence(skill);
            let factor = evidence.map_or(NO_EVIDENCE_MILLI, Evidence::factor_milli);
            (Reverse((factor, self.supporters(skill))), skill.name.clone())
        });
        Ok(within(&skills, budget_chars))
    }

    /// Most members that stand behind one lesson of a skill.
    fn supporters(&self, skill: &Rendered) -> usize {
        let shelf = self.shelf();
        let libraries = self.engine.federations().keys().filter_map(|id| shelf.library(*id));
        let most = libraries.flat_map(|library| {
            let lessons = library.lessons_of(skill.skill);
            lessons.into_iter().map(|(_, item)| item.support.len()).collect::<Vec<_>>()
        });
        most.max().unwrap_or(0)
    }
}

/// Takes skills in order while their descriptions fit.
pub(super) fn within(skills: &[Rendered], budget_chars: Option<u64>) -> Chosen {
    let mut chosen = Chosen { files: BTreeMap::new(), left_out: Vec::new() };
    let mut left = budget_chars;
    for skill in skills {
        let name = skill.name.as_str().to_owned();
        let length = skill.description.chars().count();
        if let Some(left) = &mut left {
            let chars = length as u64;
            if length >= TOO_LONG_CHARS || chars > *left {
                chosen.left_out.push(name);
                continue;
            }
            *left -= chars;
        }
        chosen.files.entry(name).or_insert_with(|| skill.text.clone());
    }
    chosen
}
