//! Verbs and their arguments.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{ArgGroup, Args, Parser, Subcommand};

use super::agent::AgentArgs;
use super::federation_args::{FederationVerb, WhichArgs};
use super::gate::{DenyVerb, GateVerb, LedgerVerb};
use super::lab::LabVerb;
use super::model::ModelVerb;
use crate::demo::DemoArgs;

/// A federated network of skills that agents learn: every node learns from its own users' private
/// work and shares what many of them found, under differential privacy.
#[derive(Debug, Parser)]
#[command(name = "lore", disable_version_flag = true, after_long_help = AFTER)]
pub(super) struct Cli {
    /// Use this home directory [default: `commonlore` in the user's data directory].
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

/// Ends `lore --help`.
const AFTER: &str = "\
Examples:
  lore demo                                      a whole federation on this machine
  lore init && lore run --detach                 make a node and run it
  lore federation create my-team                 found a federation
  lore federation invite                         make an invitation for a node
  lore connect                                   connect the agents that you use
  lore session import ~/.claude/projects         import sessions; none is published
  lore privacy set --epsilon 4 --period 90d      allow releases
  lore review                                    read and approve what others published
  lore skill export --dir ~/.claude/skills       write the shared skills for an agent

Environment variables:
  LORE_HOME       the home directory; --home comes first
  LORE_LOG        what the node logs: error, warn, info, debug or trace
  LORE_MODELS     the directory of pulled models
  LORE_MODEL_KEY  the key of a model that --model names by its URL
  COLUMNS         the width of help texts; without it, the terminal's

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by a policy.";

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run a real federation of several nodes on this machine, end to end.
    Demo(DemoArgs),
    /// Make a node: key, configuration and store.
    Init(InitArgs),
    /// Run the node until it is stopped.
    Run(RunArgs),
    /// Stop the running node.
    Stop,
    /// Show this node's state on one screen.
    Status,
    /// List connected peers, the way to each, and how others reach this node.
    Peers,
    /// Run a public relay: nodes behind routers are reached through it. It takes part in no federation.
    Relay(super::relay::RelayArgs),
    /// Print the end of the running node's log.
    Logs(LogsArgs),
    /// Check this machine and this node, and print what to do about each fault.
    Doctor,
    /// Found, join and show federations.
    #[command(subcommand)]
    Federation(FederationVerb),
    /// Keep your own lessons in step on several devices of yours.
    #[command(subcommand)]
    Device(super::device::DeviceVerb),
    /// Import, list and show private sessions of this node's users.
    #[command(subcommand)]
    Session(SessionVerb),
    /// List, show, search and export skills of the shared library.
    #[command(subcommand)]
    Skill(SkillVerb),
    /// Review what other members published before an agent of yours gets it.
    Review(super::review::ReviewArgs),
    /// Approve items of `lore review` by id. Asks when there are findings or new capabilities.
    Approve(super::review::ApproveArgs),
    /// Reject items of `lore review` by id.
    Reject(super::review::IdsArgs),
    /// Take items off the shelf, by id.
    Revoke(super::review::IdsArgs),
    /// Block a member: what it publishes does not count.
    Block(super::review::MemberArgs),
    /// Trust a member: what it publishes passes when it is clean.
    Trust(super::review::MemberArgs),
    /// Connect the agents that you use: hints at failing calls, shared skills, and import of their sessions.
    Connect(super::connect::ConnectArgs),
    /// Serve lessons and skills to an agent over MCP, on standard input and output.
    Mcp,
    /// Answer an agent's hook, with its JSON on standard input. Agents call it; it never fails.
    #[command(hide = true)]
    Hook(super::hook::HookArgs),
    /// Give the built-in agent a task, or open its prompt.
    Agent(Box<AgentArgs>),
    /// Preview mined lessons, and publish one that you wrote.
    #[command(subcommand)]
    Lesson(LessonVerb),
    /// Set and explain the privacy budget, and approve releases.
    #[command(subcommand)]
    Privacy(PrivacyVerb),
    /// Configure, test and serve models for the agent.
    #[command(subcommand)]
    Model(ModelVerb),
    /// Check, repair, back up and restore the store on disk.
    #[command(subcommand)]
    Store(StoreVerb),
    /// Measure models on families of tasks with a quirk, built in or your own.
    #[command(subcommand)]
    Lab(LabVerb),
    /// Print the script by which a shell completes the words of `lore`.
    Completions {
        /// Shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page of `lore`, in roff.
    Man {
        /// Write one page a verb to this directory instead.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Do an organisation's share of the demo's work.
    #[command(hide = true)]
    LabWork {
        /// The plan, written by the demo.
        plan: PathBuf,
    },
    /// Become a model's server that ends with its parent.
    #[command(hide = true)]
    ModelChild {
        /// The parent's process, the program and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        words: Vec<OsString>,
    },
    /// Serve a model file until standard input ends.
    #[command(hide = true)]
    ModelEmbedded(crate::models::EmbeddedArgs),
}

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// Name of the node, published in each federation that it joins.
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Listen on this address, such as /ip4/0.0.0.0/tcp/4001; may be given more than once.
    #[arg(long)]
    pub(super) listen: Vec<String>,
    /// Listen on this machine only.
    #[arg(long, conflicts_with = "listen")]
    pub(super) loopback: bool,
    /// Seconds between two sync rounds, at least 1 [default: 30].
    #[arg(long)]
    pub(super) sync_seconds: Option<u64>,
    /// Use this relay, given as `lore relay` printed it; may be given more than once.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) relay: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Run in the background.
    #[arg(long)]
    pub(super) detach: bool,
    /// Append every plaintext frame that leaves this node to this file, for an audit.
    #[arg(long, value_name = "FILE")]
    pub(super) record_frames: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct LogsArgs {
    /// Number of lines to print.
    #[arg(long, default_value_t = 50)]
    pub(super) lines: usize,
}

#[derive(Debug, Subcommand)]
pub(super) enum SessionVerb {
    /// Import an agent's sessions. None is published; lessons of them only within your privacy budget.
    Import(ImportArgs),
    /// Follow the directories of your agents: a running node imports what is new. Off until you turn it on.
    Watch(WatchArgs),
    /// List sessions, newest first.
    List(SessionListArgs),
    /// Show one session, whole.
    Show(NameArgs),
    /// Delete stored sessions of yours for good. Lists first what deleting cannot reach.
    Forget(ForgetArgs),
    /// Let a model propose lessons from sessions that no model has read.
    /// The pass counts when all of them are read; start the command again to continue one.
    Extract(ExtractArgs),
}

#[derive(Debug, Args)]
pub(super) struct ExtractArgs {
    /// A name of `lore model list`, or URL#MODEL. It sees private sessions, with recognised secrets
    /// removed: use one that you trust with them.
    #[arg(long, value_name = "MODEL")]
    pub(super) model: Option<String>,
    /// Show a large model what failed as well, so that it may propose fixes.
    #[arg(long)]
    pub(super) large: bool,
    /// Read at most this many sessions now.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Session file, or a directory with such files [default: list the directories of agents found here].
    pub(super) path: Option<PathBuf>,
    /// Import all directories of agents found below your home.
    #[arg(long, conflicts_with = "path")]
    pub(super) found: bool,
    /// Format of the files: auto, claude-code, codex, opencode, gemini-cli, copilot-cli, pi, specstory,
    /// swe-agent, mini-swe-agent, atif, openai-chat, skillclaw, ml-intern or lore.
    #[arg(long, default_value = "auto")]
    pub(super) format: String,
    /// Name of the user whose sessions they are [default: the operating system's account].
    #[arg(long)]
    pub(super) user: Option<String>,
    /// Import also sessions that were deleted here with `lore session forget`, or by age.
    #[arg(long)]
    pub(super) again: bool,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("change").args(["on", "off", "status"])))]
