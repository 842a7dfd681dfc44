//! Versions of a skill's text: its history, differences, and the one that a person holds fast.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use lore_control as control;
use lore_engine::shelf::{Pin, Texts, escaped};
use lore_protocol::ids::{FederationId, RevisionId, SkillId};
use lore_protocol::library::{Library, RevisionItem, Skill};
use lore_protocol::payload::FileEntry;

use super::Node;
use super::convert::{self, count};
use super::texts::Stored;
use crate::diff;
use crate::error::CliError;

/// Least digits of an id that name something.
const MIN_DIGITS: usize = 4;

/// A skill that was named, where it is.
struct Named<'a> {
    federation: FederationId,
    id: SkillId,
    skill: &'a Skill,
    library: &'a Library,
}

impl Node {
    /// All versions of a skill, newest first.
    pub(super) fn skill_log(
        &self,
        ask: &control::SkillLog,
    ) -> Result<control::SkillHistory, CliError> {
        let named = self.skill_named(&ask.name)?;
        let (shelf, used) = (self.shelf(), self.used(&named));
        let me = self.engine.federation(named.federation)?.member(&self.engine.public_key());
        let mut versions = Vec::new();
        for (id, item) in newest_first(named.skill) {
            let Some(author) = item.author else { continue };
            let Some(shelved) = shelf.version(named.federation, id) else { continue };
            versions.push(control::SkillVersion {
                revision: control::RevisionId::of(id),
                id: control::Hash::of(shelved.id),
                name: escaped(&item.name),
                description: escaped(&item.description),
                author: control::MemberId::of(author),
                own: me.is_some_and(|me| item.is_by(me)),
                epoch: item.epoch,
                parents: item.parents.iter().map(control::RevisionId::of).collect(),
                standing: convert::standing(&shelved.standing),
                used: used == Some(id),
                files: item.files.iter().map(convert::skill_file).collect(),
                missing: count(self.engine.missing_files(item)),
            });
        }
        Ok(control::SkillHistory {
            name: escaped(&ask.name),
            skill: control::SkillId::of(named.id),
            federation: control::FederationId::of(named.federation),
            pinned: self.pin_of(named.id).map(|pin| control::RevisionId::of(pin.revision)),
            versions,
        })
    }

    /// Difference of two versions: without names the newest one against the one in use.
    pub(super) fn skill_diff(
        &self,
        ask: &control::SkillDiff,
    ) -> Result<control::SkillDifference, CliError> {
        let named = self.skill_named(&ask.name)?;
        let of = |digits: &str| {
            let found = self.revision_named(named.library, Some(named.id), digits);
            found.map(|(_, revision)| revision)
        };
        let used = self.used(&named).filter(|id| has_text(named.skill, *id));
        let to = match (&ask.to, &ask.from) {
            (Some(digits), _) => of(digits)?,
            // One version alone is the newer one.
            (None, Some(digits)) => of(digits)?,
            (None, None) => newest_first(named.skill)
                .first()
                .map(|(id, _)| *id)
                .ok_or_else(|| no_text(&ask.name))?,
        };
        let from = match (&ask.from, &ask.to) {
            (Some(digits), Some(_)) => Some(of(digits)?),
            _ => used.filter(|id| *id != to).or_else(|| parent_of(named.skill, to)),
        };
        let stored = Stored(&self.engine);
        let item = |id: RevisionId| named.skill.revisions.get(&id);
        let new = item(to).ok_or_else(|| no_text(&ask.name))?;
        for one in [Some(new), from.and_then(item)].into_iter().flatten() {
            let missing = self.engine.missing_files(one);
            if missing > 0 {
                return Err(CliError::failed(
                    "fetching",
                    format!("{missing} files of a version of `{}` are not here", escaped(&ask.name)),
                )
                .help("they are fetched while a member that has them is connected; those of rejected versions are dropped"));
            }
        }
        let old = from.and_then(item).map(|item| (item, &stored as &dyn Texts));
        Ok(control::SkillDifference {
            from: from.map(control::RevisionId::of),
            to: control::RevisionId::of(to),
            lines: patch(old, (new, &stored)),
        })
    }

