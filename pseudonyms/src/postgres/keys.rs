//! The keys of subjects, each wrapped by the operator's secret. No node holds one beyond the batch or the question that
//! it was read for, so a key that is destroyed on one is destroyed on all.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use weir_audit::vault::NoteKey;
use zeroize::Zeroizing;

use super::database::{Database, Schema};
use crate::error::LastingError;

mod migrations {
    refinery::embed_migrations!("../migrations/vault_keys");
}

pub(super) const SCHEMA: Schema = Schema { name: "weir_keys", migrations: migrations::migrations::runner };
/// How much later than an erasure, by the clock of the database, a value must have come to be kept. What came before
/// may still wait on another node.
const MARGIN: f64 = 1.0;
/// Seconds after which it is noted that a key is still in use, and by which it outlives its values.
const DAY: i64 = 86_400;
/// Most references that are known to be noted.
const NOTED: usize = 65_536;
/// Live keys; `erased` as how long ago.
const LIVE: &str = "SELECT k.tenant, k.blind, k.id, k.wrapped,
    extract(epoch FROM clock_timestamp())::float8 - k.erased FROM subject_key k";

/// Where the keys are.
pub(super) struct Keys {
    database: Database,
    operator: NoteKey,
    noted: Mutex<HashSet<([u8; 16], [u8; 16])>>,
}

/// A key that can be used.
pub(super) struct Live {
    pub(super) id: [u8; 16],
    pub(super) key: NoteKey,
    /// How long ago the subject was erased, if it ever was.
    erased: Option<f64>,
}

/// Whose key: tenant and name, as hashes.
pub(super) type Whose = ([u8; 32], [u8; 32]);

/// Live keys, by whose they are.
pub(super) type Known = HashMap<Whose, Live>;

impl Live {
    /// Whether a value that came so long ago belongs to what was erased.
    pub(super) fn is_past(&self, age: Duration) -> bool {
        self.erased.is_some_and(|erased| age.as_secs_f64() + MARGIN >= erased)
    }
}

impl Keys {
    pub(super) fn new(database: Database, operator: NoteKey) -> Self {
        Self { database, operator, noted: Mutex::default() }
    }

    /// The keys of these, made where there are none.
    pub(super) async fn obtain(&self, whose: &[Whose], now: i64) -> Result<Known, LastingError> {
        let mut known = self.of(whose).await?;
        let missing: Vec<Whose> = whose.iter().filter(|it| !known.contains_key(it)).copied().collect();
        if !missing.is_empty() {
            self.make(&missing, now).await?;
            // Another node may have made one at the same time: what stands there counts.
            known.extend(self.of(&missing).await?);
        }
        let ids: Vec<Vec<u8>> = known.values().map(|live| live.id.to_vec()).collect();
        let touch = "UPDATE subject_key SET seen = $1 WHERE id = ANY($2) AND seen < $3";
        self.database
            .with("keeping keys", async |client| client.execute(touch, &[&now, &ids, &(now - DAY)]).await)
            .await?;
        Ok(known)
    }

    /// The keys of these that have one.
    pub(super) async fn of(&self, whose: &[Whose]) -> Result<Known, LastingError> {
        let tenants: Vec<Vec<u8>> = whose.iter().map(|(tenant, _)| tenant.to_vec()).collect();
        let blinds: Vec<Vec<u8>> = whose.iter().map(|(_, blind)| blind.to_vec()).collect();
        let sql = format!(
            "{LIVE} JOIN unnest($1::bytea[], $2::bytea[]) AS w (tenant, blind)
             ON w.tenant = k.tenant AND w.blind = k.blind WHERE k.wrapped IS NOT NULL"
        );
        let rows =
            self.database.with("reading keys", async |client| client.query(&sql, &[&tenants, &blinds]).await);
        self.opened(rows.await?)
    }

