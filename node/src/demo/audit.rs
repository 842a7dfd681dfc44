//! The demo's own checks on what left: canaries, and the fold by another process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lore_control::{FederationExportLog, SessionList, SessionShow};
use serde_json::Value;

use super::nodes::Node;
use crate::error::CliError;
use crate::scan::Canaries;

/// Findings of the scan.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) bytes: u64,
    pub(super) leaks: Vec<String>,
}

/// Distinct secrets for an organisation. Not from the seed alone: they must not be guessable, and a
/// second demo's must not be the first one's.
pub(super) fn canaries(organisation: usize, count: usize) -> Result<Vec<String>, CliError> {
    (0..count)
        .map(|n| {
            let random = crate::random::random_bytes()?;
            let tail: String = random[..8].iter().map(|byte| format!("{byte:02X}")).collect();
            Ok(format!("Canary{organisation}x{n}z{tail}"))
        })
        .collect()
}

/// Looks for every canary in everything that left the nodes, and shows on the private store and on a
/// planted frame that the same scanner finds them.
pub(super) fn scan(
    canaries: &[String],
    nodes: &[Node],
    public: &[PathBuf],
) -> Result<Scan, CliError> {
    let scanner =
        Canaries::new(canaries.iter().cloned()).map_err(|error| CliError::failed("demo", error))?;
    let mut scan = Scan::default();
    let mut paths: Vec<PathBuf> = public.to_vec();
    for node in nodes {
        paths.push(node.frames());
        paths.push(node.home.log_path());
    }
    for path in paths {
        let report = scanner.scan_path(&path).map_err(|error| {
            CliError::failed("demo", format!("cannot scan {}: {error}", path.display()))
        })?;
        scan.bytes += report.bytes;
        for file in report.found {
            let forms = file.hits.iter().map(|hit| format!("{:?}", hit.form));
            let forms: Vec<String> = forms.collect();
            scan.leaks.push(format!("{}: {}", file.path.display(), forms.join(", ")));
        }
    }
    let mut private = String::new();
    for node in nodes {
        let list = node.ask(SessionList { limit: 100_000 })?;
        for one in list.sessions {
            let shown = node.ask(SessionShow { name: one.id })?;
            private.push_str(shown.session.as_str());
        }
    }
    let found: BTreeSet<usize> =
        scanner.scan_bytes(private.as_bytes()).iter().map(|hit| hit.canary).collect();
    if found.len() != canaries.len() {
        let missed = canaries.len() - found.len();
        return Err(CliError::failed(
            "demo",
            format!("the scanner is blind: {missed} canaries are not found where they are"),
        ));
    }
    for canary in canaries {
        let frame = [b"\x00frame\xff".as_slice(), canary.as_bytes(), b"\x01"].concat();
        if scanner.scan_bytes(&frame).is_empty() {
            return Err(CliError::failed("demo", "the scanner does not find a planted frame"));
        }
    }
    Ok(scan)
}

/// Exports each node's log and lets another process fold it in another order.
pub(super) fn refold(nodes: &[Node], into: &Path) -> Result<Vec<String>, CliError> {
    let mut roots = Vec::new();
    for (seed, node) in nodes.iter().enumerate() {
        let directory = into.join(&node.name);
        let wanted = FederationExportLog { federation: None, directory: directory.clone() };
        node.ask(wanted)?;
        let path = directory.to_string_lossy().into_owned();
        let seed = (seed + 1).to_string();
        let folded: Value = node.command(&["federation", "refold", &path, "--seed", &seed])?;
        roots.push(folded["root"].as_str().unwrap_or_default().to_owned());
    }
    Ok(roots)
}