    /// Holds a version fast, with the lessons that are on the shelf beside it now.
    pub(super) fn skill_pin(
        &mut self,
        name: &str,
        revision: Option<&str>,
    ) -> Result<control::SkillPinned, CliError> {
        let (skill, pin) = {
            let named = self.skill_named(name)?;
            let wanted = match revision {
                Some(digits) => self.revision_named(named.library, Some(named.id), digits)?.1,
                None => self.used(&named).ok_or_else(|| not_used(name))?,
            };
            (named.id, self.pin(&named, wanted, name)?)
        };
        self.hold(skill, Some(pin))?;
        self.pinned(name)
    }

    /// Lets the version of a skill go that was held fast.
    pub(super) fn skill_unpin(&mut self, name: &str) -> Result<control::SkillPinned, CliError> {
        let skill = self.skill_named(name)?.id;
        if self.pin_of(skill).is_none() {
            return Err(CliError::usage(format!("no version of `{}` is pinned", escaped(name)))
                .help("see `lore skill log`"));
        }
        self.hold(skill, None)?;
        self.pinned(name)
    }

    /// Pins the version before the one in use.
    pub(super) fn skill_rollback(&mut self, name: &str) -> Result<control::SkillPinned, CliError> {
        let (skill, pin) = {
            let named = self.skill_named(name)?;
            let used = self.used(&named).ok_or_else(|| not_used(name))?;
            let before = self.version_before(&named, used).ok_or_else(|| {
                CliError::usage(format!(
                    "no version of `{}` before the one in use is on the shelf",
                    escaped(name)
                ))
                .help("see `lore skill log`; `lore approve` puts a version on the shelf")
            })?;
            (named.id, self.pin(&named, before, name)?)
        };
        self.hold(skill, Some(pin))?;
        self.pinned(name)
    }

    /// Tells the federation that versions of this node are withdrawn.
    pub(super) fn skill_withdraw(
        &mut self,
        ask: &control::SkillWithdraw,
    ) -> Result<control::SkillWithdrawn, CliError> {
        let (federation, revisions) = {
            let named = self.skill_named(&ask.name)?;
            let me = self.engine.federation(named.federation)?.member(&self.engine.public_key());
            let wanted = match &ask.revision {
                Some(digits) => Some(self.revision_named(named.library, Some(named.id), digits)?.1),
                None => None,
            };
            let own = named.skill.revisions.iter().filter(|(id, item)| {
                me.is_some_and(|me| item.is_by(me))
                    && wanted.is_none_or(|wanted| wanted == **id)
                    && !named.library.is_withdrawn(**id, item)
            });
            (named.federation, own.map(|(id, _)| *id).collect::<Vec<_>>())
        };
        if revisions.is_empty() {
            return Err(CliError::usage(format!(
                "this node has published no version of `{}` that still stands",
                escaped(&ask.name)
            ))
            .help("see `lore skill log`; to take a text of another member off the shelf, run `lore revoke`"));
        }
        for revision in &revisions {
            self.engine.withdraw_revision(federation, *revision)?;
        }
        self.tell_agents();
        Ok(control::SkillWithdrawn {
            name: escaped(&ask.name),
            revisions: revisions.iter().map(control::RevisionId::of).collect(),
        })
    }

    fn pinned(&self, name: &str) -> Result<control::SkillPinned, CliError> {
        let named = self.skill_named(name)?;
        let used = self.used(&named).filter(|id| has_text(named.skill, *id));
        Ok(control::SkillPinned {
            name: escaped(name),
            skill: control::SkillId::of(named.id),
            pinned: self.pin_of(named.id).map(|pin| control::RevisionId::of(pin.revision)),
            used: used.map(control::RevisionId::of),
        })
    }

