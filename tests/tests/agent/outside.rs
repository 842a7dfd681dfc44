//! Services of the outside world that `config.toml` switches on.

use serde_json::Value;

use crate::desk::Desk;
use lore_test_endpoint::Endpoint;
use lore_test_endpoint::chat::says;

fn configure(desk: &Desk, section: &str) {
    let config = desk.node.home().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n{section}\n")).unwrap();
}

/// Names of the tools that the model is told of.
async fn offered(desk: &Desk) -> Vec<String> {
    let endpoint = Endpoint::acts(vec![says("ok")]);
    desk.run(&endpoint, &["x", "--policy", "all"]).await.done();
    let body = endpoint.seen()[0].body.clone();
    let tools = body["tools"].as_array().cloned().unwrap_or_default();
    let name = |tool: &Value| tool["function"]["name"].as_str().unwrap().to_owned();
    tools.iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_offered_when_it_is_switched_on_and_no_other_is() {
    let desk = Desk::new();
    let has = |names: &[String], prefix: &str| names.iter().any(|name| name.starts_with(prefix));
    let names = offered(&desk).await;
    assert!(has(&names, "bash"), "{names:?}");
    for prefix in ["arxiv", "scholar", "hf_", "github", "web_"] {
        assert!(!has(&names, prefix), "{prefix} in {names:?}");
    }
    configure(&desk, "[agent.outside.arxiv]\nenabled = true");
    let names = offered(&desk).await;
    assert!(has(&names, "arxiv_search"), "{names:?}");
    assert!(!has(&names, "github") && !has(&names, "hf_"), "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_cannot_be_used_is_named_before_anything_is_asked() {
    let desk = Desk::new();
    configure(&desk, "[agent.outside.github]\nenabled = true\nbase_url = \"nonsense\"");
    let endpoint = Endpoint::acts(vec![]);
    let error = desk.run(&endpoint, &["x", "--policy", "all"]).await.failed(2);
    assert!(error["message"].as_str().unwrap().contains("github"), "{error}");
    assert!(endpoint.seen().is_empty());
}
