//! The world between the networks: an internet, home routers, LANs, and all that goes wrong on the way.
//!
//! One thread moves packets from device to device. It stands for `netem` and for a router, neither of which
//! every kernel has.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::nat::{Mapping, Nat};
use crate::packet::Packet;

/// Largest packet of a device.
const PACKET_BYTES: usize = 2_048;
/// Time after which the thread looks up, when nothing comes.
const IDLE: Duration = Duration::from_millis(100);

/// A device on the wire.
pub(crate) type Port = usize;
/// A LAN behind a router.
pub(crate) type LanId = usize;

struct End {
    address: Ipv4Addr,
    lan: Option<LanId>,
    device: File,
}

/// What the wire does to packets.
#[derive(Default)]
struct State {
    ends: Vec<End>,
    lans: Vec<Option<Nat>>,
    /// From whom nothing arrives at whom.
    cuts: BTreeSet<(Port, Port)>,
    delay: Duration,
    loss_percent: u64,
    random: u64,
    /// Packets that went from one end to another.
    carried: BTreeMap<(Port, Port), u64>,
    lost: u64,
}

/// The wire.
#[derive(Clone)]
pub(crate) struct Wire {
    state: Arc<Mutex<State>>,
    inbox: Sender<(Port, Vec<u8>)>,
}

impl Wire {
    pub(crate) fn new() -> Self {
        let state = State { random: 0x9e37_79b9_7f4a_7c15, ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let (inbox, packets) = channel();
        let moving = Arc::clone(&state);
        thread::spawn(move || carry(&moving, &packets));
        Self { state, inbox }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A LAN behind a router with this address, or one that leads nowhere.
    pub(crate) fn lan(&self, router: Option<(Ipv4Addr, Mapping)>) -> LanId {
        let mut state = self.state();
        state.lans.push(router.map(|(public, mapping)| Nat::new(public, mapping)));
        state.lans.len() - 1
    }

    /// Plugs a device in: into a LAN, or into the internet.
    pub(crate) fn plug(&self, address: Ipv4Addr, lan: Option<LanId>, device: File) -> Port {
        let mut reader = device.try_clone().expect("a second handle");
        let mut state = self.state();
        state.ends.push(End { address, lan, device });
        let port = state.ends.len() - 1;
        let inbox = self.inbox.clone();
        thread::spawn(move || {
            let mut packet = [0; PACKET_BYTES];
            while let Ok(length) = reader.read(&mut packet) {
                if inbox.send((port, packet[..length].to_vec())).is_err() {
                    return;
                }
            }
        });
        port
    }

    /// Delays every packet, each way, and loses some.
    pub(crate) fn worsen(&self, delay: Duration, loss_percent: u64) {
        let mut state = self.state();
        state.delay = delay;
        state.loss_percent = loss_percent;
    }

    /// Nothing arrives from one end at another any more.
    pub(crate) fn cut(&self, from: Port, to: Port) {
        self.state().cuts.insert((from, to));
    }

    /// Everything arrives again.
    pub(crate) fn mend(&self) {
        self.state().cuts.clear();
    }

    /// Packets that went from one end straight to another.
    pub(crate) fn carried(&self, from: Port, to: Port) -> u64 {
        self.state().carried.get(&(from, to)).copied().unwrap_or(0)
    }

    /// Packets that were lost by chance.
    pub(crate) fn lost(&self) -> u64 {
        self.state().lost
    }
}

/// A packet on its way: when it arrives, in which order it was sent, where, and what.
type Flying = Reverse<(Instant, u64, Port, Vec<u8>)>;

fn carry(state: &Mutex<State>, packets: &Receiver<(Port, Vec<u8>)>) {
    let mut flying: BinaryHeap<Flying> = BinaryHeap::new();
    let mut sent = 0;
    loop {
        let next = flying.peek().map_or(IDLE, |Reverse((at, ..))| {
            at.saturating_duration_since(Instant::now()).min(IDLE)
        });
        let packet = packets.recv_timeout(next);
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match packet {
            Ok((from, bytes)) => {
                let at = Instant::now() + state.delay;
                for (to, bytes) in state.route(from, &bytes) {
                    if state.passes(from, to) {
                        sent += 1;
                        flying.push(Reverse((at, sent, to, bytes)));
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while flying.peek().is_some_and(|Reverse((at, ..))| *at <= Instant::now()) {
            let Some(Reverse((_, _, to, bytes))) = flying.pop() else { break };
            // A device that is not up yet takes nothing.
            let _ = state.ends[to].device.write_all(&bytes);
        }
    }
}

impl State {
    /// Where a packet arrives, and as what.
    fn route(&mut self, from: Port, bytes: &[u8]) -> Vec<(Port, Vec<u8>)> {
        let Some(mut packet) = Packet::read(bytes) else { return Vec::new() };
        let to = *packet.to().ip();
        let lan = self.ends[from].lan;
        if to.is_multicast() {
            let others = self.ends.iter().enumerate();
            let here =
                others.filter(|(port, end)| *port != from && lan.is_some() && end.lan == lan);
            return here.map(|(port, _)| (port, packet.bytes().to_vec())).collect();
        }
        if let Some(lan) = lan {
            if let Some(port) = self.find(to, Some(lan)) {
                return vec![(port, packet.bytes().to_vec())];
            }
            match &mut self.lans[lan] {
                Some(router) if !to.is_private() => router.out(&mut packet),
                _ => return Vec::new(),
            }
        }
        if let Some(port) = self.find(to, None) {
            return vec![(port, packet.bytes().to_vec())];
        }
        let routers = self.lans.iter().enumerate();
        let mut routers = routers.filter_map(|(id, lan)| Some((id, lan.as_ref()?)));
        let Some((lan, router)) = routers.find(|(_, router)| router.public() == to) else {
            return Vec::new();
        };
        if !router.let_in(&mut packet) {
            return Vec::new();
        }
        let inside: SocketAddrV4 = packet.to();
        let port = self.find(*inside.ip(), Some(lan));
        port.map(|port| (port, packet.bytes().to_vec())).into_iter().collect()
    }

    fn find(&self, address: Ipv4Addr, lan: Option<LanId>) -> Option<Port> {
        self.ends.iter().position(|end| end.lan == lan && end.address == address)
    }

    /// Whether a packet arrives at all.
    fn passes(&mut self, from: Port, to: Port) -> bool {
        if self.cuts.contains(&(from, to)) {
            return false;
        }
        // xorshift64* (Vigna 2016): the same packets are lost in every run that sends the same.
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let drawn = self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        if drawn % 100 < self.loss_percent {
            self.lost += 1;
            return false;
        }
        *self.carried.entry((from, to)).or_default() += 1;
        true
    }
}
