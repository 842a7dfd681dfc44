//! The codebook: what a federation votes on before anybody's session spoke for it.

use std::collections::BTreeSet;

use super::check::ensure;
use crate::codec::{self, Decode, Encode};
use crate::ids::Hash;
use crate::lesson::Lesson;

/// Most lessons of a codebook.
pub const MAX_CODEBOOK: usize = 1024;

/// The first candidates of a federation: public lessons that are on its ballot before anybody found them. The
/// charter names them by [`Codebook::hash`], so that nothing learnt later has room here.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, serde::Serialize)]
pub struct Codebook {
    /// Sorted; none of them names a skill.
    pub lessons: Vec<Lesson>,
}

impl Codebook {
    /// The codebook of some lessons, each once.
    #[must_use]
    pub fn of(lessons: impl IntoIterator<Item = Lesson>) -> Self {
        let lessons: BTreeSet<Lesson> = lessons.into_iter().collect();
        Self { lessons: lessons.into_iter().collect() }
    }

    /// Hash by which a charter names it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::derive("commonlore/codebook/v1", &[&codec::encode(self)])
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        ensure(self.lessons.len() <= MAX_CODEBOOK, "a codebook is longer than it can be")?;
        ensure(self.lessons.is_sorted_by(|a, b| a < b), "lessons are sorted, none twice")?;
        let of_no_skill = self.lessons.iter().all(|lesson| lesson.skill().is_none());
        ensure(of_no_skill, "a lesson of a codebook names no skill")
    }
}
