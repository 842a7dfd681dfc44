//! A member that is played against an engine in this process, by the wire's own requests and without a wire.

use lore_engine::{Effect, Engine, Event};
use lore_protocol::charter::join_header;
use lore_protocol::codec;
use lore_protocol::delta::Delta;
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{FederationId, Hash, PublicKey};
use lore_protocol::invitation::{Challenge, Invitation};
use lore_protocol::payload::Join;
use lore_protocol::wire::{Reply, Request};

/// Reply of the engine to a peer, in the bytes that travel.
///
/// # Panics
/// Panics when it does not answer.
pub fn ask(engine: &mut Engine, peer: PublicKey, request: &Request) -> Vec<u8> {
    let bytes = codec::encode(request);
    engine.handle(Event::Request { number: 1, peer, bytes }).expect("it is stored");
    let reply = engine.take_effects().into_iter().find_map(|effect| match effect {
        Effect::Reply { bytes, .. } => Some(bytes),
        _ => None,
    });
    reply.expect("an answer")
}

/// Lets a member in.
///
/// # Panics
/// Panics when it is not admitted.
pub fn admit(engine: &mut Engine, line: &str, key: &SecretKey) -> FederationId {
    let invitation = Invitation::from_line(line).expect("an invitation");
    let (federation, id) = (invitation.federation, invitation.id());
    let peer = key.public_key();
    let mut ask = |request: Request| -> Reply {
        codec::decode(&ask(engine, peer, &request)).expect("a reply")
    };
    let Reply::Challenge { nonce } = ask(Request::Knock { federation, nonce: [1; 32] }) else {
        panic!("a challenge was expected")
    };
    let proof = invitation.proof(&peer, &Challenge { joiner: [1; 32], inviter: nonce });
    let join =
        Join { key: peer, recovery: Hash::ZERO, invitation: Some(id), name: "member".into() };
    let (header, payload) = join_header(federation, join);
    let join = Box::new(Delta::sign(header, &payload, key));
    let admitted = ask(Request::Admit { federation, invitation: id, proof, join });
    assert_eq!(admitted, Reply::Admitted);
    federation
}
