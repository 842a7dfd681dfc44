//! The shelf of a node: the standing of every item, and the part of each library that may be used.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lore_lessons::codebook;
use lore_protocol::ids::{FederationId, LessonId, MemberId, RevisionId, SkillId};
use lore_protocol::lesson::{Lesson, Word};
use lore_protocol::library::{LessonItem, Library, RevisionItem};
use lore_protocol::payload::{ItemId, RevokeTarget};

use super::capability::Capabilities;
use super::content::{ContentId, Examined};
use super::decision::{AuthorDecision, Decisions};
use super::files::{Presence, Texts, presence};
use super::part::keep_versions;
use super::policy::Policy;
use super::scan::scan;
use super::standing::{Facts, Standing, by_content, by_decision};

/// A library with the member that this node is in it.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// The federation.
    pub federation: FederationId,
    /// What it holds.
    pub library: &'a Library,
    /// This node's own member.
    pub me: Option<MemberId>,
}

/// Content of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A lesson.
    Lesson(LessonId, Lesson),
    /// A version of a skill's base text, by its name and description.
    Text(RevisionId, String, String),
}

/// An item with its standing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelved {
    /// Id of the content.
    pub id: ContentId,
    /// The federation that holds it.
    pub federation: FederationId,
    /// The skill that it belongs to.
    pub skill: SkillId,
    /// The content.
    pub item: Item,
    /// Members that published it, sorted.
    pub authors: Vec<MemberId>,
    /// Distinct voices behind it, votes included.
    pub voices: usize,
    /// Its findings and capabilities.
    pub examined: Arc<Examined>,
    /// Capabilities beyond what the skill's active lessons ask for.
    pub widening: Capabilities,
    /// Its standing.
    pub standing: Standing,
}

/// The shelf.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    policy: Policy,
    items: Vec<Shelved>,
    on_shelf: BTreeSet<(FederationId, ContentId)>,
    libraries: BTreeMap<FederationId, Library>,
    /// What was examined already, by content.
    examined: BTreeMap<ContentId, Arc<Examined>>,
}

