//! A family in an environment, and its tasks.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::directory::{BIN, Launch, RunError, Service, Source, Spec, draw_all, fill};
use super::draw::Draw;
use super::error::{LabError, at};
use super::families::{Helper, helper};
use super::task::{Judge, Programs, Task};
use super::wording::cite;

/// The draw of an environment for a family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Family {
    source: Source,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    quirk: BTreeMap<String, String>,
    /// The port of its service, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    /// The port that prompts name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown_port: Option<u16>,
}

impl Family {
    /// Draws the quirk of a family. `port` is that of its service, if it has one, and nothing listens on
    /// `documented`.
    pub(crate) fn new(source: Source, draw: &mut Draw, port: Option<u16>, documented: u16) -> Self {
        let spec = source.spec();
        let quirk = draw_all(&spec.quirk, draw, &BTreeMap::new());
        let elsewhere = spec.service.as_ref().is_some_and(|service| service.elsewhere);
        let shown_port = port.map(|port| if elsewhere { documented } else { port });
        Self { source, quirk, port, shown_port }
    }

    pub(crate) fn is_control(&self) -> bool {
        self.source.is_control()
    }

    pub(crate) fn spec(&self) -> &Spec {
        self.source.spec()
    }

    /// The directory, when it has one.
    pub(crate) fn dir(&self) -> Option<&Path> {
        self.source.dir()
    }

    /// The helper that computes for it, when it has no directory.
    pub(crate) fn helper(&self) -> Option<Box<dyn Helper>> {
        match &self.source {
            Source::BuiltIn(family) => Some(helper(*family, &self.quirk)),
            Source::Directory { .. } => None,
        }
    }

    /// Starts the service of a directory that has one.
    pub(crate) fn start_service(
        &self,
        lab: &Path,
        bin: &Path,
    ) -> Result<Option<Service>, RunError> {
        let spec = self.spec();
        let (Some(dir), Some(service), Some(port)) = (self.dir(), &spec.service, self.port) else {
            return Ok(None);
        };
        let variables = self.variables(dir);
        let launch = Launch { name: &spec.name, spec: service, dir, port, variables: &variables };
        Service::start(&launch, lab, bin).map(Some)
    }

    /// The variables that all programs of its directory get.
    fn variables(&self, dir: &Path) -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([
            ("LAB_FAMILY".to_owned(), self.spec().name.clone()),
            ("LAB_DIR".to_owned(), dir.display().to_string()),
        ]);
        all.extend(self.port.map(|port| ("LAB_PORT".to_owned(), port.to_string())));
        all.extend(prefixed("LAB_QUIRK_", &self.quirk));
        all
    }

    /// Puts the tools of its directory into `bin`: each is started by a small script that tells it the quirk.
    pub(crate) fn link_tools(&self, bin: &Path) -> Result<(), LabError> {
        use std::os::unix::fs::PermissionsExt as _;
        let Some(dir) = self.dir() else {
            return Ok(());
        };
        for tool in &self.spec().tools {
            let mut script = "#!/bin/sh\n".to_owned();
            for (name, value) in self.variables(dir) {
                script += &format!("export {name}={}\n", quoted(&value));
            }
            let program = dir.join(BIN).join(tool).display().to_string();
            script += &format!("exec {} \"$@\"\n", quoted(&program));
            let path = bin.join(tool);
            // Replaced, not written over: a process may run the old one.
            let next = bin.join(format!(".{tool}.next"));
            std::fs::write(&next, script).map_err(at(&next))?;
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&next, mode).map_err(at(&next))?;
            std::fs::rename(&next, &path).map_err(at(&path))?;
        }
        Ok(())
    }

    /// A fresh task.
    pub(crate) fn task(&self, draw: &mut Draw, bin: &Path) -> Task {
        let (spec, helper) = (self.spec(), self.helper());
        let mut values = draw_all(&spec.values, draw, &self.quirk);
        if let Some(helper) = &helper {
            helper.draw(&mut values, draw);
        }
        let mut shown = values.clone();
        shown.extend(self.shown_port.map(|port| ("port".to_owned(), port.to_string())));
        // The specification was checked when it was read: every name has a value.
        let filled =
            |text: &str, with: &BTreeMap<String, String>| fill(text, with).unwrap_or_default();
        let mut prompt = filled(draw.pick::<String>(&spec.prompts), &shown);
        if let Some(command) = &spec.documented {
            prompt = format!("{prompt} {}", cite(draw, &filled(command, &shown)));
        }
        let output = filled(&spec.output, &shown);
        shown.extend(self.quirk.clone());
        let files = spec.files.iter();
        let mut files: BTreeMap<String, String> =
            files.map(|(path, text)| (filled(path, &shown), filled(text, &shown))).collect();
        let judge = if let Some(helper) = helper {
            files.extend(helper.files(&values, draw));
            Judge::Contents(helper.wanted(&values))
        } else {
            Judge::Programs(Box::new(self.programs(&values, &output, bin)))
        };
        Task { prompt, files, output, judge }
    }

    fn programs(&self, values: &BTreeMap<String, String>, output: &str, bin: &Path) -> Programs {
        let dir = self.dir().map_or_else(PathBuf::new, Path::to_owned);
        let mut variables = self.variables(&dir);
        variables.extend(prefixed("LAB_VALUE_", values));
        variables.insert("LAB_OUTPUT".to_owned(), output.to_owned());
        let limits = self.spec().limits;
        Programs {
            dir,
            bin: bin.to_owned(),
            variables,
            setup_limit: Duration::from_secs(limits.setup_seconds),
            check_limit: Duration::from_secs(limits.check_seconds),
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
