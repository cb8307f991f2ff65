//! Writes batches: one transaction each, the position with it.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior, params, params_from_iter};
use uuid::Uuid;

use super::calls::{Calls, Spelled};
use super::cells;
use super::open::{is_unusable, move_aside, writable};
use crate::batch::{Batch, LaneId, Reviewed, Watermark};
use crate::error::IndexError;
use crate::row::EventRow;
use crate::store::{Erasure, Store};
use crate::value::{LeafHash, Micros, Row, Value};

/// Calls dropped in one transaction, so that writing isn't held up for long.
const DROPPED_AT_ONCE: i64 = 10_000;

/// The writing side of the index; there should be one for a file, and a second does no harm.
pub struct SqliteStore {
    path: PathBuf,
    connection: Connection,
    spelled: Spelled,
}

impl SqliteStore {
    /// Opens the file, makes it if there is none.
    ///
    /// # Errors
    /// [`IndexError::Sqlite`]. A file that can't be used is moved aside, which is told in the program's log.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        Ok(Self { path: path.to_owned(), connection: writable(path)?, spelled: Spelled::new() })
    }
}

impl Store for SqliteStore {
    fn watermark(&mut self, lane: LaneId) -> Result<Watermark, IndexError> {
        watermark(&self.connection, lane)
    }

    fn apply(&mut self, batch: &Batch) -> Result<Watermark, IndexError> {
        let transaction = begin(&mut self.connection)?;
        if watermark(&transaction, batch.lane)? != batch.from {
            return Err(IndexError::Moved { lane: batch.lane.lane });
        }
        let mut to = batch.to;
        to.orphans += Calls::new(&transaction, &self.spelled, batch.lane)?.write(batch)?;
        batch.events.iter().try_for_each(|event| add_event(&transaction, event, batch.lane))?;
        batch.reviews.iter().try_for_each(|review| judge(&transaction, review))?;
        batch.erasures.iter().try_for_each(|it| erase(&transaction, it).map(drop))?;
        set_watermark(&transaction, batch.lane, &to)?;
        transaction.commit().map_err(IndexError::sqlite("committing"))?;
        Ok(to)
    }

    fn restore(&mut self, failure: &IndexError) -> Result<(), IndexError> {
        if is_unusable(failure) {
            move_aside(&self.path, failure)?;
            self.connection = writable(&self.path)?;
        }
        Ok(())
    }

    fn clear(&mut self, source: Uuid) -> Result<(), IndexError> {
        let transaction = begin(&mut self.connection)?;
        let terms = "DELETE FROM terms WHERE EXISTS (SELECT 1 FROM calls c \
                     WHERE c.record_id = terms.record_id AND c.source = $1)";
        let reviews = "DELETE FROM reviews WHERE EXISTS (SELECT 1 FROM events e \
                       WHERE e.call_id = reviews.call_id AND e.source = $1)";
        let rows = ["calls", "events", "watermarks"].map(|it| format!("DELETE FROM {it} WHERE source = $1"));
        for statement in [terms, reviews].into_iter().chain(rows.iter().map(String::as_str)) {
            run(&transaction, statement, &[Value::Id(source)])?;
        }
        transaction.commit().map_err(IndexError::sqlite("clearing"))
    }

    fn erase(&mut self, erasure: &Erasure) -> Result<u64, IndexError> {
        let transaction = begin(&mut self.connection)?;
        let changed = erase(&transaction, erasure)?;
        transaction.commit().map_err(IndexError::sqlite("erasing in"))?;
        // What the write-ahead log still holds of the rows goes too; a reader at work may keep it a little longer.
        let cleaned = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        cleaned.map_err(IndexError::sqlite("erasing in"))?;
        Ok(changed)
    }

    fn drop_before(&mut self, time: Micros) -> Result<u64, IndexError> {
        let mut dropped = 0;
        loop {
            let transaction = begin(&mut self.connection)?;
            let now = drop_some(&transaction, time)?;
            transaction.commit().map_err(IndexError::sqlite("pruning"))?;
            dropped += now;
            if now == 0 {
                return Ok(dropped);
            }
        }
    }
}

fn begin(connection: &mut Connection) -> Result<Transaction<'_>, IndexError> {
    let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
    begun.map_err(IndexError::sqlite("writing"))
}

fn add_event(on: &Connection, event: &EventRow, lane: LaneId) -> Result<(), IndexError> {
    let names: Vec<_> = EventRow::COLUMNS.iter().map(|(name, _)| *name).collect();
    if run(on, &insert("events", &names, "record_id"), &event.values())? == 0
        && leaf_hash(on, "SELECT hash FROM events WHERE record_id = $1", event.record_id)? != event.hash
    {
        return Err(conflict(lane, event.node_seq));
    }
    Ok(())
}

