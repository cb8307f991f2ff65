//! Scores of labels to findings: the best sequence that is allowed (Viterbi 1967), and how sure it is.

use super::file::{AccurateError, Settings};
use super::pieces::Pieces;
use crate::{EntityType, Finding};

/// Finds the best labels. Labels are O, then one that begins a value and one that goes on with it for each type.
pub(super) struct Decoder {
    types: Vec<EntityType>,
    o_bias: f32,
    temperature: f32,
}

/// Where the best way to a label comes from.
type Origin = u8;

impl Decoder {
    /// # Errors
    /// When the labels are not of this kind, or a type is not known.
    pub fn new(settings: &Settings) -> Result<Self, AccurateError> {
        let fault = || AccurateError::Setting("labels");
        let (o, pairs) = settings.labels.split_first().ok_or_else(fault)?;
        let (pairs, rest) = pairs.as_chunks::<2>();
        if o != "O" || !rest.is_empty() || pairs.is_empty() || pairs.len() > 100 {
            return Err(fault());
        }
        let kind = |[begin, inside]: &[String; 2]| {
            let name = begin.strip_prefix("B-").filter(|name| inside.strip_prefix("I-") == Some(name))?;
            EntityType::parse(name)
        };
        let types = pairs.iter().map(kind).collect::<Option<_>>().ok_or_else(fault)?;
        if settings.temperature <= 0.0 || !settings.temperature.is_finite() || !settings.o_bias.is_finite() {
            return Err(AccurateError::Setting("temperature"));
        }
        Ok(Self { types, o_bias: settings.o_bias, temperature: settings.temperature })
    }

    pub fn types(&self) -> &[EntityType] {
        &self.types
    }

    /// The values that the scores of a text's pieces speak for, in order.
    pub fn findings(&self, pieces: &Pieces, logits: &[Vec<f32>]) -> Vec<Finding> {
        let labels = self.best(pieces, logits);
        let mut found: Vec<(usize, Finding, f32)> = Vec::new();
        for ((label, place), scores) in labels.into_iter().zip(&pieces.places).zip(logits) {
            let Some(kind) = label.checked_sub(1).map(|label| label / 2) else { continue };
            let Some(entity) = self.types.get(kind).copied() else { continue };
            let chance = self.chance(scores, kind);
            match found.last_mut() {
                Some((last, finding, sum)) if label % 2 == 0 && *last == kind => {
                    finding.range.end = place.end;
                    finding.score += 1.0;
                    *sum += chance;
                }
                _ => found.push((kind, Finding { entity, range: place.clone(), score: 1.0 }, chance)),
            }
        }
        // The score held the number of pieces so far.
        found
            .into_iter()
            .map(|(_, it, sum)| Finding { score: (sum / it.score).clamp(0.0, 1.0), ..it })
            .collect()
    }

    /// The chance that a piece is of a type.
    fn chance(&self, scores: &[f32], kind: usize) -> f32 {
        let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |score: &f32| ((score - top) / self.temperature).exp();
        let all: f32 = scores.iter().map(weight).sum();
        scores.iter().skip(kind * 2 + 1).take(2).map(weight).sum::<f32>() / all
    }

    /// The best label of each piece. A value goes on only behind one of its type, and nothing changes within a
    /// word: a piece that goes on with a word goes on with its value, or with none.
    fn best(&self, pieces: &Pieces, logits: &[Vec<f32>]) -> Vec<usize> {
        let mut sums: Vec<f32> = Vec::new();
        let mut ways: Vec<Vec<Origin>> = Vec::with_capacity(logits.len());
        for (scores, begins) in logits.iter().zip(&pieces.begins) {
            let first = sums.is_empty();
            let (top, top_sum) = best_of(&sums);
            let mut next = vec![f32::NEG_INFINITY; scores.len()];
            let mut way = vec![0; scores.len()];
            for (label, ((next, way), score)) in next.iter_mut().zip(&mut way).zip(scores).enumerate() {
                let score = if label == 0 { score + self.o_bias } else { *score };
                let (from, sum) = match label {
                    _ if first => (0, if label == 0 || label % 2 == 1 { 0.0 } else { f32::NEG_INFINITY }),
                    0 if !begins => (0, sum_of(&sums, 0)),
                    _ if label % 2 == 0 && label > 0 => {
                        let (before, same) = (sum_of(&sums, label - 1), sum_of(&sums, label));
                        if same >= before { (label, same) } else { (label - 1, before) }
                    }
                    _ if *begins => (top, top_sum),
                    _ => (0, f32::NEG_INFINITY),
                };
                *next = sum + score;
                *way = u8::try_from(from).unwrap_or(0);
            }
            sums = next;
            ways.push(way);
        }
        let mut label = best_of(&sums).0;
        let mut labels: Vec<usize> = Vec::with_capacity(ways.len());
        for way in ways.iter().rev() {
            labels.push(label);
            label = way.get(label).copied().unwrap_or(0).into();
        }
        labels.reverse();
        labels
    }
}

fn sum_of(sums: &[f32], label: usize) -> f32 {
    sums.get(label).copied().unwrap_or(f32::NEG_INFINITY)
}

/// The label with the highest sum, the first of equal ones.
fn best_of(sums: &[f32]) -> (usize, f32) {
    let better =
        |best: (usize, f32), (label, sum): (usize, &f32)| if *sum > best.1 { (label, *sum) } else { best };
    sums.iter().enumerate().fold((0, f32::NEG_INFINITY), better)
}
