//! Lines of the control socket.
//!
//! Every line is one JSON object that names the version of the format and the `lore` that wrote it:
//! `{"version":2,"lore":"0.1.0","verb":"peers","args":{}}` is a request, and a line with `event`, `ok`
//! or `error` is a part of the answer.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{Event, Failure, Reply, Request};

/// Version of the lines.
pub const VERSION: u32 = 2;
/// Version of `lore` that this crate is built into.
pub const LORE_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Longest line, in bytes: a session of the usual size as an argument, with room. Larger imports are
/// read by the daemon from a path.
pub const LINE_BYTES: usize = 24 << 20;
/// Length from which a request's line is large, in bytes: only few of these are read at once.
pub(crate) const LARGE_LINE_BYTES: usize = 64 << 10;

/// Writer of a line. Lines of every version are read so far, whatever else they hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    #[serde(default)]
    pub(crate) version: u32,
    #[serde(default)]
    pub(crate) lore: Option<String>,
}

impl Stamp {
    fn own() -> Self {
        Self { version: VERSION, lore: Some(LORE_VERSION.to_owned()) }
    }

    /// `lore 0.1.0 (control version 2)`.
    fn words(&self) -> String {
        let lore = self.lore.as_deref().unwrap_or("of an unknown version");
        format!("lore {lore} (control version {})", self.version)
    }
}

#[derive(Serialize)]
struct Stamped<'a, T> {
    #[serde(flatten)]
    stamp: Stamp,
    #[serde(flatten)]
    body: &'a T,
}

/// The body of a line of an answer. Every kind but `Event` is the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Event(Event),
    Ok(Value),
    Error(Failure),
}

/// A line of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Line {
    /// The verb is still at work.
    Event(Event),
    /// It is done.
    Ok(Reply),
    /// It failed.
    Error(Failure),
}

/// Side that a line comes from, for errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Daemon,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Daemon => "daemon",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Client => Self::Daemon,
            Self::Daemon => Self::Client,
        }
    }

    /// A line of this side is not understood: says why, and both versions.
    fn misunderstood(self, stamp: &Stamp, why: &dyn std::fmt::Display) -> Failure {
        let versions = format!(
            "the {} is {}, the {} is {}",
            self.name(),
            stamp.words(),
            self.other().name(),
            Stamp::own().words()
        );
        let kind = if stamp.version == VERSION { "usage" } else { "version" };
        Failure::usage(
            kind,
            format!("the {}'s message is not understood: {why}; {versions}", self.name()),
        )
        .help("restart the node with the same program: `lore stop`, then `lore run --detach`")
    }
}

fn read<T: DeserializeOwned>(line: &[u8], side: Side) -> Result<T, Failure> {
    // Each step names what is known of the other side so far.
    let nobody = Stamp { version: 0, lore: None };
    let mut value: Value =
        serde_json::from_slice(line).map_err(|error| side.misunderstood(&nobody, &error))?;
    let stamp = Stamp::deserialize(&value).map_err(|error| side.misunderstood(&nobody, &error))?;
    if stamp.version != VERSION {
        let why = format!("control version {} is not {VERSION}", stamp.version);
        return Err(side.misunderstood(&stamp, &why));
    }
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| name != "version" && name != "lore");
    }
    T::deserialize(value).map_err(|error| side.misunderstood(&stamp, &error))
}

/// Reads a client's line.
///
/// # Errors
/// A failure that names both versions.
pub(crate) fn read_request(line: &[u8]) -> Result<Request, Failure> {
    read(line, Side::Client)
}

/// Reads a daemon's line.
///
/// # Errors
/// A failure that names both versions.
pub(crate) fn read_answer(line: &[u8]) -> Result<Line, Failure> {
    read(line, Side::Daemon).map(|body| match body {
        Body::Event(event) => Line::Event(event),
        Body::Ok(value) => Line::Ok(Reply(value)),
        Body::Error(failure) => Line::Error(failure),
    })
}

/// A request as a line.
///
/// # Errors
/// `InvalidData` when it has no JSON form or is over [`LINE_BYTES`].
pub(crate) fn request_line(request: &Request) -> io::Result<Vec<u8>> {
    to_line(request)
}

/// A part of an answer as a line.
///
/// # Errors
/// `InvalidData` when it is over [`LINE_BYTES`].
pub(crate) fn answer_line(line: Line) -> io::Result<Vec<u8>> {
    to_line(&match line {
        Line::Event(event) => Body::Event(event),
        Line::Ok(reply) => Body::Ok(reply.0),
        Line::Error(failure) => Body::Error(failure),
    })
}

fn to_line<T: Serialize>(body: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Stamped { stamp: Stamp::own(), body })?;
    if line.len() > LINE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} bytes are over the limit of {LINE_BYTES} bytes a line", line.len()),
        ));
    }
    line.push(b'\n');
    Ok(line)
}

/// Reads one line without its end; none at the end of the stream.
///
/// # Errors
/// `InvalidData` for a line over [`LINE_BYTES`], `UnexpectedEof` for one that is cut short.
pub(crate) async fn next_line<R>(reader: &mut R) -> io::Result<Option<Vec<u8>>>
where
    R: AsyncBufRead + Unpin,
{
    let mut line = Vec::new();
    // One byte more than allowed, so that a line that is too long shows.
    reader.take(LINE_BYTES as u64 + 1).read_until(b'\n', &mut line).await?;
    whole(line)
}

/// [`next_line`] for one of many clients: a large line waits for its turn, which lasts until the permit is dropped.
///
/// # Errors
/// As [`next_line`].
pub(crate) async fn next_line_in_turn<'a, R>(
    reader: &mut R,
    large: &'a Semaphore,
) -> io::Result<Option<(Vec<u8>, Option<SemaphorePermit<'a>>)>>
where
    R: AsyncBufRead + Unpin,
{
    let mut line = Vec::new();
    reader.take(LARGE_LINE_BYTES as u64).read_until(b'\n', &mut line).await?;
    if line.len() < LARGE_LINE_BYTES || line.ends_with(b"\n") {
        return Ok(whole(line)?.map(|line| (line, None)));
    }
    let turn = large.acquire().await.map_err(io::Error::other)?;
    let rest = LINE_BYTES + 1 - line.len();
    reader.take(rest as u64).read_until(b'\n', &mut line).await?;
    Ok(whole(line)?.map(|line| (line, Some(turn))))
}

/// A line without its end, from what was read up to it or to the limit.
fn whole(mut line: Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let read = line.len();
    if read == 0 {
        return Ok(None);
    }
    if line.pop() == Some(b'\n') {
        return Ok(Some(line));
    }
    if read > LINE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a line is over the limit of {LINE_BYTES} bytes"),
        ));
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// Writes a line.
///
/// # Errors
/// Fails when the other side is gone.
pub(crate) async fn send<W: AsyncWrite + Unpin>(writer: &mut W, line: &[u8]) -> io::Result<()> {
    writer.write_all(line).await?;
    writer.flush().await
}
