//! Axes: scale, range, ticks and their labels.

use super::PlotError;

#[derive(Debug, Clone, PartialEq)]
enum Scale {
    Linear,
    Log,
    Categories(Vec<String>),
}

/// An axis with its label and unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    label: String,
    unit: String,
    scale: Scale,
    range: Option<(f64, f64)>,
}

/// A tick.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    /// Empty for a minor tick.
    pub(super) label: String,
}

/// An axis with its ends: places of values from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    pub(super) low: f64,
    pub(super) high: f64,
    log: bool,
}

impl Span {
    /// Place of a value, 0 at the low end and 1 at the high one.
    pub(super) fn place(self, value: f64) -> f64 {
        if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    pub(super) fn holds(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

impl Axis {
    /// A linear axis. The unit stands in parentheses behind the label; empty: a plain number.
    pub fn new(label: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { label: label.into(), unit: unit.into(), scale: Scale::Linear, range: None }
    }

    /// An axis of categories, numbered from 0 in this order.
    pub fn categories(
        label: impl Into<String>,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        Self { scale: Scale::Categories(names), ..Self::new(label, "") }
    }

    /// The same axis with a logarithmic scale.
    #[must_use]
    pub fn log(self) -> Self {
        Self { scale: Scale::Log, ..self }
    }

    /// Fixed ends. Without them the values decide; a linear axis then starts at zero when that is near.
    #[must_use]
    pub const fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// Label with unit.
    pub(super) fn title(&self) -> String {
        if self.unit.is_empty() {
            self.label.clone()
        } else {
            format!("{} ({})", self.label, self.unit)
        }
    }

    pub(super) fn names(&self) -> Option<&[String]> {
        match &self.scale {
            Scale::Categories(names) => Some(names),
            Scale::Linear | Scale::Log => None,
        }
    }

    /// Ends of the axis for these values. `room` widens it a little, so that no marker sits on the frame.
    pub(super) fn span(&self, values: &[f64], room: bool) -> Result<Span, PlotError> {
        let log = self.scale == Scale::Log;
        if let Scale::Categories(names) = &self.scale {
            return Ok(Span { low: -0.5, high: names.len() as f64 - 0.5, log });
        }
        if log && let Some(bad) = values.iter().find(|value| **value <= 0.0) {
            return Err(PlotError::NotPositive(self.label.clone(), *bad));
        }
        if let Some((low, high)) = self.range {
            if low >= high || !low.is_finite() || !high.is_finite() || (log && low <= 0.0) {
                return Err(PlotError::Interval(self.label.clone(), low, high, low));
            }
            return Ok(Span { low, high, log });
        }
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if log {
            if high / low < 1.2 {
                return Ok(Span { low: low / 2.0, high: high * 2.0, log });
            }
            let room = if room { (high / low).max(2.0).powf(0.05) } else { 1.0 };
            return Ok(Span { low: low / room, high: high * room, log });
        }
        let wide = if high > low { high - low } else { high.abs().max(1.0) };
        let near_zero = low >= 0.0 && low <= high * 0.5;
        let margin = if room { wide * 0.05 } else { 0.0 };
        let bottom = if near_zero { 0.0 } else { low - margin };
        let top = if high <= 0.0 && high >= low * 0.5 { 0.0 } else { high + margin };
        if bottom < top {
            Ok(Span { low: bottom, high: top, log })
        } else {
            Ok(Span { low: bottom - wide / 2.0, high: top + wide / 2.0, log })
        }
    }

    /// Ticks within the span, about `count` of them with a label.
    pub(super) fn ticks(&self, span: Span, count: usize) -> Vec<Tick> {
        match &self.scale {
            Scale::Categories(names) => names
                .iter()
                .enumerate()
                .map(|(at, name)| Tick { at: at as f64, label: name.clone() })
                .collect(),
            Scale::Linear => linear(span, count),
            Scale::Log => logarithmic(span, count),
        }
    }
}

/// Multiples of 1, 2 or 5 times a power of ten, as near to `count` ticks as these allow.
fn linear(span: Span, count: usize) -> Vec<Tick> {
    let raw = (span.high - span.low) / count.max(2) as f64;
    let power = 10_f64.powf(raw.log10().floor());
    // The bounds are geometric means of neighbours: 1 and 2, 2 and 5, 5 and 10.
    let step = match raw / power {
        ratio if ratio < 2_f64.sqrt() => power,
        ratio if ratio < 10_f64.sqrt() => 2.0 * power,
        ratio if ratio < 50_f64.sqrt() => 5.0 * power,
        _ => 10.0 * power,
    };
    let first = (span.low / step - 1e-9).ceil() as i64;
    let last = (span.high / step + 1e-9).floor() as i64;
    let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
    (first..=last)
        .map(|at| at as f64 * step)
        .map(|at| Tick { at, label: number(at, decimals) })
        .collect()
}

/// Decades, with 2 and 5 between them when there are few; the other digits become minor ticks.
fn logarithmic(span: Span, count: usize) -> Vec<Tick> {
    let (first, last) = (span.low.log10().floor() as i32, span.high.log10().ceil() as i32);
    let decades = (span.high / span.low).log10();
    let every = ((decades / count.max(2) as f64).ceil() as i32).max(1);
    let labelled: &[i32] = if decades <= count as f64 / 3.0 {
        &[1, 2, 5]
    } else if decades <= count as f64 / 2.0 {
        &[1, 3]
    } else {
        &[1]
    };
    let mut ticks = Vec::new();
    for power in first..=last {
        for digit in 1..10 {
            let at = f64::from(digit) * 10_f64.powi(power);
            let inside = at >= span.low * (1.0 - 1e-9) && at <= span.high * (1.0 + 1e-9);
            if !inside || (every > 1 && digit > 1) {
                continue;
            }
            let label = if labelled.contains(&digit) && power.rem_euclid(every) == 0 {
                number(at, usize::try_from(-power).unwrap_or(0))
            } else {
                String::new()
            };
            ticks.push(Tick { at, label });
        }
    }
    ticks
}

/// A number with so many decimals, thousands set apart; very large and small ones as a power of ten.
fn number(value: f64, decimals: usize) -> String {
    let size = value.abs();
    if value != 0.0 && !(1e-4..1e6).contains(&size) {
        let power = size.log10().floor() as i32;
        let digits = format!("{:.3}", value / 10_f64.powi(power));
        let digits = digits.trim_end_matches('0').trim_end_matches('.');
        let raised: String = power.to_string().chars().map(raise).collect();
        return if digits == "1" { format!("10{raised}") } else { format!("{digits}×10{raised}") };
    }
    let text = format!("{size:.decimals$}");
    let (whole, rest) =
        text.split_once('.').map_or((text.as_str(), ""), |(whole, rest)| (whole, rest));
    let mut out = String::new();
    if value < 0.0 {
        out.push('\u{2212}');
    }
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && whole.len() > 4 && (whole.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !rest.is_empty() {
        out.push('.');
        out.push_str(rest);
    }
    out
}

const fn raise(letter: char) -> char {
    match letter {
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        _ => '⁻',
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn labels(axis: &Axis, low: f64, high: f64) -> Vec<String> {
        let ticks = axis.ticks(Span { low, high, log: axis.scale == Scale::Log }, 5);
        ticks.into_iter().map(|tick| tick.label).filter(|label| !label.is_empty()).collect()
    }

    #[test]
    fn ticks_are_round_numbers_within_the_axis() {
        let linear = Axis::new("a", "");
        assert_eq!(labels(&linear, 0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&linear, 0.0, 47_000.0), ["0", "10,000", "20,000", "30,000", "40,000"]);
        assert_eq!(labels(&linear, -3.0, 3.0), ["−3", "−2", "−1", "0", "1", "2", "3"]);
        let log = Axis::new("a", "").log();
        assert_eq!(labels(&log, 1.0, 8.0), ["1", "2", "5"]);
        assert_eq!(labels(&log, 0.01, 100.0), ["0.01", "0.1", "1", "10", "100"]);
        assert_eq!(
            labels(&log, 1.0, 1e8),
            ["1", "100", "10⁴", "10⁶", "10⁸"]
                .map(str::to_owned)
                .map(|label| { if label == "10⁴" { "10,000".to_owned() } else { label } })
        );
    }

    #[test]
    fn a_single_value_has_an_axis_too() {
        for axis in [Axis::new("a", ""), Axis::new("a", "").log()] {
            for value in [5.0, 1e-3] {
                let span = axis.span(&[value], true).unwrap();
                assert!(span.low < value && value < span.high, "{span:?}");
                assert!(axis.ticks(span, 4).len() > 1, "{span:?}");
            }
        }
        assert!(Axis::new("a", "").span(&[0.0], true).unwrap().low <= 0.0);
    }
}
