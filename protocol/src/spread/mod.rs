//! The fast path: how a new delta comes to every member soon, each of them getting it about once.
//!
//! A broadcast tree that mends itself, after Plumtree (Leitão, Pereira and Rodrigues, "Epidemic Broadcast
//! Trees", SRDS 2007, sections 3.2 to 3.4). Every node has links with a few members that it drew at random
//! ([`links`]). A link is *eager* or *lazy*. A new delta is pushed whole along eager links; on lazy ones its
//! short id is announced a little later (`Have`). A second copy makes the link that brought it lazy (`Prune`),
//! so that the eager links come to be a tree. A delta that was announced and does not come is asked for
//! (`Want`), which makes that link eager: the tree closes over what failed ([`tree`]).
//!
//! Other than in the paper a link is agreed on by both ends, announcements are delayed and sent together, and
//! nobody announces a delta to a peer that has announced it.
//!
//! Sans-IO: it knows no log, no socket and no clock. Correctness rests on anti-entropy ([`crate::sync`]);
//! whatever is lost here, or withheld, comes by it. So everything here is bounded and may forget.

mod draw;
mod frame;
mod links;
mod recent;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::time::Duration;

pub use frame::{
    Envelope, Frame, MAX_FRAME_BYTES, MAX_FULL_BYTES, MAX_IDS, ShortId, Tag, is_announcement,
};
pub use links::{MOST_LINKS, PICKED};

use crate::delta::Delta;
use crate::ids::{DeltaId, PublicKey};
use draw::Draw;
use links::Peer;
use recent::Recent;
use tree::Missing;

/// Time for which announcements are gathered before they are sent.
pub const HAVE_AFTER: Duration = Duration::from_millis(100);
/// Time that an announced delta has to come along the tree before it is asked for.
pub const WANT_AFTER: Duration = Duration::from_millis(500);
/// Time that a peer has to send what it was asked for.
pub const WANT_WAIT: Duration = Duration::from_millis(1_000);
/// Time that a round of anti-entropy has to bring what a push rests on.
pub const ROUND_WAIT: Duration = Duration::from_secs(10);
/// Time for which a peer that broke the protocol has no link and is not heard.
pub const SHUT_TIME: Duration = Duration::from_secs(300);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A peer can be sent frames from now on, and anti-entropy serves it.
    Near(PublicKey),
    /// It cannot, or is served no more: what was agreed with it is over.
    Away(PublicKey),
    /// A frame came.
    Frame(PublicKey, Frame),
    /// Bytes came that are no frame.
    Garbage(PublicKey),
    /// The log took in a delta, from any source.
    Took {
        /// The delta.
        id: DeltaId,
        /// Its encoded length, in bytes.
        size_bytes: usize,
    },
    /// This node signed a delta, or is the first to hold it. [`Input::Took`] came before.
    Publish(DeltaId),
    /// The verdict on a delta of [`Output::Judge`]. Where the log took it in, [`Input::Took`] came before.
    Judged(PublicKey, DeltaId, Verdict),
    /// Time has passed.
    Wake,
}

/// Verdict on a pushed delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken in just now.
    New,
    /// It was there already.
    Known,
    /// It waits for what it rests on; nobody is to blame.
    Waiting,
    /// The log's rules refuse it, or the trouble is local; nobody is to blame, since logs differ.
    Refused,
    /// Its bytes alone show that it is wrong: who relays it has not looked at it.
    Malformed,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a frame.
    Send(PublicKey, Frame),
    /// Send a delta of the log, as [`Frame::of`] makes it.
    Push(PublicKey, DeltaId),
    /// Take a delta in, and say with [`Input::Judged`] what came of it.
    Judge(PublicKey, Delta),
    /// A peer holds what this node lacks: begin a round of anti-entropy with it.
    Fetch(PublicKey),
}

/// The fast path of one federation at one node.
#[derive(Debug)]
pub struct Spread {
    peers: BTreeMap<PublicKey, Peer>,
    recent: Recent,
    missing: BTreeMap<ShortId, Missing>,
    /// When the announcements that were gathered are sent.
    haves_due: Option<Duration>,
    draw: Draw,
    outputs: Vec<Output>,
}

impl Spread {
    /// No peers yet. Peers are picked by `seed`, which nobody else must know.
    #[must_use]
    pub const fn new(seed: [u8; 32]) -> Self {
        Self {
            peers: BTreeMap::new(),
            recent: Recent::new(),
            missing: BTreeMap::new(),
            haves_due: None,
            draw: Draw::new(seed),
            outputs: Vec::new(),
        }
    }

    /// Takes in what happened. `now` never goes back.
    #[must_use]
    pub fn handle(&mut self, now: Duration, input: Input) -> Vec<Output> {
        match input {
            Input::Near(peer) => self.near(now, peer),
            Input::Away(peer) => self.away(&peer),
            Input::Frame(peer, frame) => self.on_frame(now, peer, frame),
            Input::Garbage(peer) => self.shut(now, &peer),
            Input::Took { id, size_bytes } => self.took(now, id, size_bytes),
            Input::Publish(id) => self.publish(now, id),
            Input::Judged(peer, id, verdict) => self.judged(now, &peer, id, verdict),
            Input::Wake => {
                self.expire_asked(now);
                self.want_what_is_due(now);
            }
        }
        self.send_haves(now);
        self.seek(now);
        std::mem::take(&mut self.outputs)
    }

    /// When [`Input::Wake`] is due; none while nothing is waited for.
    #[must_use]
    pub fn next_wake(&self) -> Option<Duration> {
        let missing = self.missing.values().map(|missing| missing.due).min();
        [self.haves_due, missing, self.links_due()].into_iter().flatten().min()
    }

    /// Returns true when a peer was told of with [`Input::Near`].
    #[must_use]
    pub fn is_near(&self, peer: &PublicKey) -> bool {
        self.peers.get(peer).is_some_and(|peer| peer.near)
    }

    /// Returns true when frames of a peer are looked at.
    #[must_use]
    pub fn hears(&self, now: Duration, peer: &PublicKey) -> bool {
        self.peers.get(peer).is_some_and(|peer| peer.near && !peer.is_shut(now))
    }

    /// Peers that were told of with [`Input::Near`], sorted.
    pub fn nearby(&self) -> impl Iterator<Item = PublicKey> + '_ {
        self.peers.iter().filter(|(_, peer)| peer.near).map(|(key, _)| *key)
    }

    /// Peers with a link, sorted, and whether deltas are pushed to them.
    pub fn links(&self) -> impl Iterator<Item = (PublicKey, bool)> + '_ {
        self.peers.iter().filter_map(|(key, peer)| Some((*key, peer.linked()?.eager)))
    }

    fn on_frame(&mut self, now: Duration, from: PublicKey, frame: Frame) {
        if !self.hears(now, &from) {
            return;
        }
        match frame {
            Frame::Enter => self.on_enter(now, from),
            Frame::Welcome => self.on_welcome(now, from),
            Frame::Leave => self.on_leave(now, &from),
            _ if self.peers.get(&from).is_none_or(|peer| peer.linked().is_none()) => {
                self.outputs.push(Output::Send(from, Frame::Leave));
            }
            Frame::Full(delta) | Frame::Head(delta) => self.on_push(now, from, delta),
            Frame::Have(ids) => self.on_have(now, from, &ids),
            Frame::Want(ids) => self.on_want(now, from, &ids),
            Frame::Prune => self.set_eager(&from, false),
        }
    }
}
