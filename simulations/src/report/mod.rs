//! Reports: one HTML file that needs nothing beside it, and a short Markdown with its figures as SVG files.
//!
//! Both end with the command and the config that reproduce them, and hold no date and no path, so that
//! the same results give the same bytes.

mod html;
mod markdown;

use std::io;
use std::path::{Path, PathBuf};

use crate::files;
use crate::plot::{Figure, PlotError};

/// Why a report cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A figure cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// A part of a report, in the order in which it is read.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Heading(String),
    Text(String),
    Figure { figure: Box<Figure>, caption: String },
    Table { header: Vec<String>, rows: Vec<Vec<String>> },
}

/// A report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    title: String,
    command: String,
    config: String,
    parts: Vec<Part>,
}

/// A report as Markdown, and the files beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markdown {
    /// Text.
    pub text: String,
    /// Names and contents of the SVG files that the text shows.
    pub figures: Vec<(String, String)>,
}

impl Report {
    /// An empty report. `command` reproduces it, `config` is the scenario or sweep as a text.
    pub fn new(
        title: impl Into<String>,
        command: impl Into<String>,
        config: impl Into<String>,
    ) -> Self {
        let (title, command, config) = (title.into(), command.into(), config.into());
        Self { title, command, config, parts: Vec::new() }
    }

    /// Adds a heading.
    #[must_use]
    pub fn heading(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Heading(text.into()));
        self
    }

    /// Adds a paragraph: plain text, no markup.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Text(text.into()));
        self
    }

    /// Adds a figure. The caption says what the band or interval is, and of how many seeds.
    #[must_use]
    pub fn figure(mut self, figure: Figure, caption: impl Into<String>) -> Self {
        self.parts.push(Part::Figure { figure: Box::new(figure), caption: caption.into() });
        self
    }

    /// Adds a table. Columns whose cells all start with a digit or a sign stand to the right.
    #[must_use]
    pub fn table(
        mut self,
        header: impl IntoIterator<Item = impl Into<String>>,
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Self {
        let header = header.into_iter().map(Into::into).collect();
        self.parts.push(Part::Table { header, rows: rows.into_iter().collect() });
        self
    }

    /// Adds the section on what the results do not show; every study needs one.
    #[must_use]
    pub fn limits(self, text: impl Into<String>) -> Self {
        self.heading("What this does not show").text(text)
    }

    /// One HTML file: figures inline, light and dark by the reader's setting.
    ///
    /// # Errors
    /// Fails when a figure cannot be drawn.
    pub fn to_html(&self) -> Result<String, PlotError> {
        html::page(self)
    }

    /// Markdown whose figures are files named `{stem}-1.svg` and so on.
    ///
    /// # Errors
    /// Fails when a figure cannot be drawn.
    pub fn to_markdown(&self, stem: &str) -> Result<Markdown, PlotError> {
        markdown::document(self, stem)
    }

    /// Writes `{stem}.html`, `{stem}.md` and its figures into a directory; returns the path of the HTML.
    ///
    /// # Errors
    /// Fails when a figure cannot be drawn or a file cannot be written.
    pub fn write(&self, directory: &Path, stem: &str) -> Result<PathBuf, ReportError> {
        let page = directory.join(format!("{stem}.html"));
        let html = self.to_html()?;
        let markdown = self.to_markdown(stem)?;
        for (name, svg) in &markdown.figures {
            files::write(&directory.join(name), svg.as_bytes())?;
        }
        files::write(&directory.join(format!("{stem}.md")), markdown.text.as_bytes())?;
        files::write(&page, html.as_bytes())?;
        Ok(page)
    }
}

/// For each column, true when all its cells look like numbers.
fn numeric(rows: &[Vec<String>], columns: usize) -> Vec<bool> {
    let number = |cell: &String| {
        cell.is_empty()
            || cell == "-"
            || cell
                .trim_start_matches(['-', '+', '\u{2212}', '<', '>', ' '])
                .starts_with(|letter: char| letter.is_ascii_digit())
    };
    (0..columns).map(|column| rows.iter().filter_map(|row| row.get(column)).all(number)).collect()
}

#[cfg(test)]
mod tests;
