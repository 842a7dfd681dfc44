//! A service that left its documented port and path. The listing of services shows where something
//! listens, and the service itself answers a wrong path with its routes.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::http::{Request, Response};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Service {
    /// Routes it names; all but the first are gone.
    routes: Vec<String>,
    secret: u64,
}

impl Service {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<6>("names");
        let routes = words.chunks(2).map(|pair| pair.join("/")).collect();
        Self { routes, secret: quirk.secret() }
    }

    fn answer(&self, id: &str) -> String {
        format!("invoice {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Helper for Service {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
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
}
