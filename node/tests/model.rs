//! `lore model` as a person runs it: the program, a home, and servers of our own making.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use lore_test_endpoint::chat::{DONE, delta, usage};
use lore_test_endpoint::{Act, Endpoint, answer, fails};
use serde_json::{Value, json};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A home, a directory of models and a directory of programs, all empty.
struct Room(TempDir);

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        fs::create_dir(room.path("bin")).unwrap();
        room
    }

    fn with_node() -> Self {
        let room = Self::new();
        room.json(&["init", "--loopback"]);
        room
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn lore(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lore"));
        command
            .args(args)
            .arg("--json")
            .env("LORE_HOME", self.path("home"))
            .env("LORE_MODELS", self.path("models"))
            .env("PATH", self.path("bin"));
        command
    }

    /// The result, whatever the exit code; and all that was printed.
    fn run(&self, command: &mut Command) -> (Value, Option<i32>, String) {
        let out = command.output().unwrap();
        let stdout = String::from_utf8(out.stdout).unwrap();
        let value = serde_json::from_str(stdout.lines().last().unwrap_or("null")).unwrap();
        let all = stdout + &String::from_utf8(out.stderr).unwrap();
        (value, out.status.code(), all)
    }

    fn json(&self, args: &[&str]) -> Value {
        let (value, code, all) = self.run(&mut self.lore(args));
        assert_eq!(code, Some(0), "{args:?}: {all}");
        value
    }

    fn error(&self, args: &[&str]) -> (Value, Option<i32>) {
        let (value, code, _) = self.run(&mut self.lore(args));
        (value["error"].clone(), code)
    }
}

fn words(list: &[&str]) -> Act {
    let words = list.iter().map(|word| delta(json!({ "content": word }), None));
    let end = [delta(json!({}), Some("stop")), usage(9, 2), DONE.to_owned()];
    answer(200, "text/event-stream", words.chain(end).collect::<String>())
}

#[test]
fn a_model_is_set_listed_and_removed_and_the_file_keeps_its_comments() {
    let room = Room::with_node();
    let path = room.path("home/config.toml");
    let before = fs::read_to_string(&path).unwrap();
    let url = "https://models.example/v1";
    let set = ["model", "set", "big", "--url", url, "--model", "m-1", "--dialect", "anthropic"];
    let more = ["--key-env", "BIG_KEY", "--price-in", "3", "--price-out", "0.15", "--default"];
    let done = room.json(&[&set[..], &more[..]].concat());
    assert_eq!(done["default"], true);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(&before), "{text}");

    let secret = "the-secret-word";
    let (list, _, all) = room.run(room.lore(&["model", "list"]).env("BIG_KEY", secret));
    assert!(!all.contains(secret));
    let big = &list["models"][0];
    assert_eq!((&big["name"], &big["key"]), (&json!("big"), &json!("$BIG_KEY")));
    assert_eq!(big["price_micro_usd"], json!({"in": 3_000_000, "out": 150_000}));
    assert_eq!(list["files"].as_array().unwrap().len(), 2);

    // One field changes, the others stay.
    room.json(&["model", "set", "big", "--window", "200000"]);
    let list = room.json(&["model", "list"]);
    assert_eq!(list["models"][0]["window_tokens"], 200_000);
    assert_eq!(list["models"][0]["dialect"], "anthropic");

    let (error, code) = room.error(&["model", "set", "half", "--url", url]);
    assert_eq!((error["kind"].as_str(), code), (Some("config"), Some(2)));
    let (error, code) = room.error(&["model", "test", "big"]);
    assert_eq!((error["kind"].as_str(), code), (Some("no_key"), Some(1)));

    room.json(&["model", "remove", "big"]);
    assert_eq!(room.json(&["model", "list"])["models"], json!([]));
    assert!(fs::read_to_string(&path).unwrap().starts_with(&before));
    let (error, code) = room.error(&["model", "remove", "big"]);
    assert_eq!((error["kind"].as_str(), code), (Some("no_model"), Some(2)));
}

