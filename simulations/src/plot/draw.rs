//! Layout of a figure, and its SVG. User units are points, so that font sizes are those of print.

use super::axis::{Span, Tick};
use super::style;
use super::text::{LINE, escape, width, wrap};
use super::{Figure, Form, PlotError, Point, legend, marks};

const POINTS_PER_MM: f64 = 72.0 / 25.4;
/// Width and height of a figure: one column of a paper.
const SIZE_MM: (f64, f64) = (85.0, 62.0);
const LABEL: f64 = 8.0;
const TICK: f64 = 7.0;
const EDGE: f64 = 4.0;
/// Half the size of a marker, which may stand on the frame.
const MARK: f64 = 3.0;

/// Frame within the figure, and the two spans.
pub(super) struct Place {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) x: Span,
    pub(super) y: Span,
}

impl Place {
    pub(super) fn x(&self, value: f64) -> f64 {
        self.left + self.x.place(value) * self.width
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        self.top + (1.0 - self.y.place(value)) * self.height
    }
}

pub(super) fn figure(figure: &Figure, own_file: bool) -> Result<String, PlotError> {
    check(figure)?;
    let (wide, high) = (SIZE_MM.0 * POINTS_PER_MM, SIZE_MM.1 * POINTS_PER_MM);
    let points = || figure.series.iter().flat_map(|series| &series.points);
    let references = figure.references.iter().map(|reference| reference.at);
    let xs: Vec<f64> = points().map(|point| point.x).chain(references).collect();
    let ys: Vec<f64> = points().flat_map(|point| [point.y, point.low, point.high]).collect();
    let lines_only = figure.series.iter().all(|series| series.form == Form::Line);
    let (x, y) = (figure.x.span(&xs, !lines_only)?, figure.y.span(&ys, true)?);
    let y_ticks = figure.y.ticks(y, 6);
    let tick_width = y_ticks.iter().map(|tick| width(&tick.label, TICK)).fold(0.0, f64::max);
    let (entries, rows) = legend::entries(figure, wide - 2.0 * EDGE);
    let labelled = figure.references.iter().any(|one| !one.label.is_empty());
    let above = if labelled { TICK * LINE } else { 2.0 };
    let top = EDGE + rows as f64 * legend::ROW + if rows > 0 { 3.0 } else { 0.0 } + above;
    // The label of y stands upright; its lines are as long as the frame is high, about.
    let y_lines = wrap(&figure.y.title(), LABEL, high - top - 30.0);
    let left = EDGE + y_lines.len() as f64 * LABEL * LINE + 3.0 + tick_width + 4.0;
    let frame_width = wide - left - EDGE - 4.0;
    let x_count = if figure.x.names().is_some() { 0 } else { (frame_width / 38.0) as usize };
    let x_ticks = figure.x.ticks(x, x_count.clamp(2, 8));
    let names = category_labels(figure, frame_width);
    let x_lines = wrap(&figure.x.title(), LABEL, wide - 2.0 * EDGE);
    let bottom = EDGE + x_lines.len() as f64 * LABEL * LINE + names.height + 5.0;
    let place = Place { left, top, width: frame_width, height: high - top - bottom, x, y };

    let id = id(figure);
    let mut out = head(figure, own_file, wide, high, &id, &place);
    grid(&mut out, &place, &x_ticks, &y_ticks, figure.x.names().is_some());
    put!(out, "<g clip-path=\"url(#{id}-c)\">");
    marks::bands(&mut out, figure, &place);
    reference_lines(&mut out, figure, &place);
    for (style, series) in figure.series.iter().enumerate() {
        match series.form {
            Form::Line => marks::line(&mut out, series, style, &place),
            Form::Points => marks::points(&mut out, figure, series, style, &place),
        }
    }
    out.push_str("</g>");
    axes(&mut out, &place, &x_ticks, &y_ticks, &names, figure.x.names().is_some());
    titles(&mut out, &place, &x_lines, &y_lines, (wide, high));
    reference_labels(&mut out, figure, &place);
    for entry in &entries {
        let y = EDGE + entry.row as f64 * legend::ROW + legend::ROW / 2.0;
        marks::sample(&mut out, entry.series, entry.style, EDGE + entry.x, y);
        let x = EDGE + entry.x + legend::sample_width(entry.series) + 3.0;
        put!(
            out,
            "<text class=\"t\" x=\"{x:.2}\" y=\"{:.2}\">{}</text>",
            y + 2.5,
            escape(&entry.series.name)
        );
    }
    out.push_str("</svg>\n");
    Ok(out)
}

