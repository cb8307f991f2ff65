//! Changing the key-encryption key: every tenant's key is wrapped anew, no body is touched.

use std::fs;
use std::path::Path;

use super::crypto::{self, Secret, WRAPPED};
use super::keys::{STORE_CONTEXT, damaged, entries, tenant_context};
use super::{Kek, kek_from, make_kek};
use crate::disk::{lock_file, replace};
use crate::error::AuditError;
use crate::options::Ambient;

/// Wraps the keys of the store in `keys` under `to` instead of `from`; how many. A file that `to` names and that is
/// not there yet is made.
///
/// No process may have the vault open meanwhile. If it is broken off, neither key opens the vault whole: do it
/// again with the same two.
///
/// # Errors
/// [`AuditError::WrongKey`] when neither key fits; [`AuditError::KeyStore`], [`AuditError::Io`].
pub fn change_kek(keys: &Path, from: Kek, to: Kek, ambient: &dyn Ambient) -> Result<u64, AuditError> {
    let _lock = lock_file(&keys.join("lock"))?;
    let old = load(from, keys, ambient)?;
    let new = match to {
        Kek::File(path) if !path.exists() => make_kek(&path, ambient)?,
        to => load(to, keys, ambient)?,
    };
    let both = Both { old, new };
    let store = keys.join("store");
    // Looked at first, so that a wrong key changes nothing; written last, so that it shows when all is done.
    let proof = both.unwrap(&store, STORE_CONTEXT)?.ok_or(AuditError::WrongKey { path: store.clone() })?;
    let mut wrapped = 0;
    for dir in entries(&keys.join("tenants"))? {
        let path = dir.join("tenant");
        if path.is_file() {
            let context = tenant_context(&dir);
            let secret = both.unwrap(&path, &context)?.ok_or(damaged(&path, "it can't be unwrapped"))?;
            both.wrap(&path, &secret, (&context, ambient))?;
            wrapped += 1;
        }
    }
    both.wrap(&store, &proof, (STORE_CONTEXT, ambient))?;
    Ok(wrapped)
}

struct Both {
    old: Secret,
    new: Secret,
}

impl Both {
    /// The secret in a file, by whichever of the two keys it is wrapped.
    fn unwrap(&self, path: &Path, context: &[u8]) -> Result<Option<Secret>, AuditError> {
        let bytes = fs::read(path).map_err(AuditError::io("reading", path))?;
        let wrapped: &[u8; WRAPPED] = bytes.first_chunk().ok_or(damaged(path, "it is cut short"))?;
        let by = |key| crypto::unwrap_key(key, wrapped, context);
        Ok(by(&self.old).or_else(|| by(&self.new)))
    }

    fn wrap(
        &self,
        path: &Path,
        secret: &Secret,
        (context, ambient): (&[u8], &dyn Ambient),
    ) -> Result<(), AuditError> {
        let wrapped = crypto::wrap(&self.new, secret, context, ambient)?;
        replace(path, &wrapped).map_err(AuditError::io("writing", path))
    }
}

fn load(kek: Kek, keys: &Path, ambient: &dyn Ambient) -> Result<Secret, AuditError> {
    match kek {
        Kek::Given(bytes) => Ok(Secret::new(*bytes)),
        Kek::Beside => kek_from(&keys.join("kek"), keys, ambient),
        Kek::File(path) => kek_from(&path, keys, ambient),
    }
}
