//! Budgets, costs and mechanisms, as the privacy ledger counts them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Unit that a release protects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A user with all their sessions of a period.
    User,
    /// One session; weaker than a user.
    Session,
    /// The one person behind a node, whose data may be replaced.
    Personal,
}

impl Unit {
    /// The word for the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Session => "session",
            Self::Personal => "personal",
        }
    }
}

/// Law of the noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// Discrete Gaussian; the scale is sigma.
    Gaussian,
    /// Discrete Laplace; the scale is b.
    Laplace,
}

/// Kind of a delta's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // The names are the protocol's (docs/protocol.md).
pub enum PayloadKind {
    Join,
    Vouch,
    Leave,
    Revoke,
    RotateKey,
    Checkpoint,
    Void,
    Outcomes,
    Votes,
    Lessons,
    Revision,
    Costs,
    /// Its first candidates, which its charter names.
    Codebook,
    Signers,
}

impl PayloadKind {
    /// The word that `--json` prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Vouch => "vouch",
            Self::Leave => "leave",
            Self::Revoke => "revoke",
            Self::RotateKey => "rotate_key",
            Self::Checkpoint => "checkpoint",
            Self::Void => "void",
            Self::Outcomes => "outcomes",
            Self::Votes => "votes",
            Self::Lessons => "lessons",
            Self::Revision => "revision",
            Self::Costs => "costs",
            Self::Codebook => "codebook",
            Self::Signers => "signers",
        }
    }
}

/// The mechanism of a release, with what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Mechanism {
    /// Unit that is protected.
    pub unit: Unit,
    /// Law of the noise.
    pub noise: Noise,
    /// Scale of the noise, in millionths.
    pub scale_micros: u64,
    /// Most cells or keys that one unit changes.
    pub l0: u16,
    /// Most that one unit changes a cell by.
    pub linf: u16,
    /// Most that the squares of its changes sum up to.
    pub l2_square: u64,
    /// Threshold on noisy counts; 0 where there is none.
    pub threshold: u32,
    /// Cost in zero-concentrated DP, in 1e-9.
    pub rho_nano: u64,
    /// Cost in delta, in 1e-18.
    pub delta_e18: u64,
}

/// A cost or a bound on one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Zero-concentrated DP, in 1e-9.
    pub rho_nano: u64,
    /// Delta of thresholds, in 1e-18.
    pub delta_e18: u64,
}

/// Budget that the owner allows in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Budget {
    /// Unit that is protected.
    pub unit: Unit,
    /// Epsilon, in millionths.
    pub epsilon_micros: u64,
    /// Part of delta at which rho is converted, in 1e-18.
    pub delta_conv_e18: u64,
    /// Part of delta that thresholds may spend, in 1e-18.
    pub delta_thr_e18: u64,
    /// The rho that epsilon comes to, in 1e-9.
    pub rho_nano: u64,
    /// Length of a period, in days.
    pub period_days: u32,
}

/// A cost with the epsilon and delta that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quote {
    /// Rho, in 1e-9.
    pub rho_nano: u64,
    /// Delta of thresholds, in 1e-18.
    pub delta_thr_e18: u64,
    /// Epsilon, rounded up to a millionth.
    pub epsilon: f64,
    /// Delta of thresholds and of the conversion together.
    pub delta: f64,
}
