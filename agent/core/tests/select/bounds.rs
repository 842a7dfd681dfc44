//! Evidence, budgets, ties and hostile input in Select.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lore_agent::select::{Evidence, Index, MAX_SKILL_BYTES, Offer, SkillText};
use proptest::prelude::*;

fn skill(name: &str, description: &str, body: &str) -> SkillText {
    let text = format!("---\nname: \"{name}\"\ndescription: \"{description}\"\n---\n\n{body}\n");
    SkillText::parse(text.as_bytes()).unwrap()
}

fn names(index: &Index, query: &str, offer: Offer) -> Vec<String> {
    index.search(query, offer).into_iter().map(|hit| hit.name).collect()
}

fn sure(rate_micros: u64) -> Evidence {
    Evidence { rate_micros, low_micros: rate_micros, high_micros: rate_micros }
}

#[test]
fn equal_skills_come_in_the_order_of_their_names() {
    let make = |name| skill(name, "Rotate the ledger keys.", "");
    let offer = Offer::default();
    let forth = Index::new(["b", "a", "c", "d"].map(make));
    let back = Index::new(["d", "c", "b", "a"].map(make));
    assert_eq!(names(&forth, "rotate keys", offer), ["a", "b", "c"]);
    assert_eq!(names(&back, "rotate keys", offer), ["a", "b", "c"]);
}

#[test]
fn evidence_decides_between_texts_that_fit_alike_and_never_makes_one_fit() {
    let make =
        |name: &str, evidence| SkillText { evidence, ..skill(name, "Rotate the ledger keys.", "") };
    let index = Index::new([
        make("bad", Some(sure(100_000))),
        make("good", Some(sure(900_000))),
        make("new", None),
        SkillText { evidence: Some(sure(1_000_000)), ..skill("other", "Bake bread.", "") },
    ]);
    let offer = Offer { skills: 9, tokens: 9_000 };
    assert_eq!(names(&index, "rotate keys", offer), ["good", "new", "bad"]);
}

#[test]
fn a_word_of_the_title_weighs_more_than_one_of_the_text() {
    let index = Index::new([
        skill(
            "a",
            "Something about bread.",
            "The kiln is mentioned here, once, among other words.",
        ),
        skill("kiln", "Something about fire.", "Other words."),
    ]);
    assert_eq!(names(&index, "kiln", Offer::default())[0], "kiln");
}

#[test]
fn topic_words_of_a_rendered_skill_are_its_title() {
    let index = Index::new([
        skill("one", "How to use fetch here.", "# telescope schedule\n\n```bash\nfetch <arg>\n```"),
        skill(
            "two",
            "How to use fetch here.",
            "# ledger balance\n\n```bash\nfetch <arg> telescope\n```",
        ),
    ]);
    let task =
        "Get the schedule of telescope KM-4711 into mine.txt, documented: `fetch :80/KM-4711`";
    assert_eq!(names(&index, task, Offer::default())[0], "one");
}

#[test]
fn what_does_not_fit_the_budget_is_offered_by_its_line_or_not_at_all() {
    let long = "word ".repeat(4_000);
    let index = Index::new([
        skill("huge", "Rotate the ledger keys.", &long),
        skill("small", "Rotate the ledger keys at night.", "Short."),
    ]);
    let hits = index.search("rotate ledger keys", Offer { skills: 3, tokens: 200 });
    let shown: Vec<(&str, bool)> = hits.iter().map(|hit| (hit.name.as_str(), hit.whole)).collect();
    assert_eq!(shown.len(), 2);
    assert!(shown.contains(&("huge", false)) && shown.contains(&("small", true)), "{shown:?}");
    assert!(hits.iter().map(|hit| hit.tokens).sum::<u64>() <= 200);
    assert!(hits.iter().all(|hit| hit.text().len() < 300));
    assert!(index.search("rotate ledger keys", Offer { skills: 3, tokens: 3 }).is_empty());
    assert!(index.search("rotate ledger keys", Offer { skills: 0, tokens: 900 }).is_empty());
}

