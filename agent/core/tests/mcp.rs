//! Servers of MCP: programs, and servers over HTTP, honest and not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use lore_agent::tool::{McpHttpSettings, McpServer, McpSettings, ToolContext, Toolbox};
use lore_test_endpoint::{Act, Endpoint, Seen, answer};
use serde_json::json;
use tokio_util::sync::CancellationToken;

fn context(timeout: Duration) -> ToolContext {
    ToolContext { workspace: "/".into(), cancel: CancellationToken::new(), timeout }
}

/// A server of MCP in shell: four tools, one of which has a name that cannot be taken.
const SERVER: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
while IFS= read -r line; do
  [[ $line =~ \"id\":([0-9]+) ]] && id=${BASH_REMATCH[1]} || continue
  case $line in
    *'"method":"initialize"'*)
      answer $id '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"t","version":"1"}}' ;;
    *'"method":"tools/list"'*)
      answer $id '{"tools":[{"name":"env","description":"its environment","inputSchema":{"type":"object"}},{"name":"slow","inputSchema":{"type":"object"}},{"name":"calendar.updateEvent","inputSchema":{"type":"object"}},{"name":"..","inputSchema":{"type":"object"}}]}' ;;
    *'"name":"env"'*)
      names=$(compgen -e | sort | tr '\n' ' ')
      answer $id '{"content":[{"type":"text","text":"'"$names TOKEN=$TOKEN"'"}],"isError":false}' ;;
    *'"name":"slow"'*) ;;
    *'"name":"calendar.updateEvent"'*) answer $id '{"content":[{"type":"text","text":"moved"}]}' ;;
    *) printf '{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}\n' "$id" ;;
  esac
done
"#;

fn settings(name: &str, token: &str) -> McpSettings {
    McpSettings {
        name: name.to_owned(),
        program: "/bin/bash".into(),
        arguments: vec!["-c".to_owned(), SERVER.to_owned()],
        environment: BTreeMap::from([("TOKEN".to_owned(), token.to_owned())]),
        directory: None,
    }
}

#[tokio::test]
async fn tools_of_servers_are_prefixed_and_keep_their_credentials_apart() {
    let mut toolbox = Toolbox::new();
    for (name, token) in [("one", "first"), ("chrome-devtools", "second")] {
        let server = McpServer::start(&settings(name, token)).await.unwrap();
        assert_eq!(server.left_out.len(), 1, "{:?}", server.left_out);
        for tool in server.tools() {
            toolbox.add(tool).unwrap();
        }
    }
    let names: Vec<String> = toolbox.specs().into_iter().map(|spec| spec.name).collect();
    assert_eq!(
        names,
        [
            "chrome-devtools__calendar_updateEvent",
            "chrome-devtools__env",
            "chrome-devtools__slow",
            "one__calendar_updateEvent",
            "one__env",
            "one__slow",
        ]
    );
    let patient = context(Duration::from_secs(20));
    // A server is called by its own name for a tool.
    let moved = toolbox.call("one__calendar_updateEvent", json!({}), &patient).await;
    assert_eq!(moved.text, "moved");
    for (name, token) in [("one__env", "first"), ("chrome-devtools__env", "second")] {
        let output = toolbox.call(name, json!({}), &patient).await;
        assert!(output.text.ends_with(&format!("TOKEN={token}")), "{}", output.text);
        assert!(!output.text.contains("CARGO"), "the agent's environment: {}", output.text);
    }
    let slow = toolbox.call("one__slow", json!({}), &context(Duration::from_millis(200))).await;
    assert!(slow.is_error && slow.text.contains("no answer"), "{}", slow.text);
    let after = toolbox.call("one__env", json!({}), &patient).await;
    assert!(!after.is_error, "a call that timed out does not end the server: {}", after.text);
}

#[tokio::test]
async fn what_is_no_server_is_refused() {
    let mut deaf = settings("deaf", "");
    deaf.arguments = vec!["-c".to_owned(), "echo this is no JSON; exit 0".to_owned()];
    assert!(McpServer::start(&deaf).await.is_err());
    let mut absent = settings("absent", "");
    absent.program = "/no/such/program".into();
    assert!(McpServer::start(&absent).await.unwrap_err().to_string().contains("did not start"));
    assert!(McpServer::start(&settings("Bad Name", "")).await.is_err());
}

#[tokio::test]
async fn a_program_ends_with_all_that_it_started() {
    let mark = format!("33{}", std::process::id());
    let mut settings = settings("one", "");
    settings.arguments[1] = format!("sleep {mark} & {SERVER}");
    let server = McpServer::start(&settings).await.unwrap();
    // The server may answer before the shell's child has become the other program.
    until("it started", || running(&mark) == 1).await;
    drop(server);
    until("it ended", || running(&mark) == 0).await;
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Processes that have `mark` as an argument.
fn running(mark: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| line.split(|byte| *byte == 0).any(|argument| argument == mark.as_bytes()))
        .count()
}

/// Behaviour of a server over HTTP.
#[derive(Clone)]
enum Kind {
    /// Answers, calls as an event stream; its one tool says which credentials came.
    Honest,
    /// Sends everybody elsewhere, with the method and body.
    Moved(String),
    /// Answers calls without end.
    Endless,
    /// Does not answer calls.
    Silent,
}

/// A server over HTTP.
struct Remote(Endpoint);

impl Remote {
    fn start(kind: Kind) -> Self {
        Self(Endpoint::start(move |_, seen| match act(seen, &kind) {
            act @ Act::Answer(_) => act.with("mcp-session-id", "s1"),
            act => act,
        }))
    }

