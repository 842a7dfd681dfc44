//! Repairs of HTTP calls.

use super::candidate::{Candidate, url};
use super::rules::{Look, Situation, patterns};

patterns! {
    LISTENING = r"(?m)127\.0\.0\.1:(\d+)\s*$";
    ROUTE = r"(/[\w./-]*/)<\w+>";
    FETCHED_HEADER =
        r"(?i)missing (?:required )?header:? ([\w-]+)[^\n]*? (?:at|from|under|by) (/[\w./-]+)";
    MISSING_HEADER = r"(?i)missing (?:required )?header:? ([\w-]+)";
    MISSING_FIELD = r"(?i)missing (?:required )?field:? (\w+)";
    BODY = r"-d '([^']*)'";
}

/// A value to learn from the refusal which values there are.
pub(super) const ANY_VALUE: &str = "yes";

/// Nothing listens: what does?
pub(super) fn refused_connection(s: &Situation<'_>, look: &mut Look<'_>) -> Vec<Candidate> {
    let Some((whole, port, path)) = url(s.command) else {
        return Vec::new();
    };
    if !s.output.to_lowercase().contains("connection refused") {
        return Vec::new();
    }
    let ports = LISTENING.all(&look("services"));
    let others = ports.into_iter().filter(|other| *other != port);
    others
        .map(|other| format!("http://127.0.0.1:{other}{path}"))
        .map(|to| Candidate::new(s.command.replace(&whole, &to)))
        .collect()
}

/// A service that names its routes: the last segment of the path is put into each.
pub(super) fn named_routes(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let Some((whole, port, path)) = url(s.command) else {
        return Vec::new();
    };
    let last = path.rsplit('/').next().unwrap_or("");
    let routes = ROUTE.all(s.output).into_iter();
    routes
        .map(|route| format!("http://127.0.0.1:{port}{route}{last}"))
        .map(|to| Candidate::new(s.command.replace(&whole, &to)))
        .collect()
}

/// A header is wanted whose value is given out elsewhere: get it there, by the same program.
pub(super) fn fetched_header(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let (Some(found), Some((_, port, _))) = (FETCHED_HEADER.find(s.output), url(s.command)) else {
        return Vec::new();
    };
    let program = s.command.split_whitespace().next().unwrap_or("");
    let (header, path) = (&found[1], found[2].trim_end_matches('.'));
    let value = format!("$({program} http://127.0.0.1:{port}{path})");
    vec![Candidate::new(format!("{} -H \"{header}: {value}\"", s.command))]
}

/// A header is wanted: send it.
pub(super) fn missing_header(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let named = MISSING_HEADER.find(s.output);
    named
        .map(|found| format!("{} -H '{}: {ANY_VALUE}'", s.command, &found[1]))
        .map(Candidate::new)
        .into_iter()
        .collect()
}

/// A field is wanted: send it.
pub(super) fn missing_field(s: &Situation<'_>, _: &mut Look<'_>) -> Vec<Candidate> {
    let (Some(field), Some(body)) = (MISSING_FIELD.find(s.output), BODY.find(s.command)) else {
        return Vec::new();
    };
    let longer = format!("-d '{}&{}={ANY_VALUE}'", &body[1], &field[1]);
    vec![Candidate::new(s.command.replace(&body[0], &longer))]
}
