//! Length-limited frames over a request-response stream.
//!
//! A frame is a four-byte big-endian length and that many bytes. The length is checked before a
//! byte is allocated, and the buffer grows only as bytes arrive, so that a prefix that promises
//! megabytes and sends nothing costs nothing.

use std::io;

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::{StreamProtocol, request_response};

/// The name under which requests are negotiated.
pub const PROTOCOL: StreamProtocol = StreamProtocol::new("/commonlore/sync/1");

/// The name under which devices of one person are asked: a channel apart from every federation's.
pub const DEVICES_PROTOCOL: StreamProtocol = StreamProtocol::new("/commonlore/devices/1");

/// The bounds of the network, in bytes and counts.
pub mod limits {
    /// A request, in bytes.
    pub const REQUEST_BYTES: usize = 256 * 1024;
    /// A reply, in bytes.
    pub const REPLY_BYTES: usize = 4 * 1024 * 1024;
    /// A frame of the fast path, in bytes.
    pub const SPREAD_BYTES: usize = lore_protocol::spread::MAX_FRAME_BYTES;
    /// Requests of ours that wait for an answer.
    pub const REQUESTS_IN_FLIGHT: usize = 64;
    /// Requests a single connection may have open with us at once.
    pub const STREAMS_PER_CONNECTION: usize = 16;
    /// Requests to this device that a single connection may have open at once. Strangers get a short answer.
    pub const DEVICE_STREAMS_PER_CONNECTION: usize = 4;
    /// Events that wait for the reader before libp2p is no longer polled.
    pub const EVENTS_WAITING: usize = 64;
    /// Peers that are redialled.
    pub const WANTED_PEERS: usize = 1_024;
    /// Addresses kept for one peer.
    pub const ADDRESSES_PER_PEER: usize = 16;
    /// Established connections.
    pub const CONNECTIONS: u32 = 256;
    /// Incoming connections on which nobody has said yet who it is, from all addresses. They are small, and nobody can
    /// tell a member's from a stranger's yet: so there is room for many addresses.
    pub const PENDING: u32 = 1_024;
    /// Incoming connections of one address on which nobody has said yet who it is.
    pub const PENDING_PER_ADDRESS: usize = 16;
    /// Incoming connections of one address with peers that are no members.
    pub const STRANGERS_PER_ADDRESS: usize = 32;
    /// Incoming connections with peers that are no members, from all addresses: half of all, so that neither strangers
    /// nor members keep the others out.
    pub const STRANGERS: usize = CONNECTIONS as usize / 2;
    /// Established connections with one peer (both sides may dial, over TCP and QUIC).
    pub const CONNECTIONS_PER_PEER: u32 = 4;
}

/// First allocation for a frame that is still coming, in bytes.
const FIRST_READ_BYTES: usize = 16 * 1024;

/// Reads and writes frames as they are.
#[derive(Clone, Default)]
pub(super) struct FrameCodec;

async fn read_frame<T>(io: &mut T, limit: usize, what: &str) -> io::Result<Vec<u8>>
where
    T: AsyncRead + Unpin + Send,
{
    let mut prefix = [0; 4];
    io.read_exact(&mut prefix).await?;
    let len = u32::from_be_bytes(prefix) as usize;
    if len > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("a {what} of {len} bytes is over the limit of {limit} bytes"),
        ));
    }
    let mut frame = Vec::with_capacity(len.min(FIRST_READ_BYTES));
    let read = io.take(len as u64).read_to_end(&mut frame).await?;
    if read < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(frame)
}

async fn write_frame<T>(io: &mut T, frame: &[u8], limit: usize, what: &str) -> io::Result<()>
where
    T: AsyncWrite + Unpin + Send,
{
    let len =
        u32::try_from(frame.len()).ok().filter(|_| frame.len() <= limit).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a {what} of {} bytes is over the limit", frame.len()),
            )
        })?;
    io.write_all(&len.to_be_bytes()).await?;
    io.write_all(frame).await?;
    io.flush().await
}

impl request_response::Codec for FrameCodec {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_frame(io, limits::REQUEST_BYTES, "request").await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read_frame(io, limits::REPLY_BYTES, "reply").await
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        request: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        // The sender's own limit is checked before a request gets here; the wire format's bound is
        // the larger one, so that tests can play a peer that breaks the request limit.
        write_frame(io, &request, limits::REPLY_BYTES, "request").await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        reply: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write_frame(io, &reply, limits::REPLY_BYTES, "reply").await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use futures::io::Cursor;

    use super::*;

    #[tokio::test]
    async fn a_frame_comes_back_as_it_went() {
        let mut wire = Cursor::new(Vec::new());
        write_frame(&mut wire, b"hello", 5, "request").await.unwrap();
        wire.set_position(0);
        assert_eq!(read_frame(&mut wire, 5, "request").await.unwrap(), b"hello");
    }

    #[tokio::test]
    async fn a_length_over_the_limit_is_refused_before_anything_is_read() {
        let mut wire = Cursor::new(u32::MAX.to_be_bytes().to_vec());
        let error = read_frame(&mut wire, 1024, "request").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_frame_that_is_cut_short_is_an_error() {
        let mut wire = Cursor::new([&8_u32.to_be_bytes()[..], b"four"].concat());
        let error = read_frame(&mut wire, 1024, "request").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
