//! Skills that a person wrote: what would be published of a directory, and the person's consent to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lore_control as control;
use lore_engine::shelf::{Capabilities, Examined, Texts, escaped};
use lore_privacy::{Authored, Pattern, Question};
use lore_protocol::codec;
use lore_protocol::ids::{BlobId, FederationId, RevisionId, SkillId};
use lore_protocol::library::{Library, RevisionItem, without_lessons};
use lore_protocol::payload::{MAX_PAYLOAD_BYTES, Payload, Revision};
use lore_protocol::skill::{
    self, Bundle, BundleFile, Document, Entry, EntryKind, SKILL_MD, blob_id,
};
use lore_session::redact;

use super::Node;
use super::consent::code_of;
use super::convert;
use super::texts::Stored;
use super::versions::patch;
use crate::bundle;
use crate::config::Config;
use crate::error::CliError;

/// Most places that look private which are listed.
const MAX_MARKS: usize = 100;
/// Longest line of one of them, in characters.
const MAX_MARK_CHARS: usize = 160;

/// A directory as it would be published.
pub struct Draft {
    payload: Payload,
    federation: FederationId,
    files: BTreeMap<BlobId, Vec<u8>>,
    /// The same for a person.
    pub shown: control::Publication,
}

/// Files of a draft.
struct Drafted<'a>(&'a BTreeMap<BlobId, Vec<u8>>);

impl Texts for Drafted<'_> {
    fn holds(&self, blob: BlobId) -> bool {
        self.0.contains_key(&blob)
    }

    fn read(&self, blob: BlobId) -> Option<Vec<u8>> {
        self.0.get(&blob).cloned()
    }
}

/// The version that a draft replaces, and its skill.
struct Before {
    skill: Option<SkillId>,
    parents: Vec<RevisionId>,
}

impl Node {
    /// Looks at a directory as it would be published. Nothing is kept.
    ///
    /// # Errors
    /// Fails when it is no valid skill, or the federation's charter does not let it spread.
    pub fn skill_draft(&self, ask: &control::SkillCheck) -> Result<Draft, CliError> {
        let federation = self.which(ask.federation.as_deref())?;
        let read = bundle::read(&ask.directory)?;
        let marks = marks_of(&read.bundle);
        let (bundle, stripped) = stripped(read.bundle)?;
        let document = valid(&bundle, &ask.directory)?;
        self.check_scripts(federation, &bundle)?;
        let name = document.name().unwrap_or_default().to_owned();
        let description = document.description().unwrap_or_default().to_owned();
        let manifest = bundle.manifest().to_vec();
        let is_same = |item: &RevisionItem| {
            item.name == name && item.description == description && item.files == manifest
        };
        let before = self.before(federation, &name, marks, ask.parent.as_deref(), &is_same)?;
        let revision = Revision {
            skill: before.skill,
            name: name.clone(),
            description: description.clone(),
            parents: before.parents.clone(),
            files: manifest.clone(),
        };
        let id = revision.id();
        let files: BTreeMap<BlobId, Vec<u8>> = bundle
            .files()
            .values()
            .map(|file| (blob_id(&file.bytes), file.bytes.clone()))
            .collect();
        let unchanged = self.is_published(federation, &revision)?;
        let item = RevisionItem {
            name: name.clone(),
            description: description.clone(),
            parents: before.parents.clone(),
            files: manifest,
            author: None,
            also: BTreeSet::new(),
            epoch: 0,
        };
        let examined = Examined::of_revision(&item, &Drafted(&files));
        let library = self.engine.federation(federation)?.library();
        let parent = before.parents.iter().find_map(|id| version(library, before.skill?, *id));
        let active = parent.map_or_else(Capabilities::default, |parent| {
            Examined::of_revision(parent, &Stored(&self.engine)).capabilities
        });
        let diff = match parent {
            Some(parent) => patch(Some((parent, &Stored(&self.engine))), (&item, &Drafted(&files))),
            None => Vec::new(),
        };
        let payload = Payload::Revision(revision);
        check_payload(&payload)?;
        let charter = self.engine.federation(federation)?.log().charter();
        let warnings = skill::validate(bundle.skill_md(), None).warnings;
        let shown = control::Publication {
            name,
            description,
            federation: control::FederationId::of(federation),
            federation_name: escaped(&charter.name),
            skill: control::SkillId::of(before.skill.unwrap_or(SkillId(id.0))),
            revision: control::RevisionId::of(id),
            parents: before.parents.iter().map(control::RevisionId::of).collect(),
            unchanged,
            files: bundle.manifest().iter().map(convert::skill_file).collect(),
            left_out: read.left_out.iter().map(|path| escaped(path)).collect(),
            stripped,
            capabilities: convert::capabilities(&examined.capabilities.beyond(&active)),
            findings: convert::findings(&examined.findings),
            private: self.private_marks(&bundle)?,
            warnings: warnings.iter().map(ToString::to_string).collect(),
            diff,
        };
        Ok(Draft { payload, federation, files, shown })
    }

