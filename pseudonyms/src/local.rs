//! Values in a SQLite file of this node, sealed under the keys of its audit log.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use weir_audit::Vault;

use crate::backend::{Backend, Batch};
use crate::error::LastingError;
use crate::sealed::{Found, Held, Kept, Owner, Row, Tied};
use crate::store::Store;
use crate::written::Written;

pub(crate) struct Local {
    vault: Arc<Vault>,
    writer: Mutex<(Store, Written)>,
    reader: Mutex<Store>,
}

impl Local {
    pub(crate) fn open(file: &Path, vault: Arc<Vault>) -> Result<Self, LastingError> {
        let writer = Mutex::new((Store::open(file)?, Written::default()));
        Ok(Self { vault, writer, reader: Mutex::new(Store::open(file)?) })
    }

    /// The values of rows that can be read, each pseudonym once.
    fn opened(&self, tenant: &str, rows: &[Row]) -> Result<Vec<(Kept, Held)>, LastingError> {
        let mut kept: Vec<(Kept, Held)> = Vec::with_capacity(rows.len());
        for row in rows {
            if let Found::Value(value) = row.open(&self.vault, tenant)?
                && !kept.iter().any(|(known, _)| known.blind == value.blind)
            {
                kept.push((value, Held { name: row.name, owner: row.owner }));
            }
        }
        Ok(kept)
    }
}

impl Backend for Local {
    fn write(&self, batch: &Batch, now: u64) -> Result<HashSet<usize>, LastingError> {
        let mut writer = held(&self.writer);
        let (store, written) = &mut *writer;
        let mut rows: Vec<Row> = Vec::new();
        for keep in &batch.kept {
            let key = self.vault.subject(&keep.owner.tenant, keep.owner.key_name().as_deref())?;
            for name in &keep.names {
                if !written.is_fresh((key.id(), name.blind), now) {
                    rows.push(name.seal(&keep.owner, &key)?);
                }
            }
        }
        let mut ties: Vec<Tied> = Vec::new();
        for tie in &batch.ties {
            let key = self.vault.subject(&tie.owner.tenant, tie.owner.key_name().as_deref())?;
            let own = tie.names.iter().map(|name| Held { name: *name, owner: key.id() });
            let tied = |held| Tied { tie: tie.tie, tenant: tie.owner.tenant_blind, held };
            ties.extend(own.chain(tie.held.iter().copied()).map(tied));
        }
        if rows.is_empty() && ties.is_empty() {
            return Ok(HashSet::new());
        }
        // INVARIANT: no row is durable whose key is not.
        self.vault.sync()?;
        store.write((&rows, &ties), i64::try_from(now).unwrap_or(i64::MAX))?;
        written.note(&rows, now);
        Ok(HashSet::new())
    }

    /// The references of records are the keys' own here.
    fn meet(&self, _owner: &Owner) -> Result<(), LastingError> {
        Ok(())
    }

    fn recall(&self, owner: &Owner) -> Result<(Vec<Kept>, bool), LastingError> {
        let Some(name) = owner.key_name() else { return Ok((Vec::new(), true)) };
        let own = self.vault.known_id(&owner.tenant, &name)?;
        let conversation = owner.conversation_blind.filter(|_| owner.subject.is_none());
        let rows = held(&self.reader).of(owner.tenant_blind, own, conversation)?;
        Ok((self.opened(&owner.tenant, &rows)?.into_iter().map(|(value, _)| value).collect(), true))
    }

    fn follow(&self, tenant: (&str, [u8; 32]), tie: [u8; 32]) -> Result<Vec<(Kept, Held)>, LastingError> {
        let rows = held(&self.reader).tied(tenant.1, tie)?;
        self.opened(tenant.0, &rows)
    }

    fn look_up(&self, tenant: (&str, [u8; 32]), name: [u8; 32]) -> Result<Vec<Found>, LastingError> {
        let rows = held(&self.reader).named(tenant.1, name)?;
        rows.iter().map(|row| Ok(row.open(&self.vault, tenant.0)?)).collect()
    }

    fn forget(&self, reference: [u8; 16], _owner: Option<&Owner>) -> Result<u64, LastingError> {
        let mut writer = held(&self.writer);
        writer.1.forget(reference);
        writer.0.forget(reference)
    }

    fn prune(&self, before: i64) -> Result<u64, LastingError> {
        held(&self.reader).prune(before)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
