//! Unwrapped keys in memory: bounded, and emptied when any process destroys a key.

use std::collections::HashMap;
use std::sync::Arc;

use super::subject::Key;

/// Two generations of at most half the bound each: what was not used while one filled up is dropped.
pub(super) struct Cache {
    half: usize,
    epoch: u64,
    young: HashMap<[u8; 32], Arc<Key>>,
    old: HashMap<[u8; 32], Arc<Key>>,
}

impl Cache {
    pub(super) fn new(most: usize) -> Self {
        Self { half: (most / 2).max(1), epoch: 0, young: HashMap::new(), old: HashMap::new() }
    }

    /// Empties the cache unless it is of this epoch.
    pub(super) fn move_to(&mut self, epoch: u64) {
        if self.epoch != epoch {
            (self.young, self.old) = (HashMap::new(), HashMap::new());
            self.epoch = epoch;
        }
    }

    pub(super) fn get(&mut self, blind: &[u8; 32]) -> Option<Arc<Key>> {
        if let Some(key) = self.young.get(blind) {
            return Some(Arc::clone(key));
        }
        let key = self.old.remove(blind)?;
        self.put(*blind, &key);
        Some(key)
    }

    /// Keeps a key that was read in `epoch`; one read before a burial may be the buried one.
    pub(super) fn insert(&mut self, epoch: u64, blind: [u8; 32], key: &Arc<Key>) {
        if self.epoch == epoch {
            self.put(blind, key);
        }
    }

    fn put(&mut self, blind: [u8; 32], key: &Arc<Key>) {
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(blind, Arc::clone(key));
    }
}
