//! Getting an official model file: whole, checked, or not at all.
//!
//! Bytes go to a `.part` beside the file's place; a cut transfer continues there, in this run or in a later
//! one. The file takes its place by a rename after its size and its full SHA-256 were found right, so a
//! file that is in its place was checked. The server is not trusted: what it sends is bounded by the
//! pinned size, and what it says about lengths and ranges is compared with what is known.

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};
use sha2::{Digest as _, Sha256};

use super::catalogue::{Pinned, hash, hex};
use crate::error::CliError;
use crate::lock::LockedFile;

/// Beginning of every GGUF file.
const MAGIC: &[u8; 4] = b"GGUF";

/// Patience of a transfer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tries {
    /// Tries in a row that bring nothing, before it is given up.
    pub(crate) fruitless: u32,
    /// Tries in all.
    pub(crate) total: u32,
    /// The wait before the second try; it doubles up to 32 times this.
    pub(crate) wait: Duration,
    /// Longest silence, in a transfer and before it.
    pub(crate) silence: Duration,
}

impl Default for Tries {
    fn default() -> Self {
        Self {
            fruitless: 5,
            total: 100,
            wait: Duration::from_secs(1),
            silence: Duration::from_secs(60),
        }
    }
}

/// A file on its way.
#[derive(Debug)]
pub(crate) struct Pull<'a> {
    pinned: &'a Pinned,
    directory: &'a Path,
    part: File,
    hasher: Sha256,
    have: u64,
    _lock: LockedFile,
}

/// Kind of a failed try.
enum Failed {
    /// It may go better next time.
    Again(String),
    /// It will not.
    Never(CliError),
}

impl From<CliError> for Failed {
    fn from(error: CliError) -> Self {
        Self::Never(error)
    }
}

impl<'a> Pull<'a> {
    /// Begins, or continues where an earlier run ended.
    ///
    /// # Errors
    /// Fails when the directory cannot be used, or another pull of this file is under way.
    pub(crate) fn begin(pinned: &'a Pinned, directory: &'a Path) -> Result<Self, CliError> {
        let part_path = part_path(pinned, directory);
        let cannot = |error| io_error(&part_path, error);
        fs::create_dir_all(directory).map_err(|error| io_error(directory, error))?;
        let open = |path: &Path| {
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
        };
        let lock = open(&part_path.with_extension("lock")).map_err(cannot)?;
        let lock = LockedFile::take(lock).map_err(|error| match error {
            TryLockError::WouldBlock => {
                let message = format!("{} is being pulled already", pinned.name);
                CliError::failed("busy", message).help("wait until that pull is done")
            }
            TryLockError::Error(error) => cannot(error),
        })?;
        let part = open(&part_path).map_err(cannot)?;
        let mut pull =
            Self { pinned, directory, part, hasher: Sha256::new(), have: 0, _lock: lock };
        let size = pull.part.metadata().map_err(cannot)?.len();
        if size > pinned.size_bytes {
            pull.start_over().map_err(cannot)?;
        } else {
            pull.have = hash(&mut pull.part, &mut pull.hasher, |_| {}).map_err(cannot)?;
        }
        Ok(pull)
    }

    /// Bytes that are here already.
    pub(crate) const fn have(&self) -> u64 {
        self.have
    }

    /// Takes a local file's bytes.
    ///
    /// # Errors
    /// Fails when it is not the official file, or cannot be read or written.
    pub(crate) fn copy(mut self, from: &Path, tell: &dyn Fn(u64)) -> Result<PathBuf, CliError> {
        let unreadable = |error: io::Error| {
            CliError::failed("unreadable", format!("cannot read {}: {error}", from.display()))
        };
        let mut file = File::open(from).map_err(unreadable)?;
        let meta = file.metadata().map_err(unreadable)?;
        if meta.is_file() && meta.len() != self.pinned.size_bytes {
            let message = format!(
                "{} has {} bytes, the official file has {}",
                from.display(),
                meta.len(),
                self.pinned.size_bytes
            );
            return Err(CliError::refused("wrong_file", message).help(self.pinned.remedy()));
        }
        self.start_over().map_err(|error| self.disk(error))?;
        let mut block = vec![0; 1 << 20];
        loop {
            let count = file.read(&mut block).map_err(unreadable)?;
            if count == 0 {
                return self.finish();
            }
            self.take(&block[..count])?;
            tell(self.have);
        }
    }

    /// Fetches what is missing from `url`; `tell` is given the bytes that are here.
    ///
    /// # Errors
    /// Fails when the server does not give the official file; what came is kept for the next run unless it
    /// is wrong.
    pub(crate) async fn fetch(
        mut self,
        url: &str,
        tries: Tries,
        tell: &dyn Fn(u64),
    ) -> Result<PathBuf, CliError> {
        let client = client(tries)?;
        let (mut fruitless, mut last) = (0, String::new());
        for _ in 0..tries.total {
            if self.have == self.pinned.size_bytes {
                return self.finish();
            }
            let before = self.have;
            match self.once(&client, url, tell).await {
                Ok(()) => continue,
                Err(Failed::Never(error)) => return Err(error),
                Err(Failed::Again(why)) => last = why,
            }
            fruitless = if self.have > before { 0 } else { fruitless + 1 };
            if fruitless >= tries.fruitless {
                break;
            }
            tokio::time::sleep(tries.wait * (1 << fruitless.min(5))).await;
        }
        if self.have == self.pinned.size_bytes {
            return self.finish();
        }
        let message = format!(
            "the transfer was cut at {} of {} bytes: {last}",
            self.have, self.pinned.size_bytes
        );
        Err(CliError::failed("cut", message)
            .help("the same command continues from there; `--from URL` takes another place"))
    }

