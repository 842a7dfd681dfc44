//! Directories as a person copies them.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// Copies a directory with everything below it, sockets left out.
///
/// # Panics
/// Panics when something cannot be read or written.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    fs::set_permissions(to, fs::metadata(from).expect("it is there").permissions())
        .expect("its permissions");
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        let kind = fs::symlink_metadata(&path).expect("it is there").file_type();
        if kind.is_dir() {
            copy_tree(&path, &target);
        } else if !kind.is_socket() {
            fs::copy(&path, &target).expect("a file is copied");
        }
    }
}

/// Names and contents of everything below a path, one after the other.
///
/// # Panics
/// Panics when something cannot be read.
#[must_use]
pub fn bytes_below(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(at) = open.pop() {
        bytes.extend(at.file_name().unwrap_or_default().as_encoded_bytes());
        bytes.push(b'\n');
        let kind = fs::symlink_metadata(&at).expect("it is there").file_type();
        if kind.is_dir() {
            open.extend(fs::read_dir(&at).expect("a directory").map(|entry| entry.unwrap().path()));
        } else if kind.is_file() {
            bytes.extend(fs::read(&at).expect("a file"));
        }
    }
    bytes
}
