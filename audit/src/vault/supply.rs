//! What sealing draws on: randomness, the length of a body, and buffers that were used before.

use std::sync::{Arc, Mutex, PoisonError};

use crate::options::Ambient;

/// Buffers that wait to be used again.
const MOST_SPARE: usize = 1024;
/// Longest buffer that is kept for another body.
const LARGEST_SPARE: usize = 16 << 10;

/// What every subject's bodies are sealed with, beside its key.
pub(super) struct Supply {
    pub ambient: Arc<dyn Ambient>,
    /// Most bytes of a body that is kept.
    pub most: usize,
    pub spare: Spare,
}

/// Buffers whose frames are written. Callers fill them and the log's writer empties them; through the allocator, the
/// way back would cost more than to seal a body.
#[derive(Default)]
pub(super) struct Spare(Mutex<Vec<Vec<u8>>>);

impl Spare {
    /// An empty buffer, with room if there is one that has.
    pub(super) fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Takes back buffers, leaves `used` empty.
    pub(super) fn give(&self, used: &mut Vec<Vec<u8>>) {
        used.retain(|buffer| buffer.capacity() <= LARGEST_SPARE);
        used.iter_mut().for_each(Vec::clear);
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        used.truncate(MOST_SPARE.saturating_sub(spare.len()));
        spare.append(used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_empty_and_neither_large_nor_many_are_kept() {
        let spare = Spare::default();
        assert_eq!(spare.take(), b"");
        let mut used = vec![b"frames".to_vec(), vec![0; LARGEST_SPARE + 1]];
        spare.give(&mut used);
        assert_eq!(used.len(), 0);
        let again = spare.take();
        assert_eq!((again.len(), again.capacity() >= 6, spare.take().capacity()), (0, true, 0));
        for _ in 0..3 {
            let mut used = vec![vec![1]; MOST_SPARE - 1];
            spare.give(&mut used);
            assert_eq!(used.len(), 0);
        }
        assert_eq!(spare.0.lock().unwrap().len(), MOST_SPARE);
    }
}
