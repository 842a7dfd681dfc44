//! Verbs and their arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};

use super::agent::AgentArgs;
use super::cost::CostArg;
use super::gate::{DenyVerb, GateVerb, LedgerVerb};
use super::lab::LabVerb;
use super::model::ModelVerb;
use crate::demo::DemoArgs;

/// A federated network of skills that agents learn: every node learns from its own users' private
/// work and shares what many of them found, under differential privacy.
#[derive(Debug, Parser)]
#[command(name = "lore", disable_version_flag = true)]
pub(super) struct Cli {
    /// Directory of the node (default: the user's data directory).
    #[arg(long, global = true, env = "LORE_HOME", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(super) home: Option<PathBuf>,
    /// Print the result as one JSON object on the last line of stdout.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Print the version and the hash of the sources.
    #[arg(long, short = 'V')]
    pub(super) version: bool,
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// A real federation of several nodes on this machine, end to end.
    Demo(DemoArgs),
    /// Make a node: its key, its configuration, its store.
    Init(InitArgs),
    /// Run the node until it is stopped.
    Run(RunArgs),
    /// Stop the running node.
    Stop,
    /// One screen about this node.
    Status,
    /// Who is connected, and where this node listens.
    Peers,
    /// The end of the daemon's log.
    Logs(LogsArgs),
    /// Check this machine and this node, with what to do about each fault.
    Doctor,
    /// Found, join and show federations.
    #[command(subcommand)]
    Federation(FederationVerb),
    /// Private sessions of this node's users.
    #[command(subcommand)]
    Session(SessionVerb),
    /// The shared library.
    #[command(subcommand)]
    Skill(SkillVerb),
    /// Give the intern agent a task, or open its prompt.
    Agent(Box<AgentArgs>),
    /// Lessons that a person writes.
    #[command(subcommand)]
    Lesson(LessonVerb),
    /// What this node's own sessions would teach: a private view.
    Lessons(SessionListArgs),
    /// The privacy budget of this node.
    #[command(subcommand)]
    Privacy(PrivacyVerb),
    /// Models for the agent: endpoints by name, and small ones on this machine.
    #[command(subcommand)]
    Model(ModelVerb),
    /// The store on disk.
    #[command(subcommand)]
    Store(StoreVerb),
    /// The task lab: models measured on families of tasks with a quirk, built in or of your own.
    #[command(subcommand)]
    Lab(LabVerb),
    /// Does an organisation's share of the demo's work.
    #[command(hide = true)]
    LabWork {
        /// The plan, written by the demo.
        plan: PathBuf,
    },
    /// Becomes a model's server that ends with its parent.
    #[command(hide = true)]
    ModelChild {
        /// The parent's process, the program and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        words: Vec<OsString>,
    },
    /// Serves a model file itself until its standard input ends.
    #[command(hide = true)]
    ModelEmbedded(crate::models::EmbeddedArgs),
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Name to show to other members.
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Address to listen on; may be given more than once.
    #[arg(long)]
    pub(super) listen: Vec<String>,
    /// Listen on this machine only.
    #[arg(long, conflicts_with = "listen")]
    pub(super) loopback: bool,
    /// Seconds between anti-entropy rounds.
    #[arg(long)]
    pub(super) sync_seconds: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Go on in the background.
    #[arg(long)]
    pub(super) detach: bool,
    /// Write every plaintext frame that leaves to this file, for an audit.
    #[arg(long, value_name = "FILE")]
    pub(super) record_frames: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// How many lines.
    #[arg(long, default_value_t = 50)]
    pub(super) lines: usize,
}

