//! A directory of skills, open: every step below it goes from a handle, and no link is followed.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use lore_protocol::skill::{BundlePath, SkillName};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::ExportFile;

/// Largest file that is read, in bytes: what is larger was not written by this program.
const MAX_TEXT_BYTES: u64 = 4 << 20;
/// Mode of a file, and of one that may be executed.
const FILE_MODE: u32 = 0o644;
const EXECUTABLE_MODE: u32 = 0o755;
/// Tries for a name that is free.
const TRIES: usize = 8;

/// What stands in a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A file, with its bytes, and whether its owner may execute it.
    File(Vec<u8>, bool),
    /// A link, a directory, a pipe, or a file that is too large.
    Other,
}

/// The open directory.
#[derive(Debug)]
pub(super) struct Tree {
    root: OwnedFd,
}

impl Tree {
    /// Opens the directory; none when it is not there.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        match fs::open(path, directory_flags(), Mode::empty()) {
            Ok(root) => Ok(Some(Self { root })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the directory, and makes it first when it is not there.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        Self::open(path)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    /// A file of a skill.
    pub(super) fn read(&self, name: &SkillName, path: &BundlePath) -> io::Result<Found> {
        let (directories, file) = parts(name, path);
        match self.below(&directories) {
            Ok(directory) => read(&directory, file, MAX_TEXT_BYTES),
            Err(Errno::NOENT) => Ok(Found::Nothing),
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(Found::Other),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes a file of a skill, whole or not at all.
    pub(super) fn write(
        &self,
        name: &SkillName,
        path: &BundlePath,
        file: &ExportFile,
    ) -> io::Result<()> {
        let (directories, last) = parts(name, path);
        for depth in 1..=directories.len() {
            let (above, made) = (&directories[..depth - 1], directories[depth - 1]);
            match fs::mkdirat(self.below(above)?, made, Mode::from_raw_mode(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mode = if file.executable { EXECUTABLE_MODE } else { FILE_MODE };
        replace(&self.below(&directories)?, last, &file.bytes, mode)
    }

    /// Removes a file of a skill, and the directories that are empty then.
    pub(super) fn remove(&self, name: &SkillName, path: &BundlePath) -> io::Result<()> {
        let (directories, file) = parts(name, path);
        fs::unlinkat(self.below(&directories)?, file, AtFlags::empty())?;
        for depth in (1..=directories.len()).rev() {
            let above = self.below(&directories[..depth - 1])?;
            // A directory with other files in it stays, and those above it.
            if fs::unlinkat(&above, directories[depth - 1], AtFlags::REMOVEDIR).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// A file of this program beside the skills.
    pub(super) fn read_own(&self, name: &str, most: u64) -> io::Result<Found> {
        read(&self.root, name, most)
    }

    /// Writes a file of this program beside the skills.
    pub(super) fn write_own(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        replace(&self.root, name, bytes, FILE_MODE)
    }

    /// Removes a file of this program beside the skills.
    pub(super) fn remove_own(&self, name: &str) -> io::Result<()> {
        match fs::unlinkat(&self.root, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The directory below some others.
    fn below(&self, directories: &[&str]) -> Result<OwnedFd, Errno> {
        let flags = directory_flags() | OFlags::NOFOLLOW;
        let mut at = fs::openat(&self.root, c".", directory_flags(), Mode::empty())?;
        for name in directories {
            at = fs::openat(&at, *name, flags, Mode::empty())?;
        }
        Ok(at)
    }
}

/// Directories on the way to a file of a skill, and its name there.
fn parts<'a>(name: &'a SkillName, path: &'a BundlePath) -> (Vec<&'a str>, &'a str) {
    let mut directories = vec![name.as_str()];
    let mut rest = path.as_str();
    while let Some((directory, below)) = rest.split_once('/') {
        directories.push(directory);
        rest = below;
    }
    (directories, rest)
}

const fn directory_flags() -> OFlags {
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC)
}

fn read(directory: &OwnedFd, name: &str, most: u64) -> io::Result<Found> {
    // A pipe would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match fs::openat(directory, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        Err(Errno::LOOP | Errno::NXIO) => return Ok(Found::Other),
        Err(error) => return Err(error.into()),
    };
    let status = fs::fstat(&file)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Ok(Found::Other);
    }
    let executable = status.st_mode & 0o100 != 0;
    let mut bytes = Vec::new();
    File::from(file).take(most + 1).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > most { Found::Other } else { Found::File(bytes, executable) })
}

/// Writes a file under a new name that nobody could plant, and moves it to its place.
fn replace(directory: &OwnedFd, name: &str, bytes: &[u8], mode: u32) -> io::Result<()> {
    let (part, file) = new_file(directory, mode)?;
    let mut file = File::from(file);
    let done = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| Ok(fs::renameat(directory, &part, directory, name)?));
    if done.is_err() {
        let _ = fs::unlinkat(directory, &part, AtFlags::empty());
    }
    done
}

fn new_file(directory: &OwnedFd, mode: u32) -> io::Result<(String, OwnedFd)> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for _ in 0..TRIES {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let name = format!(".lore-{:016x}.part", u64::from_be_bytes(random));
        match fs::openat(directory, &name, flags, Mode::from_raw_mode(mode)) {
            Ok(file) => return Ok((name, file)),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}
