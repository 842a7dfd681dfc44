//! The command line.

mod agent;
mod args;
mod ask;
mod connect;
mod cost;
mod device;
mod doctor;
mod doctor_agents;
mod evolve;
mod export;
mod extract;
mod federation;
mod federation_args;
mod gate;
mod help;
mod hook;
mod keepers;
mod lab;
mod lesson;
mod manual;
mod mcp;
mod model;
mod model_file;
mod notes;
mod peers;
mod privacy;
mod privacy_audit;
mod privacy_table;
mod publish;
mod refold;
mod relay;
mod replay;
mod review;
mod run;
mod search;
mod session;
mod session_forget;
mod session_watch;
mod show;
mod skill;
mod start;
mod store;
mod validate;
mod version;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use lore_control::{AuthorDecision, ItemDecision};

use crate::error::CliError;
use crate::home::Home;
use crate::host::Machine;
use crate::output;
use args::{Cli, Verb};

/// Context of every verb.
pub(crate) struct Context {
    pub(crate) home: Home,
    pub(crate) json: bool,
    /// Clock and randomness that the node takes.
    pub(crate) machine: Machine,
}

/// Parses the command line, does the verb, prints the result, and gives the exit code.
#[must_use]
pub fn main(machine: Machine) -> ExitCode {
    crate::crash::tell_places_only();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = u8::from(error.use_stderr()) * 2;
            let json = std::env::args().any(|arg| arg == "--json");
            if json && error.use_stderr() {
                let message = error.to_string();
                // `error` is the field's name already.
                let message = message.strip_prefix("error: ").unwrap_or(&message);
                return output::fail(&CliError::usage(message.trim_end()), true);
            }
            let text = help::text(&error);
            // The exit code still says what happened when this cannot be printed.
            if error.use_stderr() {
                output::note(text.trim_end());
            } else {
                let _ = output::print(&text);
            }
            return ExitCode::from(code);
        }
    };
    let json = cli.json;
    if let Some(Verb::Hook(args)) = &cli.verb {
        return hook::hook(cli.home.as_deref(), args);
    }
    match dispatch(cli, machine) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => output::fail(&error, json),
    }
}

/// The home that was named. An empty variable counts as unset, an empty argument is a mistake.
fn chosen_home(home: Option<PathBuf>) -> Result<Option<PathBuf>, CliError> {
    match home {
        Some(home) if home.as_os_str().is_empty() => {
            if std::env::var_os("LORE_HOME").is_some_and(|value| value.is_empty()) {
                return Ok(None);
            }
            Err(CliError::usage("--home is empty").help("name a directory, or leave the flag out"))
        }
        home => Ok(home),
    }
}

fn dispatch(cli: Cli, machine: Machine) -> Result<(), CliError> {
    let json = cli.json;
    if cli.version {
        return show::version(json);
    }
    let Some(verb) = cli.verb else {
        return Err(CliError::usage("say what to do").help("see `lore --help`"));
    };
    if let Verb::Demo(args) = verb {
        return crate::demo::main(&args, json);
    }
    if let Verb::LabWork { plan } = verb {
        return crate::demo::lab_work(&plan);
    }
    if let Verb::ModelChild { words } = verb {
        return Err(crate::models::become_child(&words));
    }
    if let Verb::ModelEmbedded(args) = verb {
        return crate::models::serve_embedded(&args);
    }
    if let Verb::Lab(verb) = verb {
        return lab::lab(&verb, json);
    }
    if let Verb::Completions { shell } = verb {
        return manual::completions(shell, json);
    }
    if let Verb::Man { dir } = verb {
        return manual::man(dir.as_deref(), json);
    }
    let context =
        Context { home: Home::resolve(chosen_home(cli.home)?.as_deref())?, json, machine };
    match verb {
        Verb::Agent(args) => agent::agent(&context, *args),
        Verb::Connect(args) => connect::connect(&context, &args),
        Verb::Mcp => mcp::mcp(&context),
        Verb::Init(args) => start::init(&context, &args),
        Verb::Run(args) => run::run(&context, args),
        Verb::Stop => run::stop(&context),
        Verb::Status => show::status(&context),
        Verb::Peers => peers::peers(&context),
        Verb::Relay(args) => relay::relay(&context, &args),
        Verb::Logs(args) => show::logs(&context, args.lines),
        Verb::Doctor => doctor::doctor(&context),
        Verb::Federation(verb) => federation::federation(&context, verb),
        Verb::Device(verb) => device::device(&context, verb),
        Verb::Session(verb) => session::session(&context, verb),
        Verb::Skill(verb) => skill::skill(&context, verb),
        Verb::Lesson(verb) => lesson::lesson(&context, verb),
        Verb::Review(args) => review::review(&context, &args),
        Verb::Approve(args) => review::approve(&context, &args),
        Verb::Reject(args) => review::decide(&context, args.ids, ItemDecision::Reject, false),
        Verb::Revoke(args) => review::decide(&context, args.ids, ItemDecision::Revoke, false),
        Verb::Block(args) => review::author(&context, args, AuthorDecision::Block),
        Verb::Trust(args) => review::author(&context, args, AuthorDecision::Trust),
        Verb::Privacy(verb) => privacy::privacy(&context, verb),
        Verb::Model(verb) => model::model(&context, verb),
        Verb::Store(verb) => store::store(&context, &verb),
        Verb::Demo(_)
        | Verb::Hook(_)
        | Verb::Lab(_)
        | Verb::Completions { .. }
        | Verb::Man { .. }
        | Verb::LabWork { .. }
        | Verb::ModelChild { .. }
        | Verb::ModelEmbedded(_) => Ok(()),
    }
}
