//! A measurement that is kept in another unit, in whole steps. The tool names unit and step.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};

const WORDINGS: [&str; 5] = [
    "Please log the harbor calibration at marker {id}: {n} feet, reply in {out}.",
    "Harbor marker {id} was measured at {n} feet. Log the calibration and save the reply as {out}.",
    "Log a calibration of {n} feet for harbor marker {id}; the reply goes to {out}.",
    "For the harbor: marker {id}, calibration {n} feet, reply to {out}.",
    "Marker {id} has a calibration of {n} feet. Log it, with the reply in {out}.",
];

/// Units with how many of them a foot is, as a fraction.
const UNITS: [(&str, u64, u64); 6] = [
    ("millimetres", 3048, 10),
    ("centimetres", 3048, 100),
    ("metres", 3048, 10_000),
    ("inches", 12, 1),
    ("yards", 1, 3),
    ("fathoms", 1, 6),
];

/// Primes that no conversion above cancels, so that steps and feet never come out even.
const STEPS: [u64; 12] = [7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unit {
    unit: String,
    numerator: u64,
    denominator: u64,
    step: u64,
    secret: u64,
}

impl Unit {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        let (unit, numerator, denominator) = *draw.pick(&UNITS);
        Self {
            unit: unit.to_owned(),
            numerator,
            denominator,
            step: *draw.pick(&STEPS),
            secret: draw.below(u64::MAX),
        }
    }

    /// Whole steps in `feet`, rounded down.
    fn steps(&self, feet: u64) -> u64 {
        feet * self.numerator / (self.denominator * self.step)
    }

    /// Whether rounding to the nearest gives another number than rounding down. Only such tasks are
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

impl Family for Unit {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        // Five digits: never one of the constants of a conversion.
        let feet = loop {
            let feet = draw.between(10_001, 99_999);
            if self.tells_rounding(feet) {
                break feet;
            }
        };
        let text = feet.to_string();
        let documented = format!("tidelog add {id} --depth {text} -o {out}");
        let wanted = (out.clone(), self.answer(&id));
        let fields = [("id", id.as_str()), ("out", &out), ("n", &text)];
        let plan = self.plan(&id, &self.steps(feet).to_string());
        Task::new(draw, &WORDINGS, &fields, &documented, wanted)
            .with_file(&format!("plan/{id}"), plan)
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
