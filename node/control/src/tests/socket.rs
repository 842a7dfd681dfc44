//! A client and a server on a real socket.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use crate::*;

struct Answers;

impl Handler for Answers {
    async fn handle(&self, request: Request, progress: Progress) -> Result<Reply, Failure> {
        match request {
            Request::Stop(_) => Reply::to::<Stop>(&Stopping { stopping: true }),
            Request::SessionImport(_) => {
                for files_done in 0..200 {
                    let step = ImportProgress { files_done, files: 200, sessions: 0 };
                    progress.send(Event::Import(step)).await;
                }
                Reply::to::<SessionImport>(&imported())
            }
            Request::SessionShow(_) => {
                let session = SessionLine::new("x".repeat(LINE_BYTES));
                Reply::to::<SessionShow>(&StoredSession { session })
            }
            other => Err(Failure::failed("not_here", other.verb()).help("try stop")),
        }
    }
}

fn imported() -> Imported {
    Imported {
        imported: 1,
        known: 2,
        grown: 0,
        forgotten: 0,
        users: 3,
        files: 4,
        warnings: Vec::new(),
        passed_over: Vec::new(),
        too_few: Vec::new(),
    }
}

fn import() -> SessionImport {
    SessionImport { user: "ada".into(), path: "/tmp".into(), format: None, again: false }
}

struct Daemon {
    dir: tempfile::TempDir,
    task: JoinHandle<()>,
}

impl Daemon {
    fn socket(&self) -> PathBuf {
        self.dir.path().join("control.sock")
    }
}

fn daemon_in(dir: tempfile::TempDir) -> Daemon {
    let server = Server::bind(&dir.path().join("control.sock"), dir.path(), &()).unwrap();
    Daemon { dir, task: tokio::spawn(server.serve(Arc::new(Answers))) }
}

fn daemon() -> Daemon {
    daemon_in(tempfile::tempdir().unwrap())
}

async fn stop(socket: &Path) -> Result<Option<Stopping>, Failure> {
    call(socket, Stop {}, |_| {}).await
}

/// Sends raw bytes and reads what comes until the daemon closes.
async fn raw(socket: &Path, bytes: &[u8]) -> Value {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[tokio::test]
async fn a_verb_gets_its_answer_after_all_its_events_in_order() {
    let daemon = daemon();
    let mut steps = Vec::new();
    let answer =
        call(&daemon.socket(), import(), |Event::Import(step)| steps.push(step.files_done)).await;
    assert_eq!(answer.unwrap(), Some(imported()));
    assert_eq!(steps, (0..200).collect::<Vec<u64>>());
}

#[tokio::test]
async fn clients_that_never_end_their_large_line_or_never_read_keep_no_other_waiting() {
    let daemon = daemon();
    let mut held = Vec::new();
    for _ in 0..20 {
        let mut stream = UnixStream::connect(daemon.socket()).await.unwrap();
        // What the socket does not take would wait for the daemon to read it.
        let half = vec![b' '; 4 << 20];
        let sent = tokio::spawn(async move { stream.write_all(&half).await.map(|()| stream) });
        held.push(sent);
    }
    let line = crate::line::request_line(&import().into()).unwrap();
    for _ in 0..5 {
        let mut stream = UnixStream::connect(daemon.socket()).await.unwrap();
        stream.write_all(&line).await.unwrap();
        held.push(tokio::spawn(async move { Ok(stream) }));
    }
    assert_eq!(stop(&daemon.socket()).await.unwrap(), Some(Stopping { stopping: true }));
    // Of the large ones two are read, and the others wait with their first part.
    let read = held.iter().take(20).filter(|sent| sent.is_finished()).count();
    assert!(read <= 2, "{read} large lines are read at once");
}

#[tokio::test]
async fn large_requests_are_all_answered_one_after_the_other() {
    let daemon = daemon();
    let mut asked = Vec::new();
    for _ in 0..6 {
        let socket = daemon.socket();
        asked.push(tokio::spawn(async move {
            let mut line = vec![b' '; 1 << 20];
            line.extend(crate::line::request_line(&Stop {}.into()).unwrap());
            raw(&socket, &line).await
        }));
    }
    for answer in asked {
        assert!(answer.await.unwrap()["ok"].is_object());
    }
}

#[tokio::test]
async fn a_failure_arrives_whole() {
    let daemon = daemon();
    let failure = call(&daemon.socket(), Peers {}, |_| {}).await.unwrap_err();
    assert_eq!(failure, Failure::failed("not_here", "peers").help("try stop"));
}

#[tokio::test]
async fn only_the_owner_can_connect() {
    let daemon = daemon();
    let mode = std::fs::metadata(daemon.socket()).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn without_a_daemon_there_is_no_answer_even_when_a_dead_one_left_its_socket() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("control.sock");
    assert_eq!(stop(&socket).await.unwrap(), None);
    // A listener that goes without removing its file is what kill -9 leaves.
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    assert_eq!(stop(&socket).await.unwrap(), None);
    let daemon = daemon_in(dir);
    assert_eq!(stop(&daemon.socket()).await.unwrap(), Some(Stopping { stopping: true }));
}

#[tokio::test]
async fn a_socket_elsewhere_needs_a_directory_that_only_its_owner_can_change() {
    let home = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let runtime = other.path().join("runtime");
    let socket = runtime.join("lore.sock");
    drop(Server::bind(&socket, home.path(), &()).unwrap());
    assert_eq!(std::fs::metadata(&runtime).unwrap().mode() & 0o777, 0o700);
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o777)).unwrap();
    let failure = Server::bind(&socket, home.path(), &()).unwrap_err();
    assert!(failure.message.contains("only you can change"), "{failure}");
}

#[tokio::test]
async fn a_message_that_is_no_request_is_refused_and_the_daemon_goes_on() {
    let daemon = daemon();
    let socket = daemon.socket();
    for bytes in [&b"hello\n"[..], b"{}\n", b"\xff\xfe\n", b"[[[[[[[\n"] {
        let answer = raw(&socket, bytes).await;
        assert_eq!(answer["error"]["exit"], 2, "{answer}");
    }
    let answer = raw(&socket, b"{\"version\":1,\"verb\":\"stop\",\"args\":{}}\n").await;
    assert_eq!(answer["error"]["kind"], "version");
    assert_eq!(stop(&socket).await.unwrap(), Some(Stopping { stopping: true }));
}

#[tokio::test]
async fn a_daemon_of_another_version_gets_no_blame_without_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("control.sock");
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let older = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"{\"ok\":{\"stopping\":true}}\n").await.unwrap();
        stream
    });
    let failure = stop(&socket).await.unwrap_err();
    assert_eq!(failure.kind, "version");
    assert!(failure.message.contains(LORE_VERSION), "{failure}");
    drop(older.await.unwrap());
}

#[tokio::test]
async fn an_answer_over_the_line_limit_becomes_a_failure() {
    let daemon = daemon();
    let ask = SessionShow { name: "a".into() };
    let failure = call(&daemon.socket(), ask, |_| {}).await.unwrap_err();
    assert_eq!(failure.kind, "too_large");
}

#[tokio::test]
async fn the_socket_goes_with_the_daemon() {
    let daemon = daemon();
    let socket = daemon.socket();
    let Daemon { dir: _dir, task } = daemon;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert!(!socket.exists());
}
