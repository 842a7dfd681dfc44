//! Programs that can serve a model file, in the order of preference.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use super::embedded;
use crate::error::CliError;

/// The server for a Python with `xllamacpp`.
const XLLAMACPP: &str = include_str!("xllamacpp.py");

/// The model to serve, and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Serving {
    /// The model's name towards clients.
    pub(crate) name: String,
    /// The file.
    pub(crate) file: PathBuf,
    /// Port on loopback; 0 lets the system choose.
    pub(crate) port: u16,
    /// Threads that compute.
    pub(crate) threads: u16,
    /// Tokens of the context window.
    pub(crate) window_tokens: u32,
}

/// A program that can serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// llama.cpp's own server.
    LlamaServer(PathBuf),
    /// A Python that has `xllamacpp`.
    Xllamacpp(PathBuf),
    /// This program, which computes the model itself.
    Embedded(PathBuf),
}

impl Runtime {
    /// Its name in output.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::LlamaServer(_) => "llama-server",
            Self::Xllamacpp(_) => "xllamacpp",
            Self::Embedded(_) => "embedded",
        }
    }

    /// The first that is here: `llama-server`, then a Python with `xllamacpp` (`given`, else
    /// `python3` on the path).
    ///
    /// # Errors
    /// When there is none, with what to install.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self, CliError> {
        if let Some(python) = given {
            if has_xllamacpp(python) {
                return Ok(Self::Xllamacpp(python.to_owned()));
            }
            let message = format!("{} has no xllamacpp", python.display());
            return Err(CliError::failed("no_runtime", message)
                .help(format!("run `{} -m pip install xllamacpp`", python.display())));
        }
        if let Some(server) = on_path("llama-server") {
            return Ok(Self::LlamaServer(server));
        }
        if let Some(python) = on_path("python3").filter(|python| has_xllamacpp(python)) {
            return Ok(Self::Xllamacpp(python));
        }
        Err(CliError::failed("no_runtime", "nothing here can serve a model file").help(
            "install one of them: llama.cpp's `llama-server` on the PATH; or \
             `python3 -m venv DIR && DIR/bin/pip install xllamacpp`, then add `--python \
             DIR/bin/python`; or a lore with a model of its own, for `--embedded` (docs/models.md)",
        ))
    }

    /// This program, if it was built with the feature `local-llm`.
    ///
    /// # Errors
    /// When it was not, with how to build it.
    pub(crate) fn embedded() -> Result<Self, CliError> {
        embedded::is_built_in()?;
        let program = std::env::current_exe().map_err(|error| {
            CliError::failed("no_start", format!("lore does not find itself: {error}"))
        })?;
        Ok(Self::Embedded(program))
    }

    /// Returns true when it chooses its port itself when that is 0, and tells its address as its first line.
    pub(crate) const fn tells_address(&self) -> bool {
        match self {
            Self::LlamaServer(_) => false,
            Self::Xllamacpp(_) | Self::Embedded(_) => true,
        }
    }

    /// The command that serves. A `port` of 0 is only known to those that tell their address.
    pub(crate) fn command(&self, serving: &Serving) -> Command {
        match self {
            Self::LlamaServer(program) => {
                let mut command = Command::new(program);
                command
                    .arg("--model")
                    .arg(&serving.file)
                    .args(["--host", "127.0.0.1", "--jinja", "--props", "--parallel", "1"])
                    .args(["--port", &serving.port.to_string()])
                    .args(["--threads", &serving.threads.to_string()])
                    .args(["--ctx-size", &serving.window_tokens.to_string()])
                    .args(["--alias", &serving.name]);
                command
            }
            Self::Xllamacpp(python) => {
                let options = json!({
                    "name": serving.name,
                    "file": serving.file,
                    "port": serving.port,
                    "threads": serving.threads,
                    "window": serving.window_tokens,
                });
                let mut command = Command::new(python);
                command.args(["-c", XLLAMACPP, &options.to_string()]);
                command
            }
            Self::Embedded(program) => {
                let mut command = Command::new(program);
                command
                    .args(["model-embedded", "--port", &serving.port.to_string()])
                    .args(["--window", &serving.window_tokens.to_string()])
                    .args(["--name", &serving.name, "--file"])
                    .arg(&serving.file)
                    // Read once by the library that computes, when it begins.
                    .env("RAYON_NUM_THREADS", serving.threads.to_string());
                command
            }
        }
    }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(|file| {
        fs::metadata(file)
            .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    })
}

/// Looks for the package without loading it, which takes seconds.
fn has_xllamacpp(python: &Path) -> bool {
    let look =
        "import importlib.util, sys; sys.exit(importlib.util.find_spec('xllamacpp') is None)";
    let status = Command::new(python)
        .args(["-I", "-c", look])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
