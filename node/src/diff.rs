//! Differences of two texts, line by line, as patches show them.

/// Lines around a change that are shown with it.
const CONTEXT_LINES: usize = 3;
/// Most cells of the table by which lines are matched: above it, the middle of the texts counts as replaced.
const MAX_CELLS: usize = 1 << 20;

/// One line of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Removed(&'a str),
    Added(&'a str),
}

/// Hunks with their context; empty when the texts are equal.
pub(crate) fn unified(old: &str, new: &str) -> Vec<String> {
    let lines = compared(old, new);
    let changed: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !matches!(line, Line::Same(_)))
        .map(|(at, _)| at)
        .collect();
    let mut hunks: Vec<(usize, usize)> = Vec::new();
    for at in changed {
        let (from, to) =
            (at.saturating_sub(CONTEXT_LINES), (at + CONTEXT_LINES + 1).min(lines.len()));
        match hunks.last_mut() {
            Some(last) if from <= last.1 => last.1 = to,
            _ => hunks.push((from, to)),
        }
    }
    let mut shown = Vec::new();
    for (from, to) in hunks {
        let count = |lines: &[Line<'_>], skipped: fn(&Line<'_>) -> bool| {
            lines.iter().filter(|line| !skipped(line)).count()
        };
        let added: fn(&Line<'_>) -> bool = |line| matches!(line, Line::Added(_));
        let removed: fn(&Line<'_>) -> bool = |line| matches!(line, Line::Removed(_));
        let (before, within) = (&lines[..from], &lines[from..to]);
        shown.push(format!(
            "@@ -{},{} +{},{} @@",
            count(before, added) + 1,
            count(within, added),
            count(before, removed) + 1,
            count(within, removed)
        ));
        shown.extend(within.iter().map(|line| match line {
            Line::Same(text) => format!(" {text}"),
            Line::Removed(text) => format!("-{text}"),
            Line::Added(text) => format!("+{text}"),
        }));
    }
    shown
}

fn compared<'a>(old: &'a str, new: &'a str) -> Vec<Line<'a>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail =
        old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut lines: Vec<Line<'a>> = old[..head].iter().map(|line| Line::Same(line)).collect();
    if (a.len() + 1).saturating_mul(b.len() + 1) > MAX_CELLS {
        lines.extend(a.iter().map(|line| Line::Removed(line)));
        lines.extend(b.iter().map(|line| Line::Added(line)));
    } else {
        lines.extend(matched(a, b));
    }
    lines.extend(old[old.len() - tail..].iter().map(|line| Line::Same(line)));
    lines
}

/// The longest common subsequence by a table.
fn matched<'a>(a: &[&'a str], b: &[&'a str]) -> Vec<Line<'a>> {
    let width = b.len() + 1;
    let mut longest = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            longest[i * width + j] = if a[i] == b[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push(Line::Same(a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len()
            || (i < a.len() && longest[(i + 1) * width + j] >= longest[i * width + j + 1])
        {
            lines.push(Line::Removed(a[i]));
            i += 1;
        } else {
            lines.push(Line::Added(b[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_the_lines_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n";
        let shown = unified(old, new);
        let first =
            ["@@ -2,8 +2,9 @@", " 2", " 3", " 4", "-5", "+five", " 6", " 7", " 8", " 9", "+10"];
        assert_eq!(shown, first);
        assert_eq!(unified(old, old), Vec::<String>::new());
        assert_eq!(unified("", "a\n"), ["@@ -1,0 +1,1 @@", "+a"]);
    }

    #[test]
    fn texts_without_a_common_line_are_compared_in_bounded_space() {
        let of = |word: &str| (0..5_000).map(|n| format!("{word} {n}\n")).collect::<String>();
        let shown = unified(&of("a"), &of("b"));
        assert_eq!(shown.len(), 10_001);
    }
}
