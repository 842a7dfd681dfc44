//! What a built-in family is, and the list of them.

use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::families::{
    batches, controls, digest, field, flags, format, header, lock, moved, order, pages, radix,
    rehearsal, remainder, renamed, service, sorted, stamp, ticket, trailer, unit, variable,
    verdict, workdir,
};
use super::http::{Request, Response};
use super::task::Task;
use super::tools::{Answer, Invocation};

/// A kind of task with the quirk that its environment has.
pub(crate) trait Family {
    /// A fresh task with values of its own.
    fn task(&self, draw: &mut Draw) -> Task;

    /// What its HTTP service answers; families without one are never asked.
    fn serve(&self, _request: &Request) -> Response {
        Response::new(404, "nothing here\n")
    }

    /// What its command-line tool does, when `call` is for it.
    fn tool(&self, _call: &Invocation) -> Option<Answer> {
        None
    }

    /// The port of its service, in an environment that serves one.
    fn port(&self) -> Option<u16> {
        None
    }
}

macro_rules! families {
    ($($(#[$doc:meta])* $name:ident => $quirk:ty, $control:literal;)*) => {
        /// The families that this program brings.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum BuiltIn { $($(#[$doc])* $name,)* }

        /// A family's quirk as the environment file stores it.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum Quirk { $($name($quirk),)* }

        impl BuiltIn {
            /// All of them, in the order of tables.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Whether its documented command works, so that no skill is needed.
            #[must_use]
            pub const fn is_control(self) -> bool {
                match self { $(Self::$name => $control,)* }
            }

            /// Draws its quirk; `ports` are those that it may take.
            pub(crate) fn quirk(self, draw: &mut Draw, ports: Ports) -> Quirk {
                match self { $(Self::$name => Quirk::$name(<$quirk>::draw(draw, ports)),)* }
            }
        }

        impl Quirk {
            /// The family's behaviour.
            pub(crate) fn family(&self) -> &dyn Family {
                match self { $(Self::$name(quirk) => quirk,)* }
            }
        }
    };
}

families! {
    /// A service on another port and path.
    Service => service::Service, false;
    /// A service that wants a header.
    Header => header::Header, false;
    /// A service that wants a field in the body.
    Field => field::Field, false;
    /// A file format with a checker.
    Format => format::Format, false;
    /// A tool with mandatory flags.
    Flags => flags::Flags, false;
    /// A stale lock file.
    Lock => lock::Lock, false;
    /// A step that must come first.
    Order => order::Order, false;
    /// An identifier that is a digest.
    Digest => digest::Digest, false;
    /// An option with a new name.
    Renamed => renamed::Renamed, false;
    /// A log that moved.
    Moved => moved::Moved, false;
    /// A measurement in another unit.
    Unit => unit::Unit, false;
    /// A day in the site's own way.
    Stamp => stamp::Stamp, false;
    /// A number in another base.
    Radix => radix::Radix, false;
    /// A number with its remainder.
    Remainder => remainder::Remainder, false;
    /// A variable of the environment.
    Variable => variable::Variable, false;
    /// A directory to work in.
    Workdir => workdir::Workdir, false;
    /// A header whose value must be got first.
    Ticket => ticket::Ticket, false;
    /// A parameter with another name.
    Pages => pages::Pages, false;
    /// An order of lines.
    Sorted => sorted::Sorted, false;
    /// A checksum at the end of a file.
    Trailer => trailer::Trailer, false;
    /// Another exit status for success.
    Verdict => verdict::Verdict, false;
    /// An option without which nothing is done.
    Rehearsal => rehearsal::Rehearsal, false;
    /// A number of things at once.
    Batches => batches::Batches, false;
    /// Counting lines; nothing is odd.
    CountLines => controls::CountLines, true;
    /// Sorting a list; nothing is odd.
    SortList => controls::SortList, true;
    /// The beginning of a file; nothing is odd.
    HeadLines => controls::HeadLines, true;
    /// Capital letters; nothing is odd.
    UpperCase => controls::UpperCase, true;
}

impl BuiltIn {
    /// Its name in files and tables.
    #[must_use]
    pub fn name(self) -> String {
        // SAFETY: a unit variant serialises as a string.
        #[allow(clippy::expect_used)]
        serde_json::to_value(self)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .expect("family names are strings")
    }

    /// Whether it is served over HTTP.
    pub(crate) const fn has_service(self) -> bool {
        matches!(self, Self::Service | Self::Header | Self::Field | Self::Ticket | Self::Pages)
    }
}

/// Ports that a quirk may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    /// Where the family's service listens.
    pub(crate) service: u16,
    /// A port on which nothing listens: the documented one.
    pub(crate) documented: u16,
}
