//! Tokens verified lately, so that a busy caller's signature is checked once and not with each request.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use crate::Grant;

/// Locks, so that threads rarely wait for each other.
const SHARDS: usize = 16;

/// Bounded memory of verified tokens, by SHA-256 of the whole token.
pub(super) struct TokenCache {
    shards: [Mutex<Shard>; SHARDS],
    /// Tokens in one generation of one shard.
    room: usize,
}

/// A verified token.
#[derive(Clone)]
pub(super) struct Verified {
    pub(super) grant: Arc<Grant>,
    /// Second since 1970 from which it is refused.
    pub(super) expires: u64,
    /// Index of its issuer.
    pub(super) issuer: usize,
    /// Version of the issuer's key set that verified it: another set has to verify it again.
    pub(super) version: u64,
}

/// Two generations: when the younger is full it becomes the older, and what nobody used since goes.
#[derive(Default)]
struct Shard {
    young: HashMap<[u8; 32], Verified>,
    old: HashMap<[u8; 32], Verified>,
}

impl TokenCache {
    /// A cache that never holds more than `limit` tokens (at least 32).
    pub(super) fn new(limit: usize) -> Self {
        Self { shards: Default::default(), room: (limit / SHARDS / 2).max(1) }
    }

    pub(super) fn get(&self, digest: &[u8; 32]) -> Option<Verified> {
        let mut shard = self.shard(digest)?.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verified) = shard.young.get(digest) {
            return Some(verified.clone());
        }
        let verified = shard.old.remove(digest)?;
        shard.insert(*digest, verified.clone(), self.room);
        Some(verified)
    }

    pub(super) fn insert(&self, digest: [u8; 32], verified: Verified) {
        if let Some(shard) = self.shard(&digest) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, verified, self.room);
        }
    }

    fn shard(&self, digest: &[u8; 32]) -> Option<&Mutex<Shard>> {
        self.shards.get(digest.first().map_or(0, |byte| usize::from(*byte) % SHARDS))
    }
}

impl Shard {
    fn insert(&mut self, digest: [u8; 32], verified: Verified, room: usize) {
        if self.young.len() >= room {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(digest, verified);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{SHARDS, TokenCache, Verified};
    use crate::{Access, Grant, Scope};

    fn verified() -> Verified {
        let grant = Grant { caller: Default::default(), scope: Scope::default(), access: Access::Traffic };
        Verified { grant: Arc::new(grant), expires: 0, issuer: 0, version: 0 }
    }

    fn digest(number: u32) -> [u8; 32] {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_le_bytes());
        digest
    }

    #[test]
    fn stays_within_its_limit_and_keeps_the_busy() {
        let cache = TokenCache::new(320);
        let busy = digest(0);
        cache.insert(busy, verified());
        for number in 1..10_000 {
            cache.insert(digest(number), verified());
            assert!(cache.get(&busy).is_some(), "after {number}");
        }
        let held: usize = cache
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap())
            .map(|shard| shard.young.len() + shard.old.len())
            .sum();
        assert!(held <= 320, "{held}");
        assert!(held >= 160 - SHARDS, "{held}");
        assert!(cache.get(&digest(1)).is_none());
    }
}
