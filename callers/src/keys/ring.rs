//! The keys in memory: looked up by every request, replaced whole when the file changes.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use subtle::ConstantTimeEq;
use weir_policies::Caller;

use super::{
    mint::{self, KeyDigest},
    store::{KeyDocument, StoredKey},
};
use crate::{ADMIN_ROLE, Access, CallersError, FileStamp, Grant, Pattern, Refusal, Scope};

/// The keys of one file, as last read.
pub(crate) struct KeyRing {
    path: PathBuf,
    keys: ArcSwap<Keys>,
    /// Stamp of the file last looked at, whether it could be used or not.
    seen: Mutex<Option<FileStamp>>,
}

/// Whether a look at the file brought new keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// It did.
    Yes,
    /// It had not changed since the last look.
    No,
}

type Keys = HashMap<u64, Vec<Entry>>;

struct Entry {
    digest: KeyDigest,
    expires: Option<u64>,
    standing: Standing,
    grant: Arc<Grant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    Revoked,
}

impl KeyRing {
    pub(crate) fn open(path: &Path) -> Result<Self, CallersError> {
        let (document, stamp) = KeyDocument::read(path)?;
        let keys = ArcSwap::from_pointee(index(&document.keys));
        Ok(Self { path: path.to_owned(), keys, seen: Mutex::new(stamp) })
    }

    /// Reads the file again if it changed. A file that can't be used is complained about once and the
    /// keys stay as they are; a file that is gone means no keys.
    pub(crate) fn reload(&self) -> Result<Reloaded, CallersError> {
        let now = FileStamp::of(&self.path).map_err(|error| CallersError::file(&self.path, error))?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Ok(Reloaded::No);
        }
        *seen = now;
        let (document, stamp) = KeyDocument::read(&self.path)?;
        *seen = stamp;
        self.keys.store(Arc::new(index(&document.keys)));
        Ok(Reloaded::Yes)
    }

    /// Judges a key at a time (seconds since 1970).
    pub(crate) fn judge(&self, secret: &str, now: u64) -> Result<Arc<Grant>, Refusal> {
        let digest = mint::digest(secret);
        let keys = self.keys.load();
        // What the table's timing may tell is about a digest, which a caller can't steer towards a stored one.
        let bucket = keys.get(&prefix(&digest)).map_or(&[][..], Vec::as_slice);
        let entry = bucket.iter().find(|entry| entry.digest.ct_eq(&digest).into());
        let entry = entry.ok_or(Refusal::UnknownKey)?;
        if entry.standing == Standing::Revoked {
            return Err(Refusal::RevokedKey);
        }
        if entry.expires.is_some_and(|at| at <= now) {
            return Err(Refusal::ExpiredKey);
        }
        Ok(Arc::clone(&entry.grant))
    }
}

fn index(stored: &[StoredKey]) -> Keys {
    let mut keys = Keys::with_capacity(stored.len());
    for key in stored {
        keys.entry(prefix(&key.sha256.0)).or_default().push(Entry {
            digest: key.sha256.0,
            expires: key.expires,
            standing: if key.revoked.is_some() { Standing::Revoked } else { Standing::Good },
            grant: Arc::new(grant(key)),
        });
    }
    keys
}

fn grant(key: &StoredKey) -> Grant {
    let is_admin = key.roles.iter().any(|role| role == ADMIN_ROLE);
    Grant {
        caller: Caller {
            tenant: key.tenant.clone(),
            team: key.team.clone(),
            app: key.app.clone(),
            key_id: Some(key.id.clone()),
            roles: key.roles.clone(),
            ..Caller::default()
        },
        scope: Scope {
            models: key.models.iter().map(|text| Pattern::new(text)).collect(),
            endpoints: key.endpoints.clone(),
        },
        access: if is_admin { Access::Admin } else { Access::Traffic },
    }
}

fn prefix(digest: &KeyDigest) -> u64 {
    digest.first_chunk().copied().map_or(0, u64::from_le_bytes)
}
