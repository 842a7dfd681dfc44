//! Events as a person reads them.

use std::io::Write;

use lore_agent::turn::Event;
use serde_json::Value;

/// Longest line about a call or its result, in characters.
const LINE_CHARS: usize = 160;
/// Lines of a result that are shown.
const RESULT_LINES: usize = 6;

/// Writes events as text. What a model or a tool says cannot move the cursor or change the terminal.
pub struct Show<W> {
    out: W,
    /// True when the line has text on it.
    open: bool,
}

impl<W: Write> Show<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, open: false }
    }

    /// Shows one event. A terminal that is gone is no reason to end the work.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::Started { session, model, window_tokens } => {
                self.line(&format!("session {session}, model {model}, {window_tokens} tokens"));
            }
            Event::Sandbox { level } => self.line(&format!("sandbox: {level}")),
            Event::Skills { names, left_out } => {
                if !names.is_empty() {
                    self.line(&format!("skills offered: {}", names.join(", ")));
                }
                if !left_out.is_empty() {
                    let names = left_out.join(", ");
                    self.line(&format!(
                        "skills left out, nobody agreed to what they ask for: {names}"
                    ));
                }
            }
            Event::Text { text } => self.words(text),
            Event::Calling { tool, arguments, .. } => {
                self.line(&format!("> {tool} {}", told(arguments)));
            }
            Event::Called { is_error, exit_code, duration_ms, text, .. } => {
                let state = match (exit_code, is_error) {
                    (Some(code), _) => format!("exit {code}"),
                    (None, true) => "failed".to_owned(),
                    (None, false) => "ok".to_owned(),
                };
                let lines: Vec<&str> = text.lines().collect();
                for line in lines.iter().take(RESULT_LINES) {
                    self.line(&format!("  {}", short(line)));
                }
                let more = lines.len().saturating_sub(RESULT_LINES);
                let more = if more > 0 { format!(", {more} more lines") } else { String::new() };
                self.line(&format!("  ({state}, {duration_ms} ms{more})"));
            }
            Event::Hinted { hint, .. } => self.line(&format!("  hint: {}", short(&hint.text))),
            Event::Refused { reason, .. } => self.line(&format!("  refused: {}", short(reason))),
            Event::Retry { message, wait_ms, .. } => {
                self.line(&format!("! {}; again in {} s", short(message), wait_ms.div_ceil(1000)));
            }
            Event::Compacted { before, after, by_model } => {
                let how = if *by_model { "summarised" } else { "listed" };
                self.line(&format!("* compacted from {before} to {after} tokens ({how})"));
            }
            Event::Control { kind, .. } => self.line(&format!("* told the model: {}", kind.name())),
            Event::Heartbeat { seconds, .. } => {
                self.line(&format!("* still at it after {seconds} s"))
            }
            Event::Ended { .. } => self.end_line(),
            Event::Asking { .. }
            | Event::Reasoning { .. }
            | Event::Answered { .. }
            | Event::Permission { .. } => {}
        }
        let _ = self.out.flush();
    }

    /// Shows a line of our own.
    pub fn line(&mut self, text: &str) {
        self.end_line();
        let _ = writeln!(self.out, "{}", plain(text));
        let _ = self.out.flush();
    }

    fn words(&mut self, text: &str) {
        let text = plain(text);
        self.open = if text.is_empty() { self.open } else { !text.ends_with('\n') };
        let _ = write!(self.out, "{text}");
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.open) {
            let _ = writeln!(self.out);
        }
    }
}

/// Names what a call does, in one line.
fn told(arguments: &Value) -> String {
    let main =
        ["command", "path", "pattern", "url"].iter().find_map(|key| arguments.get(key)?.as_str());
    short(&main.map_or_else(|| arguments.to_string(), str::to_owned))
}

fn short(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LINE_CHARS) {
        Some((at, _)) => format!("{}...", &line[..at]),
        None => line,
    }
}

/// `text` without what a terminal would obey, and without marks that turn the direction of reading.
#[must_use]
pub fn plain(text: &str) -> String {
    let harmful = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().filter(|&c| !harmful(c)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn shown(events: &[Event]) -> String {
        let mut out = Vec::new();
        let mut show = Show::new(&mut out);
        events.iter().for_each(|event| show.event(event));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_stream_and_calls_stand_on_lines_of_their_own() {
        let text = |text: &str| Event::Text { text: text.to_owned() };
        let arguments = json!({"command": "ls\n-l"});
        let calling = Event::Calling { call: "1".into(), tool: "bash".into(), arguments };
        let called = Event::Called {
            call: "1".into(),
            is_error: false,
            exit_code: Some(0),
            duration_ms: 5,
            text: "a\nb".into(),
        };
        let shown = shown(&[text("I "), text("look."), calling, called]);
        assert_eq!(shown, "I look.\n> bash ls -l\n  a\n  b\n  (exit 0, 5 ms)\n");
    }

    #[test]
    fn a_model_cannot_drive_the_terminal() {
        let text = Event::Text { text: "a\u{1b}]0;x\u{7}b\r\u{202e}c\u{9b}2J".to_owned() };
        assert_eq!(shown(&[text]), "a]0;xbc2J");
    }
}
