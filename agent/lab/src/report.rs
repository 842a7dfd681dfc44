//! Report of a study, for programs and for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lore_agent::statistics::Interval;
use serde_json::{Map, Value, json};

use super::study::{Arm, CONTROL, Record, Sum, arms, difference};

/// Of one family, how many of how many were solved, by arm.
type Row = BTreeMap<Arm, (u64, u64)>;

/// A study in the end.
#[derive(Debug)]
pub struct Report<'a> {
    /// The page's title.
    pub title: &'a str,
    /// Facts about the run, in order: model, machine, date, command.
    pub facts: &'a [(&'a str, String)],
    /// Paragraphs of plain text that follow the facts.
    pub notes: &'a [String],
    /// All episodes.
    pub records: &'a [Record],
}

/// Heading, rows, and whether the first column is text.
struct Table {
    caption: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn with_ends(interval: Interval) -> String {
    format!("{} ({} to {})", percent(interval.value), percent(interval.low), percent(interval.high))
}

fn points(interval: Interval) -> String {
    let of = |x: f64| format!("{:+.0}", x * 100.0);
    format!("{} ({} to {}) points", of(interval.value), of(interval.low), of(interval.high))
}

/// Success, tokens, calls, seconds and money of each arm, over the records of one group or of all but
/// the controls.
#[must_use]
pub fn arms_json(records: &[Record]) -> Value {
    let mut found = Map::new();
    for arm in arms(records) {
        let sum = Sum::of(records.iter().filter(|r| r.arm == arm && r.group != CONTROL));
        found.insert(arm.name().to_owned(), sum_json(&sum));
    }
    Value::Object(found)
}

#[allow(clippy::cast_precision_loss)] // Sums of a study are far below 2^52.
fn sum_json(sum: &Sum) -> Value {
    let share = sum.solved.wilson();
    json!({
        "success": share.value,
        "low": share.low,
        "high": share.high,
        "n": sum.solved.trials,
        "solved": sum.solved.successes,
        "first_attempt": sum.first_attempt.wilson().value,
        "tokens": sum.prompt_tokens + sum.generated_tokens,
        "tokens_per_task": sum.per_task((sum.prompt_tokens + sum.generated_tokens) as f64),
        "calls_per_task": sum.per_task(sum.calls as f64),
        "seconds_per_task": sum.per_task(sum.seconds),
        "micro_usd_per_task": sum.micro_usd.map(|money| sum.per_task(money as f64)),
    })
}

/// The controls of each arm, and how much every other arm is above `none` on the same tasks.
#[must_use]
pub fn controls_json(records: &[Record]) -> Value {
    let controls: Vec<&Record> = records.iter().filter(|r| r.group == CONTROL).collect();
    let mut found = Map::new();
    let mut differences = Map::new();
    for arm in arms(records) {
        let sum = Sum::of(controls.iter().copied().filter(|r| r.arm == arm));
        if sum.solved.trials > 0 {
            found.insert(arm.name().to_owned(), sum_json(&sum));
        }
        let (interval, pairs) = difference(records, CONTROL, Arm::None, arm);
        if arm != Arm::None && pairs > 0 {
            let one = json!({
                "difference": interval.value, "low": interval.low, "high": interval.high, "pairs": pairs,
            });
            differences.insert(arm.name().to_owned(), one);
        }
    }
    json!({ "arms": found, "paired_difference_from_none": differences })
}

/// Solved of tried by family and arm.
#[must_use]
pub fn families_json(records: &[Record]) -> Value {
    let mut found: BTreeMap<&str, BTreeMap<&str, (u64, u64)>> = BTreeMap::new();
    for record in records {
        let count = found.entry(&record.family).or_default().entry(record.arm.name()).or_default();
        count.0 += u64::from(record.episode.solved);
        count.1 += 1;
    }
    json!(found)
}

/// Names of the families that are no controls.
#[must_use]
pub fn families(records: &[Record]) -> Vec<String> {
    let all: BTreeSet<&String> =
        records.iter().filter(|r| r.group != CONTROL).map(|r| &r.family).collect();
    all.into_iter().cloned().collect()
}

impl Report<'_> {
    #[allow(clippy::cast_precision_loss)] // Sums of a study are far below 2^52.
    fn tables(&self) -> Vec<Table> {
        let arms = arms(self.records);
        let groups: BTreeSet<&str> = self.records.iter().map(|r| r.group.as_str()).collect();
        let mut tables = Vec::new();
        let head =
            ["given", "solved", "share (95 %)", "at first", "tokens", "calls", "seconds", "money"];
        let row = |name: &str, sum: &Sum| {
            let money = sum.micro_usd.map_or("unknown".to_owned(), |money| {
                format!("${:.6}", sum.per_task(money as f64) / 1e6)
            });
            vec![
                name.to_owned(),
                format!("{} of {}", sum.solved.successes, sum.solved.trials),
                with_ends(sum.solved.wilson()),
                percent(sum.first_attempt.wilson().value),
                format!("{:.0}", sum.per_task((sum.prompt_tokens + sum.generated_tokens) as f64)),
                format!("{:.1}", sum.per_task(sum.calls as f64)),
                format!("{:.1}", sum.per_task(sum.seconds)),
                money,
            ]
        };
        let mut table = |caption: String, of: &dyn Fn(&Record) -> bool| {
            let rows = arms.iter().map(|arm| {
                let mine = self.records.iter().filter(|r| r.arm == *arm && of(r));
                (arm.name(), Sum::of(mine))
            });
            let rows: Vec<Vec<String>> =
                rows.filter(|(_, sum)| sum.solved.trials > 0).map(|(n, s)| row(n, &s)).collect();
            let head = head.map(str::to_owned).to_vec();
            tables.push(Table { caption, head, rows });
        };
        table("Tasks with a quirk; tokens and the rest by task".to_owned(), &|r| {
            r.group != CONTROL
        });
        let quirky = groups.iter().filter(|group| **group != CONTROL);
        if quirky.clone().count() > 1 {
            for group in quirky {
                table(format!("Of these, the families that are {group}"), &|r| r.group == **group);
            }
        }
        if groups.contains(CONTROL) {
            table("Controls: nothing is odd, and skills must not harm".to_owned(), &|r| {
                r.group == CONTROL
            });
        }
        let mut head = vec!["family".to_owned()];
        head.extend(arms.iter().map(|arm| arm.name().to_owned()));
        let mut names: BTreeMap<(&str, &str), Row> = BTreeMap::new();
        for r in self.records {
            let row = names.entry((r.group.as_str(), r.family.as_str())).or_default();
            let count = row.entry(r.arm).or_default();
            count.0 += u64::from(r.episode.solved);
            count.1 += 1;
        }
        let rows = names.iter().map(|((group, family), row)| {
            let shown =
                |arm: &Arm| row.get(arm).map_or_else(String::new, |(s, n)| format!("{s}/{n}"));
            let mut cells = vec![format!("{family} ({group})")];
            cells.extend(arms.iter().map(shown));
            cells
        });
        let caption = "Solved of tried, by family".to_owned();
        tables.push(Table { caption, head, rows: rows.collect() });
        tables
    }

