//! Bytes with their escapes resolved, and where each came from.

/// Decoded bytes.
pub(super) struct Unescape {
    pub(super) bytes: Vec<u8>,
    /// The position where each decoded byte begins in the bytes that were scanned; empty when nothing moved.
    from: Vec<usize>,
    /// Length of the bytes that were scanned.
    whole: usize,
}

impl Unescape {
    /// Bytes as they are.
    pub(super) fn plain(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), from: Vec::new(), whole: bytes.len() }
    }

    /// The position where decoded byte `at`, or the end, lies in the bytes that were scanned.
    pub(super) fn source(&self, at: usize) -> usize {
        if self.from.is_empty() {
            return at;
        }
        self.from.get(at).copied().unwrap_or(self.whole)
    }

    /// Resolves escapes: `escape` gives what the front of the bytes stands for and how long it is,
    /// or nothing where the first byte stands for itself. Bytes that only look like an escape stay.
    fn decode(&self, escape: impl Fn(&[u8]) -> Option<(Vec<u8>, usize)>) -> Self {
        let mut decoded = Self {
            bytes: Vec::with_capacity(self.bytes.len()),
            from: Vec::with_capacity(self.bytes.len()),
            whole: self.whole,
        };
        let mut at = 0;
        while let Some(rest) = self.bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let source = self.source(at);
            if let Some((meaning, length)) = escape(rest) {
                decoded.from.extend(meaning.iter().map(|_| source));
                decoded.bytes.extend(meaning);
                at += length;
            } else {
                decoded.from.push(source);
                decoded.bytes.extend(rest.first());
                at += 1;
            }
        }
        decoded
    }
}

/// Resolves `%20` and the like.
pub(super) fn percent(view: &Unescape) -> Unescape {
    view.decode(|rest| match rest {
        [b'%', digits @ ..] => {
            let byte = u8::try_from(number(digits.get(..2)?)?).ok()?;
            Some((vec![byte], 3))
        }
        _ => None,
    })
}

/// Resolves the escapes of JSON strings.
pub(super) fn json(view: &Unescape) -> Unescape {
    view.decode(|rest| {
        let [b'\\', kind, digits @ ..] = rest else { return None };
        let plain = |byte| Some((vec![byte], 2));
        match kind {
            b'"' | b'\\' | b'/' => plain(*kind),
            b'b' => plain(8),
            b't' => plain(b'\t'),
            b'n' => plain(b'\n'),
            b'f' => plain(12),
            b'r' => plain(b'\r'),
            b'u' => unicode(digits),
            _ => None,
        }
    })
}

/// Reads the digits after `\u`: one unit of UTF-16, or two that make a pair.
fn unicode(digits: &[u8]) -> Option<(Vec<u8>, usize)> {
    let first = u16::try_from(number(digits.get(..4)?)?).ok()?;
    let second = digits
        .get(4..10)
        .and_then(|more| more.strip_prefix(br"\u"))
        .and_then(number)
        .and_then(|unit| u16::try_from(unit).ok());
    let pair = second.map(|second| [first, second]);
    let units: &[u16] = match &pair {
        Some(pair) if (0xd800..0xdc00).contains(&first) => pair,
        _ => &[first],
    };
    let text = String::from_utf16(units).ok()?;
    Some((text.into_bytes(), 6 * units.len()))
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value * 16 + char::from(*digit).to_digit(16)?))
}
