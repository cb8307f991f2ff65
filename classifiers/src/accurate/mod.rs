//! The accurate tagger: a token classifier on a small encoder (BERT, Devlin and others 2018), by candle.
//!
//! It finds what the fast tagger finds, better and some hundred times slower, so it reads a text only where a
//! policy or a command asks for it. Trained by `training/train-accurate.sh`; its card is
//! `models/tagger-accurate.md`, how good it is stands in `docs/detection-quality.md`.

mod decode;
mod encoder;
mod file;
mod pieces;

use std::sync::{Arc, LazyLock};

use crate::detectors::{Deadline, Source, Unsearched};
use crate::windows::Cut;
use crate::{EntityType, Finding};
use decode::Decoder;
use encoder::Encoder;
pub use file::AccurateError;
use pieces::Splitter;

/// How a long text is cut before it is split into word pieces, which bounds the memory of a search.
const CUT: Cut = Cut { core: 16 << 10, margin: 512 };

/// Finds people, places, bodies, dates, ages, account names and numbers in context. Cheap to clone; reads one
/// text on one thread.
#[derive(Clone)]
pub struct AccurateTagger(Arc<Model>);

struct Model {
    splitter: Splitter,
    encoder: Encoder,
    decoder: Decoder,
}

static SHIPPED: LazyLock<Result<AccurateTagger, AccurateError>> = LazyLock::new(|| {
    AccurateTagger::read(
        include_bytes!("../../models/tagger-accurate.safetensors"),
        include_str!("../../models/tagger-accurate.vocab.txt"),
    )
});

impl AccurateTagger {
    /// The model that is part of this crate, made ready when first asked for (some 75 MB of memory).
    ///
    /// # Errors
    /// Never with an intact build; a test reads it.
    pub fn shipped() -> Result<Self, AccurateError> {
        SHIPPED.clone()
    }

    /// A model from the content of its two files: weights, and word pieces one a line.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub fn read(weights: &[u8], vocabulary: &str) -> Result<Self, AccurateError> {
        let file = file::read(weights)?;
        let splitter = Splitter::new(vocabulary, file.tensors.rows())?;
        let decoder = Decoder::new(&file.settings)?;
        let encoder = Encoder::new(file)?;
        Ok(Self(Arc::new(Model { splitter, encoder, decoder })))
    }

    /// All findings in `text`, in order, none overlapping another. For texts of some kilobytes; longer ones go
    /// through [`Source::find`].
    ///
    /// # Errors
    /// When the text could not be read, or not in time: it must then count as unsearched.
    pub fn find(&self, text: &str, deadline: Deadline) -> Result<Vec<Finding>, Unsearched> {
        let model = &self.0;
        let pieces = model.splitter.split(text).map_err(|_| Unsearched::Failed)?;
        let logits = model.encoder.logits(&pieces.ids, model.splitter.marks(), deadline)?;
        Ok(model.decoder.findings(&pieces, &logits))
    }
}

impl Source for AccurateTagger {
    fn types(&self) -> &[EntityType] {
        self.0.decoder.types()
    }

    fn find(&self, text: &str, deadline: Deadline) -> Result<Vec<Finding>, Unsearched> {
        let mut found = Vec::new();
        for window in CUT.windows(text) {
            let here = Self::find(self, text.get(window.read.clone()).unwrap_or_default(), deadline)?;
            found.extend(window.own(here));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
