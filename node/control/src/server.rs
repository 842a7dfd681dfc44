//! The daemon's side of the socket.

use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};

use crate::line::{Line, answer_line, next_line_in_turn, read_request, send};
use crate::{Event, Failure, Reply, Request};

/// Connections served at once; others wait in the system's queue.
const CONNECTIONS: usize = 32;
/// Large requests that are read or worked on at once: 32 of the largest would be most of a gigabyte.
const LARGE_REQUESTS: usize = 2;
/// Events that wait for a slow client.
const EVENTS_WAITING: usize = 64;
/// Time that a client may take to send its line or to take one.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends events to the client while a verb works.
#[derive(Debug, Clone)]
pub struct Progress(mpsc::Sender<Event>);

impl Progress {
    /// Sends an event, waiting for a slow client. A client that is gone does not stop the verb.
    pub async fn send(&self, event: Event) {
        let _ = self.0.send(event).await;
    }

    /// [`Progress::send`] for a thread outside the async runtime.
    pub fn send_blocking(&self, event: Event) {
        let _ = self.0.blocking_send(event);
    }
}

/// Handler of the daemon's requests.
pub trait Handler: Send + Sync + 'static {
    /// Does the verb's work and gives its answer.
    fn handle(
        &self,
        request: Request,
        progress: Progress,
    ) -> impl Future<Output = Result<Reply, Failure>> + Send;
}

/// A bound control socket. The file is removed when this is dropped.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Binds a socket of mode 0600. Its directory must be `home` or a directory that only the owner of
    /// `home` can change. `_lock` shows that no other daemon is alive: a socket that is there already
    /// was left by one that was killed, and is replaced.
    ///
    /// # Errors
    /// A failure that names the socket.
    pub fn bind<L>(socket: &Path, home: &Path, _lock: &L) -> Result<Self, Failure> {
        let listener = bind_private(socket, home).map_err(|error| {
            Failure::failed(
                "control_socket",
                format!("cannot open the control socket {}: {error}", socket.display()),
            )
            .help("check that the home is on a local file system and is yours")
        })?;
        Ok(Self { listener, path: socket.to_owned() })
    }

    /// Serves until the future is dropped.
    pub async fn serve(self, handler: Arc<impl Handler>) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        let large = Arc::new(Semaphore::new(LARGE_REQUESTS));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let handler = Arc::clone(&handler);
                    let large = Arc::clone(&large);
                    tokio::spawn(async move {
                        if let Err(error) = converse(stream, &*handler, &large).await {
                            tracing::debug!(%error, "control connection");
                        }
                        drop(slot);
                    });
                }
                Err(error) => {
                    // Out of file descriptors: wait for some to come back instead of spinning.
                    tracing::warn!(%error, "cannot accept a control connection");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn bind_private(socket: &Path, home: &Path) -> io::Result<UnixListener> {
    if let Some(dir) = socket.parent()
        && dir != home
    {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let owner = fs::metadata(home)?.uid();
        let meta = fs::symlink_metadata(dir)?;
        // Another user may have made a directory in /tmp in advance.
        if !meta.is_dir() || meta.uid() != owner || meta.mode() & 0o022 != 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("{} is not a directory that only you can change", dir.display()),
            ));
        }
    }
    match fs::remove_file(socket) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(socket)?;
    // The directory is private, so that nobody can connect between these two lines.
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn converse(stream: UnixStream, handler: &impl Handler, large: &Semaphore) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut reader = BufReader::new(read);
    let refuse = |failure| answer_line(Line::Error(failure));
    let (line, turn) = match within(next_line_in_turn(&mut reader, large)).await {
        Ok(Some(read)) => read,
        Ok(None) => return Ok(()),
        Err(error) => {
            let failure = Failure::usage("usage", format!("cannot read the request: {error}"));
            return within(send(&mut write, &refuse(failure)?)).await;
        }
    };
    let request = match read_request(&line) {
        Ok(request) => request,
        Err(failure) => return within(send(&mut write, &refuse(failure)?)).await,
    };
    // A large request is not kept while its verb works.
    drop(line);
    let (sender, mut events) = mpsc::channel(EVENTS_WAITING);
    let work = handler.handle(request, Progress(sender));
    tokio::pin!(work);
    let mut client_is_there = true;
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            Some(event) = events.recv() => {
                // The work continues without the client: it may be half done.
                if client_is_there {
                    let line = answer_line(Line::Event(event))?;
                    client_is_there = within(send(&mut write, &line)).await.is_ok();
                }
            }
        }
    };
    // A client that does not read its answer keeps no other waiting.
    drop(turn);
    while let Ok(event) = events.try_recv() {
        if client_is_there {
            let line = answer_line(Line::Event(event))?;
            client_is_there = within(send(&mut write, &line)).await.is_ok();
        }
    }
    let last = match result {
        Ok(reply) => answer_line(Line::Ok(reply)).or_else(|error| {
            refuse(Failure::failed("too_large", format!("the answer is too large: {error}")))
        })?,
        Err(failure) => refuse(failure)?,
    };
    within(send(&mut write, &last)).await
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(CLIENT_TIMEOUT, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
