//! A running lab: its services, its tools, its environment.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::path::Path;

use super::directory::Service;
use super::draw::Draw;
use super::environment::{BIN, Environment};
use super::error::{LabError, at};
use super::family::Family;
use super::family_id::FamilyId;
use super::http::{Response, Server, close, listen};
use super::selection::Families;
use super::tools;
use super::words::CODE_WORDS;

/// Services that have nothing to do with any task.
const DECOYS: usize = 2;
/// Ports that handbooks like; the first on which nothing listens is the documented one.
const DOCUMENTED: [u16; 8] = [8080, 8000, 8888, 9000, 8081, 8008, 9090, 7000];
/// Below the range from which systems take ports for outgoing connections.
const PORT_RANGE: (u64, u64) = (10_240, 32_000);
/// Draws before giving up.
const PORT_TRIES: usize = 2_000;

/// A lab that serves until it is dropped. One lab serves all nodes of a federation.
#[derive(Debug)]
pub struct Lab {
    environment: Environment,
    families: Families,
    servers: BTreeMap<String, Server>,
    /// Services of directory families.
    programs: BTreeMap<FamilyId, Service>,
    documented: u16,
}

impl Lab {
    /// Starts the lab of `seed` in `dir` with all built-in families; see [`start_with`](Self::start_with).
    ///
    /// # Errors
    /// Fails when `dir` cannot be written or no port is free.
    pub fn start(seed: u64, dir: &Path, tools_binary: &Path) -> Result<Self, LabError> {
        Self::start_with(seed, dir, tools_binary, Families::built_in())
    }

    /// Starts the lab of `seed` in `dir`: draws the quirks of `families`, listens on loopback, starts
    /// the services of directory families, writes the environment file and puts the tools into
    /// `dir/bin`; the built-in ones are all carried by `tools_binary`.
    ///
    /// # Errors
    /// Fails when `dir` cannot be written, no port is free, or a directory family cannot be served.
    pub fn start_with(
        seed: u64,
        dir: &Path,
        tools_binary: &Path,
        families: Families,
    ) -> Result<Self, LabError> {
        let dir = std::path::absolute(dir).map_err(at(dir))?;
        tools::install(&dir.join(BIN), tools_binary)?;
        let documented = DOCUMENTED.into_iter().find(|port| listen(*port).map(close).is_ok());
        let mut lab = Self {
            environment: Environment::new(seed, dir),
            families,
            servers: BTreeMap::new(),
            programs: BTreeMap::new(),
            documented: documented.ok_or(LabError::NoPort)?,
        };
        lab.check_tools()?;
        for family in lab.families.ids() {
            lab.put(family, seed)?;
        }
        for decoy in 0..DECOYS {
            let mut draw = Draw::new(seed, &["decoy", &decoy.to_string()]);
            let name = lab.name(&mut draw);
            let handler = |_: &_| Response::new(404, "nothing here\n");
            let (listener, port) = lab.free_port(&mut draw)?;
            lab.serve(name, port, listener, handler)?;
        }
        lab.environment.save()?;
        Ok(lab)
    }

    /// Checks whether every tool has its name for itself.
    fn check_tools(&self) -> Result<(), LabError> {
        let mut taken: BTreeSet<&str> = tools::NAMES.into_iter().collect();
        let sources = self.families.sources().iter();
        for (family, source) in sources.filter(|(_, source)| source.dir().is_some()) {
            for tool in &source.spec().tools {
                if !taken.insert(tool) {
                    return Err(LabError::ToolTaken { family: *family, tool: tool.clone() });
                }
            }
        }
        Ok(())
    }

    /// The environment as it is now.
    #[must_use]
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Gives `family` another quirk, drawn from `seed`, from now on: the world drifts, and what was
    /// learnt about it no longer holds. Other processes load the environment again.
    ///
    /// # Errors
    /// As for [`Lab::start_with`], and when the lab does not have the family.
    pub fn switch(&mut self, family: FamilyId, seed: u64) -> Result<(), LabError> {
        let old = self.environment.families.get(&family).ok_or(LabError::NoFamily(family))?;
        let port = old.port;
        // The old service stops, or the outdated port would keep working.
        self.programs.remove(&family);
        self.forget(port);
        self.put(family, seed)?;
        self.environment.save()
    }

    /// Stops what listens on a port and takes it from the listing.
    fn forget(&mut self, port: Option<u16>) {
        let old = self.environment.services.iter().find(|(_, p)| Some(**p) == port);
        if let Some(name) = old.map(|(name, _)| name.clone()) {
            self.environment.services.remove(&name);
            self.servers.remove(&name);
        }
    }

    /// Draws a family's quirk, puts its tools on PATH and serves it.
    fn put(&mut self, id: FamilyId, seed: u64) -> Result<(), LabError> {
        let source = self.families.sources().get(&id).cloned().ok_or(LabError::NoFamily(id))?;
        let mut draw = Draw::new(seed, &["quirk", &id.name()]);
        let listening = match source.spec().service {
            Some(_) => Some(self.free_port(&mut draw)?),
            None => None,
        };
        let port = listening.as_ref().map(|(_, port)| *port);
        let family = Family::new(source, &mut draw, port, self.documented);
        let bin = self.environment.bin();
        family.link_tools(&bin)?;
        if let Some((listener, port)) = listening {
            if let Some(helper) = family.helper() {
                let name = self.name(&mut draw);
                self.serve(name, port, listener, move |request| helper.serve(request))?;
            } else {
                // The port is the program's.
                close(listener);
                let started = family.start_service(self.environment.dir(), &bin);
                let started = started.map_err(|source| LabError::Family { family: id, source })?;
                let name = self.name(&mut draw);
                self.environment.services.insert(name, port);
                self.programs.extend(started.map(|service| (id, service)));
            }
        }
        self.environment.families.insert(id, family);
        Ok(())
    }

    /// A name for a service that no other has.
    fn name(&self, draw: &mut Draw) -> String {
        loop {
            let name = draw.some(&CODE_WORDS, 2).join("-");
            if !self.environment.services.contains_key(&name) {
                return name;
            }
        }
    }

    fn free_port(&self, draw: &mut Draw) -> Result<(TcpListener, u16), LabError> {
        (0..PORT_TRIES)
            .filter_map(|_| u16::try_from(draw.between(PORT_RANGE.0, PORT_RANGE.1)).ok())
            .filter(|port| *port != self.documented)
            .find_map(|port| Some((listen(port).ok()?, port)))
            .ok_or(LabError::NoPort)
    }

    fn serve(
        &mut self,
        name: String,
        port: u16,
        listener: TcpListener,
        handler: impl Fn(&super::http::Request) -> Response + Send + 'static,
    ) -> Result<(), LabError> {
        let server = Server::start(listener, handler).map_err(at(Path::new("127.0.0.1")))?;
        self.environment.services.insert(name.clone(), port);
        self.servers.insert(name, server);
        Ok(())
    }
}
