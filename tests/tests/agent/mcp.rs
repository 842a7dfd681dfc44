//! Servers of tools that `config.toml` names.

use serde_json::{Value, json};

use crate::desk::{Desk, lines};
use lore_test_endpoint::chat::{calls, says};
use lore_test_endpoint::{Endpoint, fails};

/// A server in shell that tells its environment.
const SERVER: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$1" "$2"; }
while IFS= read -r line; do
  [[ $line =~ \"id\":([0-9]+) ]] && id=${BASH_REMATCH[1]} || continue
  case $line in
    *'"method":"initialize"'*)
      answer $id '{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"t","version":"1"}}' ;;
    *'"method":"tools/list"'*)
      answer $id '{"tools":[{"name":"look","description":"tells its token","inputSchema":{"type":"object"}}]}' ;;
    *'"method":"tools/call"'*)
      answer $id '{"content":[{"type":"text","text":"token='"$TOKEN"' key='"$LORE_MODEL_KEY"'"}],"isError":false}' ;;
  esac
done
"#;

fn add(desk: &Desk, section: &str) {
    let config = desk.node.home().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n{section}\n")).unwrap();
}

fn configure(desk: &Desk) {
    let script = desk.cluster.path().join("server.sh");
    std::fs::write(&script, SERVER).unwrap();
    let section = format!(
        "[agent.mcp.desk]\ncommand = \"/bin/bash\"\nargs = [\"{}\"]\nenv = {{ TOKEN = \"t1\" }}",
        script.display()
    );
    add(desk, &section);
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_of_a_configured_server_are_called_under_its_name_with_its_own_environment() {
    let desk = Desk::new();
    configure(&desk);
    let endpoint = Endpoint::acts(vec![calls(&[("a", "desk__look", "{}")]), says("ok")]);
    let ran = desk.run(&endpoint, &["look", "--policy", "all"]).await;
    ran.done();
    assert_eq!(ran.events("called")[0]["text"], "token=t1 key=");
    // A policy that does not name them does not allow them.
    let endpoint = Endpoint::acts(vec![calls(&[("a", "desk__look", "{}")]), says("ok")]);
    let ran = desk.run(&endpoint, &["look", "--policy", "workspace"]).await;
    ran.failed(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_start_is_named_and_the_task_goes_on_with_the_others() {
    let desk = Desk::new();
    configure(&desk);
    add(&desk, "[agent.mcp.gone]\ncommand = \"/nonexistent\"");
    let endpoint = Endpoint::acts(vec![calls(&[("a", "desk__look", "{}")]), says("ok")]);
    let ran = desk.run(&endpoint, &["x", "--policy", "all"]).await;
    ran.done();
    assert_eq!(ran.events("called")[0]["text"], "token=t1 key=");
    assert!(ran.0.stderr.contains("gone is left out"), "{}", ran.0.stderr);
}

/// An entry as other agents have it works as it is, in a file of theirs.
#[tokio::test(flavor = "multi_thread")]
async fn servers_of_a_file_of_another_agent_are_used_under_names_that_the_endpoint_takes() {
    let desk = Desk::new();
    let script = desk.cluster.path().join("server.sh");
    std::fs::write(&script, SERVER.replace("look", "list-Issues")).unwrap();
    let file = desk.cluster.path().join(".mcp.json");
    let servers = json!({"mcpServers": {"chrome-devtools": {
        "type": "stdio", "command": "/bin/bash", "args": [script], "env": {"TOKEN": "t2"}, "timeout": 5,
    }}});
    std::fs::write(&file, servers.to_string()).unwrap();
    let config = desk.node.home().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[agent]\nmcp_files = [{file:?}]\n")).unwrap();
    let name = "chrome-devtools__list-Issues";
    let endpoint = Endpoint::acts(vec![calls(&[("a", name, "{}")]), says("ok")]);
    let ran = desk.run(&endpoint, &["x", "--policy", "all"]).await;
    ran.done();
    assert_eq!(ran.events("called")[0]["text"], "token=t2 key=");
    assert!(ran.0.stderr.contains("passed over timeout"), "{}", ran.0.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_over_http_is_asked_with_its_own_token_and_told_nothing_else() {
    let server = Endpoint::start(|_, seen| {
        let answer = |result: Value| {
            let body = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
            fails(200, &body.to_string())
        };
        match seen.body["method"].as_str() {
            Some("initialize") => answer(json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "t", "version": "1"},
            })),
            Some("tools/list") => answer(json!({"tools": [
                {"name": "look", "description": "looks", "inputSchema": {"type": "object"}},
            ]})),
            Some("tools/call") => answer(json!({
                "content": [{"type": "text", "text": "a ticket"}], "isError": false,
            })),
            // A notification, or the end of a session that this server does not keep.
            Some(_) => fails(202, ""),
            None => fails(405, ""),
        }
    });
    let desk = Desk::new();
    let url = &server.url;
    add(
        &desk,
        &format!(
            "[agent.mcp.tickets]\nurl = \"{url}\"\ntoken_env = \"TICKETS\"\nheaders = {{ x-team = \"t7\" }}"
        ),
    );
    let endpoint = Endpoint::acts(vec![calls(&[("a", "tickets__look", "{}")]), says("ok")]);
    let args = ["look", "--policy", "all", "--skills", "none", "--json"];
    let mut command = desk.command(&endpoint, &args);
    let ran = lines(command.env("TICKETS", "s3").env("LORE_MODEL_KEY", "k9")).await;
    ran.done();
    assert_eq!(ran.events("called")[0]["text"], "a ticket");
    for seen in server.seen() {
        assert_eq!(seen.headers["authorization"], "Bearer s3");
        assert_eq!(seen.headers["x-team"], "t7");
    }
    for seen in endpoint.seen() {
        assert_eq!(seen.headers["authorization"], "Bearer k9");
        assert!(!seen.headers.contains_key("x-team"));
    }
    // Without its variable it is not asked, and left out.
    let before = server.seen().len();
    let endpoint = Endpoint::acts(vec![says("ok")]);
    let ran = lines(desk.command(&endpoint, &args).env_remove("TICKETS")).await;
    ran.done();
    assert!(ran.0.stderr.contains("TICKETS"), "{}", ran.0.stderr);
    assert_eq!(server.seen().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_a_program_or_an_address_and_never_both() {
    for section in [
        "command = \"/bin/true\"\nurl = \"https://example.org/mcp\"",
        "args = [\"x\"]",
        "command = \"/bin/true\"\ntoken = \"x\"",
        "url = \"https://example.org/mcp\"\nenv = { A = \"b\" }",
    ] {
        let desk = Desk::new();
        add(&desk, &format!("[agent.mcp.x]\n{section}"));
        let endpoint = Endpoint::acts(vec![]);
        let error = desk.run(&endpoint, &["x", "--policy", "all"]).await.failed(2);
        assert!(error["message"].as_str().unwrap().contains("`command`"), "{section}: {error}");
    }
}
