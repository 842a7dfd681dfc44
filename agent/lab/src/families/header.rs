//! A service that answers only with a certain header. It names the header when it is missing, and the
//! values it knows when the value is none of them; one of these is the site's own.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::http::{Request, Response};
use crate::task::{Task, identifier, out_file};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please look up the tariff of parcel {id} and write it to {out}.",
    "What tariff has parcel {id}? I want the answer in {out}.",
    "Save the tariff for the parcel {id} as {out}.",
    "Parcel {id} has a new tariff. Get it and put it in {out}.",
    "I am looking for parcel {id}: its record should go to {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Header {
    port: u16,
    name: String,
    value: String,
    known: Vec<String>,
    secret: u64,
}

impl Header {
    pub(crate) fn draw(draw: &mut Draw, ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 6);
        let mut known: Vec<String> = words[2..].iter().map(|word| (*word).to_owned()).collect();
        known.sort();
        Self {
            port: ports.service,
            name: format!("x-{}-{}", words[0], words[1]),
            value: words[2].to_owned(),
            known,
            secret: draw.below(u64::MAX),
        }
    }

    fn answer(&self, id: &str) -> String {
        format!("parcel {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Family for Header {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let documented = format!("fetch http://127.0.0.1:{}/parcel/{id} -o {out}", self.port);
        let wanted = (out.clone(), self.answer(&id));
        Task::new(draw, &WORDINGS, &[("id", &id), ("out", &out)], &documented, wanted)
    }

    fn serve(&self, request: &Request) -> Response {
        let Some(id) = request.path.strip_prefix("/parcel/") else {
            return Response::new(404, "nothing here\n");
        };
        match request.header(&self.name) {
            None => Response::new(400, format!("missing header: {}\n", self.name)),
            Some(value) if value == self.value => Response::new(200, self.answer(id)),
            Some(value) if self.known.iter().any(|known| known == value) => {
                Response::new(403, "this caller may not read it\n")
            }
            Some(value) => Response::new(
                400,
                format!("bad value '{value}', one of: {}\n", self.known.join(", ")),
            ),
        }
    }

    fn port(&self) -> Option<u16> {
        Some(self.port)
    }
}
