//! Deltas that an author could have signed instead: one field is another.
#![allow(clippy::unwrap_used)]

use lore_protocol::delta::{Delta, Header, Sound};
use lore_protocol::identity::{SecretKey, Signer as _};
use lore_protocol::ids::{DeltaId, FederationId, Hash, MemberId, PublicKey};
use lore_protocol::payload::{Mechanism, Noise, Origin, Payload, Phase, Unit, Window};

use super::world::key;

/// A change of one field.
type Twist<T> = fn(&mut T);

const HEADERS: [Twist<Header>; 10] = [
    |header| header.federation = FederationId([3; 32]),
    |header| header.seq += 1,
    |header| header.depth += 1,
    |header| header.epoch += 1,
    |header| header.anchor = header.federation.into(),
    |header| header.spend.rho_nano += 1,
    |header| header.spend.rho_nano = header.spend.rho_nano.saturating_sub(1),
    |header| header.spend.delta_e18 = u64::MAX,
    |header| header.spend.period += 1,
    |header| header.prev = Some(DeltaId([6; 32])),
];

const MECHANISMS: [Twist<Mechanism>; 12] = [
    |one| one.unit = Unit::Personal,
    |one| one.unit = Unit::Session,
    |one| one.noise = Noise::Laplace,
    |one| one.scale_micros -= 1,
    |one| one.scale_micros = u64::MAX,
    |one| one.l0 += 1,
    |one| one.linf += 1,
    |one| one.l2_square += 1,
    |one| one.rho_nano -= 1,
    // Costs a ninth, rounded up.
    |one| (one.scale_micros, one.rho_nano) = (one.scale_micros * 3, one.rho_nano / 9),
    |one| one.threshold = one.threshold.saturating_sub(1),
    |one| one.delta_e18 = 0,
];

fn mechanism(payload: &mut Payload) -> Option<&mut Mechanism> {
    match payload {
        Payload::Outcomes(one) => Some(&mut one.mechanism),
        Payload::Votes(one) => Some(&mut one.mechanism),
        Payload::Costs(one) => Some(&mut one.mechanism),
        Payload::Lessons(one) => match &mut one.origin {
            Origin::Mechanism(mechanism) => Some(mechanism),
            Origin::Authored => None,
        },
        _ => None,
    }
}

/// Changes of a payload, each in place.
const PAYLOADS: [Twist<Payload>; 16] = [
    |one| window(one, |window| window.end_seconds = window.start_seconds),
    |one| window(one, |window| window.start_seconds = u64::MAX),
    |one| items(one, Hash([9; 32])),
    |one| match one {
        Payload::Outcomes(one) => one.cells[0].context = 1,
        Payload::Costs(one) => one.cells[0].context = 1,
        _ => {}
    },
    |one| match one {
        Payload::Outcomes(one) => one.cells.push(one.cells[0]),
        Payload::Costs(one) => one.cells[0].sums.push(1),
        Payload::Votes(one) => one.votes.push(one.votes[0]),
        _ => {}
    },
    |one| match one {
        Payload::Lessons(one) => one.padding.push(0),
        Payload::Vouch(one) => one.uses = 0,
        _ => {}
    },
    |one| match one {
        Payload::Lessons(one) => one.padding.push(1),
        Payload::Vouch(one) => one.uses = 1,
        _ => {}
    },
    |one| match one {
        Payload::Lessons(one) => one.entries[0].support -= 1_000_000,
        Payload::Vouch(one) => one.expires_epoch = 0,
        _ => {}
    },
    |one| match one {
        Payload::Join(one) => one.name.push('\u{7}'),
        Payload::Leave(one) => one.reason = "x".repeat(257),
        Payload::Vouch(one) => one.key = PublicKey([1; 32]),
        _ => {}
    },
    |one| body(one, |body| body.roster.truncate(1)),
    |one| body(one, |body| body.frontier.truncate(1)),
    |one| body(one, |body| body.frontier[0].seq += 1),
    |one| body(one, |body| body.removed.clear()),
    |one| body(one, |body| body.state_root = Hash([0; 32])),
    |one| body(one, |body| body.signers.push(MemberId([255; 32]))),
    |one| match one {
        Payload::Checkpoint(one) => one.phase = Phase::Prepare,
        Payload::Signers(one) => one.members.push(MemberId([255; 32])),
        _ => {}
    },
];

fn window(payload: &mut Payload, change: Twist<Window>) {
    match payload {
        Payload::Outcomes(one) => change(&mut one.window),
        Payload::Votes(one) => change(&mut one.window),
        Payload::Costs(one) => change(&mut one.window),
        Payload::Lessons(one) => one.window.iter_mut().for_each(change),
        _ => {}
    }
}

fn items(payload: &mut Payload, root: Hash) {
    match payload {
        Payload::Outcomes(one) => one.items_root = root,
        Payload::Votes(one) => one.items_root = root,
        Payload::Costs(one) => one.items_root = root,
        _ => {}
    }
}

fn body(payload: &mut Payload, change: Twist<lore_protocol::payload::Body>) {
    if let Payload::Checkpoint(one) = payload {
        change(&mut one.body);
    }
}

/// Every delta that this one's author could have signed in its place with one field changed. `others` are the log.
pub fn of(sound: &Sound, others: &[Sound]) -> Vec<Delta> {
    let keys: Vec<SecretKey> = (1..=20).map(key).collect();
    let signer = keys.iter().find(|key| sound.signed_by(&key.public_key())).unwrap();
    let mut made = Vec::new();
    let mut add = |header: Header, payload: &Payload| {
        let delta = Delta::sign(header, payload, signer);
        if delta.header != *sound.header() {
            made.push(delta);
        }
    };
    for twist in HEADERS {
        let mut header = sound.header().clone();
        twist(&mut header);
        add(header, &sound.payload);
    }
    for other in others.iter().step_by(9) {
        let header = Header { deps: vec![other.id], ..sound.header().clone() };
        add(header, &sound.payload);
    }
    for twist in PAYLOADS {
        let mut payload = sound.payload.clone();
        twist(&mut payload);
        add(sound.header().clone(), &payload);
    }
    for twist in MECHANISMS {
        let mut payload = sound.payload.clone();
        if let Some(mechanism) = mechanism(&mut payload) {
            twist(mechanism);
            add(sound.header().clone(), &payload);
        }
    }
    made
}
