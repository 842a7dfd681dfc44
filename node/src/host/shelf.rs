//! The shelf of this node: what of its federations' libraries may reach an agent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use lore_control as control;
use lore_engine::shelf::{
    AuthorDecision, ContentId, Decisions, Held, ItemDecision, Pin, Policy, Shelf, Shelved, Standing,
};
use lore_protocol::ids::{CheckpointId, FederationId, MemberId, SkillId};
use lore_protocol::library::Library;

use super::Node;
use super::convert::{self, count};
use super::texts::Stored;
use crate::error::CliError;

/// Least digits of an id that name something.
const MIN_DIGITS: usize = 4;

/// What a shelf was made of: when it is the same, so is the shelf.
#[derive(PartialEq, Eq)]
struct Basis {
    policy: Policy,
    decided: u64,
    files: u64,
    logs: Vec<(FederationId, usize, CheckpointId)>,
}

/// The shelf as it was made last.
#[derive(Default)]
struct Made {
    basis: Option<Basis>,
    shelf: Arc<Shelf>,
    version: u64,
}

/// Keeps the shelf, the policy and the decisions.
pub(super) struct ShelfKeeper {
    pub(super) policy: Policy,
    decisions: Decisions,
    /// Decisions that were made since this node was opened.
    decided: u64,
    made: Mutex<Made>,
}

impl ShelfKeeper {
    /// Reads the decisions of a store.
    pub(super) fn open(store: &dyn lore_engine::Storage) -> Result<Self, CliError> {
        Ok(Self {
            policy: Policy::Manual,
            decisions: Decisions::load(store)?,
            decided: 0,
            made: Mutex::default(),
        })
    }
}

impl Node {
    /// The shelf: everything that is handed to an agent is read from it.
    #[must_use]
    pub fn shelf(&self) -> Arc<Shelf> {
        self.made_shelf().0
    }

    /// Counter of the changes of what is on the shelf since this node was opened: a daemon that wrote skills or hints
    /// for an agent writes them again when it changed.
    #[must_use]
    pub fn shelf_version(&self) -> u64 {
        self.made_shelf().1
    }

    /// Number of decisions since this node was opened.
    pub(super) const fn shelf_decided(&self) -> u64 {
        self.shelf.decided
    }

    /// Holds a version of a skill fast, or lets it go.
    pub(super) fn hold(&mut self, skill: SkillId, pin: Option<Pin>) -> Result<(), CliError> {
        self.shelf.decisions.hold(&*self.store, skill, pin)?;
        self.shelf.decided += 1;
        self.tell_agents();
        Ok(())
    }

    /// The version of a skill that is held fast.
    pub(super) fn pin_of(&self, skill: SkillId) -> Option<&Pin> {
        self.shelf.decisions.pin(skill)
    }

    fn made_shelf(&self) -> (Arc<Shelf>, u64) {
        let keeper = &self.shelf;
        let federations = self.engine.federations();
        let logs = federations.iter().map(|(id, found)| {
            let log = found.log();
            (*id, log.len(), log.tip().id)
        });
        let files = self.engine.blobs_version();
        let (policy, decided) = (keeper.policy, keeper.decided);
        let basis = Basis { policy, decided, files, logs: logs.collect() };
        let mut made = keeper.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.basis.as_ref() != Some(&basis) {
            let me = self.engine.public_key();
            let held = federations.iter().map(|(id, found)| Held {
                federation: *id,
                library: found.library(),
                me: found.member(&me),
            });
            let texts = Stored(&self.engine);
            let earlier = Some(&*made.shelf);
            let shelf = Shelf::of(held, &texts, &keeper.decisions, keeper.policy, earlier);
            made.version += u64::from(!shelf.is_used_like(&made.shelf));
            made.shelf = Arc::new(shelf);
            made.basis = Some(basis);
        }
        (Arc::clone(&made.shelf), made.version)
    }

    /// Items for a person to look at, those with findings first, and every voice in turn.
    pub(super) fn shelf_review(
        &self,
        ask: &control::ShelfReview,
    ) -> Result<control::Review, CliError> {
        let shelf = self.shelf();
        let mut listed: Vec<&Shelved> = shelf.items().iter().collect();
        listed.retain(|one| ask.all || matches!(one.standing, Standing::Waiting(_)));
        listed.sort_by_key(|one| (one.examined.findings.is_empty(), one.voices == 0, one.id));
        let items = self.in_turn(listed).into_iter().take(ask.limit);
        let of = |wanted: AuthorDecision| {
            let authors = self.shelf.decisions.authors().filter(move |(_, said)| *said == wanted);
            authors.map(|(member, _)| control::MemberId::of(member)).collect()
        };
        Ok(control::Review {
            policy: convert::policy(shelf.policy()),
            waiting: count(shelf.waiting().count()),
            fetching: count(shelf.items().iter().filter(|one| is_fetching(one)).count()),
            items: items.map(|one| self.review_item(&shelf, one)).collect(),
            blocked: of(AuthorDecision::Blocked),
            trusted: of(AuthorDecision::Trusted),
        })
    }