#[test]
fn a_test_finds_out_keeps_it_and_never_shows_the_key() {
    let room = Room::with_node();
    let secret = "the-secret-word";
    let endpoint = Endpoint::start(move |_, seen| {
        if seen.path == "/v1/models" {
            let list = json!({"data": [{"id": "m", "max_model_len": 4096}]});
            return fails(200, &list.to_string());
        }
        let request = seen.head() + &seen.text;
        assert!(request.contains(secret), "{request}");
        if request.contains("\"tools\"") {
            let refused =
                json!({"error": {"message": format!("m does not support tools, {secret}")}});
            return fails(400, &refused.to_string());
        }
        words(&["{\"ok\":", " true}"])
    });
    room.json(&["model", "set", "m", "--url", &endpoint.url, "--model", "m", "--key-env", "KEY"]);
    let (found, code, all) = room.run(room.lore(&["model", "test"]).env("KEY", secret));
    assert_eq!(code, Some(0), "{all}");
    assert!(!all.contains(secret), "{all}");
    for (key, value) in [("streaming", true), ("tools", false), ("json", true), ("kept", true)] {
        assert_eq!(found[key], value, "{key}: {found}");
    }
    assert_eq!(found["window_tokens"], 4096);
    let list = room.json(&["model", "list"]);
    assert_eq!(list["models"][0]["recorded"]["window_tokens"], 4096);
    assert!(!fs::read_to_string(room.path("home/models.json")).unwrap().contains(secret));

    // A URL needs no node, and then nothing is kept.
    let bare = Room::new();
    let (found, _, all) =
        bare.run(bare.lore(&["model", "test", &endpoint.url]).env("LORE_MODEL_KEY", secret));
    assert_eq!((&found["kept"], &found["name"]), (&json!(false), &Value::Null), "{all}");
}

#[test]
fn a_file_that_is_not_the_official_one_is_refused_and_not_served() {
    let room = Room::new();
    let file = room.path("other.gguf");
    fs::write(&file, "GGUF and little more").unwrap();
    let pull = ["model", "pull", "qwen2.5-coder-0.5b", "--file", file.to_str().unwrap()];
    let (error, code) = room.error(&pull);
    assert_eq!((error["kind"].as_str(), code), (Some("wrong_file"), Some(3)));
    let (error, code) = room.error(&["model", "serve", "qwen2.5-coder-0.5b"]);
    assert_eq!((error["kind"].as_str(), code), (Some("not_pulled"), Some(1)));
    assert!(error["help"].as_str().unwrap().contains("lore model pull"));
    let (error, code) = room.error(&["model", "pull", "unheard-of"]);
    assert_eq!((error["kind"].as_str(), code), (Some("no_model"), Some(2)));
}

/// Not a test of its own: the body of the `llama-server` that [`fake_server`] puts on the path.
#[test]
fn fake_llama_server() {
    let Ok(args) = std::env::var("FAKE_ARGS") else { return };
    if std::env::var("FAKE_FAILS").is_ok() {
        eprintln!("error: tensor 'x' is broken");
        std::process::exit(3);
    }
    let args: Vec<&str> = args.split(' ').collect();
    let value = |name: &str| args[args.iter().position(|arg| *arg == name).unwrap() + 1];
    assert_eq!(value("--host"), "127.0.0.1");
    let listener = TcpListener::bind(("127.0.0.1", value("--port").parse().unwrap())).unwrap();
    let asked = AtomicU32::new(0);
    let _endpoint = Endpoint::on(listener, move |_, seen| {
        let health = u32::from(seen.path == "/health");
        if asked.fetch_add(health, Ordering::SeqCst) + health < 3 {
            return fails(503, "{}");
        }
        fails(200, "{\"status\":\"ok\"}")
    });
    loop {
        std::thread::park();
    }
}

/// A `llama-server` that is loading for two questions and ready from the third.
fn fake_server(room: &Room) {
    let this = std::env::current_exe().unwrap();
    let script = format!(
        "#!/bin/sh\nexport FAKE_ARGS=\"$*\"\nexec '{}' --exact fake_llama_server --nocapture\n",
        this.display()
    );
    let path = room.path("bin/llama-server");
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(room.path("m.gguf"), "weights").unwrap();
}

