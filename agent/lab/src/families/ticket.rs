//! A service that wants a header whose value it gives out itself, at another path. It names both.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::http::{Request, Response};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Ticket {
    header: String,
    /// The path that gives out the value, followed by the worker.
    office: String,
    secret: u64,
}

impl Ticket {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<4>("names");
        Self {
            header: format!("x-{}-{}", words[0], words[1]),
            office: format!("/{}/{}/", words[2], words[3]),
            secret: quirk.secret(),
        }
    }

    fn value(&self, id: &str) -> String {
        seal(self.secret, &["ticket", id])
    }

    fn answer(&self, id: &str) -> String {
        format!("timesheet {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Helper for Ticket {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
    }

    fn serve(&self, request: &Request) -> Response {
        if let Some(id) = request.path.strip_prefix(&self.office) {
            return Response::new(200, format!("{}\n", self.value(id)));
        }
        let Some(id) = request.path.strip_prefix("/timesheet/") else {
            return Response::new(404, "nothing here\n");
        };
        match request.header(&self.header) {
            Some(value) if value == self.value(id) => Response::new(200, self.answer(id)),
            Some(_) => Response::new(403, "that is not the value for this worker\n"),
            None => {
                let (header, office) = (&self.header, &self.office);
                let text =
                    format!("missing header: {header}, its value is given at {office}{id}\n");
                Response::new(401, text)
            }
        }
    }
}
