//! A service that gives out pages and calls the number of a page by another name. It lists the names of
//! its parameters without saying which one it is.

use super::{Helper, Quirk, Values};
use crate::draw::seal;
use crate::http::{Request, Response};

/// The quirk.
#[derive(Debug)]
pub(crate) struct Pages {
    parameter: String,
    known: Vec<String>,
    secret: u64,
}

impl Pages {
    pub(super) fn new(quirk: &Quirk<'_>) -> Self {
        let words = quirk.words::<5>("names");
        let mut known: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        known.sort();
        Self { parameter: words[0].to_owned(), known, secret: quirk.secret() }
    }

    fn answer(&self, id: &str, page: &str) -> String {
        format!("catalog {id} {page} {}\n", seal(self.secret, &[id, page]))
    }
}

impl Helper for Pages {
    fn wanted(&self, values: &Values) -> String {
        self.answer(&values["id"], &values["page"])
    }

    fn serve(&self, request: &Request) -> Response {
        let asked = request.path.strip_prefix("/catalog/").and_then(|rest| rest.split_once('?'));
        let Some((id, (name, value))) =
            asked.and_then(|(id, query)| Some((id, query.split_once('=')?)))
        else {
            return Response::new(404, "nothing here\n");
        };
        if name == self.parameter {
            Response::new(200, self.answer(id, value))
        } else if self.known.iter().any(|known| known == name) {
            Response::new(409, "this catalog is not divided so\n")
        } else {
            let known = self.known.join(", ");
            Response::new(400, format!("unknown parameter '{name}', one of: {known}\n"))
        }
    }
}
