//! Every kind of record that a node keeps: the one list of what is in its store.

use crate::Table;

/// Kind of a record. Its key is the kind's prefix and a suffix that names the record within its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// A delta that its federation's log accepted.
    Delta,
    /// An entry of the privacy ledger.
    LedgerEntry,
    /// Number of entries of the ledger and the hash of the last one.
    LedgerHead,
    /// A private session.
    Session,
    /// What a private session teaches, kept beside it.
    Digest,
    /// Number of sessions that a user has here.
    SessionCount,
    /// Number of conversations that a user has here.
    ConversationCount,
    /// The conversation of a user that a mark belongs to.
    Conversation,
    /// The session of a user that holds a turn.
    Turn,
    /// Times when a session came here and when it began.
    SessionArrived,
    /// Keyed hash of a session that was deleted, so that it does not come back by itself.
    Forgotten,
    /// A federation's signed charter.
    Charter,
    /// Time when this node came to a federation.
    JoinedAt,
    /// Time when the checkpoint that opened the open epoch came in.
    EpochOpenedAt,
    /// The epoch in which a restored node releases again.
    ReleasesAgainAt,
    /// RotateKey by which this node took over a member's chain, and whether its ledger knows the chain.
    TakenOver,
    /// Key of the member that invited this node.
    Inviter,
    /// Addresses that a peer listens on.
    PeerAddresses,
    /// An invitation that this node gave.
    Invitation,
    /// An entry of the owner's deny-list.
    DenyEntry,
    /// Number of changes of the deny-list.
    DenyEdits,
    /// Number of its changes when this node came to a federation.
    DenyEditsAtJoin,
    /// A text that a person agreed to publish, while its delay runs.
    WaitingText,
    /// Files of a text that a person agreed to publish, while its delay runs.
    WaitingFiles,
    /// A file of a revision.
    Blob,
    /// Length of a file that is here.
    BlobLength,
    /// A person's decision about an item of the library.
    ShelfItem,
    /// A person's decision about an author.
    ShelfAuthor,
    /// The version of a skill that a person holds fast.
    ShelfPin,
    /// Releases that one unit of privacy has fed so far.
    Participation,
    /// Proof of the key of private records, and whether all of them are encrypted.
    DataKey,
    /// A user whose agents' directories are followed.
    Watch,
    /// The state in which a file of an agent was read.
    WatchedFile,
    /// A user's group of own devices.
    DeviceGroup,
    /// Own lessons that a device of a user gave.
    DeviceLessons,
    /// A line with which another device of a user may join.
    DeviceLine,
    /// Secret from which pseudonyms of users and draws are derived.
    LocalSecret,
    /// Addresses that this node listened on last.
    Listening,
    /// Head of the hash chain of synced batches.
    StoreHead,
    /// Layout of the store.
    StoreSchema,
    /// Directory that the store was made in.
    StorePlace,
    /// Mark that the store was repaired or restored, and peers were not asked since.
    StoreRecovery,
}

impl RecordKind {
    /// Every kind, in a fixed order.
    pub const ALL: [Self; 42] = [
        Self::Delta,
        Self::LedgerEntry,
        Self::LedgerHead,
        Self::Session,
        Self::Digest,
        Self::SessionCount,
        Self::ConversationCount,
        Self::Conversation,
        Self::Turn,
        Self::SessionArrived,
        Self::Forgotten,
        Self::Charter,
        Self::JoinedAt,
        Self::EpochOpenedAt,
        Self::ReleasesAgainAt,
        Self::TakenOver,
        Self::Inviter,
        Self::PeerAddresses,
        Self::Invitation,
        Self::DenyEntry,
        Self::DenyEdits,
        Self::DenyEditsAtJoin,
        Self::WaitingText,
        Self::WaitingFiles,
        Self::Blob,
        Self::BlobLength,
        Self::ShelfItem,
        Self::ShelfAuthor,
        Self::ShelfPin,
        Self::Participation,
        Self::DataKey,
        Self::Watch,
        Self::WatchedFile,
        Self::DeviceGroup,
        Self::DeviceLessons,
        Self::DeviceLine,
        Self::LocalSecret,
        Self::Listening,
        Self::StoreHead,
        Self::StoreSchema,
        Self::StorePlace,
        Self::StoreRecovery,
    ];

