//! Messages between two devices, sealed for the one that receives them and padded.
//!
//! The key of a message comes from two Diffie-Hellman agreements (X25519), as in the authenticated mode of HPKE (RFC
//! 9180, section 5.1.3): of a key of this message with the receiver's, so that who learns the sender's keys later reads
//! nothing, and of the sender's with the receiver's, so that only the sender can have made it. It is used once, with
//! XChaCha20-Poly1305, bound to what the message is about.
//!
//! The transport proves the keys of both nodes and encrypts between them, through relays too. The seal protects beyond
//! that: a message is read by the device alone whose store has the secret, not by who knows the transport's keys alone,
//! nor by another user's devices on the same node; and its length is hidden. It does not protect a recorded message from
//! who later gets the receiver's store: the receiver's key lasts as long as the device is in its group.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use x25519_dalek::{PublicKey as BoxKey, StaticSecret};

use super::limits;

const BOX: &str = "commonlore device message v1";
const PAIRING: &str = "commonlore device pairing v1";
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const LENGTH_BYTES: usize = 4;

/// The key that others seal for, of a secret.
pub(super) fn box_key(secret: &[u8; KEY_BYTES]) -> [u8; KEY_BYTES] {
    BoxKey::from(&StaticSecret::from(*secret)).to_bytes()
}

/// Seals a message. `once` is randomness that was used for nothing else. None for a receiver's key that is none.
pub(super) fn seal(
    from: &[u8; KEY_BYTES],
    to: &[u8; KEY_BYTES],
    once: [u8; KEY_BYTES],
    about: &[u8],
    message: &[u8],
) -> Option<Vec<u8>> {
    let once = StaticSecret::from(once);
    let first = BoxKey::from(&once).to_bytes();
    let key = agreed(&[(&once, to), (&StaticSecret::from(*from), to)], &first, to)?;
    let payload = Payload { msg: &padded(message)?, aad: about };
    let text = XChaCha20Poly1305::new(&key.into()).encrypt(&XNonce::default(), payload).ok()?;
    Some([&first[..], &text].concat())
}

/// The message in sealed bytes; none when it was not sealed by this sender, for this receiver, about this.
pub(super) fn open(
    from: &[u8; KEY_BYTES],
    to: &[u8; KEY_BYTES],
    about: &[u8],
    bytes: &[u8],
) -> Option<Vec<u8>> {
    let (first, text) = bytes.split_first_chunk::<KEY_BYTES>()?;
    let secret = StaticSecret::from(*to);
    let key = agreed(&[(&secret, first), (&secret, from)], first, &box_key(to))?;
    let payload = Payload { msg: text, aad: about };
    unpadded(XChaCha20Poly1305::new(&key.into()).decrypt(&XNonce::default(), payload).ok()?)
}

/// The key of a message: over both agreements, the message's own key and the receiver's.
fn agreed(
    pairs: &[(&StaticSecret, &[u8; KEY_BYTES]); 2],
    first: &[u8; KEY_BYTES],
    to: &[u8; KEY_BYTES],
) -> Option<[u8; KEY_BYTES]> {
    let mut material = Vec::with_capacity(4 * KEY_BYTES);
    for (secret, key) in pairs {
        let shared = secret.diffie_hellman(&BoxKey::from(**key));
        // A key of small order would give everybody the same secret.
        if !shared.was_contributory() {
            return None;
        }
        material.extend(shared.as_bytes());
    }
    material.extend(first);
    material.extend(to);
    Some(blake3::derive_key(BOX, &material))
}

/// Seals a message of pairing under the secret of a line. `nonce` is random.
pub(super) fn seal_pairing(
    secret: &[u8; KEY_BYTES],
    nonce: [u8; KEY_BYTES],
    about: &[u8],
    message: &[u8],
) -> Option<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(&blake3::derive_key(PAIRING, secret).into());
    let nonce = nonce.first_chunk::<NONCE_BYTES>()?;
    let payload = Payload { msg: &padded(message)?, aad: about };
    let text = cipher.encrypt(&XNonce::from(*nonce), payload).ok()?;
    Some([&nonce[..], &text].concat())
}

/// The message of pairing in sealed bytes.
pub(super) fn open_pairing(
    secret: &[u8; KEY_BYTES],
    about: &[u8],
    bytes: &[u8],
) -> Option<Vec<u8>> {
    let cipher = XChaCha20Poly1305::new(&blake3::derive_key(PAIRING, secret).into());
    let (nonce, text) = bytes.split_first_chunk::<NONCE_BYTES>()?;
    unpadded(cipher.decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: about }).ok()?)
}

/// A message with its length before it, filled up to a power of two.
fn padded(message: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(message.len()).ok()?;
    let mut out = [&length.to_le_bytes()[..], message].concat();
    let step = out.len().next_power_of_two().max(limits::STEP_BYTES);
    out.resize(step, 0);
    Some(out)
}

fn unpadded(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let length = usize::try_from(u32::from_le_bytes(*bytes.first_chunk::<LENGTH_BYTES>()?)).ok()?;
    let end = LENGTH_BYTES.checked_add(length).filter(|end| *end <= bytes.len())?;
    bytes.truncate(end);
    Some(bytes.split_off(LENGTH_BYTES))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_receiver_opens_it_and_only_as_what_it_is() {
        let [ada, bob, eve] = [[1; 32], [2; 32], [3; 32]];
        let sealed = seal(&ada, &box_key(&bob), [9; 32], b"ask", b"secret").unwrap();
        assert_eq!(open(&box_key(&ada), &bob, b"ask", &sealed).unwrap(), b"secret");
        assert_eq!(open(&box_key(&ada), &bob, b"answer", &sealed), None);
        assert_eq!(open(&box_key(&ada), &eve, b"ask", &sealed), None);
        assert_eq!(open(&box_key(&eve), &bob, b"ask", &sealed), None, "another sender");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&box_key(&ada), &bob, b"ask", &changed), None, "{at}");
            assert_eq!(open(&box_key(&ada), &bob, b"ask", &sealed[..at]), None, "{at}");
        }
    }

    #[test]
    fn a_key_of_small_order_is_no_key() {
        assert_eq!(seal(&[1; 32], &[0; 32], [9; 32], b"", b""), None);
        assert_eq!(open(&[0; 32], &[1; 32], b"", &[0; 100]), None);
    }

    #[test]
    fn lengths_say_nothing_below_a_power_of_two() {
        let length = |message: usize| {
            seal(&[1; 32], &box_key(&[2; 32]), [9; 32], b"", &vec![7; message]).unwrap().len()
        };
        assert_eq!(length(0), length(1_000));
        assert_eq!(length(1_100), length(2_000));
        assert_ne!(length(1_000), length(1_100));
    }
}
