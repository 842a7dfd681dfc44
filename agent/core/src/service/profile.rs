//! The profile of a service: the facts known before it is asked anything.

/// The header that shows a token to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenHeader {
    /// `Authorization: Bearer ...`.
    Bearer,
    /// A separate header.
    Named(&'static str),
}

/// The facts known of a service before it is asked anything.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name for people.
    pub name: &'static str,
    /// The table of its settings, `agent.outside.github`.
    pub table: &'static str,
    /// The setting of its address within the table.
    pub address: &'static str,
    /// The header that shows its token.
    pub token_header: TokenHeader,
    /// The page that issues tokens; None where the service knows none.
    pub token_page: Option<&'static str>,
    /// Headers of every request.
    pub headers: &'static [(&'static str, &'static str)],
    /// Advice for a 403 that is not about the token.
    pub forbidden: Option<&'static str>,
}
