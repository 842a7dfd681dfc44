//! Subject of a command line: its main tool, its endpoint, whether it only looks.

use super::placeholder;
use super::shell::{self, Item, Script, ShellWord};
use super::value::writes;

/// Programs that prepare or pass on, and say nothing about what a command line is for.
const CARRIERS: [&str; 22] = [
    "cd", "export", "set", "unset", "echo", "printf", "mkdir", "true", ":", "test", "[", "sleep",
    "rm", "touch", "cat", "source", ".", "env", "sudo", "time", "exec", "nohup",
];

/// Programs of every trade: two command lines that share one of these need not share a subject.
const GENERIC: [&str; 26] = [
    "awk", "sed", "sh", "bash", "grep", "cut", "tr", "sort", "uniq", "head", "tail", "cp", "mv",
    "ln", "find", "xargs", "tee", "bc", "expr", "date", "python", "python3", "node", "perl", "seq",
    "paste",
];

/// Programs that read and change nothing.
const LOOKS: [&str; 50] = [
    "ls",
    "cat",
    "head",
    "tail",
    "less",
    "more",
    "find",
    "locate",
    "file",
    "stat",
    "wc",
    "which",
    "whereis",
    "type",
    "pwd",
    "env",
    "printenv",
    "echo",
    "printf",
    "grep",
    "rg",
    "man",
    "ps",
    "ss",
    "netstat",
    "lsof",
    "date",
    "id",
    "whoami",
    "hostname",
    "uname",
    "du",
    "df",
    "tree",
    "diff",
    "cmp",
    "od",
    "hexdump",
    "xxd",
    "sha256sum",
    "md5sum",
    "jq",
    "test",
    "[",
    "true",
    "help",
    "services",
    "strings",
    "nl",
    "sleep",
];

/// Sub-commands and flags that make any program only look.
const LOOK_WORDS: [&str; 19] = [
    "--help",
    "-h",
    "help",
    "--version",
    "-V",
    "version",
    "list",
    "ls",
    "status",
    "show",
    "info",
    "describe",
    "search",
    "--list",
    "--status",
    "--show",
    "--dry-run",
    "usage",
    "--usage",
];

/// Programs that fetch: without a body, a method or an output file they look.
const FETCHERS: [&str; 6] = ["curl", "wget", "fetch", "http", "xh", "http_get"];

const KEYWORDS: [&str; 13] = [
    "do", "then", "else", "if", "elif", "while", "until", "!", "done", "fi", "for", "case", "esac",
];

/// One simple command of a command line.
pub(super) struct Simple<'a> {
    pub(super) assignments: Vec<&'a ShellWord>,
    pub(super) program: String,
    pub(super) arguments: Vec<&'a ShellWord>,
    /// True when its output goes to a file.
    pub(super) redirected: bool,
}

/// The simple commands of a script, in order.
pub(super) fn simple_commands(script: &Script) -> Vec<Simple<'_>> {
    let mut out = Vec::new();
    let mut words: Vec<&ShellWord> = Vec::new();
    let mut redirected = false;
    let mut target = None;
    for item in script.0.iter().map(Some).chain([None]) {
        match item {
            Some(Item::Word(word)) => match target.take() {
                Some(true) => redirected |= !word.head().starts_with("/dev/"),
                Some(false) => {}
                None => words.push(word),
            },
            Some(Item::Operator(op)) if op.contains(['<', '>']) => {
                // `2>&1` has its target in it; `2> file` keeps errors, which is no result.
                let complete =
                    op.contains('&') && op.ends_with(|c: char| c.is_ascii_digit() || c == '-');
                target = (!complete).then(|| op.contains('>') && !op.starts_with('2'));
            }
            Some(Item::Operator(_)) | None => {
                let simple = simple(std::mem::take(&mut words), std::mem::take(&mut redirected));
                out.extend(simple);
                target = None;
            }
        }
    }
    out
}

fn simple(words: Vec<&ShellWord>, redirected: bool) -> Option<Simple<'_>> {
    let keyword = |word: &&ShellWord| word.literal().is_some_and(|text| KEYWORDS.contains(&text));
    let mut words = words.into_iter().skip_while(keyword).peekable();
    let mut assignments = Vec::new();
    while let Some(word) = words.next_if(|word| word.is_assignment()) {
        assignments.push(word);
    }
    let first = words.next();
    if first.is_none() && assignments.is_empty() && !redirected {
        return None;
    }
    let name = first.map(ToString::to_string).unwrap_or_default();
    let base = name.trim_matches('"').rsplit('/').next().unwrap_or_default().to_lowercase();
    Some(Simple { assignments, program: base, arguments: words.collect(), redirected })
}

