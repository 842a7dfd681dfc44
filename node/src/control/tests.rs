#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use super::*;
use crate::error::CliError;
use crate::home::{Home, HomeLock};

struct Echo;

impl Handler for Echo {
    async fn handle(&self, request: Request, progress: Progress) -> Result<Value, CliError> {
        match request.verb.as_str() {
            "echo" => Ok(request.args),
            "count" => {
                for step in 0..200 {
                    progress.send(json!(step)).await;
                }
                Ok(json!("done"))
            }
            "large" => Ok(json!("x".repeat(LINE_BYTES))),
            other => Err(CliError::refused("no_such_verb", other).help("try echo")),
        }
    }
}

struct Daemon {
    dir: tempfile::TempDir,
    home: Home,
    lock: HomeLock,
    task: JoinHandle<()>,
}

fn daemon_in(dir: tempfile::TempDir, home: Home) -> Daemon {
    if !home.is_initialised() {
        home.initialise("").unwrap();
    }
    let lock = home.lock().unwrap();
    let server = Server::bind(&home, &lock).unwrap();
    let task = tokio::spawn(server.serve(Arc::new(Echo)));
    Daemon { dir, home, lock, task }
}

fn daemon() -> Daemon {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(&dir.path().join("node")).unwrap();
    daemon_in(dir, home)
}

/// Sends raw bytes and reads what comes until the daemon closes.
async fn raw(home: &Home, bytes: &[u8]) -> Value {
    let mut stream = UnixStream::connect(home.socket_path()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[tokio::test]
async fn a_verb_gets_its_result_after_all_its_progress_in_order() {
    let daemon = daemon();
    let echoed = call(&daemon.home, "echo", json!({"a": [1]}), |_| {}).await;
    assert_eq!(echoed.unwrap(), Some(json!({"a": [1]})));
    let mut steps = Vec::new();
    let counted = call(&daemon.home, "count", Value::Null, |step| steps.push(step)).await;
    assert_eq!(counted.unwrap(), Some(json!("done")));
    assert_eq!(steps, (0..200).map(|n| json!(n)).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_error_arrives_whole() {
    let daemon = daemon();
    let error = call(&daemon.home, "fly", Value::Null, |_| {}).await.unwrap_err();
    assert_eq!(error, CliError::refused("no_such_verb", "fly").help("try echo"));
}

#[tokio::test]
async fn only_the_owner_can_connect() {
    use std::os::unix::fs::MetadataExt as _;
    let daemon = daemon();
    let mode = std::fs::metadata(daemon.home.socket_path()).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn without_a_daemon_a_verb_is_told_so_even_when_a_dead_one_left_its_socket() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path()).unwrap();
    assert_eq!(call(&home, "echo", Value::Null, |_| {}).await.unwrap(), None);
    // A listener that goes without removing its file is what kill -9 leaves.
    drop(std::os::unix::net::UnixListener::bind(home.socket_path()).unwrap());
    assert!(home.socket_path().exists());
    assert_eq!(call(&home, "echo", Value::Null, |_| {}).await.unwrap(), None);
    let daemon = daemon_in(dir, home);
    let echoed = call(&daemon.home, "echo", json!(1), |_| {}).await.unwrap();
    assert_eq!(echoed, Some(json!(1)));
}

#[tokio::test]
async fn a_home_with_a_very_long_path_is_served_too() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(&dir.path().join("x".repeat(150))).unwrap();
    let daemon = daemon_in(dir, home);
    assert!(!daemon.home.socket_path().starts_with(daemon.home.root()));
    let echoed = call(&daemon.home, "echo", json!(1), |_| {}).await.unwrap();
    assert_eq!(echoed, Some(json!(1)));
}

#[tokio::test]
async fn what_is_no_request_is_refused_and_the_daemon_goes_on() {
    let daemon = daemon();
    for bytes in [&b"hello\n"[..], b"{}\n", b"\xff\xfe\n", b"[[[[[[[\n"] {
        let answer = raw(&daemon.home, bytes).await;
        assert_eq!(answer["error"]["exit"], 2, "{answer}");
    }
    let other_version = br#"{"version":99,"verb":"echo","args":1}"#;
    let answer = raw(&daemon.home, &[&other_version[..], b"\n"].concat()).await;
    assert_eq!(answer["error"]["kind"], "version");
    let echoed = call(&daemon.home, "echo", json!(1), |_| {}).await.unwrap();
    assert_eq!(echoed, Some(json!(1)));
}

#[tokio::test]
async fn a_result_over_the_line_limit_becomes_an_error() {
    let daemon = daemon();
    let error = call(&daemon.home, "large", Value::Null, |_| {}).await.unwrap_err();
    assert_eq!(error.kind, "too_large");
}

#[tokio::test]
async fn a_request_line_over_the_limit_is_refused() {
    let mut line = tokio::io::repeat(b'x').take(LINE_BYTES as u64 * 2);
    let mut reader = tokio::io::BufReader::new(&mut line);
    let error = super::wire::read_line(&mut reader).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
}

#[tokio::test]
async fn the_socket_goes_with_the_daemon() {
    let daemon = daemon();
    let Daemon { dir: _dir, home, lock, task } = daemon;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    drop(lock);
    assert!(!home.socket_path().exists());
}
