//! BM25 over the fields of skills.
//!
//! BM25F after Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond"
//! (Foundations and Trends in Information Retrieval 3(4), 2009), sections 3.5 and 3.6: a term's
//! frequencies in the fields are weighted, each normalised by the length of its field, summed, and only
//! then saturated. The inverse document frequency is `ln(1 + (N - n + 0.5) / (n + 0.5))`, which is never
//! negative. Fields of own making (title, headings, text) need this form, and rankings must not depend
//! on the order of a hash table, so that it stands here in its sixty lines.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::offer::{Hit, Offer, offered};
use super::programs::{named, words_of};
use super::skill_text::SkillText;
use super::terms::terms;

/// Saturation of term frequencies; the usual middle of 1.2 to 2.
const K1: f64 = 1.2;
/// Bytes of a query that are read.
pub const MAX_QUERY_BYTES: usize = 16 << 10;
/// Distinct terms of a query that count, the first ones.
pub const MAX_QUERY_TERMS: usize = 256;
/// Bytes of a body that are indexed: the guidance for bodies is 5,000 tokens.
const MAX_BODY_BYTES: usize = 64 << 10;
/// Programs that count of a query, the first ones.
const MAX_NAMED: usize = 8;
/// Weight of the first program that a query names, in saturated terms; the next ones count half as much.
const NAMED_WEIGHT: f64 = 2.0;
/// The share of a query, weighed by inverse document frequency, that a skill must hold to be offered.
const LEAST_COVERAGE: f64 = 0.12;
/// Steps of a score that count as different: what rounding could turn round is a tie.
const SCORE_STEPS: f64 = 1e6;

/// Number of the parts of a skill.
const FIELDS: usize = 5;

/// A part of a skill, with its weight and how much its length counts.
#[derive(Debug, Clone, Copy)]
enum Field {
    /// Name, topic words, and the title.
    Title,
    Description,
    Headings,
    /// Lessons and everything else.
    Text,
    /// Words that no reader is shown, and what its programs are for.
    Keywords,
}

impl Field {
    const ALL: [Self; FIELDS] =
        [Self::Title, Self::Description, Self::Headings, Self::Text, Self::Keywords];

    const fn weight(self) -> f64 {
        match self {
            Self::Title => 3.0,
            Self::Description => 2.5,
            Self::Headings => 1.5,
            Self::Text | Self::Keywords => 1.0,
        }
    }

    /// `b` of the field: 0 when its length does not matter, 1 when frequencies are shares.
    const fn length_share(self) -> f64 {
        match self {
            Self::Title | Self::Description | Self::Keywords => 0.4,
            Self::Headings | Self::Text => 0.75,
        }
    }
}

/// Skills, ready to be searched.
#[derive(Debug, Clone, Default)]
pub struct Index {
    skills: Vec<Arc<SkillText>>,
    /// By term: the skills that hold it, with its weighted frequency there.
    postings: BTreeMap<String, Vec<(usize, f64)>>,
    /// By program, and by program with a sub-command: the skills whose lessons are about it.
    tools: BTreeMap<String, BTreeSet<usize>>,
}

impl Index {
    /// Indexes skills.
    #[must_use]
    pub fn new(skills: impl IntoIterator<Item = SkillText>) -> Self {
        let skills: Vec<Arc<SkillText>> = skills.into_iter().map(Arc::new).collect();
        let counted: Vec<[Frequencies; FIELDS]> =
            skills.iter().map(|skill| frequencies(skill)).collect();
        let averages = Field::ALL.map(|field| {
            let total: u64 = counted.iter().map(|fields| fields[field as usize].length).sum();
            ratio(total, skills.len() as u64).max(1.0)
        });
        let mut postings: BTreeMap<String, Vec<(usize, f64)>> = BTreeMap::new();
        for (at, fields) in counted.iter().enumerate() {
            for (term, weight) in weights(fields, &averages) {
                postings.entry(term.to_owned()).or_default().push((at, weight));
            }
        }
        let mut tools: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for (at, skill) in skills.iter().enumerate() {
            let held = skill.tools.iter().map(String::as_str).chain(programs(skill));
            held.for_each(|tool| {
                tools.entry(tool.to_lowercase()).or_default().insert(at);
            });
        }
        Self { skills, postings, tools }
    }

    /// The skills, in the order in which they were given.
    #[must_use]
    pub fn skills(&self) -> &[Arc<SkillText>] {
        &self.skills
    }

    /// The best skills for a query, best first, ties by name; none when nothing fits. Of a query only
    /// the first [`MAX_QUERY_BYTES`] and [`MAX_QUERY_TERMS`] count.
    #[must_use]
    pub fn search(&self, query: &str, offer: Offer) -> Vec<Hit> {
        let ranking = self.rank(query).into_iter();
        offered(ranking.map(|(score, at)| (score, Arc::clone(&self.skills[at]))), offer)
    }

