//! `privacy audit`: attempts to catch the mechanisms that this binary ships. Needs no node.

use std::time::Instant;

use lore_privacy::audit::{self, Audit, Depth, Observer, Report};

use super::Context;
use super::args::AuditArgs;
use crate::error::CliError;
use crate::output::{self, Progress, ProgressMode};

/// Time from the system, progress to stderr.
struct Watcher {
    started: Instant,
    progress: Progress,
    now: &'static str,
}

impl Observer for Watcher {
    fn seconds(&mut self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn progress(&mut self, audit: &'static str, done: u64, total: u64) {
        if self.now != audit {
            if !self.now.is_empty() {
                self.progress.advance(1);
            }
            self.now = audit;
            self.progress.say(audit);
        }
        self.progress.detail(format!("{audit} {} %", done * 100 / total.max(1)));
    }
}

pub(super) fn audit(context: &Context, args: &AuditArgs) -> Result<(), CliError> {
    let depth = if args.deep { Depth::Deep } else { Depth::Default };
    let total = audit::NAMES.len() as u64;
    let progress = Progress::start(ProgressMode::Auto, total, "privacy audits");
    let mut watcher = Watcher { started: Instant::now(), progress, now: "" };
    let report = audit::run(depth, &mut watcher)
        .map_err(|error| CliError::failed("privacy_audit", error))?;
    watcher.progress.finish();
    let fault = (!report.passed).then(|| {
        CliError::failed("privacy_audit", "an audit failed, or its control was not caught").help(
            "stop the node and do not release with this build; run the audit again to rule out \
             chance",
        )
    });
    output::result_with(&report, context.json, text, fault)
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    for audit in &report.audits {
        let Audit { name, quantity, claimed, certified, samples, seconds, .. } = audit;
        let passed = if audit.passed { "ok    " } else { "FAILED" };
        let control = if audit.control_caught { "control caught" } else { "CONTROL MISSED" };
        text.push_str(&format!(
            "{passed} {name}: {quantity} claimed {claimed:.4}, certified {certified:.4}; {control}; \
             {samples} samples, {seconds:.0} s\n"
        ));
        if let Some(epsilon) = audit.epsilon {
            text.push_str(&format!(
                "         epsilon at delta {:.4}: claimed {:.3}, certified {:.3}\n",
                epsilon.delta, epsilon.claimed, epsilon.certified
            ));
        }
    }
    let passed = if report.passed { "passed" } else { "FAILED" };
    text.push_str(&format!("{passed}; each bound is wrong with chance {:e} at most", report.alpha));
    text
}
