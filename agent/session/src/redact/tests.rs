//! Self-made secrets, put together at run time so that no scanner takes this file for a leak.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Letters and digits without a meaning.
fn noise(length: usize) -> String {
    let alphabet = b"q7Zk2mXv9RtB4nLw8JcF3hDs6GyP5aUe";
    (0..length).map(|at| char::from(alphabet[(at * 11 + at / 7) % alphabet.len()])).collect()
}

/// Each secret's kind, the line it stands in, and the part that must be gone.
fn secrets() -> Vec<(&'static str, String, String)> {
    let n = noise;
    let upper = n(16).to_uppercase();
    let cases = [
        ("openai key", "export K=@".to_owned(), format!("sk-{}-{}", "proj", n(40))),
        ("anthropic key", "key is @.".to_owned(), format!("sk-{}-{}", "ant-api03", n(60))),
        ("hugging face", "HF: @".to_owned(), format!("{}_{}", "hf", n(34))),
        ("aws key id", "aws_access_key_id = @".to_owned(), format!("{}{upper}", "AKIA")),
        ("aws secret", "AWS_SECRET_ACCESS_KEY=@".to_owned(), n(40)),
        (
            "github",
            "git clone https://@@github.com/a/b".replacen('@', "\u{1}", 1),
            format!("{}_{}", "ghp", n(36)),
        ),
        ("gitlab", "token @ works".to_owned(), format!("{}-{}", "glpat", n(20))),
        ("slack", "@".to_owned(), format!("{}-{}-{}", "xoxb", "123456789012", n(24))),
        ("google", "?key=@&x=1".to_owned(), format!("{}{}", "AIza", n(35))),
        (
            "jwt",
            "cookie: @;".to_owned(),
            format!("{}{}.{}{}.{}", "eyJ", n(20), "eyJ", n(30), n(43)),
        ),
        (
            "pem",
            "@\nafter".to_owned(),
            format!(
                "-----BEGIN {} KEY-----\n{}\n-----END {} KEY-----",
                "RSA PRIVATE",
                n(64),
                "RSA PRIVATE"
            ),
        ),
        ("named secret", "DB_PASSWORD='@'".to_owned(), n(12)),
        ("json api key", r#"{"user":"x","api_key":"@","n":1}"#.to_owned(), n(24)),
        ("url password", "postgres://app:@@db.internal:5432/x".replacen('@', "\u{1}", 1), n(14)),
        ("bearer", "-H 'Authorization: Bearer @'".to_owned(), n(40)),
        ("flag", "login --password @ --user x".to_owned(), n(10)),
        ("escaped json", r#""{\"client_secret\": \"@\"}""#.to_owned(), n(20)),
    ];
    cases
        .into_iter()
        .map(|(kind, line, secret)| {
            let place = if line.contains('\u{1}') { "\u{1}" } else { "@" };
            (kind, line.replacen(place, &secret, 1), secret)
        })
        .collect()
}

#[test]
fn realistic_secrets_are_redacted() {
    let secrets = secrets();
    assert!(secrets.len() >= 15);
    for (kind, line, secret) in secrets {
        let clean = text(&line);
        assert!(!clean.contains(&secret), "{kind}: {clean}");
        assert!(clean.contains("[redacted:"), "{kind}: {clean}");
        // Not half of it either.
        assert!(!clean.contains(&secret[secret.len() / 2..]), "{kind}: {clean}");
    }
}

#[test]
fn look_alikes_are_left_alone() {
    for line in [
        "MAX_TOKENS=4096",
        "max_tokens: 4096, tokenizer=gpt2, \"total_tokens\": 1234567",
        "PASSWORD_FILE=/run/secrets/db and API_KEY=$OPENAI_API_KEY",
        "git clone git@github.com:rust-lang/rust.git",
        "img/icon@2x.png, serde@1.0.2, sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "let token = next_token(input); password: the one you chose",
        "the key takeaway: secrets are hard; monkey=banana",
        "task-list sk-learn risk-assessment-of-the-whole-portfolio",
        "http://127.0.0.1:8080/v1 https://example.org/a:b@c",
        "token=os.environ[0] secret=true",
    ] {
        assert_eq!(text(line), line);
    }
}

#[test]
fn personal_marks_go_and_the_rest_of_the_line_stays() {
    let mail = format!("{}@{}", "jane.doe", "example.org");
    let line = format!("by {mail} in /home/jane/src/a.rs, /Users/jane/b and C:\\Users\\jane\\c");
    assert_eq!(
        text(&line),
        "by [redacted:email] in /home/[redacted:user]/src/a.rs, /Users/[redacted:user]/b and \
         C:\\Users\\[redacted:user]\\c"
    );
}

#[test]
fn keys_of_objects_and_values_under_telling_keys() {
    let mail = format!("{}@{}", "jane.doe", "example.org");
    let before =
        json!({ mail: 1, "api_key": noise(9), "max_tokens": 5, "a": [{"password": "p w"}] });
    assert_eq!(
        value(&before),
        json!({"[redacted:email]": 1, "api_key": MARK_TEXT, "max_tokens": 5,
               "a": [{"password": MARK_TEXT}]})
    );
}

const MARK_TEXT: &str = "[redacted:secret]";

#[test]
fn a_whole_session_is_redacted() {
    use crate::{Role, SessionOutcome, Started, ToolCall, Turn, VERSION};
    let secret = format!("{}_{}", "ghp", noise(36));
    let call = ToolCall {
        id: Some("c1".to_owned()),
        tool: "bash".to_owned(),
        arguments: json!({"command": format!("TOKEN={secret} x")}),
        result: Some(secret.clone()),
        exit: Some(0),
        failed: false,
        refusal: None,
        duration_ms: None,
        hint: None,
    };
    let before = Session {
        version: VERSION,
        id: "s".to_owned(),
        root: None,
        links: Vec::new(),
        unit: None,
        harness: "lore".to_owned(),
        model: None,
        started: Started::at(0),
        task: format!("use {secret}"),
        turns: vec![Turn {
            role: Role::Assistant,
            text: secret.clone(),
            calls: vec![call],
            tokens: None,
        }],
        outcome: SessionOutcome::unknown(),
        skills_read: Vec::new(),
        skills_injected: Vec::new(),
        proposals: None,
    };
    let clean = session(&before);
    assert!(before.to_line().contains(&secret));
    assert!(!clean.to_line().contains(&secret));
    assert_eq!(clean.turns[0].calls[0].id.as_deref(), Some("c1"));
}

/// Most steps of one byte: fourteen patterns, each counted eight.
const STEPS_A_BYTE: u64 = 800;

proptest! {
    #[test]
    fn redaction_costs_so_much_for_each_byte(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "ab:", "a=", "token:", "token: $", "token=os.", "http://a:", "\"", "'x", "\\\"", " ",
                "a@b.cc.1", "-----BEGIN PRIVATE KEY-----", "eyJaaaaaaaa.", "x", "\u{e4}", "$", "--token ",
            ]),
            1..5,
        ),
        bytes in 1_usize..60_000,
    ) {
        let part = parts.concat();
        let long = part.repeat(bytes / part.len() + 1);
        let steps = Steps::unbounded();
        let _ = text_within(&long, &steps);
        let most = STEPS_A_BYTE * long.len() as u64;
        prop_assert!(steps.taken() <= most, "{} steps for {} bytes", steps.taken(), long.len());
    }
}

proptest! {
    #[test]
    fn doing_it_twice_changes_nothing_more(which in 0usize..17, before in "[ -~\n]{0,40}", after in "[ -~\n]{0,40}") {
        let line = format!("{before}{}{after}", secrets()[which].1);
        let once = text(&line).into_owned();
        prop_assert_eq!(text(&once).into_owned(), once);
    }

    #[test]
    fn any_text_is_taken(any in "\\PC{0,300}") {
        let _ = text(&any);
    }
}
