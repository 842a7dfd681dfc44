//! The server.

use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Act, Seen, fails};

/// A server on loopback, one request a connection. It ends with the test's process.
pub struct Endpoint {
    /// The URL of an API of models: the server's address with `/v1`.
    pub url: String,
    /// Its port.
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Endpoint {
    /// Answers request `n` (from 0) with what `script` says.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start(script: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").expect("a free port"), script)
    }

    /// The same on a port that the test chose.
    ///
    /// # Panics
    /// When the listener has no address.
    #[must_use]
    pub fn on(
        listener: TcpListener,
        script: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().expect("an address").port();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (kept, script) = (Arc::clone(&seen), Arc::new(script));
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let (seen, script) = (Arc::clone(&kept), Arc::clone(&script));
                std::thread::spawn(move || {
                    let Ok(Some(request)) = Seen::read(&mut stream) else { return };
                    let n = {
                        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    // A client that hangs up concerns only its own connection.
                    let _ = script(n, &request).perform(&mut stream);
                });
            }
        });
        Self { url: format!("http://127.0.0.1:{port}/v1"), port, seen }
    }

    /// Answers with `acts` in order; after the last one every request is refused for good.
    #[must_use]
    pub fn acts(acts: Vec<Act>) -> Self {
        let over = r#"{"error":{"message":"the script is over"}}"#;
        Self::start(move |n, _| acts.get(n).cloned().unwrap_or_else(|| fails(404, over)))
    }

    /// Its address without a path.
    #[must_use]
    pub fn root(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one request that was made.
    ///
    /// # Panics
    /// When there were none or more.
    #[must_use]
    pub fn one(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }
}
