//! A service that wants one more field in the body. It names the field when it is missing, and the
//! values it knows when the value is none of them.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::http::{Request, Response};
use crate::task::{Task, identifier, out_file};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please open the turnstile for badge {id} and keep the reply in {out}.",
    "Badge {id} must work at the turnstile: send it and save what comes back as {out}.",
    "Send badge {id} to the turnstile. The reply goes to {out}.",
    "The turnstile does not know badge {id} yet; send it there, reply in {out}.",
    "A new badge, {id}, has to be sent in. Write the reply to {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Field {
    port: u16,
    name: String,
    value: String,
    known: Vec<String>,
    secret: u64,
}

impl Field {
    pub(crate) fn draw(draw: &mut Draw, ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 6);
        let mut known: Vec<String> = words[2..].iter().map(|word| (*word).to_owned()).collect();
        known.sort();
        Self {
            port: ports.service,
            name: format!("{}_{}", words[0], words[1]),
            value: words[2].to_owned(),
            known,
            secret: draw.below(u64::MAX),
        }
    }

    fn answer(&self, id: &str) -> String {
        format!("badge {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Family for Field {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let documented =
            format!("fetch http://127.0.0.1:{}/badge -d 'badge={id}' -o {out}", self.port);
        let wanted = (out.clone(), self.answer(&id));
        Task::new(draw, &WORDINGS, &[("id", &id), ("out", &out)], &documented, wanted)
    }

    fn serve(&self, request: &Request) -> Response {
        if request.path != "/badge" {
            return Response::new(404, "nothing here\n");
        }
        let Some(id) = request.form("badge") else {
            return Response::new(400, "missing field: badge\n");
        };
        match request.form(&self.name) {
            None => Response::new(422, format!("missing field: {}\n", self.name)),
            Some(value) if value == self.value => Response::new(200, self.answer(id)),
            Some(value) if self.known.iter().any(|known| known == value) => {
                Response::new(403, "not at this gate\n")
            }
            Some(value) => Response::new(
                422,
                format!("bad value '{value}', one of: {}\n", self.known.join(", ")),
            ),
        }
    }

    fn port(&self) -> Option<u16> {
        Some(self.port)
    }
}
