//! Skills as a small model is given them: topic words and worked examples, three of many.
//!
//! A whole `SKILL.md` costs a small model more attention than it gives back, so that what is offered is
//! its title and its first examples. Nothing here knows what any skill is about.

use std::collections::BTreeMap;
use std::path::Path;

use crate::explorer::{fenced, read_skill_files};
use lore_agent::select::{Index, Offer, SkillText};
use lore_session::SkillUse;

pub use crate::explorer::SkillsError;

/// Most examples of one skill that are offered.
const MAX_EXAMPLES: usize = 2;
/// The rule for placeholders, as told to a model.
pub(crate) const PLACEHOLDERS: &str = "Put the task's own values where <arg> stands, and the file that the task asks for where <out> stands.";

/// The form in which an offered skill is written.
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
}

/// The skills at hand.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    index: Index,
    /// By name.
    briefs: BTreeMap<String, Brief>,
}

impl Brief {
    /// None for a skill without an example.
    fn of(skill: &SkillText) -> Option<Self> {
        let heading = skill.body.lines().find_map(|line| line.strip_prefix("# ")).map(str::trim);
        let title = heading.filter(|heading| !heading.is_empty());
        let mut examples = fenced(&skill.body);
        examples.truncate(MAX_EXAMPLES);
        (!examples.is_empty()).then(|| Self {
            used: skill.used.clone(),
            title: title.unwrap_or(&skill.description).to_owned(),
            examples,
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
        Ok(Self::of(files.iter().filter_map(|bytes| SkillText::parse(bytes).ok())))
    }

    fn of(skills: impl Iterator<Item = SkillText>) -> Self {
        let known = skills.filter_map(|skill| Some((Brief::of(&skill)?, skill)));
        let (briefs, skills): (Vec<Brief>, Vec<SkillText>) = known.unzip();
        let names = skills.iter().map(|skill| skill.name.clone());
        let briefs = names.zip(briefs).collect();
        Self { index: Index::new(skills), briefs }
    }

    /// The number of skills.
    #[must_use]
    pub fn len(&self) -> usize {
        self.briefs.len()
    }

    /// Returns true when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.briefs.is_empty()
    }

    /// The skills that fit a task best, at most `most`, the best first; none when nothing fits.
    #[must_use]
    pub fn offer(&self, task: &str, most: usize) -> Vec<&Brief> {
        // What is shown of a skill here is short: their number is what is bounded.
        let hits = self.index.search(task, Offer { skills: most, tokens: u64::MAX });
        hits.iter().filter_map(|hit| self.briefs.get(&hit.name)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn skill(title: &str, example: &str) -> SkillText {
        let name = title.replace(' ', "-");
        let text = format!(
            "---\nname: \"{name}\"\ndescription: \"d\"\n---\n\n# {title}\n\n```bash\n{example}\n```\n"
        );
        SkillText::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn prose_holds_every_word_of_the_example_and_no_line_to_copy() {
        let example = "prep <arg> && get 'a b' -o <out>";
        let text = Brief::of(&skill("hay bales", example)).unwrap().text(Form::Prose);
        for word in example.split_whitespace().filter(|word| *word != "&&") {
            assert!(text.contains(word), "{word} in {text}");
        }
        assert!(!text.contains("get 'a") && text.contains("hay bales"), "{text}");
    }

    #[test]
    fn the_skill_that_shares_the_rarer_words_comes_first() {
        let skills = [
            skill("hay bales", "get hay/<arg>"),
            skill("oat sacks", "get oat/<arg>"),
            skill("rye sheaves", "get rye/<arg>"),
        ];
        let shelf = Shelf::of(skills.into_iter());
        let titles = |task: &str, most| -> Vec<String> {
            shelf.offer(task, most).into_iter().map(|brief| brief.title.clone()).collect()
        };
        let task = "Please get the oat sacks of 4711";
        assert_eq!(titles(task, 3), ["oat sacks"], "`get` alone is in all of them");
        let task = "Please get the oat sacks beside the oat hall, then the rye";
        assert_eq!(titles(task, 2), ["oat sacks", "rye sheaves"]);
        assert_eq!(titles(task, 1), ["oat sacks"]);
        assert!(shelf.offer("nothing in common", 3).is_empty());
    }
}
