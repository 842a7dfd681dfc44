//! The part of a ranking that is offered.

use std::sync::Arc;

use super::SkillText;

/// The limits of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// Most skills.
    pub skills: usize,
    /// Most estimated tokens, all together.
    pub tokens: u64,
}

impl Default for Offer {
    /// Three skills in 1,500 tokens: a small model does nearly as well with three as with the right one alone,
    /// and clearly worse with ten.
    fn default() -> Self {
        Self { skills: 3, tokens: 1500 }
    }
}

/// A skill that is offered.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its name.
    pub name: String,
    /// Score of the fit; comparable within one search only.
    pub score: f64,
    /// Estimated tokens of [`text`](Self::text).
    pub tokens: u64,
    /// True when all of it is offered; a text that does not fit the budget is offered by name and
    /// description.
    pub whole: bool,
    /// The skill.
    pub skill: Arc<SkillText>,
}

impl Hit {
    /// The text to show to a model.
    #[must_use]
    pub fn text(&self) -> String {
        if self.whole { self.skill.shown() } else { self.skill.summary() }
    }
}

/// Takes from the ranking, best first, what fits.
pub(super) fn offered(
    ranking: impl IntoIterator<Item = (f64, Arc<SkillText>)>,
    offer: Offer,
) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    let mut left = offer.tokens;
    for (score, skill) in ranking {
        if hits.len() == offer.skills {
            break;
        }
        let (all, line) = (skill.tokens(), skill.summary_tokens());
        let (tokens, whole) = if all <= left { (all, true) } else { (line, false) };
        if tokens > left {
            continue;
        }
        left -= tokens;
        hits.push(Hit { name: skill.name.clone(), score, tokens, whole, skill });
    }
    hits
}