/// The tool that a command line is about: its first program that does not merely prepare. Falls back
/// to its first program; none for an empty command line.
pub(super) fn main_tool(command: &str) -> Option<String> {
    if let Some((tool, rest)) = command.split_once(' ')
        && rest.starts_with("{\"")
    {
        return Some(tool.to_lowercase());
    }
    let script = shell::parse(command).ok()?;
    let programs: Vec<String> = simple_commands(&script).into_iter().map(|s| s.program).collect();
    let named = |name: &&String| !name.is_empty() && placeholder::strip(name) == **name;
    let telling = programs.iter().filter(named).find(|name| !CARRIERS.contains(&name.as_str()));
    telling.or_else(|| programs.iter().find(named)).cloned()
}

/// The endpoint class of the first address in a text: host class, port, and up to three leading path
/// segments that are neither placeholders nor expressions. Loopback has one name.
pub(super) fn endpoint(text: &str) -> Option<String> {
    let from = text.find("://")? + 3;
    let stop = |c: char| c.is_whitespace() || "\"'`?#;|&)\\".contains(c);
    let address = &text[from..];
    let address = &address[..address.find(stop).unwrap_or(address.len())];
    let mut parts = address.split('/');
    let authority = parts.next()?.rsplit('@').next()?.to_lowercase();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host, format!(":{port}")),
        None => (authority.as_str(), String::new()),
    };
    let local =
        host == "localhost" || host.starts_with("127.") || host == "[::1]" || host == "0.0.0.0";
    let mut out = format!("{}{port}", if local { "loopback" } else { host });
    let fixed = |part: &&str| !part.is_empty() && !part.contains(['<', '$', '{', '*']);
    for part in parts.take_while(fixed).take(3) {
        out.push('/');
        out.push_str(part);
    }
    Some(out)
}

/// Subject of a command line without an address: its sub-command, else its first long flag, else
/// its first path; for a program of every trade, the whole command line.
pub(super) fn subject(command: &str, tool: &str) -> Option<String> {
    if GENERIC.contains(&tool) || CARRIERS.contains(&tool) {
        return Some(command.to_owned());
    }
    let script = shell::parse(command).ok()?;
    let simple = simple_commands(&script).into_iter().find(|simple| simple.program == tool)?;
    let words: Vec<&str> = simple.arguments.iter().map(|word| word.head()).collect();
    let name = |text: &str| {
        text.len() > 1
            && text.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            && !text.starts_with('-')
    };
    let plain = |word: &&&str| placeholder::strip(word) == ***word;
    let first = words.first().filter(|word| name(word));
    let flag = || words.iter().find(|word| word.starts_with("--") && word.len() > 2);
    let path = || words.iter().filter(plain).find(|word| word.contains('/'));
    let found = first.or_else(flag).or_else(path)?;
    Some(found.split('=').next().unwrap_or(found).to_owned())
}

/// Returns true when a command line only looks: every program in it reads, and nothing goes to a file.
pub(super) fn only_looks(command: &str) -> bool {
    let Ok(script) = shell::parse(command) else {
        return false;
    };
    simple_commands(&script).iter().all(|simple| {
        let asks = simple
            .arguments
            .iter()
            .take(2)
            .any(|word| word.literal().is_some_and(|text| LOOK_WORDS.contains(&text)));
        !simple.redirected
            && !simple
                .arguments
                .iter()
                .any(|word| word.literal().is_some_and(|t| t == "-delete" || t == "-exec"))
            && (LOOKS.contains(&simple.program.as_str()) || asks || simple.program.is_empty())
            && (simple.assignments.is_empty() || !simple.program.is_empty())
    })
}

/// Returns true when a command line is an address looked at with nothing sent and nothing kept.
pub(super) fn only_fetches(command: &str) -> bool {
    let Ok(script) = shell::parse(command) else {
        return false;
    };
    let sends = |text: &str| {
        writes(text)
            || text.starts_with("-d")
            || text.starts_with("-X")
            || text.starts_with("--data")
            || text.starts_with("--json")
            || text.starts_with("--request")
            || text.starts_with("--method")
            || matches!(text, "-F" | "-T" | "POST" | "PUT" | "PATCH" | "DELETE")
            || text.split_once('=').is_some_and(|(flag, _)| writes(flag))
    };
    simple_commands(&script).iter().all(|simple| {
        !simple.redirected
            && (LOOKS.contains(&simple.program.as_str())
                || (FETCHERS.contains(&simple.program.as_str())
                    && !simple.arguments.iter().any(|word| sends(word.head()))))
    })
}
