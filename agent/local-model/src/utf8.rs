//! Text out of bytes that arrive in pieces.

/// Puts bytes together to whole characters: a token may end inside one.
#[derive(Debug, Default)]
pub(super) struct Utf8Pieces {
    /// The beginning of a character, at most three bytes.
    cut: Vec<u8>,
}

impl Utf8Pieces {
    /// The text that is certain after `bytes`; what cannot be text becomes U+FFFD.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.cut.extend_from_slice(bytes);
        let (mut text, mut rest) = (String::new(), self.cut.as_slice());
        let kept = loop {
            match std::str::from_utf8(rest) {
                Ok(whole) => {
                    text.push_str(whole);
                    break Vec::new();
                }
                Err(error) => {
                    let (whole, bad) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(whole));
                    let Some(bad_bytes) = error.error_len() else {
                        break bad.to_vec();
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &bad[bad_bytes..];
                }
            }
        };
        self.cut = kept;
        text
    }

    /// The rest at the end: nothing, or U+FFFD for a character that never was completed.
    pub(super) fn finish(self) -> String {
        if self.cut.is_empty() { String::new() } else { char::REPLACEMENT_CHARACTER.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_pieces(bytes: &[u8], piece: usize) -> String {
        let mut pieces = Utf8Pieces::default();
        let mut text: String = bytes.chunks(piece).map(|bytes| pieces.push(bytes)).collect();
        text += &pieces.finish();
        text
    }

    #[test]
    fn no_piece_ends_amid_a_character() {
        let mut pieces = Utf8Pieces::default();
        let [first, second, third, fourth] = *"😀".as_bytes() else { panic!("four bytes") };
        assert_eq!(pieces.push(&[b'a', first, second]), "a");
        assert_eq!(pieces.push(&[third]), "");
        assert_eq!(pieces.push(&[fourth, b'b']), "😀b");
        assert_eq!(pieces.finish(), "");
    }

    #[test]
    fn what_is_not_text_is_marked_once_and_does_not_stop_the_rest() {
        assert_eq!(in_pieces(b"a\xff\xfeb", 1), "a\u{fffd}\u{fffd}b");
        assert_eq!(in_pieces(b"a\xf0\x9f", 1), "a\u{fffd}");
        assert_eq!(in_pieces(b"\xe2\x82z", 1), "\u{fffd}z");
    }

    proptest! {
        #[test]
        fn text_is_the_same_in_whatever_pieces_it_comes(text in "\\PC*", piece in 1_usize..9) {
            prop_assert_eq!(in_pieces(text.as_bytes(), piece), text);
        }

        #[test]
        fn any_bytes_become_what_the_standard_library_makes_of_them(
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
            piece in 1_usize..9,
        ) {
            prop_assert_eq!(in_pieces(&bytes, piece), String::from_utf8_lossy(&bytes));
        }
    }
}
