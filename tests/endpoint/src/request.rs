//! A request as it came.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::TcpStream;

use serde_json::Value;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Path as it was sent, still encoded, without the query.
    pub path: String,
    /// Fields of the query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Seen {
    /// The one value of a field of the query.
    ///
    /// # Panics
    /// When the field is there twice.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.query.iter().filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is there twice: {:?}", self.query);
        value
    }

    /// All headers, a line each.
    #[must_use]
    pub fn head(&self) -> String {
        self.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
    }

    /// Reads one request; none when the connection ends before it is whole.
    pub(crate) fn read(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let mut buffer = vec![0; 16 << 10];
        loop {
            if let Some((mut seen, at, length)) = head(&bytes) {
                let mut body = bytes.split_off(at);
                let had = body.len();
                body.resize(length, 0);
                if had < length {
                    stream.read_exact(&mut body[had..])?;
                }
                seen.body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                seen.text = String::from_utf8_lossy(&body).into_owned();
                return Ok(Some(seen));
            }
            let count = stream.read(&mut buffer)?;
            if count == 0 {
                return Ok(None);
            }
            bytes.extend_from_slice(&buffer[..count]);
        }
    }
}

/// The head, its end, and the length of the body; none while it is not whole.
fn head(bytes: &[u8]) -> Option<(Seen, usize, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(at)) = parsed.parse(bytes) else { return None };
    let headers: BTreeMap<String, String> = parsed
        .headers
        .iter()
        .map(|header| {
            (header.name.to_lowercase(), String::from_utf8_lossy(header.value).into_owned())
        })
        .collect();
    let target = parsed.path?.to_owned();
    let url = url::Url::parse("http://x").ok()?.join(&target).ok()?;
    let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned()));
    let length = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    let seen = Seen {
        method: parsed.method?.to_owned(),
        path: target.split('?').next().unwrap_or_default().to_owned(),
        query: query.collect(),
        headers,
        text: String::new(),
        body: Value::Null,
    };
    Some((seen, at, length))
}