impl Shelf {
    /// The shelf over some libraries. What an earlier shelf examined is not examined again.
    #[must_use]
    pub fn of<'a>(
        held: impl IntoIterator<Item = Held<'a>>,
        texts: &dyn Texts,
        decisions: &Decisions,
        policy: Policy,
        earlier: Option<&Self>,
    ) -> Self {
        let mut shelf = Self { policy, ..Self::default() };
        for one in held {
            shelf.add(one, texts, decisions, earlier);
        }
        shelf
    }

    fn add(
        &mut self,
        held: Held<'_>,
        texts: &dyn Texts,
        decisions: &Decisions,
        earlier: Option<&Self>,
    ) {
        let Held { federation, library, .. } = held;
        let (mut settled, mut open) = (Vec::new(), Vec::new());
        for (item, mut facts) in candidates(held, texts, decisions) {
            let examined = self.examine(&item, facts.presence, library, texts, earlier);
            if !examined.usable {
                facts.presence = Presence::Broken;
            }
            let shelved = Shelved { examined, ..item };
            match by_decision(&facts) {
                Some(standing) => settled.push(Shelved { standing, ..shelved }),
                None => open.push((shelved, facts.trusted)),
            }
        }
        let mut active: BTreeMap<SkillId, Capabilities> = BTreeMap::new();
        for one in settled.iter().filter(|one| one.standing.is_on_shelf()) {
            active.entry(one.skill).or_default().join(&one.examined.capabilities);
        }
        let none = Capabilities::default();
        for (mut one, trusted) in open {
            one.widening =
                one.examined.capabilities.beyond(active.get(&one.skill).unwrap_or(&none));
            let widens = !one.widening.is_plain();
            one.standing = by_content(&one.examined, widens, trusted, self.policy);
            settled.push(one);
        }
        settled.sort_by_key(|one| one.id);
        let on_shelf = settled.iter().filter(|one| one.standing.is_on_shelf());
        self.on_shelf.extend(on_shelf.map(|one| (federation, one.id)));
        self.items.extend(settled);
        let mut part = library.only(
            |lesson| self.holds(federation, lesson),
            |member| !is_blocked(library, decisions, member),
        );
        // Anyone may add words to a lesson that was approved before they did.
        let odd: Vec<LessonId> =
            part.topics.keys().copied().filter(|id| !has_clean_topics(&part, *id)).collect();
        odd.iter().for_each(|id| drop(part.topics.remove(id)));
        let stands = |id: RevisionId, item: &RevisionItem| {
            self.on_shelf.contains(&(federation, ContentId::of_revision(id, item)))
        };
        keep_versions(&mut part, library, stands, decisions);
        self.libraries.insert(federation, part);
    }

    fn examine(
        &mut self,
        one: &Shelved,
        presence: Presence,
        library: &Library,
        texts: &dyn Texts,
        earlier: Option<&Self>,
    ) -> Arc<Examined> {
        let known = earlier.and_then(|shelf| shelf.examined.get(&one.id));
        if let Some(known) = known.or_else(|| self.examined.get(&one.id)) {
            let known = Arc::clone(known);
            self.examined.insert(one.id, Arc::clone(&known));
            return known;
        }
        let found = match &one.item {
            Item::Lesson(_, lesson) => Examined::of_lesson(lesson),
            Item::Text(revision, ..) => {
                let skill = library.skills.get(&one.skill);
                let Some(item) = skill.and_then(|skill| skill.revisions.get(revision)) else {
                    return Arc::new(Examined::of_text(""));
                };
                if presence != Presence::Whole {
                    // Looked at again when all of it is here.
                    return Arc::new(Examined::of_manifest(item));
                }
                Examined::of_revision(item, texts)
            }
        };
        let found = Arc::new(found);
        self.examined.insert(one.id, Arc::clone(&found));
        found
    }

    /// The policy by which it was made.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        self.policy
    }

    /// Every item of the libraries, by federation and id.
    #[must_use]
    pub fn items(&self) -> &[Shelved] {
        &self.items
    }

    /// Items that wait for a person.
    pub fn waiting(&self) -> impl Iterator<Item = &Shelved> {
        self.items.iter().filter(|one| matches!(one.standing, Standing::Waiting(_)))
    }

    /// Returns true when a lesson of a federation may reach an agent.
    #[must_use]
    pub fn holds(&self, federation: FederationId, lesson: LessonId) -> bool {
        self.on_shelf.contains(&(federation, ContentId::of_lesson(lesson)))
    }

    /// Standing of a lesson; none when the federation does not hold it.
    #[must_use]
    pub fn standing(&self, federation: FederationId, lesson: LessonId) -> Option<&Standing> {
        let id = ContentId::of_lesson(lesson);
        let found = self.items.iter().find(|one| one.federation == federation && one.id == id);
        found.map(|one| &one.standing)
    }

    /// Standing of a version of a skill's base text; none when the federation does not hold it.
    #[must_use]
    pub fn version(&self, federation: FederationId, revision: RevisionId) -> Option<&Shelved> {
        let is_it = |one: &&Shelved| {
            one.federation == federation
                && matches!(&one.item, Item::Text(id, ..) if *id == revision)
        };
        self.items.iter().find(is_it)
    }

    /// The part of a federation's library that may be used.
    #[must_use]
    pub fn library(&self, federation: FederationId) -> Option<&Library> {
        self.libraries.get(&federation)
    }

    /// Returns true when an agent is given the same by both.
    #[must_use]
    pub fn is_used_like(&self, other: &Self) -> bool {
        self.libraries == other.libraries
    }
}

/// Returns true when the topic words of a lesson, in the order in which a skill shows them, say nothing suspicious.
fn has_clean_topics(library: &Library, lesson: LessonId) -> bool {
    let words: Vec<&str> = library.topics_of(lesson).into_iter().map(Word::as_str).collect();
    scan(&words.join(" "), "").is_empty()
}

