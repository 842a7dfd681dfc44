//! `privacy`: what is set, spent, left and due.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Budget, Cost, FederationId, GateSetting, Hash, Mechanism, PayloadKind, Quote, Unit};

/// Spent and left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spending {
    /// The owner's budget; null: nothing is released.
    pub budget: Option<Budget>,
    /// First second of the open period, since the Unix epoch.
    pub period_start_seconds: u64,
    /// First second after it.
    pub period_end_seconds: u64,
    /// Spent in it, over all federations; null without a budget.
    pub spent: Option<Quote>,
    /// Left in it, likewise.
    pub left: Option<Cost>,
    /// Spent ever, likewise.
    pub lifetime: Option<Quote>,
    /// Releases under way.
    pub pending: u64,
}

/// Arguments of `privacy.status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyStatusOf {}

/// Spent and left, and why nothing is released.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrivacyStatus {
    /// Spent and left.
    #[serde(flatten)]
    pub spending: Spending,
    /// Unit that the budget protects; null without one.
    pub unit: Option<Unit>,
    /// Federations in which this node only receives.
    pub only_receives: Vec<Silence>,
    /// Users with a session on this node.
    pub users: u64,
    /// Setting of whether lesson releases wait for a person.
    pub gate: GateSetting,
    /// Releases that wait for a person.
    pub at_the_gate: u64,
    /// Changes of the deny-list that count from the next window on.
    pub deny_list_waiting: u64,
    /// The next release of each kind in each federation, with its public time.
    pub due: Vec<DueRelease>,
    /// Why nothing, or nothing useful, would be released, one sentence each.
    pub problems: Vec<String>,
}

/// Why a node only receives in a federation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Silence {
    /// The federation.
    pub federation: FederationId,
    /// Why, as a sentence.
    pub why: String,
}

/// Arguments of `privacy.set`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacySet {
    /// Epsilon per unit and period, in millionths.
    pub epsilon_micros: u64,
    /// Delta per unit and period, in 1e-18.
    pub delta_e18: u64,
    /// Length of a period, in days.
    pub period_days: u32,
    /// Unit that is protected; none: the one before, or else users.
    #[serde(default)]
    pub unit: Option<Unit>,
    /// Beginning of first windows, in seconds since the Unix epoch; none: as before, or with the open period.
    #[serde(default)]
    pub since_seconds: Option<u64>,
}

/// Arguments of `privacy.buys`: what a budget would buy, before it is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyBuys {
    /// Epsilon per unit and period, in millionths.
    pub epsilon_micros: u64,
    /// Delta per unit and period, in 1e-18.
    pub delta_e18: u64,
    /// Length of a period, in days.
    pub period_days: u32,
    /// Unit that is protected; none: the one before, or else users.
    #[serde(default)]
    pub unit: Option<Unit>,
}

/// A budget and what it buys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetOffer {
    /// The budget.
    pub budget: Budget,
    /// Releases that it buys.
    pub buys: Vec<Purchase>,
    /// Distance of the sessions here from a release; null where the budget releases no lessons.
    pub shared: Option<SharedLessons>,
}

/// Lessons that this node's sessions share now. Private: for the owner's screen alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SharedLessons {
    /// Always true: nothing of this leaves the node.
    pub private: bool,
    /// Units with a lesson.
    pub units: u64,
    /// Different lessons.
    pub lessons: u64,
    /// Units that share the lesson with the most support.
    pub most_shared_by: u64,
    /// Its support: a unit counts 1 when it has this lesson alone, and the root of 1 / k when it has k.
    pub most_support: f64,
    /// Support for a chance of 95 % of release.
    pub support_needed: f64,
    /// Lessons with at least that much.
    pub enough: u64,
}

/// Releases of one kind that a budget buys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Purchase {
    /// The kind.
    pub kind: PayloadKind,
    /// Number in a period.
    pub releases: u32,
    /// The mechanism, with the cost of one release.
    pub mechanism: Mechanism,
    /// Standard deviation of the noise on one count; of lessons and votes in whole units, what one weighs that
    /// speaks for nothing else.
    pub sigma: f64,
    /// The cost of one release as a formula with its numbers.
    pub formula: String,
    /// Units that must support a key for a 95 % chance; null without a threshold.
    pub supporters_needed: Option<u32>,
    /// For outcomes: standard error of a success rate of 0.6 from 30 sessions a node over 20 nodes.
    pub rate_standard_error: Option<f64>,
}

/// Arguments of `privacy.explain`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PrivacyExplain {}

/// Every release with its cost, and what is to come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// Spent and left.
    pub status: Spending,
    /// Releases that the budget buys under the schedule.
    pub buys: Vec<Purchase>,
    /// Spent in every period so far.
    pub periods: Vec<PeriodSpend>,
    /// Every release so far.
    pub releases: Vec<PastRelease>,
    /// Effect of one more of each kind.
    pub next: Vec<NextRelease>,
    /// Limits of the guarantee, one sentence each.
    pub not_covered: Vec<String>,
    /// Releases that are still to come in the open periods.
    pub due: Vec<DueRelease>,
    /// Why nothing, or nothing useful, would be released, one sentence each.
    pub problems: Vec<String>,
}

/// Spend in one period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PeriodSpend {
    /// First second of the period, since the Unix epoch.
    pub start_seconds: u64,
    /// First second after it.
    pub end_seconds: u64,
    /// Spent in it, over all federations.
    pub spent: Quote,
}

/// State of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseState {
    /// Paid for.
    Reserved,
    /// Drawn.
    Sampled,
    /// Drawn, and waiting for a person's approval.
    #[serde(rename = "at the gate")]
    AtTheGate,
    /// It sends nothing.
    Voided,
    /// Signed.
    Committed,
}

impl ReleaseState {
    /// The word that `--json` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Sampled => "sampled",
            Self::AtTheGate => "at the gate",
            Self::Voided => "voided",
            Self::Committed => "committed",
        }
    }
}

/// One release of the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PastRelease {
    /// The release.
    pub release: Hash,
    /// The kind.
    pub kind: PayloadKind,
    /// The charter's period.
    pub period: u32,
    /// Its state.
    pub state: ReleaseState,
    /// Time when it was paid for, in seconds since the Unix epoch.
    pub at_seconds: u64,
    /// Its cost.
    pub cost: Cost,
    /// The same as a formula with its numbers.
    pub formula: String,
}

/// Effect of one more release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NextRelease {
    /// The kind.
    pub kind: PayloadKind,
    /// Its cost.
    pub cost: Cost,
    /// Units that must support a key for a 95 % chance; null without a threshold.
    pub supporters_needed: Option<u32>,
    /// True when the budget still admits it.
    pub fits: bool,
    /// Spent after it; null when it does not fit.
    pub spent_after: Option<Quote>,
}

/// A release that is still to come in a federation's open period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DueRelease {
    /// The federation.
    pub federation: FederationId,
    /// Its name.
    pub name: String,
    /// The kind.
    pub kind: PayloadKind,
    /// The epoch that it falls into.
    pub epoch: u32,
    /// Epochs until then.
    pub epochs_ahead: u32,
    /// About when, in seconds since the Unix epoch; null for epochs that end by hand.
    pub about_seconds: Option<u64>,
    /// Its cost; null without a budget.
    pub cost: Option<Cost>,
    /// The same as a formula with its numbers.
    pub formula: Option<String>,
    /// Units that must support a key for a 95 % chance; null without a threshold.
    pub supporters_needed: Option<u32>,
}
