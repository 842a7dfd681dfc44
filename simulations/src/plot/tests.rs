#![allow(clippy::unwrap_used)]
use super::*;

fn band(shift: f64, spread: f64) -> impl Iterator<Item = Point> {
    (0..30_u32).map(move |x| {
        let x = f64::from(x);
        let y = 90.0 - (60.0 - shift) * (-x / 8.0).exp();
        Point { x, y, low: y - spread, high: y + spread }
    })
}

fn lines() -> Figure {
    let x = Axis::new("Epochs since the tool's flag was renamed", "epochs");
    let y = Axis::new("Share of failures that the right hint answers", "%");
    Figure::new("Recovery & <care>", x, y)
        .with(Series::line("federation, epsilon 4", band(30.0, 3.0)))
        .with(Series::line("each node alone", band(0.0, 6.0)))
        .with(Series::line("centralised", band(45.0, 2.0)))
        .with(Series::line("oracle", band(58.0, 0.0)))
        .mark_x(12.0, "renamed again")
}

fn categories() -> Figure {
    let x = Axis::categories("Arm", ["alone", "federation without noise", "federation", "robust"]);
    let y = Axis::new("Attack success", "%");
    let points = |base: f64| {
        (0..4_u32).map(move |x| {
            let y = base + f64::from(x) * 7.0;
            Point { x: f64::from(x), y, low: y * 0.8, high: y * 1.2 }
        })
    };
    [("10 % attackers", 5.0), ("20 % attackers", 9.0), ("40 % attackers", 20.0)]
        .into_iter()
        .fold(Figure::new("Attacks", x, y), |figure, (name, base)| {
            figure.with(Series::new(Form::Points, name, points(base)))
        })
}

fn points() -> Figure {
    let x = Axis::new("Users of the node", "").log();
    let y = Axis::new("Standard error", "").log();
    let sizes = [8.0, 20.0, 60.0, 150.0, 500.0, 2_000.0];
    let series = |epsilon: f64| {
        sizes.map(move |x| {
            let y = (1.0 / x + 8.0 / (epsilon * x * x)).sqrt();
            Point { x, y, low: y * 0.7, high: y * 1.4 }
        })
    };
    let figure = Figure::new("Sizes", x, y);
    [0.5, 1.0, 2.0, 4.0, 8.0].into_iter().fold(figure, |figure, epsilon| {
        figure.with(Series::new(Form::Points, format!("epsilon {epsilon}"), series(epsilon)))
    })
}

#[test]
fn figures_repeat_to_the_byte() {
    for figure in [lines(), categories(), points()] {
        let svg = figure.to_svg().unwrap();
        assert_eq!(svg, figure.to_svg().unwrap());
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"));
    }
}

#[test]
fn a_figure_names_its_axes_units_and_series_and_escapes_them() {
    let svg = lines().to_svg().unwrap();
    for text in
        ["(epochs)", "answers (%)", ">oracle<", ">renamed again<", "Recovery &amp; &lt;care&gt;"]
    {
        assert!(svg.contains(text), "{text} in {svg}");
    }
    assert_eq!(svg.matches("class=\"b ").count(), 3, "the oracle has no band");
    let inline = lines().to_inline_svg().unwrap();
    assert!(!inline.contains("<style>") && PAGE_STYLE.contains("prefers-color-scheme:dark"));
}

#[test]
fn series_differ_in_more_than_colour() {
    for first in 0..7 {
        for second in 0..first {
            let marker = style::marker(first) != style::marker(second);
            let dash = style::dash(first) != style::dash(second);
            assert!(marker || dash || second + 5 == first, "{first} and {second}");
            assert_ne!(style::colour(first), style::colour(second));
        }
    }
}

#[test]
fn text_stays_within_the_figure() {
    for figure in [lines(), categories(), points()] {
        let svg = figure.to_svg().unwrap();
        for text in svg.split("<text").skip(1) {
            let attribute = |name: &str| -> f64 {
                let rest = text.split_once(&format!(" {name}=\"")).unwrap().1;
                rest.split_once('"').unwrap().0.parse().unwrap()
            };
            let (x, y) = (attribute("x"), attribute("y"));
            let words = text.split_once('>').unwrap().1.split_once('<').unwrap().0;
            let words = words.replace("&#39;", "'");
            let size = if text.contains("class=\"t") { 7.0 } else { 8.0 };
            let wide = super::text::width(&words, size);
            let (from, to) = match text {
                _ if text.contains("rotate(-90") => (y - wide / 2.0, y + wide / 2.0),
                _ if text.contains("\"middle\"") => (x - wide / 2.0, x + wide / 2.0),
                _ if text.contains("\"end\"") => (x - wide, x),
                _ => (x, x + wide),
            };
            let end = if text.contains("rotate(-90") { 175.8 } else { 241.0 };
            assert!(from >= 0.0 && to <= end && y > 0.0 && y < 175.8, "{words}: {from} to {to}");
        }
    }
}

#[test]
fn values_without_a_place_are_refused() {
    let axis = || Axis::new("a", "");
    let figure = |x: Axis, point: Point| {
        Figure::new("f", x, axis()).with(Series::new(Form::Points, "s", [point])).to_svg()
    };
    let exact = |x, y| Point { x, y, low: y, high: y };
    assert!(matches!(Figure::new("f", axis(), axis()).to_svg(), Err(PlotError::Empty(_))));
    let not_finite = figure(axis(), exact(f64::NAN, 1.0));
    assert!(matches!(not_finite, Err(PlotError::NotFinite(_))));
    let zero = figure(axis().log(), exact(0.0, 1.0));
    assert!(matches!(zero, Err(PlotError::NotPositive(..))));
    let outside = figure(axis(), Point { x: 1.0, y: 1.0, low: 2.0, high: 3.0 });
    assert!(matches!(outside, Err(PlotError::Interval(..))));
    let turned = figure(axis().range(3.0, 1.0), exact(2.0, 1.0));
    assert!(matches!(turned, Err(PlotError::Interval(..))));
}
