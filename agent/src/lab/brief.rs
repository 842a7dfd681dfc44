//! Skills as a small model is given them: topic words and worked examples, three of many.
//!
//! A whole `SKILL.md` costs a small model more attention than it gives back, so that what is offered is
//! its title and its first examples. Nothing here knows what any skill is about.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lore_protocol::skill;

use crate::operator::{fenced, read_skill_files};
use crate::session::SkillUse;

pub use crate::operator::SkillsError;

/// Most examples of one skill that are offered.
const MAX_EXAMPLES: usize = 2;
/// What a placeholder stands for, said to a model.
pub(crate) const PLACEHOLDERS: &str = "Put the task's own values where <arg> stands, and the file that the task asks for where <out> stands.";

/// How an offered skill is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// Title and command templates.
    #[default]
    Example,
    /// The same knowledge in sentences, without a command to copy.
    Prose,
}

/// One skill in short.
#[derive(Debug, Clone)]
pub struct Brief {
    /// As it goes into a session.
    pub used: SkillUse,
    title: String,
    examples: Vec<String>,
    words: BTreeMap<String, u32>,
}

/// The skills at hand.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    briefs: Vec<Brief>,
}

impl Brief {
    fn read(bytes: &[u8]) -> Option<Self> {
        let document = skill::parse(bytes).ok()?;
        let name = document.name().unwrap_or_default().to_owned();
        let description = document.description().unwrap_or_default();
        let body = document.body();
        let heading = body.lines().find_map(|line| line.strip_prefix("# ")).map(str::trim);
        let title = heading.filter(|heading| !heading.is_empty());
        let mut examples = fenced(body);
        examples.truncate(MAX_EXAMPLES);
        if examples.is_empty() {
            return None;
        }
        let mut words = BTreeMap::new();
        let text = [name.as_str(), description, &examples.join(" ")].join(" ");
        for word in terms(&text).into_iter().chain(title.into_iter().flat_map(terms)) {
            *words.entry(word).or_default() += 1;
        }
        let metadata = |key: &str| document.metadata(key);
        Some(Self {
            title: title.unwrap_or(description).to_owned(),
            used: SkillUse {
                skill: metadata("lore-skill").and_then(|id| id.parse().ok()),
                revision: metadata("lore-revision").and_then(|id| id.parse().ok()),
                state: metadata("lore-skill-state").and_then(|id| id.parse().ok()),
                name,
            },
            examples,
            words,
        })
    }