    /// One request; it is over when the server says so or nothing is missing.
    async fn once(&mut self, client: &Client, url: &str, tell: &dyn Fn(u64)) -> Result<(), Failed> {
        let mut request = client.get(url).header(ACCEPT_ENCODING, "identity");
        if self.have > 0 {
            request = request.header(RANGE, format!("bytes={}-", self.have));
        }
        let mut response = request.send().await.map_err(again)?;
        self.check_head(&response)?;
        while self.have < self.pinned.size_bytes {
            match response.chunk().await.map_err(again)? {
                Some(bytes) => self.take(&bytes)?,
                None => return Err(Failed::Again("the server ended early".into())),
            }
            tell(self.have);
        }
        Ok(())
    }

    /// Checks that what follows are the bytes that were asked for.
    fn check_head(&mut self, response: &Response) -> Result<(), Failed> {
        let status = response.status();
        match status {
            StatusCode::OK => {
                // The whole file, asked for or not.
                if self.have > 0 {
                    self.start_over().map_err(|error| self.disk(error))?;
                }
                match response.content_length() {
                    Some(length) if length != self.pinned.size_bytes => {
                        let message = format!(
                            "the server offers {length} bytes, the official file has {}",
                            self.pinned.size_bytes
                        );
                        Err(Failed::Never(
                            CliError::refused("wrong_file", message).help(self.pinned.remedy()),
                        ))
                    }
                    _ => Ok(()),
                }
            }
            StatusCode::PARTIAL_CONTENT => {
                let range = response.headers().get(CONTENT_RANGE);
                let range = range.and_then(|range| range.to_str().ok()).unwrap_or_default();
                let wanted = format!("bytes {}-", self.have);
                if range.starts_with(&wanted) {
                    return Ok(());
                }
                // Bytes from another place would only be found out by the hash, at the end.
                self.start_over().map_err(|error| self.disk(error))?;
                Err(Failed::Again(format!("the server sent another range than asked: {range:?}")))
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                self.start_over().map_err(|error| self.disk(error))?;
                Err(Failed::Again("the server does not know this range".into()))
            }
            _ if status.is_server_error()
                || matches!(
                    status,
                    StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
                ) =>
            {
                Err(Failed::Again(format!("the server answers {status}")))
            }
            _ => {
                let message = format!("the server answers {status}");
                Err(Failed::Never(
                    CliError::failed("not_there", message).help(self.pinned.remedy()),
                ))
            }
        }
    }

    /// Adds bytes, never more than the file has.
    fn take(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        if self.have + bytes.len() as u64 > self.pinned.size_bytes {
            return Err(self.wrong("it is longer than the official file"));
        }
        let begins_wrong = self.have == 0 && !bytes.starts_with(&MAGIC[..bytes.len().min(4)]);
        if begins_wrong {
            return Err(self.wrong("it does not begin like a GGUF file; is it a login page?"));
        }
        self.part.write_all(bytes).map_err(|error| self.disk(error))?;
        self.hasher.update(bytes);
        self.have += bytes.len() as u64;
        Ok(())
    }

    /// The file in its place, if it is the official one.
    fn finish(mut self) -> Result<PathBuf, CliError> {
        if self.have != self.pinned.size_bytes {
            return Err(self.wrong("it is shorter than the official file"));
        }
        let found = hex(std::mem::take(&mut self.hasher));
        if found != self.pinned.sha256 {
            let why = format!("its SHA-256 is {found}, expected {}", self.pinned.sha256);
            return Err(self.wrong(&why));
        }
        let path = self.pinned.path(self.directory);
        let place = || -> io::Result<()> {
            self.part.sync_all()?;
            fs::rename(part_path(self.pinned, self.directory), &path)?;
            File::open(self.directory)?.sync_all()
        };
        place().map_err(|error| self.disk(error))?;
        let _ = fs::remove_file(part_path(self.pinned, self.directory).with_extension("lock"));
        Ok(path)
    }

    /// Removes what came, since it is not the file.
    fn wrong(&self, why: &str) -> CliError {
        let _ = fs::remove_file(part_path(self.pinned, self.directory));
        let message = format!("this is not the official {}: {why}", self.pinned.file);
        let help = format!("nothing of it was kept; try again, or {}", self.pinned.remedy());
        CliError::refused("wrong_hash", message).help(help)
    }

    fn start_over(&mut self) -> io::Result<()> {
        self.hasher = Sha256::new();
        self.have = 0;
        self.part.set_len(0)?;
        self.part.seek(SeekFrom::Start(0)).map(drop)
    }

    fn disk(&self, error: io::Error) -> CliError {
        io_error(&part_path(self.pinned, self.directory), error)
    }
}

impl Pinned {
    /// Way out when something else came.
    fn remedy(&self) -> String {
        format!(
            "get {} elsewhere and give it with `--file PATH`, or its address with `--from URL`",
            self.file
        )
    }
}

fn part_path(pinned: &Pinned, directory: &Path) -> PathBuf {
    directory.join(format!("{}.part", pinned.file))
}

fn again(error: reqwest::Error) -> Failed {
    // Without the address: a signed one is as good as a key.
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    Failed::Again(text)
}

fn io_error(path: &Path, error: io::Error) -> CliError {
    let kind = if error.kind() == io::ErrorKind::StorageFull { "disk_full" } else { "io" };
    CliError::failed(kind, format!("cannot write {}: {error}", path.display()))
        .help("model files can be kept elsewhere: set LORE_MODELS")
}

fn client(tries: Tries) -> Result<Client, CliError> {
    let builder =
        || Client::builder().connect_timeout(Duration::from_secs(20)).read_timeout(tries.silence);
    lore_agent::model::http_client(builder).map_err(|error| CliError::failed("http", error))
}