fn serving(room: &Room) -> (Child, Value) {
    let file = room.path("m.gguf");
    let mut child = room
        .lore(&["model", "serve", file.to_str().unwrap(), "--threads", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

fn answers(url: &str) -> bool {
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap();
    TcpStream::connect(address).is_ok()
}

#[test]
fn a_server_is_ready_when_its_url_is_printed_and_ends_with_lore_however_lore_ends() {
    let room = Room::new();
    fake_server(&room);
    for signal in ["TERM", "INT", "KILL"] {
        let (mut lore, said) = serving(&room);
        let url = said["url"].as_str().unwrap();
        assert_eq!((&said["runtime"], &said["model"]), (&json!("llama-server"), &json!("m")));
        let mut stream = TcpStream::connect(&url[7..url.len() - 3]).unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let pid = lore.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        let status = lore.wait().unwrap();
        assert_eq!(status.code(), (signal != "KILL").then_some(0), "{signal}");
        wait_until("the server's end", || !answers(url));
    }
}

#[test]
fn a_server_that_ends_early_says_why_and_none_at_all_says_what_to_install() {
    let room = Room::new();
    fs::write(room.path("m.gguf"), "weights").unwrap();
    let file = room.path("m.gguf");
    let args = ["model", "serve", file.to_str().unwrap()];
    let (error, code) = room.error(&args);
    assert_eq!((error["kind"].as_str(), code), (Some("no_runtime"), Some(1)));
    let help = error["help"].as_str().unwrap();
    assert!(help.contains("llama-server") && help.contains("xllamacpp"), "{help}");
    fake_server(&room);
    let (value, code, _) = room.run(room.lore(&args).env("FAKE_FAILS", "1"));
    let error = &value["error"];
    assert_eq!((error["kind"].as_str(), code), (Some("server"), Some(1)), "{error}");
    assert!(error["help"].as_str().unwrap().contains("tensor 'x' is broken"), "{error}");
}

/// The pulled 0.5B under a Python with `xllamacpp` that `LORE_TEST_PYTHON` names.
#[test]
fn the_real_small_model_is_served_and_tested() {
    let models = std::env::var_os("HOME").unwrap_or_default();
    let models = Path::new(&models).join(".cache/commonlore-models");
    let file = models.join("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf");
    let Some(python) = std::env::var_os("LORE_TEST_PYTHON").filter(|_| file.is_file()) else {
        eprintln!("real-model: SKIPPED no LORE_TEST_PYTHON, or the 0.5B is not pulled");
        return;
    };
    let room = Room::new();
    let mut child = room
        .lore(&["model", "serve", "qwen2.5-coder-0.5b", "--threads", "1", "--window", "2048"])
        .arg("--python")
        .arg(python)
        .env("LORE_MODELS", &models)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    let found = room.json(&["model", "test", said["url"].as_str().unwrap()]);
    assert_eq!((&found["streaming"], &found["window_tokens"]), (&json!(true), &json!(2048)));
    eprintln!("real-model: ran 0.5B: {found}");
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the server's end", || !answers(said["url"].as_str().unwrap()));
}

#[cfg(not(feature = "local-llm"))]
#[test]
fn a_lore_that_cannot_compute_a_model_says_how_to_get_one_that_can() {
    let room = Room::new();
    let (error, code) = room.error(&["model", "serve", "qwen2.5-coder-0.5b", "--embedded"]);
    assert_eq!((error["kind"].as_str(), code), (Some("no_embedded"), Some(2)));
    let help = error["help"].as_str().unwrap();
    assert!(help.contains("cargo install --path node --features local-llm"), "{help}");
}

/// The pulled 0.5B, computed by lore.
#[cfg(feature = "local-llm")]
#[test]
fn the_embedded_model_is_served_tested_and_ends_with_lore() {
    let models = std::env::var_os("HOME").unwrap_or_default();
    let models = Path::new(&models).join(".cache/commonlore-models");
    if !models.join("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf").is_file() {
        eprintln!("embedded-model: SKIPPED the 0.5B is not pulled");
        return;
    }
    let room = Room::new();
    let mut child = room
        .lore(&["model", "serve", "qwen2.5-coder-0.5b", "--embedded", "--threads", "1"])
        .args(["--window", "2048"])
        .env("LORE_MODELS", &models)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let said: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["runtime"], "embedded");
    let url = said["url"].as_str().unwrap();
    let found = room.json(&["model", "test", url]);
    for (ability, expected) in [
        ("streaming", json!(true)),
        ("usage", json!(true)),
        ("tools", json!(false)),
        ("json", json!(false)),
        ("window_tokens", json!(2048)),
    ] {
        assert_eq!(found[ability], expected, "{ability}: {found}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the server's end", || !answers(url));
}
