//! Numbers that studies are calibrated from: a table that says of each whether it was measured or is assumed.
//!
//! The table is CSV with the columns `name,value,low,high,basis,source`, or JSON: a list of objects with these
//! fields. The committed one (`simulations/data/facts.csv`) stands for what a table of the user's leaves out.

use serde::{Deserialize, Serialize};

const SHIPPED: &str = include_str!("../../data/facts.csv");
const COLUMNS: [&str; 6] = ["name", "value", "low", "high", "basis", "source"];
/// Largest table that is read, in bytes.
const MAX_BYTES: usize = 1 << 20;

/// Why a table of facts was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// Not CSV with these columns, nor JSON with these fields.
    #[error("the facts do not parse: {0}; the columns are name,value,low,high,basis,source")]
    Parse(String),
    /// A name that no study reads.
    #[error("no study reads the fact `{0}`; see simulations/data/facts.csv for the names")]
    Unknown(String),
    /// A value that makes no sense.
    #[error("the fact `{0}` is {1}, but must be {2}")]
    Value(String, String, &'static str),
}

/// Origin of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Counted in data that the source names.
    Measured,
    /// Chosen.
    Assumed,
}

/// One number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// Name.
    pub name: String,
    /// Value.
    pub value: f64,
    /// Lower end of its range, when it has one.
    #[serde(default)]
    pub low: Option<f64>,
    /// Upper end.
    #[serde(default)]
    pub high: Option<f64>,
    /// Origin.
    pub basis: Basis,
    /// Data or document that it is from, or the reason for choosing it.
    pub source: String,
}

/// A whole table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    facts: Vec<Fact>,
}

impl Facts {
    /// The committed table.
    #[must_use]
    pub fn shipped() -> Self {
        // SAFETY: a constant file, parsed by the tests.
        #[allow(clippy::expect_used)]
        Self { facts: parse(SHIPPED).expect("the shipped facts can be read") }
    }

    /// A table of the user's, over the committed one.
    ///
    /// # Errors
    /// Fails when the text is no table, names what no study reads, or has a value out of range.
    pub fn read(text: &str) -> Result<Self, FactsError> {
        let mut all = Self::shipped();
        let given = parse(text)?;
        // A distribution is replaced as a whole.
        if given.iter().any(|fact| known_to(&fact.name).is_some()) {
            all.facts.retain(|fact| known_to(&fact.name).is_none());
        }
        for fact in given {
            let known = all.facts.iter_mut().find(|known| known.name == fact.name);
            match known {
                Some(known) => *known = fact,
                None if known_to(&fact.name).is_some() => all.facts.push(fact),
                None => return Err(FactsError::Unknown(fact.name)),
            }
        }
        Ok(all)
    }

    /// All facts, in the order of the table.
    #[must_use]
    pub fn all(&self) -> &[Fact] {
        &self.facts
    }

    /// The value of a fact; not a number when there is none of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> f64 {
        self.fact(name).map_or(f64::NAN, |fact| fact.value)
    }

    /// The range of a fact; its value twice when it has none.
    #[must_use]
    pub fn range(&self, name: &str) -> (f64, f64) {
        let Some(fact) = self.fact(name) else { return (f64::NAN, f64::NAN) };
        (fact.low.unwrap_or(fact.value), fact.high.unwrap_or(fact.value))
    }

    fn fact(&self, name: &str) -> Option<&Fact> {
        self.facts.iter().find(|fact| fact.name == name)
    }

    /// Prevalences of situations among strangers, one for each situation of the measured distribution, ascending.
    #[must_use]
    pub fn stranger_prevalences(&self) -> Vec<f64> {
        let counts = self.facts.iter().filter_map(|fact| Some((known_to(&fact.name)?, fact.value)));
        let mut found: Vec<f64> = counts
            .flat_map(|((people, of), situations)| {
                std::iter::repeat_n(f64::from(people) / f64::from(of), situations as usize)
            })
            .collect();
        found.sort_by(f64::total_cmp);
        found
    }

    /// The same distribution inside a community: its ends are the measured ones, its shape is taken over from
    /// strangers on a logarithmic scale, which is an assumption.
    #[must_use]
    pub fn community_prevalences(&self) -> Vec<f64> {
        let strangers = self.stranger_prevalences();
        let (Some(least), Some(most)) = (strangers.first(), strangers.last()) else {
            return Vec::new();
        };
        let (low, high) = self.range("community_prevalence");
        let span = (most / least).ln().max(f64::MIN_POSITIVE);
        let place = |prevalence: f64| (prevalence / least).ln() / span;
        strangers.iter().map(|one| low * (high / low).powf(place(*one))).collect()
    }
}