    /// Asks the person at the terminal, and keeps the skill until the delay is over. Nothing is signed.
    ///
    /// # Errors
    /// Fails when nobody agrees, the deny-list keeps something back, or this node could not sign.
    pub fn skill_publish_later(
        &self,
        draft: &Draft,
        shown: &str,
    ) -> Result<control::PendingLesson, CliError> {
        if let Some(mark) = draft.shown.private.iter().find(|mark| mark.denied_by.is_some()) {
            let pattern = mark.denied_by.as_deref().unwrap_or_default();
            return Err(CliError::refused(
                "denied",
                format!("{}, line {}: your deny-list keeps `{pattern}` here", mark.path, mark.line),
            )
            .help("take it out of the file, or off the list: `lore privacy deny-list`"));
        }
        let delay = Config::load(&self.home.config_path())?.share_delay;
        let code = code_of(&self.consent_file)?;
        self.engine.may_publish(draft.federation)?;
        let payload = draft.payload.clone();
        let question =
            Question { federation: draft.federation, payload, shown, delay, code: code.as_ref() };
        let consent = Authored::ask(question, || self.engine.now_seconds())?;
        self.engine.publish_later(&consent, &draft.files)?;
        Ok(self.pending(&consent))
    }

    fn check_scripts(&self, federation: FederationId, bundle: &Bundle) -> Result<(), CliError> {
        if self.engine.federation(federation)?.log().charter().scripts {
            return Ok(());
        }
        let forbidden = bundle
            .manifest()
            .iter()
            .find(|file| file.executable || file.path.split('/').next() == Some("scripts"));
        let Some(file) = forbidden else { return Ok(()) };
        Err(CliError::refused(
            "scripts",
            format!("`{}` is a script, and the federation's charter lets none spread", escaped(&file.path)),
        )
        .help("take files below scripts/ and executable ones out, or found a federation with `lore federation create --scripts`"))
    }

    /// Finds what a draft replaces: what was named, what its metadata names, or the newest version of this node by the
    /// same name. A draft that says the same as that version is that version again.
    fn before(
        &self,
        federation: FederationId,
        name: &str,
        marks: Option<(SkillId, RevisionId)>,
        parent: Option<&str>,
        is_same: &dyn Fn(&RevisionItem) -> bool,
    ) -> Result<Before, CliError> {
        let library = self.engine.federation(federation)?.library();
        let of = |skill: SkillId, parent: RevisionId| {
            let same = version(library, skill, parent).filter(|item| is_same(item));
            let parents = same.map_or_else(|| vec![parent], |item| item.parents.clone());
            Before { skill: Some(skill), parents }
        };
        if let Some(digits) = parent {
            let (skill, found) = self.revision_named(library, None, digits)?;
            return Ok(of(skill, found));
        }
        if let Some((skill, parent)) = marks
            && library.skills.get(&skill).is_some_and(|all| all.revisions.contains_key(&parent))
        {
            return Ok(of(skill, parent));
        }
        let me = self.engine.federation(federation)?.member(&self.engine.public_key());
        let own = library.skills.iter().flat_map(|(skill, all)| {
            let mine = all
                .revisions
                .iter()
                .filter(|(_, item)| me.is_some_and(|me| item.is_by(me)) && item.name == name);
            mine.map(|(id, item)| (*skill, *id, item))
        });
        let own: Vec<(SkillId, RevisionId, &RevisionItem)> = own.collect();
        let replaced = |id: RevisionId| own.iter().any(|(_, _, item)| item.parents.contains(&id));
        let newest = own.iter().max_by_key(|(_, id, item)| (!replaced(*id), item.epoch, *id));
        Ok(match newest {
            Some((skill, id, _)) => of(*skill, *id),
            None => Before { skill: None, parents: Vec::new() },
        })
    }

