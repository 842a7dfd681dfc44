//! The lines of the control socket.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
};

use crate::error::CliError;

/// The version of the lines.
pub const VERSION: u32 = 1;
/// The longest line, in bytes: a session of the usual size as one argument, with room. Larger
/// imports are read by the daemon from a path.
pub const LINE_BYTES: usize = 16 << 20;

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// [`VERSION`].
    pub version: u32,
    /// Such as `status`.
    pub verb: String,
    /// Whatever the verb takes.
    #[serde(default)]
    pub args: Value,
}

/// A line of the answer. Every kind but `Progress` is the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Progress(Value),
    Ok(Value),
    Error(CliError),
}

/// Reads one line without its end; `None` at the end of the stream.
///
/// # Errors
/// `InvalidData` for a line over [`LINE_BYTES`], `UnexpectedEof` for one that is cut short.
pub(super) async fn read_line<R>(reader: &mut R) -> io::Result<Option<Vec<u8>>>
where
    R: AsyncBufRead + Unpin,
{
    let mut line = Vec::new();
    // One byte more than allowed, so that a line that is too long shows.
    let read = reader.take(LINE_BYTES as u64 + 1).read_until(b'\n', &mut line).await?;
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

/// Writes one value as a line.
///
/// # Errors
/// `InvalidData` when the value has no JSON form or is over [`LINE_BYTES`].
pub(super) async fn write_line<W, T>(writer: &mut W, value: &T) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
    T: Serialize,
{
    let mut line = serde_json::to_vec(value)?;
    if line.len() > LINE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} bytes are over the limit of {LINE_BYTES} bytes a line", line.len()),
        ));
    }
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.flush().await
}
