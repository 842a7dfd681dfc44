//! A tool call with its answer, as every harness gives it.

/// One tool call of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    /// The tool as the harness names it (`Bash`, `read_file`, ...).
    pub tool: String,
    /// The command line, when the tool is a shell.
    pub command: Option<String>,
    /// The canonical JSON of the arguments otherwise; empty for a shell.
    pub input: String,
    /// Options of a shell call beside its command.
    pub options: Options,
    /// Exit status, when the harness gives one.
    pub exit: Option<i32>,
    /// True when the harness flagged the call as failed.
    pub failed: bool,
    /// Why it was not carried out, when it was not.
    pub refusal: Option<Refusal>,
    /// Answer of the tool; none when the session broke off before there was one.
    pub output: Option<String>,
}

/// Options of a shell call, whatever its harness calls them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Directory in which it ran.
    pub directory: Option<String>,
    /// Time limit, in the harness's own unit: one is compared with another of the same session.
    pub time_limit: Option<u64>,
    /// True when it had permission to run outside the sandbox.
    pub outside_sandbox: bool,
}

/// Why a call was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The user or a policy said no.
    Denied,
    /// It was interrupted, or cancelled because a parallel call failed.
    Cancelled,
}

/// End of a call. Only [`Status::Failed`] is a failure.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It did what was asked.
    Ok,
    /// It did not.
    Failed,
    /// A test, lint, type check or diff that did its job and found something.
    Reported,
    /// A search that found nothing, without an error.
    Empty,
    /// The user or a policy said no.
    Denied,
    /// A parallel call failed, or it was interrupted.
    Cancelled,
    /// Without an answer.
    Unknown,
}

impl Status {
    /// Returns true when a hint may help: the call failed, found nothing, or has no known end.
    #[must_use]
    pub const fn wants_a_hint(self) -> bool {
        matches!(self, Self::Failed | Self::Empty | Self::Unknown)
    }

    /// Returns true when the call was carried out and is no failure.
    #[must_use]
    pub const fn is_done(self) -> bool {
        matches!(self, Self::Ok | Self::Reported | Self::Empty)
    }
}
