//! Jobs on Hugging Face.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{TOKEN, fails, made, text, tools};
use lore_test_endpoint::{Act, Endpoint, Seen, answer, json as says};

const JOB: &str = r#"{"id":"687fb701029421ae5549d998","createdAt":"2025-07-22T16:06:25.079Z",
    "dockerImage":"python:3.12","spaceId":null,"command":["python","-c","print(1)"],"arguments":[],
    "environment":{"MODE":"private-value"},"secrets":{"HF_TOKEN":null},"flavor":"cpu-basic",
    "status":{"stage":"RUNNING","message":null},"owner":{"id":"1","name":"me","type":"user"}}"#;

fn hub(seen: &Seen) -> Act {
    match (seen.method.as_str(), seen.path.as_str()) {
        ("GET", "/api/whoami-v2") => says(r#"{"type":"user","id":"1","name":"me"}"#),
        ("POST", "/api/jobs/me" | "/api/jobs/org") => says(JOB),
        ("GET", "/api/jobs/me") => {
            let done = JOB.replace("RUNNING", "COMPLETED").replace("687f", "788f");
            says(&format!("[{JOB},{done}]"))
        }
        ("GET", "/api/jobs/me/687fb701029421ae5549d998") => says(JOB),
        ("POST", "/api/jobs/me/687fb701029421ae5549d998/cancel") => answer(200, "text/plain", ""),
        ("GET", "/api/jobs/hardware") => says(
            r#"[{"name":"cpu-basic","prettyName":"CPU Basic","cpu":"2 vCPU","ram":"16 GB",
                "accelerator":null,"unitCostMicroUSD":167,"unitCostUSD":0.000167,"unitLabel":"minute"},
               {"name":"t4-small","prettyName":"Nvidia T4","cpu":"4 vCPU","ram":"15 GB",
                "accelerator":{"type":"gpu","model":"T4","quantity":"1","vram":"16 GB",
                "manufacturer":"Nvidia"},"unitCostMicroUSD":6667,"unitLabel":"minute"}]"#,
        ),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_job_is_run_for_the_token_s_own_user() {
    let server = Endpoint::start(move |_, seen| hub(seen));
    let tools = tools(&server.root(), true);
    let arguments = json!({"image": "python:3.12", "command": ["python", "-c", "print(1)"],
                           "minutes": 5, "environment": {"MODE": "x"}});
    let run = text(&tools, "hf_jobs_run", arguments).await;
    assert!(run.contains("- job 687fb701029421ae5549d998 [RUNNING]"), "{run}");
    assert!(run.contains("after 5 minutes"), "{run}");
    assert!(run.contains("environment: MODE") && !run.contains("private-value"), "{run}");
    let [who, posted] = server.seen().try_into().unwrap();
    assert_eq!(who.path, "/api/whoami-v2");
    let body: Value = serde_json::from_str(&posted.text).unwrap();
    let expected = json!({"command": ["python", "-c", "print(1)"], "arguments": [],
        "environment": {"MODE": "x"}, "flavor": "cpu-basic", "timeoutSeconds": 300,
        "dockerImage": "python:3.12"});
    assert_eq!(body, expected);
    assert_eq!(posted.headers["authorization"], format!("Bearer {TOKEN}"));

    let arguments = json!({"image": "https://hf.co/spaces/o/s", "command": ["true"],
                           "hardware": "t4-small", "account": "org"});
    text(&tools, "hf_jobs_run", arguments).await;
    let asked = server.seen().last().unwrap().clone();
    let body: Value = serde_json::from_str(&asked.text).unwrap();
    assert_eq!(asked.path, "/api/jobs/org");
    assert_eq!((&body["spaceId"], &body["flavor"]), (&json!("o/s"), &json!("t4-small")));
    assert_eq!((&body["timeoutSeconds"], body.get("dockerImage")), (&json!(1800), None));
}

#[tokio::test]
async fn a_job_has_the_token_only_when_the_settings_allow_it() {
    let server = Endpoint::start(move |_, seen| hub(seen));
    let with = json!({"image": "i", "command": ["c"], "with_token": true, "account": "me"});
    let told = fails(&tools(&server.root(), true), "hf_jobs_run", with.clone(), "argument").await;
    assert!(told.contains("jobs_may_use_token") && server.seen().is_empty(), "{told}");
    let allowed = made(&server.root(), "brave", true, "jobs_may_use_token = true");
    let run = text(&allowed, "hf_jobs_run", with).await;
    assert!(!run.contains(TOKEN), "{run}");
    let body: Value = serde_json::from_str(&server.one().text).unwrap();
    assert_eq!(body["secrets"], json!({"HF_TOKEN": TOKEN}));
    let without = json!({"image": "i", "command": ["c"], "account": "me"});
    text(&allowed, "hf_jobs_run", without).await;
    assert!(!server.seen()[1].text.contains(TOKEN));
}

#[tokio::test]
async fn jobs_are_listed_inspected_and_ended() {
    let server = Endpoint::start(move |_, seen| hub(seen));
    let tools = tools(&server.root(), true);
    let listed = text(&tools, "hf_jobs_list", json!({"stage": "completed"})).await;
    assert!(listed.contains("1 jobs of me") && listed.contains("788f"), "{listed}");
    let all = text(&tools, "hf_jobs_list", json!({"limit": 1})).await;
    assert!(all.contains("2 jobs of me") && all.contains("1 more"), "{all}");
    let id = "687fb701029421ae5549d998";
    let one = text(&tools, "hf_jobs_inspect", json!({"job": id})).await;
    assert!(one.contains("hardware: cpu-basic") && one.contains("command: python -c"), "{one}");
    assert!(!one.contains("private-value"), "{one}");
    let ended = text(&tools, "hf_jobs_cancel", json!({"job": id})).await;
    assert!(ended.contains("asked to end"), "{ended}");
    let whoami = server.seen().iter().filter(|seen| seen.path == "/api/whoami-v2").count();
    assert_eq!(whoami, 1, "asked once for all tools");
    let prices = text(&tools, "hf_jobs_hardware", json!({})).await;
    assert!(prices.contains("price: 0.000167 USD a minute"), "{prices}");
    assert!(prices.contains("accelerator: 1 T4 16 GB"), "{prices}");
    for job in ["", "../me", "a/b", "a?b"] {
        fails(&tools, "hf_jobs_inspect", json!({"job": job}), "argument").await;
    }
    fails(&tools, "hf_jobs_list", json!({"account": "../x"}), "argument").await;
}

fn line(text: &str) -> String {
    format!("data: {}\n\n", json!({"timestamp": "2025-07-22T16:06:25.079Z", "data": text}))
}

#[tokio::test]
async fn the_end_of_a_log_is_read_and_a_running_job_is_not_waited_for() {
    let printed: Vec<String> = (0..500).map(|n| line(&format!("line {n}"))).collect();
    let ended = [printed.concat(), line("===== Job finished: status=COMPLETED =====")].concat();
    let running = [printed.concat(), ": keep-alive\n\n".to_owned()];
    let server = Endpoint::start(move |_, seen| match seen.path.as_str() {
        // The connection stays open after the job's end.
        "/api/jobs/me/done/logs" => answer(200, "text/event-stream", ended.clone()).kept_open(),
        "/api/jobs/me/runs/logs" => answer(200, "text/event-stream", running.concat()).kept_open(),
        "/api/jobs/me/cut/logs" => answer(200, "text/event-stream", "data: {\"da"),
        "/api/jobs/me/none/logs" => answer(404, "application/json", r#"{"error":"no such job"}"#),
        other => panic!("{other}"),
    });
    let tools = tools(&server.root(), true);
    let began = Instant::now();
    let arguments = json!({"job": "done", "account": "me", "lines": 3, "seconds": 30});
    let log = text(&tools, "hf_jobs_logs", arguments).await;
    assert!(log.contains("the last 3 of 501 lines\nline 498\nline 499\n===== Job fin"), "{log}");
    assert!(log.contains("the job has ended") && began.elapsed() < Duration::from_secs(15));
    assert_eq!(server.one().headers["accept"], "text/event-stream");
    let arguments = json!({"job": "runs", "account": "me", "lines": 2, "seconds": 1});
    let log = text(&tools, "hf_jobs_logs", arguments).await;
    assert!(log.contains("line 498\nline 499\n[listened for 1 s"), "{log}");
    let log = text(&tools, "hf_jobs_logs", json!({"job": "cut", "account": "me"})).await;
    assert!(log.contains("the last 0 of 0 lines") && log.contains("the log ends here"), "{log}");
    fails(&tools, "hf_jobs_logs", json!({"job": "none", "account": "me"}), "not_found").await;
}

#[tokio::test]
async fn an_account_without_a_plan_is_told_apart_from_a_bad_token() {
    let server =
        Endpoint::start(|_, _| answer(402, "application/json", r#"{"error":"Upgrade to Pro"}"#));
    let arguments = json!({"image": "i", "command": ["c"], "account": "me"});
    let told = fails(&tools(&server.root(), true), "hf_jobs_run", arguments, "billing").await;
    assert!(told.contains("Upgrade to Pro") && told.contains("only the user"), "{told}");
}
