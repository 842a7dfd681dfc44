//! A part of a library: what one node uses of it.

use std::collections::BTreeMap;

use super::item::Library;
use crate::ids::{LessonId, MemberId};
use crate::payload::ItemId;

impl Library {
    /// A copy with the lessons that `keeps` names, and without what members said that `counts` leaves out. It is for
    /// reading and rendering: its root is no root of the federation.
    #[must_use]
    pub fn only(
        &self,
        keeps: impl Fn(LessonId) -> bool,
        counts: impl Fn(MemberId) -> bool,
    ) -> Self {
        let mut part = self.clone();
        part.lessons.retain(|id, _| keeps(*id));
        part.topics.retain(|id, _| keeps(*id));
        part.lessons.edit(|_, item| {
            let all = item.support.keys().chain(&item.authored).all(|author| counts(*author));
            (!all).then(|| {
                let mut item = item.clone();
                item.support.retain(|author, _| counts(*author));
                item.authored.retain(|author| counts(*author));
                item
            })
        });
        part.topics.edit(|_, words| {
            let all = words.values().flat_map(BTreeMap::keys).all(|author| counts(*author));
            (!all).then(|| {
                let mut words = words.clone();
                words.values_mut().for_each(|support| support.retain(|author, _| counts(*author)));
                words.retain(|_, support| !support.is_empty());
                words
            })
        });
        part.skills.edit(|_, skill| {
            let all = skill.lessons.iter().all(|id| keeps(*id));
            (!all).then(|| {
                let mut skill = skill.clone();
                skill.lessons.retain(|id| keeps(*id));
                skill
            })
        });
        let is_kept = |item: &ItemId| match item {
            ItemId::Lesson(id) | ItemId::Given(id) => {
                keeps(*id) || part.candidates.contains_key(id)
            }
            ItemId::Revision(_) => true,
        };
        part.evidence.retain(|(item, _), _| is_kept(item));
        part.evidence.edit(|_, of| of_counted(of, &counts));
        part.costs.edit(|_, of| of_counted(of, &counts));
        part.sure_voters.edit(|_, of| {
            let all = of.iter().all(|voice| counts(*voice));
            (!all).then(|| of.iter().copied().filter(|voice| counts(*voice)).collect())
        });
        part
    }
}

/// What counted members said; none when that is all.
fn of_counted<T: Clone>(
    of: &BTreeMap<MemberId, T>,
    counts: impl Fn(MemberId) -> bool,
) -> Option<BTreeMap<MemberId, T>> {
    let all = of.keys().all(|author| counts(*author));
    (!all).then(|| {
        let kept = of.iter().filter(|(author, _)| counts(**author));
        kept.map(|(author, said)| (*author, said.clone())).collect()
    })
}
