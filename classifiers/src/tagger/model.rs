//! The file of a model: magic, labels, features, weights in one byte each, chain, calibration, lists.
//!
//! Numbers are little-endian; a list is its length (u32) and its items. After the magic `WEIRTAG1`:
//! names of the types; feature hashes (u32); the step of the weights (f32) and the weights (i8, labels
//! to a feature); chain (f32, from × to) and first labels (f32); the bias against O, slope and offset
//! of the calibration (f32); hashes of the gazetteer (u32) and their lists (u8).

use super::chain::{Chain, NEVER, Row, WIDTH};
use super::gazetteer::Gazetteer;
use super::hash::Table;
use crate::EntityType;

const MAGIC: &[u8] = b"WEIRTAG1";

/// Why a file can't be used as a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaggerError {
    /// It doesn't begin as such a file does.
    #[error("not a tagger model")]
    NotAModel,
    /// It ends too early, or goes on after its end.
    #[error("the tagger model is cut off or too long")]
    Length,
    /// It names a type that isn't known, or more than fit.
    #[error("the tagger model names a type that isn't known")]
    Type,
    /// A number is infinite or not a number.
    #[error("the tagger model holds a number that isn't finite")]
    Number,
}

/// All that a model file says.
#[derive(Clone, Default)]
pub struct Parts {
    /// Types, in the order of their labels.
    pub types: Vec<EntityType>,
    /// Hashes of the features kept.
    pub features: Vec<u32>,
    /// What one step of a weight is worth.
    pub step: f32,
    /// Weights of each feature for each label.
    pub weights: Vec<i8>,
    /// Scores of one label after another.
    pub chain: Vec<f32>,
    /// Scores of the first label.
    pub first: Vec<f32>,
    /// Taken from the score of O: more finds more and is wrong more often.
    pub bias: f32,
    /// Slope and offset that turn the logit of a raw score into that of the chance.
    pub calibration: [f32; 2],
    /// Hashes of the words of the gazetteer.
    pub words: Vec<u32>,
    /// The lists each of them stands on.
    pub lists: Vec<u8>,
}

/// A model ready for use.
pub struct Model {
    pub(super) types: Vec<EntityType>,
    pub(super) gazetteer: Gazetteer,
    pub(super) chain: Chain,
    pub(super) calibration: [f32; 2],
    table: Table,
    rows: Vec<[i8; WIDTH]>,
    step: f32,
    bias: f32,
}

impl Parts {
    /// How many labels there are.
    pub fn labels(&self) -> usize {
        self.types.len() * 2 + 1
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`TaggerError`] says what is wrong with it.
    pub fn read(file: &[u8]) -> Result<Self, TaggerError> {
        let mut rest = Reader(file.strip_prefix(MAGIC).ok_or(TaggerError::NotAModel)?);
        let mut parts = Self::default();
        for _ in 0..rest.number()? {
            let length = rest.number()?;
            let name = std::str::from_utf8(rest.take(length)?).map_err(|_| TaggerError::Type)?;
            parts.types.push(EntityType::parse(name).ok_or(TaggerError::Type)?);
        }
        if parts.labels() > WIDTH {
            return Err(TaggerError::Type);
        }
        parts.features = rest.numbers()?;
        parts.step = rest.float()?;
        let count = parts.features.len().checked_mul(parts.labels()).ok_or(TaggerError::Length)?;
        parts.weights = rest.take(count)?.iter().map(|byte| byte.cast_signed()).collect();
        parts.chain = rest.floats(parts.labels() * parts.labels())?;
        parts.first = rest.floats(parts.labels())?;
        parts.bias = rest.float()?;
        parts.calibration = [rest.float()?, rest.float()?];
        parts.words = rest.numbers()?;
        parts.lists = rest.take(parts.words.len())?.to_vec();
        if rest.0.is_empty() { Ok(parts) } else { Err(TaggerError::Length) }
    }

    /// The file.
    pub fn write(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        put_number(&mut file, self.types.len());
        for entity in &self.types {
            put_number(&mut file, entity.name().len());
            file.extend_from_slice(entity.name().as_bytes());
        }
        put_number(&mut file, self.features.len());
        self.features.iter().for_each(|hash| file.extend(hash.to_le_bytes()));
        file.extend(self.step.to_le_bytes());
        file.extend(self.weights.iter().map(|weight| weight.cast_unsigned()));
        let floats = self.chain.iter().chain(&self.first).chain([&self.bias]).chain(&self.calibration);
        floats.for_each(|float| file.extend(float.to_le_bytes()));
        put_number(&mut file, self.words.len());
        self.words.iter().for_each(|hash| file.extend(hash.to_le_bytes()));
        file.extend_from_slice(&self.lists);
        file
    }

