//! Writes batches: one transaction each, the position with it.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params, params_from_iter};
use uuid::Uuid;

use super::cells;
use super::open::{is_unusable, move_aside, writable};
use crate::batch::{Batch, LaneId, LateEnd, Reviewed, Watermark};
use crate::error::IndexError;
use crate::row::{CallRow, End, EventRow};
use crate::store::{Erasure, Store};
use crate::value::{Cell, LeafHash, Micros, Row, Value};

/// Calls dropped in one transaction, so that writing isn't held up for long.
const DROPPED_AT_ONCE: i64 = 10_000;

/// The writing side of the index; there should be one for a file, and a second does no harm.
pub struct SqliteStore {
    path: PathBuf,
    connection: Connection,
}

impl SqliteStore {
    /// Opens the file, makes it if there is none.
    ///
    /// # Errors
    /// [`IndexError::Sqlite`]. A file that can't be used is moved aside, which is told in the program's log.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        Ok(Self { path: path.to_owned(), connection: writable(path)? })
    }

    fn transaction(&mut self) -> Result<Transaction<'_>, IndexError> {
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        begun.map_err(IndexError::sqlite("writing"))
    }
}

impl Store for SqliteStore {
    fn watermark(&mut self, lane: LaneId) -> Result<Watermark, IndexError> {
        watermark(&self.connection, lane)
    }

    fn apply(&mut self, batch: &Batch) -> Result<Watermark, IndexError> {
        let transaction = self.transaction()?;
        if watermark(&transaction, batch.lane)? != batch.from {
            return Err(IndexError::Moved { lane: batch.lane.lane });
        }
        let writing = Writing { on: &transaction, lane: batch.lane };
        let mut to = batch.to;
        for call in &batch.calls {
            to.orphans += writing.call(call)?;
        }
        for late in &batch.ends {
            to.orphans += writing.end(late)?;
        }
        batch.events.iter().try_for_each(|event| writing.event(event))?;
        batch.reviews.iter().try_for_each(|review| writing.review(review))?;
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
        let transaction = self.transaction()?;
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
        let transaction = self.transaction()?;
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
            let transaction = self.transaction()?;
            let now = drop_some(&transaction, time)?;
            transaction.commit().map_err(IndexError::sqlite("pruning"))?;
            dropped += now;
            if now == 0 {
                return Ok(dropped);
            }
        }
    }
}

/// One batch's transaction.
struct Writing<'a> {
    on: &'a Transaction<'a>,
    lane: LaneId,
}

