//! Facts known of a service before it is asked anything.

/// Header that carries a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenHeader {
    /// `Authorization: Bearer ...`.
    Bearer,
    /// A separate header.
    Named(&'static str),
}

/// Facts known of a service before it is asked anything.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name for people.
    pub name: &'static str,
    /// The table of its settings, `agent.outside.github`.
    pub table: &'static str,
    /// The setting of its address within the table.
    pub address: &'static str,
    /// Header that carries its token.
    pub token_header: TokenHeader,
    /// Page where a token is had; None where the service knows none.
    pub token_page: Option<&'static str>,
    /// Headers of every request.
    pub headers: &'static [(&'static str, &'static str)],
    /// Meaning of a 403 here when it is not about the token.
    pub forbidden: Option<&'static str>,
}
