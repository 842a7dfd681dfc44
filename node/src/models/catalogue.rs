//! The small models that run on any machine: official files, pinned by size and full hash.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::CliError;

/// An official model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pinned {
    /// The model's common name.
    pub(crate) name: &'static str,
    /// Its file.
    pub(crate) file: &'static str,
    /// Its official address, at a fixed revision.
    pub(crate) url: &'static str,
    /// Size in bytes.
    pub(crate) size_bytes: u64,
    /// SHA-256 in hexadecimal.
    pub(crate) sha256: &'static str,
    /// Memory that it takes when it runs, in megabytes, measured.
    pub(crate) memory_mb: u64,
}

/// The models, the better one first. Both are under Apache-2.0.
pub(crate) const PINNED: [Pinned; 2] = [
    Pinned {
        name: "qwen2.5-coder-1.5b",
        file: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        url: "https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/\
              f86cb2c1fa58255f8052cc32aeede1b7482d4361/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size_bytes: 1_117_320_768,
        sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        memory_mb: 2300,
    },
    Pinned {
        name: "qwen2.5-coder-0.5b",
        file: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        url: "https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/\
              ebb2015119c907b064c512bf053e945850b5875f/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        size_bytes: 491_400_064,
        sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        memory_mb: 850,
    },
];

/// The model of a name.
///
/// # Errors
/// When there is none of that name.
pub(crate) fn find(name: &str) -> Result<&'static Pinned, CliError> {
    PINNED.iter().find(|pinned| pinned.name == name).ok_or_else(|| {
        let names: Vec<&str> = PINNED.iter().map(|pinned| pinned.name).collect();
        CliError::usage(format!("`{name}` is not a model that is known here"))
            .kind("no_model")
            .help(format!("known: {}", names.join(", ")))
    })
}

/// The directory of model files: `LORE_MODELS`, else the user's cache directory.
///
/// # Errors
/// When neither is set.
pub(crate) fn directory() -> Result<PathBuf, CliError> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(given) = variable("LORE_MODELS") {
        return std::path::absolute(PathBuf::from(given)).map_err(CliError::usage);
    }
    let cache = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".cache")));
    cache.map(|cache| cache.join("commonlore-models")).ok_or_else(|| {
        CliError::failed("no_cache", "neither LORE_MODELS, XDG_CACHE_HOME nor HOME is set")
            .help("say where model files are with LORE_MODELS")
    })
}

impl Pinned {
    /// Its place in a directory of models.
    pub(crate) fn path(&self, directory: &Path) -> PathBuf {
        directory.join(self.file)
    }

    /// Returns true when the file in `directory` is the official one. It is read in full, unless it was before
    /// and neither its size nor its time of change differ since.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub(crate) fn is_there(&self, directory: &Path) -> io::Result<bool> {
        let path = self.path(directory);
        let meta = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            other => other?,
        };
        if meta.len() != self.size_bytes {
            return Ok(false);
        }
        let stamp = format!("{} {} {}\n", self.sha256, meta.mtime(), meta.mtime_nsec());
        let stamp_path = path.with_extension("gguf.checked");
        if fs::read_to_string(&stamp_path).is_ok_and(|found| found == stamp) {
            return Ok(true);
        }
        let mut hasher = Sha256::new();
        let mut file = File::open(&path)?;
        hash(&mut file, &mut hasher, |_| {})?;
        let good = hex(hasher) == self.sha256;
        if good {
            // Only saves time: a directory that cannot be written is read again next time.
            let _ = fs::write(&stamp_path, stamp);
        }
        Ok(good)
    }
}

/// Takes a file into a hash; `read` is told of every piece.
pub(super) fn hash(
    file: &mut File,
    hasher: &mut Sha256,
    mut read: impl FnMut(u64),
) -> io::Result<u64> {
    let mut block = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            return Ok(total);
        }
        hasher.update(&block[..count]);
        total += count as u64;
        read(count as u64);
    }
}

/// A finished hash in hexadecimal.
pub(super) fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_counts_when_its_hash_does_and_is_read_again_when_it_changed() {
        let dir = tempfile::tempdir().unwrap();
        // SHA-256 of "abc" (FIPS 180-2, appendix B.1).
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let pinned = Pinned { file: "m.gguf", size_bytes: 3, sha256, ..PINNED[0] };
        assert!(!pinned.is_there(dir.path()).unwrap());
        fs::write(pinned.path(dir.path()), "abc").unwrap();
        assert!(pinned.is_there(dir.path()).unwrap());
        assert!(dir.path().join("m.gguf.checked").exists());
        fs::write(pinned.path(dir.path()), "abd").unwrap();
        let file = File::options().write(true).open(pinned.path(dir.path())).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        assert!(!pinned.is_there(dir.path()).unwrap());
    }

    #[test]
    fn names_are_known_and_hashes_are_whole() {
        for pinned in PINNED {
            assert_eq!(find(pinned.name).unwrap(), &pinned);
            assert_eq!(pinned.sha256.len(), 64);
            assert!(pinned.url.ends_with(pinned.file) && !pinned.url.contains(' '));
        }
        assert!(find("gpt").unwrap_err().help.contains("qwen2.5-coder-0.5b"));
    }
}
