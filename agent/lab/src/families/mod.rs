//! The families that this program brings. What they ask and draw is data, in `NAME.toml`; what data cannot say, a
//! helper computes: the answer that is wanted, the tool on PATH, the service. Nothing of a quirk can be hard-coded,
//! and errors or help tell what a patient reader needs.

mod batches;
mod controls;
mod digest;
mod field;
mod flags;
mod format;
mod header;
mod lock;
mod moved;
mod order;
mod pages;
mod quirk;
mod radix;
mod rehearsal;
mod remainder;
mod renamed;
mod service;
mod sorted;
mod stamp;
mod ticket;
mod trailer;
mod unit;
mod variable;
mod verdict;
mod workdir;

use std::collections::BTreeMap;

use crate::built_in::BuiltIn;
use crate::draw::Draw;
use crate::http::{Request, Response};
use crate::invocation::{Answer, Invocation};
use quirk::Quirk;

/// Values by name: of a quirk, or of a task.
pub(crate) type Values = BTreeMap<String, String>;

/// The number that a value is; 0 when it is none.
fn number(values: &Values, name: &str) -> u64 {
    values.get(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// The computations of a family.
pub(crate) trait Helper: Send {
    /// Adds to a task what depends on other values. Drawn after the values of the specification, and before
    /// the prompt.
    fn draw(&self, _values: &mut Values, _draw: &mut Draw) {}

    /// Files of a task besides those of the specification, by relative path. Drawn after the prompt.
    fn files(&self, _values: &Values, _draw: &mut Draw) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// The exact contents of the file that a task asks for.
    fn wanted(&self, values: &Values) -> String;

    /// The answer of its command-line tool, when `call` is for it.
    fn tool(&self, _call: &Invocation) -> Option<Answer> {
        None
    }

    /// The answer of its HTTP service; families without one are never asked.
    fn serve(&self, _request: &Request) -> Response {
        Response::new(404, "nothing here\n")
    }
}

/// The helper of a family in an environment that drew `quirk` for it.
pub(crate) fn helper(family: BuiltIn, quirk: &Values) -> Box<dyn Helper> {
    let quirk = &Quirk::new(quirk);
    match family {
        BuiltIn::Batches => Box::new(batches::Batches::new(quirk)),
        BuiltIn::Digest => Box::new(digest::Digest::new(quirk)),
        BuiltIn::Field => Box::new(field::Field::new(quirk)),
        BuiltIn::Flags => Box::new(flags::Flags::new(quirk)),
        BuiltIn::Format => Box::new(format::Format::new(quirk)),
        BuiltIn::Header => Box::new(header::Header::new(quirk)),
        BuiltIn::Lock => Box::new(lock::Lock::new(quirk)),
        BuiltIn::Moved => Box::new(moved::Moved::new(quirk)),
        BuiltIn::Order => Box::new(order::Order::new(quirk)),
        BuiltIn::Pages => Box::new(pages::Pages::new(quirk)),
        BuiltIn::Radix => Box::new(radix::Radix::new(quirk)),
        BuiltIn::Rehearsal => Box::new(rehearsal::Rehearsal::new(quirk)),
        BuiltIn::Remainder => Box::new(remainder::Remainder::new(quirk)),
        BuiltIn::Renamed => Box::new(renamed::Renamed::new(quirk)),
        BuiltIn::Service => Box::new(service::Service::new(quirk)),
        BuiltIn::Sorted => Box::new(sorted::Sorted::new(quirk)),
        BuiltIn::Stamp => Box::new(stamp::Stamp::new(quirk)),
        BuiltIn::Ticket => Box::new(ticket::Ticket::new(quirk)),
        BuiltIn::Trailer => Box::new(trailer::Trailer::new(quirk)),
        BuiltIn::Unit => Box::new(unit::Unit::new(quirk)),
        BuiltIn::Variable => Box::new(variable::Variable::new(quirk)),
        BuiltIn::Verdict => Box::new(verdict::Verdict::new(quirk)),
        BuiltIn::Workdir => Box::new(workdir::Workdir::new(quirk)),
        BuiltIn::CountLines => Box::new(controls::CountLines),
        BuiltIn::SortList => Box::new(controls::SortList),
        BuiltIn::HeadLines => Box::new(controls::HeadLines),
        BuiltIn::UpperCase => Box::new(controls::UpperCase),
    }
}
