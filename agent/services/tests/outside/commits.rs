//! Writing to the Hugging Face Hub.

use serde_json::{Value, json};

use crate::support::{TOKEN, fails, text, tools};
use lore_test_endpoint::{Endpoint, answer, json as says};

#[tokio::test]
async fn a_repository_is_private_unless_it_is_said_to_be_public() {
    let server = Endpoint::start(|_, _| says(r#"{"url":"https://huggingface.co/o/new"}"#));
    let tools = tools(&server.root(), true);
    let made = text(&tools, "hf_repo_create", json!({"repo": "o/new"})).await;
    assert!(made.contains("created, private: https://huggingface.co/o/new"), "{made}");
    let asked = server.one();
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/api/repos/create"));
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    let body: Value = serde_json::from_str(&asked.text).unwrap();
    let expected = json!({"type": "model", "private": true, "organization": "o", "name": "new"});
    assert_eq!(body, expected);
    let arguments = json!({"repo": "new", "kind": "space", "sdk": "docker", "public": true});
    text(&tools, "hf_repo_create", arguments).await;
    let body: Value = serde_json::from_str(&server.seen()[1].text).unwrap();
    assert_eq!(body, json!({"type": "space", "private": false, "name": "new", "sdk": "docker"}));
    for wrong in [
        json!({"repo": "new", "kind": "space"}),
        json!({"repo": "new", "sdk": "static"}),
        json!({"repo": "o/new/x"}),
    ] {
        fails(&tools, "hf_repo_create", wrong, "argument").await;
    }
}

/// The answer to a preupload request: how the hub wants each file, by its name.
fn preupload(body: &str) -> String {
    let asked: Value = serde_json::from_str(body).unwrap();
    let files = asked["files"].as_array().unwrap().iter().map(|file| {
        let path = file["path"].as_str().unwrap();
        let mode = if path.ends_with(".bin") { "lfs" } else { "regular" };
        json!({"path": path, "uploadMode": mode, "shouldIgnore": path == "ignored", "oid": null})
    });
    json!({"files": files.collect::<Vec<_>>(), "commitOid": "0"}).to_string()
}

#[tokio::test]
async fn files_go_within_a_commit() {
    let server = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/api/datasets/o/d/preupload/main" => says(&preupload(&seen.text)),
        "/api/datasets/o/d/commit/main" => says(
            r#"{"success":true,"commitOid":"c0ffee","commitUrl":"https://huggingface.co/c",
               "hookOutput":"","pullRequestUrl":"https://huggingface.co/pr/1"}"#,
        ),
        other => panic!("{other}"),
    });
    let tools = tools(&server.root(), true);
    let arguments = json!({
        "repo": "o/d", "kind": "dataset", "summary": "Add it", "pull_request": true,
        "files": [{"name": "a/README.md", "text": "hällo\n"}, {"name": "b", "base64": "AAEC"},
                  {"name": "ignored", "text": "x"}],
        "delete": ["old.txt"],
    });
    let done = text(&tools, "hf_repo_commit", arguments).await;
    assert!(done.contains("committed c0ffee to o/d"), "{done}");
    assert!(done.contains("pull request: https://huggingface.co/pr/1"), "{done}");
    assert!(done.contains("left out by the repository's own rules: ignored"), "{done}");
    let [first, second] = server.seen().try_into().unwrap();
    let asked: Value = serde_json::from_str(&first.text).unwrap();
    assert_eq!(asked["files"][1], json!({"path": "b", "size": 3, "sample": "AAEC"}));
    assert_eq!(second.headers["content-type"], "application/x-ndjson");
    assert_eq!(second.field("create_pr"), Some("1"));
    let lines: Vec<Value> =
        second.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        json!({"key": "header", "value": {"summary": "Add it", "description": ""}}),
        json!({"key": "file", "value": {"content": "aMOkbGxvCg==", "path": "a/README.md",
               "encoding": "base64"}}),
        json!({"key": "file", "value": {"content": "AAEC", "path": "b", "encoding": "base64"}}),
        json!({"key": "deletedFile", "value": {"path": "old.txt"}}),
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn what_belongs_into_large_file_storage_is_refused_before_anything_is_committed() {
    let server = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/api/models/o/m/preupload/main" => says(&preupload(&seen.text)),
        _ => answer(500, "text/plain", "no commit is expected"),
    });
    let tools = tools(&server.root(), true);
    let commit = |files: Value| json!({"repo": "o/m", "summary": "s", "files": files});
    for (files, why) in [
        (json!([{"name": "a", "text": "x"}, {"name": "w.bin", "base64": "AAEC"}]), "large file"),
        (json!([{"name": "ignored", "text": "x"}]), "nothing was committed"),
    ] {
        let told = fails(&tools, "hf_repo_commit", commit(files), "argument").await;
        assert!(told.contains(why), "{told}");
    }
    assert!(server.seen().iter().all(|seen| seen.path.contains("preupload")));
    let before = server.seen().len();
    let large = "x".repeat(5 << 20);
    for files in [
        json!([]),
        json!([{"name": "../a", "text": "x"}]),
        json!([{"name": ".git/config", "text": "x"}]),
        json!([{"name": "a", "text": "x"}, {"name": "a", "text": "y"}]),
        json!([{"name": "a"}]),
        json!([{"name": "a", "text": "x", "base64": "AAEC"}]),
        json!([{"name": "a", "base64": "no base64!"}]),
        json!([{"name": "a", "text": large}]),
    ] {
        fails(&tools, "hf_repo_commit", commit(files), "argument").await;
    }
    assert_eq!(server.seen().len(), before, "what is wrong is not asked");
}