    fn pin(&self, named: &Named<'_>, revision: RevisionId, name: &str) -> Result<Pin, CliError> {
        let shelf = self.shelf();
        let part = shelf.library(named.federation).and_then(|part| part.skills.get(&named.id));
        let is_virtual = !has_text(named.skill, revision);
        let stands =
            shelf.version(named.federation, revision).is_some_and(|one| one.standing.is_on_shelf());
        if !is_virtual && !stands {
            return Err(CliError::refused(
                "not_on_shelf",
                format!("this version of `{}` is not on the shelf", escaped(name)),
            )
            .help("read it with `lore review`, and approve it first"));
        }
        let lessons = part.map(|part| part.lessons.iter().copied().collect()).unwrap_or_default();
        Ok(Pin { revision, lessons })
    }

    /// The version that agents are given.
    fn used(&self, named: &Named<'_>) -> Option<RevisionId> {
        let shelf = self.shelf();
        let part = shelf.library(named.federation)?.skills.get(&named.id)?;
        part.heads.get(&0).copied()
    }

    /// The newest version on the shelf that the one in use replaces; else one that came before it.
    fn version_before(&self, named: &Named<'_>, used: RevisionId) -> Option<RevisionId> {
        let shelf = self.shelf();
        let stands = |id: RevisionId| {
            let found = shelf.version(named.federation, id);
            found.is_some_and(|one| one.standing.is_on_shelf())
        };
        if let Some(parent) = parent_of(named.skill, used).filter(|id| stands(*id)) {
            return Some(parent);
        }
        let epoch = named.skill.revisions.get(&used)?.epoch;
        let earlier = newest_first(named.skill).into_iter();
        let mut earlier = earlier.filter(|(id, item)| *id != used && item.epoch < epoch);
        earlier.find(|(id, _)| stands(*id)).map(|(id, _)| id)
    }

    /// The skill of a name or an id: as agents know it, else as one of its versions calls it.
    fn skill_named(&self, text: &str) -> Result<Named<'_>, CliError> {
        let rendered = self.rendered(None)?;
        let by_name: BTreeSet<SkillId> =
            rendered.iter().filter(|one| one.name.as_str() == text).map(|one| one.skill).collect();
        let mut found: BTreeMap<SkillId, Named<'_>> = BTreeMap::new();
        for (federation, of) in self.engine.federations() {
            let library = of.library();
            for (id, skill) in &library.skills {
                let named_so = skill.revisions.values().any(|item| item.name == text);
                let digits = text.len() >= MIN_DIGITS && id.to_string().starts_with(text);
                if by_name.contains(id) || (by_name.is_empty() && (named_so || digits)) {
                    let named = Named { federation: *federation, id: *id, skill, library };
                    found.entry(*id).or_insert(named);
                }
            }
        }
        let ids: Vec<String> = found.keys().map(|id| id.short()).collect();
        match (found.pop_first(), found.is_empty()) {
            (Some((_, one)), true) => Ok(one),
            (None, _) => Err(CliError::usage(format!("there is no skill `{}`", escaped(text)))
                .help("see `lore skill list` and `lore review`")),
            (Some(_), false) => Err(CliError::usage(format!(
                "more than one skill is called `{}`: {}",
                escaped(text),
                ids.join(", ")
            ))
            .help("give the id of one of them")),
        }
    }

    /// The version that digits name, in a skill or anywhere.
    pub(super) fn revision_named(
        &self,
        library: &Library,
        skill: Option<SkillId>,
        digits: &str,
    ) -> Result<(SkillId, RevisionId), CliError> {
        let all = library.skills.iter().filter(|(id, _)| skill.is_none_or(|skill| skill == **id));
        let all = all.flat_map(|(id, of)| of.revisions.keys().map(|revision| (*id, *revision)));
        let fits = |(_, id): &(SkillId, RevisionId)| {
            digits.len() >= MIN_DIGITS && id.to_string().starts_with(digits)
        };
        let found: Vec<_> = all.filter(fits).collect();
        match found[..] {
            [one] => Ok(one),
            [] => Err(CliError::usage(format!("no version has the id `{}`", escaped(digits)))
                .help("`lore skill log` shows the ids; at least four digits are needed")),
            _ => Err(CliError::usage(format!("more than one version begins with `{digits}`"))
                .help("give more of its digits")),
        }
    }
}

