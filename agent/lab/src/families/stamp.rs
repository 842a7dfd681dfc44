//! A day that is written in the site's own way. The tool names the way.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::task::{Task, identifier, out_file};
use crate::tools::{Answer, Invocation};

const WORDINGS: [&str; 5] = [
    "Please enter nurse {id} on the rota for {date} and keep the reply in {out}.",
    "Nurse {id} works on {date}: enter it on the rota, reply to {out}.",
    "The rota lacks nurse {id} on {date}. Enter that and save the reply as {out}.",
    "Enter {date} for nurse {id} on the rota; the reply belongs in {out}.",
    "For the rota: nurse {id}, day {date}, with the reply in {out}.",
];

const SEPARATORS: [&str; 9] = [".", "/", "_", "+", "~", ":", ",", "@", ""];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The quirk: fields of a day in order, and what stands between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    fields: Vec<String>,
    separator: String,
    secret: u64,
}

impl Stamp {
    pub(crate) fn draw(draw: &mut Draw, _ports: Ports) -> Self {
        let mut fields = vec![*draw.pick(&["YYYY", "YY"]), *draw.pick(&["MM", "MON"]), "DD"];
        draw.shuffle(&mut fields);
        Self {
            fields: fields.into_iter().map(str::to_owned).collect(),
            separator: (*draw.pick(&SEPARATORS)).to_owned(),
            secret: draw.below(u64::MAX),
        }
    }

    /// The site's way to write a day; `month` counts from 1.
    fn written(&self, year: u64, month: u64, day: u64) -> String {
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

impl Family for Stamp {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let (year, month, day) =
            (draw.between(2020, 2025), draw.between(1, 12), draw.between(1, 28));
        let date = format!("{year}-{month:02}-{day:02}");
        let documented = format!("shiftbook enter {id} --day {date} -o {out}");
        let wanted = (out.clone(), self.answer(&id));
        let fields = [("id", id.as_str()), ("out", &out), ("date", &date)];
        let plan = self.plan(&id, &self.written(year, month, day));
        Task::new(draw, &WORDINGS, &fields, &documented, wanted)
            .with_file(&format!("plan/{id}"), plan)
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
