//! GitHub.

use serde_json::json;

use crate::support::{TOKEN, fails, text, tools};
use lore_test_endpoint::{Endpoint, answer, json as says};

#[tokio::test]
async fn code_and_repositories_are_searched() {
    let server = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/search/code" => says(
            r#"{"total_count":41,"incomplete_results":true,"items":[{"name":"a.rs",
               "path":"src/a.rs","sha":"1","html_url":"https://github.com/o/r/blob/1/src/a.rs",
               "repository":{"id":1,"full_name":"o/r"},"score":1.0,
               "text_matches":[{"fragment":"fn main() {\n    run();\n}","matches":[]}]}]}"#,
        ),
        "/search/repositories" => says(
            r#"{"total_count":2,"incomplete_results":false,"items":[
               {"full_name":"o/r","description":"A raft","stargazers_count":9,"forks_count":1,
                "language":"Rust","topics":["raft"],"license":{"spdx_id":"MIT"},
                "pushed_at":"2025-11-01T00:00:00Z","archived":true,"default_branch":"main"},
               {"full_name":"o/bare","description":null,"language":null,"license":null}]}"#,
        ),
        other => panic!("{other}"),
    });
    let tools = tools(&server.root(), true);
    let arguments = json!({"query": "fn main language:rust", "limit": 10, "page": 2});
    let code = text(&tools, "github_search_code", arguments).await;
    assert!(code.contains("at least 41 files") && code.contains("- o/r src/a.rs"), "{code}");
    assert!(code.contains("    | fn main() {\n    |     run();\n"), "lines stay lines: {code}");
    assert!(code.contains("more with page 3"), "{code}");
    let asked = server.one();
    assert_eq!(asked.field("q"), Some("fn main language:rust"));
    assert_eq!(asked.field("per_page"), Some("10"));
    assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(asked.headers["x-github-api-version"], "2022-11-28");
    assert_eq!(asked.headers["accept"], "application/vnd.github.text-match+json");

    let arguments = json!({"query": "raft", "order": "stars"});
    let repos = text(&tools, "github_search_repos", arguments).await;
    assert!(repos.contains("- o/r (archived)") && repos.contains("license: MIT"), "{repos}");
    assert!(repos.contains("- o/bare") && !repos.contains("more with"), "{repos}");
    assert_eq!(server.seen()[1].field("sort"), Some("stars"));
}

#[tokio::test]
async fn directories_trees_and_files_are_read() {
    let server = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/repos/o/r/contents/src" => says(
            r#"[{"name":"a.rs","path":"src/a.rs","type":"file","size":120},
               {"name":"sub","path":"src/sub","type":"dir","size":0},
               {"name":"x","path":"src/x","type":"submodule","size":0}]"#,
        ),
        "/repos/o/r/contents/src/one.rs" if seen.headers["accept"].contains("raw") => {
            answer(200, "application/vnd.github.raw+json; charset=utf-8", "a\nb\nc\n")
        }
        "/repos/o/r/contents/src/one.rs" => says(r#"{"path":"src/one.rs","type":"file","size":6}"#),
        "/repos/o/r/contents/dir" => says("[]"),
        "/repos/o/r/contents/a.png" => {
            answer(200, "application/vnd.github.raw+json", b"\x89PNG\0\0".to_vec())
        }
        "/repos/o/r/git/trees/feature%2Fx" => says(
            r#"{"sha":"1","truncated":true,"tree":[
               {"path":"src","type":"tree"},{"path":"src/a.rs","type":"blob","size":120},
               {"path":"srcs/b.rs","type":"blob","size":5}]}"#,
        ),
        other => panic!("{other}"),
    });
    let tools = tools(&server.root(), false);
    let listed = text(&tools, "github_list", json!({"repo": "o/r", "below": "src"})).await;
    assert!(listed.contains("src/a.rs (120 B)\nsrc/sub/\nsrc/x (submodule)"), "{listed}");
    assert!(!server.one().headers.contains_key("authorization"));
    let one = text(&tools, "github_list", json!({"repo": "o/r", "below": "src/one.rs"})).await;
    assert!(one.contains("src/one.rs (6 B)"), "{one}");
    let arguments =
        json!({"repo": "o/r", "below": "src", "recursive": true, "revision": "feature/x"});
    let tree = text(&tools, "github_list", arguments).await;
    assert!(tree.contains("src/a.rs") && !tree.contains("srcs/b.rs"), "{tree}");
    assert!(tree.contains("there are more"), "{tree}");

    let arguments = json!({"repo": "o/r", "name": "src/one.rs", "revision": "v1", "first_line": 2});
    let file = text(&tools, "github_read", arguments).await;
    assert!(file.contains("src/one.rs, lines 2 to 3:\nb\nc"), "{file}");
    assert_eq!(server.seen().last().unwrap().field("ref"), Some("v1"));
    for (name, why) in [("dir", "github_list"), ("a.png", "not text")] {
        let told = fails(&tools, "github_read", json!({"repo": "o/r", "name": name}), "argument");
        assert!(told.await.contains(why), "{name}");
    }
    let late = json!({"repo": "o/r", "name": "src/one.rs", "first_line": 9});
    assert!(fails(&tools, "github_read", late, "argument").await.contains("has 3 lines"));
}

#[tokio::test]
async fn no_name_leads_to_another_part_of_the_api() {
    let server = Endpoint::start(|_, _| panic!("nothing is to be asked"));
    let tools = tools(&server.root(), true);
    for repo in ["o", "o/r/x", "../user", "o/..", "o/r?x", "o/r#", "o /r", ""] {
        fails(&tools, "github_list", json!({"repo": repo}), "argument").await;
    }
    for name in ["../../user", "a/../b", "a//b", "", "/", ".", "a\nb"] {
        fails(&tools, "github_read", json!({"repo": "o/r", "name": name}), "argument").await;
    }
    assert!(server.seen().is_empty());
}
