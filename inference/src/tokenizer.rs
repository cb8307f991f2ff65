//! SmolLM2's byte-level tokenizer, built from the vocabulary and merges in the GGUF file.
//!
//! The pre-tokenizer splits off every digit, then splits as GPT-2 does; candle's own conversion
//! from GGUF leaves the digits together and so disagrees with the model's training.

use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::HashMap;
use tokenizers::models::bpe::BPE;
use tokenizers::pre_tokenizers::{byte_level::ByteLevel, digits::Digits, sequence::Sequence};
use tokenizers::{
    DecoderWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper, TokenizerImpl,
};

type Inner = TokenizerImpl<BPE, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// A token's number in the vocabulary.
pub(crate) type Token = u32;

/// What the GGUF file says about the vocabulary.
pub(crate) struct Vocabulary {
    /// By number; ordinary tokens in GPT-2's byte alphabet.
    pub tokens: Vec<String>,
    /// Pairs, best first.
    pub merges: Vec<(String, String)>,
    /// Whether a token is a control token such as `<|im_end|>`, by number.
    pub control: Vec<bool>,
}

/// Text to tokens and back.
pub(crate) struct Tokenizer {
    inner: Inner,
    /// The bytes that each token stands for; none for control tokens.
    bytes: Vec<Box<[u8]>>,
    control: AhoCorasick,
    control_tokens: Vec<Token>,
    longest: usize,
}

/// Text that can't be tokenized, which no text should be.
#[derive(Debug, thiserror::Error)]
#[error("text can't be tokenized: {0}")]
pub(crate) struct TokenizeError(String);

impl Tokenizer {
    /// Builds the tokenizer.
    pub(crate) fn new(vocabulary: Vocabulary) -> Result<Self, TokenizeError> {
        let alphabet = byte_alphabet();
        let mut bytes = Vec::with_capacity(vocabulary.tokens.len());
        let (mut control_texts, mut control_tokens) = (Vec::new(), Vec::new());
        for ((number, text), control) in (0..).zip(&vocabulary.tokens).zip(&vocabulary.control) {
            if *control {
                control_texts.push(text.clone());
                control_tokens.push(number);
                bytes.push(Box::default());
            } else {
                bytes.push(text.chars().filter_map(|c| alphabet.get(&c).copied()).collect());
            }
        }
        let longest = bytes.iter().map(|bytes| bytes.len()).max().unwrap_or(1);
        let control = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&control_texts)
            .map_err(|error| TokenizeError(error.to_string()))?;
        let vocab: ahash::AHashMap<String, Token> = vocabulary.tokens.into_iter().zip(0..).collect();
        let model = BPE::builder()
            .vocab_and_merges(vocab, vocabulary.merges)
            .build()
            .map_err(|error| TokenizeError(error.to_string()))?;
        let split: Vec<PreTokenizerWrapper> =
            vec![Digits::new(true).into(), ByteLevel::new(false, true, true).into()];
        let mut inner = Inner::new(model);
        inner.with_pre_tokenizer(Some(PreTokenizerWrapper::from(Sequence::new(split))));
        Ok(Self { inner, bytes, control, control_tokens, longest })
    }

    /// Appends the tokens of `text`, in which nothing counts as a control token:
    /// what a caller writes can't end its own message.
    pub(crate) fn encode_plain(&self, text: &str, into: &mut Vec<Token>) -> Result<(), TokenizeError> {
        let encoding =
            self.inner.encode_fast(text, false).map_err(|error| TokenizeError(error.to_string()))?;
        into.extend_from_slice(encoding.get_ids());
        Ok(())
    }

    /// Appends the tokens of `text`, in which `<|im_end|>` and the like are control tokens.
    pub(crate) fn encode(&self, text: &str, into: &mut Vec<Token>) -> Result<(), TokenizeError> {
        let mut rest = 0;
        for found in self.control.find_iter(text) {
            self.encode_plain(text.get(rest..found.start()).unwrap_or_default(), into)?;
            into.extend(self.control_tokens.get(found.pattern().as_usize()));
            rest = found.end();
        }
        self.encode_plain(text.get(rest..).unwrap_or_default(), into)
    }

    /// The number of a control token.
    pub(crate) fn control(&self, text: &str) -> Option<Token> {
        let found = self.control.find(text).filter(|found| found.len() == text.len())?;
        self.control_tokens.get(found.pattern().as_usize()).copied()
    }

    /// The bytes that `token` stands for: empty for control tokens and for numbers out of range.
    pub(crate) fn bytes(&self, token: Token) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], |bytes| bytes)
    }

    /// How many tokens there are.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A text of this many bytes has at least this many tokens, whatever it says.
    pub(crate) fn least_tokens(&self, bytes: usize) -> usize {
        bytes / self.longest
    }
}

/// GPT-2's alphabet: printable Latin-1 stands for itself, the other bytes for characters from U+0100.
fn byte_alphabet() -> HashMap<char, u8> {
    let mut next = 256;
    let mut alphabet = HashMap::new();
    for byte in 0..=255u8 {
        let printable = matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
        let code = if printable { u32::from(byte) } else { next };
        next += u32::from(!printable);
        alphabet.extend(char::from_u32(code).map(|c| (c, byte)));
    }
    alphabet
}
