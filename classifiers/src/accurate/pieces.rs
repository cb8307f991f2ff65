//! Word pieces of a text (WordPiece; Wu and others 2016), as BERT splits it: lower-case, no accents.

use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::bert::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{DecoderWrapper, PostProcessorWrapper, TokenizerImpl};

use super::file::AccurateError;

type Pipeline =
    TokenizerImpl<WordPiece, BertNormalizer, BertPreTokenizer, PostProcessorWrapper, DecoderWrapper>;

/// The pieces of a text.
pub(super) struct Pieces {
    /// Number of each piece in the vocabulary.
    pub ids: Vec<u32>,
    /// Where each stands in the text, in bytes.
    pub places: Vec<std::ops::Range<usize>>,
    /// Whether a piece begins a word.
    pub begins: Vec<bool>,
}

/// Splits texts into pieces.
pub(super) struct Splitter {
    pipeline: Pipeline,
    marks: Marks,
}

/// The pieces that stand before and behind a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    pub begin: u32,
    pub end: u32,
}

impl Splitter {
    /// A splitter by a list of pieces, one a line; the weights know `rows` of them.
    pub fn new(vocabulary: &str, rows: usize) -> Result<Self, AccurateError> {
        let fault = || AccurateError::Vocabulary;
        let numbers = (0_u32..).zip(vocabulary.lines()).map(|(id, piece)| (piece.to_owned(), id));
        let vocabulary: ahash::AHashMap<String, u32> = numbers.collect();
        let mark = |name: &str| vocabulary.get(name).copied().ok_or_else(fault);
        let marks = Marks { begin: mark("[CLS]")?, end: mark("[SEP]")? };
        if vocabulary.len() != rows {
            return Err(fault());
        }
        let model = WordPiece::builder()
            .vocab(vocabulary)
            .unk_token("[UNK]".to_owned())
            .continuing_subword_prefix("##".to_owned())
            .max_input_chars_per_word(100)
            .build()
            .map_err(|_| fault())?;
        let mut pipeline = Pipeline::new(model);
        let normalizer = BertNormalizer::new(true, true, Some(true), true);
        pipeline.with_normalizer(Some(normalizer)).map_err(|_| fault())?;
        pipeline.with_pre_tokenizer(Some(BertPreTokenizer));
        Ok(Self { pipeline, marks })
    }

    /// The pieces of a text, without marks.
    ///
    /// # Errors
    /// When it can't be split, which no text is known to cause.
    pub fn split(&self, text: &str) -> Result<Pieces, AccurateError> {
        let encoding = self.pipeline.encode(text, false).map_err(|_| AccurateError::Vocabulary)?;
        let mut last = None;
        let begins = encoding.get_word_ids().iter().map(|word| std::mem::replace(&mut last, *word) != *word);
        Ok(Pieces {
            begins: begins.collect(),
            places: encoding.get_offsets().iter().map(|(start, end)| *start..*end).collect(),
            ids: encoding.get_ids().to_vec(),
        })
    }

    /// What stands around a window.
    pub fn marks(&self) -> Marks {
        self.marks
    }
}