    fn url(&self) -> String {
        format!("{}/mcp?tenant=private", self.0.root())
    }

    fn settings(&self, name: &str, token: &str) -> McpHttpSettings {
        McpHttpSettings {
            name: name.to_owned(),
            url: self.url().parse().unwrap(),
            bearer: Some(format!("bearer-{token}").into()),
            headers: BTreeMap::from([("x-key".to_owned(), format!("key-{token}").into())]),
        }
    }

    /// The heads of all requests that it got.
    fn heads(&self) -> String {
        self.0.seen().iter().map(Seen::head).collect()
    }
}

fn act(seen: &Seen, kind: &Kind) -> Act {
    if let Kind::Moved(to) = kind {
        return answer(307, "text/plain", "").with("location", to.clone());
    }
    if seen.method != "POST" {
        return answer(405, "text/plain", "");
    }
    let body = &seen.body;
    let result = match body["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
            "serverInfo": {"name": "t", "version": "1"}
        }),
        "tools/list" => json!({"tools": [{"name": "whoami", "inputSchema": {"type": "object"}}]}),
        "tools/call" => {
            match kind {
                Kind::Silent => return Act::Hang,
                Kind::Endless => return Act::Flood("text/event-stream", u64::MAX),
                _ => {}
            }
            let head = seen.head();
            let lines =
                head.lines().filter(|line| line.contains("bearer-") || line.contains("key-"));
            let seen: Vec<&str> = lines.collect();
            let result = json!({"content": [{"type": "text", "text": seen.join("; ")}]});
            let message = json!({"jsonrpc": "2.0", "id": body["id"], "result": result});
            return answer(
                200,
                "text/event-stream",
                format!("event: message\ndata: {message}\n\n"),
            );
        }
        _ if body["id"].is_null() => return answer(202, "text/plain", ""),
        _ => {
            let error = json!({"code": -32601, "message": "no such method"});
            let message = json!({"jsonrpc": "2.0", "id": body["id"], "error": error});
            return answer(200, "application/json", message.to_string());
        }
    };
    let message = json!({"jsonrpc": "2.0", "id": body["id"], "result": result});
    answer(200, "application/json", message.to_string())
}

async fn connect(settings: &McpHttpSettings) -> Result<McpServer, String> {
    let connected = McpServer::connect(settings, reqwest::Client::builder()).await;
    connected.map_err(|error| error.to_string())
}

#[tokio::test]
async fn servers_over_http_get_their_own_credentials_only() {
    let (one, two) = (Remote::start(Kind::Honest), Remote::start(Kind::Honest));
    let mut toolbox = Toolbox::new();
    for (remote, name) in [(&one, "one"), (&two, "two")] {
        let server = connect(&remote.settings(name, name)).await.unwrap();
        server.tools().for_each(|tool| toolbox.add(tool).unwrap());
    }
    let patient = context(Duration::from_secs(20));
    for name in ["one", "two"] {
        let output = toolbox.call(&format!("{name}__whoami"), json!({}), &patient).await;
        assert!(!output.is_error, "{}", output.text);
        assert!(output.text.contains(&format!("bearer-{name}")), "{}", output.text);
        assert!(output.text.contains(&format!("key-{name}")), "{}", output.text);
    }
    for (remote, other) in [(&one, "-two"), (&two, "-one")] {
        let heads = remote.heads();
        assert!(!heads.is_empty() && !heads.contains(other), "{heads}");
    }
}

#[tokio::test]
async fn credentials_are_not_forwarded_by_a_redirect() {
    let elsewhere = Remote::start(Kind::Honest);
    let moved = Remote::start(Kind::Moved(elsewhere.url()));
    let error = connect(&moved.settings("moved", "secret")).await.unwrap_err();
    assert!(!moved.heads().is_empty());
    assert!(elsewhere.heads().is_empty(), "the redirect was followed");
    for secret in ["bearer-secret", "key-secret", "tenant=private"] {
        assert!(!error.contains(secret), "{error}");
    }
}

#[tokio::test]
async fn credentials_do_not_travel_in_the_open_nor_in_the_address() {
    let remote = Remote::start(Kind::Honest);
    let at = |url: &str| McpHttpSettings {
        url: url.parse().unwrap(),
        ..remote.settings("far", "secret")
    };
    for (url, why) in [
        ("http://mcp.example.org/mcp", "plain http"),
        ("https://user:password@mcp.example.org/mcp", "holds credentials"),
        ("ftp://mcp.example.org/mcp", "neither http nor https"),
    ] {
        let error = connect(&at(url)).await.unwrap_err();
        assert!(error.contains(why) && !error.contains("password"), "{error}");
    }
    let mut settings = remote.settings("far", "secret");
    settings.headers.insert("x-broken".to_owned(), "line\nbreak".to_owned().into());
    let error = connect(&settings).await.unwrap_err();
    assert!(error.contains("no header can") && !error.contains("line"), "{error}");
    assert!(!format!("{settings:?}").contains("secret"), "{settings:?}");
}

#[tokio::test]
async fn a_server_over_http_that_answers_without_end_or_not_at_all_costs_a_bounded_call() {
    for kind in [Kind::Endless, Kind::Silent] {
        let remote = Remote::start(kind);
        let server = connect(&remote.settings("bad", "x")).await.unwrap();
        let mut toolbox = Toolbox::new();
        server.tools().for_each(|tool| toolbox.add(tool).unwrap());
        let output = toolbox.call("bad__whoami", json!({}), &context(Duration::from_secs(2))).await;
        assert!(output.is_error && output.text.len() < 2000, "{}", output.text);
    }
}
