//! The JSON Schema of everything that crosses the socket.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use crate::ask::{Ask, Visit, each};
use crate::line::VERSION;
use crate::{Event, Failure, SessionPlaces};

/// The JSON Schema of all verbs, events and failures, as committed in `docs/control.schema.json`. Under
/// `verbs` each verb has the schema of its arguments and of its answer; types stand under `$defs`.
#[must_use]
pub fn schema_json() -> String {
    let Found { mut asks, mut answers, verbs } = Found::all();
    let event = reference::<Event>(&mut answers);
    let failure = reference::<Failure>(&mut answers);
    let places = reference::<SessionPlaces>(&mut answers);
    let mut defs = asks.take_definitions(true);
    defs.extend(answers.take_definitions(true));
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "lore control",
        "description": "Arguments and answer of each verb of the control socket, which are also what \
            `lore ... --json` prints; events, and failures (`{\"error\": ...}`). A test compares this \
            file with the program.",
        "version": VERSION,
        "verbs": verbs,
        "event": event,
        "failure": failure,
        "places": places,
        "$defs": defs,
    });
    format!("{schema:#}\n")
}

pub(crate) struct Found {
    pub(crate) asks: SchemaGenerator,
    pub(crate) answers: SchemaGenerator,
    verbs: BTreeMap<&'static str, Value>,
}

impl Found {
    /// The schemas of all verbs.
    pub(crate) fn all() -> Self {
        let mut found = Self {
            // Arguments by what is read, answers by what is written: a field with a default may be left
            // out of a request, and is always in an answer.
            asks: SchemaSettings::draft2020_12().for_deserialize().into_generator(),
            answers: SchemaSettings::draft2020_12().for_serialize().into_generator(),
            verbs: BTreeMap::new(),
        };
        each(&mut found);
        found
    }
}

impl Visit for Found {
    fn verb<R: Ask>(&mut self) {
        let ask = reference::<R>(&mut self.asks);
        let answer = reference::<R::Answer>(&mut self.answers);
        self.verbs.insert(R::VERB, json!({ "args": ask, "answer": answer }));
    }
}

fn reference<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}