pub(super) struct WatchArgs {
    /// Turn it on.
    #[arg(long)]
    pub(super) on: bool,
    /// Turn it off. What was imported stays.
    #[arg(long)]
    pub(super) off: bool,
    /// Show what is followed and what came in; done without a flag too.
    #[arg(long)]
    pub(super) status: bool,
    /// Name of the user whose sessions they are [default: the operating system's account].
    #[arg(long)]
    pub(super) user: Option<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["id", "all", "before", "from"])))]
pub(super) struct ForgetArgs {
    /// Session to delete, by its id.
    pub(super) id: Option<String>,
    /// Delete all sessions of the user.
    #[arg(long)]
    pub(super) all: bool,
    /// Delete sessions that began before this day, in UTC.
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) before: Option<String>,
    /// Delete the sessions that this file or directory holds.
    #[arg(long, value_name = "PATH")]
    pub(super) from: Option<PathBuf>,
    /// Name of the user whose sessions they are [default: the operating system's account].
    #[arg(long)]
    pub(super) user: Option<String>,
    /// Do not ask before more than one session is deleted.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct SessionListArgs {
    /// List at most this many.
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
    /// Show one skill with its evidence.
    Show(NameArgs),
    /// Check skill directories against the Agent Skills standard.
    Validate {
        /// Skill directories, or `SKILL.md` files.
        #[arg(required = true)]
        paths: Vec<PathBuf>,
    },
    /// Find the few skills that fit a task.
    Search(SearchArgs),
    /// Write a candidate text for a shared skill. It stays on this machine until `lore skill publish`.
    Evolve(EvolveArgs),
    /// Write the shared skills as directories for an agent.
    Export(super::export::SkillExportArgs),
    /// Publish a skill that you wrote. Shows what leaves, asks, and waits before it is signed.
    Publish(super::publish::PublishArgs),
    /// List the versions of a skill's text with their authors and standing.
    Log(NameArgs),
    /// Show where a skill comes from: the author of its text, and the evidence behind each lesson.
    Why {
        /// Name or id of the skill, or id of a lesson.
        name: String,
        #[command(flatten)]
        user: UserArgs,
    },
    /// Show what changes from one version of a skill to another, over all its files.
    Diff(super::version::DiffArgs),
    /// Hold a version of a skill fast: agents are given this one until it is unpinned.
    Pin(super::version::PinArgs),
    /// Follow the newest version on the shelf again.
    Unpin(NameArgs),
    /// Pin the version before the one in use.
    Rollback(NameArgs),
    /// Take back what this node published of a skill, at every member. Asks first.
    Withdraw(super::version::WithdrawArgs),
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["preview", "out"]))]
pub(super) struct EvolveArgs {
    /// Name or id of the skill.
    pub(super) name: String,
    /// Base URL of a model's endpoint that improves the wording; without it, the text is the template's.
    #[arg(long, value_name = "URL")]
    pub(super) model: Option<String>,
    /// Name of the model at that endpoint.
    #[arg(long, default_value = "default", requires = "model")]
    pub(super) model_name: String,
    /// Protocol of the endpoint.
    #[arg(long, default_value = "openai", value_parser = ["openai", "anthropic"], requires = "model")]
    pub(super) dialect: String,
    /// Environment variable that holds the endpoint's key.
    #[arg(long, value_name = "VARIABLE", requires = "model")]
    pub(super) key_env: Option<String>,
    /// Print the candidate.
    #[arg(long)]
    pub(super) preview: bool,
    /// Write the candidate below this directory.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) replay: super::replay::ReplayArgs,
}

