//! A service that left its documented port and path. The listing of services shows where something
//! listens, and the service itself answers a wrong path with its routes.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::http::{Request, Response};
use crate::task::{Task, out_file};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please get the courier invoice {id} and keep it as {out}.",
    "I need courier invoice {id}, saved in {out}.",
    "Can you save invoice {id} of the courier to the file {out}?",
    "Our courier wants to see invoice number {id}: put it into {out}.",
    "Invoice {id} is due, please put it into {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Service {
    port: u16,
    documented_port: u16,
    /// Routes it names; all but the first are gone.
    routes: Vec<String>,
    secret: u64,
}

impl Service {
    pub(crate) fn draw(draw: &mut Draw, ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 6);
        let routes = words.chunks(2).map(|pair| pair.join("/")).collect();
        Self {
            port: ports.service,
            documented_port: ports.documented,
            routes,
            secret: draw.below(u64::MAX),
        }
    }

    fn answer(&self, id: &str) -> String {
        format!("invoice {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Family for Service {
    fn task(&self, draw: &mut Draw) -> Task {
        let id = draw.between(1000, 99_999).to_string();
        let out = out_file(draw);
        let documented =
            format!("fetch http://127.0.0.1:{}/invoice/{id} -o {out}", self.documented_port);
        let wanted = (out.clone(), self.answer(&id));
        Task::new(draw, &WORDINGS, &[("id", &id), ("out", &out)], &documented, wanted)
    }

    fn serve(&self, request: &Request) -> Response {
        let path = request.path.trim_start_matches('/');
        let (route, id) = path.rsplit_once('/').unwrap_or((path, ""));
        match self.routes.iter().position(|known| known == route) {
            Some(0) if !id.is_empty() => Response::new(200, self.answer(id)),
            Some(_) => Response::new(410, "this route is closed\n"),
            None => {
                let mut routes: Vec<String> =
                    self.routes.iter().map(|route| format!("  /{route}/<number>\n")).collect();
                routes.sort();
                Response::new(404, format!("no such path; routes:\n{}", routes.concat()))
            }
        }
    }

    fn port(&self) -> Option<u16> {
        Some(self.port)
    }
}
