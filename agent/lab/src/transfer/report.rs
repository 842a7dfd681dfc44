//! What a measure of transfer says, for programs and for people.

use std::fmt;

use serde::Serialize;

/// Transfer of one measure.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// People.
    pub people: usize,
    /// Their sessions.
    pub sessions: usize,
    /// Calls in them.
    pub calls: usize,
    /// Failing calls, the first of each situation and session.
    pub failures: usize,
    /// Those after which something was seen to work.
    pub repaired: usize,
    /// By the person's own earlier sessions.
    pub own: Arm,
    /// The same, for failures that the person met in an earlier session.
    pub repeated: Arm,
    /// By all lessons of all other people, without a release.
    pub others: Arm,
    /// By the codebook alone.
    pub codebook: Arm,
    /// By releases of half of the people, with the codebook, judged on the other half.
    pub released: Vec<Released>,
    /// Distinct keys of all people.
    pub distinct_keys: usize,
    /// Keys of more than one person, to be read by a person.
    pub keys: Vec<String>,
}

/// Failing calls that one source of lessons would have answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Arm {
    /// Failing calls.
    pub failures: usize,
    /// Of these, with a hint.
    pub hinted: usize,
    /// Failing calls after which something was seen to work.
    pub repaired: usize,
    /// Of these, with a hint.
    pub hinted_repaired: usize,
    /// Of these, whose hint says what then worked.
    pub agreed: usize,
}

/// One budget.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Released {
    /// Epsilon of the period; delta is 1e-6.
    pub epsilon: f64,
    /// Number of lessons that each half discovers, of those that are not on the ballot.
    pub discovered: Vec<usize>,
    /// Candidates of the codebook whose votes in each half alone are above three deviations of their noise.
    pub voted: Vec<usize>,
    /// Candidates on which votes are pooled over both halves.
    pub candidates: usize,
    /// Of these, the ones whose pooled votes are above three deviations of their noise.
    pub candidates_voted: usize,
    /// Number of lessons that each half would discover in a federation without a codebook.
    pub without_codebook: Vec<usize>,
    /// What both halves discovered or voted for beyond its noise, each once.
    pub keys: Vec<String>,
    /// What they would have answered.
    pub arm: Arm,
}

/// A share in percent; nothing of nothing is nothing.
fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

impl Arm {
    /// Share of failing calls with a hint, in percent.
    #[must_use]
    pub fn anticipated_percent(&self) -> f64 {
        percent(self.hinted, self.failures)
    }

    /// Share of hints that say what then worked, of those where something did, in percent.
    #[must_use]
    pub fn agreement_percent(&self) -> f64 {
        percent(self.agreed, self.hinted_repaired)
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:5.1} % of {} failures hinted, {:5.1} % of {} repaired; agreement {:5.1} % of {}",
            self.anticipated_percent(),
            self.failures,
            percent(self.hinted_repaired, self.repaired),
            self.repaired,
            self.agreement_percent(),
            self.hinted_repaired
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} people, {} sessions, {} calls; {} failures, {} repaired; {} distinct keys",
            self.people,
            self.sessions,
            self.calls,
            self.failures,
            self.repaired,
            self.distinct_keys
        )?;
        writeln!(f, "own, earlier sessions only   {}", self.own)?;
        writeln!(f, "  of repeated failures       {}", self.repeated)?;
        writeln!(f, "others, without a release    {}", self.others)?;
        writeln!(f, "codebook alone               {}", self.codebook)?;
        for one in &self.released {
            writeln!(f, "released at epsilon {:<3}      {}", one.epsilon, one.arm)?;
            writeln!(
                f,
                "  each half                  {:?} candidates voted for, {:?} lessons discovered; without a codebook {:?}",
                one.voted, one.discovered, one.without_codebook
            )?;
            writeln!(
                f,
                "  votes of both              on {} candidates, beyond their noise on {}",
                one.candidates, one.candidates_voted
            )?;
        }
        let hints = self.own.hinted.max(self.others.hinted) as f64 / self.sessions.max(1) as f64;
        writeln!(f, "at most {hints:.2} hints a session")?;
        writeln!(f, "keys of more than one person, to be read:")?;
        for key in &self.keys {
            writeln!(f, "  {key}")?;
        }
        Ok(())
    }
}
