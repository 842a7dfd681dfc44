//! A service that gives out pages and calls the number of a page by another name. It lists the names of
//! its parameters without saying which one it is.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, seal};
use crate::family::{Family, Ports};
use crate::http::{Request, Response};
use crate::task::{Task, identifier, out_file};
use crate::words::CODE_WORDS;

const WORDINGS: [&str; 5] = [
    "Please get page {n} of the catalog {id} and keep it as {out}.",
    "I need catalog {id}, page {n}, saved in {out}.",
    "Can you save page {n} from catalog {id} to the file {out}?",
    "Catalog {id}: put its page {n} into {out}.",
    "We lost page {n} of catalog {id}, please put it into {out}.",
];

/// The quirk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pages {
    port: u16,
    parameter: String,
    known: Vec<String>,
    secret: u64,
}

impl Pages {
    pub(crate) fn draw(draw: &mut Draw, ports: Ports) -> Self {
        let words = draw.some(&CODE_WORDS, 5);
        let mut known: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        known.sort();
        Self {
            port: ports.service,
            parameter: words[0].to_owned(),
            known,
            secret: draw.below(u64::MAX),
        }
    }

    fn answer(&self, id: &str, page: &str) -> String {
        format!("catalog {id} {page} {}\n", seal(self.secret, &[id, page]))
    }
}

impl Family for Pages {
    fn task(&self, draw: &mut Draw) -> Task {
        let (id, out) = (identifier(draw), out_file(draw));
        let page = draw.between(101, 998).to_string();
        let documented =
            format!("fetch 'http://127.0.0.1:{}/catalog/{id}?page={page}' -o {out}", self.port);
        let wanted = (out.clone(), self.answer(&id, &page));
        let fields = [("id", id.as_str()), ("out", &out), ("n", &page)];
        Task::new(draw, &WORDINGS, &fields, &documented, wanted)
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

    fn port(&self) -> Option<u16> {
        Some(self.port)
    }
}
