//! Marks of series: lines with bands, markers with whiskers, and their samples in the legend.

use super::draw::Place;
use super::style::{self, Marker};
use super::{Figure, Form, Series, legend};

pub(super) fn bands(out: &mut String, figure: &Figure, place: &Place) {
    for (style, series) in figure.series.iter().enumerate() {
        let wide = series.points.iter().any(|point| point.low < point.high);
        if series.form != Form::Line || !wide {
            continue;
        }
        let mut path = String::new();
        for (number, point) in series.points.iter().enumerate() {
            let letter = if number == 0 { 'M' } else { 'L' };
            put!(path, "{letter}{:.2} {:.2}", place.x(point.x), place.y(point.high));
        }
        for point in series.points.iter().rev() {
            put!(path, "L{:.2} {:.2}", place.x(point.x), place.y(point.low));
        }
        put!(out, "<path class=\"b p{}\" d=\"{path}Z\"/>", style::colour(style));
    }
}

pub(super) fn line(out: &mut String, series: &Series, style: usize, place: &Place) {
    let mut path = String::new();
    for (number, point) in series.points.iter().enumerate() {
        let letter = if number == 0 { 'M' } else { 'L' };
        put!(path, "{letter}{:.2} {:.2}", place.x(point.x), place.y(point.y));
    }
    put!(
        out,
        "<path class=\"l s{}\" stroke-dasharray=\"{}\" d=\"{path}\"/>",
        style::colour(style),
        style::dash(style)
    );
    // Markers on long lines are thinned out; a single point would be no line at all.
    let every = series.points.len().div_ceil(10).max(1);
    for point in series.points.iter().skip(style * every / 5 % every).step_by(every) {
        marker(out, style, place.x(point.x), place.y(point.y));
    }
}

fn marker(out: &mut String, style: usize, x: f64, y: f64) {
    let colour = style::colour(style);
    let class = format!("class=\"h s{colour}\" stroke-width=\"1\"");
    match style::marker(style) {
        Marker::Circle => put!(out, "<circle {class} cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"1.9\"/>"),
        Marker::Square => put!(
            out,
            "<rect {class} x=\"{:.2}\" y=\"{:.2}\" width=\"3.4\" height=\"3.4\"/>",
            x - 1.7,
            y - 1.7
        ),
        Marker::Triangle => {
            put!(out, "<path {class} d=\"M{x:.2} {:.2}l2.3 4h-4.6z\"/>", y - 2.5);
        }
        Marker::Diamond => {
            put!(out, "<path {class} d=\"M{x:.2} {:.2}l2.5 2.5l-2.5 2.5l-2.5 -2.5z\"/>", y - 2.5);
        }
        Marker::Cross => put!(
            out,
            "<path {class} d=\"M{:.2} {:.2}l3.6 3.6m0 -3.6l-3.6 3.6\"/>",
            x - 1.8,
            y - 1.8
        ),
    }
}

/// Place of a series beside the others at one x: offset and width of its slot, in points.
fn slot(figure: &Figure, style: usize, place: &Place) -> (f64, f64) {
    let beside = figure.series.iter().filter(|series| series.form != Form::Line).count().max(1);
    let before =
        figure.series.iter().take(style).filter(|series| series.form != Form::Line).count();
    if figure.x.names().is_none() {
        // A few points apart, so that equal values of two arms stay apart too.
        let step = 4.5_f64.min(18.0 / beside as f64);
        return ((before as f64 - (beside - 1) as f64 / 2.0) * step, step);
    }
    let category = place.width / (place.x.high - place.x.low);
    let wide = category * 0.76 / beside as f64;
    ((before as f64 - (beside - 1) as f64 / 2.0) * wide, wide)
}

fn whisker(out: &mut String, class: &str, x: f64, low: f64, high: f64) {
    if (low - high).abs() > 0.01 {
        put!(
            out,
            "<path class=\"w {class}\" d=\"M{:.2} {high:.2}h4M{x:.2} {high:.2}V{low:.2}M{:.2} {low:.2}h4\"/>",
            x - 2.0,
            x - 2.0
        );
    }
}

pub(super) fn points(
    out: &mut String,
    figure: &Figure,
    series: &Series,
    style: usize,
    place: &Place,
) {
    let (offset, _) = slot(figure, style, place);
    let class = format!("s{}", style::colour(style));
    for point in &series.points {
        let x = place.x(point.x) + offset;
        whisker(out, &class, x, place.y(point.low), place.y(point.high));
        marker(out, style, x, place.y(point.y));
    }
}

pub(super) fn sample(out: &mut String, series: &Series, style: usize, x: f64, y: f64) {
    let colour = style::colour(style);
    match series.form {
        Form::Line => {
            put!(
                out,
                "<path class=\"l s{colour}\" stroke-dasharray=\"{}\" d=\"M{x:.2} {y:.2}h{}\"/>",
                style::dash(style),
                legend::SAMPLE
            );
            marker(out, style, x + legend::SAMPLE / 2.0, y);
        }
        Form::Points => {
            let middle = x + legend::sample_width(series) / 2.0;
            whisker(out, &format!("s{colour}"), middle, y + 4.0, y - 4.0);
            marker(out, style, middle, y);
        }
    }
}
