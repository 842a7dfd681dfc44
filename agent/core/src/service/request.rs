//! The request to a service.

use reqwest::Method;

use super::OutsideError;

/// Largest answer that is read whole, in bytes.
pub const MAX_ANSWER_BYTES: usize = 4 << 20;

/// A request, before it has an address.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Segments of the path below the service's address, not yet encoded.
    pub segments: Vec<String>,
    /// Names and values of the query.
    pub query: Vec<(&'static str, String)>,
    /// Headers besides those of the service.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Option<String>,
    /// Longest answer.
    pub limit: Limit,
}

/// The treatment of an answer that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// It is an error: half a JSON text says nothing.
    Refuse(usize),
    /// The beginning is kept, as of a file.
    Cut(usize),
}

impl Request {
    fn new(method: Method, segments: &[&str]) -> Self {
        Self {
            method,
            segments: segments.iter().map(|segment| (*segment).to_owned()).collect(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            limit: Limit::Refuse(MAX_ANSWER_BYTES),
        }
    }

    /// `GET` of a path below the address of the service.
    pub fn get(segments: &[&str]) -> Self {
        Self::new(Method::GET, segments).header("accept", "application/json")
    }

    /// `POST` of a JSON text.
    pub fn post(segments: &[&str], body: &serde_json::Value) -> Self {
        let request = Self::new(Method::POST, segments)
            .header("accept", "application/json")
            .header("content-type", "application/json");
        Self { body: Some(body.to_string()), ..request }
    }

    /// `POST` of another text.
    pub fn post_text(segments: &[&str], kind: &str, body: String) -> Self {
        let request = Self::new(Method::POST, segments)
            .header("accept", "application/json")
            .header("content-type", kind);
        Self { body: Some(body), ..request }
    }

    /// With more of a path, such as of a file in a repository.
    ///
    /// # Errors
    /// When it is none that stays below where it begins.
    pub fn below(mut self, path: &str) -> Result<Self, OutsideError> {
        let path = path.trim_matches('/');
        for segment in path.split('/').filter(|_| !path.is_empty()) {
            if matches!(segment, "" | "." | "..") || segment.chars().any(char::is_control) {
                let why = format!("{path:?} is not a path: it holds an empty part, `.` or `..`");
                return Err(OutsideError::argument(why));
            }
            self.segments.push(segment.to_owned());
        }
        Ok(self)
    }

    /// With one more part of the path, in which a slash is none, such as of a branch `refs/pr/1`.
    ///
    /// # Errors
    /// When it could be read as another part.
    pub fn segment(mut self, part: &str) -> Result<Self, OutsideError> {
        let bad =
            part.is_empty() || matches!(part, "." | "..") || part.chars().any(char::is_control);
        if bad {
            return Err(OutsideError::argument(format!("{part:?} is not a name")));
        }
        self.segments.push(part.to_owned());
        Ok(self)
    }

    /// With a field of the query.
    pub fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// With a field of the query, when it has a value.
    pub fn query_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// With a header in place of one of that name.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    /// With another limit.
    pub const fn limit(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }
}
