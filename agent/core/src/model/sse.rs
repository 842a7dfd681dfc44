//! Server-sent events (WHATWG HTML, section 9.2.6), as a decoder without I/O.
//!
//! Linear in the bytes it is given however they are cut, which matters when the sender is not trusted:
//! a decoder that looks at an unfinished line again with every piece is quadratic.

use super::ModelError;

/// Bytes in, the data of whole events out. Names, ids and comments are of no use here and are dropped.
#[derive(Debug, Default)]
pub struct Sse {
    line: Vec<u8>,
    data: String,
    has_data: bool,
    after_cr: bool,
    started: bool,
}

impl Sse {
    /// Takes the next bytes and hands every finished event's data to `event`.
    ///
    /// # Errors
    /// Fails when a line is not UTF-8, or when `event` fails.
    pub fn push(
        &mut self,
        bytes: &[u8],
        mut event: impl FnMut(&str) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        for &byte in bytes {
            // CRLF is one line break, also when a chunk ends between its two bytes.
            let second_half = std::mem::take(&mut self.after_cr) && byte == b'\n';
            match byte {
                b'\n' if second_half => {}
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    self.end_line(&mut event)?;
                }
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    /// Returns true when an event was begun that never ended.
    pub(super) fn is_cut(&self) -> bool {
        self.has_data || !self.line.is_empty()
    }

    fn end_line(
        &mut self,
        event: &mut impl FnMut(&str) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let bytes = std::mem::take(&mut self.line);
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| ModelError::malformed("an event stream that is not UTF-8"))?;
        let first = !std::mem::replace(&mut self.started, true);
        let text = if first { text.trim_start_matches('\u{feff}') } else { text };
        if text.is_empty() {
            let data = std::mem::take(&mut self.data);
            // Without data there is no event: servers send such as a sign of life.
            if std::mem::take(&mut self.has_data) && !data.trim().is_empty() {
                event(&data)?;
            }
            return Ok(());
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        if field == "data" {
            if self.has_data {
                self.data.push('\n');
            }
            self.data.push_str(value.strip_prefix(' ').unwrap_or(value));
            self.has_data = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    fn decode(pieces: &[&[u8]]) -> Vec<String> {
        let (mut sse, mut events) = (Sse::default(), Vec::new());
        for piece in pieces {
            sse.push(piece, |data| {
                events.push(data.to_owned());
                Ok(())
            })
            .unwrap();
        }
        events
    }

    #[test]
    fn comments_names_and_line_breaks_of_every_kind() {
        let stream = "\u{feff}: OPENROUTER PROCESSING\r\n\r\nevent: a\r\ndata: one\r\n\r\ndata:two\rdata: three\r\rid: 4\n\ndata\n\ndata: \n\ndata: four\n\n";
        assert_eq!(decode(&[stream.as_bytes()]), ["one", "two\nthree", "four"]);
    }

    #[test]
    fn an_unfinished_event_is_noticed() {
        let mut sse = Sse::default();
        sse.push(b"data: half\n", |_| Ok(())).unwrap();
        assert!(sse.is_cut());
        sse.push(b"\n", |_| Ok(())).unwrap();
        assert!(!sse.is_cut());
    }

    proptest! {
        #[test]
        fn where_a_stream_is_cut_does_not_matter(at in prop::collection::vec(0usize..60, 0..6)) {
            let whole = "data: é\r\ndata: b\r\n\r\n: c\n\ndata: {\"d\":1}\n\n".as_bytes();
            let mut at: Vec<usize> = at.into_iter().map(|at| at.min(whole.len())).collect();
            at.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for to in at.into_iter().chain([whole.len()]) {
                pieces.push(&whole[from..to]);
                from = to;
            }
            prop_assert_eq!(decode(&pieces), decode(&[whole]));
        }
    }
}
