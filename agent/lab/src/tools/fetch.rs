//! `fetch`: a small HTTP client for services on this machine.

use std::collections::BTreeMap;
use std::io::ErrorKind::{ConnectionRefused, PermissionDenied};
use std::net::{Ipv4Addr, SocketAddr};

use crate::http::{Request, send};
use crate::invocation::Answer;

const USAGE: &str =
    "usage: fetch [-X METHOD] [-H 'NAME: VALUE']... [-d BODY] [-o FILE] http://127.0.0.1:PORT/PATH";
/// Exit status for an HTTP status of 400 or more.
const REFUSED_BY_SERVICE: i32 = 22;
/// Exit status when nothing answers.
const NO_CONNECTION: i32 = 7;

/// Runs it; without a `-d` body the method is GET, with one POST.
pub(super) fn run(args: &[String]) -> Answer {
    if args.iter().any(|arg| arg == "--help") {
        return Answer::ok(USAGE);
    }
    let Some((address, request, out)) = parse(args) else {
        return Answer::fail(2, USAGE);
    };
    let response = match send(address, &request) {
        Ok(response) => response,
        // In the sandbox the kernel forbids every port on which no service of the lab listens.
        Err(error) if [ConnectionRefused, PermissionDenied].contains(&error.kind()) => {
            return Answer::fail(NO_CONNECTION, format!("fetch: {address}: connection refused"));
        }
        Err(error) => return Answer::fail(NO_CONNECTION, format!("fetch: {address}: {error}")),
    };
    if response.status >= 400 {
        let text = format!("fetch: HTTP {}\n{}", response.status, response.body);
        return Answer::fail(REFUSED_BY_SERVICE, text);
    }
    match out {
        None => Answer::ok(response.body),
        Some(path) => match std::fs::write(&path, &response.body) {
            Ok(()) => Answer::ok(""),
            Err(error) => Answer::fail(73, format!("fetch: {path}: {error}")),
        },
    }
}

fn parse(args: &[String]) -> Option<(SocketAddr, Request, Option<String>)> {
    let (mut method, mut body, mut out, mut url) = (None, None, None, None);
    let mut headers = BTreeMap::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-X" => method = Some(args.next()?.clone()),
            "-d" => body = Some(args.next()?.clone()),
            "-o" => out = Some(args.next()?.clone()),
            "-H" => {
                let (name, value) = args.next()?.split_once(':')?;
                headers.insert(name.trim().to_lowercase(), value.trim().to_owned());
            }
            _ if arg.starts_with('-') || url.is_some() => return None,
            _ => url = Some(arg.strip_prefix("http://")?),
        }
    }
    let (host, path) = url.map(|url| url.split_once('/').unwrap_or((url, "")))?;
    let (name, port) = host.split_once(':').unwrap_or((host, "80"));
    if !["127.0.0.1", "localhost"].contains(&name) {
        return None;
    }
    let default = if body.is_some() { "POST" } else { "GET" };
    let request = Request {
        method: method.unwrap_or_else(|| default.to_owned()),
        path: format!("/{path}"),
        headers,
        body: body.unwrap_or_default(),
    };
    Some(((Ipv4Addr::LOCALHOST, port.parse().ok()?).into(), request, out))
}
