//! A member that joined as everybody does, with a key of its own, and then says what a test wants.

use lore_protocol::charter::{SignedCharter, join_header};
use lore_protocol::codec;
use lore_protocol::delta::{Delta, Header};
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{FederationId, Hash, MemberId};
use lore_protocol::invitation::{Challenge, Invitation};
use lore_protocol::log::Log;
use lore_protocol::payload::{Join, Payload};
use lore_protocol::sync::{Ask, Done, Round, Step};
use lore_protocol::wire::{FrameSeal, Reply, Request};

use crate::node::Node;
use crate::peer::{Peer, Served};
use crate::wait::{PATIENCE, wait_until};

/// The identity of a member: what it keeps between connections.
pub struct Identity {
    key: SecretKey,
    charter: SignedCharter,
}

impl Identity {
    /// Joins by an invitation line, over the network, as a node does. The next checkpoint puts it on
    /// the roster.
    ///
    /// # Panics
    /// When the node does not admit it.
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
        let join = Join {
            key: key.public_key(),
            recovery: Hash::ZERO,
            invitation: Some(id),
            name: format!("peer-{seed}"),
        };
        let (header, payload) = join_header(federation, join);
        let join = Box::new(Delta::sign(header, &payload, &key));
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
    /// When the node does not serve it.
    #[must_use]
    pub fn connect(&self, node: &Node) -> Member {
        let peer = Peer::connect(self.key.clone(), node);
        let log = Log::new(self.charter.clone()).expect("the charter opens");
        let seal = FrameSeal::new(&self.charter);
        let mut member = Member { peer, log, seal, key: self.key.clone() };
        member.sync();
        member
    }
}

/// A connected member without rules.
pub struct Member {
    /// Its connection.
    pub peer: Peer,
    /// The log.
    pub log: Log,
    seal: FrameSeal,
    key: SecretKey,
}

impl Member {
    /// Takes in what the node has, once it is connected.
    ///
    /// # Panics
    /// When the node refuses.
    pub fn sync(&mut self) {
        let federation = self.log.federation();
        let (mut round, mut ask) = Round::begin(&self.log);
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
    /// When no checkpoint put it there.
    #[must_use]
    pub fn id(&self) -> MemberId {
        self.log.member_of(&self.key.public_key()).expect("it is on the roster")
    }

    /// Signs a payload on its newest delta, with a header that the test may bend.
    ///
    /// # Panics
    /// When it cannot add to its chain.
    #[must_use]
    pub fn sign(&self, payload: &Payload, bend: impl FnOnce(&mut Header)) -> Delta {
        self.sign_for(self.id(), payload, bend)
    }

    /// [`Member::sign`] on the chain of somebody else.
    ///
    /// # Panics
    /// When that chain cannot be added to.
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

    /// Gossips bytes under the federation's seal, whatever they hold.
    pub fn gossip(&self, plain: &[u8]) {
        self.peer.gossip(self.log.federation(), &self.seal.seal_bytes(plain));
    }

    /// Waits until a node asks what it lacks, and answers with these bytes.
    pub fn answer_sync(&mut self, reply: &[u8]) {
        let different =
            codec::encode(&Reply::Sync(Box::new(lore_protocol::sync::Answer::Different)));
        self.peer.serve("a node asks for what it lacks", |request| match request {
            Request::Sync { ask: Ask::Digest(_), .. } => Served::Reply(different.clone()),
            Request::Sync { ask: Ask::Missing { .. }, .. } => Served::Last(reply.to_vec()),
            _ => Served::Reply(codec::encode(&Reply::Refused("a test has no more to say".into()))),
        });
    }

    /// Every frame that came so far, gossip opened where the seal is this federation's.
    #[must_use]
    pub fn received(&self) -> Vec<Vec<u8>> {
        let open =
            |bytes: Vec<u8>| self.seal.open(&bytes).map_or(bytes, |frame| codec::encode(&frame));
        self.peer.received().into_iter().map(open).collect()
    }
}
