#![allow(clippy::unwrap_used)]

use lore_test_endpoint::{Act, Endpoint, answer};

use super::*;
use crate::error::Exit;
use crate::models::PINNED;

/// A file of our own that begins like a model.
fn content() -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend((0..200_000_u32).flat_map(u32::to_le_bytes));
    bytes
}

fn pinned(content: &[u8]) -> Pinned {
    let mut hasher = Sha256::new();
    hasher.update(content);
    let sha256: &'static str = Box::leak(hex(hasher).into_boxed_str());
    Pinned { file: "m.gguf", size_bytes: content.len() as u64, sha256, ..PINNED[0] }
}

/// Answers with a length that may be a lie.
fn whole(length: usize, body: &[u8]) -> Act {
    answer(200, "application/octet-stream", body).of_length(length)
}

fn part(from: usize, said_from: usize, content: &[u8], until: usize) -> Act {
    let (last, total) = (content.len() - 1, content.len());
    answer(206, "application/octet-stream", &content[from..until])
        .of_length(content.len() - from)
        .with("content-range", format!("bytes {said_from}-{last}/{total}"))
}

fn status(code: u16) -> Act {
    answer(code, "text/plain", "")
}

/// A server that does what the script says, and the URL of the file there.
fn server(script: Vec<Act>) -> (String, Endpoint) {
    let endpoint = Endpoint::acts(script);
    (format!("{}/m.gguf", endpoint.root()), endpoint)
}

/// Ranges that were asked for.
fn asked(endpoint: &Endpoint) -> Vec<Option<String>> {
    endpoint.seen().iter().map(|seen| seen.headers.get("range").cloned()).collect()
}

fn tries() -> Tries {
    Tries { fruitless: 2, total: 20, wait: Duration::ZERO, silence: Duration::from_secs(20) }
}

async fn fetch(pinned: &Pinned, directory: &Path, url: &str) -> Result<PathBuf, CliError> {
    Pull::begin(pinned, directory)?.fetch(url, tries(), &|_| {}).await
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with(".lock"));
    names.sort();
    names
}

#[tokio::test]
async fn a_transfer_that_is_cut_goes_on_where_it_was_cut() {
    let (dir, content) = (tempfile::tempdir().unwrap(), content());
    let pinned = pinned(&content);
    let (url, endpoint) = server(vec![
        whole(content.len(), &content[..1000]),
        part(1000, 1000, &content, 300_000),
        status(503),
        part(300_000, 300_000, &content, content.len()),
    ]);
    let path = fetch(&pinned, dir.path(), &url).await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    let ranges = [None, Some("bytes=1000-"), Some("bytes=300000-"), Some("bytes=300000-")];
    assert_eq!(asked(&endpoint), ranges.map(|range| range.map(str::to_owned)));
    assert_eq!(names(dir.path()), ["m.gguf"]);
}

#[tokio::test]
async fn a_later_run_goes_on_where_an_earlier_one_was_given_up() {
    let (dir, content) = (tempfile::tempdir().unwrap(), content());
    let pinned = pinned(&content);
    let cut = || part(5000, 5000, &content, 5000);
    let (url, _) = server(vec![whole(content.len(), &content[..5000]), cut(), cut()]);
    let error = fetch(&pinned, dir.path(), &url).await.unwrap_err();
    assert_eq!((error.kind.as_str(), error.exit), ("cut", Exit::Failed));
    assert!(error.message.contains("5000 of 800004 bytes"), "{error}");
    assert!(error.help.contains("continues from there"), "{error}");
    assert_eq!(Pull::begin(&pinned, dir.path()).unwrap().have(), 5000);
    let (url, endpoint) = server(vec![part(5000, 5000, &content, content.len())]);
    let path = fetch(&pinned, dir.path(), &url).await.unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    assert_eq!(asked(&endpoint), [Some("bytes=5000-".to_owned())]);
}

#[tokio::test]
async fn a_server_without_ranges_or_with_other_ranges_is_asked_from_the_start() {
    let content = content();
    let pinned = pinned(&content);
    for second in
        [whole(content.len(), &content), part(4000, 4000, &content, content.len()), status(416)]
    {
        let dir = tempfile::tempdir().unwrap();
        let begun = whole(content.len(), &content[..3000]);
        let (url, _) = server(vec![begun, second, whole(content.len(), &content)]);
        let path = fetch(&pinned, dir.path(), &url).await.unwrap();
        assert_eq!(fs::read(path).unwrap(), content);
    }
}

