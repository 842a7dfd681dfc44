//! Skills that a session opened.

use std::collections::BTreeSet;

use lore_lessons::beginning;
use lore_protocol::skill;
use lore_protocol::steps::Steps;

use crate::{SkillUse, ToolCall, Turn};

/// The skills whose `SKILL.md` was read by some call, each once, in order. A call that failed or was
/// not answered read nothing.
pub(super) fn read_in(turns: &[Turn], steps: &Steps) -> Vec<SkillUse> {
    let mut found: Vec<SkillUse> = Vec::new();
    let mut seen = BTreeSet::new();
    for call in turns.iter().flat_map(|turn| &turn.calls) {
        let (Some(name), Some(result), false) = (opened(call, steps), &call.result, call.failed)
        else {
            continue;
        };
        steps.take(1 + result.len().min(MAX_TEXT_BYTES));
        let used = with_metadata(name, result);
        if seen.insert((used.name.clone(), used.skill, used.revision, used.state)) {
            found.push(used);
        }
    }
    found
}

/// The skill that a call asks for: Claude Code's Skill tool, or a path `.../NAME/SKILL.md` in the
/// arguments of any tool.
fn opened(call: &ToolCall, steps: &Steps) -> Option<String> {
    if call.tool == "Skill" {
        let named =
            ["skill", "command", "name"].iter().find_map(|key| call.arguments.get(key)?.as_str());
        return named.map(str::to_owned);
    }
    let texts: Vec<String> = match call.command() {
        Some(line) => vec![line],
        None => call
            .arguments
            .as_object()?
            .values()
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect(),
    };
    texts.iter().find_map(|text| {
        steps.take(1 + text.len());
        let word = text
            .split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '|' | '&'))
            .find(|word| word.ends_with("/SKILL.md") || word.ends_with("\\SKILL.md"))?;
        let directory = word.rsplit(['/', '\\']).nth(1)?;
        (!directory.is_empty() && directory != "." && directory != "..")
            .then(|| directory.to_owned())
    })
}

/// Bytes of a text that are looked at for ids: frontmatter is shorter, with numbers before its lines.
const MAX_TEXT_BYTES: usize = 256 << 10;

/// The ids that an exported skill carries, when the text that came back has them.
fn with_metadata(name: String, text: &str) -> SkillUse {
    let text = beginning(text, MAX_TEXT_BYTES);
    let plain: Vec<&str> = text.lines().map(without_number).collect();
    let start = plain.iter().position(|line| line.trim_end() == "---").unwrap_or(0);
    let document = skill::parse(plain[start..].join("\n").as_bytes()).ok();
    let metadata = |key: &str| document.as_ref()?.metadata(key);
    SkillUse {
        skill: metadata("lore-skill").and_then(|id| id.parse().ok()),
        revision: metadata("lore-revision").and_then(|id| id.parse().ok()),
        state: metadata("lore-skill-state").and_then(|id| id.parse().ok()),
        lessons: BTreeSet::new(),
        name,
    }
}

/// A line without the number that read tools put before it (`   12→` or `12` and a tab).
fn without_number(line: &str) -> &str {
    let rest = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == line.trim_start().len() {
        return line;
    }
    rest.strip_prefix('→').or_else(|| rest.strip_prefix('\t')).unwrap_or(line)
}
