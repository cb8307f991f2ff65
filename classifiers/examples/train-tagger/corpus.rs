//! Texts with marked spans, turned into features and the labels each token may have.

use serde_json::Value;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::path::Path;
use weir_classifiers::EntityType;
use weir_classifiers::tagger::training::{Class, Document, Evidence, Gazetteer, Token, tokens};

/// Hides which evidence a feature is in its upper bits.
pub const WORD: u32 = 1 << 31;
/// As [`WORD`], for lists.
pub const LIST: u32 = 1 << 30;
/// The number of a feature without these bits.
pub const NUMBER: u32 = LIST - 1;

/// From one number to another, for numbers that are hashes already or are in order.
pub type Numbers = HashMap<u32, u32, BuildHasherDefault<Spread>>;

/// Spreads a number over the table by one multiplication.
#[derive(Clone, Copy, Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}

/// One text.
pub struct Text {
    /// Features of all tokens, one after the other.
    features: Vec<u32>,
    /// Where the features of each token end.
    ends: Vec<usize>,
    /// Labels, as bits, that each token may have.
    pub allowed: Vec<u32>,
}

impl Text {
    /// The features of each token.
    pub fn tokens(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| self.features.get(*start..*end).unwrap_or_default())
    }

    /// Replaces every feature by what `number` gives, or drops it.
    pub fn renumber(&mut self, number: &Numbers) {
        let mut kept = Vec::with_capacity(self.features.len());
        let mut ends = Vec::with_capacity(self.ends.len());
        for token in self.tokens() {
            kept.extend(token.iter().filter_map(|feature| {
                number.get(&(feature & NUMBER)).map(|number| number | (feature & !NUMBER))
            }));
            ends.push(kept.len());
        }
        (self.features, self.ends) = (kept, ends);
    }
}

/// Reads texts, and numbers their features.
pub struct Reader<'a> {
    pub types: &'a [EntityType],
    pub gazetteer: &'a Gazetteer,
    /// From the hash of a feature to its number.
    pub numbers: Numbers,
    /// How often each number was seen.
    pub counts: Vec<u32>,
}

impl Reader<'_> {
    /// All texts of a file of JSON lines, each with `text`, `spans` and perhaps `marked`: the types
    /// that were looked for, if not all were.
    pub fn file(&mut self, path: &Path) -> anyhow::Result<Vec<Text>> {
        let file = std::fs::read_to_string(path)?;
        file.lines().map(|line| self.text(&serde_json::from_str(line)?)).collect()
    }

    /// One text.
    pub fn text(&mut self, line: &Value) -> anyhow::Result<Text> {
        let text = line.get("text").and_then(Value::as_str).unwrap_or_default();
        let document = Document::new(tokens(text, self.gazetteer));
        let (mut features, mut ends) = (Vec::new(), Vec::new());
        for place in 0..document.tokens().len() {
            document.features(place, &mut |evidence, hash| features.push(self.number(evidence, hash)));
            ends.push(features.len());
        }
        let unmarked = unmarked(line, self.types);
        let mut allowed = vec![1; ends.len()];
        let befores = [None].into_iter().chain(document.tokens().iter().map(Some));
        for ((token, before), allowed) in document.tokens().iter().zip(befores).zip(&mut allowed) {
            if may_be_unmarked(token, before) {
                *allowed = unmarked;
            }
        }
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        for span in line.get("spans").and_then(Value::as_array).into_iter().flatten() {
            let at = |name| span.get(name).and_then(Value::as_u64).and_then(|at| starts.get(at as usize));
            let name = span.get("type").and_then(Value::as_str).unwrap_or_default();
            let (Some(start), Some(end)) = (at("start"), at("end")) else {
                anyhow::bail!("a span out of its text")
            };
            let kind = self.types.iter().position(|entity| entity.name() == name);
            let mut label = kind.map_or(1, |kind| 2 << (kind * 2));
            for (token, allowed) in document.tokens().iter().zip(&mut allowed) {
                if token.start < *end && token.end > *start {
                    *allowed = label;
                    label = kind.map_or(1, |kind| 4 << (kind * 2));
                }
            }
        }
        Ok(Text { features, ends, allowed })
    }

    fn number(&mut self, evidence: Evidence, hash: u32) -> u32 {
        let next = u32::try_from(self.counts.len()).unwrap_or(NUMBER);
        let number = *self.numbers.entry(hash).or_insert(next);
        match self.counts.get_mut(number as usize) {
            Some(count) => *count += 1,
            None => self.counts.push(1),
        }
        let bits = match evidence {
            Evidence::Word => WORD,
            Evidence::List => LIST,
            Evidence::Context => 0,
        };
        number | bits
    }
}

/// Whether a token may well be of a type that was not looked for: a number, a date, a title, a handle.
/// Were every word in doubt, nothing would hold O together.
fn may_be_unmarked(token: &Token, before: Option<&Token>) -> bool {
    const CALENDAR_OR_TITLE: u8 = 1 << 5 | 1 << 6;
    matches!(token.class, Class::Digits | Class::Alphanumeric)
        || token.lists & CALENDAR_OR_TITLE != 0
        || before.is_some_and(|before| before.class == Class::Mark && before.mark == '@')
}

/// The labels that a token outside all spans may have: O, and those of types not looked for.
fn unmarked(line: &Value, types: &[EntityType]) -> u32 {
    let Some(marked) = line.get("marked").and_then(Value::as_array) else { return 1 };
    let unknown = types
        .iter()
        .enumerate()
        .filter(|(_, entity)| !marked.iter().any(|name| name.as_str() == Some(entity.name())));
    unknown.fold(1, |labels, (kind, _)| labels | 6 << (kind * 2))
}