    /// The first item of every voice, then the second of every one, and so on: who publishes without end hides nobody
    /// else's from a person who reads the beginning of a list. An item of several voices has the best of their places.
    fn in_turn<'a>(&self, listed: Vec<&'a Shelved>) -> Vec<&'a Shelved> {
        let mut said: BTreeMap<MemberId, usize> = BTreeMap::new();
        let mut places: Vec<(usize, &Shelved)> = Vec::with_capacity(listed.len());
        for one in listed {
            let library =
                self.engine.federations().get(&one.federation).map(|found| found.library());
            let voice =
                |author: &MemberId| library.map_or(*author, |library| library.voice(*author));
            let voices = one.authors.iter().map(voice);
            let place = voices.map(|voice| (said.get(&voice).copied().unwrap_or(0), voice)).min();
            if let Some((place, voice)) = place {
                said.insert(voice, place + 1);
            }
            places.push((place.map_or(0, |(place, _)| place), one));
        }
        places.sort_by_key(|(place, _)| *place);
        places.into_iter().map(|(_, one)| one).collect()
    }

    /// The text of a skill as it would be with an item.
    pub(super) fn shelf_text(&self, digits: &str) -> Result<control::ItemText, CliError> {
        let shelf = self.shelf();
        let id = named(&shelf, digits)?;
        let one = shelf.items().iter().find(|one| one.id == id);
        let text = one.and_then(|one| self.text_with(&shelf, one)).ok_or_else(|| {
            CliError::failed("no_text", format!("{} has no text here yet", short(id)))
                .help("its files are still being fetched, or it was withdrawn")
        })?;
        Ok(control::ItemText { id: control::Hash::of(id), text })
    }

    /// Records what a person decided about items.
    pub(super) fn shelf_decide(
        &mut self,
        ask: &control::ShelfDecide,
    ) -> Result<control::ShelfDecided, CliError> {
        let shelf = self.shelf();
        let mut ids = Vec::new();
        for digits in &ask.ids {
            ids.push(named(&shelf, digits)?);
        }
        let decision = match ask.decision {
            control::ItemDecision::Approve => {
                check_usable(&shelf, &ids)?;
                let asks = |one: &&Shelved| ids.contains(&one.id) && needs_consent(one);
                if let Some(one) = shelf.items().iter().find(asks).filter(|_| !ask.consent) {
                    return Err(CliError::refused(
                        "needs_consent",
                        format!("{} has findings or new capabilities", short(one.id)),
                    )
                    .help("see `lore review`, then approve it on a terminal or with --yes"));
                }
                ItemDecision::Approved
            }
            control::ItemDecision::Reject => ItemDecision::Rejected,
            control::ItemDecision::Revoke => {
                let missing = ids.iter().find(|id| {
                    !shelf.items().iter().any(|one| one.id == **id && one.standing.is_on_shelf())
                });
                if let Some(id) = missing {
                    return Err(CliError::usage(format!("{} is not on the shelf", short(*id)))
                        .help("`lore review --all` shows the standing of every item"));
                }
                ItemDecision::Revoked
            }
        };
        self.shelf.decisions.decide(&*self.store, &ids, decision)?;
        self.shelf.decided += 1;
        self.tell_agents();
        Ok(self.decided(&ids, None))
    }

    /// Records what a person decided about a member.
    pub(super) fn shelf_author(
        &mut self,
        ask: &control::ShelfAuthor,
    ) -> Result<control::ShelfDecided, CliError> {
        let member = self.member_named(&ask.member)?;
        let decision = match ask.decision {
            control::AuthorDecision::Trust if !ask.consent => {
                return Err(CliError::refused(
                    "needs_consent",
                    "trusting a member needs a person's agreement",
                )
                .help("answer on a terminal, or give --yes"));
            }
            control::AuthorDecision::Trust => Some(AuthorDecision::Trusted),
            control::AuthorDecision::Block => Some(AuthorDecision::Blocked),
            control::AuthorDecision::Undo => None,
        };
        let own = self
            .engine
            .federations()
            .values()
            .any(|found| found.member(&self.engine.public_key()) == Some(member));
        if own && decision == Some(AuthorDecision::Blocked) {
            return Err(CliError::usage("this member is this node itself"));
        }
        self.shelf.decisions.decide_author(&*self.store, member, decision)?;
        self.shelf.decided += 1;
        self.tell_agents();
        Ok(self.decided(&[], Some(member)))
    }

    fn decided(&self, ids: &[ContentId], member: Option<MemberId>) -> control::ShelfDecided {
        let shelf = self.shelf();
        let items = shelf.items().iter().filter(|one| ids.contains(&one.id));
        let items = items.map(|one| control::DecidedItem {
            id: control::Hash::of(one.id),
            text: super::review::advice(&one.item),
            standing: convert::standing(&one.standing),
        });
        let mut items: Vec<control::DecidedItem> = items.collect();
        items.dedup_by(|a, b| a.id == b.id);
        let counts = self.shelf_status();
        control::ShelfDecided {
            items,
            member: member.map(control::MemberId::of),
            on_shelf: counts.on_shelf,
            waiting: counts.waiting,
        }
    }

    /// Counts of the shelf.
    pub(super) fn shelf_status(&self) -> control::ShelfStatus {
        let shelf = self.shelf();
        control::ShelfStatus {
            policy: convert::policy(shelf.policy()),
            on_shelf: count(shelf.items().iter().filter(|one| one.standing.is_on_shelf()).count()),
            waiting: count(shelf.waiting().count()),
        }
    }

    fn member_named(&self, digits: &str) -> Result<MemberId, CliError> {
        let mut found: Vec<MemberId> = Vec::new();
        if digits.len() >= MIN_DIGITS {
            for federation in self.engine.federations().values() {
                let roster = federation.log().tip().roster.keys().copied();
                let library: &Library = federation.library();
                let authors = library.lessons.values().flat_map(|item| {
                    item.support.keys().chain(&item.authored).copied().collect::<Vec<_>>()
                });
                found.extend(roster.chain(authors).filter(|id| id.to_string().starts_with(digits)));
            }
            let decided = self.shelf.decisions.authors().map(|(member, _)| member);
            found.extend(decided.filter(|id| id.to_string().starts_with(digits)));
        }
        found.sort_unstable();
        found.dedup();
        match found[..] {
            [one] => Ok(one),
            [] => Err(CliError::usage(format!("no member has the id `{digits}`"))
                .help("`lore federation show` lists them; at least four digits are needed")),
            _ => Err(CliError::usage(format!("more than one member begins with `{digits}`"))
                .help("give more of its digits")),
        }
    }
}

