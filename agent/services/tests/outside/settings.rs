//! Tools that settings switch on, and settings that are refused.

use lore_agent::tool::Toolbox;
use lore_services::{OutsideSettings, SettingsError, outside_tools_with};

use crate::support::TOKEN;

fn names(text: &str) -> Vec<String> {
    let settings: OutsideSettings = toml::from_str(text).unwrap();
    let tools = outside_tools_with(&settings, &|_| None).unwrap();
    tools.iter().map(|tool| tool.spec().name).collect()
}

fn refused(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> SettingsError {
    let settings: OutsideSettings = toml::from_str(text).unwrap();
    match outside_tools_with(&settings, environment) {
        Ok(tools) => panic!("{text}: {} tools", tools.len()),
        Err(error) => error,
    }
}

#[test]
fn everything_is_off_unless_it_is_switched_on() {
    assert_eq!(names(""), [""; 0]);
    assert_eq!(names("[github]\nbase_url = \"https://github.example/api/v3\""), [""; 0]);
    assert_eq!(names("[arxiv]\nenabled = true"), ["arxiv_search", "arxiv_read"]);
    let looking = names("[huggingface]\nenabled = true");
    assert!(looking.iter().all(|name| !name.contains("jobs") && !name.contains("commit")));
    assert!(
        names("[huggingface]\nenabled = true\nwrite = true").contains(&"hf_repo_commit".into())
    );
    assert!(names("[huggingface]\nenabled = true\njobs = true").contains(&"hf_jobs_run".into()));
    assert_eq!(names("[web_search]\nprovider = \"brave\""), ["web_search"]);
}

#[test]
fn tools_declare_the_hosts_of_the_real_services() {
    let settings: OutsideSettings = toml::from_str(
        r#"
        arxiv.enabled = true
        semantic_scholar.enabled = true
        huggingface = { enabled = true, write = true, jobs = true }
        github.enabled = true
        web_search.provider = "tavily"
        "#,
    )
    .unwrap();
    let mut toolbox = Toolbox::new();
    for tool in outside_tools_with(&settings, &|_| None).unwrap() {
        let name = tool.spec().name;
        let expected: &[&str] = match name.as_str() {
            "hf_repo_read" => &["huggingface.co", "*.hf.co"],
            "hf_dataset_parts" | "hf_dataset_rows" => &["datasets-server.huggingface.co"],
            "web_search" => &["api.tavily.com"],
            name if name.starts_with("arxiv") => &["export.arxiv.org"],
            name if name.starts_with("scholar") => &["api.semanticscholar.org"],
            name if name.starts_with("github") => &["api.github.com"],
            _ => &["huggingface.co"],
        };
        assert_eq!(tool.hosts(), expected, "{name}");
        toolbox.add(tool).unwrap();
        assert_eq!(toolbox.get(&name).unwrap().hosts(), expected, "through the toolbox");
    }
    assert_eq!(toolbox.specs().len(), 32);
}

#[test]
fn unknown_keys_are_refused() {
    for text in [
        "[githubb]\nenabled = true",
        "[github]\nenable = true",
        "[arxiv]\nenabled = true\ntoken = \"x\"",
        "[web_search]\nprovider = \"altavista\"",
    ] {
        assert!(toml::from_str::<OutsideSettings>(text).is_err(), "{text}");
    }
}

#[test]
fn settings_that_cannot_be_used_say_which_and_why() {
    let none = |_: &str| None;
    for (text, setting) in [
        ("[github]\nenabled = true\nbase_url = \"github\"", "agent.outside.github.base_url"),
        ("[github]\nenabled = true\nbase_url = \"ftp://x/\"", "agent.outside.github.base_url"),
        (
            "[github]\nenabled = true\nbase_url = \"https://u:p@x/\"",
            "agent.outside.github.base_url",
        ),
        (
            "[github]\nenabled = true\nbase_url = \"https://x/?a=1\"",
            "agent.outside.github.base_url",
        ),
        ("[github]\nenabled = true\ntoken = \"a b\"", "agent.outside.github.token"),
        ("[github]\nenabled = true\ntoken = \"\"", "agent.outside.github.token"),
        ("[web_search]\nprovider = \"searxng\"", "agent.outside.web_search.base_url"),
        ("[huggingface]\nwrite = true", "agent.outside.huggingface.write"),
        ("[huggingface]\njobs = true", "agent.outside.huggingface.jobs"),
        (
            "[huggingface]\nenabled = true\njobs_may_use_token = true",
            "agent.outside.huggingface.jobs_may_use_token",
        ),
        ("timeout_seconds = 0", "agent.outside.timeout_seconds"),
        ("[arxiv]\nenabled = true\ninterval_seconds = 61", "agent.outside.arxiv.interval_seconds"),
    ] {
        let told = refused(text, &none).to_string();
        assert!(told.contains(setting), "{text}: {told}");
    }
    let plain = "[github]\nenabled = true\nbase_url = \"http://github.example/api\"";
    let token = |name: &str| (name == "GITHUB_TOKEN").then(|| TOKEN.to_owned());
    let told = refused(plain, &token).to_string();
    assert!(told.contains("plain http") && !told.contains(TOKEN), "{told}");
    assert_eq!(names(plain).len(), 4, "without a token nothing is at risk");
}

#[test]
fn tokens_are_in_no_debug_output() {
    let text = format!("[github]\nenabled = true\ntoken = \"{TOKEN}\"");
    let settings: OutsideSettings = toml::from_str(&text).unwrap();
    assert!(!format!("{settings:?}").contains(TOKEN));
}
