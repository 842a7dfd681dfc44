//! The HTTP client of this room, however it is used.

use reqwest::{Certificate, Client, ClientBuilder};

/// A client from `builder`, with Mozilla's roots where the system has no certificates, as in small
/// containers.
///
/// # Errors
/// When neither can be made.
pub fn client(builder: impl Fn() -> ClientBuilder) -> Result<Client, reqwest::Error> {
    if let Ok(client) = builder().build() {
        return Ok(client);
    }
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS;
    let roots = roots.iter().filter_map(|root| Certificate::from_der(root).ok());
    builder().tls_certs_only(roots).build()
}

/// An error of the HTTP client with its causes and without its URL.
pub fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Returns true when a host is this machine.
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
