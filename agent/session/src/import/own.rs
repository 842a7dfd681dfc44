//! Sessions of this program.

use lore_protocol::steps::Steps;
use serde_json::Value;

use super::{Import, Place, lines};
use crate::{Session, SessionError};

pub(super) fn is_session(value: &Value) -> bool {
    value.get("version").is_some_and(Value::is_u64)
        && value.get("turns").is_some_and(Value::is_array)
}

pub(super) fn read(bytes: &[u8], steps: &Steps) -> Import {
    let mut import = Import::new();
    for (number, line) in lines(bytes) {
        let place = Place::Line(number);
        steps.take(line.len());
        let Ok(text) = std::str::from_utf8(line) else {
            import.warn(place, "not UTF-8; skipped");
            continue;
        };
        match Session::from_line(text, number) {
            Ok(session) => import.sessions.push(session),
            Err(SessionError::Newer { .. }) => {
                import.warn(place, "a session of a later format; skipped, update this program");
            }
            // The parser's words may quote the session.
            Err(SessionError::Line { .. } | SessionError::Io(_)) => {
                import.warn(place, "not a session; skipped");
            }
        }
    }
    import
}
