//! Arguments of `federation`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lore_control::Windows;

use super::cost::CostArg;

#[derive(Debug, Subcommand)]
pub(super) enum FederationVerb {
    /// Found a federation.
    Create(CreateArgs),
    /// Make an invitation: one line to pass on.
    Invite(InviteArgs),
    /// Join by an invitation. Shows the charter and asks first.
    Join(JoinArgs),
    /// Show the charter in plain words, and the members.
    Show(WhichArgs),
    /// End the open epoch, as a signer; with several signers, propose to.
    Checkpoint(WhichArgs),
    /// Show who signs checkpoints, or say as a signer who should.
    Signers(SignersArgs),
    /// Go on after an epoch was sealed twice, as a signer. Asks first.
    Heal(HealArgs),
    /// Take over a member's place with its recovery secret: a key was lost or stolen, or a home copied.
    Recover(RecoverArgs),
    /// Leave a federation for ever. Asks first; the only signer cannot leave.
    Leave(LeaveArgs),
    /// Speak against a member. Asks first; enough members together remove it for ever.
    Revoke(RevokeArgs),
    /// Vouch for a node that another member invited, where the charter wants several voices. Asks first.
    Vouch(VouchArgs),
    /// Write the charter and all deltas as files.
    ExportLog(ExportArgs),
    /// Compute the library root of a log that `export-log` wrote, in an order drawn from a seed.
    Refold(RefoldArgs),
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Name of the federation.
    pub(super) name: String,
    /// Ceiling on epsilon per user and period.
    #[arg(long, default_value = "4")]
    pub(super) epsilon: String,
    /// Hours of an epoch; without it, an epoch ends at `lore federation checkpoint`.
    #[arg(long)]
    pub(super) epoch_hours: Option<u32>,
    /// Epochs in an accounting period.
    #[arg(long, default_value_t = 90)]
    pub(super) epochs_per_period: u32,
    /// Epochs of a period in which lessons are released, from 0, separated by commas [default: 6].
    #[arg(long, value_delimiter = ',')]
    pub(super) lessons_at: Option<Vec<u32>>,
    /// Epochs of a period in which outcomes are released, separated by commas [default: 12, evenly spread].
    #[arg(long, value_delimiter = ',')]
    pub(super) outcomes_at: Option<Vec<u32>>,
    /// Epochs of a period in which votes are released, separated by commas [default: 6].
    #[arg(long, value_delimiter = ',')]
    pub(super) votes_at: Option<Vec<u32>>,
    /// Words of a task that may go with its lesson into a release, 0 to 2. They say what the lesson is about,
    /// and each weighs as much as a lesson.
    #[arg(long, default_value_t = 0)]
    pub(super) topic_words: u16,
    /// Seconds of the grid on which windows of releases end, 1 to 86400.
    #[arg(long, default_value_t = Windows::default().grid_seconds)]
    pub(super) window_grid_seconds: u32,
    /// Least seconds of a window, and between two releases of a kind, 1 to 2592000.
    #[arg(long, default_value_t = Windows::default().least_seconds)]
    pub(super) window_least_seconds: u32,
    /// Seconds from the end of a window until its release is sent, 0 to 86400.
    #[arg(long, default_value_t = Windows::default().send_after_seconds)]
    pub(super) send_after_seconds: u32,
    /// Epochs of a period in which sums of session costs are released, separated by commas; without it,
    /// none are. They take a tenth of rho, half of it from outcomes and half from votes.
    #[arg(long, value_delimiter = ',')]
    pub(super) costs_at: Option<Vec<u32>>,
    /// Costs to sum: tokens, seconds or calls, each with how many make one unit; separated by commas.
    #[arg(
        long,
        value_delimiter = ',',
        requires = "costs_at",
        value_name = "KIND[/PER]",
        default_values = ["tokens/1000", "seconds/10", "calls"]
    )]
    pub(super) costs: Vec<CostArg>,
    /// Most that one session adds to a sum, in the kind's unit, 1 to 65535; more is cut off.
    #[arg(long, requires = "costs_at", default_value_t = 100)]
    pub(super) costs_bound: u16,
    /// Units that members' releases may protect: user, session, personal; separated by commas
    /// [default: user,personal].
    #[arg(long, value_delimiter = ',', value_parser = ["user", "session", "personal"])]
    pub(super) units: Option<Vec<String>>,
    /// Begin with an empty ballot, without the codebook's lessons about public tools.
    #[arg(long)]
    pub(super) no_codebook: bool,
    /// Let skills with scripts and executable files spread.
    #[arg(long)]
    pub(super) scripts: bool,
    /// Most members, 1 to 400 [default: 200].
    #[arg(long)]
    pub(super) members: Option<u32>,
    /// Voices that must vouch for a newcomer, 2 to 8 [default: the inviter's is enough].
    #[arg(long)]
    pub(super) vouches: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct InviteArgs {
    /// Federation by name, id or beginning of its id; needed when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
    /// Number of nodes that may join with it, at least 1.
    #[arg(long, default_value_t = 1)]
    pub(super) uses: u16,
    /// Number of further epochs for which it is valid.
    #[arg(long, default_value_t = 8)]
    pub(super) epochs: u32,
}

#[derive(Debug, Args)]
pub(super) struct JoinArgs {
    /// Invitation line.
    pub(super) invitation: String,
    /// Agree to the charter without a question.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct SignersArgs {
    /// Federation by name, id or beginning of its id; needed when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
    /// Member that should sign, too, by id or beginning of its id. May be given several times.
    #[arg(long, value_name = "MEMBER")]
    pub(super) add: Vec<String>,
    /// Member that should sign no more. May be given several times.
    #[arg(long, value_name = "MEMBER")]
    pub(super) remove: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct HealArgs {
    /// Federation by name, id or beginning of its id; needed when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
    /// Heal without a question.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct RecoverArgs {
    /// Invitation line of the federation, also a used one: it says where a member is.
    pub(super) invitation: String,
    /// File that holds the recovery secret; `-` reads it from standard input.
    #[arg(long, value_name = "FILE")]
    pub(super) secret_file: PathBuf,
    /// Recover without a question.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct LeaveArgs {
    /// Federation by name, id or beginning of its id.
    pub(super) federation: String,
    /// Reason, for the other members; at most 256 bytes.
    #[arg(long, default_value = "")]
    pub(super) reason: String,
    /// Leave without a question.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    /// Federation by name, id or beginning of its id.
    pub(super) federation: String,
    /// Member by id or beginning of its id; `lore federation show` lists them.
    pub(super) member: String,
    /// Reason, for the other members; at most 256 bytes.
    #[arg(long)]
    pub(super) reason: String,
    /// Revoke without a question.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct VouchArgs {
    /// Federation by name, id or beginning of its id.
    pub(super) federation: String,
    /// The id of who asks to join, or its beginning; `lore federation show` lists them.
    pub(super) member: String,
    /// For how many more epochs to vouch, while it is not admitted.
    #[arg(long, default_value_t = 8)]
    pub(super) epochs: u32,
    /// Vouch without a question.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct WhichArgs {
    /// Federation by name, id or beginning of its id; needed when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct RefoldArgs {
    /// Directory that `lore federation export-log` wrote.
    pub(super) directory: PathBuf,
    /// Seed of the order.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Federation by name, id or beginning of its id; needed when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
    /// Directory to write to.
    #[arg(long)]
    pub(super) dir: PathBuf,
}
