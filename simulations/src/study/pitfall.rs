//! Situations of the simulation, each with remedies that are rivals, as lessons of the public grammar.

use lore_lessons::{Remedy, Situation, key_of};
use lore_protocol::lesson::{ErrorClass, Lesson};

use super::StudyError;

/// A situation and its remedies.
#[derive(Debug, Clone)]
pub struct Pitfall {
    /// What fails.
    pub situation: Situation,
    /// Remedies that exist, of which one works for a person at a time.
    pub remedies: Vec<Lesson>,
}

impl Pitfall {
    /// The `number`-th situation of a world, with so many remedies: an option of a tool that is known by other
    /// names.
    ///
    /// # Errors
    /// Fails when the grammar refuses it.
    pub fn new(number: u32, remedies: u32) -> Result<Self, StudyError> {
        let situation = Situation {
            program: format!("tool-{number}"),
            public: true,
            class: ErrorClass::UnknownOption,
            word: Some(format!("--option-{number}")),
            message: String::new(),
        };
        let remedy = |n: u32| {
            let old = format!("--option-{number}");
            let remedy = Remedy::Replace { old, new: format!("--name-{n}") };
            key_of(&situation, &remedy, true).ok_or(StudyError::Lesson)
        };
        let remedies = (0..remedies).map(remedy).collect::<Result<_, _>>()?;
        Ok(Self { situation, remedies })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use lore_lessons::is_shaped;

    use super::*;

    #[test]
    fn situations_differ_and_their_remedies_may_be_hinted() {
        let [one, two] = [0, 1].map(|n| Pitfall::new(n, 3).unwrap());
        assert_ne!(one.situation, two.situation);
        assert!(one.remedies.iter().chain(&two.remedies).all(is_shaped));
        assert_eq!(one.remedies[0].trigger(), one.remedies[2].trigger(), "rivals");
    }
}
