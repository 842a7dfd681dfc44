//! Hostile members. What they may do is what anybody could who has their key.

use lore_protocol::identity::SecretKey;
use lore_protocol::ids::MemberId;
use lore_protocol::spread::{Envelope, Frame as Spoken, Tag};

use super::frame::Frame;
use super::{World, WorldError};
use crate::rng::Stream;
use crate::scenario::Attack;

/// Frames that a replayer keeps.
const KEPT: usize = 64;
/// Frames that a replayer or a flooder sends at a time, and deltas of made-up identities.
const AT_ONCE: usize = 4;
/// A flooder's frames are shorter than this, in bytes.
const GARBAGE_BYTES: u64 = 2_048;

/// Conduct of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Honest,
    Forger,
    FreeRider,
    Equivocator,
    Replayer,
    Flooder,
    Sybil,
}

/// Roles of all nodes, from the last one down.
pub(super) fn roles(attack: &Attack, nodes: usize) -> Vec<Role> {
    let kinds = [
        Role::Forger,
        Role::FreeRider,
        Role::Equivocator,
        Role::Replayer,
        Role::Flooder,
        Role::Sybil,
    ];
    let mut roles = Vec::with_capacity(nodes);
    for (role, count) in kinds.into_iter().zip(attack.counts()) {
        roles.extend(std::iter::repeat_n(role, count));
    }
    roles.resize(nodes, Role::Honest);
    roles.reverse();
    roles
}

/// State of one hostile node.
pub(super) struct Actor {
    pub(super) role: Role,
    stream: Stream,
    /// Pushes that it heard.
    heard: Vec<Vec<u8>>,
    /// It has signed twice at one height.
    equivocated: bool,
}

impl Actor {
    pub(super) const fn new(role: Role, stream: Stream) -> Self {
        Self { role, stream, heard: Vec::new(), equivocated: false }
    }

    /// A replayer keeps what it hears, a random one making room.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        if self.role != Role::Replayer || !is_push(bytes) {
            return;
        }
        if self.heard.len() == KEPT {
            let old = self.stream.index(KEPT);
            self.heard.swap_remove(old);
        }
        self.heard.push(bytes.to_vec());
    }

    /// Returns true for a member that leaves all work to others.
    pub(super) fn rides(&self) -> bool {
        self.role == Role::FreeRider
    }
}

fn is_push(bytes: &[u8]) -> bool {
    let frame = Envelope::split(bytes).and_then(|envelope| envelope.frame().ok());
    matches!(frame, Some(Spoken::Full(_) | Spoken::Head(_)))
}

impl World<'_> {
    /// Lets a hostile member act.
    pub(super) fn attack(&mut self, node: usize) -> Result<(), WorldError> {
        match self.actors[node].role {
            Role::Honest | Role::FreeRider => Ok(()),
            Role::Forger => self.forge(node),
            Role::Equivocator => self.equivocate(node),
            Role::Replayer => {
                self.replay(node);
                Ok(())
            }
            Role::Flooder => {
                self.flood(node);
                Ok(())
            }
            Role::Sybil => self.invent(node),
        }
    }

    fn forge(&mut self, node: usize) -> Result<(), WorldError> {
        let faults = &mut self.draws[node].faults;
        let victim = self.nodes[faults.other(node, self.nodes.len())].member();
        let Some(victim) = victim else { return Ok(()) };
        if let Some(bytes) = self.nodes[node].forge(victim, faults)? {
            self.tally.forged += 1;
            self.gossip(node, &bytes);
        }
        Ok(())
    }

    /// Signs two deltas at the height after its head, once, when it has been a member for a while.
    fn equivocate(&mut self, node: usize) -> Result<(), WorldError> {
        let Actor { stream, equivocated, .. } = &mut self.actors[node];
        if *equivocated || !stream.chance(250_000) {
            return Ok(());
        }
        let Some(member) = self.nodes[node].member() else { return Ok(()) };
        let mut pair = Vec::new();
        for _ in 0..2 {
            let Some(delta) = self.nodes[node].sign_outside(member, None, stream)? else {
                return Ok(());
            };
            pair.push(delta);
        }
        *equivocated = true;
        self.tally.equivocations += 1;
        let neighbours: Vec<usize> = self.overlay.neighbours(node).collect();
        for (which, delta) in pair.iter().enumerate() {
            self.record.signed_by_hostile(&delta.to_bytes());
            let bytes = self.nodes[node].pushed(delta);
            for to in neighbours.iter().skip(which).step_by(2) {
                self.gossip_to(node, *to, &bytes);
            }
        }
        Ok(())
    }

    fn replay(&mut self, node: usize) {
        for _ in 0..AT_ONCE {
            let Actor { stream, heard, .. } = &mut self.actors[node];
            let Some(bytes) = heard.get(stream.index(heard.len())).cloned() else { return };
            self.tally.replayed += 1;
            self.gossip(node, &bytes);
        }
    }

    fn flood(&mut self, node: usize) {
        let neighbours: Vec<usize> = self.overlay.neighbours(node).collect();
        for to in neighbours {
            for number in 0..AT_ONCE as u64 {
                let stream = &mut self.actors[node].stream;
                let length = usize::try_from(stream.below(GARBAGE_BYTES)).unwrap_or(0);
                let bytes: Vec<u8> =
                    std::iter::repeat_with(|| stream.bytes()).flatten().take(length).collect();
                self.tally.flooded += 1;
                if number % 2 == 0 {
                    let tag = Tag::from(self.nodes[node].federation);
                    self.gossip_to(node, to, &[&tag.0[..], &bytes].concat());
                } else {
                    let frame = Frame::Ask(stream.bits(), bytes).to_bytes().into();
                    self.send_sync(node, to, &frame);
                }
            }
        }
    }

    /// Sends deltas of identities that nobody vouched for.
    fn invent(&mut self, node: usize) -> Result<(), WorldError> {
        for _ in 0..AT_ONCE {
            let Some(member) = self.nodes[node].member() else { return Ok(()) };
            let stream = &mut self.actors[node].stream;
            let identity = (MemberId(stream.bytes()), SecretKey::from_seed(&stream.bytes()));
            let made = self.nodes[node].sign_outside(member, Some(identity), stream)?;
            let Some(bytes) = made.map(|delta| self.nodes[node].pushed(&delta)) else {
                return Ok(());
            };
            self.tally.invented += 1;
            self.gossip(node, &bytes);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_stand_at_the_end_and_the_rest_is_honest() {
        let attack = Attack { forgers: 1, equivocators: 2, sybils: 1, ..Attack::default() };
        let found = roles(&attack, 7);
        assert_eq!(found[..3], [Role::Honest; 3]);
        assert_eq!(found[3..], [Role::Sybil, Role::Equivocator, Role::Equivocator, Role::Forger]);
    }
}
