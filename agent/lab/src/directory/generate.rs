//! Generators of a task's values and of a quirk's words.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::spec::is_plain;
use crate::draw::Draw;
use crate::wording::{identifier, out_file};
use crate::words::CODE_WORDS;

/// A kind of value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Generator {
    /// A word that no prompt of the lab uses, such as `basalt`. The words of one family differ.
    Word {},
    /// Several such words in one value.
    Words {
        /// The number of them.
        count: usize,
        /// The text between them; a blank if it is left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        join: Option<String>,
    },
    /// A number of 64 bits that nobody can guess.
    Secret {},
    /// An identifier such as `KM-4711`.
    Identifier {},
    /// A whole number from `from` to `to`, both included.
    Integer {
        /// The smallest.
        from: u64,
        /// The largest.
        to: u64,
    },
    /// A day, `2024-05-31`.
    Date {
        /// The first year.
        #[serde(default = "first_year")]
        from_year: u16,
        /// The last year.
        #[serde(default = "last_year")]
        to_year: u16,
    },
    /// One of these.
    Choice {
        /// The choices.
        of: Vec<String>,
    },
    /// All of these in random order, with blanks between them.
    Shuffle {
        /// The choices.
        of: Vec<String>,
    },
    /// A name of a file. Without a stem it is one that people give to results.
    FileName {
        /// The beginning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stem: Option<String>,
        /// The text after the dot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        extension: Option<String>,
    },
}

const fn first_year() -> u16 {
    2020
}

const fn last_year() -> u16 {
    2025
}

/// The largest number: shells count with 64 bits and a sign.
const MAX_INTEGER: u64 = 1_000_000_000_000_000;

/// Words that one family may draw at most: fewer than there are, so that they can differ.
pub(super) const MAX_WORDS: usize = CODE_WORDS.len() / 2;

impl Generator {
    /// The fault that keeps it from generating.
    pub(super) fn fault(&self) -> Option<String> {
        match self {
            Self::Word {} | Self::Secret {} | Self::Identifier {} => None,
            Self::Words { count, join } => {
                let join = join.as_ref().filter(|text| !is_plain(text));
                (*count == 0).then(|| "`count` is 0".to_owned()).or_else(|| {
                    join.map(|text| format!("`join` is {text:?}: one to 256 plain characters"))
                })
            }
            Self::Integer { to, .. } if *to > MAX_INTEGER => {
                Some(format!("`to` is above {MAX_INTEGER}"))
            }
            Self::Integer { from, to } => {
                (from > to).then(|| format!("`from` {from} is above `to` {to}"))
            }
            Self::Date { from_year, to_year } => {
                let years = 1000..=9999;
                let sound =
                    from_year <= to_year && years.contains(from_year) && years.contains(to_year);
                (!sound)
                    .then(|| "`from_year` and `to_year` are years of four digits, in order".into())
            }
            Self::Choice { of } | Self::Shuffle { of } if of.is_empty() => {
                Some("`of` lists nothing to choose from".into())
            }
            Self::Choice { of } | Self::Shuffle { of } => {
                of.iter().find(|text| !is_plain(text)).map(|text| {
                    format!("`of` has {text:?}: no control characters, no backticks, not empty")
                })
            }
            Self::FileName { stem, extension } => {
                let name = |text: &String| {
                    let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
                    !text.is_empty() && text.len() <= 32 && text.bytes().all(inside)
                };
                let bad = [stem, extension].into_iter().flatten().find(|text| !name(text));
                bad.map(|text| format!("{text:?} has other than letters, digits, `_` and `-`"))
            }
        }
    }

    /// The number of words that it draws.
    const fn words(&self) -> usize {
        match self {
            Self::Word {} => 1,
            Self::Words { count, .. } => *count,
            _ => 0,
        }
    }

    fn draw(&self, draw: &mut Draw, taken: &mut BTreeSet<String>) -> String {
        match self {
            Self::Word {} => loop {
                let word = *draw.pick(&CODE_WORDS);
                if taken.insert(word.to_owned()) {
                    return word.to_owned();
                }
            },
            Self::Words { count, join } => {
                let free = CODE_WORDS.into_iter().filter(|word| !taken.contains(*word));
                let words = draw.some(&free.collect::<Vec<_>>(), *count);
                taken.extend(words.iter().map(|word| (*word).to_owned()));
                words.join(join.as_deref().unwrap_or(" "))
            }
            Self::Secret {} => draw.below(u64::MAX).to_string(),
            Self::Identifier {} => identifier(draw),
            Self::Integer { from, to } => draw.between(*from, *to).to_string(),
            Self::Date { from_year, to_year } => {
                let year = draw.between(u64::from(*from_year), u64::from(*to_year));
                format!("{year:04}-{:02}-{:02}", draw.between(1, 12), draw.between(1, 28))
            }
            Self::Choice { of } => draw.pick(of).clone(),
            Self::Shuffle { of } => {
                let mut of = of.clone();
                draw.shuffle(&mut of);
                of.join(" ")
            }
            Self::FileName { stem: None, extension: None } => out_file(draw),
            Self::FileName { stem, extension } => {
                let stem = stem.as_deref().unwrap_or("file");
                let extension = extension.as_deref().unwrap_or("txt");
                format!("{stem}-{}.{extension}", draw.between(100, 999))
            }
        }
    }
}

/// The number of words that a set of generators draws.
pub(super) fn words(generators: &BTreeMap<String, Generator>) -> usize {
    generators.values().map(Generator::words).fold(0, usize::saturating_add)
}

/// Draws them all, in the order of their names; no word that is `taken` comes again.
pub(crate) fn draw_all(
    generators: &BTreeMap<String, Generator>,
    draw: &mut Draw,
    taken: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut taken: BTreeSet<String> = taken.values().cloned().collect();
    let one =
        |(name, generator): (&String, &Generator)| (name.clone(), generator.draw(draw, &mut taken));
    generators.iter().map(one).collect()
}
