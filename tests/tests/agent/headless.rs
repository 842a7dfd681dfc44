//! One task without a terminal.

use std::io::Write as _;
use std::process::Stdio;

use lore_tests::sessions::learnt;
use serde_json::Value;

use crate::desk::{Desk, Lines, lines, shell};
use lore_test_endpoint::chat::{calls, says};
use lore_test_endpoint::{Endpoint, fails};

/// The schema that is published.
fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../docs/agent-events.schema.json");
    jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap()
}

fn fits(lines: &Lines) {
    let schema = schema();
    for line in lines.all() {
        assert!(schema.is_valid(&line), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_runs_its_tools_and_becomes_a_private_session() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![
        calls(&[("a", "bash", &shell("echo made > file"))]),
        says("It is made."),
    ]);
    let ran = desk.run(&endpoint, &["make a file", "--policy", "workspace"]).await;
    let result = ran.done();
    assert_eq!(desk.content("file").as_deref(), Some("made\n"));
    assert_eq!(result["text"], "It is made.");
    assert_eq!(result["spend"]["calls"], 2);
    fits(&ran);
    for kind in ["started", "sandbox", "asking", "calling", "called", "text", "ended"] {
        assert!(!ran.events(kind).is_empty(), "{kind}: {ran:?}");
    }
    let name = format!("agent-{}", ran.session());
    assert_eq!(result["stored"], name.as_str());
    let session = desk.node.json(&["session", "show", &name]);
    assert_eq!(session["task"], "make a file");
    assert_eq!(session["harness"], "lore-agent");
    let call = session["turns"].as_array().unwrap().iter().find_map(|turn| turn["calls"].get(0));
    assert_eq!(call.unwrap()["arguments"]["command"], "echo made > file");
    // The same unit as an import by the same user.
    let file = desk.cluster.path().join("more.jsonl");
    lore_tests::sessions::write(&file, &[learnt("other", "a task", "false", "true")]);
    let file = file.display().to_string();
    let imported = desk.node.json(&["session", "import", &file, "--user", "tester"]);
    assert_eq!((&imported["imported"], &imported["users"]), (&1.into(), &1.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_policy_nothing_is_asked_of_the_model() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says("never")]);
    let error = desk.run(&endpoint, &["do it"]).await.failed(3);
    assert_eq!(error["kind"], "no_policy");
    assert!(error["help"].as_str().unwrap().contains("--policy"), "{error}");
    assert!(endpoint.seen().is_empty());
    let error = desk.run(&endpoint, &["do it", "--policy", "sometimes"]).await.failed(2);
    assert!(error["message"].as_str().unwrap().contains("sometimes"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_last_call_was_refused_exits_3_and_one_that_found_another_way_0() {
    let desk = Desk::new();
    let refused = calls(&[("a", "bash", &shell("touch x"))]);
    let endpoint = Endpoint::acts(vec![refused.clone(), says("I may not.")]);
    let ran = desk.run(&endpoint, &["touch x", "--policy", "read-only"]).await;
    assert_eq!(ran.failed(3)["kind"], "refused_by_policy");
    assert!(desk.content("x").is_none());
    fits(&ran);
    let told = endpoint.seen()[1].body["messages"].to_string();
    assert!(told.contains("the policy does not allow"), "{told}");
    let other = calls(&[("b", "glob", r#"{"pattern":"*"}"#)]);
    let endpoint = Endpoint::acts(vec![refused, other, says("There is nothing.")]);
    let ran = desk.run(&endpoint, &["look", "--policy", "read-only"]).await;
    assert_eq!(ran.done()["refused"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_in_a_file_decide_and_what_they_would_ask_is_refused() {
    let desk = Desk::new();
    let rules = desk.cluster.path().join("rules.json");
    let text = r#"{"rules": [{"verdict": "ask", "tools": ["bash"]},
                             {"verdict": "allow", "tools": ["plan"]}], "otherwise": "deny"}"#;
    std::fs::write(&rules, text).unwrap();
    let plan = r#"{"steps":[{"text":"look","status":"done"}]}"#;
    let endpoint = Endpoint::acts(vec![
        calls(&[("a", "bash", &shell("ls")), ("b", "plan", plan)]),
        says("Planned."),
    ]);
    let policy = rules.display().to_string();
    let result = desk.run(&endpoint, &["plan", "--policy", &policy]).await.done();
    assert_eq!(result["refused"], 1);
    let told = endpoint.seen()[1].body["messages"].to_string();
    assert!(told.contains("nobody is there to ask"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_home_the_outside_and_git_are_out_of_reach() {
    let desk = Desk::new();
    std::fs::create_dir(desk.workspace.join(".git")).unwrap();
    let key = desk.node.home().join("node.key");
    let read = serde_json::json!({ "path": key }).to_string();
    let write = r#"{"path":".git/hooks","content":"x"}"#;
    let command = format!("cat {}; echo $? ; touch .git/x ../x; echo end", key.display());
    let endpoint = Endpoint::acts(vec![
        calls(&[("a", "read", &read), ("b", "write", write), ("c", "bash", &shell(&command))]),
        says("No."),
    ]);
    desk.run(&endpoint, &["steal", "--policy", "all"]).await.done();
    let secret = std::fs::read_to_string(&key).unwrap();
    let told = endpoint.seen()[1].body.to_string();
    assert!(told.contains("end") && !told.contains(secret.trim()), "{told}");
    assert!(!desk.workspace.join(".git/x").exists() && !desk.cluster.path().join("x").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_reads_words_on_stderr_and_the_answer_on_stdout() {
    let desk = Desk::new();
    let endpoint =
        Endpoint::acts(vec![calls(&[("a", "bash", &shell("echo hi"))]), says("All is well.")]);
    let args = ["greet", "--policy", "workspace", "--skills", "none"];
    let ran = lines(&mut desk.command(&endpoint, &args)).await.0;
    assert_eq!(ran.stdout, "All is well.\n");
    assert!(ran.stderr.contains("> bash echo hi") && ran.stderr.contains("exit 0"), "{ran:?}");
    assert!(ran.stderr.contains("sandbox: "), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_read_from_standard_input() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says("Read.")]);
    let args = ["-", "--policy", "read-only", "--skills", "none"];
    let mut command = desk.command(&endpoint, &args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"a task\nof two lines").unwrap();
    let out = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout), "Read.\n");
    let asked = endpoint.seen()[0].body["messages"].clone();
    let last = asked.as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["content"], "a task\nof two lines");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_model_writes_fenced_blocks() {
    let desk = Desk::new();
    let endpoint =
        Endpoint::acts(vec![says("I do it.\n```bash\necho text > mode\n```"), says("Done.")]);
    let args = ["do it", "--policy", "workspace", "--text-mode"];
    desk.run(&endpoint, &args).await.done();
    assert_eq!(desk.content("mode").as_deref(), Some("text\n"));
    assert_eq!(endpoint.seen()[0].body.get("tools"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_right_is_said_before_anything_is_asked() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![]);
    for (args, says) in [
        (vec!["x", "--workspace", "/nonexistent"], "nonexistent"),
        (vec!["x", "--resume", "0123456789abcdef"], "no session"),
        (vec!["x", "--resume", "../node"], "not the id"),
        (vec!["x", "--budget-usd", "much"], "--budget-usd"),
        (vec!["x", "--price", "1"], "--price"),
        (vec!["x", "--skills", "/nonexistent"], "--skills"),
        (vec![], "no task"),
    ] {
        let args = [args.as_slice(), &["--policy", "all", "--json"]].concat();
        let error = lines(&mut desk.command(&endpoint, &args)).await.failed(2);
        assert!(error["message"].as_str().unwrap().contains(says), "{args:?}: {error}");
    }
    assert!(endpoint.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_is_asked_of_the_endpoint_or_told_and_never_assumed() {
    let desk = Desk::new();
    let list = r#"{"data":[{"id":"m","max_model_len":4096}]}"#;
    let endpoint = Endpoint::start(move |_, seen| match seen.path.as_str() {
        "/v1/models" => fails(200, list),
        _ => says("ok"),
    });
    let ask = |url: String| {
        let model = format!("{url}#m");
        let args = [
            "agent",
            "x",
            "--policy",
            "read-only",
            "--skills",
            "none",
            "--json",
            "--model",
            &model,
        ];
        desk.node.command(&args)
    };
    let ran = lines(&mut ask(endpoint.url.clone())).await;
    ran.done();
    assert_eq!(ran.events("started")[0]["window_tokens"], 4096);
    let silent = Endpoint::acts(vec![]);
    let error = lines(&mut ask(silent.url.clone())).await.failed(1);
    assert_eq!(error["kind"], "unknown_window");
    assert!(error["help"].as_str().unwrap().contains("--window"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_task_is_published() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says("ok")]);
    desk.run(&endpoint, &["a secret task", "--policy", "all"]).await.done();
    let spent: Value = desk.node.json(&["privacy", "explain"]);
    assert!(!spent.to_string().contains("secret task"), "{spent}");
    assert_eq!(desk.node.json(&["status"])["federations"], serde_json::json!([]));
}
