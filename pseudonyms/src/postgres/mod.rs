//! Values in PostgreSQL, shared by several nodes: sealed under keys of subjects that stand there too, wrapped by the
//! operator's secret, in a schema or a database of their own.

mod database;
mod keys;
mod values;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Runtime;
use weir_audit::{Vault, vault::NoteKey};
use weir_index::PostgresSettings;

use crate::backend::{Backend, Batch};
use crate::error::LastingError;
use crate::sealed::{Found, Held, Kept, Owner, Row, Tied};
use crate::written::Written;
use database::Database;
use keys::{Keys, Known, Whose};
use values::Values;

/// Where values are shared. No `Debug`: it holds the operator's secret.
#[derive(Clone)]
pub struct SharedOptions {
    /// The database of the values.
    pub values: PostgresSettings,
    /// The database of the keys; may be the same.
    pub keys: PostgresSettings,
    /// What the keys are wrapped by: the same on every node.
    pub secret: [u8; 32],
}

pub(crate) struct Shared {
    runtime: Option<Runtime>,
    keys: Keys,
    values: Values,
    /// Knows subjects by the references that this node's records have.
    vault: Arc<Vault>,
    written: Mutex<Written>,
}

impl Shared {
    /// Connects when it is first asked, so that a gateway starts without its database.
    pub(crate) fn open(options: &SharedOptions, vault: Arc<Vault>) -> Result<Self, LastingError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("pseudonyms-sql")
            .enable_all()
            .build()
            .map_err(|_| LastingError::Stopped)?;
        let database = |settings, schema| Database::new(settings, schema);
        Ok(Self {
            runtime: Some(runtime),
            keys: Keys::new(database(&options.keys, keys::SCHEMA)?, NoteKey::new(&options.secret)?),
            values: Values(database(&options.values, values::SCHEMA)?),
            vault,
            written: Mutex::default(),
        })
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, LastingError>>) -> Result<T, LastingError> {
        self.runtime.as_ref().ok_or(LastingError::Stopped)?.block_on(work)
    }

    /// The values of rows whose keys are there. The keys are read last: what is destroyed meanwhile is not seen.
    async fn open_rows(&self, rows: &[Row]) -> Result<Vec<Found>, LastingError> {
        let mut owners: Vec<[u8; 16]> = rows.iter().map(|row| row.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        let keys = self.keys.by_id(&owners).await?;
        Ok(rows.iter().map(|row| row.open_with(keys.get(&row.owner))).collect())
    }

    async fn kept(&self, rows: &[Row]) -> Result<Vec<(Kept, Held)>, LastingError> {
        let mut kept: Vec<(Kept, Held)> = Vec::with_capacity(rows.len());
        for (row, found) in rows.iter().zip(self.open_rows(rows).await?) {
            if let Found::Value(value) = found
                && !kept.iter().any(|(known, _)| known.blind == value.blind)
            {
                kept.push((value, Held { name: row.name, owner: row.owner }));
            }
        }
        Ok(kept)
    }

    /// This node's reference to the subject of an owner, if it has one.
    fn reference(&self, owner: &Owner) -> Result<Option<[u8; 16]>, LastingError> {
        let Some(subject) = &owner.subject else { return Ok(None) };
        Ok(self.vault.known_id(&owner.tenant, subject)?)
    }

    async fn note(&self, owners: &[&Owner], known: &Known) -> Result<(), LastingError> {
        let mut pairs = Vec::new();
        for owner in owners {
            if let (Some(live), Some(reference)) = (known.get(&whose(owner)), self.reference(owner)?) {
                pairs.push((reference, live.id));
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        self.keys.note(&pairs).await
    }

    async fn write_batch(&self, batch: &Batch, now: u64) -> Result<HashSet<usize>, LastingError> {
        let at = i64::try_from(now).unwrap_or(i64::MAX);
        let owners: Vec<&Owner> = batch
            .kept
            .iter()
            .map(|keep| &keep.owner)
            .chain(batch.ties.iter().map(|tie| &tie.owner))
            .collect();
        let all: HashSet<Whose> = owners.iter().map(|owner| whose(owner)).collect();
        let known = self.keys.obtain(&all.into_iter().collect::<Vec<_>>(), at).await?;
        self.note(&owners, &known).await?;
        // By owner and name, and in this order, so that nodes don't wait for each other in a circle.
        let mut rows: BTreeMap<([u8; 16], [u8; 32]), Row> = BTreeMap::new();
        let mut refused = HashSet::new();
        for (index, keep) in batch.kept.iter().enumerate() {
            let live = known.get(&whose(&keep.owner)).filter(|live| !live.is_past(keep.came.elapsed()));
            let Some(live) = live else {
                refused.insert(index);
                continue;
            };
            for name in &keep.names {
                let place = (live.id, name.blind);
                if !self.written().is_fresh(place, now) && !rows.contains_key(&place) {
                    rows.insert(place, name.seal_with(&keep.owner, (live.id, &live.key))?);
                }
            }
        }
        let ties = batch.ties.iter().flat_map(|tie| {
            let own = known.get(&whose(&tie.owner)).map(|live| live.id);
            let own = tie.names.iter().filter_map(move |name| Some(Held { name: *name, owner: own? }));
            let tenant = tie.owner.tenant_blind;
            let tied =
                move |held: Held| ((tie.tie, held.name, held.owner), Tied { tie: tie.tie, tenant, held });
            own.chain(tie.held.iter().copied()).map(tied)
        });
        let ties: BTreeMap<_, Tied> = ties.collect();
        let (rows, ties): (Vec<Row>, Vec<Tied>) =
            (rows.into_values().collect(), ties.into_values().collect());
        if !rows.is_empty() || !ties.is_empty() {
            self.values.write(&rows, &ties, at).await?;
            self.written().note(&rows, now);
        }
        Ok(refused)
    }

    fn written(&self) -> std::sync::MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Shared {
    fn write(&self, batch: &Batch, now: u64) -> Result<HashSet<usize>, LastingError> {
        self.wait(self.write_batch(batch, now))
    }

    fn meet(&self, owner: &Owner) -> Result<(), LastingError> {
        self.wait(async {
            let known = self.keys.of(&[whose(owner)]).await?;
            self.note(&[owner], &known).await
        })
    }

    fn recall(&self, owner: &Owner) -> Result<(Vec<Kept>, bool), LastingError> {
        if owner.subject.is_none() && owner.conversation.is_none() {
            return Ok((Vec::new(), true));
        }
        self.wait(async {
            let own = self.keys.of(&[whose(owner)]).await?.into_values().next().map(|live| live.id);
            let conversation = owner.conversation_blind.filter(|_| owner.subject.is_none());
            let rows = self.values.of(owner.tenant_blind, own, conversation).await?;
            let kept = self.kept(&rows).await?.into_iter().map(|(value, _)| value).collect();
            let is_met = match (own, self.reference(owner)?) {
                (Some(id), Some(reference)) => self.keys.is_noted((reference, id)),
                _ => true,
            };
            Ok((kept, is_met))
        })
    }

    fn follow(&self, tenant: (&str, [u8; 32]), tie: [u8; 32]) -> Result<Vec<(Kept, Held)>, LastingError> {
        self.wait(async { self.kept(&self.values.tied(tenant.1, tie).await?).await })
    }

    fn look_up(&self, tenant: (&str, [u8; 32]), name: [u8; 32]) -> Result<Vec<Found>, LastingError> {
        self.wait(async { self.open_rows(&self.values.named(tenant.1, name).await?).await })
    }

    fn forget(&self, reference: [u8; 16], owner: Option<&Owner>) -> Result<u64, LastingError> {
        self.wait(async {
            let ids = self.keys.destroy(reference, owner.map(whose)).await?;
            let erased = self.values.forget(&ids).await?;
            self.keys.forgotten(&ids).await?;
            Ok(erased)
        })
    }

    fn prune(&self, before: i64) -> Result<u64, LastingError> {
        self.wait(async {
            let pruned = self.values.prune(before).await?;
            self.keys.prune(before).await?;
            Ok(pruned)
        })
    }
}

impl Drop for Shared {
    /// A runtime may not be waited for where others run.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn whose(owner: &Owner) -> Whose {
    (owner.tenant_blind, owner.key_blind)
}