fn is_fetching(one: &Shelved) -> bool {
    matches!(one.standing, Standing::Fetching(_))
}

/// Refuses the approval of what nobody has seen, and of what cannot be used.
fn check_usable(shelf: &Shelf, ids: &[ContentId]) -> Result<(), CliError> {
    for one in shelf.items().iter().filter(|one| ids.contains(&one.id)) {
        match one.standing {
            Standing::Fetching(files) => {
                let message = format!("{files} files of {} are not here yet", short(one.id));
                return Err(CliError::refused("fetching", message).help(
                    "they are fetched while a member that has them is connected: see `lore peers`",
                ));
            }
            Standing::Broken => {
                let message = format!("{} is no valid skill and cannot be used", short(one.id));
                return Err(CliError::refused("broken", message)
                    .help("its author has to publish a version whose SKILL.md is valid"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Returns true when approving an item needs a person who saw why it is dangerous.
pub(super) fn needs_consent(one: &Shelved) -> bool {
    !one.examined.findings.is_empty() || !one.widening.is_plain()
}

/// The content that digits name.
fn named(shelf: &Shelf, digits: &str) -> Result<ContentId, CliError> {
    let fits =
        |one: &&Shelved| digits.len() >= MIN_DIGITS && one.id.to_string().starts_with(digits);
    let mut ids: Vec<ContentId> = shelf.items().iter().filter(fits).map(|one| one.id).collect();
    ids.sort_unstable();
    ids.dedup();
    match ids[..] {
        [one] => Ok(one),
        [] => Err(CliError::usage(format!("no item has the id `{digits}`"))
            .help("`lore review` shows the ids; at least four digits are needed")),
        _ => Err(CliError::usage(format!("more than one item begins with `{digits}`"))
            .help("give more of its digits")),
    }
}

fn short(id: ContentId) -> String {
    id.to_string().chars().take(8).collect()
}
