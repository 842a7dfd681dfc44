//! `doctor`: what is wrong, and what to do about it.

use lore_agent::sandbox::{Probe, SandboxError};
use serde_json::{Value, json};

use super::Context;
use crate::config::Config;
use crate::error::CliError;
use crate::{control, output};

struct Check {
    what: &'static str,
    result: Result<String, String>,
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
    let status = control::call_blocking(home, "status", json!({}), |_| {});
    match status {
        Ok(Some(status)) => {
            check("daemon", Ok(format!("running as process {}", status["daemon"])));
            let peers = status["network"]["connected"].as_array().map_or(0, Vec::len);
            check("network", Ok(format!("{peers} peers connected")));
            check_federations(&status, &mut check);
        }
        Ok(None) => {
            check("daemon", Ok("not running; start it with `lore run --detach`".into()));
            let opened = home.lock().map_err(CliError::from).and_then(|_lock| {
                crate::host::Node::open(home.clone(), &context.machine)
                    .and_then(|node| node.status())
            });
            match opened {
                Ok(status) => {
                    check("store", Ok("opens, and its chains verify".into()));
                    check_federations(&status, &mut check);
                }
                Err(error) => check("store", Err(error)),
            }
        }
        Err(error) => check("daemon", Err(error)),
    }
    let (sandbox, says) = sandbox();
    check("sandbox", says);
    let failed = checks.iter().filter(|check| check.result.is_err()).count();
    let list: Vec<Value> = checks
        .iter()
        .map(|check| {
            let (ok, says) = match &check.result {
                Ok(says) => (true, says),
                Err(says) => (false, says),
            };
            json!({ "check": check.what, "ok": ok, "says": says })
        })
        .collect();
    let result = json!({ "checks": list, "failed": failed, "sandbox": sandbox });
    output::result(&result, context.json, |_| {
        let lines = checks.iter().map(|check| match &check.result {
            Ok(says) => format!("ok      {}: {says}\n", check.what),
            Err(says) => format!("FAILED  {}: {says}\n", check.what),
        });
        lines.collect()
    })?;
    if failed > 0 {
        return Err(CliError::failed("doctor", format!("{failed} checks failed")));
    }
    Ok(())
}

/// What is enforced for commands of an agent, found by running one; nothing when they are refused here.
fn sandbox() -> (Value, Result<String, CliError>) {
    let found = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(SandboxError::from)
        .and_then(|runtime| runtime.block_on(lore_agent::sandbox::level()));
    match found {
        Ok(Probe { level, set_up }) => {
            let micros = u64::try_from(set_up.as_micros()).unwrap_or(u64::MAX);
            let milliseconds = set_up.as_secs_f64() * 1e3;
            let says = format!("{level}; set up in {milliseconds:.1} ms");
            (json!({ "level": level, "set_up_micros": micros }), Ok(says))
        }
        Err(error) => {
            let failed =
                CliError::failed("sandbox", format!("an agent runs no commands here: {error}"));
            (Value::Null, Err(failed))
        }
    }
}

fn check_federations(
    status: &Value,
    check: &mut impl FnMut(&'static str, Result<String, CliError>),
) {
    for federation in status["federations"].as_array().into_iter().flatten() {
        let name = federation["name"].as_str().unwrap_or_default();
        let problems = federation["problems"].as_array().into_iter().flatten();
        let problems: Vec<&str> = problems.filter_map(Value::as_str).collect();
        let (members, heard) = (&federation["members"], &federation["heard_from"]);
        let half = heard.as_u64().unwrap_or(0) * 2 >= members.as_u64().unwrap_or(0);
        if !problems.is_empty() {
            check("federation", Err(CliError::failed("federation", problems.join("; "))));
        } else if !half {
            let message = format!(
                "{name}: heard from {heard} of {members} members this epoch: this node may be cut off"
            );
            let error = CliError::failed("isolated", message)
                .help("check the network, and that other members are running");
            check("federation", Err(error));
        } else {
            check("federation", Ok(format!("{name}: heard from {heard} of {members} members")));
        }
    }
}