    fn sentences(&self) -> Vec<String> {
        let mut said = Vec::new();
        for arm in arms(self.records).into_iter().filter(|arm| *arm != Arm::None) {
            let (interval, pairs) = difference(self.records, CONTROL, Arm::None, arm);
            if pairs > 0 {
                said.push(format!(
                    "Controls, {} minus none, on the same {pairs} tasks: {}.",
                    arm.name(),
                    points(interval)
                ));
            }
        }
        said
    }

    /// As Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n", self.title);
        for (name, value) in self.facts {
            let _ = writeln!(out, "- {name}: {value}");
        }
        for note in self.notes {
            let _ = write!(out, "\n{note}\n");
        }
        for table in self.tables() {
            let _ = writeln!(out, "\n## {}\n\n| {} |", table.caption, table.head.join(" | "));
            let _ = writeln!(out, "|{}", " --- |".repeat(table.head.len()));
            for row in table.rows {
                let _ = writeln!(out, "| {} |", row.join(" | "));
            }
        }
        for sentence in self.sentences() {
            let _ = write!(out, "\n{sentence}\n");
        }
        out
    }

    /// As one HTML page that needs nothing else: no script, no style sheet, no picture from elsewhere.
    #[must_use]
    pub fn html(&self) -> String {
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\
             <style>body{{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}}\
             table{{border-collapse:collapse;margin:1em 0}}td,th{{border:1px solid #999;padding:.3em .6em;\
             text-align:right}}td:first-child,th:first-child{{text-align:left}}pre{{white-space:pre-wrap;\
             background:#f4f4f4;padding:.6em}}</style></head><body>\n<h1>{0}</h1>\n<ul>\n",
            escape(self.title)
        );
        for (name, value) in self.facts {
            let _ = writeln!(out, "<li>{}: {}</li>", escape(name), escape(value));
        }
        out += "</ul>\n";
        for note in self.notes {
            let _ = writeln!(out, "<p>{}</p>", escape(note));
        }
        for table in self.tables() {
            let _ = writeln!(out, "<h2>{}</h2>\n<table>", escape(&table.caption));
            let row = |cells: &[String], tag: &str| {
                let cells = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell)));
                format!("<tr>{}</tr>\n", cells.collect::<String>())
            };
            out += &row(&table.head, "th");
            for cells in &table.rows {
                out += &row(cells, "td");
            }
            out += "</table>\n";
        }
        for sentence in self.sentences() {
            let _ = writeln!(out, "<p>{}</p>", escape(&sentence));
        }
        out += "<h2>Every episode</h2>\n";
        for record in self.records {
            out += &transcript(record);
        }
        out + "</body></html>\n"
    }
}

/// One episode, to be unfolded.
fn transcript(record: &Record) -> String {
    let episode = &record.episode;
    let mut text = String::new();
    for turn in &episode.session.turns {
        let _ = writeln!(text, "[{:?}] {}", turn.role, turn.text);
        for call in &turn.calls {
            let _ = writeln!(text, "[Output] {}", call.result.as_deref().unwrap_or_default());
        }
    }
    format!(
        "<details><summary>{} {} task {}: {}</summary><pre>{}</pre></details>\n",
        escape(&record.family),
        record.arm.name(),
        record.n,
        if episode.solved { "solved" } else { "not solved" },
        escape(&text)
    )
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}
