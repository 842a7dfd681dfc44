//! A member that joined as everybody does, with a key of its own, and then says what a test wants.

use lore_protocol::charter::{SignedCharter, join_header};
use lore_protocol::codec;
use lore_protocol::delta::{Delta, Header};
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{FederationId, Hash, InvitationId, MemberId};
use lore_protocol::invitation::{Challenge, Invitation};
use lore_protocol::log::Log;
use lore_protocol::payload::{Join, Payload, Vouch};
use lore_protocol::spread::Frame;
use lore_protocol::sync::{Answer, Ask, Done, Part, Range, Round, Step};
use lore_protocol::wire::{Reply, Request};

use crate::node::Node;
use crate::peer::{Peer, Served};
use crate::wait::{PATIENCE, wait_until};

/// Identity of a member: what it keeps between connections.
pub struct Identity {
    key: SecretKey,
    charter: SignedCharter,
}

impl Identity {
    /// Joins by an invitation line, over the network, as a node does. The next checkpoint puts it on
    /// the roster.
    ///
    /// # Panics
    /// Panics when the node does not admit it.
    #[must_use]
    pub fn join(node: &Node, line: &str, seed: u8) -> Self {
        let key = SecretKey::from_seed(&[seed; 32]);
        let invitation = Invitation::from_line(line).expect("an invitation");
        let (federation, id) = (invitation.federation, invitation.id());
        let mut peer = Peer::connect(key.clone(), node);
        let Reply::Challenge { nonce } =
            peer.ask(&Request::Knock { federation, nonce: [seed; 32] })
        else {
            panic!("a challenge was expected")
        };
        let challenge = Challenge { joiner: [seed; 32], inviter: nonce };
        let proof = invitation.proof(&key.public_key(), &challenge);
        let asked = Request::Charter { federation, invitation: id, proof };
        let Reply::Charter(charter) = peer.ask(&asked) else { panic!("a charter was expected") };
        let join = Box::new(join_of(&key, federation, id, seed));
        let admit = Request::Admit { federation, invitation: id, proof, join };
        assert_eq!(peer.ask(&admit), Reply::Admitted);
        Self { key, charter }
    }

    /// The federation.
    #[must_use]
    pub fn federation(&self) -> FederationId {
        self.charter.federation()
    }

    /// Connects to a node and takes in its log.
    ///
    /// # Panics
    /// Panics when the node does not serve it.
    #[must_use]
    pub fn connect(&self, node: &Node) -> Member {
        let peer = Peer::connect(self.key.clone(), node);
        let log = Log::new(self.charter.clone()).expect("the charter opens");
        let mut member = Member { peer, log, key: self.key.clone() };
        member.sync();
        member
    }
}

/// The answer to a digest of somebody who says nothing of what it has, but that it is something else.
#[must_use]
pub const fn different() -> Answer {
    Answer::Different { before: Hash([1; 32]), epochs: Vec::new() }
}

/// The answer to a comparison with these deltas, of somebody who has more to send when it is asked again.
#[must_use]
pub fn compared(deltas: Vec<Delta>) -> Answer {
    let ranges = vec![Range { end: None, part: Part::Print(1) }];
    Answer::Compared { ranges, deltas, rest: None, digest: Hash([1; 32]) }
}

fn join_of(key: &SecretKey, federation: FederationId, id: InvitationId, seed: u8) -> Delta {
    let join = Join {
        key: key.public_key(),
        recovery: Hash::ZERO,
        invitation: Some(id),
        name: format!("peer-{seed}"),
    };
    let (header, payload) = join_header(federation, join);
    Delta::sign(header, &payload, key)
}

/// A connected member without rules.
pub struct Member {
    /// Its connection.
    pub peer: Peer,
    /// Log that it knows.
    pub log: Log,
    key: SecretKey,
}