impl Writing<'_> {
    /// Writes a call; how many ends found no open call.
    fn call(&self, call: &CallRow) -> Result<u64, IndexError> {
        let mut call = call.clone();
        self.leave_out_the_erased(&mut call)?;
        call.marks.review = self.reviewed(call.announced.record_id)?.or(call.marks.review);
        let values = call.values();
        let names: Vec<_> = CallRow::columns().map(|(name, _)| *name).collect();
        if run(self.on, &insert("calls", &names, "record_id"), &values)? == 0 {
            return self.call_again(&call);
        }
        self.terms(
            call.terms(),
            call.announced.record_id,
            (call.announced.time_us.0, &call.announced.tenant),
        )?;
        Ok(0)
    }

    /// A call whose intent is indexed already: it must be the same one, and may have ended since.
    fn call_again(&self, call: &CallRow) -> Result<u64, IndexError> {
        let known: LeafHash =
            self.hash("SELECT intent_hash FROM calls WHERE record_id = $1", call.announced.record_id)?;
        if known != call.announced.intent_hash {
            return Err(self.conflict(call.announced.intent_seq));
        }
        match call.end.end_seq {
            Some(_) => self.end(&LateEnd { call: call.announced.record_id, end: call.end.clone() }),
            None => Ok(0),
        }
    }

    /// Ends a call that is indexed as open; 1 when there is none.
    fn end(&self, late: &LateEnd) -> Result<u64, IndexError> {
        let columns = End::COLUMNS;
        let set: Vec<_> =
            columns.iter().zip(1..).map(|((name, _), number)| format!("{name} = ${number}")).collect();
        let (review, id) = (columns.len() + 1, columns.len() + 2);
        let update = format!(
            "UPDATE calls SET {}, review = COALESCE(review, ${review}) \
             WHERE record_id = ${id} AND end_seq IS NULL RETURNING time_us, tenant",
            set.join(", ")
        );
        let mut values = late.end.values();
        values.extend([late.end.review().to_value(), Value::Id(late.call)]);
        let mut statement = self.on.prepare_cached(&update).map_err(IndexError::sqlite("writing"))?;
        let found = statement.query_row(params_from_iter(&values), |row| Ok((row.get(0)?, row.get(1)?)));
        let place: Option<(i64, String)> = found.optional().map_err(IndexError::sqlite("writing"))?;
        match place {
            Some((time, tenant)) => self.terms(late.end.terms(), late.call, (time, &tenant)).map(|()| 0),
            None => self.end_again(late),
        }
    }

    /// An end that found no open call: the same one again, or one too many.
    fn end_again(&self, late: &LateEnd) -> Result<u64, IndexError> {
        let known = "SELECT end_seq, end_hash FROM calls WHERE record_id = $1";
        let mut statement = self.on.prepare_cached(known).map_err(IndexError::sqlite("reading"))?;
        let found = statement
            .query_row([late.call.as_bytes()], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 32]>(1)?)));
        match found.optional().map_err(IndexError::sqlite("reading"))? {
            Some((seq, hash)) if Some(seq) == late.end.end_seq => {
                if Some(LeafHash(hash)) == late.end.end_hash { Ok(0) } else { Err(self.conflict(seq)) }
            }
            _ => Ok(1),
        }
    }

    fn event(&self, event: &EventRow) -> Result<(), IndexError> {
        let names: Vec<_> = EventRow::COLUMNS.iter().map(|(name, _)| *name).collect();
        if run(self.on, &insert("events", &names, "record_id"), &event.values())? == 0
            && self.hash("SELECT hash FROM events WHERE record_id = $1", event.record_id)? != event.hash
        {
            return Err(self.conflict(event.node_seq));
        }
        Ok(())
    }

    fn review(&self, review: &Reviewed) -> Result<(), IndexError> {
        let remember = "INSERT INTO reviews (call_id, state, time_us) VALUES ($1, $2, $3) ON CONFLICT (call_id) \
                        DO UPDATE SET state = excluded.state, time_us = excluded.time_us \
                        WHERE excluded.time_us >= reviews.time_us";
        let values = [Value::Id(review.call), Value::Text(review.state.clone()), Value::Int(review.time.0)];
        run(self.on, remember, &values)?;
        let set = "UPDATE calls SET review = (SELECT state FROM reviews WHERE call_id = record_id) WHERE record_id = $1";
        run(self.on, set, &[Value::Id(review.call)]).map(drop)
    }

    fn reviewed(&self, call: Uuid) -> Result<Option<String>, IndexError> {
        let find = "SELECT state FROM reviews WHERE call_id = $1";
        let mut statement = self.on.prepare_cached(find).map_err(IndexError::sqlite("reading"))?;
        let found = statement.query_row([call.as_bytes()], |row| row.get(0)).optional();
        found.map_err(IndexError::sqlite("reading"))
    }

    /// A call may be indexed after its subject's erasure: its lane was behind, or the index is built anew.
    fn leave_out_the_erased(&self, call: &mut CallRow) -> Result<(), IndexError> {
        let Some(subject_ref) = &call.announced.subject_ref else { return Ok(()) };
        let find =
            "SELECT MAX(time_us) FROM events WHERE kind = 'erasure' AND subject_ref = $1 AND tenant = $2";
        let mut statement = self.on.prepare_cached(find).map_err(IndexError::sqlite("reading"))?;
        let found: Option<i64> = statement
            .query_row(params![subject_ref, call.announced.tenant], |row| row.get(0))
            .map_err(IndexError::sqlite("reading"))?;
        if let Some(time) = found {
            call.announced.subject_ref = None;
            call.announced.conversation = None;
            call.marks.erased_us = Some(Micros(time));
        }
        Ok(())
    }

    /// Adds the terms of a call, which stands at this time and belongs to this tenant.
    fn terms(
        &self,
        terms: Vec<(&'static str, &str)>,
        call: Uuid,
        (time, tenant): (i64, &str),
    ) -> Result<(), IndexError> {
        let add = "INSERT OR IGNORE INTO terms (kind, value, time_us, record_id, tenant) VALUES ($1, $2, $3, $4, $5)";
        let mut statement = self.on.prepare_cached(add).map_err(IndexError::sqlite("writing"))?;
        for (kind, value) in terms {
            let added = statement.execute(params![kind, value, time, call.as_bytes(), tenant]);
            added.map_err(IndexError::sqlite("writing"))?;
        }
        Ok(())
    }

    fn hash(&self, select: &str, id: Uuid) -> Result<LeafHash, IndexError> {
        let mut statement = self.on.prepare_cached(select).map_err(IndexError::sqlite("reading"))?;
        let hash = statement.query_row([id.as_bytes()], |row| row.get(0));
        hash.map(LeafHash).map_err(IndexError::sqlite("reading"))
    }

    fn conflict(&self, seq: i64) -> IndexError {
        IndexError::Conflict { lane: self.lane.lane, seq: u64::try_from(seq).unwrap_or_default() }
    }
}

fn run(on: &Connection, statement: &str, values: &[Value]) -> Result<usize, IndexError> {
    let mut statement = on.prepare_cached(statement).map_err(IndexError::sqlite("writing"))?;
    statement.execute(params_from_iter(values)).map_err(IndexError::sqlite("writing"))
}

fn insert(table: &str, columns: &[&str], key: &str) -> String {
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
    let text = |it: &String| Value::Text(it.clone());
    let values = [Value::Int(erasure.time.0), text(&erasure.subject_ref), text(&erasure.tenant)];
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
