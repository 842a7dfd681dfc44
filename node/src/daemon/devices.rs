//! Between the network and the devices of this node's users.

use lore_control::{DeviceJoin, DeviceJoined, Failure, Reply};
use lore_engine::EngineError;
use lore_engine::devices::{DeviceEffect, Devices, Paired};
use lore_protocol::ids::PublicKey;

use super::drive::note;
use super::{Answer, Daemon};
use crate::error::CliError;
use crate::network::ReplyToken;

impl Daemon {
    /// Tells the devices what happened.
    pub(super) fn tell_devices(
        &mut self,
        tell: impl FnOnce(&mut Devices) -> Result<(), EngineError>,
    ) -> Result<(), CliError> {
        tokio::task::block_in_place(|| Ok(tell(self.node.devices_mut())?))
    }

    /// A peer asks about devices.
    pub(super) fn on_device_request(
        &mut self,
        peer: PublicKey,
        bytes: &[u8],
        reply: ReplyToken,
    ) -> Result<(), CliError> {
        let number = self.number();
        self.replies.insert(number, reply);
        self.tell_devices(|devices| devices.on_request(number, peer, bytes))
    }

    /// Does what the devices want done. True when there was anything.
    pub(super) async fn flush_devices(&mut self) -> Result<bool, CliError> {
        let effects = self.node.devices_mut().take_effects();
        let any = !effects.is_empty();
        for effect in effects {
            self.carry_out_for_devices(effect).await?;
        }
        Ok(any)
    }

    async fn carry_out_for_devices(&mut self, effect: DeviceEffect) -> Result<(), CliError> {
        match effect {
            DeviceEffect::Dial { peer, addresses } => {
                for address in &addresses {
                    self.dial(peer, address).await;
                }
            }
            // A member of a federation is still dialled.
            DeviceEffect::Forget { peer } => {
                if !self.node.engine().served().contains(&peer) {
                    note("not forgotten", self.network.forget(peer).await);
                }
            }
            DeviceEffect::Request { number, peer, bytes } => {
                match self.network.request_device(peer, bytes).await {
                    Ok(request) => {
                        self.device_requests.insert(request, number);
                    }
                    Err(error) => {
                        self.node.devices_mut().on_failure(number, &error.to_string());
                    }
                }
            }
            DeviceEffect::Reply { number, bytes } => {
                if let Some(token) = self.replies.remove(&number) {
                    note("not answered", self.network.reply(token, bytes).await);
                }
            }
            DeviceEffect::Joined { attempt, result } => {
                if let Some(answer) = self.device_joins.remove(&attempt) {
                    let result = result.map_err(|error| Failure::from(CliError::from(error)));
                    // The asking process may be gone.
                    let _ = answer.send(result.and_then(joined));
                }
            }
        }
        Ok(())
    }

    /// Begins to join with a line; the answer comes when that is over.
    pub(super) fn join_devices(&mut self, ask: &DeviceJoin, answer: Answer) {
        match self.node.begin_device_join(ask) {
            Ok(attempt) => {
                self.device_joins.insert(attempt, answer);
            }
            Err(error) => {
                let _ = answer.send(Err(error.into()));
            }
        }
    }
}

fn joined(paired: Paired) -> Result<Reply, Failure> {
    Reply::to::<DeviceJoin>(&DeviceJoined { others: paired.others })
}