    /// Table and prefix of the keys. Never changed: they are part of the layout.
    const fn place(self) -> (Table, &'static str) {
        match self {
            Self::Delta => (Table::Deltas, ""),
            Self::LedgerEntry => (Table::Ledger, "entry/"),
            Self::LedgerHead => (Table::Ledger, "head"),
            Self::Session => (Table::Sessions, ""),
            Self::Digest => (Table::Settings, "digest/"),
            Self::SessionCount => (Table::Settings, "session-count/"),
            Self::ConversationCount => (Table::Settings, "conversation-count/"),
            Self::Conversation => (Table::Settings, "conversation/"),
            Self::Turn => (Table::Settings, "turn/"),
            Self::SessionArrived => (Table::Settings, "session-arrived/"),
            Self::Forgotten => (Table::Settings, "forgotten/"),
            Self::Charter => (Table::Settings, "charter/"),
            Self::JoinedAt => (Table::Settings, "joined-at/"),
            Self::EpochOpenedAt => (Table::Settings, "epoch-opened-at/"),
            Self::ReleasesAgainAt => (Table::Settings, "releases-again-at/"),
            Self::TakenOver => (Table::Settings, "taken-over/"),
            Self::Inviter => (Table::Settings, "inviter/"),
            Self::PeerAddresses => (Table::Settings, "peer/"),
            Self::Invitation => (Table::Settings, "invitation/"),
            Self::DenyEntry => (Table::Settings, "deny/"),
            Self::DenyEdits => (Table::Settings, "deny-edits"),
            Self::DenyEditsAtJoin => (Table::Settings, "deny-at-join/"),
            Self::WaitingText => (Table::Settings, "waiting-text/"),
            Self::WaitingFiles => (Table::Settings, "waiting-files/"),
            Self::Blob => (Table::Blobs, "bytes/"),
            Self::BlobLength => (Table::Blobs, "length/"),
            Self::ShelfItem => (Table::Settings, "shelf/item/"),
            Self::ShelfAuthor => (Table::Settings, "shelf/author/"),
            Self::ShelfPin => (Table::Settings, "shelf/pin/"),
            Self::Participation => (Table::Settings, "participation/"),
            Self::DataKey => (Table::Settings, "data-key"),
            Self::Watch => (Table::Settings, "watch/"),
            Self::WatchedFile => (Table::Settings, "watched-file/"),
            Self::DeviceGroup => (Table::Settings, "device-group/"),
            Self::DeviceLessons => (Table::Settings, "device-lessons/"),
            Self::DeviceLine => (Table::Settings, "device-line/"),
            Self::LocalSecret => (Table::Settings, "local-secret"),
            Self::Listening => (Table::Settings, "listening"),
            Self::StoreHead => (Table::Settings, "\0head"),
            Self::StoreSchema => (Table::Settings, "\0schema"),
            Self::StorePlace => (Table::Settings, "\0place"),
            Self::StoreRecovery => (Table::Settings, "\0recovery"),
        }
    }

    /// The table that holds it.
    #[must_use]
    pub const fn table(self) -> Table {
        self.place().0
    }

    /// Prefix of every key of this kind.
    #[must_use]
    pub const fn prefix(self) -> &'static [u8] {
        self.place().1.as_bytes()
    }

    /// The name of the kind, as the documentation lists it.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// The whole key of a record.
    #[must_use]
    pub fn key(self, suffix: &[u8]) -> Vec<u8> {
        [self.prefix(), suffix].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_in_the_documentation_with_its_table() {
        let docs = include_str!("../../../docs/architecture.md");
        for kind in RecordKind::ALL {
            let row = format!("| `{}` | {} |", kind.name(), kind.table().name());
            assert!(docs.contains(&row), "docs/architecture.md lacks {row}");
        }
    }

    #[test]
    fn no_kind_is_found_under_the_prefix_of_another() {
        for one in RecordKind::ALL {
            for other in RecordKind::ALL {
                let same_table = one != other && one.table() == other.table();
                assert!(
                    !same_table || !other.prefix().starts_with(one.prefix()),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
