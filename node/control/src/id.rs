//! Ids as hexadecimal text. They are compared and printed here, never parsed.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id that a value prints.
            #[must_use]
            pub fn of(id: impl fmt::Display) -> Self {
                Self(id.to_string())
            }

            /// All digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The first eight digits, for people.
            #[must_use]
            pub fn short(&self) -> &str {
                self.0.get(..8).unwrap_or(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(/// A federation: 64 hexadecimal digits.
    FederationId);
id!(/// A member of a federation: 64 hexadecimal digits.
    MemberId);
id!(/// A node's public key: 64 hexadecimal digits.
    PublicKey);
id!(/// A delta: 64 hexadecimal digits.
    DeltaId);
id!(/// A skill: 64 hexadecimal digits.
    SkillId);
id!(/// A revision of a skill: 64 hexadecimal digits.
    RevisionId);
id!(/// A lesson: 64 hexadecimal digits.
    LessonId);
id!(/// A BLAKE3 hash, such as a library root: 64 hexadecimal digits.
    Hash);