#[derive(Debug, Subcommand)]
pub(super) enum FederationVerb {
    /// Found a federation.
    Create(CreateArgs),
    /// Make an invitation: one line to paste.
    Invite(InviteArgs),
    /// Join by an invitation. Shows the charter and asks.
    Join(JoinArgs),
    /// The charter in plain words, and the members.
    Show(WhichArgs),
    /// End the epoch, as its founder.
    Checkpoint(WhichArgs),
    /// Write charter and deltas as files.
    ExportLog(ExportArgs),
    /// Fold a log that was written by `export-log`, in an order drawn from a seed.
    Refold(RefoldArgs),
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Its name.
    pub(super) name: String,
    /// Ceiling on epsilon per user and period.
    #[arg(long, default_value = "4")]
    pub(super) epsilon: String,
    /// Hours of an epoch. Without it an epoch ends at `lore federation checkpoint`.
    #[arg(long)]
    pub(super) epoch_hours: Option<u32>,
    /// Epochs in an accounting period.
    #[arg(long, default_value_t = 90)]
    pub(super) epochs_per_period: u32,
    /// Epochs of a period in which lessons are released, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(super) lessons_at: Option<Vec<u32>>,
    /// Epochs of a period in which outcomes are released, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(super) outcomes_at: Option<Vec<u32>>,
    /// Epochs of a period in which votes are released, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(super) votes_at: Option<Vec<u32>>,
    /// Epochs of a period in which sums of what sessions cost are released, separated by commas; without it
    /// costs stay where they are. They take a third of the share of rho that outcomes have.
    #[arg(long, value_delimiter = ',')]
    pub(super) costs_at: Option<Vec<u32>>,
    /// What is summed: tokens, seconds or calls, each with how many of it make one; separated by commas.
    #[arg(
        long,
        value_delimiter = ',',
        requires = "costs_at",
        value_name = "KIND[/PER]",
        default_values = ["tokens/1000", "seconds/10", "calls"]
    )]
    pub(super) costs: Vec<CostArg>,
    /// Most that one session adds to a sum, in the kind's unit; more is cut off before it is added.
    #[arg(long, requires = "costs_at", default_value_t = 100)]
    pub(super) costs_bound: u16,
    /// What members' releases may protect: user, session, personal; separated by commas.
    #[arg(long, value_delimiter = ',', value_parser = ["user", "session", "personal"])]
    pub(super) units: Option<Vec<String>>,
}

#[derive(Debug, Args)]
pub(super) struct InviteArgs {
    /// Which federation, when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
    /// How many may join with it.
    #[arg(long, default_value_t = 1)]
    pub(super) uses: u16,
    /// For how many more epochs it holds.
    #[arg(long, default_value_t = 8)]
    pub(super) epochs: u32,
}

#[derive(Debug, Args)]
pub(super) struct JoinArgs {
    /// The invitation line.
    pub(super) invitation: String,
    /// Agree to the charter without being asked.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct WhichArgs {
    /// Which federation, when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct RefoldArgs {
    /// The directory.
    pub(super) directory: PathBuf,
    /// Seed of the order.
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
}

#[derive(Debug, Subcommand)]
pub(super) enum SessionVerb {
    /// Bring in sessions of an agent. They never leave this node.
    Import(ImportArgs),
    /// List them.
    List(SessionListArgs),
    /// Show one.
    Show(NameArgs),
    /// Let a model read all sessions that none has read, and propose lessons that the miner did not see.
    /// The pass counts when it is complete; one that broke off goes on when it is started again.
    Extract(ExtractArgs),
}

