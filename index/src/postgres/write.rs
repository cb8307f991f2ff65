//! Ships batches: COPY into staging, then one call that moves rows and position, all in one transaction.

use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::time::timeout;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

use super::cells;
use super::connect::{self, PostgresSettings};
use crate::batch::{Batch, LaneId, Watermark};
use crate::error::IndexError;
use crate::row::{Announced, CallRow, End, EventRow};
use crate::store::{Erasure, Store};
use crate::value::{Cell, ColumnType, LeafHash, Micros, Row, Value, clamp};

/// SQLSTATE of `apply`: the position is another one.
const MOVED: &str = "WR001";
/// SQLSTATE of `apply`: a record is indexed with other content.
const CONFLICT: &str = "WR002";

/// The shipping side of the index: one connection, used by one indexer.
///
/// Every call has a deadline. After a failure the connection is given up, since what became of the batch is not known
/// then: the position in the database tells.
pub struct PostgresStore {
    settings: PostgresSettings,
    runtime: Runtime,
    client: Option<Client>,
}

impl PostgresStore {
    /// Makes ready to ship; connects, and brings the schema up to date, when the first batch is at hand.
    ///
    /// # Errors
    /// [`IndexError::Setting`], [`IndexError::Io`].
    pub fn new(settings: PostgresSettings) -> Result<Self, IndexError> {
        settings.config()?;
        settings.tls()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(IndexError::io("starting", "the shipper".as_ref()))?;
        Ok(Self { settings, runtime, client: None })
    }

    /// Runs `work` on the connection within the deadline; a connection that failed is not used again.
    fn with<T>(
        &mut self,
        action: &'static str,
        work: impl AsyncFnOnce(&mut Client) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let Self { settings, runtime, client } = self;
        runtime.block_on(async {
            let mut used = match client.take() {
                Some(client) if !client.is_closed() => client,
                _ => {
                    let mut fresh = settings.connect().await?;
                    let migrated = timeout(settings.patience, connect::migrate(&mut fresh)).await;
                    migrated.map_err(|_| IndexError::Late { action: "migrating the index" })??;
                    fresh
                }
            };
            let deadline = settings.patience + Duration::from_secs(1);
            let outcome = timeout(deadline, work(&mut used)).await;
            let outcome = outcome.map_err(|_| IndexError::Late { action })?;
            // A refusal by the database itself says nothing against the connection.
            if matches!(outcome, Ok(_) | Err(IndexError::Moved { .. })) {
                *client = Some(used);
            }
            outcome
        })
    }
}

impl Store for PostgresStore {
    fn watermark(&mut self, lane: LaneId) -> Result<Watermark, IndexError> {
        self.with("reading the position of the index", async |client| watermark(client, lane).await)
    }

    fn apply(&mut self, batch: &Batch) -> Result<Watermark, IndexError> {
        self.with("shipping to the index", async |client| {
            let begun = client.transaction().await;
            let transaction = begun.map_err(IndexError::postgres("shipping"))?;
            let shipment = Shipment { batch, id: shipment_id(batch), on: &transaction };
            shipment.stage().await?;
            let orphans = shipment.apply().await?;
            transaction.commit().await.map_err(IndexError::postgres("committing"))?;
            Ok(Watermark { orphans, ..batch.to })
        })
    }

    fn restore(&mut self, _: &IndexError) -> Result<(), IndexError> {
        // The next use connects anew.
        self.client = None;
        Ok(())
    }

    fn clear(&mut self, source: Uuid) -> Result<(), IndexError> {
        self.with("clearing the index", async |client| {
            let cleared = client.execute("SELECT weir.clear($1)", &[&source]).await;
            cleared.map(drop).map_err(IndexError::postgres("clearing"))
        })
    }

    fn erase(&mut self, erasure: &Erasure) -> Result<u64, IndexError> {
        self.with("erasing in the index", async |client| {
            let params: [&(dyn ToSql + Sync); 3] = [&erasure.tenant, &erasure.subject_ref, &erasure.time.0];
            count(client.query_one("SELECT weir.erase($1, $2, $3)", &params).await, "erasing")
        })
    }

    /// Drops whole months only.
    fn drop_before(&mut self, time: Micros) -> Result<u64, IndexError> {
        self.with("pruning the index", async |client| {
            count(client.query_one("SELECT weir.drop_before($1)", &[&time.0]).await, "pruning")
        })
    }
}

fn count(
    answer: Result<tokio_postgres::Row, tokio_postgres::Error>,
    action: &'static str,
) -> Result<u64, IndexError> {
    let count = answer.and_then(|row| row.try_get::<_, i64>(0)).map_err(IndexError::postgres(action))?;
    u64::try_from(count).map_err(|_| IndexError::Damaged)
}

async fn watermark(client: &Client, lane: LaneId) -> Result<Watermark, IndexError> {
    let names: Vec<_> = Watermark::COLUMNS.iter().map(|(name, _)| *name).collect();
    let types: Vec<_> = Watermark::COLUMNS.iter().map(|(_, kind)| *kind).collect();
    let select = format!("SELECT {} FROM weir.position($1, $2)", names.join(", "));
    let found = client.query_opt(&select, &[&lane.source, &i64::from(lane.lane)]).await;
    let Some(row) = found.map_err(IndexError::postgres("reading the position"))? else {
        return Ok(Watermark::default());
    };
    Watermark::from_values(&mut cells(&row, &types)?.into_iter()).ok_or(IndexError::Damaged)
}

