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
    /// The unit that the budget protects; null without one.
    pub unit: Option<Unit>,
    /// Federations in which this node only receives.
    pub only_receives: Vec<Silence>,
    /// Users with a session on this node.
    pub users: u64,
    /// The setting of the gate for lesson releases.
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
    /// The protected unit; none: what was before, or else users.
    #[serde(default)]
    pub unit: Option<Unit>,
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
    /// The protected unit; none: what was before, or else users.
    #[serde(default)]
    pub unit: Option<Unit>,
}

/// A budget and what it buys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetOffer {
    /// The budget.
    pub budget: Budget,
    /// The releases that it buys.
    pub buys: Vec<Purchase>,
}

/// The releases of one kind that a budget buys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Purchase {
    /// The kind.
    pub kind: PayloadKind,
    /// The number of releases in a period.
    pub releases: u32,
    /// The mechanism, with the cost of one release.
    pub mechanism: Mechanism,
    /// Standard deviation of the noise on one count.
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
    /// The releases that the budget buys under the schedule.
    pub buys: Vec<Purchase>,
    /// Spent in every period so far.
    pub periods: Vec<PeriodSpend>,
    /// Every release so far.
    pub releases: Vec<PastRelease>,
    /// The effect of one more release of each kind.
    pub next: Vec<NextRelease>,
    /// Limits of the guarantee, one sentence each.
    pub not_covered: Vec<String>,
    /// Releases that are still to come in the open periods.
    pub due: Vec<DueRelease>,
    /// Why nothing, or nothing useful, would be released, one sentence each.
    pub problems: Vec<String>,
}

/// The amount spent in one period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PeriodSpend {
    /// First second of the period, since the Unix epoch.
    pub start_seconds: u64,
    /// First second after it.
    pub end_seconds: u64,
    /// Spent in it, over all federations.
    pub spent: Quote,
}

/// The state of a release.
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
    /// The state.
    pub state: ReleaseState,
    /// When it was paid for, in seconds since the Unix epoch.
    pub at_seconds: u64,
    /// The cost.
    pub cost: Cost,
    /// The same as a formula with its numbers.
    pub formula: String,
}

/// The effect of one more release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NextRelease {
    /// The kind.
    pub kind: PayloadKind,
    /// The cost.
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
    /// The cost; null without a budget.
    pub cost: Option<Cost>,
    /// The same as a formula with its numbers.
    pub formula: Option<String>,
    /// Units that must support a key for a 95 % chance; null without a threshold.
    pub supporters_needed: Option<u32>,
}
