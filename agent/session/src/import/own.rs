//! Sessions of this program.

use serde_json::Value;

use super::{Found, Import, Importer, Place};
use crate::{Session, SessionError};

pub(super) fn is_session(value: &Value) -> bool {
    value.get("version").is_some_and(Value::is_u64)
        && value.get("turns").is_some_and(Value::is_array)
}

pub(super) struct Own;

impl Importer for Own {
    fn entry(&mut self, entry: Value, place: Place, import: &mut Import) {
        match Session::from_value(entry, 0) {
            Ok(session) => import.sessions.push(Found::bare(session)),
            Err(SessionError::Newer { .. }) => {
                import.warn(place, "a session of a later format; skipped, update this program");
            }
            // The parser's words may quote the session.
            Err(SessionError::Line { .. }) => {
                import.warn(place, "not a session; skipped");
            }
        }
    }
}
