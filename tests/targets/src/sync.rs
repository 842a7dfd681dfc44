//! Messages between nodes: questions and answers of sync, admission, and frames of the fast path.

use std::sync::OnceLock;
use std::time::Duration;

use lore_protocol::codec;
use lore_protocol::delta::Delta;
use lore_protocol::ids::{Hash, PublicKey};
use lore_protocol::log::Log;
use lore_protocol::spread::{Envelope, Frame, Input, Output, Spread, Tag, Verdict};
use lore_protocol::sync::{Answer, Ask, MAX_ANSWER_BYTES, MAX_FRONTIERS, Round, Step, answer};
use lore_protocol::wire::{Reply, Request};

use crate::guild::{Guild, authored, refold};
use crate::script::{Script, text};
use crate::seeds::vectors;

struct Sides {
    guild: Guild,
    /// A log that lacks some of it.
    behind: Log,
}

fn sides() -> &'static Sides {
    static SIDES: OnceLock<Sides> = OnceLock::new();
    SIDES.get_or_init(|| {
        let mut guild = Guild::new();
        let behind = guild.log.clone();
        for who in 1..guild.members.len() {
            let payload = authored(u8::try_from(who).unwrap_or(0), 0);
            let delta = guild.sign(who, &payload, |_| {}).expect("a member signs");
            guild.say(delta);
        }
        guild.checkpoint();
        Sides { guild, behind }
    })
}

/// First byte: which message.
pub(crate) fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    match script.byte() % 5 {
        0 => asked(script.rest()),
        1 => answered(&mut script),
        2 => request(script.rest()),
        3 => reply(script.rest()),
        _ => gossip(script.rest()),
    }
}

fn asked(bytes: &[u8]) {
    let Ok(ask) = Ask::parse(bytes) else { return };
    if let Ask::Missing { frontiers, .. } = &ask {
        assert!(frontiers.len() <= MAX_FRONTIERS);
    }
    let log = &sides().guild.log;
    let (answer, _) = answer(log, &ask);
    let size = codec::encode(&answer).len();
    assert!(size <= MAX_ANSWER_BYTES, "an answer of {size} bytes");
    // Whatever was asked for, what is sent can be taken in.
    if let Answer::Deltas { deltas, .. } | Answer::Compared { deltas, .. } = answer {
        assert!(deltas.into_iter().all(|delta| delta.sound().is_ok()));
    }
}

/// Answers that a peer gives, one after the other, to somebody who pulls.
fn answered(script: &mut Script<'_>) {
    let sides = sides();
    let mut log = sides.behind.clone();
    let sealed = log.tip().body.epoch;
    let (mut round, mut ask) = Round::begin(&log, Hash([7; 32]));
    for _ in 0..8 {
        let said = match script.byte() % 4 {
            0 => answer(&sides.guild.log, &ask).0,
            _ => match codec::decode(script.text()) {
                Ok(said) => said,
                Err(_) => break,
            },
        };
        match round.handle(&mut log, said).1 {
            Step::Ask(next) => ask = next,
            Step::Done(_) => break,
        }
    }
    assert!(log.tip().body.epoch >= sealed, "what is sealed stays");
    assert!(sides.behind.entries().all(|(id, _)| log.get(id).is_some()), "nothing is lost");
    // An honest peer can still be pulled from.
    let (mut round, mut ask) = Round::begin(&log, Hash([7; 32]));
    while let Step::Ask(next) = round.handle(&mut log, answer(&sides.guild.log, &ask).0).1 {
        ask = next;
    }
    assert_eq!(refold(&log).root(), refold(&sides.guild.log).root());
}

fn request(bytes: &[u8]) {
    let Ok(Request::Sync { ask, .. }) = codec::decode::<Request>(bytes) else { return };
    asked(&codec::encode(&ask));
}

fn reply(bytes: &[u8]) {
    match codec::decode::<Reply>(bytes) {
        Ok(Reply::Sync(said)) => {
            let said = text(&codec::encode(&*said));
            answered(&mut Script::new(&[&[0, 1], said.as_slice()].concat()));
        }
        Ok(Reply::Charter(signed)) => {
            let _ = (signed.open(), signed.federation());
        }
        _ => {}
    }
}

/// The bytes come from a neighbour of one peer, whose wakes go on until nothing is waited for.
fn gossip(bytes: &[u8]) {
    let (peer, federation) = (PublicKey([1; 32]), sides().guild.log.federation());
    let mut tree = Spread::new([7; 32]);
    let mut now = Duration::ZERO;
    let entered = [Input::Near(peer), Input::Frame(peer, Frame::Enter)];
    entered.into_iter().for_each(|input| drop(tree.handle(now, input)));
    let Some(envelope) = Envelope::split(bytes) else { return };
    let Ok(frame) = envelope.frame() else { return };
    if envelope.tag == Tag::from(federation) {
        assert_eq!(frame.to_bytes(federation), bytes, "one frame has one form");
    }
    let mut inputs = vec![Input::Frame(peer, frame)];
    while let Some(input) = inputs.pop() {
        for output in tree.handle(now, input) {
            if let Output::Judge(from, delta) = output {
                let _ = Delta::parse(&delta.to_bytes());
                inputs.push(Input::Judged(from, delta.header.id(), Verdict::Waiting));
            }
        }
    }
    for _ in 0..8 {
        let Some(due) = tree.next_wake() else { return };
        now = now.max(due);
        drop(tree.handle(now, Input::Wake));
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let with =
        |first: u8, (name, bytes): (String, Vec<u8>)| (name, [&[first][..], &bytes].concat());
    let sides = sides();
    let mut behind = sides.behind.clone();
    let (mut round, first) = Round::begin(&behind, Hash([7; 32]));
    let (said, _) = answer(&sides.guild.log, &first);
    let Step::Ask(compare) = round.handle(&mut behind, said).1 else { return Vec::new() };
    let compared = answer(&sides.guild.log, &compare).0;
    let ask = Ask::Missing { frontiers: sides.behind.frontiers(), wants: sides.behind.wants(9) };
    let (said, _) = answer(&sides.guild.log, &ask);
    let mut twice = said.clone();
    if let Answer::Deltas { deltas, .. } = &mut twice {
        deltas.reverse();
        deltas.extend(deltas.clone());
    }
    let answers = |name: &str, said: &Answer| {
        let said = text(&codec::encode(said));
        (format!("answers-{name}"), [&[1, 0, 1], said.as_slice()].concat())
    };
    let asks = [("digest", &first), ("missing", &ask), ("compare", &compare)]
        .map(|(name, ask)| with(0, (format!("ask-{name}"), codec::encode(ask))));
    let mut all = asks.to_vec();
    all.push(("answers-honest".into(), vec![1, 0, 0, 0, 0]));
    all.extend([answers("once", &said), answers("twice-and-reversed", &twice)]);
    all.push(answers("compared", &compared));
    all.extend(vectors("Request", 8).into_iter().map(|seed| with(2, seed)));
    all.extend(vectors("Reply", 11).into_iter().map(|seed| with(3, seed)));
    all.extend(vectors("Frame", 8).into_iter().map(|(name, bytes)| {
        let tag = Tag::from(sides.guild.log.federation());
        with(4, (name, [&tag.0[..], &bytes].concat()))
    }));
    all
}
