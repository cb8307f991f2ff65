//! Replacements of byte ranges, applied in one copy of the text.

use std::ops::Range;

use super::push_escaped;

/// Replacements to make in one text. Ranges must not overlap; order does not matter.
#[derive(Default)]
pub struct Edits(Vec<(Range<usize>, Vec<u8>)>);

impl Edits {
    /// Replaces the bytes of `range` by `with` as it stands.
    pub fn raw(&mut self, range: Range<usize>, with: impl Into<Vec<u8>>) {
        self.0.push((range, with.into()));
    }

    /// Replaces the bytes of `range` by `text` as a JSON string, quotes included.
    pub fn string(&mut self, range: Range<usize>, text: &str) {
        let mut with = Vec::with_capacity(text.len() + 2);
        with.push(b'"');
        push_escaped(&mut with, text);
        with.push(b'"');
        self.0.push((range, with));
    }

    /// Replaces the bytes of `range` by `with` and forgets the replacements inside it.
    pub fn instead(&mut self, range: Range<usize>, with: &str) {
        self.0.retain(|(inner, _)| inner.start < range.start || inner.end > range.end);
        self.0.push((range, with.into()));
    }

    /// Whether nothing is to be replaced.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends `bytes` with all replacements made to `out`.
    pub fn apply(mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.0.sort_by_key(|(range, _)| range.start);
        let added: usize = self.0.iter().map(|(_, with)| with.len()).sum();
        out.reserve(bytes.len() + added);
        let mut from = 0;
        for (range, with) in self.0 {
            out.extend_from_slice(bytes.get(from..range.start).unwrap_or_default());
            out.extend_from_slice(&with);
            from = range.end;
        }
        out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    }
}
