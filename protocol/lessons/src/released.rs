//! Lessons of a library, as a member may hint them.

use lore_protocol::charter::Charter;
use lore_protocol::ids::{LessonId, MemberId};
use lore_protocol::library::{LessonItem, LessonState, Library};
use lore_protocol::payload::{ItemId, WEIGHT};

use crate::book::{Circle, Entry, Tally};

/// A lesson of a library, once for each circle that the member `me` knows it from: with its own support, and with that of
/// the others. Without a member all of it is the others'. Its state is not looked at: see [`crate::Book::mark`].
#[must_use]
pub fn released(
    library: &Library,
    charter: &Charter,
    me: Option<MemberId>,
    id: LessonId,
    item: &LessonItem,
) -> Vec<Entry> {
    let people =
        |support: i64| u32::try_from(support.max(0) / i64::from(WEIGHT)).unwrap_or(u32::MAX);
    let own = me.and_then(|me| item.support.get(&me)).copied().unwrap_or(0);
    let others = item.total_support().saturating_sub(own);
    let votes = library.votes(ItemId::Lesson(id));
    let votes = votes.map_or(0, |votes| votes.sure_micros() / 1_000_000);
    let votes = u32::try_from(votes).unwrap_or(u32::MAX);
    let evidence = library.estimate(charter, ItemId::Lesson(id), 0);
    let entry = |circle: Circle, people: u32| Entry {
        lesson: item.lesson.clone(),
        circle,
        tally: Tally::pooled(people, evidence.as_ref()),
        example: String::new(),
        public: true,
        state: LessonState::Steady,
    };
    let mut entries = Vec::new();
    if own > 0 {
        entries.push(entry(Circle::Node, people(own)));
    }
    if others > 0 || !item.authored.is_empty() || entries.is_empty() {
        entries.push(entry(Circle::Federation, people(others).max(votes)));
    }
    entries
}
