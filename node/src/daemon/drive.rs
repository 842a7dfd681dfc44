//! Between the network and the engine: events one way, effects the other.

use lore_control::Failure;
use lore_engine::{Effect, Event, Finished, Job};
use lore_protocol::ids::PublicKey;

use super::{Daemon, listen};
use crate::error::CliError;
use crate::host::Watched;
use crate::network::{self, Multiaddr, NetworkEvent, PeerAddress};

impl Daemon {
    /// Tells the engine what happened. Its work may take long: other tasks run meanwhile.
    pub(super) fn tell(&mut self, event: Event) -> Result<(), CliError> {
        tokio::task::block_in_place(|| self.node.handle(event))
    }

    /// Tells the network who the members are.
    pub(super) async fn keep_members(&self) {
        let mut kept = self.node.engine().served();
        kept.extend(self.node.devices().served());
        note("members not told", self.network.keep(kept).await);
    }

    pub(super) const fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn on_event(&mut self, event: NetworkEvent) -> Result<(), CliError> {
        let event = match event {
            NetworkEvent::Listening { address } => {
                tracing::info!(%address, "listening");
                let now: Vec<Multiaddr> =
                    self.network.addresses().iter().map(|a| a.address().clone()).collect();
                return listen::keep(&**self.node.engine().store(), &now);
            }
            NetworkEvent::Connected { peer } => {
                self.tell_devices(|devices| devices.on_connected(peer))?;
                Event::Connected { peer }
            }
            NetworkEvent::Disconnected { peer } => {
                self.node.devices_mut().on_disconnected(&peer);
                Event::Disconnected { peer }
            }
            NetworkEvent::Identified { peer, addresses } => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                self.tell_devices(|devices| devices.on_identified(peer, &addresses))?;
                Event::Identified { peer, addresses }
            }
            NetworkEvent::Stream { peer, open } => Event::Stream { peer, open },
            NetworkEvent::Heard { peer, bytes } => Event::Heard { peer, bytes },
            NetworkEvent::Request { peer, bytes, reply } => {
                let number = self.number();
                self.replies.insert(number, reply);
                Event::Request { number, peer, bytes }
            }
            NetworkEvent::DeviceRequest { peer, bytes, reply } => {
                return self.on_device_request(peer, &bytes, reply);
            }
            NetworkEvent::Response { request, peer, bytes } => {
                if let Some(number) = self.device_requests.remove(&request) {
                    return self.tell_devices(|devices| devices.on_response(number, peer, &bytes));
                }
                let Some(number) = self.requests.remove(&request) else { return Ok(()) };
                Event::Response { number, peer, bytes }
            }
            NetworkEvent::RequestFailed { request, why, .. } => {
                if let Some(number) = self.device_requests.remove(&request) {
                    self.node.devices_mut().on_failure(number, &why.to_string());
                    return Ok(());
                }
                let Some(number) = self.requests.remove(&request) else { return Ok(()) };
                Event::RequestFailed { number, why: why.to_string() }
            }
        };
        self.tell(event)
    }

    /// Does what the engine wants done. What the network does not take is logged, and no error: peers
    /// decide what is in it.
    ///
    /// # Errors
    /// Fails when the engine's own store or ledger fails.
    pub(super) async fn flush(&mut self) -> Result<(), CliError> {
        loop {
            if let Some(job) = self.node.engine_mut().take_job() {
                self.work(job);
            }
            let devices_did = self.flush_devices().await?;
            let effects = self.node.engine_mut().take_effects();
            if effects.is_empty() && !devices_did {
                return Ok(());
            }
            for effect in effects {
                self.carry_out(effect).await?;
            }
        }
    }

    /// Does a release's work on a thread: how long it takes depends on private data, and nothing that
    /// others can see may wait for it.
    fn work(&self, job: Job) {
        let lost = job.lost();
        let finished = self.finished.clone();
        let doing = tokio::task::spawn_blocking(move || job.run());
        tokio::spawn(async move {
            let done = doing.await.unwrap_or(lost);
            // The daemon may have stopped: the release is a void when it starts again.
            let _ = finished.send(done).await;
        });
    }

    /// Takes back the work of a release.
    pub(super) fn finish(&mut self, work: Finished) {
        let taken = tokio::task::block_in_place(|| self.node.engine_mut().finish_job(work));
        if let Err(error) = taken {
            // A disk that is full now may have room later: the ledger is opened again then.
            tracing::error!(%error, "the work of a release cannot be recorded");
        }
    }

    /// Does a step over the directories of agents on a thread: how long reading takes depends on private data.
    pub(super) fn watch(&mut self) {
        let job = match self.node.watch_begin() {
            Ok(Some(job)) => job,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "directories of agents cannot be followed now");
                return;
            }
        };
        let watched = self.watched.clone();
        let doing = tokio::task::spawn_blocking(move || job.run());
        tokio::spawn(async move {
            // The daemon may have stopped: the next start goes on.
            let _ = watched.send(doing.await.ok()).await;
        });
    }

    /// Takes a step back, and stores what it found.
    pub(super) fn watched(&mut self, step: Option<Watched>) {
        let Some(step) = step else { return self.node.watch_lost() };
        let stored = tokio::task::block_in_place(|| self.node.watch_finish(step));
        if let Err(error) = stored {
            // A disk that is full now may have room later: the pass begins again then.
            tracing::error!(%error, "sessions that were found cannot be stored");
        }
    }

    async fn carry_out(&mut self, effect: Effect) -> Result<(), CliError> {
        match effect {
            Effect::Send { peer, bytes } => {
                note("not sent", self.network.send(peer, bytes).await);
            }
            Effect::Dial { peer, addresses } => {
                for address in &addresses {
                    self.dial(peer, address).await;
                }
            }
            Effect::Request { number, peer, bytes } => {
                match self.network.request(peer, bytes).await {
                    Ok(request) => {
                        self.requests.insert(request, number);
                    }
                    Err(error) => {
                        self.tell(Event::RequestFailed { number, why: error.to_string() })?;
                    }
                }
            }
            Effect::Reply { number, bytes } => {
                if let Some(token) = self.replies.remove(&number) {
                    note("not answered", self.network.reply(token, bytes).await);
                }
            }
            Effect::Joined { attempt, result } => {
                if let Some(answer) = self.joins.remove(&attempt) {
                    let result = result
                        .map_err(CliError::from)
                        .map_err(Failure::from)
                        .and_then(crate::host::joined);
                    // The asking process may be gone.
                    let _ = answer.send(result);
                }
            }
        }
        Ok(())
    }

    pub(super) async fn dial(&self, peer: PublicKey, address: &str) {
        let Ok(address) = address.parse::<Multiaddr>() else { return };
        match PeerAddress::new(address, peer) {
            Ok(address) => note("not dialled", self.network.dial(address).await),
            Err(error) => tracing::debug!(%error, "not dialled"),
        }
    }
}

pub(super) fn note(what: &str, done: Result<(), network::NetworkError>) {
    if let Err(error) = done {
        tracing::debug!(%error, "{what}");
    }
}
