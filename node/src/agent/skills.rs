//! Skills that a session may be offered, and those that it is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use lore_agent::select::{Index, Offer, Scan, SkillText};
use lore_control::SkillExport;
use lore_session::SkillUse;

use super::capability::{Agreed, Capabilities};
use super::gate::Answer;
use super::place::Place;
use super::somebody::Somebody;
use super::{Ask, prompt};
use crate::error::CliError;

/// Source of skills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkillSource {
    /// Nowhere.
    None,
    /// The shared library of this node.
    Library,
    /// A directory that holds one directory per skill.
    Directory(PathBuf),
}

impl SkillSource {
    /// `none`, `library`, or a directory.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "none" => Self::None,
            "library" => Self::Library,
            path => Self::Directory(path.into()),
        }
    }

    /// Reads the skills. The library is written out first, since agents read files.
    ///
    /// # Errors
    /// Fails when the directory cannot be listed, or the library cannot be written out.
    pub fn load(&self, place: &Place, ask: &Ask<'_>) -> Result<Scan, CliError> {
        let directory = match self {
            Self::None => return Ok(Scan::default()),
            Self::Directory(path) => path.clone(),
            Self::Library => {
                let library = place.library();
                let wanted = SkillExport { directory: library.clone(), ..SkillExport::default() };
                super::patiently(ask, &wanted)?;
                library
            }
        };
        SkillText::scan_dir(&directory).map_err(|error| {
            CliError::usage(error).help("--skills takes a directory, `library` or `none`")
        })
    }
}

/// The skills of a session.
#[derive(Debug)]
pub(super) struct Shelf {
    index: Index,
    agreed: Agreed,
    /// Agreed to or refused for this session only.
    this_session: std::collections::BTreeMap<String, bool>,
    /// In the conversation already.
    offered: BTreeSet<String>,
}

/// Skills that are offered for one task.
#[derive(Debug, Default)]
pub(super) struct Offered {
    pub(super) note: Option<String>,
    pub(super) names: Vec<String>,
    pub(super) left_out: Vec<String>,
    pub(super) uses: Vec<SkillUse>,
}

impl Shelf {
    pub(super) fn new(skills: Vec<SkillText>, agreed: Agreed, before: &[SkillUse]) -> Self {
        Self {
            index: Index::new(skills),
            agreed,
            this_session: std::collections::BTreeMap::new(),
            offered: before.iter().map(|used| used.name.clone()).collect(),
        }
    }

    /// All skills.
    pub(super) fn all(&self) -> Vec<SkillText> {
        self.index.skills().iter().map(|skill| (**skill).clone()).collect()
    }

    /// All names, for the user.
    pub(super) fn names(&self) -> Vec<String> {
        self.index.skills().iter().map(|skill| skill.name.clone()).collect()
    }

    /// Up to three skills that fit a task, without those that were offered before. What asks for more
    /// than words is offered once a person agreed to it.
    pub(super) async fn offer(
        &mut self,
        task: &str,
        somebody: Option<&dyn Somebody>,
    ) -> Result<Offered, CliError> {
        let mut offered = Offered::default();
        let mut texts = Vec::new();
        for hit in self.index.search(task, Offer::default()) {
            if self.offered.contains(&hit.name) {
                continue;
            }
            if !self.may(&hit.skill, somebody).await? {
                offered.left_out.push(hit.name.clone());
                continue;
            }
            self.offered.insert(hit.name.clone());
            texts.push(hit.text());
            offered.uses.push(hit.skill.used.clone());
            offered.names.push(hit.name);
        }
        offered.note = (!texts.is_empty()).then(|| prompt::offer(&texts));
        Ok(offered)
    }

    async fn may(
        &mut self,
        skill: &SkillText,
        somebody: Option<&dyn Somebody>,
    ) -> Result<bool, CliError> {
        let asks = Capabilities::of(skill);
        if asks.is_empty() || self.agreed.covers(skill) {
            return Ok(true);
        }
        if let Some(said) = self.this_session.get(&skill.name) {
            return Ok(*said);
        }
        let Some(somebody) = somebody else {
            return Ok(false);
        };
        let question = format!("the skill `{}` asks for {}; offer it?", skill.name, asks.words());
        let answer = somebody.choose(&question).await;
        if answer == Answer::Always {
            self.agreed.add(skill)?;
        }
        self.this_session.insert(skill.name.clone(), answer != Answer::No);
        Ok(answer != Answer::No)
    }
}
