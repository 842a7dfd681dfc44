//! The legend: entries in rows above the frame, as many in a row as fit.

use super::text::width;
use super::{Figure, Form, Series};

/// Width of the sample of a line before its name.
pub(super) const SAMPLE: f64 = 18.0;
/// Height of a row.
pub(super) const ROW: f64 = 10.5;
const GAP: f64 = 8.0;
const SIZE: f64 = 7.0;

/// Width of the sample before a name.
pub(super) fn sample_width(series: &Series) -> f64 {
    match series.form {
        Form::Line => SAMPLE,
        Form::Points => 7.0,
    }
}

/// Place of an entry: x and row.
pub(super) struct Entry<'a> {
    pub(super) x: f64,
    pub(super) row: usize,
    pub(super) series: &'a Series,
    /// Place of the series in the figure, which is its style.
    pub(super) style: usize,
}

/// Entries with their places in `most` points, and the number of rows. One series without a name has none.
pub(super) fn entries(figure: &Figure, most: f64) -> (Vec<Entry<'_>>, usize) {
    let (mut x, mut row) = (0.0, 0);
    let mut out = Vec::new();
    for (style, series) in figure.series.iter().enumerate() {
        if series.name.is_empty() || series.points.is_empty() {
            continue;
        }
        let wide = sample_width(series) + 3.0 + width(&series.name, SIZE) + GAP;
        if x > 0.0 && x + wide - GAP > most {
            (x, row) = (0.0, row + 1);
        }
        out.push(Entry { x, row, series, style });
        x += wide;
    }
    let rows = if out.is_empty() { 0 } else { row + 1 };
    (out, rows)
}
