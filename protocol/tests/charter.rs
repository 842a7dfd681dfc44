//! The charter's canonical text: what a TOML reader makes of it, and the committed bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod world;

use lore_protocol::charter::{
    Charter, CharterError, CostKind, CostTerms, EpochRule, Founder, Limits, Measure, PrivacyTerms,
    Vouchers, WindowTerms,
};
use lore_protocol::ids::{Hash, PublicKey};
use lore_protocol::payload::Unit;
use proptest::prelude::*;
use world::{World, key};

const COMMITTED: &str = include_str!("../vectors/charter.toml");

#[test]
fn the_text_is_the_committed_file() {
    assert_eq!(World::found().log.charter().to_text(), COMMITTED);
}

#[test]
fn only_the_canonical_text_opens() {
    let signed = World::found().log.signed_charter().clone();
    assert!(signed.open().is_ok());
    for (from, to) in [
        ("members = 50", "members = 5_0"),
        ("\nname = \"test\"", "\nname = 'test'"),
        ("\n[limits]", "\n\n[limits]"),
        ("scripts = false", "scripts = false # no"),
        ("[0, 1, 2, 3]", "[0,1,2,3]"),
    ] {
        let mut other = signed.clone();
        other.text = other.text.replacen(from, to, 1);
        assert_ne!(other.text, signed.text);
        assert_eq!(other.open(), Err(CharterError::NotCanonical), "{to}");
    }
}

#[test]
fn what_people_read_in_a_charter_is_plain_and_short() {
    let world = World::found();
    let hidden =
        ["a\u{202e}b", "a\u{200b}b", "a\u{e0061}", "a\u{2066}b", "a\u{3164}", " a", "a\u{a0}b"];
    let plain = ["", "a\u{1b}[2J", "two\nlines", &"x".repeat(65)];
    for text in plain.into_iter().chain(hidden) {
        let mut charter = world.log.charter().clone();
        charter.contexts = vec![text.into()];
        assert!(charter.sign(&key(1)).is_err(), "{text:?}");
        let mut charter = world.log.charter().clone();
        charter.name = text.into();
        assert!(charter.sign(&key(1)).is_err(), "{text:?}");
    }
    let mut charter = world.log.charter().clone();
    for name in [r#"a "quoted" \ name"#, "Gildé 工会 гильдия"] {
        charter.name = name.into();
        assert!(charter.sign(&key(1)).unwrap().open().is_ok(), "{name}");
    }
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..1000_u64, 0..=i64::MAX.unsigned_abs()]
}

fn epochs() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(any::<u32>(), 0..5)
}

fn costs() -> impl Strategy<Value = Option<CostTerms>> {
    let measure = prop_oneof![Just(Measure::Tokens), Just(Measure::Seconds), Just(Measure::Calls)];
    let kinds = prop::collection::vec((measure, any::<u32>()), 0..4);
    let terms = (epochs(), any::<u16>(), number(), kinds);
    prop::option::of(terms.prop_map(|(at, bound, min_sigma_micros, kinds)| {
        let kinds = kinds.into_iter().map(|(measure, per)| CostKind { measure, per }).collect();
        CostTerms { at, bound, min_sigma_micros, kinds }
    }))
}

fn privacy() -> impl Strategy<Value = PrivacyTerms> {
    let unit = prop_oneof![Just(Unit::User), Just(Unit::Session), Just(Unit::Personal)];
    let units = prop::collection::vec(unit, 0..4);
    let lists = (units, epochs(), epochs(), epochs(), costs());
    let rest = (any::<[u32; 6]>(), any::<[u16; 4]>(), prop::option::of(any::<u32>()));
    let numbers = prop::collection::vec(number(), 5);
    (lists, rest, numbers).prop_map(|(lists, rest, numbers)| {
        let (units, lessons_at, outcomes_at, votes_at, costs) = lists;
        let (more, [l0, sessions_per_item, keys_per_unit, topic_words], releases_per_unit) = rest;
        let [epochs_per_period, threshold, payload, grid, least, after] = more;
        PrivacyTerms {
            rho_nano: numbers[0],
            delta_e18: numbers[1],
            units,
            epochs_per_period,
            lessons_at,
            outcomes_at,
            l0,
            sessions_per_item,
            keys_per_unit,
            topic_words,
            lessons_min_sigma_micros: numbers[2],
            lessons_min_threshold: threshold,
            outcomes_min_sigma_micros: numbers[3],
            lessons_payload_bytes: payload,
            votes_at,
            votes_min_deviation_micros: numbers[4],
            releases_per_unit,
            windows: WindowTerms {
                grid_seconds: grid,
                least_seconds: least,
                send_after_seconds: after,
            },
            costs,
        }
    })
}

fn charter() -> impl Strategy<Value = Charter> {
    let epoch = prop_oneof![Just(EpochRule::Rounds), any::<u32>().prop_map(EpochRule::Hours)];
    let vouchers = prop_oneof![Just(Vouchers::Founders), Just(Vouchers::Members)];
    let head = (any::<u8>(), any::<String>(), any::<[u8; 32]>(), epoch, vouchers, any::<bool>());
    let founders = prop::collection::vec(any::<[[u8; 32]; 2]>(), 0..3);
    let contexts = prop::collection::vec(any::<String>(), 0..4);
    let codebook = prop::option::of(any::<[u8; 32]>());
    (head, (contexts, codebook), privacy(), any::<[u32; 8]>(), founders).prop_map(
        |(head, (contexts, codebook), privacy, limits, founders)| {
            let (version, name, nonce, epoch, vouchers, scripts) = head;
            let founder = |[key, recovery]: [[u8; 32]; 2]| Founder {
                key: PublicKey(key),
                recovery: Hash(recovery),
            };
            Charter {
                version,
                name,
                nonce: Hash(nonce),
                epoch,
                vouchers,
                scripts,
                contexts,
                codebook: codebook.map(Hash),
                privacy,
                limits: Limits {
                    members: limits[0],
                    deltas_per_epoch: limits[1],
                    evidence_cap: limits[2],
                    revokers: limits[3],
                    vouches: Some(limits[7]).filter(|most| most % 2 == 0),
                    promotion_margin_micros: limits[4],
                    members_per_voice: limits[5],
                    lessons_per_epoch: limits[6],
                },
                founders: founders.into_iter().map(founder).collect(),
            }
        },
    )
}

proptest! {
    /// Another program's TOML reader finds the same charter in the text, whatever its strings hold.
    #[test]
    fn a_toml_reader_reads_the_same_charter(charter in charter()) {
        // An empty list of tables has no line in the text; a charter without founders is never signed.
        prop_assume!(!charter.founders.is_empty());
        prop_assume!(charter.privacy.costs.as_ref().is_none_or(|costs| !costs.kinds.is_empty()));
        let text = charter.to_text();
        let read: Charter = toml::from_str(&text).map_err(|error| {
            TestCaseError::fail(format!("{error}\n{text}"))
        })?;
        prop_assert_eq!(&read, &charter);
        prop_assert_eq!(read.to_text(), text);
    }
}