/// Returns true for a blocked member, and for one whose voice began with one: a member may vouch for keys of its own.
fn is_blocked(library: &Library, decisions: &Decisions, member: MemberId) -> bool {
    let blocked = |member| decisions.author(member) == Some(AuthorDecision::Blocked);
    blocked(member) || blocked(library.voice(member))
}

/// Returns true when no member behind a lesson is left without the blocked ones. Votes count as well as releases.
fn all_blocked(library: &Library, decisions: &Decisions, id: LessonId, item: &LessonItem) -> bool {
    let voters = library.tallies.get(&ItemId::Lesson(id)).into_iter().flat_map(BTreeMap::keys);
    let members = item.support.keys().chain(&item.authored).chain(voters);
    let left: BTreeSet<MemberId> = members
        .filter(|member| !is_blocked(library, decisions, **member))
        .map(|member| library.voice(*member))
        .collect();
    library.voices_behind(id, item).is_disjoint(&left)
}

/// Every item of a library with what decides about it, before its content is looked at.
fn candidates(held: Held<'_>, texts: &dyn Texts, decisions: &Decisions) -> Vec<(Shelved, Facts)> {
    let Held { federation, library, me } = held;
    let is_me = |authors: &[MemberId]| me.is_some_and(|me| authors.contains(&me));
    let trusts = |authors: &[MemberId]| {
        authors.iter().any(|author| {
            decisions.author(*author) == Some(AuthorDecision::Trusted)
                && !is_blocked(library, decisions, *author)
        })
    };
    let unexamined = Arc::new(Examined::of_text(""));
    let shelved = |id, skill, item, authors, voices| Shelved {
        id,
        federation,
        skill,
        item,
        authors,
        voices,
        examined: Arc::clone(&unexamined),
        widening: Capabilities::default(),
        standing: Standing::Waiting(Vec::new()),
    };
    let known: BTreeSet<LessonId> =
        codebook().entries().iter().map(|entry| entry.lesson.id()).collect();
    let mut found = Vec::new();
    for (skill_id, skill) in &library.skills {
        for (id, item) in skill.lessons.iter().filter_map(|id| Some((id, library.lessons.get(id)?)))
        {
            let authors: BTreeSet<MemberId> =
                item.support.keys().chain(&item.authored).copied().collect();
            let authors: Vec<MemberId> = authors.into_iter().collect();
            let voices = library.voices_behind(*id, item);
            let content = ContentId::of_lesson(*id);
            let facts = Facts {
                own: is_me(&authors),
                codebook: known.contains(id),
                revoked: library.is_revoked(RevokeTarget::Lesson(*id)),
                decision: decisions.item(content),
                blocked: authors
                    .first()
                    .copied()
                    .filter(|_| all_blocked(library, decisions, *id, item)),
                trusted: trusts(&authors),
                presence: Presence::Whole,
            };
            let lesson = Item::Lesson(*id, item.lesson.clone());
            found.push((shelved(content, *skill_id, lesson, authors, voices.len()), facts));
        }
        for (id, item) in &skill.revisions {
            // The virtual base of a skill that began as lessons has no text.
            let Some(author) = item.author else { continue };
            let content = ContentId::of_revision(*id, item);
            let authors: Vec<MemberId> = item.publishers().collect();
            let all_blocked = authors.iter().all(|author| is_blocked(library, decisions, *author));
            let facts = Facts {
                own: is_me(&authors),
                codebook: false,
                revoked: library.is_withdrawn(*id, item),
                decision: decisions.item(content),
                blocked: all_blocked.then_some(author),
                trusted: trusts(&authors),
                presence: presence(item, texts),
            };
            let voices = library.voices_of(authors.iter().copied()).len();
            let text = Item::Text(*id, item.name.clone(), item.description.clone());
            found.push((shelved(content, *skill_id, text, authors, voices), facts));
        }
    }
    found
}
