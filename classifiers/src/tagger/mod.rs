//! The fast tagger: names, places, bodies, dates, ages, account names and numbers, found by context.
//!
//! A linear chain over hashed features (Lafferty, McCallum, Pereira 2001) with gazetteers. It reads
//! the shipped model, trained by `training/train.sh`; how good it is stands in
//! `docs/detection-quality.md`.

mod chain;
mod features;
mod gazetteer;
mod hash;
mod model;
mod source;
mod token;

use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, LazyLock};

use crate::{EntityType, Finding};
use chain::{Row, Sums, WIDTH};
use features::Document;
use gazetteer::CALENDAR;
pub use model::TaggerError;
use model::{Model, Parts};
pub(crate) use source::CUT;
use token::{Class, Token};

/// Finds what has no check digits: people, places, bodies, dates, ages, account names, numbers in
/// context. Cheap to clone.
#[derive(Clone)]
pub struct Tagger(Arc<Model>);

/// What a trainer needs: the parts that use and training share.
pub mod training {
    pub use super::chain::{Chain, NEVER, Row, Sums, WIDTH};
    pub use super::features::{Document, Evidence};
    pub use super::gazetteer::Gazetteer;
    pub use super::model::{Model, Parts};
    pub use super::token::{Class, Token, tokens, word_hash};
}

/// Chances of belonging to a value at which a word counts as unsure.
const UNSURE: RangeInclusive<f32> = 0.05..=0.95;

static SHIPPED: LazyLock<Result<Tagger, TaggerError>> =
    LazyLock::new(|| Tagger::read(include_bytes!("../../models/tagger-fast.bin")));

impl Tagger {
    /// The model that is part of this crate.
    ///
    /// # Errors
    /// Never with an intact build; a test reads it.
    pub fn shipped() -> Result<Self, TaggerError> {
        SHIPPED.clone()
    }

    /// A model from a file.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn read(file: &[u8]) -> Result<Self, TaggerError> {
        Parts::read(file).map(Self::from)
    }

    /// All findings in `text`, in order, none overlapping another.
    pub fn find(&self, text: &str) -> Vec<Finding> {
        let document = Document::new(token::tokens(text, &self.0.gazetteer));
        let emissions = self.emissions(&document);
        let spans = spans(&self.0.chain.best(&emissions));
        if spans.is_empty() {
            return Vec::new();
        }
        let sums = self.0.chain.sums(&emissions, None);
        spans.iter().filter_map(|span| self.finding(span, &document, &sums)).collect()
    }

    /// All findings in `text`, and the words of which it isn't sure whether they belong to a value, in order.
    pub(crate) fn find_and_doubt(&self, text: &str) -> (Vec<Finding>, Vec<Range<usize>>) {
        let document = Document::new(token::tokens(text, &self.0.gazetteer));
        let emissions = self.emissions(&document);
        let sums = self.0.chain.sums(&emissions, None);
        let spans = spans(&self.0.chain.best(&emissions));
        let found = spans.iter().filter_map(|span| self.finding(span, &document, &sums)).collect();
        let unsure = |(token, row): (&Token, &Row)| {
            let none = row.first().copied().unwrap_or(1.0);
            let is_open = token.class.is_word() && UNSURE.contains(&(1.0 - none));
            is_open.then_some(token.start..token.end)
        };
        (found, document.tokens().iter().zip(&sums.marginals).filter_map(unsure).collect())
    }

    /// What a span says, if a value can look like it.
    fn finding(&self, span: &Span, document: &Document, sums: &Sums) -> Option<Finding> {
        let tokens = document.tokens().get(span.tokens.clone())?;
        let range = tokens.first()?.start..tokens.last()?.end;
        let entity = self.0.types.get(span.kind).copied().filter(|entity| credible(*entity, tokens))?;
        let score = self.calibrated(raw_score(span, sums.marginals.get(span.tokens.clone())?));
        Some(Finding { entity, range, score })
    }

    /// The types that this model finds.
    pub fn types(&self) -> &[EntityType] {
        &self.0.types
    }

    /// Scores of each label at each token.
    fn emissions(&self, document: &Document) -> Vec<Row> {
        let emission = |place| {
            let mut sums = [0; WIDTH];
            document.features(place, &mut |_, feature| self.0.add(feature, &mut sums));
            self.0.emission(&sums)
        };
        (0..document.tokens().len()).map(emission).collect()
    }

    fn calibrated(&self, raw: f32) -> f32 {
        let [slope, offset] = self.0.calibration;
        let raw = raw.clamp(1e-4, 1.0 - 1e-4);
        1.0 / (1.0 + (-(slope * (raw / (1.0 - raw)).ln() + offset)).exp())
    }
}

impl From<Parts> for Tagger {
    fn from(parts: Parts) -> Self {
        Self(Arc::new(Model::new(parts)))
    }
}

/// Whether a value of the type can look like this: a number has digits and an end, an account name no
/// white space. The chain alone runs on where it saw too little in training.
fn credible(entity: EntityType, tokens: &[Token]) -> bool {
    let digits = tokens.iter().any(|token| matches!(token.class, Class::Digits | Class::Alphanumeric));
    let calendar = tokens.iter().any(|token| token.lists & CALENDAR != 0);
    match entity {
        EntityType::Age => digits && tokens.len() <= 5,
        EntityType::Id | EntityType::CustomerId | EntityType::EmployeeId | EntityType::Mrn => {
            digits && tokens.len() <= 8
        }
        EntityType::PhoneNumber => digits && tokens.len() <= 16,
        EntityType::DateTime => (digits || calendar) && tokens.len() <= 12,
        EntityType::Username => !tokens.iter().skip(1).any(|token| token.spaced),
        EntityType::Nrp | EntityType::Title => tokens.len() <= 4,
        _ => tokens.len() <= 16,
    }
}

/// Tokens with one type.
struct Span {
    kind: usize,
    tokens: Range<usize>,
}

fn spans(labels: &[u8]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (place, label) in labels.iter().map(|label| usize::from(*label)).enumerate() {
        let Some(kind) = label.checked_sub(1).map(|label| label / 2) else { continue };
        match spans.last_mut() {
            Some(last) if label % 2 == 0 && last.tokens.end == place => last.tokens.end = place + 1,
            _ => spans.push(Span { kind, tokens: place..place + 1 }),
        }
    }
    spans
}

/// The mean chance that a token of the span is of its type.
fn raw_score(span: &Span, marginals: &[Row]) -> f32 {
    let begins = span.kind * 2 + 1;
    let chance = |row: &Row| row.iter().skip(begins).take(2).sum::<f32>();
    marginals.iter().map(chance).sum::<f32>() / f32::from(u16::try_from(marginals.len()).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests;
