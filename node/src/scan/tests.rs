#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

/// Texts with what the forms must cope with: spaces, quotes, line ends, letters beyond ASCII.
fn canary() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9]{4}[a-zA-Z0-9 \"/\\\\\n\té€😀]{4,20}[a-zA-Z]{2}"
}

fn forms_of(canary: &str, before: &str) -> Vec<(Form, Vec<u8>)> {
    let json = serde_json::to_string(canary).unwrap();
    let all_json: String = canary.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
    let twice = serde_json::to_string(&json).unwrap();
    let percent = utf8_percent_encode(canary, NON_ALPHANUMERIC).to_string();
    let percent_all: String = canary.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let percent_twice = utf8_percent_encode(&percent_all, NON_ALPHANUMERIC).to_string();
    let hex: String = canary.bytes().map(|byte| format!("{byte:02X}")).collect();
    let around = format!("{before}{canary}tail");
    let mut forms = vec![
        (Form::Raw, canary.as_bytes().to_vec()),
        (Form::Hex, hex.to_lowercase().into_bytes()),
        (Form::Hex, hex.into_bytes()),
        (Form::Base64, STANDARD.encode(&around).into_bytes()),
        (Form::Base64, URL_SAFE.encode(&around).into_bytes()),
        (Form::Base64, STANDARD.encode(around.to_lowercase()).into_bytes()),
        (Form::Percent, percent_all.into_bytes()),
        (Form::Percent, percent_twice.into_bytes()),
        (Form::Json, all_json.into_bytes()),
    ];
    let lower = canary.to_lowercase();
    if lower != canary {
        forms.push((Form::Case, lower.into_bytes()));
    }
    if percent != canary {
        forms.push((Form::Percent, percent.into_bytes()));
    }
    let inside = json.trim_matches('"');
    if inside.len() != canary.len() {
        forms.push((Form::Json, json.into_bytes()));
        forms.push((Form::Json, twice.into_bytes()));
    }
    forms
}

proptest! {
    #[test]
    fn every_planted_form_is_found_wherever_it_stands(
        planted in canary(),
        before in "[a-z]{0,5}",
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let canaries = Canaries::new([planted.clone()]).unwrap();
        for (form, written) in forms_of(&planted, &before) {
            // A letter between, so that chance noise cannot be read as one with the form.
            let bytes = [noise.as_slice(), b"z ", &written, b" z", noise.as_slice()].concat();
            let hits = canaries.scan_bytes(&bytes);
            prop_assert!(
                hits.iter().any(|hit| hit.form == form),
                "{form:?} as {} not among {hits:?}", String::from_utf8_lossy(&written)
            );
        }
    }

    #[test]
    fn a_text_that_was_not_planted_is_not_found(text in "[a-m ]{0,400}") {
        let canaries = Canaries::new(["nopqrstu-nopqrstu"]).unwrap();
        prop_assert_eq!(canaries.scan_bytes(text.as_bytes()), vec![]);
        prop_assert_eq!(canaries.scan_bytes(STANDARD.encode(&text).as_bytes()), vec![]);
    }
}

#[test]
fn a_hit_says_which_canary_where_and_in_which_form() {
    let canaries = Canaries::new(["first-canary", "Second Canary"]).unwrap();
    let hits = canaries.scan_bytes(b"..second%20canary..first-canary");
    let hit = |at, canary, form| Hit { at, canary, form };
    assert_eq!(hits, [hit(2, 1, Form::Percent), hit(19, 0, Form::Raw)]);
    assert_eq!(canaries.scan_bytes(b"q=Second+Canary"), [hit(2, 1, Form::Percent)]);
}

#[test]
fn a_canary_across_the_border_of_two_windows_is_found_once_in_each_form() {
    let planted = "Canary \"of\" user-0173";
    let canaries = Canaries::new([planted]).unwrap();
    let size = 4096;
    for (form, written) in forms_of(planted, "ab") {
        for into in [1, written.len() / 2, written.len() - 1] {
            let mut bytes = vec![b'.'; size - into];
            bytes.extend(&written);
            bytes.extend(vec![b'.'; size + 77]);
            let (hits, length) = canaries.scan_windows(bytes.as_slice(), size).unwrap();
            assert_eq!(length, bytes.len() as u64);
            assert_eq!(hits.iter().filter(|hit| hit.form == form).count(), 1, "{form:?}: {hits:?}");
            assert_eq!(hits, canaries.scan_bytes(&bytes), "windows change nothing");
        }
    }
}

#[test]
fn files_below_a_directory_are_searched_and_counted() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("a").join("b");
    std::fs::create_dir_all(&deep).unwrap();
    let mut file = File::create(deep.join("log")).unwrap();
    file.write_all(b"user=planted-text").unwrap();
    std::fs::write(directory.path().join("clean"), b"nothing").unwrap();
    let canaries = Canaries::new(["planted-text", "another-text"]).unwrap();
    let report = canaries.scan_path(directory.path()).unwrap();
    assert_eq!((report.files, report.bytes, report.hits()), (2, 24, 1));
    assert_eq!(report.found[0].path, deep.join("log"));
    assert_eq!(report.canaries(), BTreeSet::from([0]));
    assert!(canaries.scan_path(&directory.path().join("missing")).is_err());
}

#[test]
fn a_canary_that_chance_would_find_is_refused() {
    assert!(matches!(Canaries::new(["short"]), Err(ScanError::TooShort(_))));
}
