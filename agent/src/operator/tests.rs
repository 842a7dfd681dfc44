#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::candidate::{quoted_commands, replace_word, url};
use super::knowledge::ratio;
use super::rules::{Situation, repairs};
use super::{http_rules, option_rules, path_rules};

fn offers(command: &str, output: &str, help: &str) -> Vec<(Option<String>, String)> {
    let situation = Situation {
        prompt: "the well is 12000 feet deep",
        command,
        output,
    };
    let offers = repairs(&situation, &mut |_| help.to_owned());
    let offers = offers.into_iter().flatten();
    offers.map(|offer| (offer.before, offer.command)).collect()
}

#[test]
fn every_pattern_compiles() {
    let all = [
        http_rules::patterns(),
        option_rules::patterns(),
        path_rules::patterns(),
    ];
    assert!(all.iter().flatten().all(|pattern| pattern.compiles()));
}

#[test]
fn words_are_replaced_whole() {
    assert_eq!(
        replace_word("lot plot lots lot=1", "lot", "batch"),
        "batch plot lots batch=1"
    );
    assert_eq!(replace_word("a=b=c", "=", "~"), "a~b~c");
    assert_eq!(replace_word("plain", "x", "y"), "plain");
}

#[test]
fn the_commands_of_a_prompt_and_the_parts_of_a_url_are_read() {
    assert_eq!(quoted_commands("do `a b` or ` c`, not ``"), ["a b", "c"]);
    assert_eq!(
        url("fetch http://127.0.0.1:80/x/y -o z").unwrap(),
        ("http://127.0.0.1:80/x/y".into(), "80".into(), "/x/y".into())
    );
}

#[test]
fn a_refused_connection_tries_what_listens() {
    let listing = "a-b   127.0.0.1:1234\nc-d   127.0.0.1:5678\n";
    let found = offers("fetch http://127.0.0.1:80/x", "connection refused", listing);
    assert_eq!(
        found,
        [
            (None, "fetch http://127.0.0.1:1234/x".into()),
            (None, "fetch http://127.0.0.1:5678/x".into())
        ]
    );
}

#[test]
fn a_value_in_another_unit_becomes_an_expression() {
    let said = "x: --depth '12000' refused: it is counted in whole steps of 25 millimetres";
    let found = offers("x add --depth 12000", said, "");
    assert_eq!(found[0].1, "x add --depth $((12000*1524/125))");
    assert_eq!(ratio("feet", "yards"), Some((1, 3)));
    assert_eq!(ratio("feet", "grams"), None);
}

#[test]
fn an_answer_without_a_hint_offers_nothing() {
    assert!(
        offers(
            "x add 1",
            "x: something is wrong",
            "usage: x\n  --y VALUE\n"
        )
        .is_empty()
    );
}