impl Member {
    /// Takes in what the node has, once it is connected.
    ///
    /// # Panics
    /// Panics when the node refuses.
    pub fn sync(&mut self) {
        let federation = self.log.federation();
        let (mut round, mut ask) = Round::begin(&self.log, Hash([7; 32]));
        let first = codec::encode(&Request::Sync { federation, ask: ask.clone() });
        wait_until("the node answers", PATIENCE, || self.peer.ask_bytes(first.clone()).ok());
        loop {
            let reply = self.peer.ask(&Request::Sync { federation, ask });
            let Reply::Sync(answer) = reply else { panic!("not served: {reply:?}") };
            match round.handle(&mut self.log, *answer).1 {
                Step::Ask(next) => ask = next,
                Step::Done(Done::Misbehaved(why)) => panic!("the node misbehaved: {why}"),
                Step::Done(_) => return,
            }
        }
    }

    /// Its id on the roster.
    ///
    /// # Panics
    /// Panics when no checkpoint put it there.
    #[must_use]
    pub fn id(&self) -> MemberId {
        self.log.member_of(&self.key.public_key()).expect("it is on the roster")
    }

    /// Signs a payload on its newest delta, with a header that the test may bend.
    ///
    /// # Panics
    /// Panics when it cannot add to its chain.
    #[must_use]
    pub fn sign(&self, payload: &Payload, bend: impl FnOnce(&mut Header)) -> Delta {
        self.sign_for(self.id(), payload, bend)
    }

    /// [`Member::sign`] on the chain of another member.
    ///
    /// # Panics
    /// Panics when that chain cannot be added to.
    #[must_use]
    pub fn sign_for(
        &self,
        author: MemberId,
        payload: &Payload,
        bend: impl FnOnce(&mut Header),
    ) -> Delta {
        let mut header = self.log.draft(author, self.log.spend(author)).expect("a header");
        bend(&mut header);
        Delta::sign(header, payload, &self.key)
    }

    /// Signs a payload, takes it into its own log, and gossips it.
    ///
    /// # Panics
    /// Panics when it cannot add to its chain.
    pub fn publish(&mut self, payload: &Payload) -> Delta {
        let delta = self.sign(payload, |_| {});
        self.say(&delta);
        delta
    }

    /// Takes a delta into its own log and gossips it.
    ///
    /// # Panics
    /// Panics when the delta is not sound.
    pub fn say(&mut self, delta: &Delta) {
        let _ = self.log.ingest(delta.clone().sound().expect("a sound delta"));
        self.gossip(&codec::encode(&Frame::of(delta)));
    }

    /// Makes a key of its own and vouches for it, without any invitation that a person has. The next
    /// checkpoint puts it on the roster, if the federation's rules let it.
    ///
    /// # Panics
    /// Panics when it cannot add to its chain.
    pub fn puppet(&mut self, seed: u8, expires_epoch: u32) -> Identity {
        let key = SecretKey::from_seed(&[seed; 32]);
        let invitation = InvitationId([seed; 32]);
        let join = join_of(&key, self.log.federation(), invitation, seed);
        let vouch = Vouch {
            join: join.header.id(),
            key: key.public_key(),
            invitation,
            uses: 1,
            expires_epoch,
        };
        self.publish(&Payload::Vouch(vouch));
        self.say(&join);
        Identity { key, charter: self.log.signed_charter().clone() }
    }

    /// Sends bytes as a frame of the federation, whatever they hold.
    pub fn gossip(&self, plain: &[u8]) {
        self.peer.gossip(self.log.federation(), plain);
    }

    /// Waits until a node asks what it lacks, and answers with these bytes.
    pub fn answer_sync(&mut self, reply: &[u8]) {
        let different = codec::encode(&Reply::Sync(Box::new(different())));
        self.peer.serve("a node asks for what it lacks", |request| match request {
            Request::Sync { ask: Ask::Digest(_), .. } => Served::Reply(different.clone()),
            Request::Sync { ask: Ask::Compare { .. }, .. } => Served::Last(reply.to_vec()),
            _ => Served::Reply(codec::encode(&Reply::Refused("a test has no more to say".into()))),
        });
    }

    /// Every frame that came so far.
    #[must_use]
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.peer.received()
    }
}
