//! Report of the demo in the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use lore_control::Skills;
use lore_lab::{FamilyId, Lab};
use lore_protocol::lesson;
use serde::Serialize;
use serde_json::{Value, json};

use super::script::Story;

/// Pooled evidence of one skill beside what really happened.
#[derive(Debug, Serialize)]
pub(super) struct Evidence {
    skill: String,
    rate: f64,
    low: f64,
    high: f64,
    true_rate: f64,
    sessions: u64,
}

/// Evidence of every skill that was used.
pub(super) fn evidence(library: &Skills, outcomes: &BTreeMap<String, (u64, u64)>) -> Vec<Evidence> {
    let mut found = Vec::new();
    for skill in &library.skills {
        if let (Some(pooled), Some((good, of))) = (skill.evidence, outcomes.get(&skill.name)) {
            found.push(Evidence {
                skill: skill.name.clone(),
                rate: pooled.rate,
                low: pooled.low,
                high: pooled.high,
                true_rate: share(*good, *of),
                sessions: *of,
            });
        }
    }
    found
}

#[allow(clippy::cast_precision_loss)] // Counts of sessions are far below 2^52.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Texts of exported skills.
pub(super) fn texts(exports: &Path, names: &[String]) -> Vec<String> {
    let read = |name: &String| std::fs::read_to_string(exports.join(name).join("SKILL.md")).ok();
    names.iter().filter_map(read).collect()
}

/// Returns true when a library holds a template that solves a fresh task of a family. Asked of the lab's own
/// validator, by running the template: the driver's knowledge, no node's.
pub(super) fn holds(texts: &[String], lab: &Lab, family: FamilyId) -> bool {
    let Ok(instance) = lab.environment().instance(family, "driver", 0) else { return false };
    let tool = lesson::documented_command(instance.prompt())
        .and_then(|command| command.split_whitespace().next().map(str::to_owned));
    let Ok(scratch) = tempfile::tempdir() else { return false };
    let templates = texts.iter().flat_map(|text| fenced(text));
    for template in templates {
        let named = tool.as_ref().is_none_or(|tool| template.contains(tool.as_str()));
        let Some(command) = lesson::instantiate(template, instance.prompt()).filter(|_| named)
        else {
            continue;
        };
        let dir = scratch.path().join("try");
        let fresh = std::fs::remove_dir_all(&dir).is_ok() || !dir.exists();
        if !fresh || std::fs::create_dir_all(&dir).is_err() || instance.setup(&dir).is_err() {
            continue;
        }
        let path = format!("{}:/usr/bin:/bin", lab.environment().bin().display());
        let ran = std::process::Command::new("/bin/sh")
            .arg("-c")
            .arg(&command)
            .current_dir(&dir)
            .env_clear()
            .env("PATH", path)
            .stdin(std::process::Stdio::null())
            .output();
        if ran.is_ok() && instance.validate(&dir).is_ok() {
            return true;
        }
    }
    false
}

/// Contents of the fenced blocks of a text.
fn fenced(text: &str) -> Vec<&str> {
    let blocks = text.split("```bash\n").skip(1);
    blocks.filter_map(|block| block.split("\n```").next()).collect()
}

/// Returns true when all nodes agree, and processes that folded their logs again agree with them.
pub(super) fn converged(story: &Story) -> bool {
    let first = story.roots.first();
    first.is_some()
        && story.roots.len() == story.nodes
        && story.roots.iter().chain(&story.refolded).all(|root| Some(root) == first)
}

/// The object that `--json` prints.
pub(super) fn json(story: &Story) -> Value {
    let known = super::script::QUIRKS + 1 + lore_lab::recorded::pitfalls().len();
    let released = story.families_released + usize::from(story.few_released);
    let suppressed = known - released - story.pitfalls_released;
    json!({
        "nodes": story.nodes,
        "converged": converged(story),
        "roots": story.roots,
        "refolded_roots": story.refolded,
        "elapsed_s": story.elapsed_s,
        "sessions": story.sessions,
        "deltas": story.status.deltas,
        "lessons_released": story.status.lessons,
        "lessons_suppressed": suppressed,
        "families_released": story.families_released,
        "pitfalls_released": story.pitfalls_released,
        "late_joiner": story.late,
        "rare_lesson_released": story.few_released,
        "epsilon_spent": story.epsilon_spent,
        "bytes_on_wire": story.bytes_on_wire,
        "canaries_planted": story.canaries,
        "bytes_scanned": story.scan.bytes,
        "canary_leaks": story.scan.leaks.len(),
        "leaks": story.scan.leaks,
        "first_attempt_without": story.without.quirks().first_attempt_share(),
        "first_attempt_with": story.with.quirks().first_attempt_share(),
        "first_attempt_wrong": story.wrong.quirks().first_attempt_share(),
        "controls_without": story.without.control().first_attempt_share(),
        "controls_with": story.with.control().first_attempt_share(),
        "solved_with_time": story.without.quirks().solved_share(),
        "approved": story.approved,
        "exported": story.exported,
        "evidence": story.evidence,
        "supporters_needed": story.supporters_needed,
        "warning": story.warning,
        "directory": story.root,
    })
}

