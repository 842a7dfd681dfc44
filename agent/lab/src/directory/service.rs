//! A family's service while its environment lasts.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::process::{RunError, Tree};
use super::spec::ServiceSpec;

/// Time between two looks whether it listens.
const LOOK: Duration = Duration::from_millis(10);
const WHAT: &str = "service";

/// The service to start.
pub(crate) struct Launch<'a> {
    /// Name of the family.
    pub(crate) name: &'a str,
    /// Its service.
    pub(crate) spec: &'a ServiceSpec,
    /// Its directory.
    pub(crate) dir: &'a Path,
    /// The port on which the service listens.
    pub(crate) port: u16,
    /// The variables of the family's programs.
    pub(crate) variables: &'a BTreeMap<String, String>,
}

/// A running service. Dropped, it is killed with all that it started.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    tree: Tree,
}

impl Service {
    /// Starts the service of a family, in the family's directory, and waits until it listens. Its output goes to a file in `dir`, the lab's directory. Its standard input ends when
    /// the lab does, even if that was killed.
    ///
    /// # Errors
    /// When it does not start, ends at once, or does not listen in time.
    pub(crate) fn start(launch: &Launch<'_>, dir: &Path, bin: &Path) -> Result<Self, RunError> {
        let (spec, port) = (launch.spec, launch.port);
        let (program, args) = spec
            .command
            .split_first()
            .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let program = if program.contains('/') {
            launch.dir.join(program)
        } else {
            Path::new(program).to_owned()
        };
        let failed = |source| RunError::Start { what: WHAT, path: program.clone(), source };
        let log = dir.join(format!("{}.service.log", launch.name));
        let out = std::fs::File::create(&log).map_err(failed)?;
        let mut tree = Tree::new();
        let mut command = tree.command(&program, launch.dir, bin, launch.variables);
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(out.try_clone().map_err(failed)?)
            .stderr(out);
        let child = command.spawn().map_err(failed)?;
        tree.started(&child);
        let mut service = Self { child, tree };
        let limit = Duration::from_secs(spec.ready_seconds);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let began = Instant::now();
        loop {
            if TcpStream::connect_timeout(&address, limit).is_ok() {
                return Ok(service);
            }
            if let Some(status) = service.child.try_wait().map_err(failed)? {
                let said = std::fs::read_to_string(&log).unwrap_or_default().trim().to_owned();
                return Err(RunError::Crashed { what: WHAT, how: status.to_string(), said });
            }
            if began.elapsed() >= limit {
                return Err(RunError::NotReady { port, seconds: spec.ready_seconds, log });
            }
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.tree.kill();
        let _ = self.child.wait();
    }
}
