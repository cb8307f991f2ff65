//! Numbers drawn from a keyed hash: the same for the same value, and no more telling than the hash.

use super::TenantKey;

/// A source of numbers.
pub(super) struct Draw<'k> {
    key: &'k TenantKey,
    kind: String,
    seed: String,
    block: u32,
    words: Vec<u64>,
}

impl<'k> Draw<'k> {
    /// The numbers of a seed.
    pub(super) fn new(key: &'k TenantKey, kind: &str, seed: &str) -> Self {
        Self { key, kind: kind.to_owned(), seed: seed.to_owned(), block: 0, words: Vec::new() }
    }

    /// A number below `bound`, or 0. The bias is below one in 2³².
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.word() % bound).unwrap_or(0)
    }

    /// One of several; `None` only if there are none.
    pub(super) fn of<T: Copy>(&mut self, several: &[T]) -> Option<T> {
        let index = self.below(several.len());
        several.get(index).copied()
    }

    /// A decimal digit.
    pub(super) fn digit(&mut self) -> u8 {
        u8::try_from(self.below(10)).unwrap_or(0)
    }

    fn word(&mut self) -> u64 {
        if self.words.is_empty() {
            let block = self.block.to_string();
            let bytes = self.key.bytes(&["weir surrogate v1", &self.kind, &self.seed, &block]);
            let words =
                bytes.chunks_exact(8).map(|it| it.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
            self.words = words.collect();
            self.block += 1;
        }
        self.words.pop().unwrap_or(0)
    }
}
