#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use super::Skills;
use super::candidate::{last_program, quoted_commands, replace_word, url};
use super::knowledge::ratio;
use super::rules::{Situation, repairs};
use super::{http_rules, option_rules, path_rules, shell_rules, value_rules};

fn offers(command: &str, output: &str, help: &str) -> Vec<(Option<String>, String)> {
    let situation = Situation { prompt: "the well is 12000 feet deep", command, output };
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
        shell_rules::patterns(),
        value_rules::patterns(),
    ];
    assert!(all.iter().flatten().all(|pattern| pattern.compiles()));
}

#[test]
fn words_are_replaced_whole() {
    assert_eq!(replace_word("lot plot lots lot=1", "lot", "batch"), "batch plot lots batch=1");
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
fn the_last_program_of_a_line_is_the_one_that_it_is_about() {
    for (line, program) in [
        ("ship a -o b", Some("ship")),
        ("rm a/b && X=1 ship a", Some("ship")),
        ("ship a --id $(printf %s a | md5sum | cut -c1-8) -o b", Some("ship")),
        ("printf 'a;b %s' \"$(ls | wc -l)\" > x; mlint x", Some("mlint")),
        ("ship a &", Some("ship")),
        ("", None),
    ] {
        assert_eq!(last_program(line), program, "{line}");
    }
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
fn values_to_compute_become_expressions() {
    let said = |wish: &str| format!("x: --n '4711' refused: it is {wish}");
    for (wish, expression) in [
        ("written as DD.MON.YYYY", "$(date -d 4711 +%d.%b.%Y)"),
        ("written as YY~MM~DD", "$(date -d 4711 '+%y~%m~%d')"),
        ("counted from 12 in octal", "$(printf %o $((4711-12)))"),
        ("counted from 12", "$((4711-12))"),
        ("followed by a dash and its remainder by 37", "4711-$((4711%37))"),
    ] {
        let found = offers("x add --n 4711", &said(wish), "");
        assert_eq!(found[0].1, format!("x add --n {expression}"));
    }
}

#[test]
fn how_a_command_is_run_is_repaired() {
    for (said, command) in [
        ("variable SITE_A is not set", "SITE_A=yes x a && y b -o c.txt"),
        ("must be run in the directory a/b, sir", "cd a/b && x a && y b -o \"$OLDPWD/c.txt\""),
        ("exit status 17 means success", "x a; [ $? -eq 17 ] && y b -o c.txt"),
        ("missing required option --q", "x a && y b -o c.txt --q yes"),
    ] {
        assert_eq!(offers("x a && y b -o c.txt", said, ""), [(None, command.to_owned())]);
    }
    assert_eq!(offers("xargs x < a", "batches of 7", "")[0].1, "xargs -n 7 x < a");
    let help = "  --help\n  --now  do it\n";
    let found = offers("x a", "dry run, see x --help\nb was not written", help);
    assert_eq!(found, [(None, "x a --now".to_owned())]);
}

#[test]
fn a_file_is_put_right_before() {
    let said = "a.txt: refused, the lines must be sorted by field 3, numeric, descending, fields \
                separated by ';'";
    let found = offers("x a.txt", said, "");
    assert_eq!(found[0].0.as_deref(), Some("sort -t ';' -k 3,3nr a.txt -o a.txt"));
    let said =
        "a.txt: its last line must be 'sum:' and the first 9 hex digits of the sha1sum of all";
    let found = offers("x a.txt", said, "");
    let seal = "printf 'sum:%s\\n' \"$(sha1sum < a.txt | cut -c1-9)\" >> a.txt";
    assert_eq!(found[0].0.as_deref(), Some(seal));
}

#[test]
fn a_header_is_got_where_it_is_given_out() {
    let said = "fetch: HTTP 401\nmissing header: x-a, its value is given at /b/c\n";
    let found = offers("fetch http://127.0.0.1:80/d -o e", said, "");
    let whole = "fetch http://127.0.0.1:80/d -o e -H \"x-a: $(fetch http://127.0.0.1:80/b/c)\"";
    assert_eq!(found[0].1, whole);
}

#[test]
fn an_answer_without_a_hint_offers_nothing() {
    assert!(offers("x add 1", "x: something is wrong", "usage: x\n  --y VALUE\n").is_empty());
}

fn skills(texts: &[&str]) -> Skills {
    let dir = tempfile::tempdir().unwrap();
    for (nth, text) in texts.iter().enumerate() {
        let skill = dir.path().join(format!("s{nth}"));
        std::fs::create_dir(&skill).unwrap();
        std::fs::write(skill.join("SKILL.md"), text).unwrap();
    }
    Skills::load(dir.path()).unwrap()
}

const PARCEL: &str = "---\nname: \"parcel\"\ndescription: \"parcel tariff\"\nmetadata:\n  lore-skill: \
    \"0000000000000000000000000000000000000000000000000000000000000001\"\n---\n# parcel tariff\n\n\
    ```bash\nship <arg> --fast -o <out>\n```\n\n```json\n{}\n```\n\n```bash\nship <arg>\n```\n";
const BADGE: &str = "---\nname: badge\n---\n# badge gate\n```\nship <arg> --gate\n```\n";

#[test]
fn the_skill_with_the_topic_is_chosen_and_its_examples_filled_in_order() {
    let skills = skills(&[BADGE, PARCEL]);
    let prompt = "The tariff of parcel KM-12 to a.txt, please. It was `ship KM-12 -o a.txt`.";
    let chosen = skills.best(prompt).unwrap();
    assert_eq!(chosen.used.name, "parcel");
    assert!(chosen.used.skill.is_some());
    assert_eq!(chosen.instances(prompt), ["ship KM-12 --fast -o a.txt", "ship KM-12"]);
}

#[test]
fn a_skill_for_another_program_is_not_chosen_whatever_its_topic() {
    let prompt = "The tariff of parcel KM-12 to a.txt, please. It was `wc -l < KM-12 > a.txt`.";
    assert!(skills(&[BADGE, PARCEL]).best(prompt).is_none());
}

#[test]
fn broken_skill_files_are_no_skills_and_a_missing_directory_is_an_error() {
    let prompt = "parcel `ship KM-12 -o a.txt`";
    assert!(skills(&["", "---", "```bash\nship <arg>", "# parcel"]).best(prompt).is_none());
    let error = Skills::load(Path::new("/nonexistent/skills")).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/skills"), "{error}");
}