#[test]
fn an_empty_library_and_an_empty_query_offer_nothing() {
    let offer = Offer::default();
    assert!(Index::new([]).search("anything", offer).is_empty());
    let index = Index::new([skill("a", "Rotate keys.", "")]);
    for query in ["", "   ", "the of and", "\u{0}\u{202e}", "???"] {
        assert!(index.search(query, offer).is_empty(), "{query:?}");
    }
}

#[test]
fn a_huge_query_and_huge_skills_take_bounded_time() {
    let body: String = (0..60_000).map(|n| format!("w{n} ")).collect();
    let skills = (0..40).map(|n| skill(&format!("s{n}"), "Rotate keys.", &body));
    let begun = Instant::now();
    let index = Index::new(skills);
    let query: String = (0..2_000_000).map(|n| format!("w{n} ")).collect();
    let hits = index.search(&query, Offer::default());
    assert!(hits.len() <= 3);
    // A machine of any kind does this in well under a second; the bound only tells it from for ever.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn a_directory_of_rubbish_gives_its_skills_and_says_what_it_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("SKILL.md"), bytes).unwrap();
    };
    put("good", b"---\nname: good\ndescription: Rotate keys.\n---\nText.\n");
    put("binary", &[0xff, 0xfe, 0, 1]);
    put("plain", b"no frontmatter");
    put("nameless", b"---\ndescription: x\n---\n");
    put("long-name", format!("---\nname: {}\n---\n", "x".repeat(9_000)).as_bytes());
    put("big", &vec![b'x'; usize::try_from(MAX_SKILL_BYTES).unwrap() + 1]);
    fs::create_dir(dir.path().join("empty")).unwrap();
    fs::create_dir_all(dir.path().join("directory/SKILL.md")).unwrap();
    fs::create_dir(dir.path().join("dangling")).unwrap();
    std::os::unix::fs::symlink("/nowhere", dir.path().join("dangling/SKILL.md")).unwrap();
    // Opening a pipe would wait for ever.
    fs::create_dir(dir.path().join("pipe")).unwrap();
    let pipe = dir.path().join("pipe/SKILL.md");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    fs::create_dir(dir.path().join("lower")).unwrap();
    fs::write(dir.path().join("lower/skill.md"), "---\nname: lower\ndescription: x\n---\n")
        .unwrap();
    let scan = SkillText::scan_dir(dir.path()).unwrap();
    let words = scan.passed_over_words();
    assert_eq!(words.len(), 6, "{words:?}");
    assert!(words[5].contains("3 more"), "{words:?}");
    let read: Vec<&str> = scan.skills.iter().map(|skill| skill.name.as_str()).collect();
    assert_eq!(read, ["good", "lower"]);
    assert_eq!(scan.passed_over.len(), 8, "{:?}", scan.passed_over);
    assert!(
        SkillText::scan_dir(&dir.path().join("none")).unwrap_err().to_string().contains("none")
    );
}

#[test]
fn a_skill_is_shared_and_not_copied() {
    let index = Index::new([skill("a", "Rotate keys.", "")]);
    let hit = &index.search("rotate", Offer::default())[0];
    assert!(Arc::ptr_eq(&hit.skill, &index.skills()[0]));
}

proptest! {
    #[test]
    fn any_text_is_searched_within_the_offer(
        texts in prop::collection::vec("\\PC{0,80}", 0..8),
        query in "\\PC{0,200}",
        skills in 0_usize..5,
        tokens in 0_u64..300,
    ) {
        let made = texts.iter().enumerate().map(|(n, text)| SkillText {
            description: text.clone(),
            body: text.clone(),
            ..skill(&format!("s{n}"), "x", "")
        });
        let index = Index::new(made);
        let offer = Offer { skills, tokens };
        let hits = index.search(&query, offer);
        prop_assert!(hits.len() <= skills);
        prop_assert!(hits.iter().map(|hit| hit.tokens).sum::<u64>() <= tokens);
        prop_assert!(hits.windows(2).all(|two| two[0].score >= two[1].score));
        prop_assert_eq!(&hits, &index.search(&query, offer));
    }
}
