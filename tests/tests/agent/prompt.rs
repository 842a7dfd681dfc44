//! The prompt, at a real terminal.

use lore_tests::pty::Conversation;
use serde_json::json;

use crate::desk::{Desk, shell};
use lore_test_endpoint::chat::{calls, says};
use lore_test_endpoint::{Act, Endpoint};

fn at_the_prompt(desk: &Desk, endpoint: &Endpoint, args: &[&str]) -> Conversation {
    let mut conversation = Conversation::start(&desk.command(endpoint, args));
    conversation.wait_for("lore> ");
    conversation
}

/// Runs a test's talk off the async threads, on which the endpoint answers.
fn talk(work: impl FnOnce()) {
    tokio::task::block_in_place(work);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_stream_approvals_are_asked_and_the_session_is_stored_when_it_is_left() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![
        calls(&[("a", "bash", &shell("touch one"))]),
        says("First is made."),
        calls(&[("b", "bash", &shell("touch two"))]),
        says("Second is made."),
        calls(&[("c", "bash", &shell("rm one"))]),
        says("I leave it."),
    ]);
    talk(|| {
        let mut at = at_the_prompt(&desk, &endpoint, &["--skills", "none"]);
        at.types("make one\r");
        at.wait_for("allow `bash`: touch one?");
        at.wait_for("[n]o: ");
        at.types("a\r");
        at.wait_for("First is made.");
        at.wait_for("lore> ");
        // Like the first, and so not asked again.
        at.types("make two\r");
        at.wait_for("Second is made.");
        at.wait_for("lore> ");
        at.types("remove one\r");
        at.wait_for("allow `bash`: rm one?");
        at.wait_for("[n]o: ");
        at.types("n\r");
        at.wait_for("I leave it.");
        at.wait_for("lore> ");
        at.types("/approve\r");
        at.wait_for("agreed for this session: bash: touch ...");
        at.wait_for("lore> ");
        at.types("/quit\r");
        at.wait_for("stored as agent-");
        assert!(at.ends().success());
        assert_eq!(at.shown().matches("allow `bash`").count(), 2, "{}", at.shown());
    });
    assert!(desk.workspace.join("one").exists() && desk.workspace.join("two").exists());
    let told = endpoint.seen()[5].body["messages"].to_string();
    assert!(told.contains("the user said no"), "{told}");
    assert_eq!(desk.sessions()[0]["task"], "make one");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_does_what_help_says() {
    let desk = Desk::new();
    let other = Endpoint::acts(vec![says("Other answers.")]);
    let endpoint = Endpoint::acts(vec![says("One."), says("Two."), says("A summary.")]);
    let elsewhere = format!("/model {}#other\r", other.url);
    talk(|| {
        let mut at = at_the_prompt(&desk, &endpoint, &["--skills", "none"]);
        let mut does = |typed: &str, shows: &str| {
            at.types(typed);
            at.wait_for(shows);
            at.wait_for("lore> ");
        };
        does("/help\r", "Ctrl-C ends what is running");
        does("first\r", "One.");
        does("second\r", "Two.");
        does("/undo\r", "taken back: second");
        does("/budget\r", "a task: 300 calls");
        does("/budget calls 7\r", "a task: 7 calls");
        does("/budget calls none\r", "neither a whole number");
        does("/budget\r", "used today: 2 calls");
        does("/skills\r", "at hand (0)");
        does("/approve bash\r", "`bash` is not asked about any more");
        does("/resume\r", "sessions, newest first: ");
        does("/resume 0123\r", "there is no session");
        does("/compact\r", "compacted from");
        does("/nonsense\r", "is not a command");
        does(&elsewhere, "#other");
        does("third\r", "Other answers.");
        at.types("\x04");
        assert!(at.ends().success());
    });
    let told = other.seen()[0].body["messages"].to_string();
    assert!(told.contains("first") && told.contains("third") && !told.contains("second"), "{told}");
}

