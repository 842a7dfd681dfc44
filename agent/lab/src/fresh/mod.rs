//! Families that nobody can know: written when they are needed, with names drawn from a fresh seed.
//!
//! An experiment that wants to show that a lesson carries over must use tasks that stand in no prompt,
//! no miner and no training text. Names of tools, options, variables and paths are made of syllables, the
//! topic, the wording and the way of refusing are drawn too; which of several made-up options holds is
//! drawn again with the environment, as for all families of a directory.

mod shapes;

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::directory::{BIN, CHECK, FILE, SETUP, ScaffoldError};
use super::draw::Draw;
use shapes::{SHAPES, Shape};

const FAMILY: &str = include_str!("family.toml");
const CHECK_TEXT: &str = include_str!("check");
const TOOL: &str = include_str!("tool");

/// Shapes of quirk that there are; that many families in a row have different ones.
pub const MAX_SHAPES: usize = SHAPES.len();

/// Topics of the tasks: words of the public vocabulary that no built-in family uses.
const TOPICS: [&str; 20] = [
    "museum",
    "orchestra",
    "pharmacy",
    "prescription",
    "cheese",
    "honey",
    "luggage",
    "vessel",
    "depot",
    "thermometer",
    "humidity",
    "shipment",
    "dashboard",
    "workflow",
    "replica",
    "salmon",
    "necklace",
    "footwear",
    "chef",
    "gym",
];

/// Verbs of the tasks, each of which is the tool's sub-command too.
const VERBS: [&str; 8] =
    ["confirm", "record", "open", "close", "finish", "accept", "approve", "schedule"];

const FRAMES: [&str; 7] = [
    "Please @VERB@ the @A@ @B@ {id} and write the answer to {out}.@MORE@",
    "The @A@ has a @B@ {id}: @VERB@ it, with the answer in {out}.@MORE@",
    "I want to @VERB@ @B@ {id} of the @A@; put the answer into {out}.@MORE@",
    "Next is @B@ {id} of the @A@. Please @VERB@ it and save the answer as {out}.@MORE@",
    "For the @A@: @VERB@ @B@ {id}, answer to {out}.@MORE@",
    "Can you @VERB@ the @B@ {id} for our @A@? The answer goes to {out}.@MORE@",
    "We still have to @VERB@ @A@ @B@ {id}; save the answer as {out}.@MORE@",
];

/// Writes `count` families below `dir`, each in its own directory, and gives their paths. The same
/// seed gives the same families.
///
/// # Errors
/// Fails when a directory exists already or cannot be written.
pub fn fresh(dir: &Path, seed: u64, count: usize) -> Result<Vec<PathBuf>, ScaffoldError> {
    let mut draw = Draw::new(seed, &["fresh"]);
    let mut names = Names::default();
    let mut shapes: Vec<&Shape> = SHAPES.iter().collect();
    draw.shuffle(&mut shapes);
    let mut topics: Vec<&str> = TOPICS.to_vec();
    draw.shuffle(&mut topics);
    let topics = topics.chunks_exact(2).cycle();
    let mut written = Vec::new();
    for (shape, topic) in shapes.into_iter().cycle().zip(topics).take(count) {
        written.push(write(dir, shape, topic, &mut draw, &mut names)?);
    }
    Ok(written)
}

fn write(
    dir: &Path,
    shape: &Shape,
    topic: &[&str],
    draw: &mut Draw,
    names: &mut Names,
) -> Result<PathBuf, ScaffoldError> {
    let tool = names.made_up(draw, 3);
    let name = format!("fresh-{tool}");
    let mut marks: Vec<(String, String)> = vec![
        ("@NAME@".into(), name.clone()),
        ("@TOOL@".into(), tool.clone()),
        ("@A@".into(), topic[0].into()),
        ("@B@".into(), topic[1].into()),
        ("@VERB@".into(), (*draw.pick(&VERBS)).into()),
        ("@STATUS@".into(), draw.between(3, 99).to_string()),
        ("@STORE@".into(), names.made_up(draw, 2)),
        ("@REFUSAL@".into(), (*draw.pick(shape.refusals)).into()),
        ("@LISTING@".into(), (*draw.pick(shape.listings)).into()),
    ];
    for n in 1..=9 {
        marks.push((format!("@W{n}@"), names.made_up(draw, 2)));
    }
    let frames = draw.some(&FRAMES, 4);
    let prompts: Vec<String> = frames.iter().map(|frame| format!("    \"{frame}\",\n")).collect();
    let parts = [
        ("@PROMPTS@", prompts.concat()),
        ("@DOCUMENTED@", shape.documented.into()),
        ("@VALUES@", shape.values.into()),
        ("@QUIRK@", shape.quirk.into()),
        ("@MORE@", shape.more.into()),
        ("@HELP@", shape.help.into()),
        ("@OPTIONS@", shape.options.into()),
        ("@GUARD@", shape.guard.into()),
    ];
    // The parts hold marks themselves, and a refusal does.
    let fill = |text: &str| {
        let mut text = text.to_owned();
        for (mark, with) in &parts {
            text = text.replace(mark, with);
        }
        for _ in 0..2 {
            for (mark, with) in &marks {
                text = text.replace(mark.as_str(), with);
            }
        }
        text
    };
    let family = dir.join(&name);
    if family.symlink_metadata().is_ok() {
        return Err(ScaffoldError::Exists(family));
    }
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| ScaffoldError::Io { path, source }
    };
    let bin = family.join(BIN);
    std::fs::create_dir_all(&bin).map_err(at(&bin))?;
    let setup = format!("#!/bin/sh\nset -eu\n{}\n", shape.setup);
    for (path, text, mode) in [
        (family.join(FILE), FAMILY, 0o644),
        (family.join(SETUP), setup.as_str(), 0o755),
        (family.join(CHECK), CHECK_TEXT, 0o755),
        (bin.join(&tool), TOOL, 0o755),
    ] {
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(mode).open(&path);
        file.and_then(|mut file| file.write_all(fill(text).as_bytes())).map_err(at(&path))?;
    }
    Ok(family)
}

/// Names made of syllables, each once.
#[derive(Default)]
struct Names(std::collections::BTreeSet<String>);

impl Names {
    fn made_up(&mut self, draw: &mut Draw, syllables: usize) -> String {
        loop {
            let mut name: String = (0..syllables)
                .flat_map(|_| {
                    let consonant = *draw.pick(&["b", "d", "f", "g", "k", "l", "m", "r", "v", "z"]);
                    let vowel = *draw.pick(&["a", "e", "i", "o", "u"]);
                    [consonant, vowel]
                })
                .collect();
            name += *draw.pick(&["k", "n", "rp", "sk", "x", "zt"]);
            if self.0.insert(name.clone()) {
                return name;
            }
        }
    }
}
