//! Errors of the door, in words that say what to do. No message holds private data.

use lore_protocol::ids::Hash;

/// The store of a ledger failed. Says nothing about whether the write landed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger's store failed: {0}")]
pub struct StoreError(pub String);

/// Why the door stayed shut.
#[derive(Debug, thiserror::Error)]
pub enum PrivacyError {
    /// The owner never set a budget.
    #[error(
        "no privacy budget is set, so nothing derived from sessions is released; set one with \
         `lore privacy set --epsilon 4 --period 90d`"
    )]
    NoBudget,
    /// The sums would pass a cap.
    #[error(
        "the release would spend more than the {whose} allows: it costs rho {cost_rho_nano}e-9 and \
         delta {cost_delta_e18}e-18, and rho {left_rho_nano}e-9 and delta {left_delta_e18}e-18 are \
         left; wait for the next period or raise the budget with `lore privacy set`"
    )]
    OverBudget {
        /// The cap that binds.
        whose: &'static str,
        /// Rho asked for, in 1e-9.
        cost_rho_nano: u64,
        /// Delta asked for, in 1e-18.
        cost_delta_e18: u64,
        /// Rho left, in 1e-9.
        left_rho_nano: u64,
        /// Delta left, in 1e-18.
        left_delta_e18: u64,
    },
    /// A mechanism declares less than the privacy map charges.
    #[error(
        "the mechanism declares rho {declared_rho_nano}e-9 and delta {declared_delta_e18}e-18, but \
         costs rho {charged_rho_nano}e-9 and delta {charged_delta_e18}e-18"
    )]
    Undercharged {
        /// Declared rho, in 1e-9.
        declared_rho_nano: u64,
        /// Declared delta, in 1e-18.
        declared_delta_e18: u64,
        /// Charged rho, in 1e-9.
        charged_rho_nano: u64,
        /// Charged delta, in 1e-18.
        charged_delta_e18: u64,
    },
    /// A parameter makes no sense.
    #[error("{what}: {why}")]
    Parameter {
        /// The parameter.
        what: &'static str,
        /// The fault, and what would be right.
        why: String,
    },
    /// The mechanism asks for something that is not built.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The sessions that a release draws on could not be read.
    #[error("the sessions could not be read, so that the release is void: {0}")]
    Unreadable(String),
    /// opendp refused.
    #[error("the noise library refused: {0}")]
    Noise(String),
    /// The clock shows an earlier period than the ledger has seen.
    #[error(
        "the clock or the epoch went back: the ledger has entries of a later period; set the clock \
         right, nothing is released until then"
    )]
    PeriodWentBack,
    /// The same release twice.
    #[error("release {0} is already in the ledger; a release is made once")]
    AlreadyReserved(Hash),
    /// A step out of order.
    #[error("release {release} is {state}, so it cannot be {step}")]
    OutOfOrder {
        /// The release.
        release: Hash,
        /// Its state.
        state: &'static str,
        /// Step that was asked.
        step: &'static str,
    },
    /// A chain height that is not the next one.
    #[error("the chain's next height is {expected}, not {found}; nothing is signed twice")]
    WrongSeq {
        /// The next free height.
        expected: u64,
        /// The height asked for.
        found: u64,
    },
    /// The released value did not come through the ledger.
    #[error("only a result that the ledger recorded as sampled can be committed")]
    NotSampled,
    /// A sampled or signed thing does not match what was reserved.
    #[error("{0} does not match the reservation")]
    Mismatch(&'static str),
    /// The release's period is over.
    #[error("the release belongs to period {reserved}, and it is period {now}: void it")]
    Late {
        /// Period of the reservation.
        reserved: u32,
        /// Period of the delta.
        now: u32,
    },
    /// A person has still to look at it.
    #[error(
        "the result waits at the gate until {deadline_seconds} seconds since the Unix epoch; see \
         `lore privacy preview`"
    )]
    AtGate {
        /// Time at which it goes out, in seconds since the Unix epoch.
        deadline_seconds: u64,
    },
    /// The person at the gate is too late.
    #[error(
        "the gate's deadline has passed ({deadline_seconds} seconds since the Unix epoch); what was \
         answered before it stands, and without an answer a void goes out"
    )]
    GateClosed {
        /// The deadline, in seconds since the Unix epoch.
        deadline_seconds: u64,
    },
    /// The ledger does not verify.
    #[error(
        "the privacy ledger is damaged at entry {index}: {why}; nothing is released and nothing was \
         changed; go back to a backup with `lore store restore`, then run `lore privacy ledger verify`"
    )]
    Damaged {
        /// Entry.
        index: u64,
        /// Rule that does not hold.
        why: String,
    },
    /// A write failed, so what is stored is unknown.
    #[error("the privacy ledger must be opened again after a failed write: {0}")]
    Store(#[from] StoreError),
    /// Nobody at a terminal said yes.
    #[error("publishing this needs a person at a terminal who types `yes`; nothing was published")]
    NoConsent,
    /// A text was agreed to, and its delay is not over.
    #[error(
        "this text was agreed to, and is signed at {until_seconds} s since the Unix epoch, not before"
    )]
    ConsentWaits {
        /// Time from which it may be signed.
        until_seconds: u64,
    },
    /// A file of another account asks for a code, and another was typed.
    #[error("this is not the consent code of this machine; nothing was published")]
    WrongCode,
}
