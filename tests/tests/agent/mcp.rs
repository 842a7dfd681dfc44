//! Servers of tools that `config.toml` names.

use crate::desk::Desk;
use crate::endpoint::{Endpoint, calls, says};

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

fn configure(desk: &Desk) {
    let script = desk.cluster.path().join("server.sh");
    std::fs::write(&script, SERVER).unwrap();
    let config = desk.node.home().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let section = format!(
        "\n[agent.mcp.desk]\nprogram = \"/bin/bash\"\narguments = [\"{}\"]\nenvironment = {{ TOKEN = \"t1\" }}\n",
        script.display()
    );
    std::fs::write(&config, text + &section).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_of_a_configured_server_are_called_under_its_name_with_its_own_environment() {
    let desk = Desk::new();
    configure(&desk);
    let endpoint = Endpoint::acts(vec![calls(&[("a", "desk__look", "{}")]), says("ok")]).await;
    let ran = desk.run(&endpoint, &["look", "--policy", "all"]).await;
    ran.done();
    assert_eq!(ran.events("called")[0]["text"], "token=t1 key=");
    // A policy that does not name them does not allow them.
    let endpoint = Endpoint::acts(vec![calls(&[("a", "desk__look", "{}")]), says("ok")]).await;
    let ran = desk.run(&endpoint, &["look", "--policy", "workspace"]).await;
    ran.failed(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_start_is_named() {
    let desk = Desk::new();
    let config = desk.node.home().join("config.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + "\n[agent.mcp.gone]\nprogram = \"/nonexistent\"\n").unwrap();
    let endpoint = Endpoint::acts(vec![says("never")]).await;
    let error = desk.run(&endpoint, &["x", "--policy", "all"]).await.failed(1);
    assert!(error["message"].as_str().unwrap().contains("gone"), "{error}");
    assert!(endpoint.seen().is_empty());
}