    /// The chain of the model.
    pub fn chain(&self) -> Chain {
        let labels = self.labels();
        let mut scores = [[NEVER; WIDTH]; WIDTH];
        for (row, given) in scores.iter_mut().zip(self.chain.chunks(labels.max(1))) {
            row.iter_mut().zip(given).for_each(|(score, given)| *score = *given);
        }
        let mut first = [NEVER; WIDTH];
        first.iter_mut().zip(&self.first).for_each(|(score, given)| *score = *given);
        Chain::new(labels, &scores, &first)
    }
}

impl Model {
    /// The model that `parts` make.
    pub fn new(parts: Parts) -> Self {
        let mut rows = vec![[0; WIDTH]; parts.features.len()];
        for (row, weights) in rows.iter_mut().zip(parts.weights.chunks(parts.labels())) {
            row.iter_mut().zip(weights).for_each(|(place, weight)| *place = *weight);
        }
        Self {
            chain: parts.chain(),
            gazetteer: Gazetteer::new(&parts.words, parts.lists),
            table: Table::new(&parts.features),
            types: parts.types,
            calibration: parts.calibration,
            rows,
            step: parts.step,
            bias: parts.bias,
        }
    }

    /// Adds the weights of one feature.
    pub(super) fn add(&self, feature: u32, sums: &mut [i16; WIDTH]) {
        if let Some(row) = self.table.find(feature).and_then(|place| self.rows.get(place)) {
            sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += i16::from(*weight));
        }
    }

    /// The scores of a token from the sums of its features.
    pub(super) fn emission(&self, sums: &[i16; WIDTH]) -> Row {
        let mut row = [0.0; WIDTH];
        row.iter_mut().zip(sums).for_each(|(score, sum)| *score = f32::from(*sum) * self.step);
        if let Some(other) = row.first_mut() {
            *other -= self.bias;
        }
        row
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], TaggerError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(TaggerError::Length)?;
        self.0 = rest;
        Ok(taken)
    }

    fn word(&mut self) -> Result<[u8; 4], TaggerError> {
        self.take(4)?.try_into().map_err(|_| TaggerError::Length)
    }

    fn number(&mut self) -> Result<usize, TaggerError> {
        usize::try_from(u32::from_le_bytes(self.word()?)).map_err(|_| TaggerError::Length)
    }

    fn float(&mut self) -> Result<f32, TaggerError> {
        let float = f32::from_le_bytes(self.word()?);
        if float.is_finite() { Ok(float) } else { Err(TaggerError::Number) }
    }

    fn floats(&mut self, count: usize) -> Result<Vec<f32>, TaggerError> {
        (0..count).map(|_| self.float()).collect()
    }

    fn numbers(&mut self) -> Result<Vec<u32>, TaggerError> {
        let count = self.number()?;
        let bytes = self.take(count.checked_mul(4).ok_or(TaggerError::Length)?)?;
        Ok(bytes.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }
}

fn put_number(file: &mut Vec<u8>, number: usize) {
    file.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Parts {
        Parts {
            types: vec![EntityType::Person, EntityType::Age],
            features: vec![7, 9],
            step: 0.5,
            weights: vec![1, -2, 3, -4, 5, 6, 7, -8, 127, -128],
            chain: vec![0.25; 25],
            first: vec![-1.0; 5],
            bias: 0.5,
            calibration: [1.5, -0.25],
            words: vec![11, 12],
            lists: vec![1, 2],
        }
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let file = parts().write();
        let read = Parts::read(&file).unwrap();
        assert_eq!(read.write(), file);
        let model = Model::new(read);
        let mut sums = [0; WIDTH];
        model.add(7, &mut sums);
        model.add(8, &mut sums);
        assert_eq!(sums[..6], [1, -2, 3, -4, 5, 0]);
        assert_eq!(model.emission(&sums)[..3], [0.0, -1.0, 1.5]);
        assert_eq!(model.gazetteer.lists(12), 2);
    }

    #[test]
    fn a_damaged_file_is_refused_at_every_length() {
        let file = parts().write();
        for length in 0..file.len() {
            assert!(Parts::read(&file[..length]).is_err(), "{length}");
        }
        assert_eq!(Parts::read(&[file.as_slice(), &[0]].concat()).err(), Some(TaggerError::Length));
        assert_eq!(Parts::read(b"WEIRTAG0").err(), Some(TaggerError::NotAModel));
        let mut parts = parts();
        parts.bias = f32::NAN;
        assert_eq!(Parts::read(&parts.write()).err(), Some(TaggerError::Number));
    }
}
