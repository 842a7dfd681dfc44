//! An extraction attack by poisoned sessions, in the style of Cliopatra, against lesson releases.
//!
//! The attacker has fifty accounts on the victim's node and gives each one crafted session. The victim
//! has one session, in which one of two words stands that the attacker wants to learn. Half of the crafted
//! sessions teach what the victim's would with the one word, half with the other. Where the threshold is low
//! enough, both lessons and their topic words pass it, and only their noisy supports differ: by the victim. The
//! attacker reads the released payload and names the word with more support. Where fifty accounts do not lift
//! either word over the threshold, neither is released, and the guess is a coin's.
//!
//! Traces go through the protocol's own miner and the release through the privacy crate's own bounding
//! and thresholding; noise is the seeded one of the same law. This can refute the guarantee and never
//! prove it.

use lore_privacy::audit::statistics::{ALPHA, at_least};
use lore_privacy::release::{LessonsSpec, release_lessons};
use lore_privacy::{Bounds, LessonContribution, LocalSecret, PrivacyError, Private, SeededNoise};
use lore_protocol::ids::Hash;
use lore_protocol::lesson::{LessonKey, mine};
use lore_protocol::payload::{LessonEntry, Mechanism, Payload, Unit, Window};
use lore_protocol::trace::{Call, Outcome, Trace};

use crate::budget;

/// Words that the attacker wants to know about.
const WORDS: [&str; 2] = ["oncology", "dentistry"];
/// Crafted sessions, each of an account of its own.
pub const CRAFTED: u32 = 50;
const WINDOW: Window = Window { start_seconds: 1_000, end_seconds: 2_000 };
/// Epsilon whose threshold the attack without noise has, and whose bound it must break.
const CONTROL: f64 = 4.0;
/// Sigma that stands for none, in units of weight.
const NO_NOISE_MICROS: u64 = 200_000;

/// Result of the attack in one arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arm {
    /// Epsilon of the period; none without noise.
    pub epsilon: Option<f64>,
    /// Share of attacks in which the attacker named the right word; one half is guessing.
    pub success: f64,
    /// Attacks in which either word was released at all.
    pub released: u64,
    /// The most that the release's rho and delta allow; without noise that of epsilon 4.
    pub bound: f64,
}

impl Arm {
    /// Lower confidence limit of the success over so many attacks, wrong with chance 1e-5.
    #[must_use]
    pub fn certified(success: f64, attacks: u64) -> f64 {
        at_least((success * attacks as f64).round() as u64, attacks, ALPHA)
    }
}

/// Runs the attack `attacks` times in every arm: epsilon 1, 4 and 8, and last without noise, which must break the bound
/// of epsilon 4.
///
/// # Errors
/// Fails when a budget buys no lesson release.
pub fn run(attacks: u64, seed: u64) -> Result<Vec<Arm>, PrivacyError> {
    let mut arms = Vec::new();
    let mut control = None;
    for epsilon in [1.0, CONTROL, 8.0] {
        let mechanism = budget::plan(epsilon)?.lessons.ok_or(PrivacyError::NoBudget)?;
        let allowed = bound(&mechanism);
        arms.push(arm(Some(epsilon), mechanism, allowed, attacks, seed)?);
        if epsilon == CONTROL {
            let (bounds, threshold) = (Bounds::of(&mechanism), mechanism.threshold);
            let quiet =
                lore_privacy::mechanism::gaussian(Unit::User, bounds, NO_NOISE_MICROS, threshold)?;
            control = Some(arm(None, quiet, allowed, attacks, seed)?);
        }
    }
    arms.extend(control);
    Ok(arms)
}

fn arm(
    epsilon: Option<f64>,
    mechanism: Mechanism,
    bound: f64,
    attacks: u64,
    seed: u64,
) -> Result<Arm, PrivacyError> {
    let spec = LessonsSpec::new(Hash::ZERO, mechanism, WINDOW, 4_096);
    let spec = LessonsSpec { topic_words: 2, ..spec };
    let secret = LocalSecret::from_bytes([5; 32]);
    let nodes = [node(&secret, 0), node(&secret, 1)];
    let sides = [keys(0), keys(1)];
    let (mut hits, mut released) = (0, 0);
    for attack in 0..attacks {
        // A word for each attack, half of them each; the attacker does not know which.
        let truth = (attack % 2) as usize;
        let seed = [seed.to_le_bytes(), attack.to_le_bytes(), mechanism.scale_micros.to_le_bytes()];
        let mut noise = SeededNoise::new(&seed.concat());
        let payload = release_lessons(&spec, &nodes[truth], &secret, &mut noise)?.into_inner();
        let entries = entries(&payload);
        hits += u64::from(guess(entries, &sides, mechanism.threshold, attack) == truth);
        released += u64::from(sides.iter().flatten().any(|key| support(entries, key).is_some()));
    }
    Ok(Arm { epsilon, success: hits as f64 / attacks as f64, released, bound })
}

/// The session that the victim has with that word, and that the attacker writes.
fn session(word: usize) -> Trace {
    let call = |input: String, exit: i32| Call {
        tool: "bash".into(),
        input,
        output: if exit == 0 { "ok".into() } else { "error: no department".into() },
        exit: Some(exit),
        failed: exit != 0,
    };
    // Words that the task has in common would blur the two sides: each has its own.
    let task = ["Print the appointment calendar", "Send the invoice archive"][word];
    Trace {
        task: task.into(),
        calls: vec![
            call("records export".into(), 1),
            call(format!("records export --department {}", WORDS[word]), 0),
        ],
        outcome: Outcome::Success,
    }
}