    /// Scores and skills, best first.
    fn rank(&self, query: &str) -> Vec<(f64, usize)> {
        let mut asked = BTreeSet::new();
        for term in terms(head(query, MAX_QUERY_BYTES)) {
            if asked.len() == MAX_QUERY_TERMS {
                break;
            }
            asked.insert(term);
        }
        let mut found: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        let mut all = 0.0;
        // In the order of the terms, so that sums of floating-point numbers come out the same.
        for term in &asked {
            let holders = self.postings.get(term).map_or(&[][..], Vec::as_slice);
            let idf = self.inverse_frequency(holders.len());
            // A number that no skill holds is a value of the task, not something it is about.
            if holders.is_empty() && term.contains(|c: char| c.is_ascii_digit()) {
                continue;
            }
            all += idf;
            for (at, frequency) in holders {
                let (score, covered) = found.entry(*at).or_default();
                *score += idf * frequency * (K1 + 1.0) / (K1 + frequency);
                *covered += idf;
            }
        }
        for (place, program) in self.named(query).into_iter().enumerate() {
            let Some(holders) = self.tools.get(&program) else { continue };
            let idf = self.inverse_frequency(holders.len());
            let weight = if place == 0 { NAMED_WEIGHT } else { NAMED_WEIGHT / 2.0 };
            all += idf;
            for at in holders {
                let (score, covered) = found.entry(*at).or_default();
                *score += weight * idf * (K1 + 1.0);
                *covered += idf;
            }
        }
        let mut ranking: Vec<(f64, usize)> = found
            .into_iter()
            .filter(|(_, (_, covered))| *covered >= LEAST_COVERAGE * all)
            .map(|(at, (score, _))| {
                let evidence = self.skills[at].evidence;
                let factor = evidence.map_or(1000, super::Evidence::factor_milli);
                let moved = score * ratio(factor, 1000);
                ((moved * SCORE_STEPS).round() / SCORE_STEPS, at)
            })
            .collect();
        ranking.sort_by(|(a, left), (b, right)| {
            let (left, right) = (&self.skills[*left], &self.skills[*right]);
            b.total_cmp(a).then_with(|| (&left.name, &left.text).cmp(&(&right.name, &right.text)))
        });
        ranking
    }

    /// Programs that a query names, of those that there are skills of.
    fn named(&self, query: &str) -> Vec<String> {
        let mut found = named(head(query, MAX_QUERY_BYTES), |name| self.tools.contains_key(name));
        found.truncate(MAX_NAMED);
        found
    }

    fn inverse_frequency(&self, holders: usize) -> f64 {
        let (all, with) = (ratio(self.skills.len() as u64, 1), ratio(holders as u64, 1));
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }
}

/// Programs of a skill, without sub-commands, each once.
fn programs(skill: &SkillText) -> BTreeSet<&str> {
    skill.tools.iter().filter_map(|tool| tool.split(' ').next()).collect()
}

/// The weighted frequency of each term of a skill.
fn weights<'a>(
    fields: &'a [Frequencies; FIELDS],
    averages: &[f64; FIELDS],
) -> BTreeMap<&'a str, f64> {
    let mut weights: BTreeMap<&str, f64> = BTreeMap::new();
    for field in Field::ALL {
        let Frequencies { counts, length } = &fields[field as usize];
        let b = field.length_share();
        let norm = 1.0 - b + b * ratio(*length, 1) / averages[field as usize];
        for (term, count) in counts {
            *weights.entry(term).or_default() += field.weight() * ratio(*count, 1) / norm;
        }
    }
    weights
}

/// Frequencies of the terms in a field.
#[derive(Default)]
struct Frequencies {
    counts: BTreeMap<String, u64>,
    length: u64,
}

impl Frequencies {
    fn add(&mut self, text: &str) {
        for term in terms(text) {
            *self.counts.entry(term).or_default() += 1;
            self.length += 1;
        }
    }
}

/// In the order of [`Field::ALL`].
fn frequencies(skill: &SkillText) -> [Frequencies; FIELDS] {
    let mut fields: [Frequencies; FIELDS] = Default::default();
    let [title, description, headings, text, keywords] = &mut fields;
    title.add(head(&skill.name, MAX_BODY_BYTES));
    title.add(head(&skill.topics.join(" "), MAX_BODY_BYTES));
    description.add(head(&skill.description, MAX_BODY_BYTES));
    keywords.add(head(&skill.keywords, MAX_BODY_BYTES));
    for program in programs(skill) {
        keywords.add(words_of(program));
    }
    for line in head(&skill.body, MAX_BODY_BYTES).lines() {
        match line.trim_start_matches('#') {
            rest if rest.len() == line.len() => text.add(line),
            // `# a b c`: the title of a page, which for a rendered skill is its topic words.
            rest if rest.len() + 1 == line.len() => title.add(rest),
            rest => headings.add(rest),
        }
    }
    fields
}

/// At most so many bytes of a text, whole characters.
fn head(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[allow(clippy::cast_precision_loss)] // Counts of words are far below 2^52.
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
