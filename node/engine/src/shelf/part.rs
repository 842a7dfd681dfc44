//! Versions of skills in the part of a library that may be used: one of each skill, chosen here.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use lore_protocol::ids::{RevisionId, SkillId};
use lore_protocol::lesson::virtual_base;
use lore_protocol::library::{Library, RevisionItem, Skill};

use super::decision::Decisions;

/// Leaves of each skill the one version that is used, of those that `stands` names: the one that a person holds fast, with the lessons that were there then; else a version that no other one replaces.
pub(super) fn keep_versions(
    part: &mut Library,
    whole: &Library,
    stands: impl Fn(RevisionId, &RevisionItem) -> bool,
    decisions: &Decisions,
) {
    part.skills.edit(|id, skill| {
        let mut skill = skill.clone();
        skill.revisions.retain(|revision, item| item.author.is_none() || stands(*revision, item));
        let pin = decisions.pin(*id);
        if let Some(pin) = pin {
            skill.lessons.retain(|lesson| pin.lessons.binary_search(lesson).is_ok());
        }
        let chosen = match pin {
            // When it was taken away since, no other one takes its place.
            Some(pin) => skill.revisions.contains_key(&pin.revision).then_some(pin.revision),
            None => whole.skills.get(id).and_then(|all| newest(&skill, all)),
        };
        let chosen = chosen.or_else(|| virtual_of(*id, &mut skill));
        skill.revisions.retain(|revision, _| Some(*revision) == chosen);
        skill.heads = chosen.map(|revision| (0, revision)).into_iter().collect();
        Some(skill)
    });
}

/// The version that no other one on the shelf replaces; of several the one that evidence chose, then the newest.
fn newest(skill: &Skill, all: &Skill) -> Option<RevisionId> {
    let texts = skill.revisions.iter().filter(|(_, item)| item.author.is_some());
    let texts: Vec<(RevisionId, &RevisionItem)> = texts.map(|(id, item)| (*id, item)).collect();
    let replaced: BTreeSet<RevisionId> =
        texts.iter().flat_map(|(id, _)| ancestors(*id, all)).collect();
    let tips: Vec<_> = texts.iter().filter(|(id, _)| !replaced.contains(id)).collect();
    // Authors may claim a circle: then nothing stands at its end.
    let tips = if tips.is_empty() { texts.iter().collect() } else { tips };
    let best = tips
        .into_iter()
        .min_by_key(|(id, item)| (all.heads.get(&0) != Some(id), Reverse(item.epoch), *id));
    best.map(|(id, _)| *id)
}

/// Versions that one replaces, through all that are known.
fn ancestors(of: RevisionId, all: &Skill) -> BTreeSet<RevisionId> {
    let (mut found, mut open) = (BTreeSet::new(), vec![of]);
    while let Some(next) = open.pop() {
        for parent in all.revisions.get(&next).into_iter().flat_map(|item| &item.parents) {
            if *parent != of && found.insert(*parent) {
                open.push(*parent);
            }
        }
    }
    found
}

/// The version without a text, under which the lessons of a skill are shown.
fn virtual_of(id: SkillId, skill: &mut Skill) -> Option<RevisionId> {
    if skill.lessons.is_empty() {
        return None;
    }
    let base = virtual_base(id);
    skill.revisions.get_or_insert_with(base, || RevisionItem::virtual_base(0));
    Some(base)
}
