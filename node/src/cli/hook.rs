//! `hook`: answers an agent beside a call. Whatever goes wrong, the agent is told nothing.

use std::fs::{self, OpenOptions};
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use lore_connect::hook::{self, Event, HintFiles, HookInput};
use lore_connect::{Agent, agent};
use lore_control::{SessionImport, SessionWatch, WatchSetting};

use super::session::account;
use crate::error::CliError;
use crate::home::Home;
use crate::{at_rest, control};

/// Longest time that an agent waits for us. Its own limits are longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest time that is waited for an agent that writes a session's file after its end.
const SETTLING: Duration = Duration::from_secs(60);
/// Time without a change after which such a file is whole.
const QUIET: Duration = Duration::from_secs(1);
/// Pause between two looks at it: nothing announces its end.
const POLL: Duration = Duration::from_millis(200);
/// Size at which the log of hooks begins again, in bytes.
const LOG_BYTES: u64 = 64 << 10;
/// File that names the user whose agents are connected.
const USER_FILE: &str = "user";

/// Arguments of `hook`.
#[derive(Debug, clap::Args)]
pub(super) struct HookArgs {
    /// Agent, as `lore connect` names it.
    agent: String,
    /// Event: before or after a call, start or end of a session.
    event: String,
}

/// Answers an agent. The exit code is always success: a failing hook could stop the agent's work.
pub(super) fn hook(home: Option<&Path>, args: &HookArgs) -> ExitCode {
    let (sender, receiver) = mpsc::channel();
    let ended = args.event == Event::Ended.name();
    let (home, args) = (home.map(Path::to_owned), (args.agent.clone(), args.event.clone()));
    std::thread::spawn(move || {
        let answered = answer(home.as_deref(), &args.0, &args.1);
        // The other side may have lost its patience.
        let _ = sender.send(answered);
    });
    match receiver.recv_timeout(if ended { SETTLING } else { PATIENCE }) {
        Ok(Ok(Some(text))) => {
            let _ = writeln!(std::io::stdout(), "{text}");
        }
        Ok(Err(error)) if std::io::stdin().is_terminal() => crate::output::note(&error),
        _ => {}
    }
    ExitCode::SUCCESS
}

fn answer(home: Option<&Path>, name: &str, event: &str) -> Result<Option<String>, String> {
    let home = Home::resolve(home).map_err(|error| error.to_string())?;
    // Read whatever comes of it: an agent that meets a closed pipe could take that for a fault.
    let input = HookInput::read(std::io::stdin().lock()).map_err(|error| error.to_string());
    let done = (|| {
        let agent = agent(name).ok_or_else(|| format!("`{name}` is no agent that lore knows"))?;
        let event =
            Event::named(event).ok_or_else(|| format!("`{event}` is no event of a hook"))?;
        let input = input?;
        if !home.is_initialised() {
            return Err(format!("there is no node at {}", home.root().display()));
        }
        match event {
            Event::Start => start_node(&home),
            Event::End if agent.transcript.is_some() => leave_to_a_child(&home, agent, &input),
            Event::End => end_session(&home, agent, &input),
            Event::Ended => {
                settle(agent, &input);
                end_session(&home, agent, &input)
            }
            Event::Before | Event::After => hint(&home, agent, event, &input),
        }
    })();
    if let Err(why) = &done {
        log(&home, &format!("{name} {event}: {why}"));
    }
    done
}

fn hint(
    home: &Home,
    agent: &Agent,
    event: Event,
    input: &HookInput,
) -> Result<Option<String>, String> {
    let files = files(home);
    let found = hook::hint(agent, event, input, &files, hook::unix_seconds());
    let found = found.map_err(|error| error.to_string())?;
    Ok(found.map(|hint| hook::answer(agent, event, input, &hint)))
}

/// Files of the user whose agents are connected.
pub(super) fn files(home: &Home) -> HintFiles {
    HintFiles::new(&home.hints_path(), &user(home), at_rest::hint_key(home))
}

/// The user whose agents are connected: an agent may start hooks without the variables that name the account.
pub(super) fn user(home: &Home) -> String {
    let kept = fs::read_to_string(home.hints_path().join(USER_FILE)).unwrap_or_default();
    let kept = kept.trim();
    if kept.is_empty() { account() } else { kept.to_owned() }
}

