//! Values behind pseudonyms beyond their exchange: kept for the controls, recalled for a caller, revealed at the desk.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result};
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout,
};
use weir_audit::Vault;
use weir_index::PostgresSettings;
use weir_policies::{Caller, Keeper, NotKept, Pair, Promise, PseudonymKey};
use weir_pseudonyms::{Found, Kept, Lasting, LastingError, LastingOptions, Owner, SharedOptions};

use super::chain::Recalled;
use crate::{
    keyring::{Keyring, KeyringError},
    settings::{PseudonymSettings, PseudonymVault, Secret},
};

/// Longest time that an erasure waits for values to be written that it is to delete.
const FLUSH: Duration = Duration::from_secs(30);

/// Longest time that a request waits for its own values to be durable, where a rule demands it; then it is refused.
const DURABLE: Duration = Duration::from_secs(3);

/// Most requests that read from the store at the same time.
const READERS: usize = 32;
/// Connections to each database of a shared vault.
const CONNECTIONS: usize = 8;

/// What stands behind pseudonyms, if it is kept, and where their secret is.
pub struct Memory {
    pub(super) shelf: Option<Shelf>,
    /// Who may wait for the store at the same time: a store that hangs must not take all threads with it.
    pub(super) readers: Arc<Semaphore>,
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
        let shelf = match &settings.vault {
            PseudonymVault::None => None,
            PseudonymVault::Sqlite => {
                let opened = Lasting::open(&LastingOptions::new(&settings.file), Arc::clone(vault));
                let lasting = opened.context("the vault of pseudonyms can't be opened")?;
                Some(Shelf { key: key(&settings.secret_dir)?, lasting })
            }
            PseudonymVault::Postgres { values, keys } => {
                let key = key(&settings.secret_dir)?;
                let (values, keys) = (database(values), database(keys));
                let options = SharedOptions { values, keys, secret: key.wrapping() };
                let shared = Lasting::share(&options, Arc::clone(vault));
                Some(Shelf { key, lasting: shared.context("the vault of pseudonyms can't be opened")? })
            }
        };
        let readers = Arc::new(Semaphore::new(READERS));
        Ok(Self { shelf, readers, secret_dir: settings.secret_dir.clone() })
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

    /// Deletes the values of a subject that was erased: by the reference that records have, and by tenant and name
    /// where they are known.
    pub(super) fn forget(&self, reference: &str, named: Option<(&str, &str)>) -> Result<(), LastingError> {
        let (Some(shelf), Some(key)) = (&self.shelf, Vault::id_of(reference)) else { return Ok(()) };
        let caller = named.map(|(tenant, subject)| Caller {
            tenant: tenant.to_owned(),
            subject: Some(subject.to_owned()),
            ..Caller::default()
        });
        shelf.lasting.forget(key, caller.map(|caller| shelf.owner(&caller))).map(drop)
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
        let key_name = match (&caller.subject, &conversation) {
            (Some(subject), _) => format!("subject\u{1}{subject}"),
            (None, Some(conversation)) => format!("conversation\u{1}{conversation}"),
            (None, None) => format!("day\u{1}{}", today()),
        };
        Owner {
            tenant: tenant.clone(),
            subject: caller.subject.clone(),
            tenant_blind: self.key.blind(tenant, "tenant", ""),
            conversation_blind: conversation.as_ref().map(|it| self.key.blind(tenant, "conversation", it)),
            conversation,
            key_blind: self.key.blind(tenant, "vault key", &key_name),
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

/// A database that calls may have to wait for.
fn database(url: &Secret) -> PostgresSettings {
    let (connecting, patience) = (Duration::from_secs(2), Duration::from_secs(10));
    PostgresSettings { connecting, patience, readers: CONNECTIONS, ..PostgresSettings::new(url.expose()) }
}

/// Days since 1970.
fn today() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400)
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
