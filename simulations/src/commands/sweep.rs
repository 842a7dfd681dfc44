//! `lore-sim sweep` and `lore-sim merge`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use lore_simulations::runner;
use lore_simulations::sweep::{Ran, Results, Shard, Sweep, merge};
use serde::Serialize;

use crate::{bar, line};

#[derive(clap::Args)]
pub(crate) struct SweepArgs {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List the cells of a sweep: every combination of its axes, with every seed
    Plan {
        /// TOML file
        file: PathBuf,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Run the cells that have no result yet
    Run {
        /// TOML file
        file: PathBuf,
        /// Directory of results; `NAME-results` without it
        #[arg(long)]
        out: Option<PathBuf>,
        /// Run the cells whose number modulo COUNT is INDEX, as in 0/4. Without it the index comes from
        /// SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX or AWS_BATCH_JOB_ARRAY_INDEX, where one is set
        #[arg(long, value_name = "INDEX/COUNT")]
        shard: Option<String>,
        /// Number of shards, where the index comes from the environment
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000), conflicts_with = "shard")]
        shards: Option<u64>,
        /// Threads; one cell stays on one
        #[arg(long)]
        threads: Option<usize>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(clap::Args)]
pub(crate) struct MergeArgs {
    /// Directories of results of one sweep
    #[arg(required = true)]
    directories: Vec<PathBuf>,
    /// Table to write: .parquet, .csv or .jsonl
    #[arg(short, long)]
    output: PathBuf,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Plan<'a> {
    name: &'a str,
    about: &'a str,
    sweep: String,
    cells: &'a [lore_simulations::sweep::Cell],
}

#[derive(Serialize)]
struct RanShard<'a> {
    ok: bool,
    out: String,
    shard: String,
    #[serde(flatten)]
    ran: &'a Ran,
}

#[derive(Serialize)]
struct Merged {
    file: String,
    rows: usize,
    content_hash: String,
}

pub(crate) fn sweep(args: SweepArgs) -> anyhow::Result<bool> {
    match args.verb {
        Verb::Plan { file, json } => plan(&file, json),
        Verb::Run { file, out, shard, shards, threads, json } => {
            let shard = Shard::choose(shard.as_deref(), shards, |name| std::env::var(name).ok())?;
            run(&file, out, shard, threads, json)
        }
    }
}

fn plan(file: &Path, json: bool) -> anyhow::Result<bool> {
    let sweep = Sweep::read(file)?;
    if json {
        let Sweep { name, about, cells } = &sweep;
        line(&serde_json::to_string(&Plan { name, about, sweep: sweep.hash(), cells })?);
        return Ok(true);
    }
    line(&format!("{:>6} {:>10}  values", "cell", "seed"));
    for cell in &sweep.cells {
        line(&format!("{:>6} {:>10}  {}", cell.index, cell.seed, cell.arm));
    }
    line(&format!("{} cells of sweep {} ({})", sweep.cells.len(), sweep.name, sweep.hash()));
    Ok(true)
}

fn run(
    file: &Path,
    out: Option<PathBuf>,
    shard: Shard,
    threads: Option<usize>,
    json: bool,
) -> anyhow::Result<bool> {
    let sweep = Sweep::read(file)?;
    let out = out.unwrap_or_else(|| PathBuf::from(format!("{}-results", sweep.name)));
    let results = Results::open(&out, &sweep)?;
    let own = sweep.cells.iter().filter(|cell| shard.has(cell.index)).count();
    let progress = bar(own as u64, &sweep.name)?;
    let threads = threads.unwrap_or_else(runner::available_threads);
    let base = file.parent().unwrap_or(Path::new("."));
    let ran = results.run(&sweep, base, shard, threads, || progress.inc(1))?;
    progress.finish_and_clear();
    for damaged in &ran.damaged {
        eprintln!("lore-sim: {damaged} was damaged; it was removed and computed again");
    }
    for violation in &ran.violations {
        eprintln!("lore-sim: violated: {violation}");
    }
    let ok = ran.violations.is_empty();
    if json {
        let shard = format!("{}/{}", shard.index, shard.of);
        let out = out.display().to_string();
        line(&serde_json::to_string(&RanShard { ok, out, shard, ran: &ran })?);
        return Ok(ok);
    }
    line(&format!(
        "{}: {} cells of shard {}/{}: {} computed, {} there already",
        out.display(),
        ran.cells,
        shard.index,
        shard.of,
        ran.computed,
        ran.skipped
    ));
    line(&format!("next: lore-sim merge {} -o {}.parquet", out.display(), sweep.name));
    Ok(ok)
}

pub(crate) fn merged(args: &MergeArgs) -> anyhow::Result<bool> {
    let table = merge(&args.directories)?;
    let content_hash = table.content_hash()?;
    table.write(&args.output).context("cannot write the merged table")?;
    let (file, rows) = (args.output.display().to_string(), table.len());
    if args.json {
        line(&serde_json::to_string(&Merged { file, rows, content_hash })?);
    } else {
        line(&format!("{file}: {rows} rows, content {}", &content_hash[..16]));
        line(&format!("next: lore-sim plot {file}"));
    }
    Ok(true)
}
