//! Redirects: where they may lead, and that no token goes along.

use serde_json::json;

use crate::support::{TOKEN, fails, made, samples, text, tools};
use lore_test_endpoint::{Act, Endpoint, answer, json as says};

fn moved(to: impl Into<String>) -> Act {
    answer(302, "text/plain", "").with("location", to)
}

#[tokio::test]
async fn a_download_elsewhere_is_fetched_without_the_token() {
    let cdn = Endpoint::start(|_, _| answer(200, "text/plain", "large\n"));
    let there = format!("http://localhost:{}/blob?sig=1", cdn.port);
    let hub = Endpoint::start(move |_, _| moved(there.clone()));
    let tools = made(&hub.root(), "brave", true, "download_hosts = [\"localhost\"]");
    assert_eq!(tools["hf_repo_read"].hosts(), ["127.0.0.1", "localhost"]);
    let file = text(&tools, "hf_repo_read", json!({"repo": "o/m", "name": "a.csv"})).await;
    assert!(file.contains("large"), "{file}");
    assert_eq!(hub.one().headers["authorization"], format!("Bearer {TOKEN}"));
    let fetched = cdn.one();
    assert!(!format!("{fetched:?}").contains(TOKEN), "{fetched:?}");
}

#[tokio::test]
async fn another_port_of_the_host_is_another_origin_and_gets_no_token() {
    let other = Endpoint::start(|_, _| says("[]"));
    let there = format!("{}/api", other.root());
    let hub = Endpoint::start(move |_, _| moved(there.clone()));
    text(&tools(&hub.root(), true), "github_list", json!({"repo": "o/r"})).await;
    assert!(!format!("{:?}", other.one()).contains(TOKEN));
}

#[tokio::test]
async fn a_renamed_repository_is_found_with_the_token() {
    let hub = Endpoint::start(|_, seen| match seen.path.as_str() {
        "/repos/o/old/contents" => {
            answer(301, "text/plain", "").with("location", "/repositories/1")
        }
        "/repositories/1" => says("[]"),
        other => panic!("{other}"),
    });
    text(&tools(&hub.root(), true), "github_list", json!({"repo": "o/old"})).await;
    let asked = hub.seen();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|seen| seen.headers["authorization"].contains(TOKEN)));
}

#[tokio::test]
async fn no_tool_follows_to_a_host_that_it_does_not_declare() {
    let stranger = Endpoint::start(|_, _| says("[]"));
    let there = format!("http://localhost:{}/", stranger.port);
    let hub = Endpoint::start(move |_, _| moved(there.clone()));
    let tools = tools(&hub.root(), true);
    for sample in samples() {
        let told = fails(&tools, sample.name, sample.arguments, "redirected").await;
        assert!(told.contains("localhost"), "{told}");
    }
    assert!(stranger.seen().is_empty());
}

#[tokio::test]
async fn what_acts_is_not_sent_elsewhere_even_on_the_same_host() {
    for status in [301, 302, 307, 308] {
        let hub = Endpoint::start(move |_, _| {
            answer(status, "text/plain", "").with("location", "/elsewhere")
        });
        let tools = tools(&hub.root(), true);
        let arguments = json!({"repo": "o/new"});
        fails(&tools, "hf_repo_create", arguments, "redirected").await;
        assert_eq!(hub.one().path, "/api/repos/create");
    }
}

#[tokio::test]
async fn circles_and_other_schemes_are_not_followed() {
    for to in ["/again", "file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "//"] {
        let hub = Endpoint::start(move |_, _| moved(to));
        let class = if to == "//" { "malformed" } else { "redirected" };
        let arguments = json!({"repo": "o/r"});
        let told = fails(&tools(&hub.root(), true), "github_list", arguments, class).await;
        assert!(hub.seen().len() <= 4 && !told.contains("root:"), "{told}");
    }
}
