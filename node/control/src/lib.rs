//! The control API: typed requests, answers and events between the daemon and everything that talks
//! to it (the command line, later an MCP server, a dashboard and a proxy).
//!
//! A [`Request`] has one variant a verb; [`Ask`] ties the arguments of a verb to its answer, so that a
//! wrong field or a wrong answer is a compile error. The same types are what `--json` prints, and
//! [`schema_json`] is the JSON Schema that `docs/control.schema.json` holds.
//!
//! On the socket a message is one line of JSON. The client sends one request line and reads any number
//! of event lines and one last line, the answer or a [`Failure`]. Every line names the version of the
//! format and the version of `lore` that wrote it.
//!
//! This crate knows no home, no store and no other crate of the workspace: ids, keys, hashes and roots
//! are hexadecimal text, and the paths of the socket and of its owner's directory are parameters.

mod admission;
mod ask;
mod budget;
mod client;
mod device;
mod event;
mod failure;
mod federation;
mod forget;
mod gate;
mod id;
mod keepers;
mod known;
mod lesson;
mod line;
mod network;
mod node;
mod privacy;
mod schema;
mod server;
mod session;
mod shelf;
mod skill;
mod version;
mod watch;

#[cfg(test)]
mod tests;

pub use admission::{
    AskingMember, CharterInWords, FederationInvite, FederationJoin, FederationPreview,
    FederationVouch, Invited, Joined, Vouched,
};
pub use ask::{Ask, Reply, Request, VERBS};
pub use budget::{Budget, Cost, Mechanism, Noise, PayloadKind, Quote, Unit};
pub use client::{call, send_blocking, send_request};
pub use device::{
    Device, DeviceInvite, DeviceInvited, DeviceJoin, DeviceJoined, DeviceLeave, DeviceLeft,
    DeviceList, DeviceRemove, DeviceRemoved, NamedDevice, OwnDevices,
};
pub use event::{Event, ImportProgress};
pub use failure::{Exit, Failure};
pub use federation::{
    Behind, Checkpoint, CostKind, CostReleases, FederationCheckpoint, FederationCreate,
    FederationCreated, FederationExportLog, FederationLeave, FederationLeft, FederationRevoke,
    FederationShow, FederationShown, FederationStatus, LogExported, Measure, Member, MemberRevoked,
    Windows,
};
pub use forget::{Retention, SessionForget, SessionsForgotten, WhichSessions};
pub use gate::{
    Decision, DenyEntry, DenyList, GateKey, GatePreview, GateSetting, HeldRelease, LedgerVerified,
    PrivacyDenyAdd, PrivacyDenyList, PrivacyDenyRemove, PrivacyGate, PrivacyLedgerVerify,
    PrivacyPreview,
};
pub use id::{DeltaId, FederationId, Hash, LessonId, MemberId, PublicKey, RevisionId, SkillId};
pub use keepers::{
    FederationHeal, FederationRecover, FederationSigners, FederationSigning, Recovered, SignersWord,
};
pub use known::{
    Circle, CircleTotal, DeviceWitness, Effect, ExplainedLesson, HintShown, Hinted, KnownLesson,
    KnownLessons, LessonHint, LessonList, LessonState, LessonSuggest, LessonWhy, OwnTrials,
    Reported, Suggestion, Suggestions, Witness,
};
pub use lesson::{
    Action, Lesson, LessonKey, LessonPending, LessonPreview, LessonUndo, Op, PendingLesson,
    PendingLessons, PreviewedLesson, PreviewedLessons, Trigger,
};
pub use line::{LINE_BYTES, LORE_VERSION, VERSION};
pub use network::{
    Connection, Counters, Network, Peers, Reach, Reachable, RelayLimits, RelayListening,
    RelayPlace, RelayUse, Way,
};
pub use node::{NodeStatus, Recovering, Status, Stop, Stopping};
pub use privacy::{
    BudgetOffer, DueRelease, Explanation, NextRelease, PastRelease, PeriodSpend, PrivacyBuys,
    PrivacyExplain, PrivacySet, PrivacyStatus, PrivacyStatusOf, Purchase, ReleaseState,
    SharedLessons, Silence, Spending,
};
pub use schema::schema_json;
pub use server::{Handler, Progress, Server};
pub use session::{
    Imported, Outcome, PassedOver, ProposalsKept, ProposedKind, ProposedLesson, SessionAdd,
    SessionAt, SessionFormat, SessionImport, SessionLine, SessionList, SessionPlace, SessionPlaces,
    SessionPropose, SessionShow, SessionSummary, SessionUnread, Sessions, SessionsAdded,
    StoredSession, UnreadSessions,
};
pub use shelf::{
    AuthorDecision, Capability, DecidedItem, ItemDecision, ItemText, Review, ReviewItem,
    ScanFinding, ShelfAuthor, ShelfDecide, ShelfDecided, ShelfPolicy, ShelfReview, ShelfStatus,
    ShelfText, Standing,
};
pub use skill::{
    Brief, CostSum, Evidence, Found, Hit, Interval, Skill, SkillBrief, SkillExport, SkillLesson,
    SkillList, SkillSearch, SkillShow, SkillSummary, Skills, SkillsExported,
};
pub use version::{
    LessonReason, PrivateMark, Publication, SkillCheck, SkillDiff, SkillDifference, SkillFile,
    SkillFileRead, SkillFileText, SkillHistory, SkillLog, SkillPin, SkillPinned, SkillReasons,
    SkillRollback, SkillUnpin, SkillVersion, SkillWhy, SkillWithdraw, SkillWithdrawn, TextReason,
};
pub use watch::{SessionWatch, WatchSetting, WatchedDirectory, Watching};
