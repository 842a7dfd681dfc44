//! Nodes of the trie: a leaf holds a key and its value, a branch the sub-tries that differ at one nibble.

use std::sync::{Arc, OnceLock};

use super::{Content, Key};
use crate::ids::Hash;

const LEAF_TAG: &str = "commonlore/trie-leaf/v1";
const BRANCH_TAG: &str = "commonlore/trie-branch/v1";

#[derive(Clone)]
pub(super) struct Node<K, V> {
    kind: Kind<K, V>,
    /// Of all below; empty until it is asked for.
    hash: OnceLock<Hash>,
}

#[derive(Clone)]
enum Kind<K, V> {
    Leaf(K, V),
    /// Keys below are equal before nibble `at`. At least two children, by their nibble there.
    Branch {
        at: usize,
        children: Children<K, V>,
    },
}

type Children<K, V> = Vec<(u8, Arc<Node<K, V>>)>;

/// What a node is, to be walked.
pub(super) enum Parts<'a, K, V> {
    Leaf(&'a K, &'a V),
    Branch(&'a [(u8, Arc<Node<K, V>>)]),
}

/// The nibble of a key at a place, the high one of each byte first; 0 behind its end.
fn nibble(bytes: &[u8], at: usize) -> u8 {
    let byte = bytes.get(at / 2).copied().unwrap_or(0);
    if at.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}

/// First nibble in which two keys differ; none for equal keys.
fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    let byte = a.iter().zip(b).position(|(a, b)| a != b)?;
    let high = (a.get(byte)? ^ b.get(byte)?) >> 4 != 0;
    Some(2 * byte + usize::from(!high))
}

impl<K, V> Node<K, V> {
    pub(super) const fn leaf(key: K, value: V) -> Self {
        Self { kind: Kind::Leaf(key, value), hash: OnceLock::new() }
    }

    pub(super) fn parts(&self) -> Parts<'_, K, V> {
        match &self.kind {
            Kind::Leaf(key, value) => Parts::Leaf(key, value),
            Kind::Branch { children, .. } => Parts::Branch(children),
        }
    }
}

impl<K: Key, V: Content> Node<K, V> {
    pub(super) fn hash(&self) -> Hash {
        *self.hash.get_or_init(|| match &self.kind {
            Kind::Leaf(key, value) => {
                Hash::derive(LEAF_TAG, &[key.bytes().as_ref(), &value.content()])
            }
            Kind::Branch { at, children } => {
                let mut bytes = Vec::with_capacity(2 + 33 * children.len());
                bytes.extend_from_slice(&u16::try_from(*at).unwrap_or(u16::MAX).to_le_bytes());
                for (nibble, child) in children {
                    bytes.push(*nibble);
                    bytes.extend_from_slice(child.hash().as_bytes());
                }
                Hash::derive(BRANCH_TAG, &[&bytes])
            }
        })
    }

    /// The leaf that a key would be at, or any one below the place where it would branch off.
    fn nearest(&self, key: &[u8]) -> (&K, &V) {
        let mut node = self;
        loop {
            match &node.kind {
                Kind::Leaf(key, value) => return (key, value),
                Kind::Branch { at, children } => {
                    let place = place_of(children, nibble(key, *at)).unwrap_or(0);
                    node = &children[place].1;
                }
            }
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let (found, value) = self.nearest(key.bytes().as_ref());
        (found == key).then_some(value)
    }
}

fn place_of<K, V>(children: &Children<K, V>, nibble: u8) -> Result<usize, usize> {
    children.binary_search_by_key(&nibble, |(nibble, _)| *nibble)
}

/// A node of this trie alone, whose hash is to be computed again.
fn changed<K: Key, V: Content>(node: &mut Arc<Node<K, V>>) -> &mut Node<K, V> {
    let node = Arc::make_mut(node);
    node.hash.take();
    node
}

/// The value of a key that is there.
pub(super) fn get_mut<'a, K: Key, V: Content>(
    mut node: &'a mut Arc<Node<K, V>>,
    key: &K,
) -> Option<&'a mut V> {
    let bytes = key.bytes();
    loop {
        match &mut changed(node).kind {
            Kind::Leaf(_, value) => return Some(value),
            Kind::Branch { at, children } => {
                let place = place_of(children, nibble(bytes.as_ref(), *at)).ok()?;
                node = &mut children.get_mut(place)?.1;
            }
        }
    }
}

/// Sets the value of a key; gives the one before.
pub(super) fn insert<K: Key, V: Content>(
    mut node: &mut Arc<Node<K, V>>,
    key: K,
    value: V,
) -> Option<V> {
    let bytes = key.bytes();
    let bytes = bytes.as_ref();
    let difference = first_difference(node.nearest(bytes).0.bytes().as_ref(), bytes);
    // Down to the sub-trie whose keys all differ from the key at that nibble.
    loop {
        let branches_before = match (&node.kind, difference) {
            (Kind::Leaf(..), difference) => difference,
            (Kind::Branch { at, .. }, Some(difference)) if *at > difference => Some(difference),
            (Kind::Branch { .. }, _) => None,
        };
        if let Some(at) = branches_before {
            let there = nibble(node.nearest(bytes).0.bytes().as_ref(), at);
            let mut children = vec![
                (there, Arc::clone(node)),
                (nibble(bytes, at), Arc::new(Node::leaf(key, value))),
            ];
            children.sort_unstable_by_key(|(nibble, _)| *nibble);
            *node = Arc::new(Node { kind: Kind::Branch { at, children }, hash: OnceLock::new() });
            return None;
        }
        match &mut changed(node).kind {
            Kind::Leaf(_, held) => return Some(std::mem::replace(held, value)),
            Kind::Branch { at, children } => match place_of(children, nibble(bytes, *at)) {
                Ok(place) => node = &mut children[place].1,
                Err(place) => {
                    let leaf = Arc::new(Node::leaf(key, value));
                    children.insert(place, (nibble(bytes, *at), leaf));
                    return None;
                }
            },
        }
    }
}

/// Removes a key that is there; gives its value.
pub(super) fn remove<K: Key, V: Content>(root: &mut Option<Arc<Node<K, V>>>, key: &K) -> Option<V> {
    let bytes = key.bytes();
    let node = root.as_mut()?;
    if matches!(node.kind, Kind::Leaf(..)) {
        return value_of(root.take()?);
    }
    remove_below(node, bytes.as_ref())
}

fn value_of<K: Key, V: Content>(leaf: Arc<Node<K, V>>) -> Option<V> {
    match Arc::unwrap_or_clone(leaf).kind {
        Kind::Leaf(_, value) => Some(value),
        Kind::Branch { .. } => None,
    }
}

/// A branch that keeps one child becomes that child.
fn remove_below<K: Key, V: Content>(mut node: &mut Arc<Node<K, V>>, key: &[u8]) -> Option<V> {
    loop {
        let Kind::Branch { at, children } = &mut changed(node).kind else { return None };
        let place = place_of(children, nibble(key, *at)).ok()?;
        if matches!(children[place].1.kind, Kind::Branch { .. }) {
            // Borrowed again, since the loop goes on with it.
            let Kind::Branch { children, .. } = &mut changed(node).kind else { return None };
            node = &mut children.get_mut(place)?.1;
            continue;
        }
        let (_, leaf) = children.remove(place);
        let last = if children.len() == 1 { children.pop() } else { None };
        if let Some((_, last)) = last {
            *node = last;
        }
        return value_of(leaf);
    }
}
