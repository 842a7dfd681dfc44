//! The replay gate, with the lab's real services.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lore_agent::replay::{
    Agent, AgentError, AttemptFuture, NotProposable, OwnTasks, Plan, PublicTasks, ReplayError,
    Subject, Task, Verdict, before_installing, before_proposing,
};
use lore_agent::select::Index;
use lore_lab::FamilyId;
use lore_lab::explorer::RuleAgent;
use lore_privacy::{LocalSecret, Private};

use super::room::{Room, mined, template};

const TASKS: u64 = 8;

/// The skill that one user's work in a family comes to, as it is rendered.
fn learnt(room: &Room, family: FamilyId) -> String {
    let bundles = mined(&room.work(&[family], 1, None)).into_values().flatten();
    let bundle = bundles.flatten().next().unwrap();
    let topics: Vec<&str> = bundle.topics.iter().map(|word| word.as_str()).collect();
    let topics = topics.join(" ");
    format!(
        "---\nname: \"learnt\"\ndescription: \"Tasks about {topics}.\"\n---\n\n# {topics}\n\n\
         ```bash\n{}\n```\n",
        template(&bundle)
    )
}

fn tasks(room: &Room, families: &[FamilyId]) -> PublicTasks {
    let environment = room.lab.environment();
    let each = families
        .iter()
        .flat_map(|family| (0..TASKS).map(|n| environment.instance(*family, "replay", n).unwrap()));
    PublicTasks::new(each.collect::<Vec<_>>())
}

fn agent(room: &Room) -> RuleAgent {
    RuleAgent { bin: room.lab.environment().bin(), habit: 1 }
}

fn plan(scratch: &Path) -> Plan<'_> {
    Plan { scratch, patience: Duration::from_secs(60) }
}

#[tokio::test]
async fn a_right_skill_may_be_proposed_and_a_wrong_one_may_not() {
    let (here, there) = (Room::new(61), Room::new(62));
    let family = FamilyId::quirks()[0];
    let scratch = here.scratch();
    let tasks = tasks(&here, &[family]);
    let right = Subject::new(&learnt(&here, family)).unwrap();
    let proposable = before_proposing(right, &tasks, &agent(&here), &plan(&scratch)).await.unwrap();
    let replay = proposable.replay();
    assert_eq!((replay.without.successes, replay.verdict), (0, Verdict::Helps));
    assert_eq!(replay.with.successes, replay.with.tasks);
    assert!(replay.difference.low > 0.0 && replay.with.low > 0.5);

    // The same lesson, learnt where the world is another.
    let wrong = Subject::new(&learnt(&there, family)).unwrap();
    match before_proposing(wrong, &tasks, &agent(&here), &plan(&scratch)).await {
        Err(NotProposable::Judged(replay)) => {
            assert_eq!(replay.with.successes, 0);
            assert_ne!(replay.verdict, Verdict::Helps);
        }
        other => panic!("{other:?}"),
    }
    // Nothing is left behind.
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0);
}

#[tokio::test]
async fn a_skill_is_judged_by_the_tasks_that_it_would_be_offered_for() {
    let room = Room::new(63);
    let families = &FamilyId::quirks()[..4];
    let subject = Subject::new(&learnt(&room, families[1])).unwrap();
    let library = Index::new([subject.skill().clone()]);
    let all = tasks(&room, families);
    let fitting = all.clone().offered(&library, &subject.skill().name);
    assert!(fitting.len() < all.len(), "{} of {}", fitting.len(), all.len());
    assert!(fitting.len() as u64 >= TASKS);
}

/// A private task.
struct Own;

impl Task for Own {
    fn prompt(&self) -> &str {
        "write yes to answer.txt"
    }

    fn setup(&self, scratch: &Path) -> std::io::Result<()> {
        assert_eq!(std::fs::read_dir(scratch)?.count(), 0, "each attempt begins in an empty place");
        Ok(())
    }

    fn validate(&self, scratch: &Path) -> Result<(), String> {
        match std::fs::read_to_string(scratch.join("answer.txt")) {
            Ok(text) if text == "yes" => Ok(()),
            _ => Err("answer.txt is wrong".to_owned()),
        }
    }
}

fn own(tasks: usize) -> OwnTasks {
    let unit = LocalSecret::from_bytes([7; 32]).user("ann");
    let tasks = (0..tasks).map(|_| Box::new(Own) as Box<dyn Task>).collect();
    OwnTasks::of(unit, Private::new(tasks))
}

fn subject() -> Subject {
    Subject::new("---\nname: \"one\"\ndescription: \"Say yes.\"\n---\n\nSay yes.\n").unwrap()
}

/// Answers by what it was given: `with` the skill, `without` it.
fn model_function(with: &'static str, without: &'static str) -> impl Agent {
    fn typed<F>(function: F) -> F
    where
        F: for<'a> Fn(&'a dyn Task, &'a Path, Option<&'a Subject>) -> AttemptFuture<'a>
            + Send
            + Sync,
    {
        function
    }
    typed(move |task, scratch, skill| {
        Box::pin(async move {
            let answer = if skill.is_some() { with } else { without };
            std::fs::write(scratch.join("answer.txt"), answer).unwrap();
            Ok(task.validate(scratch).is_ok())
        })
    })
}

#[tokio::test]
async fn own_tasks_gate_what_is_installed_for_their_own_unit() {
    let dir = tempfile::tempdir().unwrap();
    let own = own(8);
    for (with, without, adopts) in [("yes", "no", true), ("no", "yes", false), ("no", "no", false)]
    {
        let agent = model_function(with, without);
        let done = before_installing(&subject(), &own, &agent, &plan(dir.path())).await.unwrap();
        assert!(done.unit.is_some_and(|unit| unit == *own.unit()));
        assert_eq!(done.adopts(), adopts, "{with} {without}");
    }
    // Public tasks answer for everybody.
    let public = PublicTasks::default();
    let done =
        before_installing(&subject(), &public, &model_function("yes", "no"), &plan(dir.path()))
            .await
            .unwrap();
    assert!(done.unit.is_none() && !done.adopts(), "no tasks, no answer");
}

#[tokio::test]
async fn an_attempt_that_does_not_end_failed_and_an_agent_that_cannot_work_stops_the_replay() {
    struct Hangs(AtomicUsize);
    impl Agent for Hangs {
        fn attempt<'a>(
            &'a self,
            _: &'a dyn Task,
            _: &'a Path,
            _: Option<&'a Subject>,
        ) -> AttemptFuture<'a> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(std::future::pending())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let own = own(4);
    let hangs = Hangs(AtomicUsize::new(0));
    let short = Plan { scratch: dir.path(), patience: Duration::from_millis(1) };
    let done = before_installing(&subject(), &own, &hangs, &short).await.unwrap();
    assert_eq!(done.replay.expose_to_owner().with.successes, 0);
    assert_eq!(hangs.0.load(Ordering::SeqCst), 8);

    struct Broken;
    impl Agent for Broken {
        fn attempt<'a>(
            &'a self,
            _: &'a dyn Task,
            _: &'a Path,
            _: Option<&'a Subject>,
        ) -> AttemptFuture<'a> {
            Box::pin(async { Err(AgentError("no model".to_owned())) })
        }
    }
    let broken = before_installing(&subject(), &own, &Broken, &short).await;
    assert!(matches!(broken, Err(ReplayError::Agent(_))));
    assert!(matches!(Subject::new("no skill"), Err(ReplayError::NotASkill(_))));
}