fn no_text(name: &str) -> CliError {
    CliError::usage(format!("`{}` has no text that a person wrote", escaped(name)))
        .help("it is made of lessons alone: see `lore skill show`")
}

fn not_used(name: &str) -> CliError {
    CliError::usage(format!("no version of `{}` is on the shelf", escaped(name)))
        .help("see `lore skill log`; `lore approve` puts a version on the shelf")
}

fn has_text(skill: &Skill, id: RevisionId) -> bool {
    skill.revisions.get(&id).is_some_and(|item| item.author.is_some())
}

/// The first version that another replaces, of those that are known.
fn parent_of(skill: &Skill, id: RevisionId) -> Option<RevisionId> {
    let parents = &skill.revisions.get(&id)?.parents;
    parents.iter().copied().find(|parent| *parent != id && has_text(skill, *parent))
}

/// Versions with a text, the newest first, and in one epoch those first that no other one replaces.
fn newest_first(skill: &Skill) -> Vec<(RevisionId, &RevisionItem)> {
    let texts = skill.revisions.iter().filter(|(_, item)| item.author.is_some());
    let mut texts: Vec<_> = texts.map(|(id, item)| (*id, item)).collect();
    let replaced: BTreeSet<RevisionId> =
        texts.iter().flat_map(|(_, item)| item.parents.iter().copied()).collect();
    texts.sort_by_key(|(id, item)| (Reverse(item.epoch), replaced.contains(id), *id));
    texts
}

/// A patch from one version to another over all files, escaped; from none, all of the new one.
pub(super) fn patch(
    old: Option<(&RevisionItem, &dyn Texts)>,
    new: (&RevisionItem, &dyn Texts),
) -> Vec<String> {
    let files = |item: &RevisionItem| -> BTreeMap<String, FileEntry> {
        item.files.iter().map(|file| (file.path.clone(), file.clone())).collect()
    };
    let deadline = Instant::now() + diff::PATIENCE;
    let before = old.map(|(item, _)| files(item)).unwrap_or_default();
    let after = files(new.0);
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut lines = Vec::new();
    for path in paths {
        let (was, is) = (before.get(path), after.get(path));
        if was == is {
            continue;
        }
        let shown = escaped(path);
        let side = |there: bool| if there { shown.as_str() } else { "(none)" };
        lines.push(format!("--- {}", side(was.is_some())));
        lines.push(format!("+++ {}", side(is.is_some())));
        if was.is_some_and(|file| file.executable) != is.is_some_and(|file| file.executable) {
            let now = is.is_some_and(|file| file.executable);
            lines.push(format!(
                "mode: {}",
                if now { "may be executed" } else { "may not be executed" }
            ));
        }
        let text = |file: Option<&FileEntry>, texts: Option<&dyn Texts>| match (file, texts) {
            (Some(file), Some(texts)) => texts.read(file.blob).map(String::from_utf8),
            _ => Some(Ok(String::new())),
        };
        match (text(was, old.map(|(_, texts)| texts)), text(is, Some(new.1))) {
            (Some(Ok(was)), Some(Ok(is))) => {
                lines.extend(diff::unified(&was, &is, deadline).iter().map(|line| escaped(line)));
            }
            _ => lines.push(format!("no text: {} bytes", is.map_or(0, |file| file.len))),
        }
    }
    lines
}
