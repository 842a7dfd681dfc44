//! How often the right skill is found as a library grows, and with one to four skills offered.
//!
//! The counts are kept in `simulations/data/routing.csv`, from which `lore-sim study routing` draws its curves. They are
//! written again with `LORE_WRITE_ROUTING=1`; without it a change of Select shows as a difference.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use lore_agent::select::{Index, Offer, SkillText};

use crate::quality::{queries, skills};

/// Sizes of the library; all skills are the last one.
const SIZES: [usize; 6] = [3, 5, 10, 20, 40, 78];
/// Libraries of each size, each of other skills. Of all skills there is one.
const DRAWS: u32 = 20;
/// Most skills that are offered.
const MOST: usize = 4;

/// The skills that one draw takes, by a hash that nobody chose.
fn drawn(all: &[SkillText], size: usize, draw: u32) -> Vec<SkillText> {
    let mut ranked: Vec<&SkillText> = all.iter().collect();
    ranked.sort_by_key(|skill| {
        let bytes = [skill.name.as_bytes(), &draw.to_le_bytes()].concat();
        *blake3::hash(&bytes).as_bytes()
    });
    ranked.into_iter().take(size).cloned().collect()
}

/// One line for each library: the queries that it can answer, those whose right skill is among the first one to four,
/// and the tokens that so many take on average.
fn table() -> String {
    let all = skills();
    let queries = queries();
    let mut text =
        String::from("skills,draw,queries,hit1,hit2,hit3,hit4,tokens1,tokens2,tokens3,tokens4\n");
    for size in SIZES {
        let draws = if size < all.len() { DRAWS } else { 1 };
        for draw in 0..draws {
            let library = drawn(&all, size, draw);
            let names: BTreeSet<String> = library.iter().map(|skill| skill.name.clone()).collect();
            let index = Index::new(library);
            let (mut asked, mut hits, mut tokens) = (0_u64, [0_u64; MOST], [0_u64; MOST]);
            // Only queries that no weight was chosen on.
            for query in queries.iter().filter(|query| query.set_aside) {
                if !query.right.iter().any(|name| names.contains(name)) {
                    continue;
                }
                asked += 1;
                let offered = index.search(&query.text, Offer { skills: MOST, tokens: u64::MAX });
                let place = offered.iter().position(|hit| query.right.contains(&hit.name));
                for count in 0..MOST {
                    hits[count] += u64::from(place.is_some_and(|place| place <= count));
                    tokens[count] +=
                        offered.iter().take(count + 1).map(|hit| hit.tokens).sum::<u64>();
                }
            }
            let mean = tokens.map(|sum| sum / asked.max(1));
            let numbers: Vec<String> = hits.iter().chain(&mean).map(u64::to_string).collect();
            let _ = writeln!(text, "{size},{draw},{asked},{}", numbers.join(","));
        }
    }
    text
}

#[test]
fn the_committed_routing_table_is_what_select_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../simulations/data/routing.csv");
    let made = table();
    if std::env::var_os("LORE_WRITE_ROUTING").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(made == kept, "Select routes otherwise: write it again with LORE_WRITE_ROUTING=1");
}
