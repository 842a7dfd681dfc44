//! Standing of an item on the shelf of this node.

use lore_protocol::ids::MemberId;

use super::content::{Examined, Form};
use super::decision::ItemDecision;
use super::files::Presence;
use super::policy::Policy;

/// Standing of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It may reach an agent.
    OnShelf(Ground),
    /// It waits for a person.
    Waiting(Vec<WaitReason>),
    /// A person rejected it.
    Rejected,
    /// Only blocked members stand behind it, such as this one.
    Blocked(MemberId),
    /// A person took it back, or the federation revoked it.
    Revoked,
    /// So many of its files are not here yet.
    Fetching(usize),
    /// Its files are no skill, or say something else than its author did of them. Nobody can use it.
    Broken,
}

/// Reason why an item is on the shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// This node released or wrote it.
    Own,
    /// It is in the codebook.
    Codebook,
    /// A person approved this very content.
    Approved,
    /// Every word of it is public knowledge.
    Known,
    /// A trusted member stands behind it, and it is clean.
    Trusted,
    /// The policy takes everything that is clean.
    Clean,
}

/// Reason why an item waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitReason {
    /// The scan found something.
    Finding,
    /// It would widen what an agent does.
    Capability,
    /// It carries a command template.
    Template,
    /// It is text that only a person can judge.
    Prose,
    /// It names words that are not public knowledge.
    UnknownWords,
    /// The policy leaves everything to a person.
    Policy,
}

impl Ground {
    /// The word for it in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Codebook => "codebook",
            Self::Approved => "approved",
            Self::Known => "known",
            Self::Trusted => "trusted",
            Self::Clean => "clean",
        }
    }
}

impl WaitReason {
    /// The reason in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Finding => "the scan found something",
            Self::Capability => "it would newly run, reach, set, install or be allowed something",
            Self::Template => "it carries a command",
            Self::Prose => "it is free text",
            Self::UnknownWords => "it names words that are not publicly known",
            Self::Policy => "the policy leaves everything to you",
        }
    }
}

impl Standing {
    /// Returns true when it may reach an agent.
    #[must_use]
    pub const fn is_on_shelf(&self) -> bool {
        matches!(self, Self::OnShelf(_))
    }

    /// The word for it in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OnShelf(_) => "on_shelf",
            Self::Waiting(_) => "waiting",
            Self::Rejected => "rejected",
            Self::Blocked(_) => "blocked",
            Self::Revoked => "revoked",
            Self::Fetching(_) => "fetching",
            Self::Broken => "broken",
        }
    }
}

/// Facts about an item that do not depend on what else is on the shelf.
pub(super) struct Facts {
    pub(super) own: bool,
    pub(super) codebook: bool,
    /// The federation revoked it.
    pub(super) revoked: bool,
    pub(super) decision: Option<ItemDecision>,
    /// A member behind it when all of them are blocked.
    pub(super) blocked: Option<MemberId>,
    pub(super) trusted: bool,
    pub(super) presence: Presence,
}

/// Standing by what a person said and whose it is; none when the content has to decide.
pub(super) fn by_decision(facts: &Facts) -> Option<Standing> {
    if facts.codebook {
        return Some(Standing::OnShelf(Ground::Codebook));
    }
    if facts.revoked || facts.decision == Some(ItemDecision::Revoked) {
        return Some(Standing::Revoked);
    }
    if facts.decision == Some(ItemDecision::Rejected) {
        return Some(Standing::Rejected);
    }
    match facts.presence {
        Presence::Broken => return Some(Standing::Broken),
        Presence::Missing(files) if facts.own || facts.blocked.is_none() => {
            return Some(Standing::Fetching(files));
        }
        _ if facts.own => return Some(Standing::OnShelf(Ground::Own)),
        _ => {}
    }
    if let Some(member) = facts.blocked {
        return Some(Standing::Blocked(member));
    }
    (facts.decision == Some(ItemDecision::Approved)).then_some(Standing::OnShelf(Ground::Approved))
}

/// Standing by content and policy. `widens` is true when the content asks for more than what is active.
pub(super) fn by_content(
    examined: &Examined,
    widens: bool,
    trusted: bool,
    policy: Policy,
) -> Standing {
    let clean = examined.findings.is_empty();
    let ground = match policy {
        _ if !clean => None,
        Policy::Auto if !widens => Some(Ground::Clean),
        _ if trusted && !widens => Some(Ground::Trusted),
        Policy::Validated if examined.form == Form::Known => Some(Ground::Known),
        _ => None,
    };
    if let Some(ground) = ground {
        return Standing::OnShelf(ground);
    }
    let form = match examined.form {
        Form::Known => None,
        Form::Shaped => Some(WaitReason::UnknownWords),
        Form::Template => Some(WaitReason::Template),
        Form::Prose => Some(WaitReason::Prose),
    };
    let mut why: Vec<WaitReason> = Vec::new();
    why.extend((!clean).then_some(WaitReason::Finding));
    why.extend(widens.then_some(WaitReason::Capability));
    why.extend(form.filter(|_| policy == Policy::Validated));
    why.extend((policy == Policy::Manual).then_some(WaitReason::Policy));
    Standing::Waiting(why)
}
