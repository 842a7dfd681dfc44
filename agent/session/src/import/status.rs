//! Statuses and refusals that harnesses write into the text of a result, each in its form.
//!
//! Importers take the words of the harness off, so that the same work gives the same call in every harness.
//! A form is exact: a text that merely looks like one is left alone.

use crate::Refusal;

/// Texts that stand for an output without a byte.
const NOTHING: [&str; 6] = [
    "(Bash completed with no output)",
    "(no output)",
    "(empty)",
    "Tool ran without output or errors",
    "Your command ran successfully and did not produce any output.",
    "<no output>",
];

/// Beginnings of answers to calls that a person or a policy refused.
const DENIED: [&str; 18] = [
    "The user doesn't want to",
    "The user does not want to",
    "The user rejected",
    "The user has denied",
    "The user denied",
    "User rejected",
    "User denied",
    "Tool use was rejected",
    "Permission to use",
    "Permission for this",
    "Claude requested permissions to",
    "This command requires approval",
    "exec command rejected by user",
    "rejected by user",
    "command rejected by",
    "Tool execution denied",
    "Error: Tool execution denied",
    "The agent denied",
];

/// Beginnings of answers to calls that did not come to their end.
const CANCELLED: [&str; 12] = [
    "[Request interrupted by user",
    "Request interrupted by user",
    "Interrupted by user",
    "Cancelled: parallel tool call",
    "<tool_use_error>Cancelled",
    "<tool_use_error>Sibling tool call",
    "Sibling tool call errored",
    "Operation cancelled by user",
    "[Operation Cancelled]",
    "User cancelled",
    "Command was cancelled",
    "aborted by user",
];

/// Result of a call as its text says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Output without the words of the harness.
    pub output: String,
    /// Exit status that they give.
    pub exit: Option<i32>,
}

/// Form in which a harness writes a status into the text of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusForm {
    /// None: the text is the output.
    Plain,
    /// As the first line.
    FirstLine,
    /// In angle brackets, as the last line.
    AngleLine,
    /// As the last line.
    LastLine,
    /// As one of several fields, a line each.
    Fields,
}

impl StatusForm {
    /// Reads the text of a result.
    #[must_use]
    pub fn read(self, text: &str) -> Said {
        match self {
            Self::Plain => plain(text),
            Self::FirstLine => first_line(text),
            Self::AngleLine => angle_line(text),
            Self::LastLine => last_line(text),
            Self::Fields => fields(text),
        }
    }
}

impl Said {
    fn of(output: &str, exit: Option<i32>) -> Self {
        let output = output.trim_end();
        let output = if NOTHING.contains(&output.trim()) { "" } else { output };
        Self { output: output.to_owned(), exit }
    }
}

/// An output without words of a harness.
pub(super) fn plain(text: &str) -> Said {
    Said::of(text, None)
}

/// `Exit code 2` as the first line (Claude Code).
pub(super) fn first_line(text: &str) -> Said {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    match line.strip_prefix("Exit code ").and_then(|code| code.trim().parse().ok()) {
        Some(exit) => Said::of(rest, Some(exit)),
        None => plain(text),
    }
}

/// Lines of a head that ends with `Output:`, one of which gives the status (Codex); or the JSON of older
/// versions, `{"output": ..., "metadata": {"exit_code": ...}}`.
pub(super) fn head(text: &str) -> Said {
    if text.starts_with('{')
        && let Ok(value) = serde_json::from_str::<serde_json::Value>(text)
        && let Some(output) = value.get("output").and_then(serde_json::Value::as_str)
    {
        let exit = value.pointer("/metadata/exit_code").and_then(serde_json::Value::as_i64);
        return Said::of(output, exit.and_then(|exit| i32::try_from(exit).ok()));
    }
    const WORDS: [&str; 2] = ["Process exited with code ", "Exit code: "];
    let mut exit = None;
    let mut rest = text;
    for _ in 0..8 {
        let Some((line, after)) = rest.split_once('\n') else {
            if rest.trim_end() == "Output:" && exit.is_some() {
                return Said::of("", exit);
            }
            break;
        };
        rest = after;
        // A shell that the user ended has no `Output:`.
        if line.starts_with("Wall time: ") && rest.trim_end() == "aborted by user" {
            return Said::of(rest, exit);
        }
        let named = WORDS.iter().find_map(|word| line.strip_prefix(word));
        exit = exit.or_else(|| named.and_then(|code| code.trim().parse().ok()));
        if line.trim_end() == "Output:" {
            // A command that still runs has no status: what it wrote so far is its output.
            let known =
                exit.is_some() || text.starts_with("Chunk ID:") || text.starts_with("Wall time:");
            return if known { Said::of(rest, exit) } else { plain(text) };
        }
    }
    plain(text)
}