fn judge(on: &Connection, review: &Reviewed) -> Result<(), IndexError> {
    let remember = "INSERT INTO reviews (call_id, state, time_us) VALUES ($1, $2, $3) ON CONFLICT (call_id) \
                    DO UPDATE SET state = excluded.state, time_us = excluded.time_us \
                    WHERE excluded.time_us >= reviews.time_us";
    let state = Value::Text(review.state.as_str().into());
    run(on, remember, &[Value::Id(review.call), state, Value::Int(review.time.0)])?;
    let set = "UPDATE calls SET review = (SELECT state FROM reviews WHERE call_id = record_id) WHERE record_id = $1";
    run(on, set, &[Value::Id(review.call)]).map(drop)
}

/// The leaf hash that `select` finds for an id.
pub(super) fn leaf_hash(on: &Connection, select: &str, id: Uuid) -> Result<LeafHash, IndexError> {
    let mut statement = on.prepare_cached(select).map_err(IndexError::sqlite("reading"))?;
    let hash = statement.query_row([id.as_bytes()], |row| row.get(0));
    hash.map(LeafHash).map_err(IndexError::sqlite("reading"))
}

pub(super) fn conflict(lane: LaneId, seq: i64) -> IndexError {
    IndexError::Conflict { lane: lane.lane, seq: u64::try_from(seq).unwrap_or_default() }
}

fn run(on: &Connection, statement: &str, values: &[Value<'_>]) -> Result<usize, IndexError> {
    let mut statement = on.prepare_cached(statement).map_err(IndexError::sqlite("writing"))?;
    statement.execute(params_from_iter(values)).map_err(IndexError::sqlite("writing"))
}

pub(super) fn insert(table: &str, columns: &[&str], key: &str) -> String {
    let places: Vec<_> = (1..=columns.len()).map(|number| format!("${number}")).collect();
    let (columns, places) = (columns.join(", "), places.join(", "));
    format!("INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT ({key}) DO NOTHING")
}

fn watermark(on: &Connection, lane: LaneId) -> Result<Watermark, IndexError> {
    let names: Vec<_> = Watermark::COLUMNS.iter().map(|(name, _)| *name).collect();
    let select = format!("SELECT {} FROM watermarks WHERE source = $1 AND lane = $2", names.join(", "));
    let mut statement = on.prepare_cached(&select).map_err(IndexError::sqlite("reading"))?;
    let mut rows =
        statement.query(params![lane.source.as_bytes(), lane.lane]).map_err(IndexError::sqlite("reading"))?;
    let Some(row) = rows.next().map_err(IndexError::sqlite("reading"))? else {
        return Ok(Watermark::default());
    };
    let values = cells(row, Watermark::COLUMNS.iter().map(|(_, kind)| *kind))?;
    Watermark::from_values(&mut values.into_iter()).ok_or(IndexError::Damaged)
}

fn set_watermark(on: &Connection, lane: LaneId, to: &Watermark) -> Result<(), IndexError> {
    let mut names: Vec<_> = Watermark::COLUMNS.iter().map(|(name, _)| *name).collect();
    names.extend(["source", "lane"]);
    let mut values = to.values();
    values.extend([Value::Id(lane.source), Value::Int(i64::from(lane.lane))]);
    let set = insert("watermarks", &names, "source, lane").replace("INSERT", "INSERT OR REPLACE");
    let set = set.replace(" ON CONFLICT (source, lane) DO NOTHING", "");
    run(on, &set, &values).map(drop)
}

fn erase(on: &Connection, erasure: &Erasure) -> Result<u64, IndexError> {
    let update = "UPDATE calls SET erased_us = $1, subject_ref = NULL, conversation = NULL \
                  WHERE subject_ref = $2 AND tenant = $3";
    let (subject, tenant) = (erasure.subject_ref.as_str().into(), erasure.tenant.as_str().into());
    let values = [Value::Int(erasure.time.0), Value::Text(subject), Value::Text(tenant)];
    run(on, update, &values).map(|changed| changed as u64)
}

/// Drops some calls announced before `time`, and once there are none left the events before it.
fn drop_some(on: &Connection, time: Micros) -> Result<u64, IndexError> {
    let some = "SELECT record_id FROM calls WHERE time_us < $1 ORDER BY time_us, record_id LIMIT $2";
    let values = [Value::Int(time.0), Value::Int(DROPPED_AT_ONCE)];
    let count = format!(
        "UPDATE watermarks SET pruned = pruned + (SELECT COUNT(*) FROM calls c WHERE c.source = watermarks.source \
         AND c.lane = watermarks.lane AND c.record_id IN ({some}))"
    );
    run(on, &count, &values)?;
    for table in ["terms", "reviews", "calls"] {
        let id = if table == "reviews" { "call_id" } else { "record_id" };
        let dropped = run(on, &format!("DELETE FROM {table} WHERE {id} IN ({some})"), &values)?;
        if table == "calls" && dropped > 0 {
            return Ok(dropped as u64);
        }
    }
    // An erasure must outlive the calls it is about: the index may be built anew from a log that still has them.
    run(on, "DELETE FROM events WHERE time_us < $1 AND kind <> 'erasure'", &[Value::Int(time.0)])?;
    Ok(0)
}
