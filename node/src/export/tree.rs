//! A directory of skills, open: every step below it goes from a handle, and no link is followed.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use lore_protocol::skill::SkillName;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Name of a skill's text in its directory.
const FILE: &str = "SKILL.md";
/// Largest text that is read, in bytes: what is larger was not written by this program.
const MAX_TEXT_BYTES: u64 = 4 << 20;
/// Tries for a name that is free.
const TRIES: usize = 8;

/// What stands in a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A file, with its bytes.
    File(Vec<u8>),
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

    /// Text of a skill.
    pub(super) fn read(&self, name: &SkillName) -> io::Result<Found> {
        match self.skill(name) {
            Ok(directory) => read(&directory, FILE, MAX_TEXT_BYTES),
            Err(Errno::NOENT) => Ok(Found::Nothing),
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(Found::Other),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes the text of a skill, whole or not at all.
    pub(super) fn write(&self, name: &SkillName, text: &[u8]) -> io::Result<()> {
        match fs::mkdirat(&self.root, name.as_str(), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        replace(&self.skill(name)?, FILE, text)
    }

    /// Removes the text of a skill, and its directory when nothing else is in it.
    pub(super) fn remove(&self, name: &SkillName) -> io::Result<()> {
        fs::unlinkat(self.skill(name)?, FILE, AtFlags::empty())?;
        // A directory with other files in it stays.
        let _ = fs::unlinkat(&self.root, name.as_str(), AtFlags::REMOVEDIR);
        Ok(())
    }

    /// A file of this program beside the skills.
    pub(super) fn read_own(&self, name: &str, most: u64) -> io::Result<Found> {
        read(&self.root, name, most)
    }

    /// Writes a file of this program beside the skills.
    pub(super) fn write_own(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        replace(&self.root, name, bytes)
    }

    /// Removes a file of this program beside the skills.
    pub(super) fn remove_own(&self, name: &str) -> io::Result<()> {
        match fs::unlinkat(&self.root, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn skill(&self, name: &SkillName) -> Result<OwnedFd, Errno> {
        let flags = directory_flags() | OFlags::NOFOLLOW;
        fs::openat(&self.root, name.as_str(), flags, Mode::empty())
    }
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
    let mut bytes = Vec::new();
    File::from(file).take(most + 1).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > most { Found::Other } else { Found::File(bytes) })
}

/// Writes a file under a new name that nobody could plant, and moves it to its place.
fn replace(directory: &OwnedFd, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (part, file) = new_file(directory)?;
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

fn new_file(directory: &OwnedFd) -> io::Result<(String, OwnedFd)> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    for _ in 0..TRIES {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| io::Error::other(error.to_string()))?;
        let name = format!(".lore-{:016x}.part", u64::from_be_bytes(random));
        match fs::openat(directory, &name, flags, Mode::from_raw_mode(0o644)) {
            Ok(file) => return Ok((name, file)),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}
