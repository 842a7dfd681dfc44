//! Help texts at the width of the terminal.

use clap::error::ErrorKind;

/// Columns when there is no terminal.
const COLUMNS: usize = 80;
/// Narrower terminals get lines of this width.
const LEAST_COLUMNS: usize = 30;
/// Columns that the text of an option needs beside its name; else it starts on the next line.
const LEAST_TEXT_COLUMNS: usize = 24;
/// Indentation of such a next line.
const NEXT_LINE_INDENT: usize = 10;

/// The text of `lore`, a wrong command or `--help`.
pub(super) fn text(error: &clap::Error) -> String {
    let text = error.render().to_string();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        wrap(&text, columns())
    } else {
        text
    }
}

fn columns() -> usize {
    let set = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let terminal =
        || console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    set.filter(|columns| *columns > 0).or_else(terminal).unwrap_or(COLUMNS)
}

/// Breaks long lines at spaces. The text beside the name of a verb or option stays in its column.
fn wrap(text: &str, columns: usize) -> String {
    let columns = columns.max(LEAST_COLUMNS);
    text.lines().map(|line| wrap_line(line, columns)).collect()
}

fn wrap_line(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return format!("{line}\n");
    }
    let (head, text) = split(line);
    let indent = head.chars().count();
    if head.trim().is_empty() || indent + LEAST_TEXT_COLUMNS <= columns {
        return fill(head, text, indent, columns);
    }
    let name = head.trim();
    let start = head.len() - head.trim_start().len();
    let first = fill(&" ".repeat(start), name, start, columns);
    first + &fill(&" ".repeat(NEXT_LINE_INDENT), text, NEXT_LINE_INDENT, columns)
}

/// The indentation with the name before a text, and the text.
fn split(line: &str) -> (&str, &str) {
    let start = line.len() - line.trim_start().len();
    let named = start > 0 && start < NEXT_LINE_INDENT;
    let gap = named.then(|| line[start..].find("  ")).flatten();
    let place = gap.map_or(start, |gap| {
        let rest = &line[start + gap..];
        start + gap + rest.len() - rest.trim_start().len()
    });
    line.split_at(place)
}

fn fill(head: &str, text: &str, indent: usize, columns: usize) -> String {
    let mut out = head.to_owned();
    let mut used = indent;
    for (n, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if n > 0 && used + 1 + length > columns {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            used = indent;
        } else if n > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::Cli;

    fn each(command: &mut clap::Command, visit: &mut impl FnMut(&str, &str)) {
        let name = command.get_name().to_owned();
        let (short, long) =
            (command.render_help().to_string(), command.render_long_help().to_string());
        visit(&name, &short);
        visit(&name, &long);
        for below in command.get_subcommands_mut() {
            each(below, visit);
        }
    }

    #[test]
    fn no_line_of_any_help_is_wider_than_the_terminal_and_no_word_is_lost() {
        let mut command = Cli::command();
        command.build();
        for columns in [40, 80, 200] {
            each(&mut command, &mut |name, help| {
                let wrapped = wrap(help, columns);
                let words =
                    |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
                assert_eq!(words(&wrapped), words(help), "{name}");
                for line in wrapped.lines() {
                    // A word that is longer than the line stays whole.
                    let broken = line.trim().contains(' ') && line.chars().count() > columns;
                    assert!(!broken, "{name} at {columns}: {line}");
                }
            });
        }
    }

    #[test]
    fn the_text_of_an_option_stays_in_its_column() {
        let line = "  -v, --verbose  Print more of what happens while it happens";
        let wrapped = wrap(line, 45);
        assert_eq!(
            wrapped,
            "  -v, --verbose  Print more of what happens\n                 while it happens\n"
        );
        let wrapped = wrap(line, 32);
        assert_eq!(
            wrapped,
            "  -v, --verbose\n          Print more of what\n          happens while it\n          happens\n"
        );
    }

    #[test]
    fn every_verb_and_option_has_a_help_text() {
        fn check(command: &clap::Command) {
            for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
                assert!(below.get_about().is_some(), "{}", below.get_name());
                check(below);
            }
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty(), "{} {}", command.get_name(), arg.get_id());
            }
        }
        check(&Cli::command());
    }
}
