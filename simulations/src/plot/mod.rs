//! Figures as SVG text: the same bytes on every run, legible at a column of 85 mm, in grey too.
//!
//! ```
//! use lore_simulations::plot::{Axis, Figure, Point, Series};
//!
//! let x = Axis::new("Nodes in the federation", "");
//! let y = Axis::new("Standard error of a success rate", "%");
//! let line = [(1.0, 8.9, 8.0, 9.9), (20.0, 3.0, 2.6, 3.3)].map(|(x, y, low, high)| Point { x, y, low, high });
//! let figure = Figure::new("Error by size", x.log(), y).with(Series::line("epsilon 2", line));
//! assert!(figure.to_svg().unwrap().starts_with("<svg"));
//! # Ok::<(), lore_simulations::plot::PlotError>(())
//! ```

/// Appends text; writing to a String cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        use std::fmt::Write as _;
        let _ = write!($out, $($arg)*);
    }};
}

mod axis;
mod draw;
mod legend;
mod marks;
mod style;
mod text;

pub use axis::Axis;
pub use style::PAGE_STYLE;
pub(crate) use text::escape;

/// Why a figure cannot be drawn.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlotError {
    /// No series has a point.
    #[error("figure `{0}` has no points; leave it out")]
    Empty(String),
    /// A coordinate that is no number.
    #[error("series `{0}` has a point that is not finite; leave the point out")]
    NotFinite(String),
    /// A value at or below zero on a logarithmic axis.
    #[error(
        "axis `{0}` is logarithmic, but has a value of {1}; use a linear axis or leave the point out"
    )]
    NotPositive(String, f64),
    /// The bounds of an interval do not hold its value, or a range is empty.
    #[error("`{0}`: {1} to {2} does not hold {3}")]
    Interval(String, f64, f64, f64),
}

/// A value with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Place on the x axis; on an axis of categories the number of the category, from 0.
    pub x: f64,
    /// Value.
    pub y: f64,
    /// Lower end of the interval; `y` where there is none.
    pub low: f64,
    /// Upper end of the interval; `y` where there is none.
    pub high: f64,
}

/// Form in which a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Line in the order of x, intervals as a band.
    Line,
    /// Markers, intervals as bars with caps.
    Points,
}

/// Values of one arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Form.
    pub form: Form,
    /// Points, in any order.
    pub points: Vec<Point>,
}

impl Series {
    /// A series of any form.
    pub fn new(
        form: Form,
        name: impl Into<String>,
        points: impl IntoIterator<Item = Point>,
    ) -> Self {
        let mut points: Vec<Point> = points.into_iter().collect();
        points.sort_by(|one, other| one.x.total_cmp(&other.x));
        Self { name: name.into(), form, points }
    }

    /// A line; intervals become a band.
    pub fn line(name: impl Into<String>, points: impl IntoIterator<Item = Point>) -> Self {
        Self::new(Form::Line, name, points)
    }
}

/// A dashed upright reference line with a short label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reference {
    at: f64,
    label: String,
}

/// A figure: two axes, series, reference lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What it shows, for screen readers and as the caption of a report. It is not drawn.
    pub title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: Vec<Series>,
    pub(crate) references: Vec<Reference>,
}

impl Figure {
    /// An empty figure of 85 mm by 62 mm, one column of a paper.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        let (series, references) = (Vec::new(), Vec::new());
        Self { title: title.into(), x, y, series, references }
    }

    /// Adds a series. Colour, dash and marker follow from its place: give arms the same place in every
    /// figure of a report.
    #[must_use]
    pub fn with(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Adds an upright reference line: a moment, or a size from which something holds.
    #[must_use]
    pub fn mark_x(mut self, at: f64, label: impl Into<String>) -> Self {
        self.references.push(Reference { at, label: label.into() });
        self
    }

    /// A file of its own: white ground, colours for print.
    ///
    /// # Errors
    /// Fails when there is nothing to draw, or a value has no place on its axis.
    pub fn to_svg(&self) -> Result<String, PlotError> {
        draw::figure(self, true)
    }

    /// For a page with [`PAGE_STYLE`] in it: no ground, colours follow the page's light or dark theme.
    ///
    /// # Errors
    /// As [`Self::to_svg`].
    pub fn to_inline_svg(&self) -> Result<String, PlotError> {
        draw::figure(self, false)
    }
}

#[cfg(test)]
mod tests;