/// The table for people.
pub(super) fn text(story: &Story) -> String {
    let mut out = String::new();
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let _ = writeln!(out, "first attempt, on fresh tasks of a node that did none before");
    let _ = writeln!(
        out,
        "  {:<12} {:>8} {:>8} {:>14} {:>10}",
        "family", "without", "with", "other library", "with time"
    );
    for (family, score) in &story.without.families {
        let of = |report: &lore_lab::measure::Report| {
            let share = report.families.get(family).map(|score| score.first_attempt_share());
            percent(share.unwrap_or(0.0))
        };
        let _ = writeln!(
            out,
            "  {:<12} {:>8} {:>8} {:>14} {:>10}",
            family.name(),
            percent(score.first_attempt_share()),
            of(&story.with),
            of(&story.wrong),
            percent(score.solved_share())
        );
    }
    let _ = writeln!(
        out,
        "  {:<12} {:>8} {:>8} {:>14} {:>10}",
        "all",
        percent(story.without.quirks().first_attempt_share()),
        percent(story.with.quirks().first_attempt_share()),
        percent(story.wrong.quirks().first_attempt_share()),
        percent(story.without.quirks().solved_share())
    );
    let _ = writeln!(
        out,
        "  {:<12} {:>8} {:>8} {:>14}",
        "controls",
        percent(story.without.control().first_attempt_share()),
        percent(story.with.control().first_attempt_share()),
        percent(story.wrong.control().first_attempt_share())
    );
    let late = &story.late;
    let _ = writeln!(
        out,
        "\nfailing calls of the late joiner: {}, anticipated by the federation: {} (and by the codebook \
         alone: {})\n  before it joined, by the federation: {}; hints that name another remedy: {}",
        late.calls,
        late.by_federation,
        late.by_codebook_alone,
        late.by_federation_before_joining,
        late.disagreeing
    );
    let _ = writeln!(
        out,
        "\nreview: hints came from pitfalls that need none; {} other lessons waited at the late joiner, and the demo\n  \
         approved them as its owner would (`lore review`, `lore approve`)",
        story.approved
    );
    let _ = writeln!(out, "\nevidence pooled from noisy releases, beside what really happened");
    for one in &story.evidence {
        let _ = writeln!(
            out,
            "  {:<28} {:>5} ({} to {})   true {:>5} of {} sessions",
            one.skill,
            percent(one.rate),
            percent(one.low),
            percent(one.high),
            percent(one.true_rate),
            one.sessions
        );
    }
    let spent: Vec<String> = story.epsilon_spent.iter().map(|e| format!("{e:.2}")).collect();
    let _ = writeln!(
        out,
        "\n{} nodes {}, root {}\n{} sessions, {} lessons released (a lesson needs {} users), \
         {} deltas, {} bytes on the wire\nepsilon spent per user: {}\n{} canaries planted, {} bytes \
         scanned, {} leaks\n{:.0} seconds",
        story.nodes,
        if converged(story) { "agree" } else { "DO NOT AGREE" },
        story.roots.first().map_or("", |root| root.get(..16).unwrap_or(root)),
        story.sessions,
        story.status.lessons,
        story.supporters_needed,
        story.status.deltas,
        story.bytes_on_wire,
        spent.join(", "),
        story.canaries,
        story.scan.bytes,
        story.scan.leaks.len(),
        story.elapsed_s
    );
    let root = story.root.display();
    let _ = write!(
        out,
        "\nwhere to look next\n  {root}/exports/late/    the skills, as an agent reads them\n  \
         lore --home {root}/homes/org-1 privacy explain    (what was spent on what)\n  \
         lore --home {root}/homes/org-1 session list       (what never left)\n  \
         docs/quickstart.md                                (two nodes of your own)\n  \
         lore demo --clean {root}"
    );
    out
}
