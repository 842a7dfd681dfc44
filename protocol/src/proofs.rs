//! Signatures of many deltas, checked together.
//!
//! What counts is the strict single check ([`PublicKey::verify`]); a batch only finds out sooner that all of
//! them would pass. It is the usual random combination (D. J. Bernstein et al., "High-speed
//! high-security signatures", 2012, section 5), with the terms of one key taken together. That alone is weaker than
//! the single checks: they refuse points of small order, which the combination may not see, because
//! 2 or 8 times such a point is nothing. So every point must also be free of such a part. Random sums of the
//! points are looked at for that: a point that has one shows it in half of them, whatever the others are.
//! Where a batch does not pass, every signature is checked by itself, and that decides.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity as _, IsIdentity as _, VartimeMultiscalarMul as _};
use sha2::{Digest as _, Sha512};

use crate::identity::Signature;
use crate::ids::PublicKey;

/// Fewest signatures for which a batch is quicker than single checks.
pub const LEAST_BATCH: usize = 96;
/// Random sums of all points: a point with a part of small order stays unseen once in 2^64 batches.
const SUMS: usize = 64;

/// A signature to be checked.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The key that is said to have signed.
    pub key: PublicKey,
    /// The signed bytes.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Signature,
}

/// Random bytes that nobody foresees who does not know the secret.
struct Draw(blake3::OutputReader);

impl Draw {
    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes);
        bytes
    }
}

/// Returns true when every signature passes the strict single check. False says nothing about any of them.
/// `secret` must be unknown to who wrote the signatures.
#[must_use]
pub fn all_signed(claims: &[Claim], secret: &[u8; 32]) -> bool {
    try_all(claims, secret).is_some()
}

fn try_all(claims: &[Claim], secret: &[u8; 32]) -> Option<()> {
    let mut keys: BTreeMap<PublicKey, (EdwardsPoint, Scalar)> = BTreeMap::new();
    let mut points = Vec::with_capacity(claims.len());
    let mut terms = Vec::with_capacity(claims.len());
    let mut transcript = blake3::Hasher::new_keyed(secret);
    for claim in claims {
        let (r, s) = claim.signature.0.split_first_chunk::<32>()?;
        let s: Scalar = Option::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
        let mut hash = Sha512::new();
        hash.update(r);
        hash.update(claim.key.0);
        hash.update(&claim.message);
        let k = Scalar::from_hash(hash);
        transcript.update(k.as_bytes());
        transcript.update(s.as_bytes());
        points.push(point(r)?);
        if let Entry::Vacant(vacant) = keys.entry(claim.key) {
            vacant.insert((key_point(&claim.key)?, Scalar::ZERO));
        }
        terms.push((s, k));
    }
    let mut draw = Draw(transcript.finalize_xof());
    let mut base = Scalar::ZERO;
    let mut scalars = Vec::with_capacity(claims.len() + keys.len() + 1);
    for (claim, (s, k)) in claims.iter().zip(terms) {
        let z = Scalar::from(u128::from_le_bytes(draw.bytes()));
        base -= z * s;
        if let Some((_, sum)) = keys.get_mut(&claim.key) {
            *sum += z * k;
        }
        scalars.push(z);
    }
    for (key, sum) in keys.values() {
        points.push(*key);
        scalars.push(*sum);
    }
    if !are_torsion_free(&points, &mut draw) {
        return None;
    }
    points.push(ED25519_BASEPOINT_POINT);
    scalars.push(base);
    EdwardsPoint::vartime_multiscalar_mul(&scalars, &points).is_identity().then_some(())
}

/// The point of a signature; none where the single check refuses the bytes: it compares them with an
/// encoding that it computes, and there is one of each point.
fn point(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    let [first, middle @ .., last] = bytes;
    let above = last & 0x7f == 0x7f && *first >= 0xed && middle.iter().all(|byte| *byte == 0xff);
    let point = CompressedEdwardsY(*bytes).decompress()?;
    (!above && !point.is_small_order()).then_some(point)
}

fn key_point(key: &PublicKey) -> Option<EdwardsPoint> {
    let point = CompressedEdwardsY(key.0).decompress()?;
    (!point.is_small_order()).then_some(point)
}

/// Returns true when no point has a part of small order. Wrong once in 2^64 draws.
///
/// Each pass gives every point a random number of some bits and sums the points of each number; the points
/// that have a bit in their number are one random sum.
fn are_torsion_free(points: &[EdwardsPoint], draw: &mut Draw) -> bool {
    let bits = if points.len() < 512 { 4 } else { 8 };
    (0..SUMS / bits).all(|_| {
        let mut buckets = vec![EdwardsPoint::identity(); 1 << bits];
        for chunk in points.chunks(64) {
            for (point, number) in chunk.iter().zip(draw.bytes::<64>()) {
                buckets[usize::from(number) & ((1 << bits) - 1)] += point;
            }
        }
        // The highest bit's sum is that of the upper half, which then joins the lower one.
        (0..bits).all(|_| {
            let upper = buckets.split_off(buckets.len() / 2);
            buckets.iter_mut().zip(&upper).for_each(|(bucket, more)| *bucket += more);
            is_torsion_free(&upper.iter().sum())
        })
    })
}

