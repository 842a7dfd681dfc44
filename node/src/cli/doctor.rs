//! `doctor`: what is wrong, and what to do about it.

use lore_control::{FederationStatus, Reach, Reachable, Status};
use lore_sandbox::{Level, Probe, SandboxError};
use serde::Serialize;

use super::Context;
use super::doctor_agents::check_agents;
use crate::config::Config;
use crate::error::CliError;
use crate::home::Home;
use crate::modes::{Exposed, exposed};
use crate::{control, output};

struct Check {
    what: &'static str,
    result: Result<String, String>,
}

/// Output of `--json`.
#[derive(Serialize)]
struct Report {
    checks: Vec<Found>,
    failed: usize,
    /// Null when commands of an agent are refused here.
    sandbox: Option<Enforced>,
}

#[derive(Serialize)]
struct Found {
    check: &'static str,
    ok: bool,
    says: String,
}

#[derive(Serialize)]
struct Enforced {
    level: Level,
    set_up_micros: u64,
}

impl From<Check> for Found {
    fn from(check: Check) -> Self {
        let ok = check.result.is_ok();
        let (Ok(says) | Err(says)) = check.result;
        Self { check: check.what, ok, says }
    }
}

pub(super) fn doctor(context: &Context) -> Result<(), CliError> {
    let mut checks = Vec::new();
    let home = &context.home;
    let mut check = |what, result: Result<String, CliError>| {
        checks.push(Check { what, result: result.map_err(|error| error.to_string()) });
    };
    check("key", home.load_key().map(|_| "readable by its owner only".into()).map_err(Into::into));
    let config = Config::load(&home.config_path());
    check(
        "configuration",
        config.map(|_| home.config_path().display().to_string()).map_err(Into::into),
    );
    check("home", private(home));
    let key = crate::at_rest::place(home).map(|place| match place {
        Some(place) => format!("encrypted; the key is {place}"),
        None => "none yet; the key is made when the node is opened first".into(),
    });
    check("private records", key);
    let status = control::ask_daemon(home, Status {});
    match status {
        Ok(Some(status)) => {
            let pid = status.daemon.unwrap_or_default();
            check("daemon", Ok(format!("running as process {pid}")));
            let peers = status.network.as_ref().map_or(0, |network| network.connected.len());
            if let Some(network) = &status.network {
                check("network", Ok(super::peers::ways(network)));
                check("reach", reach(&network.reach));
            }
            check_federations(&status.federations, Some(peers), &mut check);
        }
        Ok(None) => {
            check("daemon", Ok("not running; start it with `lore run --detach`".into()));
            match context.ask(Status {}) {
                Ok(status) => {
                    check("store", Ok("opens, and its chains verify".into()));
                    check_federations(&status.federations, None, &mut check);
                }
                Err(error) => check("store", Err(error)),
            }
        }
        Err(error) => check("daemon", Err(error)),
    }
    let (sandbox, says) = sandbox();
    check("sandbox", says);
    match check_agents(context, &[]) {
        Ok(agents) => checks.extend(agents.into_iter().map(|agent| Check {
            what: agent.title,
            result: if agent.ok { Ok(agent.says) } else { Err(agent.says) },
        })),
        Err(error) => checks.push(Check { what: "agents", result: Err(error.to_string()) }),
    }
    let failed = checks.iter().filter(|check| check.result.is_err()).count();
    let checks = checks.into_iter().map(Found::from).collect();
    let fault = (failed > 0).then(|| CliError::failed("doctor", format!("{failed} checks failed")));
    let text = |report: &Report| {
        let lines = report.checks.iter().map(|found| {
            let word = if found.ok { "ok      " } else { "FAILED  " };
            format!("{word}{}: {}\n", found.check, found.says)
        });
        lines.collect()
    };
    output::result_with(&Report { checks, failed, sandbox }, context.json, text, fault)
}

/// How others reach this node. Only a node whose relays fail it has a fault: listening on one machine is a choice.
fn reach(reach: &Reach) -> Result<String, CliError> {
    let says = match &reach.advice {
        Some(advice) => format!("{}. {advice}", reach.says),
        None => reach.says.clone(),
    };
    if reach.state == Reachable::Unreachable {
        let error = CliError::failed("unreachable", &reach.says);
        return Err(match &reach.advice {
            Some(advice) => error.help(advice),
            None => error,
        });
    }
    Ok(says)
}

/// Looks whether other accounts can put something into the home.
fn private(home: &Home) -> Result<String, CliError> {
    let parts = [home.key_path(), home.data_key_path(), home.config_path(), home.store_path()];
    for path in parts.iter().filter(|path| path.exists()) {
        let found = exposed(path).map_err(|error| CliError::failed("home", error))?;
        if let Some(Exposed { path, mode, owner }) = found {
            let message = format!(
                "{} can be changed by others (mode {mode:o}, owner {owner})",
                path.display()
            );
            return Err(CliError::failed("home_exposed", message)
                .help("make it yours, and run `chmod go-w` on it"));
        }
    }
    Ok("only its owner can change what is in it".into())
}

/// Enforcement for commands of an agent, found by running one; nothing when they are refused here.
fn sandbox() -> (Option<Enforced>, Result<String, CliError>) {
    let found = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(SandboxError::from)
        .and_then(|runtime| runtime.block_on(lore_sandbox::level()));
    match found {
        Ok(Probe { level, set_up }) => {
            let micros = u64::try_from(set_up.as_micros()).unwrap_or(u64::MAX);
            let milliseconds = set_up.as_secs_f64() * 1e3;
            let says = format!("{level}; set up in {milliseconds:.1} ms");
            (Some(Enforced { level, set_up_micros: micros }), Ok(says))
        }
        Err(error) => {
            let failed =
                CliError::failed("sandbox", format!("an agent runs no commands here: {error}"));
            (None, Err(failed))
        }
    }
}

/// Checks federations; `peers` are connected, or the node does not run. Others who are quiet are no fault.
fn check_federations(
    federations: &[FederationStatus],
    peers: Option<usize>,
    check: &mut impl FnMut(&'static str, Result<String, CliError>),
) {
    for one in federations {
        let FederationStatus { name, members, heard_from, problems, .. } = one;
        if !problems.is_empty() {
            check("federation", Err(CliError::failed("federation", problems.join("; "))));
        } else if peers == Some(0) && heard_from * 2 < *members {
            let message = format!(
                "{name}: heard from {heard_from} of {members} members this epoch: this node may be cut off"
            );
            let error = CliError::failed("isolated", message)
                .help("check the network, and that other members are running");
            check("federation", Err(error));
        } else {
            check(
                "federation",
                Ok(format!("{name}: heard from {heard_from} of {members} members")),
            );
        }
    }
}