    /// The keys of these ids, as far as they are not destroyed.
    pub(super) async fn by_id(&self, ids: &[[u8; 16]]) -> Result<HashMap<[u8; 16], NoteKey>, LastingError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.to_vec()).collect();
        let sql = format!("{LIVE} WHERE k.id = ANY($1) AND k.wrapped IS NOT NULL");
        let rows = self.database.with("reading keys", async |client| client.query(&sql, &[&ids]).await);
        Ok(self.opened(rows.await?)?.into_values().map(|live| (live.id, live.key)).collect())
    }

    /// Notes under which reference this node knows the subject of a key.
    pub(super) async fn note(&self, known: &[([u8; 16], [u8; 16])]) -> Result<(), LastingError> {
        let new: Vec<_> = {
            let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            known.iter().filter(|it| !noted.contains(it)).copied().collect()
        };
        if new.is_empty() {
            return Ok(());
        }
        let references: Vec<Vec<u8>> = new.iter().map(|(reference, _)| reference.to_vec()).collect();
        let ids: Vec<Vec<u8>> = new.iter().map(|(_, id)| id.to_vec()).collect();
        let sql = "INSERT INTO known_as (reference, id) SELECT * FROM unnest($1::bytea[], $2::bytea[])
                   ON CONFLICT DO NOTHING";
        self.database
            .with("noting references", async |client| client.execute(sql, &[&references, &ids]).await)
            .await?;
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() > NOTED {
            noted.clear();
        }
        noted.extend(new);
        Ok(())
    }

    /// Whether this node has noted the reference of a key.
    pub(super) fn is_noted(&self, known: ([u8; 16], [u8; 16])) -> bool {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).contains(&known)
    }

    /// Destroys the keys of a subject, by a reference or by its name; their ids. A second time it says the same, until
    /// [`Keys::forgotten`].
    pub(super) async fn destroy(
        &self,
        reference: [u8; 16],
        whose: Option<Whose>,
    ) -> Result<Vec<Vec<u8>>, LastingError> {
        let (tenant, blind) =
            whose.map_or((Vec::new(), Vec::new()), |(tenant, blind)| (tenant.to_vec(), blind.to_vec()));
        let reference = reference.to_vec();
        self.database
            .with("destroying a key", async |client| {
                let transaction = client.transaction().await?;
                // That it is to go must not be forgotten before its values are gone.
                let note = "INSERT INTO known_as (reference, id) SELECT $1::bytea, id FROM subject_key
                            WHERE tenant = $2 AND blind = $3 AND wrapped IS NOT NULL ON CONFLICT DO NOTHING";
                transaction.execute(note, &[&reference, &tenant, &blind]).await?;
                let ids =
                    transaction.query("SELECT id FROM known_as WHERE reference = $1", &[&reference]).await?;
                let ids = ids.iter().map(|row| row.try_get(0)).collect::<Result<Vec<Vec<u8>>, _>>()?;
                let destroy = "UPDATE subject_key SET wrapped = NULL,
                               erased = extract(epoch FROM clock_timestamp())::float8 WHERE id = ANY($1)";
                transaction.execute(destroy, &[&ids]).await?;
                transaction.commit().await?;
                Ok(ids)
            })
            .await
    }

    /// The values of these are gone: nothing refers to them any more.
    pub(super) async fn forgotten(&self, ids: &[Vec<u8>]) -> Result<(), LastingError> {
        let sql = "DELETE FROM known_as WHERE id = ANY($1)";
        self.database
            .with("forgetting a key", async |client| client.execute(sql, &[&ids]).await)
            .await
            .map(drop)
    }

    /// Deletes keys that were not used since, and whose values are gone therefore.
    pub(super) async fn prune(&self, before: i64) -> Result<(), LastingError> {
        let sql = "WITH gone AS (DELETE FROM subject_key WHERE seen < $1 RETURNING id)
                   DELETE FROM known_as WHERE id IN (SELECT id FROM gone)";
        let before = before - 2 * DAY;
        self.database
            .with("pruning keys", async |client| client.execute(sql, &[&before]).await)
            .await
            .map(drop)
    }

    async fn make(&self, missing: &[Whose], now: i64) -> Result<(), LastingError> {
        let (mut tenants, mut blinds, mut ids, mut wrapped) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for whose in missing {
            let (id, secret) = (NoteKey::random::<16>()?, NoteKey::random::<32>()?);
            wrapped.push(self.operator.seal(&context(whose, &id[..]), &secret[..])?);
            tenants.push(whose.0.to_vec());
            blinds.push(whose.1.to_vec());
            ids.push(id.to_vec());
        }
        let sql = "INSERT INTO subject_key (tenant, blind, id, wrapped, seen)
                   SELECT u.*, $5::bigint FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[]) u ORDER BY 1, 2
                   ON CONFLICT (tenant, blind) DO UPDATE
                   SET id = excluded.id, wrapped = excluded.wrapped, seen = excluded.seen
                   WHERE subject_key.wrapped IS NULL";
        self.database
            .with("making keys", async |client| {
                client.execute(sql, &[&tenants, &blinds, &ids, &wrapped, &now]).await
            })
            .await
            .map(drop)
    }

    /// What can be unwrapped: a key of another operator's secret is as none.
    fn opened(&self, rows: Vec<tokio_postgres::Row>) -> Result<Known, LastingError> {
        let mut known = Known::new();
        for row in &rows {
            let Some((whose, id, wrapped, erased)) = cells(row) else { return Err(LastingError::Damaged) };
            let Some(secret) = self.operator.open(&context(&whose, &id), &wrapped) else {
                return Err(LastingError::Operator);
            };
            let secret: Zeroizing<[u8; 32]> =
                Zeroizing::new(secret.as_bytes().try_into().map_err(|_| LastingError::Damaged)?);
            known.insert(whose, Live { id, key: NoteKey::new(&secret)?, erased });
        }
        Ok(known)
    }
}

/// A row of the table: whose the key is, its id, the wrapped key, and when an earlier one was erased.
type Cells = (Whose, [u8; 16], Vec<u8>, Option<f64>);

fn cells(row: &tokio_postgres::Row) -> Option<Cells> {
    let bytes = |at: usize| row.try_get::<_, Vec<u8>>(at).ok();
    let whose = (bytes(0)?.try_into().ok()?, bytes(1)?.try_into().ok()?);
    Some((whose, bytes(2)?.try_into().ok()?, bytes(3)?, row.try_get(4).ok()?))
}

/// What a wrapped key is bound to.
fn context((tenant, blind): &Whose, id: &[u8]) -> Vec<u8> {
    [b"weir pseudonym key v1", &tenant[..], blind, id].concat()
}
