//! Studies of one question each, and what they print.

pub(crate) mod bench;
pub(crate) mod compare;
pub(crate) mod faults;
pub(crate) mod new;
pub(crate) mod outcome;
pub(crate) mod plot;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod seeds;
pub(crate) mod sweep;
pub(crate) mod validate;

use lore_simulations::drift::{Arm, Delay, Study};
use lore_simulations::{drift, poisoning, utility};

use super::{bar, line};

pub(super) fn poison(seed: u64, attacks: u64, json: bool) -> anyhow::Result<bool> {
    let progress = bar(poisoning::total(attacks), "poisoning")?;
    let report = poisoning::run(attacks, seed, |done| progress.inc(done))?;
    progress.finish_and_clear();
    if json {
        line(&serde_json::to_string(&report)?);
        return Ok(report.passed);
    }
    line(&format!(
        "{} crafted sessions name one of two words of a private session",
        report.crafted
    ));
    for arm in report.arms.iter().chain([&report.control]) {
        let epsilon = arm.epsilon.map_or_else(|| "none".into(), |epsilon| epsilon.to_string());
        line(&format!(
            "  epsilon {epsilon}: right {:.3}, certainly {:.3}, allowed {:.3}",
            arm.success, arm.certified, arm.bound
        ));
    }
    line(if report.passed {
        "passed: with noise the attack stays within the bound, without noise it is caught"
    } else {
        "FAILED"
    });
    Ok(report.passed)
}

pub(super) fn useful(
    work: utility::Work,
    runs: u32,
    seed: u64,
    json: bool,
) -> anyhow::Result<bool> {
    let progress = bar(runs.into(), "quarters")?;
    let report = utility::run(work, runs, seed, |done| progress.inc(done))?;
    progress.finish_and_clear();
    if json {
        line(&serde_json::to_string(&report)?);
        return Ok(true);
    }
    line(&format!(
        "Lessons that {} users with {} sessions each release in a quarter, of {} shared ones:",
        work.users, work.sessions, work.lessons
    ));
    line("epsilon  all of a user  one of a user  ratio");
    for row in &report.rows {
        let ratio = row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.1}"));
        line(&format!("{:7} {:14.1} {:14.1} {ratio:>6}", row.epsilon, row.shared, row.one_each));
    }
    Ok(true)
}

pub(super) fn drift(study: Study, seed: u64, seeds: u64, json: bool) -> anyhow::Result<bool> {
    let progress = bar(seeds, "seeds")?;
    let report = drift::run(study, seed, seeds, |done| progress.inc(done))?;
    progress.finish_and_clear();
    if json {
        line(&serde_json::to_string(&report)?);
        return Ok(true);
    }
    line(&format!(
        "{} nodes of {} users, {} % of whom meet the failure in an epoch; noise of a count {:.1}; {seeds} seeds.\n\
         A flag is renamed after {} epochs, and renamed back after as many more.\n\
         Epochs from the change on (mean, 95 % interval, share that took longer than {} epochs):",
        study.nodes,
        study.users,
        f64::from(study.meets_ppm) / 1e4,
        report.sigma,
        study.phase,
        study.phase,
    ));
    line("change  knowledge               ready  old one not hinted         newer one hinted");
    let shown = |delay: &Delay| {
        let Delay { mean, low, high, never } = delay;
        format!("{mean:5.1} ({low:.1} to {high:.1}), {:.0} %", never * 100.0)
    };
    for row in &report.rows {
        let arm = match row.arm {
            Arm::Federation => "federation",
            Arm::Alone => "each node alone",
            Arm::AllTime => "sums of all time",
        };
        line(&format!(
            "{:6}  {arm:<22} {:5.0} %  {:<26} {}",
            row.change,
            row.ready * 100.0,
            shown(&row.old_gone),
            shown(&row.new_hinted),
        ));
    }
    line(&format!(
        "The federation raised an alarm for {} of {} changes. At the alarm the old one was not hinted any more in {}; \
         the newer one was hinted by the next epoch in {}. Lessons that drifted before any change: {}",
        report.alarms,
        2 * seeds,
        report.gone_at_alarm,
        report.new_after_alarm,
        report.false_alarms,
    ));
    Ok(true)
}