/// As the library's, but in variable time: `order - 1` times the point is its negative.
fn is_torsion_free(point: &EdwardsPoint) -> bool {
    let minus =
        EdwardsPoint::vartime_double_scalar_mul_basepoint(&-Scalar::ONE, point, &Scalar::ZERO);
    minus == -point
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use curve25519_dalek::constants::EIGHT_TORSION;
    use proptest::prelude::*;

    use super::*;
    use crate::identity::{SecretKey, Signer as _};

    const SECRET: [u8; 32] = [9; 32];

    fn claims(count: usize, keys: u8) -> Vec<Claim> {
        let signed = |n: usize| {
            let key = SecretKey::from_seed(&[n as u8 % keys + 1; 32]);
            let message = n.to_le_bytes().repeat(n % 40);
            Claim { key: key.public_key(), signature: key.sign(&message), message }
        };
        (0..count).map(signed).collect()
    }

    fn strictly(claims: &[Claim]) -> bool {
        claims.iter().all(|claim| claim.key.verify(&claim.message, &claim.signature))
    }

    /// A signature whose point, or whose key, has a part of small order, made so that the equation holds up to
    /// that part: `R = rB + T`, or `A = aB + T`.
    fn with_torsion(torsion: EdwardsPoint, in_key: bool, message: &[u8]) -> Claim {
        let (a, r) = (Scalar::from(77_u8), Scalar::from(1_234_567_u32));
        let base = ED25519_BASEPOINT_POINT;
        let (extra, other) = if in_key {
            (torsion, EdwardsPoint::identity())
        } else {
            (EdwardsPoint::identity(), torsion)
        };
        let key = (a * base + extra).compress().0;
        let point = (r * base + other).compress().0;
        let mut hash = Sha512::new();
        hash.update(point);
        hash.update(key);
        hash.update(message);
        let s = r + Scalar::from_hash(hash) * a;
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&point);
        signature[32..].copy_from_slice(s.as_bytes());
        Claim { key: PublicKey(key), message: message.to_vec(), signature: Signature(signature) }
    }

    #[test]
    fn true_signatures_pass_in_every_number() {
        for (count, keys) in [(0, 1), (1, 1), (97, 3), (200, 200), (700, 20)] {
            assert!(all_signed(&claims(count, keys), &SECRET), "{count} of {keys}");
        }
    }

    #[test]
    fn a_batch_is_quicker_than_single_checks() {
        let all = claims(1_024, 20);
        let quickest = |check: &dyn Fn() -> bool| {
            let time = || {
                let begun = std::time::Instant::now();
                assert!(check());
                begun.elapsed()
            };
            (0..5).map(|_| time()).min().unwrap()
        };
        let (batch, single) =
            (quickest(&|| all_signed(&all, &SECRET)), quickest(&|| strictly(&all)));
        println!("1,024 signatures: {batch:?} together, {single:?} one by one");
        assert!(batch * 3 < single * 2, "{batch:?} together, {single:?} one by one");
    }

    #[test]
    fn a_part_of_small_order_is_seen_wherever_it_is() {
        // Without the look at random sums about one in two to eight of these pass as parts of a batch.
        let good = claims(120, 5);
        let mut strict = 0;
        for (n, torsion) in EIGHT_TORSION.iter().enumerate().skip(1) {
            for in_key in [false, true] {
                for nonce in 0..20_u8 {
                    let bad = with_torsion(*torsion, in_key, &[n as u8, nonce]);
                    // A key with such a part signs well now and then: when the hash takes it away.
                    strict += usize::from(strictly(std::slice::from_ref(&bad)));
                    let mut all = good.clone();
                    all.insert(usize::from(nonce), bad);
                    assert!(!all_signed(&all, &[nonce; 32]), "{n} {in_key} {nonce}");
                }
            }
        }
        assert!(strict > 0, "the keys are as they should be");
        // Two whose parts cancel each other are no better.
        let mut all = good;
        let half = EIGHT_TORSION[4];
        all.extend([1, 2].map(|n| with_torsion(half, false, &[n])));
        for n in 0..50 {
            assert!(!all_signed(&all, &[n; 32]), "{n}");
        }
    }

    #[test]
    fn other_encodings_of_points_and_numbers_are_refused() {
        let good = claims(100, 5);
        let bent = |bend: &dyn Fn(&mut [u8; 64])| {
            let mut all = good.clone();
            bend(&mut all[50].signature.0);
            assert!(!strictly(&all) && !all_signed(&all, &SECRET));
        };
        // s plus the order of the group.
        bent(&|bytes| {
            let order = [
                0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
                0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
            ];
            let mut carry = 0_u16;
            for (byte, more) in bytes[32..].iter_mut().zip(order) {
                carry += u16::from(*byte) + more;
                *byte = carry as u8;
                carry >>= 8;
            }
        });
        // The identity, in its own encoding and in the other one, and a point of order 4.
        for start in [[1, 0], [0xee, 0xff], [0, 0]] {
            bent(&|bytes| {
                bytes[1..31].fill(start[1]);
                (bytes[0], bytes[31]) = (start[0], start[1] & 0x7f);
            });
        }
        assert!(
            point(&{
                let mut bytes = [0xff; 32];
                (bytes[0], bytes[31]) = (0xf0, 0x7f);
                bytes
            })
            .is_none()
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn a_batch_passes_when_every_single_check_does(
            count in 96_usize..220,
            flips in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..128, 0_u8..8), 0..3),
        ) {
            let mut all = claims(count, 7);
            for (at, byte, bit) in flips {
                let claim = at.get_mut(&mut all);
                let (key, signature) = (&mut claim.key.0, &mut claim.signature.0);
                let message = &mut claim.message;
                match byte {
                    0..64 => signature[byte] ^= 1 << bit,
                    64..96 => key[byte - 64] ^= 1 << bit,
                    _ => if let Some(byte) = message.get_mut(byte - 96) { *byte ^= 1 << bit },
                }
            }
            prop_assert_eq!(all_signed(&all, &SECRET), strictly(&all));
        }
    }
}