/// `<shellId: 0 completed with exit code 2>` or `<exited with exit code 2>` as the last line (Copilot).
pub(super) fn angle_line(text: &str) -> Said {
    let trimmed = text.trim_end();
    let (before, line) = trimmed.rsplit_once('\n').unwrap_or(("", trimmed));
    let inner = line.strip_prefix('<').and_then(|line| line.strip_suffix('>'));
    let code = inner.and_then(|inner| inner.rsplit_once("with exit code "));
    let known = code.filter(|(start, _)| start.starts_with("shellId: ") || *start == "exited ");
    match known.and_then(|(_, code)| code.trim().parse().ok()) {
        Some(exit) => Said::of(before, Some(exit)),
        None => plain(text),
    }
}

/// `Command exited with code 2` as the last line (Pi), or in brackets (OpenHands).
pub(super) fn last_line(text: &str) -> Said {
    const WORDS: [&str; 4] = [
        "Command exited with code ",
        "[Command finished with exit code ",
        "[The command completed with exit code ",
        "[Exit code: ",
    ];
    let trimmed = text.trim_end();
    let (before, line) = trimmed.rsplit_once('\n').unwrap_or(("", trimmed));
    let code = WORDS.iter().find_map(|word| line.strip_prefix(word));
    match code.and_then(|code| code.trim_end_matches(['.', ']']).trim().parse().ok()) {
        Some(exit) => Said::of(before, Some(exit)),
        None => plain(text),
    }
}

/// `<returncode>1</returncode>` and `<output>`, or JSON with `returncode` and `output` (mini-swe-agent).
pub(super) fn return_code(text: &str) -> Said {
    let start = text.trim_start();
    if start.starts_with('{') {
        let value: serde_json::Value = match serde_json::from_str(start) {
            Ok(value) => value,
            Err(_) => return plain(text),
        };
        let field = |name: &str| value.get(name).and_then(serde_json::Value::as_str);
        let code = value.get("returncode").and_then(serde_json::Value::as_i64);
        let Some(exit) = code.and_then(|code| i32::try_from(code).ok()) else {
            return plain(text);
        };
        let output = match (field("output"), field("output_head"), field("output_tail")) {
            (Some(output), ..) => output.to_owned(),
            (None, Some(head), Some(tail)) => format!("{head}\n{tail}"),
            _ => field("exception_info").unwrap_or_default().to_owned(),
        };
        return Said::of(&output, Some(exit));
    }
    let (exception, start) =
        match start.strip_prefix("<exception>").and_then(|r| r.split_once("</exception>")) {
            Some((exception, rest)) => (exception, rest.trim_start()),
            None => ("", start),
        };
    let code = start.strip_prefix("<returncode>").and_then(|rest| rest.split_once("</returncode>"));
    let Some((exit, rest)) = code.and_then(|(code, rest)| Some((code.trim().parse().ok()?, rest)))
    else {
        return plain(text);
    };
    let between = |open: &str, close: &str| {
        let (_, inner) = rest.split_once(open)?;
        Some(inner.rsplit_once(close).map_or(inner, |(inner, _)| inner).trim_start_matches('\n'))
    };
    let whole = between("<output>", "</output>").map(str::to_owned);
    let parts = || {
        let (head, tail) = (
            between("<output_head>", "</output_head>")?,
            between("<output_tail>", "</output_tail>")?,
        );
        Some(format!("{head}\n{tail}"))
    };
    let output = whole.or_else(parts).unwrap_or_else(|| rest.trim().to_owned());
    let output = if output.trim().is_empty() { exception.to_owned() } else { output };
    Said::of(&output, Some(exit))
}

