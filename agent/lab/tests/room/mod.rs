//! A lab for tests, and a library made from what its users did.
#![allow(dead_code, unreachable_pub)] // Each test binary uses a part.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use lore_lab::measure::{Evaluation, Plan, Report, Worked, evaluate, work};
use lore_lab::{Families, FamilyId, Lab, LabError};
use lore_protocol::lesson::{Action, Bundle, mine};

const TOOLS: &str = env!("CARGO_BIN_EXE_lore-lab-tools");
pub const THREADS: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// A lab with its directory, which goes when it goes.
pub struct Room {
    pub lab: Lab,
    pub dir: tempfile::TempDir,
}

impl Room {
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Families::built_in())
    }

    pub fn with(seed: u64, families: Families) -> Self {
        Self::try_with(seed, families).unwrap()
    }

    pub fn try_with(seed: u64, families: Families) -> Result<Self, LabError> {
        let dir = tempfile::tempdir().unwrap();
        let tools = Path::new(TOOLS);
        let lab = Lab::start_with(seed, &dir.path().join("lab"), tools, families)?;
        Ok(Self { lab, dir })
    }

    pub fn scratch(&self) -> std::path::PathBuf {
        self.dir.path().join("scratch")
    }

    /// Eight fresh tasks of every family.
    pub fn evaluate(&self, skills: Option<&Path>, give_time: bool) -> Report {
        evaluated(self, skills, 8, give_time)
    }

    pub fn work(&self, families: &[FamilyId], users: usize, skills: Option<&Path>) -> Vec<Worked> {
        let plan = Plan {
            seed: 5,
            users,
            families,
            tasks: 1,
            controls: 0,
            skills,
            started: 1_700_000_000,
            threads: THREADS,
        };
        work(self.lab.environment(), &self.scratch(), &plan, &|_, _| {}).unwrap()
    }
}

/// Fresh tasks of every family of a room.
pub fn evaluated(room: &Room, skills: Option<&Path>, per_family: u64, give_time: bool) -> Report {
    let evaluation = Evaluation {
        seed: 9,
        families: &room.lab.environment().families(),
        per_family,
        skills,
        give_time,
        threads: THREADS,
    };
    evaluate(room.lab.environment(), &room.scratch(), &evaluation, &|_, _| {}).unwrap()
}

/// Bundles by family, one for each session that gave one.
pub fn mined(worked: &[Worked]) -> BTreeMap<FamilyId, Vec<Option<Bundle>>> {
    let mut all: BTreeMap<FamilyId, Vec<Option<Bundle>>> = BTreeMap::new();
    for one in worked {
        let bundle = mine(&one.attempt.session.trace());
        all.entry(one.family).or_default().push(bundle);
    }
    all
}

/// The template of an example.
pub fn template(bundle: &Bundle) -> String {
    match bundle.primary.action() {
        Action::Example(token) => token.as_str().to_owned(),
        other => panic!("no example: {other:?}"),
    }
}

/// Writes one skill a family, from the first bundle of each, in the shape in which skills are rendered,
/// with its topic words or without.
pub fn write_library(
    dir: &Path,
    mined: &BTreeMap<FamilyId, Vec<Option<Bundle>>>,
    titled: bool,
) -> PathBuf {
    for (nth, bundles) in mined.values().enumerate() {
        let Some(bundle) = bundles.iter().flatten().next() else {
            continue;
        };
        let topics = bundle.topics.iter().filter(|_| titled);
        let topics: Vec<&str> = topics.map(|word| word.as_str()).collect();
        let topics = topics.join(" ");
        // The directory's name tells nothing of the family.
        let name = format!("skill-{nth}");
        let text = format!(
            "---\nname: \"{name}\"\ndescription: \"{topics}\"\n---\n\n# {topics}\n\n\
             ## When to use\n\n{topics}\n\n```bash\n{}\n```\n",
            template(bundle)
        );
        std::fs::create_dir_all(dir.join(&name)).unwrap();
        std::fs::write(dir.join(&name).join("SKILL.md"), text).unwrap();
    }
    dir.to_owned()
}
