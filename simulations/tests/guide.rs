//! The guide to simulations does what it says: its commands, in a clean home.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

/// A command of the guide, and the lines that it shows.
struct Step<'a> {
    command: &'a str,
    shows: Vec<&'a str>,
}

/// Commands in blocks of `console`.
fn steps(guide: &str) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for block in guide.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command, shows: Vec::new() }),
                None => steps.last_mut().unwrap().shows.push(line),
            }
        }
    }
    steps
}

/// True when a line is as the guide shows it; `[..]` stands for anything.
fn fits(shown: &str, line: &str) -> bool {
    let mut parts = shown.split("[..]");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap()) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (place, part) in parts.iter().enumerate() {
        let last = place + 1 == parts.len();
        if last && rest.ends_with(part) {
            return true;
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// True when the lines are as shown; `...` stands for any number of lines.
fn all_fit(shown: &[&str], lines: &[&str]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((&"...", rest)) => (0..=lines.len()).any(|skip| all_fit(rest, &lines[skip..])),
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, lines)| fits(first, line) && all_fit(rest, lines)),
    }
}

#[test]
fn the_guide_to_simulations_shows_what_it_says() {
    let home = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_lore-sim")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let guide = steps(include_str!("../../docs/simulations.md"));
    assert!(guide.len() >= 18, "the guide has commands");
    for Step { command, shows } in guide {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).current_dir(home.path());
        let output =
            shell.env_clear().env("PATH", &path).env("HOME", home.path()).output().unwrap();
        let (text, errors) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "$ {command}\n{text}{errors}");
        let lines: Vec<&str> = text.lines().collect();
        assert!(all_fit(&shows, &lines), "$ {command}\nshows\n{text}and not\n{}", shows.join("\n"));
    }
    for made in ["loss.svg", "roots.svg", "lore-sim-reports/mesh/mesh.html"] {
        assert!(home.path().join(made).is_file(), "{made}");
    }
}

#[test]
fn a_line_that_differs_does_not_fit() {
    assert!(fits("a [..] c", "a bb c") && fits("a[..]", "abc") && fits("abc", "abc"));
    assert!(!fits("a [..] c", "a bb d") && !fits("abc", "abcd") && !fits("a[..]b[..]c", "ac"));
    assert!(all_fit(&["a", "...", "c"], &["a", "b", "b", "c"]));
    assert!(!all_fit(&["a", "...", "c"], &["a", "b"]) && !all_fit(&[], &["a"]));
}