#[tokio::test]
async fn wrong_bytes_are_refused_with_what_to_do_and_nothing_of_them_is_kept() {
    let content = content();
    let pinned = pinned(&content);
    let mut flipped = content.clone();
    flipped[400_000] ^= 1;
    let mut longer = content.clone();
    longer.push(0);
    let mut page = b"<html>please log in</html>".to_vec();
    page.resize(content.len(), b' ');
    // Lengths that are not told: the connection's end is the body's.
    let untold = |body: &[u8]| answer(200, "text/plain", body).without_length();
    for (answer, kind, says) in [
        (whole(content.len(), &flipped), "wrong_hash", "SHA-256"),
        (whole(content.len(), &page), "wrong_hash", "login page"),
        (untold(&longer), "wrong_hash", "longer"),
        (whole(26, &page[..26]), "wrong_file", "offers 26 bytes"),
        (whole(longer.len(), &longer), "wrong_file", "offers 800005 bytes"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (url, _) = server(vec![answer]);
        let error = fetch(&pinned, dir.path(), &url).await.unwrap_err();
        assert_eq!((error.kind.as_str(), error.exit), (kind, Exit::Refused), "{error}");
        assert!(error.message.contains(says), "{error}");
        assert!(error.help.contains("--file"), "{error}");
        let left = fs::metadata(dir.path().join("m.gguf.part")).map_or(0, |meta| meta.len());
        assert!(left == 0 && !dir.path().join("m.gguf").exists(), "{says}");
    }
}

#[tokio::test]
async fn a_short_answer_that_ends_well_is_not_the_file() {
    let (dir, content) = (tempfile::tempdir().unwrap(), content());
    let short = || answer(200, "text/plain", &content[..10]).without_length();
    let (url, _) = server((0..20).map(|_| short()).collect());
    let error = fetch(&pinned(&content), dir.path(), &url).await.unwrap_err();
    assert_eq!(error.kind, "cut");
    assert!(!dir.path().join("m.gguf").exists());
}

#[tokio::test]
async fn a_file_that_is_there_stays_when_a_new_transfer_is_wrong() {
    let (dir, content) = (tempfile::tempdir().unwrap(), content());
    fs::write(dir.path().join("m.gguf"), "mine").unwrap();
    let (url, _) = server(vec![status(404)]);
    let error = fetch(&pinned(&content), dir.path(), &url).await.unwrap_err();
    assert_eq!(error.kind, "not_there");
    assert_eq!(fs::read(dir.path().join("m.gguf")).unwrap(), b"mine");
}

#[tokio::test]
async fn what_an_earlier_run_left_is_checked_like_what_comes() {
    let content = content();
    let pinned = pinned(&content);
    let mut damaged = content.clone();
    damaged[10] ^= 1;
    // Whole but wrong: found out without asking anybody.
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("m.gguf.part"), &damaged).unwrap();
    let error = fetch(&pinned, dir.path(), "http://127.0.0.1:1/").await.unwrap_err();
    assert_eq!(error.kind, "wrong_hash");
    assert!(names(dir.path()).is_empty());
    // Too long: begun again.
    damaged.extend([0; 9]);
    fs::write(dir.path().join("m.gguf.part"), &damaged).unwrap();
    assert_eq!(Pull::begin(&pinned, dir.path()).unwrap().have(), 0);
    // Whole and right: nobody is asked.
    fs::write(dir.path().join("m.gguf.part"), &content).unwrap();
    fetch(&pinned, dir.path(), "http://127.0.0.1:1/").await.unwrap();
}

#[test]
fn two_pulls_of_one_file_do_not_write_into_each_other() {
    let (dir, content) = (tempfile::tempdir().unwrap(), content());
    let pinned = pinned(&content);
    let first = Pull::begin(&pinned, dir.path()).unwrap();
    assert_eq!(Pull::begin(&pinned, dir.path()).unwrap_err().kind, "busy");
    drop(first);
    Pull::begin(&pinned, dir.path()).unwrap();
}

#[test]
fn a_local_file_passes_the_same_check() {
    let (dir, content) = (tempfile::tempdir().unwrap(), content());
    let pinned = pinned(&content);
    let local = dir.path().join("local");
    let copy = |bytes: &[u8]| {
        fs::write(&local, bytes).unwrap();
        Pull::begin(&pinned, dir.path()).unwrap().copy(&local, &|_| {})
    };
    assert_eq!(copy(&content[..9]).unwrap_err().kind, "wrong_file");
    let mut flipped = content.clone();
    flipped[9] ^= 1;
    let error = copy(&flipped).unwrap_err();
    assert_eq!((error.kind.as_str(), error.exit), ("wrong_hash", Exit::Refused));
    assert!(!dir.path().join("m.gguf").exists());
    assert_eq!(fs::read(copy(&content).unwrap()).unwrap(), content);
}
