#![allow(clippy::unwrap_used)]
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Content, Key, Map, Set};
use crate::codec;

/// A short key, so that prefixes are shared and keys come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, codec::Encode, codec::Decode)]
struct Short([u8; 2]);

impl Key for Short {
    type Bytes = [u8; 2];

    fn bytes(&self) -> [u8; 2] {
        self.0
    }
}

impl Content for u8 {
    fn content(&self) -> Vec<u8> {
        vec![*self]
    }
}

#[derive(Debug, Clone)]
enum Change {
    Insert(Short, u8),
    Add(Short, u8),
    Remove(Short),
}

fn key() -> impl Strategy<Value = Short> {
    // Few values of each nibble: 256 keys of every shape.
    [0..4_u8, 0..4_u8, 0..4_u8, 0..4_u8].prop_map(|[a, b, c, d]| Short([a << 6 | b, c << 4 | d]))
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let one = prop_oneof![
        3 => (key(), any::<u8>()).prop_map(|(key, value)| Change::Insert(key, value)),
        1 => (key(), any::<u8>()).prop_map(|(key, value)| Change::Add(key, value)),
        2 => key().prop_map(Change::Remove),
    ];
    proptest::collection::vec(one, 0..200)
}

fn apply(map: &mut Map<Short, u8>, known: &mut BTreeMap<Short, u8>, change: &Change) {
    match change {
        Change::Insert(key, value) => {
            assert_eq!(map.insert(*key, *value), known.insert(*key, *value));
        }
        Change::Add(key, more) => {
            let (a, b) = (map.or_default(*key), known.entry(*key).or_default());
            (*a, *b) = (a.wrapping_add(*more), b.wrapping_add(*more));
        }
        Change::Remove(key) => assert_eq!(map.remove(key), known.remove(key)),
    }
}

proptest! {
    #[test]
    fn it_holds_what_an_ordered_map_holds(changes in changes()) {
        let (mut map, mut known) = (Map::default(), BTreeMap::new());
        let mut copies = Vec::new();
        for change in &changes {
            apply(&mut map, &mut known, change);
            if copies.len() < 8 {
                std::hint::black_box(map.hash());
                copies.push((map.clone(), known.clone()));
            }
        }
        prop_assert!(map.iter().eq(&known) && map.len() == known.len());
        for probe in 0..=255_u8 {
            let probe = Short([probe & 0xc3, probe & 0x33]);
            prop_assert_eq!(map.get(&probe), known.get(&probe));
        }
        for (copy, known) in &copies {
            prop_assert!(copy.iter().eq(known), "a copy does not change with the other");
        }
        let bytes = codec::encode(&map);
        prop_assert_eq!(&bytes, &codec::encode(&known), "as the codec writes every map");
        prop_assert_eq!(codec::decode::<Map<Short, u8>>(&bytes).unwrap(), map);
    }

    #[test]
    fn its_hash_is_a_function_of_what_it_holds(changes in changes(), other in changes()) {
        let (mut map, mut known) = (Map::default(), BTreeMap::new());
        for change in &changes {
            std::hint::black_box(map.hash());
            apply(&mut map, &mut known, change);
        }
        let again: Map<Short, u8> = known.iter().rev().map(|(key, value)| (*key, *value)).collect();
        prop_assert_eq!(map.hash(), again.hash(), "whatever came first, and was there between");
        let (mut second, mut held) = (Map::default(), BTreeMap::new());
        other.iter().for_each(|change| apply(&mut second, &mut held, change));
        prop_assert_eq!(map.hash() == second.hash(), known == held);
    }

    #[test]
    fn a_set_holds_what_an_ordered_set_holds(keys in proptest::collection::vec(key(), 0..99)) {
        let known: BTreeSet<Short> = keys.iter().copied().collect();
        let mut set: Set<Short> = keys.iter().copied().collect();
        prop_assert!(set.iter().eq(&known) && set.len() == known.len());
        prop_assert_eq!(codec::encode(&set), codec::encode(&known));
        set.retain(|key| key.0[0] > 64);
        prop_assert!(set.iter().eq(known.iter().filter(|key| key.0[0] > 64)));
    }
}

#[test]
fn a_claimed_count_does_not_allocate() {
    let mut bytes = codec::encode(&Map::<Short, u8>::default());
    assert_eq!(bytes, [0]);
    bytes[0] = 252;
    bytes.extend([255; 4]);
    assert!(codec::decode::<Map<Short, u8>>(&bytes).is_err());
}
