//! Secrets and personal marks that are known by their own shape.
//!
//! Sources: the providers' pages on their token formats, and the rules that gitleaks publishes.

use std::borrow::Cow;
use std::sync::LazyLock;

use lore_protocol::steps::Steps;
use regex::{Captures, Regex};

/// A shape: its kind and what it looks like. A group `keep` before the secret stays.
struct Shape {
    kind: &'static str,
    regex: Regex,
}

/// In this order: whole blocks first, then URLs before the addresses in them.
const SHAPES: [(&str, &str); 13] = [
    (
        "private-key",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    ),
    (
        "url-credentials",
        r"(?P<keep>\b[A-Za-z][A-Za-z0-9+.-]*://)(?:[^\s/@:?#\[]*:[^\s/@]+|[A-Za-z0-9_-]{16,})@",
    ),
    (
        "provider-key",
        r"\b(?:sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{20,}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,})",
    ),
    ("github-token", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})"),
    ("gitlab-token", r"\bgl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_.-]{20,}"),
    (
        "slack-token",
        r"\b(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,})|(?P<keep>\bhooks\.slack\.com/services/)[A-Za-z0-9/]{20,}",
    ),
    (
        "google-token",
        r"\b(?:AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})",
    ),
    (
        "cloud-key",
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b|(?P<keep>\bAccountKey=)[A-Za-z0-9+/=]{40,}",
    ),
    (
        "registry-token",
        r"\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{32,}|dckr_pat_[A-Za-z0-9_-]{20,})",
    ),
    ("jwt", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
    (
        "authorization",
        r"(?P<keep>(?i:authorization[\x22']?\s*[:=]\s*[\x22']?(?:bearer|basic|token)\s+|\bbearer\s+))[A-Za-z0-9._~+/=-]{12,}",
    ),
    ("email", r"\b[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+(?P<top>[A-Za-z]{2,24})\b"),
    ("user", r"(?P<keep>/home/|/Users/|\b[A-Za-z]:\\{1,2}Users\\{1,2})[A-Za-z0-9._-]+"),
];

/// Endings of file names that look like the end of an address (`icon@2x.png`).
const FILE_ENDINGS: [&str; 16] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "js", "ts", "css", "json", "md", "py", "rs",
    "toml", "yaml", "service",
];

static COMPILED: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let compile = |(kind, pattern): &(&'static str, &str)| {
        // SAFETY: constant patterns; every test of this module compiles them all.
        #[allow(clippy::expect_used)]
        let regex = Regex::new(pattern).expect("the pattern is valid");
        Shape { kind, regex }
    };
    SHAPES.iter().map(compile).collect()
});

pub(super) fn redact<'a>(text: &'a str, steps: &Steps) -> Cow<'a, str> {
    let mut clean = Cow::Borrowed(text);
    for shape in COMPILED.iter() {
        steps.take_regex(clean.len(), 2);
        if !shape.regex.is_match(&clean) {
            continue;
        }
        let replaced =
            shape.regex.replace_all(&clean, |found: &Captures<'_>| replace(shape, found));
        clean = Cow::Owned(replaced.into_owned());
    }
    clean
}

fn replace(shape: &Shape, found: &Captures<'_>) -> String {
    let whole = &found[0];
    if let Some(top) = found.name("top") {
        // `git@host:path` is how everybody clones, and nobody's address.
        if whole.starts_with("git@") || FILE_ENDINGS.contains(&top.as_str()) {
            return whole.to_owned();
        }
    }
    let keep = found.name("keep").map_or("", |keep| keep.as_str());
    let end = if shape.kind == "url-credentials" { "@" } else { "" };
    format!("{keep}[redacted:{}]{end}", shape.kind)
}
