//! One connection's part of the fast path: the stream that is written and the one that is read.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{AsyncReadExt as _, AsyncWriteExt as _, FutureExt as _, StreamExt as _, stream};
use libp2p::StreamProtocol;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, Stream, StreamUpgradeError, SubstreamProtocol,
};
use lore_protocol::spread::MAX_FRAME_BYTES;

use super::spread::{SPREAD_PROTOCOL, SharedLane};

/// Time until a stream that was lost is opened again.
const RETRY: Duration = Duration::from_secs(5);

/// Event for the behaviour.
#[derive(Debug)]
pub(super) enum Told {
    /// Frames can be sent.
    Opened,
    /// They cannot any more.
    Lost,
    /// A frame came.
    Heard(Vec<u8>),
}

/// The stream that is written.
enum Out {
    Closed,
    Opening,
    /// Nothing waits.
    Idle(Stream),
    Writing(BoxFuture<'static, io::Result<Stream>>),
    /// Until it is opened again.
    Waiting(Pin<Box<tokio::time::Sleep>>),
    /// The peer does not speak the protocol: an older program, a relay, or one that is set to sync alone.
    Unsupported,
}

/// Both streams of one connection.
pub(super) struct Handler {
    lane: SharedLane,
    out: Out,
    /// The newest stream of the peer.
    read: Option<BoxStream<'static, io::Result<Vec<u8>>>>,
    told: Option<Told>,
}

impl Handler {
    pub(super) const fn new(lane: SharedLane) -> Self {
        Self { lane, out: Out::Closed, read: None, told: None }
    }

    /// The stream broke.
    fn lose(&mut self) {
        self.lane.lock().clear();
        self.out = Out::Waiting(Box::pin(tokio::time::sleep(RETRY)));
        self.told = Some(Told::Lost);
    }

    /// Moves what waits; true when a stream should be opened.
    fn poll_out(&mut self, context: &mut Context<'_>) -> bool {
        loop {
            match std::mem::replace(&mut self.out, Out::Closed) {
                Out::Closed => {
                    let mut lane = self.lane.lock();
                    // Registers the waker; nothing waits before the stream is open.
                    drop(lane.take(context));
                    return lane.is_active();
                }
                Out::Idle(io) => {
                    let frames = self.lane.lock().take(context);
                    if frames.is_empty() {
                        self.out = Out::Idle(io);
                        return false;
                    }
                    self.out = Out::Writing(write(io, frames).boxed());
                }
                Out::Writing(mut writing) => match writing.poll_unpin(context) {
                    Poll::Ready(Ok(io)) => self.out = Out::Idle(io),
                    Poll::Ready(Err(error)) => {
                        tracing::debug!(%error, "a stream of the fast path broke");
                        self.lose();
                        return false;
                    }
                    Poll::Pending => {
                        self.out = Out::Writing(writing);
                        return false;
                    }
                },
                Out::Waiting(mut sleep) => {
                    if sleep.poll_unpin(context).is_pending() {
                        self.out = Out::Waiting(sleep);
                        return false;
                    }
                }
                out @ (Out::Opening | Out::Unsupported) => {
                    self.out = out;
                    return false;
                }
            }
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = std::convert::Infallible;
    type ToBehaviour = Told;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(SPREAD_PROTOCOL), ())
    }

    fn on_behaviour_event(&mut self, event: Self::FromBehaviour) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol, ..
            }) => self.read = Some(frames_of(protocol)),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol, ..
            }) => {
                self.out = Out::Idle(protocol);
                self.told = Some(Told::Opened);
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { error, .. }) => {
                self.out = match error {
                    StreamUpgradeError::NegotiationFailed => Out::Unsupported,
                    _ => Out::Waiting(Box::pin(tokio::time::sleep(RETRY))),
                };
            }
            _ => {}
        }
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Told>> {
        let open = self.poll_out(context);
        if let Some(told) = self.told.take() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(told));
        }
        if open {
            self.out = Out::Opening;
            let protocol = self.listen_protocol();
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        if let Some(read) = &mut self.read {
            match read.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(bytes))) => {
                    let heard = Told::Heard(bytes);
                    return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(heard));
                }
                // It ended, was cut, or broke the framing: the peer may open another.
                Poll::Ready(Some(Err(_)) | None) => self.read = None,
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }
}

async fn write(mut io: Stream, frames: VecDeque<Vec<u8>>) -> io::Result<Stream> {
    let mut bytes = Vec::new();
    for frame in frames {
        let len = u16::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(&frame);
    }
    io.write_all(&bytes).await?;
    io.flush().await?;
    Ok(io)
}

/// Frames as they come. The first one that is too long ends it.
fn frames_of<T>(io: T) -> BoxStream<'static, io::Result<Vec<u8>>>
where
    T: futures::AsyncRead + Send + Unpin + 'static,
{
    let frames = stream::try_unfold(io, |mut io| async move {
        let mut prefix = [0; 2];
        io.read_exact(&mut prefix).await?;
        let len = usize::from(u16::from_be_bytes(prefix));
        if len > MAX_FRAME_BYTES {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        let mut frame = vec![0; len];
        io.read_exact(&mut frame).await?;
        Ok(Some((frame, io)))
    });
    frames.boxed()
}

#[cfg(test)]
mod tests {
    use futures::io::Cursor;

    use super::*;

    #[tokio::test]
    async fn frames_come_in_order_and_a_long_one_ends_the_stream() {
        let mut bytes = vec![0, 2, 7, 8, 0, 0];
        bytes.extend_from_slice(&u16::MAX.to_be_bytes());
        bytes.extend(std::iter::repeat_n(0, 70_000));
        let frames: Vec<_> = frames_of(Cursor::new(bytes)).collect().await;
        let good: Vec<&Vec<u8>> = frames.iter().flatten().collect();
        assert_eq!(good, [&vec![7, 8], &Vec::new()]);
        assert_eq!(frames.len(), 3, "and then an error, and no more");
    }

    #[tokio::test]
    async fn a_frame_that_is_cut_short_is_an_error() {
        let frames: Vec<_> = frames_of(Cursor::new(vec![0, 9, 1])).collect().await;
        assert!(matches!(frames.as_slice(), [Err(_)]));
    }
}
