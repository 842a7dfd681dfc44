//! A day that is written in the site's own way. The tool names the way.

use super::{Helper, Quirk, Values};
use crate::draw::{Draw, seal};
use crate::invocation::{Answer, Invocation};
use std::collections::BTreeMap;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The quirk: fields of a day in order, and what stands between them.
#[derive(Debug)]
pub(crate) struct Stamp {
    fields: Vec<String>,
    separator: String,
    secret: u64,
}

impl Stamp {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let field = |name: &str| match name {
            "year" => quirk.text("digits"),
            "month" => quirk.text("month"),
            _ => "DD".to_owned(),
        };
        Self {
            fields: quirk.words::<3>("order").map(field).to_vec(),
            separator: Some(quirk.text("parting"))
                .filter(|text| text != "none")
                .unwrap_or_default(),
            secret: quirk.secret(),
        }
    }

    /// The site's way to write a day such as `2024-05-31`.
    fn written(&self, date: &str) -> String {
        let mut numbers = date.split('-').map(|part| part.parse::<u64>().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        let (year, month, day) = (next(), next(), next());
        let name = usize::try_from(month).ok().and_then(|m| MONTHS.get(m.checked_sub(1)?));
        let field = |field: &String| match field.as_str() {
            "YYYY" => format!("{year:04}"),
            "YY" => format!("{:02}", year % 100),
            "MON" => name.map_or_else(String::new, |name| (*name).to_owned()),
            "MM" => format!("{month:02}"),
            _ => format!("{day:02}"),
        };
        self.fields.iter().map(field).collect::<Vec<_>>().join(&self.separator)
    }

    /// The station's own plan, so that the tool can tell a wrong day; only a digest of it is kept.
    fn plan(&self, id: &str, day: &str) -> String {
        seal(self.secret, &["plan", id, day])
    }

    fn answer(&self, id: &str) -> String {
        format!("nurse {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Helper for Stamp {
    fn files(&self, values: &Values, _draw: &mut Draw) -> BTreeMap<String, String> {
        let id = &values["id"];
        let plan = self.plan(id, &self.written(&values["when"]));
        BTreeMap::from([(format!("plan/{id}"), plan)])
    }

    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
    }

    fn tool(&self, call: &Invocation) -> Option<Answer> {
        if call.name != "shiftbook" {
            return None;
        }
        let [verb, id] = call.positional.as_slice() else {
            return Some(Answer::fail(2, "usage: shiftbook enter ID --day DAY -o FILE"));
        };
        let day = call.option("--day").unwrap_or("");
        let plan = std::fs::read_to_string(format!("plan/{id}")).unwrap_or_default();
        Some(if verb == "enter" && plan == self.plan(id, day) {
            call.write(&self.answer(id))
        } else {
            let way = self.fields.join(&self.separator);
            Answer::fail(9, format!("shiftbook: --day '{day}' refused: it is written as {way}"))
        })
    }
}
