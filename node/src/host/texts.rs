//! Texts of skills with their files, as the store has them.

use lore_engine::shelf::{Item, Standing, Texts, skill_md_of};
use lore_engine::{BlobWishes, Engine};
use lore_protocol::ids::{BlobId, FederationId};
use lore_protocol::library::{Library, Rendered, RevisionItem};
use lore_protocol::skill::SKILL_MD;

use super::Node;
use crate::error::CliError;
use crate::export::{ExportFile, SkillFiles, text_alone};

/// Files that the engine holds.
pub(super) struct Stored<'a>(pub(super) &'a Engine);

impl Texts for Stored<'_> {
    fn holds(&self, blob: BlobId) -> bool {
        self.0.holds_blob(blob)
    }

    fn read(&self, blob: BlobId) -> Option<Vec<u8>> {
        match self.0.blob(blob) {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::warn!(%error, "a file of a skill cannot be read");
                None
            }
        }
    }
}

/// What the engine was last told about texts.
#[derive(Debug, Default)]
pub(super) struct TextState {
    /// The shelf's version and the decisions that it was made of.
    told: Option<(u64, u64, u64)>,
    next: u64,
}

/// Least seconds between two looks.
const PAUSE_SECONDS: u64 = 1;

impl Node {
    /// Tells the engine which texts a person turned down and which are used, so that it keeps and fetches their files.
    pub(super) fn tend_texts(&mut self) {
        let now = self.engine.now_seconds();
        if now < self.texts.next || !self.engine.has_revisions() {
            return;
        }
        self.texts.next = now.saturating_add(PAUSE_SECONDS);
        let told = (self.shelf_version(), self.shelf_decided(), self.engine.blobs_version());
        if self.texts.told.as_ref() == Some(&told) {
            return;
        }
        self.engine.wish_blobs(self.wishes());
        self.texts.told = Some(told);
    }

    /// [`Self::tend_texts`] at once, after a decision.
    pub(super) fn tend_texts_now(&mut self) {
        self.texts.next = 0;
        self.tend_texts();
    }

    fn wishes(&self) -> BlobWishes {
        let mut wishes = BlobWishes::default();
        for one in self.shelf().items() {
            let Item::Text(revision, ..) = &one.item else { continue };
            match &one.standing {
                Standing::OnShelf(_) => wishes.kept.insert(*revision),
                Standing::Rejected
                | Standing::Revoked
                | Standing::Blocked(_)
                | Standing::Broken => wishes.dropped.insert(*revision),
                Standing::Waiting(_) | Standing::Fetching(_) => false,
            };
        }
        // Two federations may hold one version: it is used when it is used in either.
        wishes.dropped.retain(|revision| !wishes.kept.contains(revision));
        wishes
    }

    /// The skills of a library with the base texts that are here.
    pub(super) fn render(&self, library: &Library) -> Result<Vec<Rendered>, CliError> {
        let stored = Stored(&self.engine);
        library.render_with(0, &|item| skill_md_of(item, &stored)).map_err(|problems| {
            let first = problems.first().map(ToString::to_string).unwrap_or_default();
            CliError::failed("render", format!("a skill cannot be written: {first}"))
        })
    }

    /// The version whose text a skill is rendered from; none for a skill of lessons alone.
    pub(super) fn text_of(&self, rendered: &Rendered) -> Option<(FederationId, RevisionItem)> {
        self.engine.federations().iter().find_map(|(id, found)| {
            let skill = found.library().skills.get(&rendered.skill)?;
            let item = skill.revisions.get(&rendered.revision)?;
            item.author.is_some().then(|| (*id, item.clone()))
        })
    }

    /// All files of a rendered skill; none when one of them is not here.
    pub(super) fn files_of(&self, rendered: &Rendered) -> Option<SkillFiles> {
        let mut files = text_alone(&rendered.text);
        let Some((_, item)) = self.text_of(rendered) else { return Some(files) };
        for file in item.files.iter().filter(|file| file.path != SKILL_MD) {
            let bytes = Stored(&self.engine).read(file.blob)?;
            let file_out = ExportFile { bytes, executable: file.executable };
            files.insert(file.path.clone(), file_out);
        }
        Some(files)
    }
}
