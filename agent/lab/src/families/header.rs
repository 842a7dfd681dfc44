//! A service that answers only with a certain header. It names the header when it is missing, and the
//! values it knows when the value is none of them; one of these is the site's own.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::http::{Request, Response};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Header {
    name: String,
    value: String,
    known: Vec<String>,
    secret: u64,
}

impl Header {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<6>("names");
        let mut known: Vec<String> = words[2..].iter().map(|word| (*word).to_owned()).collect();
        known.sort();
        Self {
            name: format!("x-{}-{}", words[0], words[1]),
            value: words[2].to_owned(),
            known,
            secret: quirk.secret(),
        }
    }

    fn answer(&self, id: &str) -> String {
        format!("parcel {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Helper for Header {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
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
}
