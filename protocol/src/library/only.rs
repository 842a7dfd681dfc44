//! A part of a library: what one node uses of it.

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
        for item in part.lessons.values_mut() {
            item.support.retain(|author, _| counts(*author));
            item.authored.retain(|author| counts(*author));
        }
        for words in part.topics.values_mut() {
            words.values_mut().for_each(|support| support.retain(|author, _| counts(*author)));
            words.retain(|_, support| !support.is_empty());
        }
        for skill in part.skills.values_mut() {
            skill.lessons.retain(|id| keeps(*id));
        }
        let is_kept = |item: &ItemId| match item {
            ItemId::Lesson(id) | ItemId::Given(id) => {
                keeps(*id) || part.candidates.contains_key(id)
            }
            ItemId::Revision(_) => true,
        };
        part.evidence.retain(|(item, _), _| is_kept(item));
        part.evidence.values_mut().for_each(|of| of.retain(|author, _| counts(*author)));
        part.costs.values_mut().for_each(|of| of.retain(|author, _| counts(*author)));
        part.sure_voters.values_mut().for_each(|of| of.retain(|voice| counts(*voice)));
        part
    }
}