fn check(figure: &Figure) -> Result<(), PlotError> {
    if figure.series.iter().all(|series| series.points.is_empty()) {
        return Err(PlotError::Empty(figure.title.clone()));
    }
    for series in &figure.series {
        for Point { x, y, low, high } in &series.points {
            if ![x, y, low, high].into_iter().all(|value| value.is_finite()) {
                return Err(PlotError::NotFinite(series.name.clone()));
            }
            if !(low..=high).contains(&y) {
                return Err(PlotError::Interval(series.name.clone(), *low, *high, *y));
            }
        }
    }
    let bad = figure.references.iter().find(|reference| !reference.at.is_finite());
    bad.map_or(Ok(()), |bad| Err(PlotError::NotFinite(bad.label.clone())))
}

/// A short name that differs between figures of one page.
fn id(figure: &Figure) -> String {
    let hash = blake3::hash(format!("{figure:?}").as_bytes()).to_hex();
    format!("f{}", &hash.as_str()[..8])
}

fn head(figure: &Figure, own_file: bool, wide: f64, high: f64, id: &str, place: &Place) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"lf\" width=\"{}mm\" height=\"{}mm\" \
         viewBox=\"0 0 {wide:.2} {high:.2}\" role=\"img\" aria-labelledby=\"{id}-t\">\
         <title id=\"{id}-t\">{}</title>",
        SIZE_MM.0,
        SIZE_MM.1,
        escape(&figure.title)
    );
    if own_file {
        put!(out, "<style>{}</style>", style::of_file());
        put!(out, "<rect class=\"h\" width=\"{wide:.2}\" height=\"{high:.2}\"/>");
    }
    put!(
        out,
        "<defs><clipPath id=\"{id}-c\"><rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\"/></clipPath>",
        place.left - MARK,
        place.top - MARK,
        place.width + 2.0 * MARK,
        place.height + 2.0 * MARK
    );
    out.push_str("</defs>");
    out
}

fn grid(out: &mut String, place: &Place, x: &[Tick], y: &[Tick], categories: bool) {
    let mut path = String::new();
    if !categories {
        for tick in x.iter().filter(|tick| !tick.label.is_empty()) {
            put!(path, "M{:.2} {:.2}v{:.2}", place.x(tick.at), place.top, place.height);
        }
    }
    for tick in y.iter().filter(|tick| !tick.label.is_empty()) {
        put!(path, "M{:.2} {:.2}h{:.2}", place.left, place.y(tick.at), place.width);
    }
    put!(out, "<path class=\"g\" d=\"{path}\"/>");
}

fn reference_lines(out: &mut String, figure: &Figure, place: &Place) {
    for reference in &figure.references {
        let x = place.x(reference.at);
        put!(out, "<path class=\"r\" d=\"M{x:.2} {:.2}v{:.2}\"/>", place.top, place.height);
    }
}

/// Labels of reference lines, above the frame.
fn reference_labels(out: &mut String, figure: &Figure, place: &Place) {
    for reference in &figure.references {
        if reference.label.is_empty() || !place.x.holds(reference.at) {
            continue;
        }
        let wide = width(&reference.label, TICK);
        let most = place.left + place.width - wide;
        let x = (place.x(reference.at) - wide / 2.0).min(most).max(0.0);
        put!(
            out,
            "<text class=\"t o\" x=\"{x:.2}\" y=\"{:.2}\">{}</text>",
            place.top - 2.5,
            escape(&reference.label)
        );
    }
}

/// Labels of categories: in lines below each other, or slanted where a word is wider than its slot.
struct Labels {
    lines: Vec<Vec<String>>,
    slanted: bool,
    height: f64,
}

