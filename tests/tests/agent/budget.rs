//! Bounds of a task and of a day.

use serde_json::json;

use crate::desk::{Desk, lines, shell};
use lore_test_endpoint::chat::{DONE, calls, delta, says, usage};
use lore_test_endpoint::{Act, Ending, Endpoint};

/// A model that goes on for ever, each time with other arguments.
async fn endless() -> Endpoint {
    Endpoint::start(|n, _| calls(&[("c", "bash", &shell(&format!("echo {n}")))]))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_calls_is_said_and_exits_3() {
    let desk = Desk::new();
    let endpoint = endless().await;
    let ran = desk.run(&endpoint, &["go on", "--policy", "workspace", "--max-calls", "4"]).await;
    let error = ran.failed(3);
    assert_eq!(error["kind"], "budget");
    assert!(error["message"].as_str().unwrap().contains("4 model calls"), "{error}");
    assert!(error["help"].as_str().unwrap().contains("--resume"), "{error}");
    assert_eq!(endpoint.seen().len(), 4);
    // The model was told before the end.
    assert_eq!(ran.events("control")[0]["kind"], "budget");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usual_bound_is_300_calls() {
    let desk = Desk::new();
    let endpoint = endless().await;
    let ran = desk.run(&endpoint, &["go on", "--policy", "read-only"]).await;
    ran.failed(3);
    let ended = ran.events("ended").pop().unwrap();
    assert_eq!(ended["spend"]["calls"], 300);
    // A call whose connection breaks is a call, and may never arrive.
    let arrived = endpoint.seen().len();
    assert!(arrived > 0 && arrived <= 300, "{arrived}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_money_end_a_task_before_they_are_exceeded() {
    let desk = Desk::new();
    let endpoint = endless().await;
    let args = ["go on", "--policy", "workspace", "--budget-tokens", "6000"];
    let ran = desk.run(&endpoint, &args).await;
    assert_eq!(ran.failed(3)["kind"], "budget");
    let ended = ran.events("ended").pop().unwrap();
    let used =
        ended["spend"]["input"].as_u64().unwrap() + ended["spend"]["output"].as_u64().unwrap();
    assert!(used <= 6000 && used > 1000, "{used}");
    let args = ["go on", "--policy", "workspace", "--budget-usd", "0.01", "--price", "2/8"];
    let ran = desk.run(&endpoint, &args).await;
    assert_eq!(ran.failed(3)["kind"], "budget");
    let spent = ran.events("ended").pop().unwrap()["spend"]["cost_micro_usd"].as_u64().unwrap();
    assert!(spent <= 10_000 && spent > 1_000, "{spent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_price_with_a_limit_on_money_is_refused_without_a_person() {
    let desk = Desk::new();
    let endpoint = Endpoint::acts(vec![says("never")]);
    // Not known to be this machine, and so not known to be free.
    let url = endpoint.url.replace("127.0.0.1", "[::ffff:127.0.0.1]");
    let model = format!("{url}#m");
    let workspace = desk.workspace.display().to_string();
    let args = [
        "agent",
        "x",
        "--model",
        &model,
        "--window",
        "9000",
        "--workspace",
        &workspace,
        "--skills",
        "none",
        "--policy",
        "all",
        "--budget-usd",
        "1",
        "--json",
    ];
    let error = lines(&mut desk.node.command(&args)).await.failed(3);
    assert_eq!(error["kind"], "unknown_price");
    assert!(endpoint.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_is_summed_up_over_processes() {
    let desk = Desk::new();
    let answer = || {
        let pieces = vec![
            delta(json!({"content": "ok"}), None),
            delta(json!({}), Some("stop")),
            usage(500, 20),
            DONE.to_owned(),
        ];
        Act::Stream(pieces, Ending::Whole)
    };
    let endpoint = Endpoint::start(move |_, _| answer());
    let day = ["x", "--policy", "read-only", "--budget-day-calls", "2"];
    for _ in 0..2 {
        desk.run(&endpoint, &day).await.done();
    }
    let error = desk.run(&endpoint, &day).await.failed(3);
    assert_eq!(error["kind"], "budget");
    assert!(error["message"].as_str().unwrap().contains("the day's budget"), "{error}");
    assert_eq!(endpoint.seen().len(), 2);
    // Also when the bound stands in the configuration, and in another unit.
    let config = desk.node.home().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[agent]\nday_tokens = 1000\n")).unwrap();
    desk.run(&endpoint, &["x", "--policy", "read-only"]).await.failed(3);
    assert_eq!(endpoint.seen().len(), 2);
}
