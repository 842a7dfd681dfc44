//! Frames that cross the simulated wire: bytes only.

use lore_protocol::delta::MAX_DELTA_BYTES;
use lore_protocol::sync::MAX_ANSWER_BYTES;

/// Longest frame that a node reads, in bytes.
const MAX_FRAME_BYTES: usize = MAX_ANSWER_BYTES + MAX_DELTA_BYTES;

/// One message between two nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// A frame of the fast path.
    Spread(Vec<u8>),
    /// An encoded request of anti-entropy; the number pairs it with its answer.
    Ask(u64, Vec<u8>),
    /// An encoded answer.
    Answer(u64, Vec<u8>),
}

impl Frame {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let (kind, exchange, body) = match self {
            Self::Spread(body) => (0, 0, body),
            Self::Ask(exchange, body) => (1, *exchange, body),
            Self::Answer(exchange, body) => (2, *exchange, body),
        };
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&exchange.to_le_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    /// Reads a frame; none for anything that [`Frame::to_bytes`] does not write.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_FRAME_BYTES {
            return None;
        }
        let (kind, rest) = bytes.split_first()?;
        let (exchange, body) = rest.split_first_chunk::<8>()?;
        let exchange = u64::from_le_bytes(*exchange);
        match kind {
            0 if exchange == 0 => Some(Self::Spread(body.to_vec())),
            1 => Some(Self::Ask(exchange, body.to_vec())),
            2 => Some(Self::Answer(exchange, body.to_vec())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_the_wire_and_other_bytes_do_not() {
        for frame in [Frame::Spread(vec![1, 2]), Frame::Ask(7, vec![]), Frame::Answer(9, vec![3])] {
            assert_eq!(Frame::parse(&frame.to_bytes()), Some(frame));
        }
        for bytes in [&[][..], &[0; 8], &[3; 20], &[0, 1, 0, 0, 0, 0, 0, 0, 0]] {
            assert_eq!(Frame::parse(bytes), None);
        }
    }
}
