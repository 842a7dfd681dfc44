//! A service that wants a header whose value it gives out itself, at another path. It names both.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::http::{Request, Response};
use crate::task::{Task, identifier, out_file};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please get the timesheet of worker {id} and keep it as {out}.",
    "Worker {id} asks for the timesheet, saved in {out}.",
    "Can you save the timesheet of worker {id} to the file {out}?",
    "The timesheet for worker {id} is missing here: put it into {out}.",
    "I want to see the timesheet of {id}, please put it into {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ticket {
    port: u16,
    header: String,
    /// Where the value is given out, followed by the worker.
    office: String,
    secret: u64,
}

impl Ticket {
    pub(crate) fn draw(draw: &mut Draw, ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 4);
        Self {
            port: ports.service,
            header: format!("x-{}-{}", words[0], words[1]),
            office: format!("/{}/{}/", words[2], words[3]),
            secret: draw.below(u64::MAX),
        }
    }

    fn value(&self, id: &str) -> String {
        seal(self.secret, &["ticket", id])
    }

    fn answer(&self, id: &str) -> String {
        format!("timesheet {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Family for Ticket {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let documented = format!("fetch http://127.0.0.1:{}/timesheet/{id} -o {out}", self.port);
        let wanted = (out.clone(), self.answer(&id));
        Task::new(draw, &WORDINGS, &[("id", &id), ("out", &out)], &documented, wanted)
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

    fn port(&self) -> Option<u16> {
        Some(self.port)
    }
}
