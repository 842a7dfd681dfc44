//! A study's page as a report.

use super::facts::Facts;
use super::page::{Chart, Page, Scale};
use crate::plot::{Axis, Figure, Point, Series};
use crate::report::Report;

fn axis(scale: &Scale) -> Axis {
    let axis = Axis::new(scale.label.clone(), scale.unit.clone());
    let axis = if scale.log { axis.log() } else { axis };
    match scale.range {
        Some((low, high)) => axis.range(low, high),
        None => axis,
    }
}

/// The figure of a chart. Values that have no place on a logarithmic axis are left out.
#[must_use]
pub fn figure(chart: &Chart) -> Figure {
    let mut figure = Figure::new(chart.title.clone(), axis(&chart.x), axis(&chart.y));
    for curve in &chart.curves {
        let fits = |low: f64, log: bool| low.is_finite() && (!log || low > 0.0);
        let points = curve.points.iter().filter(|point| {
            fits(point.x, chart.x.log)
                && fits(point.y.low.min(point.y.mean), chart.y.log)
                && point.y.high.is_finite()
        });
        // An interval of resamples may leave the estimate out by a hair; a band must hold it.
        let points = points.map(|point| Point {
            x: point.x,
            y: point.y.mean,
            low: point.y.low.min(point.y.mean),
            high: point.y.high.max(point.y.mean),
        });
        let points: Vec<Point> = points.collect();
        if !points.is_empty() {
            figure = figure.with(Series::line(curve.label.clone(), points));
        }
    }
    for (at, label) in &chart.marks {
        figure = figure.mark_x(*at, label.clone());
    }
    figure
}

/// The report of a page. `command` makes it again, `config` is the study's file.
#[must_use]
pub fn report(page: &Page, facts: &Facts, command: &str, config: &str) -> Report {
    let mut report = Report::new(page.title.clone(), command, config).text(page.question.clone());
    report = report.heading("What came out");
    for text in &page.answer {
        report = report.text(text.clone());
    }
    for chart in &page.charts {
        report = report.figure(figure(chart), format!("{}. {}", chart.title, chart.caption));
    }
    for sheet in &page.sheets {
        report = report.text(sheet.caption.clone());
        report = report.table(sheet.columns.clone(), sheet.rows.clone());
    }
    report = report.heading("What was simulated");
    for text in &page.method {
        report = report.text(text.clone());
    }
    report = report.heading("Measured and assumed");
    let facts = page.fact_lines(facts);
    let assumed = page.assumed.iter().map(|what| {
        vec![what.clone(), "assumed".to_owned(), "the study's file or its method".to_owned()]
    });
    let rows = facts.into_iter().map(|line| line.to_vec()).chain(assumed);
    report = report.table(["number", "basis", "source"], rows.collect::<Vec<_>>());
    report.limits(page.limits.clone())
}
