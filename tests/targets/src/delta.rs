//! One delta: its bytes, what they alone show, and its signature.

use lore_protocol::codec;
use lore_protocol::delta::{Delta, MAX_DELTA_BYTES};
use lore_protocol::identity::Signer as _;
use lore_protocol::payload::Payload;
use lore_protocol::spread::Frame;

use crate::guild::key;
use crate::script::{Script, text};
use crate::seeds::vectors;

/// First byte odd: the encoding of a delta. Even: of a header and a payload, which are signed here, so that more than
/// the signature is looked at.
pub(crate) fn run(bytes: &[u8]) {
    let mut script = Script::new(bytes);
    let delta = if script.byte() % 2 == 1 {
        let encoded = script.rest();
        let Ok(delta) = codec::decode::<Delta>(encoded) else {
            assert!(Delta::parse(encoded).is_err(), "what does not decode is no delta");
            return;
        };
        delta
    } else {
        let (header, payload) = (script.text(), script.text());
        let Ok(mut header) = codec::decode::<lore_protocol::delta::Header>(header) else { return };
        header.payload_hash.0 = *blake3::hash(payload).as_bytes();
        header.payload_len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let signature = key(2).sign(&header.signed_bytes());
        Delta { header, signature, payload: Some(payload.to_vec()) }
    };
    judge(&delta);
}

fn judge(delta: &Delta) {
    let bytes = delta.to_bytes();
    let parsed = Delta::parse(&bytes);
    assert_eq!(parsed.as_ref().ok(), delta.clone().sound().ok().as_ref());
    let _ = codec::encode(&Frame::of(delta));
    let Ok(sound) = parsed else { return };
    assert!(bytes.len() <= MAX_DELTA_BYTES);
    assert_eq!(sound.id, delta.header.id());
    assert_eq!(sound.chain(), delta.header.chain());
    assert_eq!(sound.payload.kind(), delta.header.payload_kind);
    assert_eq!(Some(codec::encode(&sound.payload)), delta.payload, "one encoding of a payload");
    let mine = sound.signed_by(&key(2).public_key());
    // Nobody else's key verifies what one key signed.
    assert!(!(mine && sound.signed_by(&key(3).public_key())));
    if let Payload::Join(join) = &sound.payload {
        let _ = sound.signed_by(&join.key);
    }
}

pub(crate) fn seeds() -> Vec<(String, Vec<u8>)> {
    let whole = vectors("Delta", 11);
    let whole = whole.into_iter().map(|(name, bytes)| (name, [&[1][..], &bytes].concat()));
    let headers = vectors("Header", usize::MAX);
    let parts = vectors("Payload", usize::MAX).into_iter().zip(headers.iter().cycle()).map(
        |((name, payload), (_, header))| {
            let mut header: lore_protocol::delta::Header = codec::decode(header).expect("a header");
            let kind = codec::decode::<Payload>(&payload).expect("a payload").kind();
            header.payload_kind = kind;
            let header = codec::encode(&header);
            (format!("signed-{name}"), [&[0][..], &text(&header), &text(&payload)].concat())
        },
    );
    whole.chain(parts).collect()
}