#[derive(Debug, Args)]
pub(super) struct SearchArgs {
    /// Task in words.
    pub(super) query: String,
    /// Search this directory of skills instead of the shared library.
    #[arg(long, value_name = "DIR", conflicts_with = "federation")]
    pub(super) skills: Option<PathBuf>,
    /// Offer at most this many skills, 1 to 100.
    #[arg(long, default_value_t = 3)]
    pub(super) limit: usize,
    /// Offer at most this many tokens, all together.
    #[arg(long, default_value_t = 1500)]
    pub(super) tokens: u64,
    /// Federation by name, id or beginning of its id; needed when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum LessonVerb {
    /// List known lessons: your own, this node's, your federations'.
    List(LessonListArgs),
    /// Show where a lesson is known from: your own sessions, and its public evidence.
    Why {
        /// Id as `lore lesson list` shows it, or at least its first four digits.
        id: String,
        #[command(flatten)]
        user: UserArgs,
    },
    /// List your own lessons that may help others, as they would be published.
    Suggest {
        /// List at most this many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
        #[command(flatten)]
        user: UserArgs,
    },
    /// List the notes that your agents left you, newest first. They are on this machine only.
    Notes {
        /// Delete them.
        #[arg(long)]
        forget: bool,
        #[command(flatten)]
        user: UserArgs,
    },
    /// Show what is known about a failing call: at most one hint. Reads its output from standard input.
    Hint(HintArgs),
    /// Preview what each of your sessions would feed into a release (for your screen only).
    Preview(SessionListArgs),
    /// Publish a lesson of your own, or a worked example that you wrote, signed and for ever. Asks at the
    /// terminal, and waits.
    Share(ShareArgs),
    /// List what you shared and what is not signed yet.
    Pending,
    /// Withdraw what you shared before it is signed. Nothing of it leaves the node.
    Undo {
        /// Id as `lore lesson pending` shows it, or at least its first four digits.
        id: String,
    },
    /// Make a code that `lore lesson share` asks for, for a file that another account keeps.
    Code,
    /// List the words that `lore lesson share --about` takes.
    Words {
        /// List only words that begin like this.
        #[arg(default_value = "")]
        beginning: String,
    },
}

