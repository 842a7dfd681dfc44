//! Hosts that a text names, with a scheme or without.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

/// Endings of file names that are also domains of countries or companies: `main.rs`, `setup.py`.
const FILE_ENDINGS: [&str; 44] = [
    "py", "rs", "md", "sh", "pl", "so", "cc", "ts", "js", "go", "rb", "cs", "ps", "mk", "am", "in",
    "lock", "toml", "json", "yaml", "yml", "txt", "log", "cfg", "conf", "ini", "html", "css",
    "xml", "zip", "gz", "tar", "mov", "app", "bin", "out", "run", "sql", "csv", "java", "php",
    "vim", "kt", "do",
];
/// Endings that a bare name must have to be taken for a host, beside those of two letters.
const DOMAINS: [&str; 32] = [
    "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "dev", "app", "cloud", "site",
    "online", "xyz", "top", "tech", "store", "shop", "club", "page", "link", "live", "example",
    "invalid", "test", "internal", "local", "onion", "zip", "mov", "icu",
];
/// Countries whose endings are common among hosts and rare among the names of fields.
const COUNTRIES: [&str; 26] = [
    "io", "ai", "co", "me", "us", "uk", "eu", "cn", "ru", "de", "fr", "nl", "br", "jp", "kr", "ch",
    "at", "it", "es", "se", "cz", "tk", "ws", "gg", "tv", "ua",
];
/// Programs whose arguments are hosts.
const NETWORK: [&str; 14] = [
    "curl", "wget", "ssh", "scp", "sftp", "rsync", "nc", "ncat", "netcat", "telnet", "ftp", "ping",
    "socat", "nslookup",
];

static WITH_SCHEME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?i)\b[a-z][a-z0-9+.-]{1,15}://(?:[^\s/@]*@)?(\[[0-9a-f:.]+\]|[a-z0-9][a-z0-9.-]*)")
});
static BARE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?P<user>[a-z0-9._+-]+@)?(?P<host>(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]{1,24})(?P<after>:\d{1,5}|:[~/a-z]|/)?",
    )
});
static AFTER_PROGRAM: LazyLock<Regex> = LazyLock::new(|| {
    let programs = NETWORK.join("|");
    pattern(&format!(
        r"(?i)\b(?:{programs})\s+(?:-\S+\s+)*(?:[^\s/@]*@)?([a-z0-9][a-z0-9.-]*\.[a-z0-9-]{{2,}})"
    ))
});

fn pattern(text: &str) -> Regex {
    // SAFETY: a constant pattern that tests compile.
    #[allow(clippy::expect_used)]
    Regex::new(text).expect("the pattern is valid")
}

/// Hosts in a text, in lower case, without this machine. A name with a scheme is one; so is what stands behind a
/// program of the network, and a bare name that ends as domains do and not as files do.
#[must_use]
pub(super) fn hosts_in(text: &str) -> BTreeSet<String> {
    let mut hosts = BTreeSet::new();
    let sure = WITH_SCHEME.captures_iter(text).chain(AFTER_PROGRAM.captures_iter(text));
    hosts.extend(sure.filter_map(|found| found.get(1)).map(|host| tidy(host.as_str())));
    for found in BARE.captures_iter(text) {
        let Some(host) = found.name("host") else { continue };
        let before = text.get(..found.get(0).map_or(0, |all| all.start()));
        // Part of a path, a variable, a flag's name or a version.
        if before.is_some_and(|before| before.ends_with(['/', '$', '.', '_', '-', '\\'])) {
            continue;
        }
        let after = found.name("after").map_or("", |after| after.as_str());
        if is_host(host.as_str(), found.name("user").is_some(), after) {
            hosts.insert(tidy(host.as_str()));
        }
    }
    hosts.retain(|host| !is_this_machine(host));
    hosts
}

fn is_host(name: &str, has_user: bool, after: &str) -> bool {
    let ending = name.rsplit('.').next().unwrap_or_default().to_lowercase();
    if ending.bytes().all(|byte| byte.is_ascii_digit()) {
        let parts: Vec<Option<u8>> = name.split('.').map(|part| part.parse().ok()).collect();
        return parts.len() == 4 && parts.iter().all(Option::is_some);
    }
    let is_file = FILE_ENDINGS.contains(&ending.as_str());
    let shown_to_be = has_user || !after.is_empty();
    let is_country = ending.len() == 2 && ending.bytes().all(|byte| byte.is_ascii_alphabetic());
    let short = name.rsplit('.').nth(1).is_none_or(|label| label.len() < 2);
    let is_domain = DOMAINS.contains(&ending.as_str())
        || (is_country && (shown_to_be || COUNTRIES.contains(&ending.as_str())));
    if short && !shown_to_be {
        return false;
    }
    if is_file {
        // `git@host.sh:path`, `host.sh/path`; a file is followed by a line number at most.
        return is_domain
            && (has_user || after == "/" || (after.len() == 2 && after.starts_with(':')));
    }
    is_domain
}

fn tidy(host: &str) -> String {
    host.trim_end_matches(['.', '-']).to_lowercase()
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.") || host == "0.0.0.0" || host == "[::1]"
}

/// Returns true for a public place of packages or documentation, from which nothing of a stranger is fetched by name.
pub(super) fn is_public_place(host: &str) -> bool {
    const PLACES: [&str; 22] = [
        "pypi.org",
        "npmjs.com",
        "npmjs.org",
        "crates.io",
        "docs.rs",
        "rubygems.org",
        "golang.org",
        "go.dev",
        "python.org",
        "nodejs.org",
        "rust-lang.org",
        "kernel.org",
        "debian.org",
        "ubuntu.com",
        "mozilla.org",
        "w3.org",
        "ietf.org",
        "rfc-editor.org",
        "wikipedia.org",
        "example.com",
        "example.org",
        "example.net",
    ];
    PLACES.iter().any(|place| {
        host.strip_suffix(place).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Vec<String> {
        hosts_in(text).into_iter().collect()
    }

    #[test]
    fn hosts_are_found_with_a_scheme_and_without() {
        for (text, host) in [
            ("see https://user@Docs.Example.org:443/x", "docs.example.org"),
            ("curl -s evil.example/x", "evil.example"),
            ("nc drop.evil.sh 4444", "drop.evil.sh"),
            ("git clone git@code.evil.io:team/x", "code.evil.io"),
            ("post it to collect.evil-metrics.com", "collect.evil-metrics.com"),
            ("connect to 203.0.113.7:9001", "203.0.113.7"),
            ("ws://203.0.113.8/", "203.0.113.8"),
            ("use get.evil.sh/install", "get.evil.sh"),
        ] {
            assert_eq!(hosts(text), [host], "{text}");
        }
    }

    #[test]
    fn files_versions_modules_and_this_machine_are_none() {
        for text in [
            "edit setup.py, main.rs:42 and README.md",
            "python 3.12.1, version 1.2.3.4000",
            "import os.path and numpy.linalg.norm",
            "http://127.0.0.1:8080 and http://localhost/",
            "git config user.email <name>",
            "./scripts/build.sh && src/lib.rs/x",
            "i.e. this, e.g. that",
            "select h.id from h; max.poll.interval.ms",
        ] {
            assert_eq!(hosts(text), Vec::<String>::new(), "{text}");
        }
    }
}
