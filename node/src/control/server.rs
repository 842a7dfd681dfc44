//! The daemon's side.

use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::BufReader;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};

use super::wire::{Line, Request, VERSION, read_line, write_line};
use crate::error::CliError;
use crate::home::{Home, HomeLock, create_private_dir};

/// Connections served at once; others wait in the system's queue.
const CONNECTIONS: usize = 32;
/// Progress lines that wait for a slow client.
const PROGRESS_WAITING: usize = 64;
/// How long a client may take to send its line or to take one.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends progress lines to the client while a verb works.
#[derive(Clone)]
pub struct Progress(mpsc::Sender<Value>);

impl Progress {
    /// Sends a line, waiting for a slow client. A client that is gone does not stop the verb.
    pub async fn send(&self, value: Value) {
        let _ = self.0.send(value).await;
    }
}

/// What the daemon does with a request.
pub trait Handler: Send + Sync + 'static {
    /// Does the verb's work and gives its result.
    fn handle(
        &self,
        request: Request,
        progress: Progress,
    ) -> impl Future<Output = Result<Value, CliError>> + Send;
}

/// A bound control socket. The file is removed when this is dropped.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Binds the socket of a home. The lock shows that no other daemon is alive, so a socket that
    /// is there already was left by one that was killed, and is replaced.
    ///
    /// # Errors
    /// A failure that names the socket.
    pub fn bind(home: &Home, _lock: &HomeLock) -> Result<Self, CliError> {
        let path = home.socket_path();
        let listener = bind_private(home, &path).map_err(|error| {
            CliError::failed(
                "control_socket",
                format!("cannot open the control socket {}: {error}", path.display()),
            )
            .help("check that the home is on a local file system and is yours")
        })?;
        Ok(Self { listener, path })
    }

    /// Serves until the future is dropped.
    pub async fn serve(self, handler: Arc<impl Handler>) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let handler = Arc::clone(&handler);
                    tokio::spawn(async move {
                        if let Err(error) = converse(stream, &*handler).await {
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

fn bind_private(home: &Home, path: &Path) -> io::Result<UnixListener> {
    if let Some(dir) = path.parent()
        && dir != home.root()
    {
        create_private_dir(dir).map_err(io::Error::other)?;
        let owner = fs::metadata(home.root())?.uid();
        let meta = fs::symlink_metadata(dir)?;
        // A directory in /tmp may have been made by somebody else in advance.
        if !meta.is_dir() || meta.uid() != owner || meta.mode() & 0o022 != 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("{} is not a directory that only you can change", dir.display()),
            ));
        }
    }
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    // The directory is private, so nobody can connect between these two lines.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn converse(stream: UnixStream, handler: &impl Handler) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut reader = BufReader::new(read);
    let line = match within(read_line(&mut reader)).await {
        Ok(Some(line)) => line,
        Ok(None) => return Ok(()),
        Err(error) => {
            let refusal = CliError::usage(format!("cannot read the request: {error}"));
            return within(write_line(&mut write, &Line::Error(refusal))).await;
        }
    };
    let request = match parse(&line) {
        Ok(request) => request,
        Err(refusal) => return within(write_line(&mut write, &Line::Error(refusal))).await,
    };
    let (sender, mut progress) = mpsc::channel(PROGRESS_WAITING);
    let work = handler.handle(request, Progress(sender));
    tokio::pin!(work);
    let mut client_is_there = true;
    let result = loop {
        tokio::select! {
            result = &mut work => break result,
            Some(value) = progress.recv() => {
                // The work goes on without the client: it may be half done.
                if client_is_there {
                    let line = Line::Progress(value);
                    client_is_there = within(write_line(&mut write, &line)).await.is_ok();
                }
            }
        }
    };
    while let Ok(value) = progress.try_recv() {
        if client_is_there {
            let line = Line::Progress(value);
            client_is_there = within(write_line(&mut write, &line)).await.is_ok();
        }
    }
    let last = match result {
        Ok(value) => Line::Ok(value),
        Err(error) => Line::Error(error),
    };
    match within(write_line(&mut write, &last)).await {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let refusal =
                CliError::failed("too_large", format!("the result is too large: {error}"));
            within(write_line(&mut write, &Line::Error(refusal))).await
        }
        other => other,
    }
}

fn parse(line: &[u8]) -> Result<Request, CliError> {
    let request: Request = serde_json::from_slice(line)
        .map_err(|error| CliError::usage(format!("the request is not understood: {error}")))?;
    if request.version != VERSION {
        return Err(CliError::usage(format!(
            "the daemon speaks version {VERSION} of the control lines, the client {}",
            request.version
        ))
        .help("restart `lore run` with the same program as the client")
        .kind("version"));
    }
    Ok(request)
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(CLIENT_TIMEOUT, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
