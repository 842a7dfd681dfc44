//! A service that wants one more field in the body. It names the field when it is missing, and the
//! values it knows when the value is none of them.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::http::{Request, Response};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Field {
    name: String,
    value: String,
    known: Vec<String>,
    secret: u64,
}

impl Field {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<6>("names");
        let mut known: Vec<String> = words[2..].iter().map(|word| (*word).to_owned()).collect();
        known.sort();
        Self {
            name: format!("{}_{}", words[0], words[1]),
            value: words[2].to_owned(),
            known,
            secret: quirk.secret(),
        }
    }

    fn answer(&self, id: &str) -> String {
        format!("badge {id} {}\n", seal(self.secret, &[id]))
    }
}

impl Helper for Field {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"])
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
}
