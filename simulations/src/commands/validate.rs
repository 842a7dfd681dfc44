//! `lore-sim validate`: the simulator against results that are known without it.

use lore_simulations::{runner, validate};
use serde_json::json;

use crate::{bar, line};

pub(crate) fn check(seed: u64, threads: Option<usize>, json: bool) -> anyhow::Result<bool> {
    let threads = threads.unwrap_or_else(runner::available_threads);
    let progress = bar(validate::COUNT, "validate")?;
    let targets = validate::all(seed, threads, |_| progress.inc(1));
    progress.finish_and_clear();
    let ok = targets.iter().all(|target| target.ok);
    if json {
        line(&json!({ "ok": ok, "seed": seed, "targets": targets }).to_string());
    } else {
        line(&format!(
            "{:<22} {:>10} {:>10} {:>23} {:>8}",
            "", "expected", "got", "must be within", "runs"
        ));
        for target in &targets {
            line(&format!(
                "{:<22} {:>10.4} {:>10.4} {:>11.4} {:>11.4} {:>8} {:<6} {}",
                target.id,
                target.expected,
                target.got,
                target.low,
                target.high,
                target.runs,
                if target.ok { "ok" } else { "MISSED" },
                target.what,
            ));
        }
    }
    if !ok {
        eprintln!("reproduce: lore-sim validate --seed {seed}");
    }
    Ok(ok)
}
