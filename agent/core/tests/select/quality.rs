//! The hit rate over skills and queries of our own writing (`skills/`, `queries.tsv`).
//!
//! Every other query was set aside: weights and thresholds were chosen on the rest alone, and the floors
//! are for those set aside. `docs/studies/select.md` says what came out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lore_agent::select::{Index, Offer, SkillText};
use lore_protocol::skill;

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/select").join(name)
}

pub(crate) fn skills() -> Vec<SkillText> {
    let scan = SkillText::scan_dir(&here("skills")).unwrap();
    assert_eq!(scan.passed_over, []);
    scan.skills
}

pub(crate) struct Query {
    /// Skills that answer it; none when nothing does.
    pub(crate) right: Vec<String>,
    pub(crate) text: String,
    /// Not used when weights were chosen.
    pub(crate) set_aside: bool,
}

pub(crate) fn queries() -> Vec<Query> {
    let text = std::fs::read_to_string(here("queries.tsv")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .enumerate()
        .map(|(nth, line)| {
            let (right, text) = line.split_once('\t').unwrap();
            let right = if right == "-" { "" } else { right };
            let right = right.split('|').filter(|name| !name.is_empty()).map(str::to_owned);
            Query { right: right.collect(), text: text.to_owned(), set_aside: nth % 2 == 1 }
        })
        .collect()
}

#[derive(Debug, Default)]
struct Score {
    answerable: usize,
    at_one: usize,
    at_three: usize,
    unanswerable: usize,
    silent: usize,
    offered_tokens: u64,
    searches: u64,
    /// Skills that were missed, for those who work on it.
    missed: Vec<String>,
}

impl Score {
    fn of<'a>(index: &Index, queries: impl Iterator<Item = &'a Query>) -> Self {
        let mut score = Self::default();
        for query in queries {
            let hits = index.search(&query.text, Offer::default());
            score.searches += 1;
            score.offered_tokens += hits.iter().map(|hit| hit.tokens).sum::<u64>();
            if query.right.is_empty() {
                score.unanswerable += 1;
                score.silent += usize::from(hits.is_empty());
                continue;
            }
            let place = hits.iter().position(|hit| query.right.contains(&hit.name));
            score.answerable += 1;
            score.at_one += usize::from(place == Some(0));
            score.at_three += usize::from(place.is_some());
            if place != Some(0) {
                let names: Vec<&str> = hits.iter().map(|hit| hit.name.as_str()).collect();
                score.missed.push(format!("{:?} {names:?} {}", query.right, query.text));
            }
        }
        score
    }

    fn print(&self, name: &str) {
        let percent = |part: usize, all: usize| 100.0 * part as f64 / all.max(1) as f64;
        println!(
            "{name}: hit@1 {}/{} ({:.0} %), hit@3 {}/{} ({:.0} %), nothing offered where nothing fits \
             {}/{}, {} tokens offered on average",
            self.at_one,
            self.answerable,
            percent(self.at_one, self.answerable),
            self.at_three,
            self.answerable,
            percent(self.at_three, self.answerable),
            self.silent,
            self.unanswerable,
            self.offered_tokens / self.searches.max(1),
        );
    }
}

#[test]
fn the_right_skill_is_among_three_and_mostly_first() {
    let skills = skills();
    let whole: u64 = skills.iter().map(SkillText::tokens).sum();
    let lines: u64 = skills.iter().map(SkillText::summary_tokens).sum();
    let index = Index::new(skills);
    let queries = queries();
    let chosen = Score::of(&index, queries.iter().filter(|query| !query.set_aside));
    let aside = Score::of(&index, queries.iter().filter(|query| query.set_aside));
    println!("{} skills, {} queries", index.skills().len(), queries.len());
    chosen.print("chosen on ");
    aside.print("set aside ");
    let offered =
        (chosen.offered_tokens + aside.offered_tokens) / (chosen.searches + aside.searches);
    println!(
        "tokens: three offered {offered}, all skills whole {whole} (1/{}), all names and \
         descriptions {lines} (1/{:.1})",
        whole / offered,
        lines as f64 / offered as f64,
    );
    if std::env::var_os("SELECT_MISSES").is_some() {
        println!("{}", chosen.missed.join("\n"));
    }
    assert!(aside.at_one * 100 >= 55 * aside.answerable, "{aside:?}");
    assert!(aside.at_three * 100 >= 68 * aside.answerable, "{aside:?}");
    assert!(offered <= Offer::default().tokens);
    assert!(offered * 20 <= whole, "{offered} of {whole}");
}

#[test]
fn the_fixtures_are_what_the_study_says() {
    let skills = skills();
    assert!(skills.len() >= 60, "{}", skills.len());
    for skill in &skills {
        let verdict = skill::validate(skill.text.as_bytes(), Some(&skill.name));
        assert!(verdict.is_valid() && verdict.warnings.is_empty(), "{}: {verdict:?}", skill.name);
    }
    let names: BTreeSet<&str> = skills.iter().map(|skill| skill.name.as_str()).collect();
    let queries = queries();
    let distinct: BTreeSet<&str> = queries.iter().map(|query| query.text.as_str()).collect();
    assert!(queries.len() >= 120 && distinct.len() == queries.len(), "{}", queries.len());
    assert!(queries.iter().filter(|query| query.right.is_empty()).count() >= 10);
    assert!(queries.iter().filter(|query| query.right.len() > 1).count() >= 10);
    for query in &queries {
        for name in &query.right {
            assert!(names.contains(name.as_str()), "{name}");
            let title = name.replace('-', " ");
            assert!(
                !query.text.to_lowercase().contains(&title),
                "repeats the title: {}",
                query.text
            );
        }
    }
    // Every skill is the answer to a query.
    let answers: BTreeSet<&str> =
        queries.iter().flat_map(|query| &query.right).map(String::as_str).collect();
    assert_eq!(names, answers);
}