/// People who met a situation, and people who were looked at, of the name `known_to_3_of_60`.
fn known_to(name: &str) -> Option<(u32, u32)> {
    let (people, of) = name.strip_prefix("known_to_")?.split_once("_of_")?;
    let (people, of) = (people.parse().ok()?, of.parse().ok()?);
    (people > 0 && people <= of).then_some((people, of))
}

fn parse(text: &str) -> Result<Vec<Fact>, FactsError> {
    if text.len() > MAX_BYTES {
        return Err(FactsError::Parse("longer than 1 MiB".into()));
    }
    let facts = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(|error| FactsError::Parse(error.to_string()))?
    } else {
        from_csv(text)?
    };
    facts.iter().try_for_each(check)?;
    Ok(facts)
}

fn check(fact: &Fact) -> Result<(), FactsError> {
    let bad = |must| Err(FactsError::Value(fact.name.clone(), fact.value.to_string(), must));
    let all = [Some(fact.value), fact.low, fact.high];
    let counted = fact.name == "lessons_per_person" || known_to(&fact.name).is_some();
    let (most, must) =
        if counted { (10_000.0, "between 0 and 10,000") } else { (1.0, "between 0 and 1") };
    if all.into_iter().flatten().any(|value| !(0.0..=most).contains(&value)) {
        return bad(must);
    }
    if fact.low.is_some_and(|low| low > fact.value)
        || fact.high.is_some_and(|high| high < fact.value)
    {
        return bad("within its range");
    }
    Ok(())
}

fn from_csv(text: &str) -> Result<Vec<Fact>, FactsError> {
    let refused = |error: csv::Error| FactsError::Parse(error.to_string());
    let mut lines = csv::Reader::from_reader(text.as_bytes());
    if *lines.headers().map_err(refused)? != COLUMNS[..] {
        return Err(FactsError::Parse("the first line does not name the columns".into()));
    }
    lines.deserialize().collect::<Result<_, _>>().map_err(refused)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const HEAD: &str = "name,value,low,high,basis,source\n";

    #[test]
    fn the_shipped_table_says_what_was_measured() {
        let facts = Facts::shipped();
        assert_eq!(facts.range("community_prevalence"), (0.20, 0.56));
        assert_eq!(facts.range("stranger_prevalence"), (0.02, 0.20));
        assert!(facts.all().iter().all(|fact| !fact.source.is_empty()));
        let strangers = facts.stranger_prevalences();
        assert_eq!(strangers.len(), 126);
        assert!(strangers[0] > 0.03 && strangers[125] < 0.22, "{strangers:?}");
        let community = facts.community_prevalences();
        assert!((community[0] - 0.20).abs() < 1e-9 && (community[125] - 0.56).abs() < 1e-9);
    }

    #[test]
    fn a_table_of_the_users_replaces_what_it_names_in_csv_as_in_json() {
        let csv = format!(
            "{HEAD}follows,0.5,,,measured,\"our logs, May\"\nknown_to_2_of_9,3,,,measured,us\n"
        );
        let json = r#"[{"name":"follows","value":0.5,"basis":"measured","source":"our logs, May"},
            {"name":"known_to_2_of_9","value":3,"basis":"measured","source":"us"}]"#;
        for text in [csv.as_str(), json] {
            let facts = Facts::read(text).unwrap();
            assert_eq!((facts.value("follows"), facts.value("works")), (0.5, 0.9));
            assert_eq!(facts.stranger_prevalences(), [2.0 / 9.0; 3]);
        }
    }

    #[test]
    fn bad_input_is_named() {
        let read = |line: &str| Facts::read(&format!("{HEAD}{line}\n")).unwrap_err().to_string();
        assert!(read("folows,0.5,,,measured,x").contains("folows"));
        assert!(read("follows,1.5,,,measured,x").contains("between 0 and 1"));
        assert!(read("follows,0.5,0.6,0.7,measured,x").contains("within its range"));
        assert!(read("follows,0.5,,,guessed,x").contains("guessed"));
        assert!(read("follows,half,,,measured,x").contains("line: 2"));
        assert!(read("follows,0.5,,,measured").contains("line: 2"));
        assert!(Facts::read("a,b\n").unwrap_err().to_string().contains("name,value,low"));
    }
}
