//! A file that must end in a checksum of itself. The tool says which and how.

use std::io::Write;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, out_file};
use crate::tools::{Answer, Invocation};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please send the spool {file} to the press and put the receipt into {out}.",
    "The spool {file} is ready: send it, with the receipt in {out}.",
    "Can you send {file}, the spool of today? The receipt goes to {out}.",
    "Send spool {file}; I want the receipt in {out}.",
    "Our spool, {file}, must be sent to the press. Save the receipt as {out}.",
];

/// Digest programs of the coreutils.
const PROGRAMS: [&str; 5] = ["b2sum", "md5sum", "sha1sum", "sha256sum", "sha512sum"];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trailer {
    mark: String,
    program: String,
    digits: usize,
    secret: u64,
}

impl Trailer {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        Self {
            mark: format!("{}:", draw.pick(&CODE_WORDS)),
            program: (*draw.pick(&PROGRAMS)).to_owned(),
            digits: usize::try_from(draw.between(6, 16)).unwrap_or(6),
            secret: draw.below(u64::MAX),
        }
    }

    /// The checksum of `text`, by the same program that a user would call.
    fn digest(&self, text: &str) -> std::io::Result<String> {
        let mut child =
            Command::new(&self.program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(text.as_bytes())?;
        }
        let output = child.wait_with_output()?.stdout;
        Ok(String::from_utf8_lossy(&output).chars().take(self.digits).collect())
    }

    /// What stands above the trailer, when there is a sound one.
    fn content<'t>(&self, text: &'t str) -> std::io::Result<Option<&'t str>> {
        let lines = text.strip_suffix('\n').unwrap_or(text);
        let cut = lines.rfind('\n').map_or(0, |at| at + 1);
        let (content, last) = (&text[..cut], &lines[cut..]);
        let Some(given) = last.strip_prefix(&self.mark) else {
            return Ok(None);
        };
        Ok((given == self.digest(content)?).then_some(content))
    }

    /// A trailer of another kind is no content: who once added a wrong one can still add the right one.
    fn answer(&self, content: &str) -> String {
        let sheets: Vec<&str> = content.lines().filter(|line| !line.contains(':')).collect();
        format!("receipt {}\n", seal(self.secret, &sheets))
    }
}

impl Family for Trailer {
    fn task(&self, draw: &mut Draw) -> Task {
        let file = format!("spool-{}.txt", draw.between(100, 999));
        let out = out_file(draw);
        let content: String = (0..draw.between(3, 9))
            .map(|n| format!("{n} sheet {}\n", draw.below(10_000)))
            .collect();
        let documented = format!("pressctl send {file} -o {out}");
        let fields = [("file", file.as_str()), ("out", &out)];
        Task::new(draw, &WORDINGS, &fields, &documented, (out.clone(), self.answer(&content)))
            .with_file(&file, content)
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "pressctl" {
            return None;
        }
        let [verb, file] = call.positional.as_slice() else {
            return Some(Answer::fail(2, "usage: pressctl send FILE -o FILE"));
        };
        let text = std::fs::read_to_string(file).unwrap_or_default();
        Some(match self.content(&text) {
            Ok(Some(content)) if verb == "send" => call.write(&self.answer(content)),
            Ok(_) => Answer::fail(
                6,
                format!(
                    "{file}: refused, its last line must be '{}' and the first {} hex digits of the \
                     {} of all lines before",
                    self.mark, self.digits, self.program
                ),
            ),
            Err(error) => Answer::fail(8, format!("pressctl: {}: {error}", self.program)),
        })
    }
}
