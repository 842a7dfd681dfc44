//! What is known of a service before it is asked anything.

/// How a token is shown to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenHeader {
    /// `Authorization: Bearer ...`.
    Bearer,
    /// A header of its own.
    Named(&'static str),
}

/// What is known of a service before it is asked anything.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    /// Its name for people.
    pub(super) name: &'static str,
    /// The table of its settings, `agent.outside.github`.
    pub(super) table: &'static str,
    /// The setting of its address within the table.
    pub(super) address: &'static str,
    /// How its token is shown.
    pub(super) token_header: TokenHeader,
    /// Where a token is had; None where the service knows none.
    pub(super) token_page: Option<&'static str>,
    /// Headers of every request.
    pub(super) headers: &'static [(&'static str, &'static str)],
    /// What a 403 means here when it is not about the token.
    pub(super) forbidden: Option<&'static str>,
}
