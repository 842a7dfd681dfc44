//! A home router: everybody behind it shares one address, and nobody comes in who was not written to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::packet::{Packet, Transport};

/// Which port of the router a port behind it gets (RFC 4787, section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mapping {
    /// The same for whomever it writes to: others can be told of it, and come in when both write at once.
    SameForAll,
    /// Another one for everybody whom it writes to: what one is told is of no use to another.
    OneForEach,
}

type Inside = (Transport, SocketAddrV4, Option<SocketAddrV4>);

/// The router.
#[derive(Debug)]
pub(crate) struct Nat {
    public: Ipv4Addr,
    mapping: Mapping,
    ports: BTreeMap<Inside, u16>,
    insides: BTreeMap<(Transport, u16), SocketAddrV4>,
    /// Who was written to from which port, and may answer there.
    written: BTreeSet<(Transport, u16, SocketAddrV4)>,
    next: u16,
}

impl Nat {
    pub(crate) const fn new(public: Ipv4Addr, mapping: Mapping) -> Self {
        Self {
            public,
            mapping,
            ports: BTreeMap::new(),
            insides: BTreeMap::new(),
            written: BTreeSet::new(),
            next: 20_000,
        }
    }

    pub(crate) const fn public(&self) -> Ipv4Addr {
        self.public
    }

    /// Lets a packet out.
    pub(crate) fn out(&mut self, packet: &mut Packet) {
        let (transport, from, to) = (packet.transport(), packet.from(), packet.to());
        let towards = (self.mapping == Mapping::OneForEach).then_some(to);
        let inside = (transport, from, towards);
        let port = match self.ports.get(&inside) {
            Some(port) => *port,
            None => {
                let port = self.free_port(transport, from.port());
                self.ports.insert(inside, port);
                self.insides.insert((transport, port), from);
                port
            }
        };
        self.written.insert((transport, port, to));
        packet.set_from(SocketAddrV4::new(self.public, port));
    }

    /// Lets a packet in, to somebody who wrote to its sender. `false`: it is dropped.
    pub(crate) fn let_in(&self, packet: &mut Packet) -> bool {
        let (transport, port) = (packet.transport(), packet.to().port());
        if !self.written.contains(&(transport, port, packet.from())) {
            return false;
        }
        let Some(inside) = self.insides.get(&(transport, port)) else { return false };
        packet.set_to(*inside);
        true
    }

    fn free_port(&mut self, transport: Transport, wanted: u16) -> u16 {
        let kept = self.mapping == Mapping::SameForAll;
        if kept && !self.insides.contains_key(&(transport, wanted)) {
            return wanted;
        }
        while self.insides.contains_key(&(transport, self.next)) {
            self.next += 1;
        }
        self.next += 1;
        self.next - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::udp;

    const ROUTER: Ipv4Addr = Ipv4Addr::new(5, 0, 0, 9);

    fn out(nat: &mut Nat, to: &str) -> SocketAddrV4 {
        let mut packet = udp("192.168.1.2:4000", to);
        nat.out(&mut packet);
        packet.from()
    }

    #[test]
    fn only_who_was_written_to_comes_in() {
        let mut nat = Nat::new(ROUTER, Mapping::SameForAll);
        let outside = out(&mut nat, "5.0.0.1:1");
        assert_eq!(outside.to_string(), "5.0.0.9:4000");
        assert_eq!(out(&mut nat, "5.0.0.2:1"), outside);
        let comes_in = |from: &str| {
            let mut packet = udp(from, &outside.to_string());
            nat.let_in(&mut packet).then(|| packet.to().to_string())
        };
        assert_eq!(comes_in("5.0.0.1:1").as_deref(), Some("192.168.1.2:4000"));
        assert_eq!(comes_in("5.0.0.1:2"), None);
        assert_eq!(comes_in("5.0.0.3:1"), None);
    }

    #[test]
    fn one_port_for_each_is_of_no_use_to_another() {
        let mut nat = Nat::new(ROUTER, Mapping::OneForEach);
        assert_ne!(out(&mut nat, "5.0.0.1:1"), out(&mut nat, "5.0.0.2:1"));
    }
}
