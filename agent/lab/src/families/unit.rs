//! A measurement that is kept in another unit, in whole steps. The tool names unit and step.

use super::{Helper, Quirk, Values, number};
use crate::draw::{Draw, seal};
use crate::invocation::{Answer, Invocation};
use std::collections::BTreeMap;

/// Units with how many of them a foot is, as a fraction.
const UNITS: [(&str, u64, u64); 6] = [
    ("millimetres", 3048, 10),
    ("centimetres", 3048, 100),
    ("metres", 3048, 10_000),
    ("inches", 12, 1),
    ("yards", 1, 3),
    ("fathoms", 1, 6),
];

/// The quirk.
#[derive(Debug)]
pub(crate) struct Unit {
    unit: String,
    numerator: u64,
    denominator: u64,
    step: u64,
    secret: u64,
}

impl Unit {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let unit = quirk.text("measure");
        let known = UNITS.iter().find(|(name, ..)| *name == unit);
        let (_, numerator, denominator) = *known.unwrap_or(&UNITS[0]);
        Self {
            unit,
            numerator,
            denominator,
            step: quirk.number("pace").max(1),
            secret: quirk.secret(),
        }
    }

    /// Whole steps in `feet`, rounded down.
    fn steps(&self, feet: u64) -> u64 {
        feet * self.numerator / (self.denominator * self.step)
    }

    /// Returns true when rounding to the nearest gives another number than rounding down. Only such tasks are
    /// set: otherwise users would learn two rules, and one of them would be wrong.
    const fn tells_rounding(&self, feet: u64) -> bool {
        let whole = self.denominator * self.step;
        2 * (feet * self.numerator % whole) > whole + 1
    }

    /// The station's own plan, so that the tool can tell a wrong value; only a digest of it is kept.
    fn plan(&self, id: &str, steps: &str) -> String {
        seal(self.secret, &["plan", id, steps])
    }

    fn answer(&self, id: &str) -> String {
        format!("marker {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Helper for Unit {
    fn draw(&self, values: &mut Values, draw: &mut Draw) {
        // Five digits: never one of the constants of a conversion.
        while !self.tells_rounding(number(values, "reading")) {
            let feet = draw.between(10_001, 99_999);
            values.insert("reading".to_owned(), feet.to_string());
        }
    }

    fn files(&self, values: &Values, _draw: &mut Draw) -> BTreeMap<String, String> {
        let id = &values["id"];
        let plan = self.plan(id, &self.steps(number(values, "reading")).to_string());
        BTreeMap::from([(format!("plan/{id}"), plan)])
    }

    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "tidelog" {
            return None;
        }
        let [verb, id] = call.positional.as_slice() else {
            return Some(Answer::fail(2, "usage: tidelog add ID --depth N -o FILE"));
        };
        let depth = call.option("--depth").unwrap_or("");
        let plan = std::fs::read_to_string(format!("plan/{id}")).unwrap_or_default();
        Some(if verb == "add" && plan == self.plan(id, depth) {
            call.write(&self.answer(id))
        } else {
            Answer::fail(
                9,
                format!(
                    "tidelog: --depth '{depth}' refused: it is counted in whole steps of {} {}",
                    self.step, self.unit
                ),
            )
        })
    }
}