/// A row of staged terms; without time and tenant for a call that an earlier batch has written.
fn term<'a>(
    (kind, value): (&'a str, &'a str),
    call: Uuid,
    place: Option<(Micros, &'a String)>,
) -> Vec<Value<'a>> {
    let (time, tenant) = place.unzip();
    vec![
        Value::Text(kind.into()),
        Value::Text(value.into()),
        time.map_or(Value::Null, |it| Value::Int(it.0)),
        Value::Id(call),
        tenant.map_or(Value::Null, Cell::to_value),
    ]
}

/// Tells the rows of one batch from others in staging; what a failed try has left there was rolled back.
fn shipment_id(batch: &Batch) -> Uuid {
    let LeafHash(hash) = batch.to.hash;
    Uuid::from_bytes(hash.first_chunk().copied().unwrap_or_default())
}

/// One batch on its way.
struct Shipment<'a> {
    batch: &'a Batch,
    id: Uuid,
    on: &'a Transaction<'a>,
}

impl Shipment<'_> {
    async fn stage(&self) -> Result<(), IndexError> {
        let Batch { calls, ends, events, .. } = self.batch;
        let columns: Vec<_> = CallRow::columns().copied().collect();
        self.copy("stage_calls", &columns, calls.iter().map(CallRow::values)).await?;

        let mut columns = vec![("call_id", ColumnType::Id)];
        columns.extend(End::COLUMNS);
        columns.push(("review", ColumnType::Text));
        let rows = ends.iter().map(|late| {
            let mut values = vec![Value::Id(late.call)];
            values.extend(late.end.values());
            values.push(late.end.review().map_or(Value::Null, |it| Value::Text(it.into())));
            values
        });
        self.copy("stage_ends", &columns, rows).await?;

        let columns = [
            ("kind", ColumnType::Text),
            ("value", ColumnType::Text),
            ("time_us", ColumnType::Int),
            ("record_id", ColumnType::Id),
            ("tenant", ColumnType::Text),
        ];
        let own = calls.iter().flat_map(|call| {
            let Announced { time_us, record_id, tenant, .. } = &call.announced;
            let terms = call.terms().into_iter();
            terms.map(move |it| term(it, *record_id, Some((*time_us, tenant))))
        });
        let late = ends.iter().flat_map(|late| {
            let terms = late.end.terms().into_iter();
            terms.map(|it| term(it, late.call, None))
        });
        let rows = own.chain(late);
        self.copy("stage_terms", &columns, rows).await?;
        self.copy("stage_events", EventRow::COLUMNS, events.iter().map(Row::values)).await
    }

    async fn copy<'v>(
        &self,
        table: &str,
        columns: &[(&str, ColumnType)],
        rows: impl Iterator<Item = Vec<Value<'v>>>,
    ) -> Result<(), IndexError> {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        let copy = format!("COPY weir.{table} (batch, {}) FROM STDIN (FORMAT binary)", names.join(", "));
        let sink = self.on.copy_in(&copy).await.map_err(IndexError::postgres("copying"))?;
        let types: Vec<Type> =
            [Type::UUID].into_iter().chain(columns.iter().map(|(_, kind)| kind.postgres())).collect();
        let mut writer = std::pin::pin!(BinaryCopyInWriter::new(sink, &types));
        for row in rows {
            let values = std::iter::once(Value::Id(self.id)).chain(row).collect::<Vec<_>>();
            writer.as_mut().write_raw(values.iter()).await.map_err(IndexError::postgres("copying"))?;
        }
        writer.finish().await.map(drop).map_err(IndexError::postgres("copying"))
    }

    /// Moves the staged rows; the new number of orphans.
    async fn apply(&self) -> Result<u64, IndexError> {
        let Batch { lane, from, to, .. } = self.batch;
        let count = |it: u64| Value::Int(clamp(it));
        let params = [
            Value::Id(self.id),
            Value::Id(lane.source),
            Value::Int(i64::from(lane.lane)),
            count(from.seq),
            Value::Hash(from.hash),
            count(to.seq),
            Value::Hash(to.hash),
            Value::Int(to.time_us.0),
            count(to.skipped),
            count(to.intents),
            count(to.completions),
            count(to.abandoned),
            count(to.orphans),
        ];
        let params: Vec<_> = params.iter().map(|it| it as &(dyn ToSql + Sync)).collect();
        let call = "SELECT weir.apply($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let answer = self.on.query_one(call, &params).await;
        let orphans = answer.and_then(|row| row.try_get::<_, i64>(0)).map_err(|error| self.refused(error))?;
        u64::try_from(orphans).map_err(|_| IndexError::Damaged)
    }

    fn refused(&self, error: tokio_postgres::Error) -> IndexError {
        let lane = self.batch.lane.lane;
        let told = error.as_db_error().map(|it| (it.code().code(), it.message()));
        match told {
            Some((MOVED, _)) => IndexError::Moved { lane },
            Some((CONFLICT, seq)) => IndexError::Conflict { lane, seq: seq.parse().unwrap_or_default() },
            _ => IndexError::postgres("shipping")(error),
        }
    }
}
