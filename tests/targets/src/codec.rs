//! Decoding of every type that travels or is stored: one encoding for each value, and nothing after it.

use lore_protocol::codec::{self, Wire};
use lore_protocol::delta::{Delta, Header};
use lore_protocol::invitation::{Challenge, Invitation};
use lore_protocol::lesson::{GroupKey, Lesson, LessonKey};
use lore_protocol::library::Library;
use lore_protocol::log::Frontier;
use lore_protocol::payload::{Checkpoint, Payload, PayloadKind};
use lore_protocol::spread::Frame;
use lore_protocol::sync::{Answer, Ask};
use lore_protocol::wire::{Reply, Request};

use crate::seeds::vectors;

fn decode<T: Wire + PartialEq>(bytes: &[u8]) {
    let Ok(value) = codec::decode::<T>(bytes) else { return };
    let again = codec::encode(&value);
    assert_eq!(again, bytes, "a value has one encoding");
    assert!(codec::decode::<T>(&again).is_ok_and(|one| one == value), "and the encoding one value");
    let longer = [&again[..], &[0]].concat();
    assert!(codec::decode::<T>(&longer).is_err(), "nothing follows a value");
}

type Decode = fn(&[u8]);

/// Structures, by the first byte of an input.
const STRUCTURES: [(&str, Decode); 18] = [
    ("Header", decode::<Header>),
    ("Delta", decode::<Delta>),
    ("Payload", |bytes| {
        decode::<Payload>(bytes);
        if let Ok(payload) = codec::decode::<Payload>(bytes) {
            let _ = (payload.check(), payload.kind(), payload.mechanism());
        }
    }),
    ("PayloadKind", decode::<PayloadKind>),
    ("Lesson", decode::<Lesson>),
    ("LessonKey", decode::<LessonKey>),
    ("GroupKey", decode::<GroupKey>),
    ("Frame", decode::<Frame>),
    ("Request", decode::<Request>),
    ("Reply", decode::<Reply>),
    ("Ask", decode::<Ask>),
    ("Answer", decode::<Answer>),
    ("SignedCharter", decode::<lore_protocol::charter::SignedCharter>),
    ("Invitation", decode::<Invitation>),
    ("Challenge", decode::<Challenge>),
    ("Frontier", decode::<Frontier>),
    ("Checkpoint", decode::<Checkpoint>),
    ("Library", decode::<Library>),
];

/// First byte: the structure. The rest: its encoding.
pub(crate) fn run(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let (_, decode) = STRUCTURES[usize::from(*first) % STRUCTURES.len()];
    decode(rest);
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let of = |(place, (structure, _)): (u8, &(&str, Decode))| {
        let most = match *structure {
            "Header" | "Delta" | "PayloadKind" => 4,
            "Lesson" => 14,
            _ => usize::MAX,
        };
        let named = move |(name, bytes): (String, Vec<u8>)| (name, [&[place][..], &bytes].concat());
        vectors(structure, most).into_iter().map(named).collect::<Vec<_>>()
    };
    (0..).zip(&STRUCTURES).flat_map(of).collect()
}