#[derive(Debug, Args)]
pub(super) struct UserArgs {
    /// Name of the user whose sessions are looked at [default: the operating system's account].
    #[arg(long)]
    pub(super) user: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct LessonListArgs {
    /// List only programs that begin like this, such as `git`.
    #[arg(default_value = "")]
    pub(super) program: String,
    /// List only this circle.
    #[arg(long, value_parser = ["own", "devices", "node", "federation", "codebook"])]
    pub(super) circle: Option<String>,
    /// List only lessons whose remedy stopped working.
    #[arg(long)]
    pub(super) drifting: bool,
    /// List at most this many.
    #[arg(long, default_value_t = 50)]
    pub(super) limit: usize,
    #[command(flatten)]
    pub(super) user: UserArgs,
}

#[derive(Debug, Args)]
pub(super) struct HintArgs {
    /// Command line that failed, or that is about to run.
    pub(super) command: String,
    /// Exit status of the call.
    #[arg(long, default_value_t = 1, allow_hyphen_values = true)]
    pub(super) exit: i32,
    /// Ask before the call: nothing is read from standard input.
    #[arg(long, conflicts_with = "exit")]
    pub(super) before: bool,
    #[command(flatten)]
    pub(super) user: UserArgs,
}

#[derive(Debug, Args)]
pub(super) struct ShareArgs {
    /// Id from `lore lesson suggest`; or a command line, with `<arg>` and `<out>` in the place of a task's own
    /// values.
    pub(super) command: String,
    #[command(flatten)]
    pub(super) user: UserArgs,
    /// Words that describe it, separated by commas; `lore lesson words` lists the allowed ones.
    #[arg(long, value_delimiter = ',')]
    pub(super) about: Vec<String>,
    /// Federation by name, id or beginning of its id; needed when there are several.
    #[arg(long)]
    pub(super) federation: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum PrivacyVerb {
    /// Show what is spent and what is left.
    Status,
    /// Set the budget. Shows what it buys and asks first.
    Set(SetArgs),
    /// Explain each release's cost, what one more would cost, and what is due.
    Explain,
    /// Show the exact payload of a release that waits for your approval.
    Preview,
    /// Approve a waiting release, wholly or in part, or refuse it.
    #[command(subcommand)]
    Gate(GateVerb),
    /// List words that must not leave this node.
    #[command(subcommand)]
    DenyList(DenyVerb),
    /// Verify the record of every release.
    #[command(subcommand)]
    Ledger(LedgerVerb),
    /// Print what budgets buy: supporters, standard errors, votes.
    Table,
    /// Test that the mechanisms lose no more privacy than they claim.
    Audit(AuditArgs),
}

#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Run six times as many samples.
    #[arg(long)]
    pub(super) deep: bool,
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// Unit of privacy: a user with all their sessions, one conversation (weaker), or, on a node of one
    /// person, that person's data (votes and outcomes only) [default: as before, or user].
    #[arg(long, value_parser = ["user", "session", "personal"])]
    pub(super) unit: Option<String>,
    /// Epsilon per unit and period, up to 20, with at most 6 decimal places.
    #[arg(long)]
    pub(super) epsilon: String,
    /// Delta per unit and period, below 1, with at most 18 decimal places.
    #[arg(long, default_value = "0.000001")]
    pub(super) delta: String,
    /// Length of a period in days, such as 90d.
    #[arg(long, default_value = "90d")]
    pub(super) period: String,
    /// Date (YYYY-MM-DD, UTC) from which sessions may be in the first releases; of an earlier period than the
    /// open one the whole first release is of that period [default: as before, or the open period].
    #[arg(long, value_name = "DATE")]
    pub(super) since: Option<String>,
    /// Set it without a question.
    #[arg(long)]
    pub(super) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum StoreVerb {
    /// Read every record and verify its checksum.
    Check,
    /// Make a damaged store usable; lost records are fetched from peers.
    Repair,
    /// Copy the store.
    Backup {
        /// Directory to create.
        to: PathBuf,
    },
    /// Delete sessions, deny-list and waiting texts whose key is lost, so that the node can start.
    DropPrivate {
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Put a copy of the store back.
    Restore {
        /// Directory of the copy.
        from: PathBuf,
    },
}
