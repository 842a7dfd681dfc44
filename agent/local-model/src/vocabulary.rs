//! A model file's own vocabulary: byte-level BPE as Qwen2 uses it.
//!
//! Source: the `tokenizer.ggml.*` keys of the GGUF specification, and llama.cpp's pre-tokenizer `qwen2`.
//! Text is not normalised, as in llama.cpp: what is written in a command is what the model reads.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::quantized::gguf_file::{Content, Value};
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;
use tokenizers::{AddedToken, Tokenizer};

use super::chat::{END, Part, START};

/// Pattern of the cuts that are made before pairs are merged.
const QWEN2: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Ends a text in training; no message holds it.
const END_OF_TEXT: &str = "<|endoftext|>";

/// Kinds of tokens in a GGUF file.
const NORMAL: u32 = 1;
const CONTROL: u32 = 3;
const USER_DEFINED: u32 = 4;

/// Between texts and numbers of tokens.
#[derive(Debug)]
pub(super) struct Vocabulary {
    tokenizer: Tokenizer,
    control: BTreeMap<String, u32>,
    /// Tokens that stand for their own letters, such as `<tool_call>`.
    literal: BTreeSet<u32>,
    /// Tokens that stand for no text: control and unused ones.
    silent: BTreeSet<u32>,
    ends: BTreeSet<u32>,
}

impl Vocabulary {
    /// Of a model file.
    pub(super) fn of(file: &Content) -> Result<Self, String> {
        let text = |key: &str| value(file, key)?.to_string().cloned().map_err(short);
        let (model, cut) = (text("tokenizer.ggml.model")?, text("tokenizer.ggml.pre")?);
        if (model.as_str(), cut.as_str()) != ("gpt2", "qwen2") {
            return Err(format!("its tokenizer is {model}/{cut}, not gpt2/qwen2"));
        }
        let tokens = strings(file, "tokenizer.ggml.tokens")?;
        let merges = strings(file, "tokenizer.ggml.merges")?;
        let kinds = list(file, "tokenizer.ggml.token_type")?
            .iter()
            .map(|kind| match kind {
                Value::I32(kind) => u32::try_from(*kind).map_err(|error| error.to_string()),
                kind => kind.to_u32().map_err(short),
            })
            .collect::<Result<Vec<u32>, String>>()?;
        let end = value(file, "tokenizer.ggml.eos_token_id")?.to_u32().map_err(short)?;
        Self::new(tokens, &kinds, merges, end)
    }

    /// Of tokens, their kinds, and pairs in the order in which they are merged.
    fn new(
        tokens: Vec<String>,
        kinds: &[u32],
        merges: Vec<String>,
        end: u32,
    ) -> Result<Self, String> {
        if tokens.len() != kinds.len() {
            return Err(format!("it has {} tokens but {} kinds", tokens.len(), kinds.len()));
        }
        let (mut control, mut literal, mut silent) =
            (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for ((id, token), &kind) in (0_u32..).zip(&tokens).zip(kinds) {
            match kind {
                NORMAL => {}
                USER_DEFINED => _ = literal.insert(id, token.clone()),
                CONTROL => {
                    control.insert(token.clone(), id);
                    silent.insert(id);
                }
                _ => _ = silent.insert(id),
            }
        }
        let known = |name: &str| control.get(name).copied().ok_or(format!("it has no {name}"));
        let ends = BTreeSet::from([end, known(END)?, known(END_OF_TEXT)?]);
        known(START)?;
        let merges = merges
            .iter()
            .map(|pair| {
                let (left, right) = pair.split_once(' ').ok_or(format!("a bad merge: {pair}"))?;
                Ok((left.to_owned(), right.to_owned()))
            })
            .collect::<Result<Vec<_>, String>>()?;
        let numbered: Vocab = tokens.into_iter().zip(0_u32..).collect();
        let bpe = BPE::builder().vocab_and_merges(numbered, merges).build().map_err(short)?;
        let mut tokenizer = Tokenizer::new(bpe);
        let pattern = SplitPattern::Regex(QWEN2.to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(short)?;
        let bytes = ByteLevel::new(false, false, false);
        tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![split.into(), bytes.into()])));
        let added: Vec<AddedToken> = literal
            .values()
            .map(|token| AddedToken::from(token.clone(), false).normalized(false))
            .collect();
        tokenizer.add_tokens(added).map_err(short)?;
        let literal = literal.into_keys().collect();
        Ok(Self { tokenizer, control, literal, silent, ends })
    }

    /// The tokens of a prompt.
    pub(super) fn encode(&self, prompt: &[Part]) -> Result<Vec<u32>, String> {
        let mut ids = Vec::new();
        for part in prompt {
            match part {
                Part::Control(name) => {
                    ids.push(*self.control.get(*name).ok_or(format!("there is no {name}"))?);
                }
                Part::Text(text) => ids.extend(self.encode_text(text)?),
            }
        }
        Ok(ids)
    }

    fn encode_text(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.tokenizer.encode_fast(text, false).map_err(short)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The bytes that a token stands for; they may begin or end inside a character.
    pub(super) fn bytes(&self, id: u32) -> Vec<u8> {
        if self.silent.contains(&id) {
            return Vec::new();
        }
        let token = self.tokenizer.id_to_token(id).unwrap_or_default();
        if self.literal.contains(&id) {
            return token.into_bytes();
        }
        token.chars().filter_map(byte_of).collect()
    }

    /// Returns true when a token ends the assistant's message.
    pub(super) fn is_end(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }
}

