//! The verbs: what may be asked, and what answers it.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::line::LORE_VERSION;

/// Arguments of one verb, tied to its answer.
pub trait Ask: Clone + Serialize + DeserializeOwned + JsonSchema + Into<Request> {
    /// The verb, such as `federation.show`.
    const VERB: &'static str;
    /// Answer to it.
    type Answer: Serialize + DeserializeOwned + JsonSchema;
}

/// An answer on its way: made from the answer type of a verb, read as the same type.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply(pub(crate) serde_json::Value);

impl Reply {
    /// An answer that is JSON already.
    #[must_use]
    pub const fn from_value(value: serde_json::Value) -> Self {
        Self(value)
    }

    /// The answer to a request of type `R`.
    ///
    /// # Errors
    /// Fails when a value has no JSON form, such as a path that is not UTF-8.
    pub fn to<R: Ask>(answer: &R::Answer) -> Result<Self, Failure> {
        serde_json::to_value(answer).map(Self).map_err(|error| {
            Failure::failed(
                "answer",
                format!("the answer of `{}` cannot be sent: {error}", R::VERB),
            )
        })
    }

    /// The answer to a request of type `R`.
    ///
    /// # Errors
    /// Fails when it is another verb's, or another version's.
    pub fn read<R: Ask>(self) -> Result<R::Answer, Failure> {
        serde_json::from_value(self.0).map_err(|error| {
            Failure::failed(
                "answer",
                format!("lore {LORE_VERSION} cannot read the answer of `{}`: {error}", R::VERB),
            )
        })
    }
}

macro_rules! verbs {
    ($($verb:literal $ask:ident => $answer:ident;)*) => {
        /// Request of a client: one variant a verb.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "verb", content = "args")]
        #[allow(missing_docs)] // Each variant is documented at its arguments.
        pub enum Request {
            $(#[serde(rename = $verb)] $ask(crate::$ask),)*
        }

        impl Request {
            /// The verb, such as `federation.show`.
            #[must_use]
            pub const fn verb(&self) -> &'static str {
                match self { $(Self::$ask(_) => $verb,)* }
            }
        }

        /// All verbs.
        pub const VERBS: &[&str] = &[$($verb,)*];

        $(
            impl Ask for crate::$ask {
                const VERB: &'static str = $verb;
                type Answer = crate::$answer;
            }

            impl From<crate::$ask> for Request {
                fn from(ask: crate::$ask) -> Self {
                    Self::$ask(ask)
                }
            }
        )*

        /// Calls a function with the types of each verb.
        pub(crate) fn each(visit: &mut impl Visit) {
            $(visit.verb::<crate::$ask>();)*
        }
    };
}

/// Sees every verb with its types.
pub(crate) trait Visit {
    /// One verb.
    fn verb<R: Ask>(&mut self);
}

verbs! {
    "status" Status => NodeStatus;
    "peers" Peers => Network;
    "stop" Stop => Stopping;
    "federation.create" FederationCreate => FederationCreated;
    "federation.invite" FederationInvite => Invited;
    "federation.preview" FederationPreview => CharterInWords;
    "federation.join" FederationJoin => Joined;
    "federation.show" FederationShow => FederationShown;
    "federation.checkpoint" FederationCheckpoint => Checkpoint;
    "federation.heal" FederationHeal => Checkpoint;
    "federation.signers" FederationSigners => FederationSigning;
    "federation.recover" FederationRecover => Recovered;
    "federation.leave" FederationLeave => FederationLeft;
    "federation.revoke" FederationRevoke => MemberRevoked;
    "federation.vouch" FederationVouch => Vouched;
    "federation.export_log" FederationExportLog => LogExported;
    "device.invite" DeviceInvite => DeviceInvited;
    "device.join" DeviceJoin => DeviceJoined;
    "device.list" DeviceList => OwnDevices;
    "device.remove" DeviceRemove => DeviceRemoved;
    "device.leave" DeviceLeave => DeviceLeft;
    "session.import" SessionImport => Imported;
    "session.add" SessionAdd => SessionsAdded;
    "session.forget" SessionForget => SessionsForgotten;
    "session.watch" SessionWatch => Watching;
    "session.list" SessionList => Sessions;
    "session.show" SessionShow => StoredSession;
    "session.at" SessionAt => StoredSession;
    "session.unread" SessionUnread => UnreadSessions;
    "session.propose" SessionPropose => ProposalsKept;
    "skill.list" SkillList => Skills;
    "skill.show" SkillShow => Skill;
    "skill.brief" SkillBrief => Brief;
    "skill.search" SkillSearch => Found;
    "skill.export" SkillExport => SkillsExported;
    "skill.check" SkillCheck => Publication;
    "skill.log" SkillLog => SkillHistory;
    "skill.why" SkillWhy => SkillReasons;
    "skill.diff" SkillDiff => SkillDifference;
    "skill.pin" SkillPin => SkillPinned;
    "skill.unpin" SkillUnpin => SkillPinned;
    "skill.rollback" SkillRollback => SkillPinned;
    "skill.withdraw" SkillWithdraw => SkillWithdrawn;
    "skill.file" SkillFileRead => SkillFileText;
    "shelf.review" ShelfReview => Review;
    "shelf.text" ShelfText => ItemText;
    "shelf.decide" ShelfDecide => ShelfDecided;
    "shelf.author" ShelfAuthor => ShelfDecided;
    "lesson.list" LessonList => KnownLessons;
    "lesson.why" LessonWhy => ExplainedLesson;
    "lesson.suggest" LessonSuggest => Suggestions;
    "lesson.hint" LessonHint => Hinted;
    "lesson.preview" LessonPreview => PreviewedLessons;
    "lesson.pending" LessonPending => PendingLessons;
    "lesson.undo" LessonUndo => PendingLessons;
    "privacy.status" PrivacyStatusOf => PrivacyStatus;
    "privacy.buys" PrivacyBuys => BudgetOffer;
    "privacy.set" PrivacySet => PrivacyStatus;
    "privacy.explain" PrivacyExplain => Explanation;
    "privacy.preview" PrivacyPreview => GatePreview;
    "privacy.gate" PrivacyGate => GatePreview;
    "privacy.deny_list" PrivacyDenyList => DenyList;
    "privacy.deny_list.add" PrivacyDenyAdd => DenyList;
    "privacy.deny_list.remove" PrivacyDenyRemove => DenyList;
    "privacy.ledger.verify" PrivacyLedgerVerify => LedgerVerified;
}
