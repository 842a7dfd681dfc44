//! Bytes read as a script: small numbers that choose what is done next, and the texts that it is done with.

/// What is left of a script. Past its end every number is 0 and every text is empty.
pub(crate) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes([0; 4].map(|_: u8| self.byte()))
    }

    pub(crate) fn id(&mut self) -> [u8; 32] {
        [self.byte(); 32]
    }

    /// A text with its length, of two bytes, before it.
    pub(crate) fn text(&mut self) -> &'a [u8] {
        let len = usize::from(u16::from_le_bytes([self.byte(), self.byte()]));
        let (text, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        text
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.0
    }
}

/// The bytes that [`Script::text`] reads as this text.
pub(crate) fn text(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).expect("a short text");
    [len.to_le_bytes().as_slice(), bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_gives_what_was_written_and_then_nothing() {
        let bytes = [&[7][..], &text(b"abc"), &[5]].concat();
        let mut script = Script::new(&bytes);
        assert_eq!((script.byte(), script.text(), script.below(3)), (7, &b"abc"[..], 2));
        assert!(script.is_over());
        assert_eq!((script.u32(), script.text()), (0, &b""[..]));
    }
}
