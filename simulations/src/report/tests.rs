#![allow(clippy::unwrap_used)]
use super::*;
use crate::plot::{Axis, Point, Series};

fn exact((x, y): (f64, f64)) -> Point {
    Point { x, y, low: y, high: y }
}

fn report() -> Report {
    let (x, y) = (Axis::new("Time", "s"), Axis::new("Roots", ""));
    let figure = Figure::new("Roots over time", x, y)
        .with(Series::line("a <b>", [(0.0, 3.0), (9.0, 1.0)].map(exact)));
    Report::new("Does it agree? <yes>", "lore-sim run lossy-mesh --seeds 20", "loss = 0.25 # <&>\n")
        .text("One | two *three*.")
        .figure(figure, "Mean of 20 seeds.")
        .table(["arm", "delay"], [vec!["alone".into(), "8.7 (8.3 to 9.1)".into()]])
        .limits("Gossip is a model.")
}

#[test]
fn a_page_needs_nothing_beside_it() {
    let html = report().to_html().unwrap();
    for outside in ["src=", "href=", "url(http", "@import", "<script"] {
        assert!(!html.contains(outside), "{outside}");
    }
    for inside in [
        "<svg",
        "prefers-color-scheme:dark",
        "lore-sim run lossy-mesh --seeds 20",
        "loss = 0.25 # &lt;&amp;&gt;",
        "Does it agree? &lt;yes&gt;",
        "What this does not show",
        "<td class=\"n\">8.7",
    ] {
        assert!(html.contains(inside), "{inside} in {html}");
    }
    assert_eq!(html, report().to_html().unwrap());
}

#[test]
fn markdown_names_its_figures_and_keeps_its_tables() {
    let Markdown { text, figures } = report().to_markdown("mesh").unwrap();
    assert!(text.contains("![Roots over time](mesh-1.svg)"), "{text}");
    assert!(text.contains("One \\| two \\*three\\*."), "{text}");
    assert!(
        text.contains("| arm | delay |\n| --- | --: |\n| alone | 8.7 (8.3 to 9.1) |"),
        "{text}"
    );
    assert!(text.contains("```\nlore-sim run lossy-mesh --seeds 20\n```"), "{text}");
    assert_eq!(figures.len(), 1);
    assert!(figures[0].1.starts_with("<svg"));
}

#[test]
fn a_report_is_written_with_its_figures() {
    let directory = tempfile::tempdir().unwrap();
    let page = report().write(directory.path(), "mesh").unwrap();
    assert_eq!(std::fs::read_to_string(page).unwrap(), report().to_html().unwrap());
    assert!(directory.path().join("mesh.md").is_file());
    assert!(directory.path().join("mesh-1.svg").is_file());
}
