//! Pitfalls of real tools with a scripted model: the usual command first, then what the hint says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use lore_agent::model::{Delta, Model, ModelFuture, Reply, Request};
use lore_lab::episode::Bounds;
use lore_lab::pitfalls::{HintArm, Pitfall, Report, Trial, run};

const TOOLS: &str = env!("CARGO_BIN_EXE_lore-lab-tools");

/// Runs the usual command, then the one that works when a hint names its remedy, else gives up.
struct Scripted {
    pitfall: Pitfall,
}

impl Scripted {
    fn says(&self, request: &Request) -> String {
        let block = |command: &str| format!("I run it.\n```bash\n{command}\n```");
        let mut hints = request.messages.iter().filter_map(|message| {
            message.text().split_once("[hint from lore: ").map(|(_, hint)| hint)
        });
        match (request.messages.len(), hints.next()) {
            (2, _) => block(&self.pitfall.obvious),
            (_, Some(hint)) if !hint.contains(&self.pitfall.wrong) => block(&self.pitfall.fix),
            _ => "It cannot be done.".to_owned(),
        }
    }
}

impl Model for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn complete<'a>(
        &'a self,
        request: &'a Request,
        _: &'a mut (dyn FnMut(Delta<'_>) + Send),
    ) -> ModelFuture<'a> {
        let text = self.says(request);
        Box::pin(async move { Ok(Reply { text, ..Reply::default() }) })
    }
}

async fn trial(pitfall: &Pitfall, arm: HintArm) -> Trial {
    let dir = tempfile::tempdir().unwrap();
    let model = Scripted { pitfall: pitfall.clone() };
    let bounds = Bounds { steps: 4, command: Duration::from_secs(120), ..Bounds::default() };
    let scratch = dir.path().join("scratch");
    run(&model, pitfall, arm, &bounds, Path::new(TOOLS), &scratch).await.unwrap()
}

#[test]
fn there_are_enough_pitfalls_and_each_has_a_name() {
    let all = Pitfall::all();
    let names: std::collections::BTreeSet<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let programs: std::collections::BTreeSet<&str> =
        all.iter().map(|one| one.program.as_str()).collect();
    assert!(names.len() == all.len() && names.len() >= 16 && programs.len() >= 8);
    assert!(all.iter().all(|one| one.task.contains(&one.obvious) && !one.task.contains(&one.fix)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_follows_hints_solves_what_it_does_not_without() {
    let mut trials = Vec::new();
    let mut skipped = BTreeMap::new();
    for pitfall in Pitfall::all() {
        if let Some(program) = pitfall.missing() {
            skipped.insert(pitfall.name.clone(), program.to_owned());
            continue;
        }
        for arm in HintArm::ALL {
            let done = trial(&pitfall, arm).await;
            assert!(done.met, "the usual command works here: {done:?}");
            assert_eq!(done.commands[0], pitfall.obvious);
            match arm {
                HintArm::None => assert!(!done.solved && done.hints.is_empty(), "{done:?}"),
                HintArm::Hint => assert!(done.solved && done.hints.len() == 1, "{done:?}"),
                HintArm::Wrong => assert!(!done.solved, "{done:?}"),
            }
            trials.push(done);
        }
    }
    let report = Report::of(trials, skipped);
    let of = |arm: HintArm| report.arms.iter().find(|one| one.arm == arm).unwrap();
    let (none, hint) = (of(HintArm::None), of(HintArm::Hint));
    assert_eq!((none.solved.successes, hint.solved.successes), (0, hint.solved.trials));
    assert!(hint.calls.value < none.calls.value, "giving up costs more calls than the fix");
    let better = report.differences.iter().find(|one| one.arm == HintArm::Hint).unwrap();
    assert!(better.difference.low > 0.0);
    assert!(report.worse.is_empty());
    let shown = report.to_string();
    assert!(shown.contains("surely worse than none: 0"), "{shown}");
}

#[test]
fn a_program_on_which_hints_do_harm_is_named_and_failed_trials_count_nowhere() {
    let one = |n: usize, arm: HintArm, solved: bool, error: Option<&str>| Trial {
        pitfall: format!("p{n}"),
        program: "git".to_owned(),
        arm,
        solved,
        met: true,
        hints: Vec::new(),
        calls: 2,
        tokens: 100,
        commands: Vec::new(),
        seconds: 0.0,
        endpoint_error: error.map(str::to_owned),
    };
    let mut trials: Vec<Trial> = (0..8)
        .flat_map(|n| [one(n, HintArm::None, true, None), one(n, HintArm::Hint, false, None)])
        .collect();
    trials.push(one(9, HintArm::Hint, false, Some("server: x")));
    let report = Report::of(trials, BTreeMap::new());
    assert_eq!((report.worse, report.failed), (vec!["git".to_owned()], 1));
    assert_eq!(report.arms[1].solved.trials, 8);
}
