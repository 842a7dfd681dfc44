//! Pages, from a server that the test starts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::{Duration, Instant};

use lore_agent::tool::{Reach, Tool, ToolContext, ToolOutput, WebFetch};
use lore_test_endpoint::{Act, Endpoint, answer};
use serde_json::json;
use tokio_util::sync::CancellationToken;

fn context(timeout: Duration) -> ToolContext {
    ToolContext { workspace: "/".into(), cancel: CancellationToken::new(), timeout }
}

/// Answers each path with fixed bytes; `/endless` goes on for a long time.
fn serve() -> Endpoint {
    let moved = |to: &str| answer(302, "text/plain", "").with("location", to);
    Endpoint::start(move |_, seen| match seen.path.as_str() {
        "/page" => answer(
            200,
            "text/html; charset=utf-8",
            "<title>t</title><h1>Head</h1><p>A <b>b</b>\x1b[2J</p><script>alert(1)</script>",
        )
        .without_length(),
        "/json" => answer(200, "application/json", "{\"a\":1}").without_length(),
        "/binary" => answer(200, "image/png", "\0").without_length(),
        "/missing" => answer(404, "text/plain", "not here").without_length(),
        "/hop" => moved("/page"),
        "/loop" => moved("/loop"),
        "/file" => moved("file:///etc/passwd"),
        "/silent" => answer(200, "text/plain", "").kept_open(),
        "/endless" => Act::Flood("text/plain", u64::MAX),
        _ => answer(200, "text/plain", ""),
    })
}

async fn fetch(tool: &WebFetch, url: &str) -> ToolOutput {
    tool.call(json!({ "url": url }), &context(Duration::from_secs(20))).await
}

#[tokio::test]
async fn pages_become_text_within_bounds() {
    let server = serve();
    let tool = WebFetch::new(reqwest::Client::builder(), Reach::Everything).unwrap();
    let at = |path: &str| format!("{}{path}", server.root());
    for path in ["/page", "/hop"] {
        let page = fetch(&tool, &at(path)).await;
        assert!(!page.is_error && page.text.contains("Head"), "{}", page.text);
        assert!(page.text.starts_with("[200 OK http://") && page.text.contains("/page;"));
        assert!(!page.text.contains("alert") && !page.text.contains('\x1b'), "{}", page.text);
    }
    assert!(fetch(&tool, &at("/json")).await.text.ends_with("{\"a\":1}"));
    for (path, why) in [
        ("/binary", "not text"),
        ("/missing", "404"),
        ("/loop", "more than 5 times"),
        ("/file", "only http"),
    ] {
        let failed = fetch(&tool, &at(path)).await;
        assert!(failed.is_error && failed.text.contains(why), "{path}: {}", failed.text);
        assert!(!failed.text.contains("root:"), "{path}");
    }
    let endless = fetch(&tool, &at("/endless")).await;
    assert!(
        endless.text.len() < 50_000 && endless.text.contains("was not read"),
        "{}",
        endless.text.len()
    );
    let began = Instant::now();
    let silent =
        tool.call(json!({"url": at("/silent")}), &context(Duration::from_millis(300))).await;
    assert!(silent.is_error && began.elapsed() < Duration::from_secs(10), "{}", silent.text);
}

#[tokio::test]
async fn private_addresses_are_not_called_by_any_name() {
    let port = serve().port;
    let tool = WebFetch::new(reqwest::Client::builder(), Reach::Public).unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "0",
        "169.254.169.254",
    ] {
        let refused = fetch(&tool, &format!("http://{host}:{port}/page")).await;
        assert!(
            refused.is_error && refused.text.contains("private network"),
            "{host}: {}",
            refused.text
        );
    }
    for url in ["file:///etc/passwd", "ftp://127.0.0.1/", "no address", "http://u:p@example.org/"] {
        assert!(fetch(&tool, url).await.is_error, "{url}");
    }
}
