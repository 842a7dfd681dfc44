//! From text to index terms.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

/// Words of English that say nothing about a topic, and those of asking.
const STOP: &str = "a about after all also am an and any are as at be because been before being both but \
    by can could did do does doing done each either else etc every few for from further get gets getting \
    give given go goes going had has have having he help her here hers him his how i if in into is isn it \
    its itself just kind let like ll lot make makes many may me might more most much must my need needs \
    neither no nor not now of off on once one only or other our out over own please re really same she \
    should so some something somehow still such t than that the their them then there these they thing \
    things this those through to too under until up us use used uses using ve very want wants was way we \
    were what when where which while who whole whom why will with within without would yes yet you your";

/// Longest term, in bytes; what is longer is no word.
const MAX_TERM_BYTES: usize = 40;

static STOPS: LazyLock<BTreeSet<&'static str>> =
    LazyLock::new(|| STOP.split_whitespace().collect());

/// The terms of a text in order: runs of letters and of digits, in lower case, stop words left out, each
/// by its stem (Porter's second English stemmer, snowballstem.org). An identifier gives its parts
/// (`pg_dump`, `--dry-run`, `camelCase`).
pub(super) fn terms(text: &str) -> impl Iterator<Item = String> + '_ {
    let stemmer = Stemmer::create(Algorithm::English);
    words(text).filter_map(move |word| {
        let lower = word.to_lowercase();
        let fits = lower.len() <= MAX_TERM_BYTES && !STOPS.contains(lower.as_str());
        // One letter tells nothing, and neither does one digit.
        (fits && lower.chars().count() > 1).then(|| stemmer.stem(&lower).into_owned())
    })
}

/// Runs of letters or digits; a capital after a small letter begins another.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric()).flat_map(humps)
}

fn humps(run: &str) -> impl Iterator<Item = &str> {
    let mut rest = run;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut before: Option<char> = None;
        let cut = rest.char_indices().find(|(_, c)| {
            let begins = before.is_some_and(|b| b.is_lowercase() && c.is_uppercase());
            before = Some(*c);
            begins
        });
        let (word, left) = rest.split_at(cut.map_or(rest.len(), |(at, _)| at));
        rest = left;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        terms(text).collect()
    }

    #[test]
    fn forms_of_a_word_are_one_term() {
        assert_eq!(of("migrating migrations migrated"), vec!["migrat"; 3]);
        assert_eq!(of("How do I use the Logs?"), ["log"]);
    }

    #[test]
    fn identifiers_give_their_parts() {
        assert_eq!(
            of("pg_dump --dry-run parseJson HTTP2"),
            ["pg", "dump", "dri", "run", "pars", "json", "http2"]
        );
    }

    #[test]
    fn what_is_no_word_is_left_out() {
        assert_eq!(of(&"x".repeat(41)), Vec::<String>::new());
        assert_eq!(of("... — \u{202e}\u{0} !"), Vec::<String>::new());
        assert_eq!(of("größer Ärger"), ["größer", "ärger"]);
    }
}