    /// Returns true when this very version of this node is in the library or waits to be signed.
    ///
    /// # Errors
    /// Fails when another version of the same name waits.
    fn is_published(&self, federation: FederationId, draft: &Revision) -> Result<bool, CliError> {
        let found = self.engine.federation(federation)?;
        let me = found.member(&self.engine.public_key());
        let id = draft.id();
        let known = found.library().skills.values().any(|skill| {
            skill.revisions.get(&id).is_some_and(|item| me.is_some_and(|me| item.is_by(me)))
        });
        for consent in self.engine.waiting_texts()? {
            let Payload::Revision(waiting) = consent.payload() else { continue };
            if consent.federation() != federation || waiting.name != draft.name {
                continue;
            }
            if waiting.id() == id {
                return Ok(true);
            }
            let consent: String = consent.id().to_string().chars().take(8).collect();
            return Err(CliError::refused(
                "waiting",
                format!("another version of `{}` waits to be signed", draft.name),
            )
            .help(format!("wait until it is, or withdraw it: `lore lesson undo {consent}`")));
        }
        Ok(known)
    }

    /// Patterns of the deny-list, from the moment that they are on it: a text is no release that a window bounds.
    fn denied_patterns(&self) -> Result<Vec<Pattern>, CliError> {
        let entries = self.engine.deny_list_entries()?.into_iter();
        let standing = entries.filter(|entry| entry.in_force || entry.removed_seconds.is_none());
        Ok(standing.filter_map(|entry| Pattern::new(&entry.pattern).ok()).collect())
    }

    /// Lines in which redaction would take something out, or that the deny-list names.
    fn private_marks(&self, bundle: &Bundle) -> Result<Vec<control::PrivateMark>, CliError> {
        let denied = self.denied_patterns()?;
        let mut marks = Vec::new();
        for (path, file) in bundle.files() {
            let Ok(text) = std::str::from_utf8(&file.bytes) else { continue };
            for (at, line) in text.lines().enumerate() {
                let clean = redact::text(line);
                let denied = denied.iter().find(|pattern| pattern.matches(line));
                if clean == line && denied.is_none() || marks.len() == MAX_MARKS {
                    continue;
                }
                let cut: String = clean.chars().take(MAX_MARK_CHARS).collect();
                marks.push(control::PrivateMark {
                    path: escaped(path.as_str()),
                    line: convert::count(at + 1),
                    text: escaped(&cut),
                    denied_by: denied.map(|pattern| pattern.as_str().to_owned()),
                });
            }
        }
        Ok(marks)
    }
}

fn version(library: &Library, skill: SkillId, id: RevisionId) -> Option<&RevisionItem> {
    let item = library.skills.get(&skill)?.revisions.get(&id)?;
    item.author.is_some().then_some(item)
}

/// The skill and the version that an exported text says it is.
fn marks_of(bundle: &Bundle) -> Option<(SkillId, RevisionId)> {
    let document = skill::parse(bundle.skill_md()).ok()?;
    let skill = document.metadata("lore-skill")?.parse().ok()?;
    Some((skill, document.metadata("lore-revision")?.parse().ok()?))
}

/// The bundle without what an export had added to its `SKILL.md`; true when something was.
fn stripped(bundle: Bundle) -> Result<(Bundle, bool), CliError> {
    let Some(text) = without_lessons(bundle.skill_md()) else { return Ok((bundle, false)) };
    let entries = bundle.files().iter().map(|(path, file)| {
        let is_text = path.as_str() == SKILL_MD;
        let bytes = if is_text { text.as_bytes().to_vec() } else { file.bytes.clone() };
        let file = BundleFile { executable: file.executable, bytes };
        Entry { path: path.to_string(), kind: EntryKind::File(file) }
    });
    let bundle = Bundle::from_entries(entries)
        .map_err(|error| CliError::usage(error).kind("invalid_skill"))?;
    Ok((bundle, true))
}

/// The `SKILL.md` of a bundle, which must be valid.
fn valid(bundle: &Bundle, directory: &Path) -> Result<Document, CliError> {
    let name = directory.file_name().map(|name| name.to_string_lossy().into_owned());
    let verdict = skill::validate(bundle.skill_md(), name.as_deref());
    let invalid = |what: String| {
        CliError::usage(format!("{} is no valid skill: {what}", directory.display()))
            .kind("invalid_skill")
            .help("`lore skill validate` lists all that is wrong")
    };
    if let Some(first) = verdict.problems.first() {
        return Err(invalid(first.to_string()));
    }
    skill::parse(bundle.skill_md()).map_err(|error| invalid(error.to_string()))
}

fn check_payload(payload: &Payload) -> Result<(), CliError> {
    payload.check().map_err(|fault| CliError::usage(fault).kind("invalid_skill"))?;
    if codec::encode(payload).len() > MAX_PAYLOAD_BYTES {
        return Err(CliError::usage("the list of its files is too long to be published")
            .kind("invalid_skill")
            .help("use fewer files, or shorter paths"));
    }
    Ok(())
}
