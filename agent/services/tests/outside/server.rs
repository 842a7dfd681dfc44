//! A server that answers what a test says, also what no honest service would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    /// Path as it was sent, still encoded.
    pub path: String,
    /// Fields of the query, decoded, in order.
    pub query: Vec<(String, String)>,
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

impl Seen {
    /// The one value of a field of the query.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.query.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is there twice: {:?}", self.query);
        value
    }
}

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Act {
    /// A whole answer.
    Answer(Answer),
    /// These pieces, then nothing more, on a connection that stays open.
    Open(&'static str, Vec<String>),
    /// No answer at all, for ever.
    Hang,
    /// A body without end.
    Flood(&'static str),
}

#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    kind: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// A success with JSON.
pub fn json(body: &str) -> Act {
    answer(200, "application/json; charset=utf-8", body)
}

/// An answer.
pub fn answer(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Act {
    let (kind, body) = (kind.to_owned(), body.into());
    Act::Answer(Answer { status, kind, headers: Vec::new(), body })
}

impl Act {
    /// With one more header.
    pub fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        let Self::Answer(mut answer) = self else {
            panic!("only an answer has headers of its own");
        };
        answer.headers.push((name, value.into()));
        Self::Answer(answer)
    }
}

type Script = dyn Fn(&Seen) -> Act + Send + Sync;

/// The server; it ends with the test's runtime.
pub struct Server {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    pub async fn start(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (kept, script): (_, Arc<Script>) = (Arc::clone(&seen), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, script) = (Arc::clone(&kept), Arc::clone(&script));
                // A client that hangs up concerns only its own connection.
                tokio::spawn(async move { serve(stream, &seen, &*script).await });
            }
        });
        Self { port, seen }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The one request that was made.
    pub fn one(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Seen>>,
    script: &Script,
) -> std::io::Result<()> {
    let Some(request) = read(&mut stream).await? else {
        return Ok(());
    };
    seen.lock().unwrap().push(request.clone());
    match script(&request) {
        Act::Answer(answer) => {
            let mut head = format!(
                "HTTP/1.1 {} x\r\ncontent-type: {}\r\ncontent-length: {}\r\nconnection: close\r\n",
                answer.status,
                answer.kind,
                answer.body.len()
            );
            for (name, value) in &answer.headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            stream.write_all(format!("{head}\r\n").as_bytes()).await?;
            stream.write_all(&answer.body).await?;
            stream.shutdown().await
        }
        Act::Open(kind, pieces) => {
            let head = format!("HTTP/1.1 200 x\r\ncontent-type: {kind}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            for piece in pieces {
                stream.write_all(piece.as_bytes()).await?;
            }
            std::future::pending().await
        }
        Act::Hang => std::future::pending().await,
        Act::Flood(kind) => {
            let head = format!("HTTP/1.1 200 x\r\ncontent-type: {kind}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(&[b'x'; 64 << 10]).await?;
            }
        }
    }
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
                    let value = String::from_utf8_lossy(header.value).into_owned();
                    (header.name.to_lowercase(), value)
                })
                .collect();
            let method = parsed.method.unwrap().to_owned();
            let target = parsed.path.unwrap().to_owned();
            let url = url::Url::parse("http://x").unwrap().join(&target).unwrap();
            let query = url.query_pairs().map(|(a, b)| (a.into_owned(), b.into_owned()));
            let query = query.collect();
            let path = target.split('?').next().unwrap().to_owned();
            let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
            let mut body = bytes.split_off(at);
            let had = body.len();
            body.resize(length, 0);
            if had < length {
                stream.read_exact(&mut body[had..]).await?;
            }
            let body = String::from_utf8(body).unwrap();
            return Ok(Some(Seen { method, path, query, headers, body }));
        }
        let mut buffer = [0; 16 << 10];
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}