#[derive(Debug, Args)]
pub(super) struct ExtractArgs {
    /// A name of `lore model list`, or URL#MODEL. It is shown private sessions, recognised secrets taken
    /// out: use one that you trust with them.
    #[arg(long, value_name = "MODEL")]
    pub(super) model: Option<String>,
    /// The model is a large one: it is shown what failed as well, and may propose fixes.
    #[arg(long)]
    pub(super) large: bool,
    /// Most sessions to read now.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// File or directory.
    pub(super) path: PathBuf,
    /// `auto`, `lore`, `claude-code` or `openai-chat`.
    #[arg(long, default_value = "auto")]
    pub(super) format: String,
    /// Whose sessions (default: the account of the operating system).
    #[arg(long)]
    pub(super) user: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SessionListArgs {
    /// How many.
    #[arg(long, default_value_t = 50)]
    pub(super) limit: usize,
}

#[derive(Debug, Args)]
pub(super) struct NameArgs {
    /// Name or id.
    pub(super) name: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum SkillVerb {
    /// List the shared skills with their evidence.
    List(WhichArgs),
    /// Show one.
    Show(NameArgs),
    /// Check skill directories against the Agent Skills standard.
    Validate {
        /// Skill directories, or `SKILL.md` files.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Find the few skills that fit a task.
    Search(SearchArgs),
    /// Write a candidate text for a shared skill, on this machine only: it is published by nobody but
    /// you.
    Evolve(EvolveArgs),
    /// Write the shared skills as directories that agents read.
    Export(ExportArgs),
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["preview", "out"]))]
pub(super) struct EvolveArgs {
    /// Name or id of the skill.
    pub(super) name: String,
    /// Base URL of a model's endpoint that improves the wording; without it the template is the text.
    #[arg(long, value_name = "URL")]
    pub(super) model: Option<String>,
    /// The model's name at that endpoint.
    #[arg(long, default_value = "default", requires = "model")]
    pub(super) model_name: String,
    /// What the endpoint speaks.
    #[arg(long, default_value = "openai", value_parser = ["openai", "anthropic"], requires = "model")]
    pub(super) dialect: String,
    /// The environment variable that holds the endpoint's key.
    #[arg(long, value_name = "VARIABLE", requires = "model")]
    pub(super) key_env: Option<String>,
    /// Print the candidate.
    #[arg(long)]
    pub(super) preview: bool,
    /// Write the candidate below this directory.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Families of tasks (`lore lab new`) on which the candidate must prove itself first: the rule-based
    /// operator works on them with it and without. May be given more than once.
    #[arg(long, value_name = "DIR")]
    pub(super) families: Vec<PathBuf>,
    /// Tasks of each of these families.
    #[arg(long, default_value_t = 8, requires = "families", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) tasks: u64,
    /// The environment that these families are drawn in.
    #[arg(long, default_value_t = 1, requires = "families")]
    pub(super) seed: u64,
}

#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// The task, in words.
    pub(super) query: String,
    /// Search this directory of skills instead of the shared library.
    #[arg(long, value_name = "DIR", conflicts_with = "federation")]
    pub(super) skills: Option<PathBuf>,
    /// How many to offer.
    #[arg(long, default_value_t = 3)]
    pub(super) limit: usize,
    /// Most tokens to offer, all together.
    #[arg(long, default_value_t = 1500)]
    pub(super) tokens: u64,
    /// Which federation, when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Which federation, when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
    /// Where to.
    #[arg(long)]
    pub(super) dir: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum LessonVerb {
    /// Publish a worked example that you wrote, signed, for ever. Asks at the terminal.
    Share(ShareArgs),
}

#[derive(Debug, Args)]
pub(super) struct ShareArgs {
    /// A command line, with `<arg>` and `<out>` where a task's own values stand.
    pub(super) command: String,
    /// Words that say what it is about, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(super) about: Vec<String>,
    /// Which federation, when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum PrivacyVerb {
    /// Spent and left.
    Status,
    /// Set the budget. Shows what it buys and asks.
    Set(SetArgs),
    /// Each release with its cost, what one more would cost, and what is due.
    Explain,
    /// The exact payload of a release that waits at the gate.
    Preview,
    /// Decide what of a waiting release goes out.
    #[command(subcommand)]
    Gate(GateVerb),
    /// Words that must not leave.
    #[command(subcommand)]
    DenyList(DenyVerb),
    /// The record of every release.
    #[command(subcommand)]
    Ledger(LedgerVerb),
    /// What budgets buy: supporters, standard errors, votes.
    Table,
    /// Try to catch the mechanisms losing more privacy than they claim.
    Audit(AuditArgs),
}

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Six times the runs.
    #[arg(long)]
    pub(super) deep: bool,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// What is protected: a user with all their sessions, one session (weaker), or, on a node of one
    /// person, replacing that person's data (votes and outcomes only).
    #[arg(long, value_parser = ["user", "session", "personal"])]
    pub(super) unit: Option<String>,
    /// Epsilon per unit and period.
    #[arg(long)]
    pub(super) epsilon: String,
    /// Delta per unit and period.
    #[arg(long, default_value = "0.000001")]
    pub(super) delta: String,
    /// Length of a period, such as `90d`.
    #[arg(long, default_value = "90d")]
    pub(super) period: String,
    /// Do not ask.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum StoreVerb {
    /// Read every record and verify its checksum.
    Check,
    /// Make a damaged store usable again; what was lost is fetched from peers.
    Repair,
    /// Copy the store.
    Backup {
        /// A directory that does not exist yet.
        to: PathBuf,
    },
    /// Put a copy back.
    Restore {
        /// The copy.
        from: PathBuf,
    },
}