/// `Output:`, `Error:` and `Exit Code:` as fields, one a line (Gemini). A call without a code ended well.
pub(super) fn fields(text: &str) -> Said {
    let inner = text.trim();
    let inner = inner.strip_prefix("<untrusted_context>").unwrap_or(inner);
    let inner = inner.strip_suffix("</untrusted_context>").unwrap_or(inner).trim();
    const AFTER: [&str; 8] = [
        "Error: ",
        "Exit Code: ",
        "Signal: ",
        "Background PIDs: ",
        "Process Group PGID: ",
        "Stdout: ",
        "Stderr: ",
        "Output: ",
    ];
    let known = |line: &str| AFTER.iter().any(|name| line.starts_with(name));
    let begins = inner.starts_with("Output: ") || inner.starts_with("Command: ");
    if !begins || !inner.contains("\nProcess Group PGID: ") && !inner.contains("\nExit Code: ") {
        return plain(inner);
    }
    let mut output = String::new();
    let (mut exit, mut taking) = (None, false);
    for line in inner.lines() {
        let begun = ["Output: ", "Stdout: ", "Stderr: ", "Error: "];
        if let Some(rest) = begun.iter().find_map(|name| line.strip_prefix(name)) {
            taking = true;
            if !matches!(rest, "(empty)" | "(none)") {
                push_line(&mut output, rest);
            }
        } else if let Some(code) = line.strip_prefix("Exit Code: ") {
            taking = false;
            exit = code.trim().parse().ok().or(exit);
        } else if known(line) {
            taking = false;
        } else if taking {
            push_line(&mut output, line);
        }
    }
    Said::of(&output, Some(exit.unwrap_or(0)))
}

fn push_line(to: &mut String, line: &str) {
    if !to.is_empty() {
        to.push('\n');
    }
    to.push_str(line);
}

/// Any of the forms, for sources that do not say which harness it was.
pub(super) fn any(text: &str) -> Said {
    let forms = [return_code, first_line, head, angle_line, last_line];
    forms
        .iter()
        .map(|form| form(text))
        .find(|said| said.exit.is_some())
        .unwrap_or_else(|| plain(text))
}

/// Reason for which a call did not run or did not end, by its answer.
#[must_use]
pub fn refusal(text: &str) -> Option<Refusal> {
    let start = text.trim_start();
    if DENIED.iter().any(|mark| start.starts_with(mark)) {
        return Some(Refusal::Denied);
    }
    if CANCELLED.iter().any(|mark| start.starts_with(mark)) {
        return Some(Refusal::Cancelled);
    }
    // `ls in '/srv' was blocked. For security, Claude Code may only ...`
    let line = start.lines().next().unwrap_or_default();
    let blocked = line.contains(" was blocked. For security, Claude Code may only ");
    let policy = line.contains(" denied by policy");
    (blocked || policy).then_some(Refusal::Denied)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader of one form, with a text in it.
    type Form = (fn(&str) -> Said, &'static str);

    #[test]
    fn every_harness_says_a_status_in_its_form() {
        let forms: [Form; 11] = [
            (first_line, "Exit code 2\nno pears"),
            (
                head,
                "Chunk ID: a1\nWall time: 0.1 seconds\nProcess exited with code 2\nOriginal token count: 3\nOutput:\nno pears\n",
            ),
            (head, "Exit code: 2\nWall time: 0.1 seconds\nOutput:\nno pears"),
            (head, r#"{"output":"no pears\n","metadata":{"exit_code":2,"duration_seconds":0.1}}"#),
            (angle_line, "no pears\n<shellId: 0 completed with exit code 2>"),
            (angle_line, "no pears\n<exited with exit code 2>"),
            (last_line, "no pears\n\n\nCommand exited with code 2"),
            (return_code, "<returncode>2</returncode>\n<output>\nno pears\n</output>"),
            (return_code, r#"{"returncode": 2, "output": "no pears\n"}"#),
            (
                fields,
                "<untrusted_context>\nOutput: no pears\nExit Code: 2\nProcess Group PGID: 7\n</untrusted_context>",
            ),
            (
                fields,
                "Command: x\nDirectory: (root)\nOutput: (empty)\nError: no pears\nExit Code: 2\nSignal: (none)",
            ),
        ];
        for (form, text) in forms {
            assert_eq!(form(text), Said { output: "no pears".into(), exit: Some(2) }, "{text}");
        }
    }

    #[test]
    fn words_within_an_output_are_no_status() {
        for text in [
            "the log says Exit code 2",
            "a\nProcess exited with code 2\nb",
            "Output: x",
            "{\"a\":1}",
        ] {
            for form in [first_line, head, angle_line, last_line, return_code, fields, any] {
                assert_eq!(form(text).exit, None, "{text}");
            }
        }
    }

    #[test]
    fn refusals_are_told_from_failures() {
        let blocked =
            "ls in '/srv' was blocked. For security, Claude Code may only list files in ...";
        let denied = ["The user doesn't want to proceed", "exec command rejected by user", blocked];
        assert!(denied.iter().all(|text| refusal(text) == Some(Refusal::Denied)));
        assert_eq!(refusal("[Request interrupted by user for tool use]"), Some(Refusal::Cancelled));
        assert_eq!(refusal("ls: permission denied"), None);
    }
}