fn category_labels(figure: &Figure, frame_width: f64) -> Labels {
    let Some(names) = figure.x.names() else {
        return Labels { lines: Vec::new(), slanted: false, height: TICK * LINE };
    };
    let slot = frame_width / names.len().max(1) as f64 - 3.0;
    let lines: Vec<Vec<String>> = names.iter().map(|name| wrap(name, TICK, slot)).collect();
    let widest = lines.iter().flatten().map(|line| width(line, TICK)).fold(0.0, f64::max);
    let most = lines.iter().map(Vec::len).max().unwrap_or(1).max(1);
    if widest <= slot && most <= 3 {
        return Labels { lines, slanted: false, height: most as f64 * TICK * LINE };
    }
    let longest = names.iter().map(|name| width(name, TICK)).fold(0.0, f64::max);
    let lines = names.iter().map(|name| vec![name.clone()]).collect();
    // The sine of 35 degrees is 0.574.
    Labels { lines, slanted: true, height: (longest * 0.574 + TICK).min(70.0) }
}

fn axes(out: &mut String, place: &Place, x: &[Tick], y: &[Tick], names: &Labels, categories: bool) {
    let Place { left, top, width: wide, height, .. } = *place;
    let bottom = top + height;
    let mut path = format!("M{left:.2} {top:.2}v{height:.2}h{wide:.2}");
    let length = |tick: &Tick| if tick.label.is_empty() { 1.5 } else { 3.0 };
    for tick in x.iter().filter(|_| !categories) {
        put!(path, "M{:.2} {bottom:.2}v{}", place.x(tick.at), length(tick));
    }
    for tick in y {
        put!(path, "M{left:.2} {:.2}h-{}", place.y(tick.at), length(tick));
    }
    put!(out, "<path class=\"a\" d=\"{path}\"/>");
    for tick in y.iter().filter(|tick| !tick.label.is_empty()) {
        put!(
            out,
            "<text class=\"t\" x=\"{:.2}\" y=\"{:.2}\" text-anchor=\"end\">{}</text>",
            left - 4.5,
            place.y(tick.at) + 2.4,
            escape(&tick.label)
        );
    }
    let base = bottom + 3.5 + TICK;
    if !categories {
        for tick in x.iter().filter(|tick| !tick.label.is_empty()) {
            put!(
                out,
                "<text class=\"t\" x=\"{:.2}\" y=\"{base:.2}\" text-anchor=\"middle\">{}</text>",
                place.x(tick.at),
                escape(&tick.label)
            );
        }
    }
    for (number, lines) in names.lines.iter().enumerate() {
        let x = place.x(number as f64);
        for (row, line) in lines.iter().enumerate() {
            let y = base + row as f64 * TICK * LINE;
            let (anchor, turn) = if names.slanted {
                ("end", format!(" transform=\"rotate(-35 {:.2} {y:.2})\"", x + 3.0))
            } else {
                ("middle", String::new())
            };
            let x = if names.slanted { x + 3.0 } else { x };
            put!(
                out,
                "<text class=\"t\" x=\"{x:.2}\" y=\"{y:.2}\" text-anchor=\"{anchor}\"{turn}>{}</text>",
                escape(line)
            );
        }
    }
}

fn titles(
    out: &mut String,
    place: &Place,
    x_lines: &[String],
    y_lines: &[String],
    (wide, high): (f64, f64),
) {
    // Centred on the frame, and moved where it would leave the figure.
    let longest = x_lines.iter().map(|line| width(line, LABEL)).fold(0.0, f64::max);
    let most = wide - EDGE - longest / 2.0;
    let middle = (place.left + place.width / 2.0).min(most).max(EDGE + longest / 2.0);
    for (row, line) in x_lines.iter().rev().enumerate() {
        put!(
            out,
            "<text x=\"{middle:.2}\" y=\"{:.2}\" text-anchor=\"middle\">{}</text>",
            high - EDGE - 1.0 - row as f64 * LABEL * LINE,
            escape(line)
        );
    }
    let centre = place.top + place.height / 2.0;
    for (row, line) in y_lines.iter().enumerate() {
        let x = EDGE + LABEL + row as f64 * LABEL * LINE - 1.0;
        put!(
            out,
            "<text x=\"{x:.2}\" y=\"{centre:.2}\" text-anchor=\"middle\" \
             transform=\"rotate(-90 {x:.2} {centre:.2})\">{}</text>",
            escape(line)
        );
    }
}
