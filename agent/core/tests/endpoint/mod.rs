//! A scripted model endpoint: a real HTTP server on loopback that answers what a test says, also what
//! no honest server would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

/// What the endpoint does with a request.
#[derive(Debug, Clone)]
pub enum Act {
    /// A whole answer: status, further header lines, body.
    Answer(u16, &'static str, String),
    /// An event stream.
    Stream(Vec<String>, Ending),
    /// No answer at all, for ever.
    Hang,
    /// So many bytes of one event.
    Flood(u64),
}

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Whole,
    /// The connection breaks.
    Cut,
    /// Nothing more comes, and the connection stays.
    Hang,
}

type Script = dyn Fn(usize, &Seen) -> Act + Send + Sync;

/// The server; it ends with the test's runtime.
pub struct Endpoint {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Endpoint {
    /// Answers request `n` (from 0) with what `script` says.
    pub async fn start(script: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (kept, script): (_, Arc<Script>) = (Arc::clone(&seen), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, script) = (Arc::clone(&kept), Arc::clone(&script));
                tokio::spawn(async move {
                    // A client that hangs up concerns only its own connection.
                    let _ = answer(stream, &seen, &*script).await;
                });
            }
        });
        Self { url, seen }
    }

    /// Answers with `acts` in order; after the last one every request is refused for good.
    pub async fn acts(acts: Vec<Act>) -> Self {
        Self::start(move |n, _| {
            let over =
                || Act::Answer(404, "", r#"{"error":{"message":"the script is over"}}"#.into());
            acts.get(n).cloned().unwrap_or_else(over)
        })
        .await
    }

    /// What was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Seen>>,
    script: &Script,
) -> std::io::Result<()> {
    let Some(request) = read(&mut stream).await? else {
        return Ok(());
    };
    let n = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    match script(n, &request) {
        Act::Answer(status, headers, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await
        }
        Act::Stream(pieces, ending) => {
            begin(&mut stream).await?;
            for piece in pieces {
                chunk(&mut stream, piece.as_bytes()).await?;
            }
            match ending {
                Ending::Whole => stream.write_all(b"0\r\n\r\n").await,
                Ending::Cut => Ok(()),
                Ending::Hang => std::future::pending().await,
            }
        }
        Act::Hang => std::future::pending().await,
        Act::Flood(bytes) => {
            begin(&mut stream).await?;
            let block = vec![b'x'; 64 << 10];
            for _ in 0..bytes / block.len() as u64 {
                chunk(&mut stream, &block).await?;
            }
            Ok(())
        }
    }
}

async fn begin(stream: &mut TcpStream) -> std::io::Result<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await
}

async fn chunk(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
    stream.write_all(bytes).await?;
    stream.write_all(b"\r\n").await
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut headers);
        if let Ok(httparse::Status::Complete(at)) = parsed.parse(&bytes) {
            let headers: BTreeMap<String, String> = parsed
                .headers
                .iter()
                .map(|header| {
                    (header.name.to_lowercase(), String::from_utf8_lossy(header.value).into_owned())
                })
                .collect();
            let path = parsed.path.unwrap().to_owned();
            let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
            let mut body = bytes.split_off(at);
            let had = body.len();
            body.resize(length, 0);
            if had < length {
                stream.read_exact(&mut body[had..]).await?;
            }
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            return Ok(Some(Seen { path, headers, body }));
        }
        let mut buffer = [0; 16 << 10];
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}

/// One event of chat completions.
pub fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// A delta of the first choice.
pub fn delta(delta: Value, finish: Option<&str>) -> String {
    event(
        &json!({"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}),
    )
}

/// The chunk with the usage, as llama.cpp and OpenAI send it.
pub fn usage(input: u64, output: u64) -> String {
    event(&json!({"choices": [], "usage": {"prompt_tokens": input, "completion_tokens": output}}))
}

pub const DONE: &str = "data: [DONE]\n\n";

/// A whole answer in words.
pub fn says(text: &str) -> Act {
    let pieces = vec![
        delta(json!({"content": text}), None),
        delta(json!({}), Some("stop")),
        DONE.to_owned(),
    ];
    Act::Stream(pieces, Ending::Whole)
}

/// A whole answer that asks for calls: id, tool and arguments as text.
pub fn calls(calls: &[(&str, &str, &str)]) -> Act {
    let calls: Vec<Value> = calls
        .iter()
        .enumerate()
        .map(|(index, (id, name, arguments))| {
            json!({"index": index, "id": id, "type": "function",
                   "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    let pieces = vec![
        delta(json!({"tool_calls": calls}), None),
        delta(json!({}), Some("tool_calls")),
        DONE.to_owned(),
    ];
    Act::Stream(pieces, Ending::Whole)
}

/// An error answer.
pub fn fails(status: u16, body: &str) -> Act {
    Act::Answer(status, "", body.to_owned())
}
