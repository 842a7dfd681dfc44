//! A directory family in an environment, and its tasks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::family::DirectoryFamily;
use super::process::{Run, RunError, run};
use super::spec::{Spec, is_inside};
use super::{BIN, CHECK, SETUP, Verdict, generate, template};
use crate::draw::Draw;
use crate::environment::{LabError, at};
use crate::task::cite;

/// What an environment drew for a family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Installed {
    dir: PathBuf,
    pub(super) spec: Spec,
    quirk: BTreeMap<String, String>,
    pub(crate) port: Option<u16>,
}

impl Installed {
    /// Draws the quirk of `family`; `port` is that of its service, if it has one.
    pub(crate) fn new(family: &DirectoryFamily, draw: &mut Draw, port: Option<u16>) -> Self {
        let spec = family.spec().clone();
        let quirk = generate::draw_all(&spec.quirk, draw, &BTreeMap::new());
        // Its name in a sandbox, where no link leads to it.
        let dir = family.dir().canonicalize().unwrap_or_else(|_| family.dir().to_owned());
        Self { dir, spec, quirk, port }
    }

    pub(crate) const fn is_control(&self) -> bool {
        self.spec.control
    }

    /// What all its programs are told.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([
            ("LAB_FAMILY".to_owned(), self.spec.name.clone()),
            ("LAB_DIR".to_owned(), self.dir.display().to_string()),
        ]);
        all.extend(self.port.map(|port| ("LAB_PORT".to_owned(), port.to_string())));
        all.extend(prefixed("LAB_QUIRK_", &self.quirk));
        all
    }

    /// Where it lies.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Puts its tools into `bin`: each is started by a small script that tells it the quirk.
    pub(crate) fn link_tools(&self, bin: &Path) -> Result<(), LabError> {
        use std::os::unix::fs::PermissionsExt as _;
        for tool in &self.spec.tools {
            let mut script = "#!/bin/sh\n".to_owned();
            for (name, value) in self.variables() {
                script += &format!("export {name}={}\n", quoted(&value));
            }
            let program = self.dir.join(BIN).join(tool).display().to_string();
            script += &format!("exec {} \"$@\"\n", quoted(&program));
            let path = bin.join(tool);
            // Replaced, not written over: somebody may be running the old one.
            let next = bin.join(format!(".{tool}.next"));
            std::fs::write(&next, script).map_err(at(&next))?;
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&next, mode).map_err(at(&next))?;
            std::fs::rename(&next, &path).map_err(at(&path))?;
        }
        Ok(())
    }

    /// A fresh task.
    pub(crate) fn task(&self, draw: &mut Draw, bin: &Path) -> DirectoryTask {
        let spec = &self.spec;
        let values = generate::draw_all(&spec.values, draw, &self.quirk);
        let mut shown = values.clone();
        shown.extend(self.port.map(|port| ("port".to_owned(), port.to_string())));
        // The specification was checked when it was read: every name has a value.
        let fill = |text: &str, with: &BTreeMap<String, String>| {
            template::fill(text, with).unwrap_or_default()
        };
        let mut prompt = fill(draw.pick::<String>(&spec.prompts), &shown);
        if let Some(command) = &spec.documented {
            prompt = format!("{prompt} {}", cite(draw, &fill(command, &shown)));
        }
        let output = fill(&spec.output, &shown);
        let mut variables = self.variables();
        variables.extend(prefixed("LAB_VALUE_", &values));
        variables.insert("LAB_OUTPUT".to_owned(), output.clone());
        shown.extend(self.quirk.clone());
        let files = spec.files.iter();
        let files = files.map(|(path, text)| (fill(path, &shown), fill(text, &shown))).collect();
        DirectoryTask {
            prompt,
            files,
            output,
            variables,
            dir: self.dir.clone(),
            bin: bin.to_owned(),
            setup_limit: Duration::from_secs(spec.limits.setup_seconds),
            check_limit: Duration::from_secs(spec.limits.check_seconds),
        }
    }
}

fn prefixed<'a>(
    prefix: &'a str,
    values: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (String, String)> + 'a {
    let name = move |name: &str| format!("{prefix}{}", name.to_ascii_uppercase());
    values.iter().map(move |(key, value)| (name(key), value.clone()))
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// One task of a directory family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DirectoryTask {
    pub(crate) prompt: String,
    pub(crate) files: BTreeMap<String, String>,
    output: String,
    variables: BTreeMap<String, String>,
    dir: PathBuf,
    bin: PathBuf,
    setup_limit: Duration,
    check_limit: Duration,
}

impl DirectoryTask {
    /// Whether its paths stay below the scratch directory: a value may hold anything.
    pub(crate) fn paths_are_inside(&self) -> Result<(), RunError> {
        let files = self.files.keys().map(|path| ("files", path));
        let bad = files.chain([("output", &self.output)]).find(|(_, path)| !is_inside(path));
        match bad {
            None => Ok(()),
            Some((key, path)) => Err(RunError::Outside { key, path: path.clone() }),
        }
    }

    /// Runs `setup`.
    pub(crate) fn setup(&self, scratch: &Path) -> Result<(), RunError> {
        let ended = self.run(SETUP, scratch, self.setup_limit)?;
        if ended.code == Some(0) {
            return Ok(());
        }
        Err(RunError::Crashed { what: SETUP, how: ended.how, said: ended.said })
    }

    /// Runs `check`: exit status 0 is passed, 1 is not passed, with what it printed as the reason; all
    /// else is a fault of the check.
    pub(crate) fn check(&self, scratch: &Path) -> Result<Verdict, RunError> {
        self.paths_are_inside()?;
        if std::fs::symlink_metadata(scratch.join(&self.output)).is_err() {
            return Ok(Verdict::Failed(format!("{} was not written", self.output)));
        }
        let ended = self.run(CHECK, scratch, self.check_limit)?;
        match ended.code {
            Some(0) => Ok(Verdict::Passed),
            Some(1) if ended.said.is_empty() => {
                Ok(Verdict::Failed(format!("{} does not hold what was asked for", self.output)))
            }
            Some(1) => Ok(Verdict::Failed(ended.said)),
            _ => Err(RunError::Crashed { what: CHECK, how: ended.how, said: ended.said }),
        }
    }

    fn run(
        &self,
        what: &'static str,
        scratch: &Path,
        limit: Duration,
    ) -> Result<super::process::Ended, RunError> {
        run(&Run {
            what,
            program: &self.dir.join(what),
            dir: scratch,
            bin: &self.bin,
            variables: &self.variables,
            limit,
        })
    }
}
