//! Differences of two texts, line by line, as patches show them.

use std::time::{Duration, Instant};

use similar::TextDiff;

/// Lines around a change that are shown with it.
const CONTEXT_LINES: usize = 3;
/// Time for all files of a skill, after which the rest counts as replaced: a peer may have written them.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);

/// Hunks with their context; empty when the texts are equal. After `deadline` less is looked for that both have.
pub(crate) fn unified(old: &str, new: &str, deadline: Instant) -> Vec<String> {
    let compared = TextDiff::configure().deadline(deadline).diff_lines(old, new);
    let mut hunks = compared.unified_diff();
    hunks.context_radius(CONTEXT_LINES).missing_newline_hint(false);
    hunks.to_string().lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_the_lines_around_it() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n";
        let first =
            ["@@ -2,8 +2,9 @@", " 2", " 3", " 4", "-5", "+five", " 6", " 7", " 8", " 9", "+10"];
        let unified = |old, new| unified(old, new, Instant::now() + PATIENCE);
        assert_eq!(unified(old, new), first);
        assert_eq!(unified(old, old), Vec::<String>::new());
        assert_eq!(unified("", "a\n").last().map(String::as_str), Some("+a"));
    }

    #[test]
    fn texts_without_a_common_line_are_compared_in_bounded_time() {
        let of = |word: &str| (0..50_000).map(|n| format!("{word} {n}\n")).collect::<String>();
        let begun = Instant::now();
        let shown = unified(&of("a"), &of("b"), begun + PATIENCE);
        assert_eq!(shown.len(), 100_001);
        assert!(begun.elapsed() < 50 * PATIENCE, "{:?}", begun.elapsed());
    }
}