/// Notes whose agents are connected.
pub(super) fn keep_user(home: &Home, user: &str) -> Result<(), CliError> {
    let path = home.hints_path().join(USER_FILE);
    crate::home::create_private_dir(&home.hints_path())?;
    fs::write(&path, format!("{user}\n")).map_err(|error| {
        CliError::failed("io", format!("cannot write {}: {error}", path.display()))
    })
}

/// Starts the node of connected agents when it does not run, as after the machine was started.
fn start_node(home: &Home) -> Result<Option<String>, String> {
    let connected = home.hints_path().join(USER_FILE).exists();
    if !connected || home.holder().is_some() {
        return Ok(None);
    }
    own_program(home)?
        .args(["run", "--detach"])
        .spawn()
        .map(|_| None)
        .map_err(|error| error.to_string())
}

/// Has a process of its own read the session: the agent writes it when this hook has ended.
fn leave_to_a_child(
    home: &Home,
    agent: &Agent,
    input: &HookInput,
) -> Result<Option<String>, String> {
    let mut command = own_program(home)?;
    command.args(["hook", &agent.id, Event::Ended.name()]).stdin(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    stdin.write_all(input.to_json().as_bytes()).map(|()| None).map_err(|error| error.to_string())
}

/// This program for a home, in the background and without a word.
fn own_program(home: &Home) -> Result<Command, String> {
    let mut command = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
    command.arg("--home").arg(home.root());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    Ok(command)
}

/// Waits until the session's file is there and quiet.
fn settle(agent: &Agent, input: &HookInput) {
    let begun = Instant::now();
    let is_whole = || {
        let path = transcript(agent, input)?;
        let changed = fs::metadata(path).ok()?.modified().ok()?;
        Some(changed.elapsed().unwrap_or_default() >= QUIET)
    };
    while is_whole() != Some(true) && begun.elapsed() < SETTLING {
        std::thread::sleep(POLL);
    }
}

/// Has the node read the session that ended, when its user's agents are followed.
fn end_session(home: &Home, agent: &Agent, input: &HookInput) -> Result<Option<String>, String> {
    let said = |error: CliError| error.to_string();
    let given = input.exported().map(|session| written(home, session)).transpose();
    let given = given.map_err(|error| error.to_string())?;
    let Some(path) =
        given.as_ref().map(|file| file.path().to_owned()).or_else(|| transcript(agent, input))
    else {
        return Ok(None);
    };
    let user = user(home);
    let ask = SessionWatch { user: user.clone(), set: WatchSetting::Keep };
    let watching = control::ask_daemon(home, ask).map_err(said)?;
    if watching.is_some_and(|watching| watching.on) {
        let ask = SessionImport { user, path, format: None, again: false };
        control::ask_daemon(home, ask).map_err(said)?;
    }
    Ok(None)
}

/// A session that an agent gave us whole, as a file that is gone when the node has read it.
fn written(home: &Home, session: &serde_json::Value) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().suffix(".json").tempfile_in(home.hints_path())?;
    serde_json::to_writer(&mut file, session)?;
    file.flush()?;
    Ok(file)
}

/// File of an agent's session, below the directories where that agent keeps them.
fn transcript(agent: &Agent, input: &HookInput) -> Option<PathBuf> {
    let person = std::env::home_dir()?;
    let path = input.transcript().or_else(|| agent.transcript(&person, &input.session))?;
    let path = path.canonicalize().ok()?;
    let places = lore_session::import::places(&person);
    let known = places.iter().filter(|place| place.harness == agent.id);
    let mut directories = known.filter_map(|place| place.directory.canonicalize().ok());
    (path.is_file() && directories.any(|directory| path.starts_with(directory))).then_some(path)
}

/// Adds a line to the log of hooks. It holds no text of a session.
fn log(home: &Home, line: &str) {
    let path = home.hints_path().join("hook.log");
    let full = fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG_BYTES);
    let mut options = OpenOptions::new();
    options.create(true).mode(0o600).append(!full).write(true).truncate(full);
    if let Ok(mut file) = options.open(&path) {
        let line: String = line.chars().filter(|c| !c.is_control()).take(400).collect();
        let _ = file.write_all(format!("{} {line}\n", hook::unix_seconds()).as_bytes());
    }
}
