//! IPv4 packets with UDP or TCP in them: addresses, ports and checksums.

use std::net::{Ipv4Addr, SocketAddrV4};

/// Protocol of the transport, as IPv4 numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// A whole packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    bytes: Vec<u8>,
    start: usize,
    transport: Transport,
}

impl Packet {
    /// Reads a packet; none when it is no whole UDP or TCP over IPv4.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < 20 || bytes[0] >> 4 != 4 {
            return None;
        }
        let start = usize::from(bytes[0] & 15) * 4;
        let total = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        let fragment = u16::from_be_bytes([bytes[6], bytes[7]]) & 0x3fff;
        let (transport, least) = match bytes[9] {
            6 => (Transport::Tcp, 20),
            17 => (Transport::Udp, 8),
            _ => return None,
        };
        if start < 20 || total > bytes.len() || total < start + least || fragment != 0 {
            return None;
        }
        Some(Self { bytes: bytes[..total].to_vec(), start, transport })
    }

    pub(crate) const fn transport(&self) -> Transport {
        self.transport
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn from(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address(12), self.port(0))
    }

    pub(crate) fn to(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address(16), self.port(2))
    }

    pub(crate) fn set_from(&mut self, from: SocketAddrV4) {
        self.set(12, 0, from);
    }

    pub(crate) fn set_to(&mut self, to: SocketAddrV4) {
        self.set(16, 2, to);
    }

    fn address(&self, at: usize) -> Ipv4Addr {
        let bytes = &self.bytes;
        Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3])
    }

    fn port(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.bytes[self.start + at], self.bytes[self.start + at + 1]])
    }

    fn set(&mut self, address: usize, port: usize, to: SocketAddrV4) {
        self.bytes[address..address + 4].copy_from_slice(&to.ip().octets());
        let port = self.start + port;
        self.bytes[port..port + 2].copy_from_slice(&to.port().to_be_bytes());
        self.put_checksums();
    }

    fn put_checksums(&mut self) {
        self.bytes[10..12].fill(0);
        let header = folded(sum(&self.bytes[..self.start]));
        self.bytes[10..12].copy_from_slice(&header.to_be_bytes());
        let (at, number) = match self.transport {
            Transport::Tcp => (self.start + 16, 6),
            Transport::Udp => (self.start + 6, 17),
        };
        self.bytes[at..at + 2].fill(0);
        let payload = &self.bytes[self.start..];
        // The pseudo header: both addresses, the protocol and the length (RFC 9293, section 3.1).
        let pseudo = sum(&self.bytes[12..20]) + number + payload.len() as u32;
        let whole = match folded(pseudo + sum(payload)) {
            0 => 0xffff,
            other => other,
        };
        self.bytes[at..at + 2].copy_from_slice(&whole.to_be_bytes());
    }
}

fn sum(bytes: &[u8]) -> u32 {
    let words = bytes
        .chunks(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])));
    words.sum()
}

fn folded(mut sum: u32) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
pub(crate) fn udp(from: &str, to: &str) -> Packet {
    let mut bytes = vec![0; 32];
    bytes[0] = 0x45;
    bytes[3] = 32;
    bytes[8] = 64;
    bytes[9] = 17;
    bytes[25] = 12;
    bytes[28..32].copy_from_slice(b"data");
    let mut packet = Packet::read(&bytes).unwrap();
    packet.set_from(from.parse().unwrap());
    packet.set_to(to.parse().unwrap());
    packet
}

#[test]
fn a_changed_packet_is_whole_again() {
    let packet = udp("10.0.0.1:1000", "5.0.0.1:2000");
    assert_eq!(packet.from().to_string(), "10.0.0.1:1000");
    assert_eq!(packet.to().to_string(), "5.0.0.1:2000");
    assert_eq!(folded(sum(&packet.bytes[..20])), 0);
    let pseudo = sum(&packet.bytes[12..20]) + 17 + 12;
    assert_eq!(folded(pseudo + sum(&packet.bytes[20..])), 0);
    assert!(Packet::read(&packet.bytes[..31]).is_none());
}
