//! What trials come to: each arm, each program, and whether hints do harm.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use lore_agent::statistics::{Interval, Share, paired_difference};
use serde::Serialize;

use super::{HintArm, Trial};

/// Result of one arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmResult {
    /// The arm.
    pub arm: HintArm,
    /// Solved trials.
    pub solved: Share,
    /// Their share, with the Wilson interval of 95 %.
    pub success: Interval,
    /// Trials in which a hint was shown.
    pub hinted: u64,
    /// Model calls of a trial: mean, with a normal interval of 95 %.
    pub calls: Interval,
    /// Tokens of a trial: mean, with a normal interval of 95 %.
    pub tokens: Interval,
}

/// A paired difference of success, arm minus no hints, with Newcombe's interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Better {
    /// The arm.
    pub arm: HintArm,
    /// Pairs of trials of one pitfall.
    pub pairs: u64,
    /// The difference, -1 to 1.
    pub difference: Interval,
}

/// Result of one program.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProgramResult {
    /// The program.
    pub program: String,
    /// Solved trials by arm.
    pub solved: BTreeMap<HintArm, Share>,
    /// Hints against none; absent when one of the arms was not measured.
    pub hint: Option<Better>,
}

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Each arm.
    pub arms: Vec<ArmResult>,
    /// Each arm against none, over all programs.
    pub differences: Vec<Better>,
    /// Each program.
    pub programs: Vec<ProgramResult>,
    /// Programs on which hints are surely worse than none: the whole interval is below 0.
    pub worse: Vec<String>,
    /// Pitfalls left out, with the program that is missing.
    pub skipped: BTreeMap<String, String>,
    /// Trials that the endpoint failed; they count nowhere.
    pub failed: u64,
    /// Every trial.
    pub trials: Vec<Trial>,
}

impl Report {
    /// The report of these trials.
    #[must_use]
    pub fn of(trials: Vec<Trial>, skipped: BTreeMap<String, String>) -> Self {
        let counted: Vec<&Trial> =
            trials.iter().filter(|trial| trial.endpoint_error.is_none()).collect();
        let arms: BTreeSet<HintArm> = counted.iter().map(|trial| trial.arm).collect();
        let programs: BTreeSet<&str> = counted.iter().map(|trial| trial.program.as_str()).collect();
        let programs: Vec<ProgramResult> = programs
            .into_iter()
            .map(|program| {
                let own: Vec<&Trial> =
                    counted.iter().copied().filter(|trial| trial.program == program).collect();
                ProgramResult {
                    program: program.to_owned(),
                    solved: arms.iter().map(|arm| (*arm, solved(&own, *arm))).collect(),
                    hint: better(&own, HintArm::Hint),
                }
            })
            .collect();
        let worse = programs
            .iter()
            .filter(|one| one.hint.is_some_and(|hint| hint.difference.high < 0.0))
            .map(|one| one.program.clone())
            .collect();
        Self {
            arms: arms.iter().map(|arm| arm_result(&counted, *arm)).collect(),
            differences: arms.iter().filter_map(|arm| better(&counted, *arm)).collect(),
            programs,
            worse,
            skipped,
            failed: (trials.len() - counted.len()) as u64,
            trials,
        }
    }
}

fn solved(trials: &[&Trial], arm: HintArm) -> Share {
    let mut share = Share::default();
    for trial in trials.iter().filter(|trial| trial.arm == arm) {
        share.add(trial.solved);
    }
    share
}

fn arm_result(trials: &[&Trial], arm: HintArm) -> ArmResult {
    let own = || trials.iter().filter(|trial| trial.arm == arm);
    let solved = solved(trials, arm);
    ArmResult {
        arm,
        solved,
        success: solved.wilson(),
        hinted: own().filter(|trial| !trial.hints.is_empty()).count() as u64,
        calls: mean(&own().map(|trial| trial.calls).collect::<Vec<_>>()),
        tokens: mean(&own().map(|trial| trial.tokens).collect::<Vec<_>>()),
    }
}

/// An arm against none, over the pitfalls that both were measured on.
fn better(trials: &[&Trial], arm: HintArm) -> Option<Better> {
    if arm == HintArm::None {
        return None;
    }
    let of = |arm: HintArm| -> BTreeMap<&str, bool> {
        let own = trials.iter().filter(|trial| trial.arm == arm);
        own.map(|trial| (trial.pitfall.as_str(), trial.solved)).collect()
    };
    let (none, other) = (of(HintArm::None), of(arm));
    let pairs: Vec<(bool, bool)> =
        none.iter().filter_map(|(name, before)| Some((*before, *other.get(name)?))).collect();
    (!pairs.is_empty()).then(|| Better {
        arm,
        pairs: pairs.len() as u64,
        difference: paired_difference(&pairs),
    })
}

/// Mean with its normal interval of 95 %; of fewer than two values the interval is the value.
#[allow(clippy::cast_precision_loss)] // Counts of calls and tokens are far below 2^52.
fn mean(values: &[u64]) -> Interval {
    const Z: f64 = 1.959_963_984_540_054;
    if values.is_empty() {
        return Interval { value: 0.0, low: 0.0, high: 0.0 };
    }
    let n = values.len() as f64;
    let value = values.iter().map(|one| *one as f64).sum::<f64>() / n;
    let squares: f64 = values.iter().map(|one| (*one as f64 - value).powi(2)).sum();
    let half = if n < 2.0 { 0.0 } else { Z * (squares / (n - 1.0) / n).sqrt() };
    Interval { value, low: (value - half).max(0.0), high: value + half }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: Interval| {
            format!(
                "{:.0} % ({:.0} to {:.0})",
                100.0 * share.value,
                100.0 * share.low,
                100.0 * share.high
            )
        };
        let around =
            |mean: Interval| format!("{:.1} ({:.1} to {:.1})", mean.value, mean.low, mean.high);
        let mut text = String::from(
            "| hints | solved | success | shown a hint | calls | tokens |\n|---|---|---|---|---|---|\n",
        );
        for arm in &self.arms {
            let Share { successes, trials } = arm.solved;
            let (calls, tokens) = (around(arm.calls), around(arm.tokens));
            writeln!(
                text,
                "| {} | {successes} of {trials} | {} | {} | {calls} | {tokens} |",
                arm.arm.name(),
                percent(arm.success),
                arm.hinted
            )?;
        }
        for one in &self.differences {
            writeln!(text, "{} - none: {}", one.arm.name(), percent(one.difference))?;
        }
        let names: Vec<&str> = self.arms.iter().map(|arm| arm.arm.name()).collect();
        writeln!(
            text,
            "\n| program | {} |\n|---|{}",
            names.join(" | "),
            "---|".repeat(names.len())
        )?;
        for one in &self.programs {
            let cells = one.solved.values();
            let cells = cells.map(|share| format!("{} of {}", share.successes, share.trials));
            writeln!(text, "| {} | {} |", one.program, cells.collect::<Vec<_>>().join(" | "))?;
        }
        for (pitfall, program) in &self.skipped {
            writeln!(text, "skipped {pitfall}: `{program}` is not on this machine")?;
        }
        if self.failed > 0 {
            writeln!(text, "{} trials were failed by the endpoint and count nowhere", self.failed)?;
        }
        write!(text, "programs on which hints are surely worse than none: {}", self.worse.len())?;
        if !self.worse.is_empty() {
            write!(text, " ({})", self.worse.join(", "))?;
        }
        f.write_str(&text)
    }
}
