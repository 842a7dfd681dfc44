//! Units of privacy: pseudonyms and draws that depend on one unit and a local secret alone.

use lore_protocol::payload::Unit;

/// A node's local secret, 32 bytes from the system's randomness, never shown.
pub struct LocalSecret([u8; 32]);

/// A keyed pseudonym of a user, a session, or the one person of a node. Means nothing without the secret, and stays local.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitId {
    kind: Unit,
    id: [u8; 32],
}

impl UnitId {
    /// Kind of unit that this stands for.
    #[must_use]
    pub const fn kind(&self) -> Unit {
        self.kind
    }
}

impl LocalSecret {
    /// The secret as the node keeps it.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The unit of one user of the node, by account name.
    #[must_use]
    pub fn user(&self, account: &str) -> UnitId {
        self.unit(Unit::User, account)
    }

    /// The unit of one session, by its local id.
    #[must_use]
    pub fn session(&self, session: &str) -> UnitId {
        self.unit(Unit::Session, session)
    }

    /// The unit of a personal node: everything on it, whatever account it was imported for.
    #[must_use]
    pub fn person(&self) -> UnitId {
        self.unit(Unit::Personal, "")
    }

    fn unit(&self, kind: Unit, name: &str) -> UnitId {
        let tag = match kind {
            Unit::User => "unit/user",
            Unit::Session => "unit/session",
            Unit::Personal => "unit/personal",
        };
        UnitId { kind, id: self.keyed(tag, &[name.as_bytes()]) }
    }

    /// A pseudo-random value for one unit's choice. It depends on nothing but the secret, the unit and
    /// `parts`, so that no unit's choice depends on another unit's data.
    pub(crate) fn draw(&self, tag: &str, unit: &UnitId, parts: &[&[u8]]) -> [u8; 32] {
        let mut all: Vec<&[u8]> = Vec::with_capacity(parts.len() + 1);
        all.push(&unit.id);
        all.extend_from_slice(parts);
        self.keyed(tag, &all)
    }

    fn keyed(&self, tag: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&(tag.len() as u64).to_le_bytes());
        hasher.update(tag.as_bytes());
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_stable_under_one_secret_and_unlinkable_under_another() {
        let (one, two) = (LocalSecret::from_bytes([1; 32]), LocalSecret::from_bytes([2; 32]));
        assert!(one.user("ada") == one.user("ada"));
        assert!(one.user("ada") != two.user("ada"));
        assert!(one.user("ada") != one.session("ada"));
    }
}
