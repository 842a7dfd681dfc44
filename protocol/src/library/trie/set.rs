//! Keys without values.

use std::fmt;

use super::{Content, Key, Map};
use crate::codec::{
    BorrowDecode, BorrowDecoder, Decode, DecodeFault, Decoder, Encode, EncodeFault, Encoder,
};
use crate::ids::Hash;

impl Content for () {
    fn content(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// A set: a [`Map`] without values.
#[derive(Clone)]
pub struct Set<K>(Map<K, ()>);

impl<K: Key> Set<K> {
    /// Number of keys.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true when there are no keys.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hash of all keys; zero for none.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.0.hash()
    }

    /// Returns true when the key is in the set.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }

    /// Adds a key; returns true when it was not there.
    pub fn insert(&mut self, key: K) -> bool {
        !self.contains(&key) && self.0.insert(key, ()).is_none()
    }

    /// Removes a key; returns true when it was there.
    pub fn remove(&mut self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }

    /// Keys, in order.
    pub fn iter(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// Leaves the keys of which `stays` says so.
    pub fn retain(&mut self, mut stays: impl FnMut(&K) -> bool) {
        self.0.retain(|key, ()| stays(key));
    }
}

impl<K> Default for Set<K> {
    fn default() -> Self {
        Self(Map::default())
    }
}

impl<K: Key> PartialEq for Set<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K: Key> Eq for Set<K> {}

impl<K: Key + fmt::Debug> fmt::Debug for Set<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<K: Key> Extend<K> for Set<K> {
    fn extend<T: IntoIterator<Item = K>>(&mut self, keys: T) {
        for key in keys {
            self.insert(key);
        }
    }
}

impl<K: Key> FromIterator<K> for Set<K> {
    fn from_iter<T: IntoIterator<Item = K>>(keys: T) -> Self {
        let mut set = Self::default();
        set.extend(keys);
        set
    }
}

impl<K: Key + Encode> Encode for Set<K> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeFault> {
        (self.len() as u64).encode(encoder)?;
        self.iter().try_for_each(|key| key.encode(encoder))
    }
}

impl<Context, K: Key + Decode<Context>> Decode<Context> for Set<K> {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> Result<Self, DecodeFault> {
        let count = u64::decode(decoder)?;
        let mut set = Self::default();
        for _ in 0..count {
            decoder.claim_bytes_read(1)?;
            set.insert(K::decode(decoder)?);
        }
        Ok(set)
    }
}

impl<'de, Context, K: Key + Decode<Context>> BorrowDecode<'de, Context> for Set<K> {
    fn borrow_decode<D: BorrowDecoder<'de, Context = Context>>(
        decoder: &mut D,
    ) -> Result<Self, DecodeFault> {
        Self::decode(decoder)
    }
}
