//! A file that must end in a checksum of itself. The tool says which and how.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use super::{Helper, Quirk, Values, number};
use crate::draw::{Draw, seal};
use crate::invocation::{Answer, Invocation};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Trailer {
    mark: String,
    program: String,
    digits: usize,
    secret: u64,
}

impl Trailer {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        Self {
            mark: format!("{}:", quirk.text("caption")),
            program: quirk.text("digest"),
            digits: quirk.count("length"),
            secret: quirk.secret(),
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

    /// The text above the trailer, when there is a sound one.
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

impl Helper for Trailer {
    fn draw(&self, values: &mut Values, draw: &mut Draw) {
        let content = (0..number(values, "sheets"))
            .map(|n| format!("{n} sheet {}\n", draw.below(10_000)))
            .collect();
        values.insert("content".to_owned(), content);
    }

    fn files(&self, values: &Values, _draw: &mut Draw) -> BTreeMap<String, String> {
        BTreeMap::from([(values["file"].clone(), values["content"].clone())])
    }

    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["content"])
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