/// All sessions of a node: the crafted ones, and the victim's.
fn node(secret: &LocalSecret, truth: usize) -> Private<Vec<LessonContribution>> {
    let contribution = |user: &str, word: usize| {
        let bundle = mine(&session(word))?;
        Some(LessonContribution {
            unit: secret.user(user),
            start_seconds: 1_500,
            primary: bundle.primary,
            topics: bundle.topics,
        })
    };
    let crafted = (0..CRAFTED).map(|n| contribution(&format!("attacker {n}"), n as usize % 2));
    let all = crafted.chain([contribution("victim", truth)]);
    Private::new(all.flatten().collect())
}

fn keys(word: usize) -> Vec<LessonKey> {
    mine(&session(word)).map(|bundle| bundle.keys()).unwrap_or_default()
}

fn entries(payload: &Payload) -> &[LessonEntry] {
    match payload {
        Payload::Lessons(lessons) => &lessons.entries,
        _ => &[],
    }
}

/// Released support of a key; none when it is not released.
fn support(entries: &[LessonEntry], key: &LessonKey) -> Option<i64> {
    entries.iter().find(|entry| entry.key == *key).map(|entry| entry.support)
}

/// The word with more support; a key that is missing counts as just below the threshold.
fn guess(
    entries: &[LessonEntry],
    sides: &[Vec<LessonKey>; 2],
    threshold: u32,
    attack: u64,
) -> usize {
    let missing = i64::from(threshold) - 1;
    let sum = |keys: &Vec<LessonKey>| -> i64 {
        keys.iter().map(|key| support(entries, key).unwrap_or(missing)).sum()
    };
    match sum(&sides[0]).cmp(&sum(&sides[1])) {
        std::cmp::Ordering::Greater => 0,
        std::cmp::Ordering::Less => 1,
        // A coin that knows nothing of the truth.
        std::cmp::Ordering::Equal => (attack / 2 % 2) as usize,
    }
}

/// The most that any attacker can achieve against this release.
///
/// Without the victim a guess is right with chance 1/2. With it, by zCDP, the Renyi divergence of order
/// a between being right with chance s and with chance 1/2 is at most `a * rho` (data processing, and
/// joint quasi-convexity over the two words), for every a; a thresholded release adds its delta.
fn bound(mechanism: &Mechanism) -> f64 {
    let rho = mechanism.rho_nano as f64 / 1e9;
    let orders = (1..400).map(|i| 1.0 + f64::from(i) * 0.05);
    let least = orders.map(|order| {
        let (mut low, mut high) = (0.5, 1.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if renyi(order, middle) <= order * rho { low = middle } else { high = middle }
        }
        high
    });
    (least.fold(1.0, f64::min) + mechanism.delta_e18 as f64 / 1e18).min(1.0)
}

/// Renyi divergence of a coin of chance `s` from a fair one.
fn renyi(order: f64, s: f64) -> f64 {
    let half = 0.5_f64.powf(1.0 - order);
    ((s.powf(order) + (1.0 - s).powf(order)) * half).ln() / (order - 1.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_crafted_sessions_teach_what_the_victims_does_and_the_word_survives_the_miner() {
        let [a, b] = [keys(0), keys(1)];
        assert_eq!((a.len(), b.len()), (3, 3), "{a:?} {b:?}");
        assert!(a.iter().all(|key| !b.contains(key)));
        assert!(format!("{a:?}").contains(WORDS[0]) && format!("{b:?}").contains(WORDS[1]));
    }

    #[test]
    fn the_attack_beats_guessing_and_stays_within_the_bound_and_without_noise_it_does_not() {
        const ATTACKS: u64 = 4_000;
        let arms = run(ATTACKS, 1).unwrap();
        println!("{arms:?}");
        let [one, four, eight, control] = arms[..] else { panic!("{arms:?}") };
        let certified = |arm: Arm| Arm::certified(arm.success, ATTACKS);
        for arm in [one, four, eight] {
            assert!(arm.bound < 1.0 && certified(arm) <= arm.bound, "{arm:?}");
        }
        assert!(certified(control) > control.bound && control.success > 0.99, "{control:?}");
        assert!(certified(four) > 0.5, "an attack that learns nothing tests nothing");
        assert_eq!((four.released, eight.released), (ATTACKS, ATTACKS));
        // Fifty accounts do not reach the threshold of epsilon 1, but by luck: what is left is the coin.
        assert!(one.released < ATTACKS / 100 && (one.success - 0.5).abs() < 0.01, "{one:?}");
    }

    #[test]
    fn the_bound_grows_with_rho_from_guessing() {
        let at = |scale| {
            bound(
                &lore_privacy::mechanism::gaussian(
                    Unit::User,
                    Bounds::shared(32),
                    scale,
                    4_000_000,
                )
                .unwrap(),
            )
        };
        assert!(at(600_000_000_000) < 0.53 && at(600_000_000_000) > 0.5);
        assert!(at(30_000_000_000) > at(60_000_000_000));
    }
}
