//! An ordered map that is cheap to copy and knows the hash of what it holds.
//!
//! A radix trie over the nibbles of the keys, path-compressed (Morrison 1968, "PATRICIA"), with shared nodes: a copy
//! costs one pointer, and a change copies the path to one leaf (Driscoll, Sarnak, Sleator and Tarjan 1989, "Making data
//! structures persistent"). Its shape is a function of the keys alone, so each node can carry the hash of all below
//! it, as in a Merkle tree, and equal contents have equal hashes whatever came first.
//!
//! Keys are hashes, so a path is about `log16 n` long; to make it one nibble longer, an attacker has to find ids that
//! share four more bits.

mod node;
mod set;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

pub use set::Set;

use crate::codec::{
    BorrowDecode, BorrowDecoder, Decode, DecodeFault, Decoder, Encode, EncodeFault, Encoder,
};
use crate::ids::Hash;
use node::Node;

/// A key: bytes of one length for all keys of a type, in the order of the keys.
pub trait Key: Copy + Ord {
    /// The bytes.
    type Bytes: AsRef<[u8]>;

    /// This key as bytes.
    fn bytes(&self) -> Self::Bytes;
}

/// A value with the bytes that its hash is made of.
pub trait Content: Clone {
    /// Bytes that are equal exactly for equal values.
    fn content(&self) -> Vec<u8>;
}

/// A map. See the module's documentation.
#[derive(Clone)]
pub struct Map<K, V> {
    root: Option<Arc<Node<K, V>>>,
    len: usize,
}

impl<K: Key, V: Content> Map<K, V> {
    /// Number of keys.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns true when there are no keys.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Hash of all keys and values; zero for none.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.root.as_ref().map_or(Hash::ZERO, |root| root.hash())
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<&V> {
        self.root.as_ref()?.get(key)
    }

    /// Returns true when the key has a value.
    #[must_use]
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        // Looked for first: the path is copied only when there is something to change.
        self.get(key)?;
        node::get_mut(self.root.as_mut()?, key)
    }

    /// The value of a key, which is put there when there is none.
    pub fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        if !self.contains_key(&key) {
            self.insert(key, value());
        }
        // SAFETY: the key is there.
        #[allow(clippy::expect_used)]
        self.get_mut(&key).expect("the key was inserted")
    }

    /// Sets the value of a key; gives the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let before = match &mut self.root {
            Some(root) => node::insert(root, key, value),
            root => {
                *root = Some(Arc::new(Node::leaf(key, value)));
                None
            }
        };
        self.len += usize::from(before.is_none());
        before
    }

    /// Removes a key; gives its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.get(key)?;
        let removed = node::remove(&mut self.root, key)?;
        self.len -= 1;
        Some(removed)
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Keys with their values, in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { open: self.root.as_deref().into_iter().collect() }
    }

    /// Keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// Values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Replaces the values for which `change` gives another one.
    pub fn edit(&mut self, mut change: impl FnMut(&K, &V) -> Option<V>) {
        let changed = self.iter().filter_map(|(key, value)| Some((*key, change(key, value)?)));
        let changed: Vec<(K, V)> = changed.collect();
        self.extend(changed);
    }

    /// Leaves the keys of which `stays` says so.
    pub fn retain(&mut self, mut stays: impl FnMut(&K, &V) -> bool) {
        let goes: Vec<K> = self.iter().filter(|(k, v)| !stays(k, v)).map(|(k, _)| *k).collect();
        for key in goes {
            self.remove(&key);
        }
    }
}

impl<K: Key, V: Content + Default> Map<K, V> {
    /// The value of a key, which is the default when there is none.
    pub fn or_default(&mut self, key: K) -> &mut V {
        self.get_or_insert_with(key, V::default)
    }
}

/// Keys with their values, in order.
pub struct Iter<'a, K, V> {
    /// Nodes whose leaves come next, the last first.
    open: Vec<&'a Node<K, V>>,
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.open.pop()?.parts() {
                node::Parts::Leaf(key, value) => return Some((key, value)),
                node::Parts::Branch(children) => {
                    self.open.extend(children.iter().rev().map(|(_, child)| &**child));
                }
            }
        }
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self { root: None, len: 0 }
    }
}

impl<K: Key, V: Content + PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Key, V: Content + Eq> Eq for Map<K, V> {}

impl<K: Key + fmt::Debug, V: Content + fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Key, V: Content> Index<&K> for Map<K, V> {
    type Output = V;

    /// # Panics
    /// Panics when the key has no value.
    #[allow(clippy::expect_used)]
    fn index(&self, key: &K) -> &V {
        // SAFETY: as for every map of the standard library, the caller vouches for the key.
        self.get(key).expect("the key has a value")
    }
}

impl<'a, K: Key, V: Content> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Key, V: Content> Extend<(K, V)> for Map<K, V> {
    fn extend<T: IntoIterator<Item = (K, V)>>(&mut self, pairs: T) {
        for (key, value) in pairs {
            self.insert(key, value);
        }
    }
}

impl<K: Key, V: Content> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(pairs: T) -> Self {
        let mut map = Self::default();
        map.extend(pairs);
        map
    }
}

/// Pairs in order, after their number, as the codec writes every map.
impl<K: Key + Encode, V: Content + Encode> Encode for Map<K, V> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeFault> {
        (self.len as u64).encode(encoder)?;
        self.iter().try_for_each(|(key, value)| {
            key.encode(encoder)?;
            value.encode(encoder)
        })
    }
}

impl<Context, K: Key + Decode<Context>, V: Content + Decode<Context>> Decode<Context>
    for Map<K, V>
{
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeFault> {
        let count = u64::decode(decoder)?;
        let mut map = Self::default();
        for _ in 0..count {
            decoder.claim_bytes_read(1)?;
            map.insert(K::decode(decoder)?, V::decode(decoder)?);
        }
        Ok(map)
    }
}

impl<'de, Context, K: Key + Decode<Context>, V: Content + Decode<Context>>
    BorrowDecode<'de, Context> for Map<K, V>
{
    fn borrow_decode<D: BorrowDecoder<'de, Context = Context>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeFault> {
        Self::decode(decoder)
    }
}
