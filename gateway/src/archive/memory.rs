//! Values behind pseudonyms beyond their exchange: kept for the controls, recalled for a caller, revealed at the desk.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use tokio::{sync::oneshot, time::timeout};
use weir_audit::Vault;
use weir_policies::{Caller, Keeper, NotKept, Pair, Promise, PseudonymKey};
use weir_pseudonyms::{Found, Kept, Lasting, LastingError, LastingOptions, Owner};

use super::chain::Recalled;
use crate::{
    keyring::{Keyring, KeyringError},
    settings::{PseudonymSettings, PseudonymVault},
};

/// Longest time that an erasure waits for values to be written that it is to delete.
const FLUSH: Duration = Duration::from_secs(30);

/// Longest time that a request waits for its own values to be durable, where a rule demands it; then it is refused.
const DURABLE: Duration = Duration::from_secs(3);

/// What stands behind pseudonyms, if it is kept, and where their secret is.
pub struct Memory {
    pub(super) shelf: Option<Shelf>,
    secret_dir: PathBuf,
}

/// The store, and the key by which it is looked up.
pub(super) struct Shelf {
    pub(super) key: PseudonymKey,
    pub(super) lasting: Lasting,
}

impl Memory {
    /// Opens what the settings say. `vault` has the keys of subjects.
    ///
    /// # Errors
    /// When the secret or the store can't be used.
    pub fn open(settings: &PseudonymSettings, vault: &Arc<Vault>) -> Result<Self> {
        let shelf = match settings.vault {
            PseudonymVault::None => None,
            PseudonymVault::Sqlite => {
                let opened = Lasting::open(&LastingOptions::new(&settings.file), Arc::clone(vault));
                let lasting = opened.context("the vault of pseudonyms can't be opened")?;
                Some(Shelf { key: key(&settings.secret_dir)?, lasting })
            }
        };
        Ok(Self { shelf, secret_dir: settings.secret_dir.clone() })
    }

    /// Whether values are kept.
    pub fn keeps(&self) -> bool {
        self.shelf.is_some()
    }

    /// What a ciphertext of a tenant holds: its type and value.
    ///
    /// # Errors
    /// When the secret can't be used.
    pub(super) fn opened(&self, tenant: &str, text: &str) -> Result<Option<(String, String)>, KeyringError> {
        Ok(match &self.shelf {
            Some(shelf) => shelf.key.open(tenant, text),
            None => key(&self.secret_dir)?.open(tenant, text),
        })
    }

    /// What is known of a pseudonym of a tenant.
    pub(super) fn look_up(&self, tenant: &str, name: &str) -> Result<Vec<Found>, LastingError> {
        let Some(shelf) = &self.shelf else { return Ok(Vec::new()) };
        let tenant = (tenant, shelf.key.blind(tenant, "tenant", ""));
        shelf.lasting.look_up(tenant, shelf.name(tenant.0, name))
    }

    /// Waits until all that was handed over is written.
    pub(crate) fn flush(&self) -> Result<(), LastingError> {
        self.shelf.as_ref().map_or(Ok(()), |shelf| shelf.lasting.flush(FLUSH))
    }

    /// Deletes the values under a key that was destroyed, by the reference that records have.
    pub(super) fn forget(&self, reference: &str) -> Result<(), LastingError> {
        let (Some(shelf), Some(key)) = (&self.shelf, Vault::id_of(reference)) else { return Ok(()) };
        shelf.lasting.forget(key).map(drop)
    }

    /// Deletes what was not used for so long.
    pub(super) fn prune(&self, unused: Duration) -> Result<u64, LastingError> {
        self.shelf.as_ref().map_or(Ok(0), |shelf| shelf.lasting.prune(unused))
    }
}

impl Shelf {
    /// Whose the values of an exchange are.
    pub(super) fn owner(&self, caller: &Caller) -> Owner {
        let tenant = &caller.tenant;
        let conversation = caller.conversation.clone();
        Owner {
            tenant: tenant.clone(),
            subject: caller.subject.clone(),
            tenant_blind: self.key.blind(tenant, "tenant", ""),
            conversation_blind: conversation.as_ref().map(|it| self.key.blind(tenant, "conversation", it)),
            conversation,
        }
    }

    /// The hash by which a pseudonym is looked up.
    pub(super) fn name(&self, tenant: &str, name: &str) -> [u8; 32] {
        self.key.blind(tenant, "pseudonym", name)
    }

    /// Pairs as the store has them.
    fn kept(&self, caller: &Caller, pairs: Vec<Pair>) -> Vec<Kept> {
        let kept = |pair: Pair| Kept {
            blind: self.name(&caller.tenant, &pair.name),
            kind: pair.kind,
            name: pair.name,
            value: pair.value,
        };
        pairs.into_iter().map(kept).collect()
    }
}

impl Keeper for Memory {
    fn keep(&self, caller: &Caller, pairs: Vec<Pair>) -> Result<(), NotKept> {
        let Some(shelf) = &self.shelf else { return Err(NotKept) };
        shelf.lasting.keep(shelf.owner(caller), shelf.kept(caller, pairs)).map_err(|_| not_kept())
    }

    fn promise(&self, caller: &Caller, pairs: Vec<Pair>) -> Promise {
        let (tell, told) = oneshot::channel();
        let ordered = self.shelf.as_ref().is_some_and(|shelf| {
            // Who asked may be gone by then.
            let tell = Box::new(move |is_durable| {
                let _gone = tell.send(is_durable).is_err();
            });
            shelf.lasting.keep_surely(shelf.owner(caller), shelf.kept(caller, pairs), tell).is_ok()
        });
        Box::pin(async move {
            match timeout(DURABLE, told).await {
                Ok(Ok(true)) if ordered => Ok(()),
                _ => Err(not_kept()),
            }
        })
    }
}

fn key(secret_dir: &Path) -> Result<PseudonymKey, KeyringError> {
    Ok(PseudonymKey::from_bytes(Keyring::open(secret_dir)?.pseudonyms()))
}

pub(super) fn pair(kept: Kept) -> Pair {
    Pair { kind: kept.kind, name: kept.name, value: kept.value }
}

pub(super) fn not_kept() -> NotKept {
    metrics::counter!("weir_pseudonyms_not_kept_total").increment(1);
    NotKept
}

pub(super) fn missed() -> Recalled {
    metrics::counter!("weir_pseudonyms_not_recalled_total").increment(1);
    Recalled::default()
}