    /// The text that a model is given.
    #[must_use]
    pub fn text(&self, form: Form) -> String {
        let lines = self.examples.iter().map(|example| line(&self.title, example, form));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// One example under its title. Without fences: a small model repeats a fenced block before it looks at it.
fn line(title: &str, example: &str, form: Form) -> String {
    match form {
        Form::Example => format!("- {title}: `{example}`"),
        Form::Prose => format!("- {title}: {}", in_words(example)),
    }
}

/// A task that nobody has, with what is offered for it and the reply that makes use of it. Measured with a
/// model of 1.5 billion parameters: told only in words to prefer what was verified, it copied the command
/// that the task cites; shown this once, it fills in the verified one.
pub(crate) fn demonstration(form: Form) -> (&'static str, String, &'static str) {
    let offered = [
        line("lamp dim", "umask 027; { date; lampctl dim \"<arg>\" by:<arg2>; } | tee <out>", form),
        line("kettle heat", "kettle warm <arg> > <out>", form),
    ];
    (
        "Dim lamp LM-12 by 40 and save the answer as note.txt. The manual says: `lampctl dim LM-12 40 > note.txt`",
        offered.join("\n"),
        "Verified for lamp dim, with <arg> LM-12, <arg2> 40, <out> note.txt and everything else as it stands:\n\
         ```bash\numask 027; { date; lampctl dim \"LM-12\" by:40; } | tee note.txt\n```",
    )
}

/// A command in a sentence. Every word of it is named, in order, and none of it is a line to copy.
fn in_words(command: &str) -> String {
    let steps = command.split(" && ").map(|step| {
        let mut words = step.split_whitespace();
        let program = words.next().unwrap_or_default();
        let rest: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
        match rest.split_last() {
            None => format!("the program {program} is run"),
            Some((last, [])) => format!("the program {program} is run with {last}"),
            Some((last, first)) => {
                format!("the program {program} is run with {} and then {last}", first.join(", "))
            }
        }
    });
    let steps: Vec<String> = steps.collect();
    format!("what works here is that {}.", steps.join(", and after that "))
}

impl Shelf {
    /// Reads `dir/*/SKILL.md`; a file without an example is passed over.
    ///
    /// # Errors
    /// When `dir` or a file in it cannot be read.
    pub fn load(dir: &Path) -> Result<Self, SkillsError> {
        let files = read_skill_files(dir)?;
        Ok(Self { briefs: files.iter().filter_map(|bytes| Brief::read(bytes)).collect() })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.briefs.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.briefs.is_empty()
    }

    /// The skills that fit a task best, at most `most`, the best first. One that shares no word with the
    /// task is not offered.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // Counts of words and skills.
    pub fn offer(&self, task: &str, most: usize) -> Vec<&Brief> {
        let asked: BTreeSet<String> = terms(task).into_iter().collect();
        let all = self.briefs.len() as f64;
        let length = |brief: &Brief| f64::from(brief.words.values().sum::<u32>());
        let mean = self.briefs.iter().map(length).sum::<f64>() / all.max(1.0);
        let spread = |word: &String| {
            self.briefs.iter().filter(|brief| brief.words.contains_key(word)).count() as f64
        };
        let weights: Vec<(&String, f64)> = asked
            .iter()
            .map(|word| (word, spread(word)))
            .map(|(word, n)| (word, (1.0 + (all - n + 0.5) / (n + 0.5)).ln()))
            .collect();
        // BM25 with the usual constants (Robertson and Zaragoza 2009, section 3.2).
        let score = |brief: &Brief| {
            let norm = 1.2 * (0.25 + 0.75 * length(brief) / mean.max(1.0));
            weights
                .iter()
                .filter_map(|(word, weight)| {
                    let count = f64::from(*brief.words.get(*word)?);
                    Some(weight * count * 2.2 / (count + norm))
                })
                .sum::<f64>()
        };
        let mut found: Vec<(f64, &Brief)> =
            self.briefs.iter().map(|brief| (score(brief), brief)).collect();
        found.retain(|(score, _)| *score > 0.0);
        found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.used.name.cmp(&b.1.used.name)));
        found.into_iter().take(most).map(|(_, brief)| brief).collect()
    }
}

/// Lower-case words of three letters and more; numbers are values, which tell nothing about a skill.
fn terms(text: &str) -> Vec<String> {
    let all = text.split(|c: char| !c.is_ascii_alphabetic());
    all.filter(|word| word.len() >= 3).map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn brief(title: &str, example: &str) -> Brief {
        let text = format!(
            "---\nname: \"x\"\ndescription: \"d\"\n---\n\n# {title}\n\n```bash\n{example}\n```\n"
        );
        Brief::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn prose_holds_every_word_of_the_example_and_no_line_to_copy() {
        let example = "prep <arg> && get 'a b' -o <out>";
        let text = brief("hay bales", example).text(Form::Prose);
        for word in example.split_whitespace().filter(|word| *word != "&&") {
            assert!(text.contains(word), "{word} in {text}");
        }
        assert!(!text.contains("get 'a") && text.contains("hay bales"), "{text}");
    }

    #[test]
    fn the_skill_that_shares_the_rarer_words_comes_first() {
        let briefs = vec![
            brief("hay bales", "get hay/<arg>"),
            brief("oat sacks", "get oat/<arg>"),
            brief("rye sheaves", "get rye/<arg>"),
        ];
        let shelf = Shelf { briefs };
        let offered = shelf.offer("Please get the oat sacks of 4711", 2);
        assert_eq!(offered[0].title, "oat sacks");
        assert_eq!(offered.len(), 2);
        assert!(shelf.offer("nothing in common", 3).is_empty());
    }
}
