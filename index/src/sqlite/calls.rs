//! Writes the calls of a batch, by statements that are spelled once and stay at hand from one call to the next.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params, params_from_iter};
use uuid::Uuid;

use super::write::{conflict, insert, leaf_hash};
use crate::batch::{Batch, LaneId, LateEnd};
use crate::error::IndexError;
use crate::row::{Announced, CallRow, End};
use crate::value::{LeafHash, Micros, Row, Value};

const TERM: &str =
    "INSERT OR IGNORE INTO terms (kind, value, time_us, record_id, tenant) VALUES ($1, $2, $3, $4, $5)";
const REVIEWED: &str = "SELECT state FROM reviews WHERE call_id = $1";
const ERASED: &str =
    "SELECT MAX(time_us) FROM events WHERE kind = 'erasure' AND subject_ref = $1 AND tenant = $2";

/// The long statements.
pub(super) struct Spelled {
    call: String,
    end: String,
}

impl Spelled {
    pub(super) fn new() -> Self {
        let names: Vec<_> = CallRow::columns().map(|(name, _)| *name).collect();
        let columns = End::COLUMNS.iter().zip(1..);
        let set: Vec<_> = columns.map(|((name, _), number)| format!("{name} = ${number}")).collect();
        let (review, id) = (End::WIDTH + 1, End::WIDTH + 2);
        let end = format!(
            "UPDATE calls SET {}, review = COALESCE(review, ${review}) \
             WHERE record_id = ${id} AND end_seq IS NULL RETURNING time_us, tenant",
            set.join(", ")
        );
        Self { call: insert("calls", &names, "record_id"), end }
    }
}

/// Writes calls in one transaction.
pub(super) struct Calls<'a> {
    on: &'a Connection,
    lane: LaneId,
    call: CachedStatement<'a>,
    end: CachedStatement<'a>,
    term: CachedStatement<'a>,
    /// What was judged, and who was erased, before their calls came; none where there is nothing to look up.
    reviewed: Option<CachedStatement<'a>>,
    erased: Option<CachedStatement<'a>>,
}

impl<'a> Calls<'a> {
    pub(super) fn new(on: &'a Connection, spelled: &Spelled, lane: LaneId) -> Result<Self, IndexError> {
        let ready = |sql: &str| on.prepare_cached(sql).map_err(IndexError::sqlite("writing"));
        let ready_if = |any: &str, sql: &str| {
            let is_any = on.query_row(&format!("SELECT EXISTS ({any})"), [], |row| row.get::<_, bool>(0));
            is_any.map_err(IndexError::sqlite("reading"))?.then(|| ready(sql)).transpose()
        };
        Ok(Self {
            on,
            lane,
            call: ready(&spelled.call)?,
            end: ready(&spelled.end)?,
            term: ready(TERM)?,
            reviewed: ready_if("SELECT 1 FROM reviews", REVIEWED)?,
            erased: ready_if("SELECT 1 FROM events WHERE kind = 'erasure'", ERASED)?,
        })
    }

    /// Writes the calls and ends of a batch; how many ends found no open call.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<u64, IndexError> {
        let mut orphans = 0;
        for call in &batch.calls {
            orphans += self.call(call)?;
        }
        for late in &batch.ends {
            orphans += self.end(late)?;
        }
        Ok(orphans)
    }

    /// Writes a call; how many ends found no open call.
    fn call(&mut self, call: &CallRow) -> Result<u64, IndexError> {
        let changed = self.looked_up(call)?;
        let call = changed.as_ref().unwrap_or(call);
        let added = self.call.execute(params_from_iter(call.values()));
        if added.map_err(IndexError::sqlite("writing"))? == 0 {
            return self.call_again(call);
        }
        let Announced { record_id, time_us, tenant, .. } = &call.announced;
        self.terms(call.terms(), *record_id, (time_us.0, tenant)).map(|()| 0)
    }

    /// The call as it has to stand, where something was said about it before: it was judged, or its subject erased,
    /// while its lane was behind or before the index was built anew.
    fn looked_up(&mut self, call: &CallRow) -> Result<Option<CallRow>, IndexError> {
        let mut changed = None;
        if let Some(statement) = &mut self.reviewed {
            let id = call.announced.record_id;
            let state = statement.query_row([id.as_bytes()], |row| row.get(0)).optional();
            if let Some(state) = state.map_err(IndexError::sqlite("reading"))? {
                changed.get_or_insert_with(|| call.clone()).marks.review = Some(state);
            }
        }
        if let (Some(statement), Some(subject)) = (&mut self.erased, &call.announced.subject_ref) {
            let time: Result<Option<i64>, _> =
                statement.query_row(params![subject, call.announced.tenant], |row| row.get(0));
            if let Some(time) = time.map_err(IndexError::sqlite("reading"))? {
                let call = changed.get_or_insert_with(|| call.clone());
                (call.announced.subject_ref, call.announced.conversation) = (None, None);
                call.marks.erased_us = Some(Micros(time));
            }
        }
        Ok(changed)
    }

    /// A call whose intent is indexed already: it must be the same one, and may have ended since.
    fn call_again(&mut self, call: &CallRow) -> Result<u64, IndexError> {
        let find = "SELECT intent_hash FROM calls WHERE record_id = $1";
        let known = leaf_hash(self.on, find, call.announced.record_id)?;
        if known != call.announced.intent_hash {
            return Err(conflict(self.lane, call.announced.intent_seq));
        }
        match call.end.end_seq {
            Some(_) => self.end(&LateEnd { call: call.announced.record_id, end: call.end.clone() }),
            None => Ok(0),
        }
    }

    /// Ends a call that is indexed as open; 1 when there is none.
    fn end(&mut self, late: &LateEnd) -> Result<u64, IndexError> {
        let mut values = late.end.values();
        values.push(late.end.review().map_or(Value::Null, |it| Value::Text(it.into())));
        values.push(Value::Id(late.call));
        let place = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found = self.end.query_row(params_from_iter(values), place).optional();
        let found: Option<(i64, String)> = found.map_err(IndexError::sqlite("writing"))?;
        match found {
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
                if Some(LeafHash(hash)) == late.end.end_hash { Ok(0) } else { Err(conflict(self.lane, seq)) }
            }
            _ => Ok(1),
        }
    }

    /// Adds the terms of a call, which stands at this time and belongs to this tenant.
    fn terms(
        &mut self,
        terms: Vec<(&'static str, &str)>,
        call: Uuid,
        (time, tenant): (i64, &str),
    ) -> Result<(), IndexError> {
        for (kind, value) in terms {
            let added = self.term.execute(params![kind, value, time, call.as_bytes(), tenant]);
            added.map_err(IndexError::sqlite("writing"))?;
        }
        Ok(())
    }
}
