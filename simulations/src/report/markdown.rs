//! The Markdown.

use super::{Markdown, Part, Report, numeric};
use crate::plot::PlotError;

/// Longest line of a paragraph.
const COLUMNS: usize = 132;

pub(super) fn document(report: &Report, stem: &str) -> Result<Markdown, PlotError> {
    let mut text = format!("# {}\n", report.title);
    let mut figures = Vec::new();
    for part in &report.parts {
        text.push('\n');
        match part {
            Part::Heading(heading) => text.push_str(&format!("## {heading}\n")),
            Part::Text(words) => text.push_str(&filled(&plain(words))),
            Part::Figure { figure, caption } => {
                let name = format!("{stem}-{}.svg", figures.len() + 1);
                text.push_str(&format!("![{}]({name})\n\n", plain(&figure.title)));
                text.push_str(&filled(&plain(caption)));
                figures.push((name, figure.to_svg()?));
            }
            Part::Table { header, rows } => table(&mut text, header, rows),
        }
    }
    text.push_str(&format!("\n## Reproduce it\n\n```\n{}\n```\n", report.command));
    Ok(Markdown { text, figures })
}

/// Text that means itself in Markdown: what could open a tag, a link, emphasis or code is escaped.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if matches!(letter, '<' | '[' | ']' | '*' | '`' | '\\' | '|') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// Lines of at most [`COLUMNS`] characters, each ended.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let long = word.chars().count();
        if column > 0 && column + 1 + long > COLUMNS {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += long;
    }
    out.push('\n');
    out
}

fn table(out: &mut String, header: &[String], rows: &[Vec<String>]) {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str(&line(header.iter().map(|cell| plain(cell)).collect()));
    let rule = |right: bool| if right { "--:".to_owned() } else { "---".to_owned() };
    out.push_str(&line(numeric(rows, header.len()).into_iter().map(rule).collect()));
    for row in rows {
        out.push_str(&line(row.iter().map(|cell| plain(cell)).collect()));
    }
}