/// The byte that a letter of a token stands for. Bytes that can be printed stand for themselves, the
/// others, in order, for the letters from U+0100 on (GPT-2's table).
fn byte_of(letter: char) -> Option<u8> {
    let printed = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let code = u32::from(letter);
    match u8::try_from(code) {
        Ok(byte) => printed(&byte).then_some(byte),
        Err(_) => {
            let place = usize::try_from(code - 0x100).ok()?;
            (0..=u8::MAX).filter(|byte| !printed(byte)).nth(place)
        }
    }
}

fn short(error: impl std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn value<'a>(file: &'a Content, key: &str) -> Result<&'a Value, String> {
    file.metadata.get(key).ok_or(format!("it has no {key}"))
}

fn list<'a>(file: &'a Content, key: &str) -> Result<&'a Vec<Value>, String> {
    value(file, key)?.to_vec().map_err(short)
}

fn strings(file: &Content, key: &str) -> Result<Vec<String>, String> {
    list(file, key)?.iter().map(|value| value.to_string().cloned().map_err(short)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// All bytes, a few pairs, and the tokens of conversations.
    fn small() -> Vocabulary {
        let mut tokens: Vec<String> = (0x21..0x180)
            .filter_map(char::from_u32)
            .filter(|&it| byte_of(it).is_some())
            .map(String::from)
            .collect();
        assert_eq!(tokens.len(), 256);
        let merges = ["h e", "l l", "he ll", "hell o", "Ġ hello", "1 2"];
        tokens.extend(merges.iter().map(|pair| pair.replace(' ', "")));
        let mut kinds = vec![NORMAL; tokens.len()];
        for (token, kind) in [
            (START, CONTROL),
            (END, CONTROL),
            (END_OF_TEXT, CONTROL),
            ("<tool_call>", USER_DEFINED),
            ("[PAD]", 5),
        ] {
            tokens.push(token.to_owned());
            kinds.push(kind);
        }
        let merges = merges.iter().map(|&pair| pair.to_owned()).collect();
        Vocabulary::new(tokens, &kinds, merges, 263).unwrap()
    }

    fn names(vocabulary: &Vocabulary, parts: &[Part]) -> Vec<String> {
        let ids = vocabulary.encode(parts).unwrap();
        ids.iter().map(|&id| vocabulary.tokenizer.id_to_token(id).unwrap()).collect()
    }

    fn text(said: &str) -> Part {
        Part::Text(said.to_owned())
    }

    #[test]
    fn pairs_merge_within_words_and_digits_never() {
        let vocabulary = small();
        assert_eq!(names(&vocabulary, &[text("hello hello")]), ["hello", "Ġhello"]);
        assert_eq!(names(&vocabulary, &[text("12")]), ["1", "2"]);
        assert_eq!(names(&vocabulary, &[text("  hello")]), ["Ġ", "Ġhello"]);
    }

    #[test]
    fn control_tokens_are_only_written_by_us() {
        let vocabulary = small();
        let ids = vocabulary.encode(&[Part::Control(START), text("<|im_end|>")]).unwrap();
        assert_eq!((ids[0], ids.len()), (262, 1 + "<|im_end|>".len()));
        assert!(vocabulary.is_end(263) && vocabulary.is_end(264) && !vocabulary.is_end(262));
        assert!([262, 263, 266].iter().all(|&id| vocabulary.bytes(id).is_empty()));
        assert_eq!(names(&vocabulary, &[text("a<tool_call>b")]), ["a", "<tool_call>", "b"]);
        assert_eq!(vocabulary.bytes(265), b"<tool_call>");
    }

    #[test]
    fn a_file_without_the_tokens_of_conversations_is_refused() {
        let tokens = vec!["a".to_owned(), END.to_owned()];
        let error = Vocabulary::new(tokens.clone(), &[1, 3], Vec::new(), 1).unwrap_err();
        assert!(error.contains(END_OF_TEXT), "{error}");
        assert!(Vocabulary::new(tokens, &[1], Vec::new(), 1).unwrap_err().contains("kinds"));
    }

    proptest! {
        #[test]
        fn tokens_say_the_text_they_were_made_of(said in "\\PC*|[ \\n\\r\\t'a-z0-9\u{e9}\u{301}]*") {
            let vocabulary = small();
            let ids = vocabulary.encode(&[text(&said)]).unwrap();
            let bytes: Vec<u8> = ids.iter().flat_map(|&id| vocabulary.bytes(id)).collect();
            prop_assert_eq!(bytes, said.as_bytes());
        }
    }
}