/// Returns true when a process with this command line runs anywhere.
fn runs(words: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.into_iter().any(|line| line.starts_with(words.as_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_once_ends_the_turn_and_twice_leaves() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![
        Act::Hang,
        calls(&[("a", "bash", &shell("sleep 4175"))]),
        says("Still here."),
    ]);
    talk(|| {
        let mut at =
            at_the_prompt(&desk, &endpoint, &["--skills", "none", "--policy", "workspace"]);
        at.types("hang\r");
        lore_tests::wait::wait_until("the model is asked", lore_tests::wait::PATIENCE, || {
            (endpoint.seen().len() == 1).then_some(())
        });
        at.types("\x03");
        at.wait_for("cancelled");
        at.wait_for("lore> ");
        at.types("run\r");
        at.wait_for("> bash sleep 4175");
        lore_tests::wait::wait_until("it runs", lore_tests::wait::PATIENCE, || {
            runs("sleep\u{0}4175").then_some(())
        });
        at.types("\x03");
        at.wait_for("cancelled; it was killed");
        at.wait_for("lore> ");
        at.types("and now\r");
        at.wait_for("Still here.");
        at.wait_for("lore> ");
        at.types("\x03");
        at.wait_for("Ctrl-C again");
        at.wait_for("lore> ");
        at.types("\x03");
        at.wait_for("stored as agent-");
        assert!(at.ends().success());
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_skill_asks_for_is_asked_on_its_first_use_and_remembered() {
    let desk = Desk::new();
    let dir = desk.cluster.path().join("skills");
    std::fs::create_dir_all(dir.join("weather/scripts")).unwrap();
    let text = "---\nname: weather\ndescription: Weather forecast for hikers.\n\
                allowed-tools: web_fetch\n---\n\nAsk https://weather.example/ for it.\n";
    std::fs::write(dir.join("weather/SKILL.md"), text).unwrap();
    let dir = dir.display().to_string();
    let endpoint = Endpoint::start(|_, _| says("Sunny."));
    let ask = |answer: Option<&str>| {
        let mut at = at_the_prompt(&desk, &endpoint, &["--skills", &dir]);
        at.types("a weather forecast for hikers\r");
        if let Some(answer) = answer {
            at.wait_for(
                "the skill `weather` asks for the tools web_fetch; scripts of its own; the hosts",
            );
            at.wait_for("[n]o: ");
            at.types(answer);
        }
        at.wait_for("Sunny.");
        at.wait_for("lore> ");
        at.types("/quit\r");
        at.ends();
    };
    talk(|| {
        ask(Some("n\r"));
        assert!(!endpoint.seen()[0].body.to_string().contains("weather.example"));
        ask(Some("a\r"));
        ask(None);
    });
    for n in [1, 2] {
        assert!(endpoint.seen()[n].body.to_string().contains("weather.example"), "{n}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_resumed_at_the_prompt_with_its_past() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says("Noted."), says("Blue.")]);
    let id = desk.run(&endpoint, &["the colour is blue", "--policy", "read-only"]).await.session();
    talk(|| {
        let mut at = at_the_prompt(&desk, &endpoint, &["--skills", "none", "--resume", &id]);
        at.types("which colour?\r");
        at.wait_for("Blue.");
        at.wait_for("lore> ");
        // Lines are remembered from one start to the next.
        at.types("/quit\r");
        at.ends();
        let mut at = at_the_prompt(&desk, &endpoint, &["--skills", "none"]);
        at.types("\x1b[A\x1b[A");
        at.wait_for("which colour?");
        at.types("\x03");
        at.wait_for("Ctrl-C again");
        at.wait_for("lore> ");
        at.types("\x03");
        at.ends();
    });
    assert!(endpoint.seen()[1].body["messages"].to_string().contains("the colour is blue"));
    assert_eq!(desk.sessions().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_of_a_model_cannot_drive_the_terminal() {
    let desk = Desk::new();
    let command = json!({"command": "echo \u{1b}]0;stolen\u{7} \u{1b}[2J"}).to_string();
    let endpoint = Endpoint::acts(vec![calls(&[("a", "bash", &command)]), says("ok.")]);
    talk(|| {
        let mut at = at_the_prompt(&desk, &endpoint, &["--skills", "none"]);
        at.types("go\r");
        at.wait_for("allow `bash`: echo ]0;stolen [2J?");
        at.wait_for("[n]o: ");
        at.types("n\r");
        at.wait_for("ok.");
        at.wait_for("lore> ");
        at.types("/quit\r");
        at.ends();
        assert!(!at.shown().contains("\u{1b}]0;stolen") && !at.shown().contains("\u{1b}[2J"));
    });
}
