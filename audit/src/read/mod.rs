//! Reading the log: all records in order, one call by id, or a page of calls; also while the writer runs.
//!
//! A reader takes no lock. It stops quietly where the writer has not finished; damage elsewhere is an error.

mod call;
mod frames;
mod kinds;
mod lanes;
mod list;
mod records;
mod tail;

use std::collections::HashMap;
use std::path::Path;

use uuid::Uuid;

pub use call::{Call, Ending};
pub(crate) use kinds::{of_kind, of_kind_since};
pub use lanes::{Cursor, lane_folders};
pub(crate) use lanes::{LANES, lane, lanes};
pub use list::{Filter, Page, list};
pub use records::{Records, iterate};
pub use tail::{Line, Tail};

use crate::error::AuditError;
use crate::record::{Kind, Record};
use crate::segment;
use frames::Frames;

/// What an id stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A call: the id is its intent's, or that of its end.
    Call(Box<Call>),
    /// A record that belongs to no call.
    Record(Box<Record>),
}

/// The call or the record with the id `id`.
///
/// Reads the log from its newest end, because an id carries no position; memory stays small.
///
/// # Errors
/// [`AuditError::Io`], and [`AuditError::Corrupt`] when a record that mentions the id can't be read.
pub fn find(dir: &Path, id: Uuid) -> Result<Option<Found>, AuditError> {
    for lane in lanes(dir) {
        if let Some(found) = find_in(&lane, id)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn find_in(dir: &Path, id: Uuid) -> Result<Option<Found>, AuditError> {
    let mut related = HashMap::new();
    let Some(record) = search(dir, id, &mut related)? else { return Ok(None) };
    if record.kind == Kind::Intent {
        let ending = related.remove(&id).map_or(Ending::Open, |end| Ending::Ended(Box::new(end)));
        return Ok(Some(Found::Call(Box::new(Call { intent: record, ending }))));
    }
    let Some(intent_id) = record.intent_id else { return Ok(Some(Found::Record(Box::new(record)))) };
    let intent = search(dir, intent_id, &mut HashMap::new())?;
    Ok(Some(match intent {
        Some(intent) => Found::Call(Box::new(Call { intent, ending: Ending::Ended(Box::new(record)) })),
        None => Found::Record(Box::new(record)),
    }))
}

/// The record with the id `id`; on the way, the ends that refer to it, by intent.
fn search(dir: &Path, id: Uuid, ends: &mut HashMap<Uuid, Record>) -> Result<Option<Record>, AuditError> {
    let needle = id.hyphenated().to_string();
    for (_, path) in segment::list(dir)?.iter().rev() {
        if !frames::mentions(path, needle.as_bytes())? {
            continue;
        }
        let frames = Frames::open(path)?;
        for index in (0..frames.len()).rev() {
            let Some(json) = frames.json(index)? else { continue };
            if memchr::memmem::find(&json, needle.as_bytes()).is_none() {
                continue;
            }
            let record = frames.parse(index, &json)?;
            if record.record_id == id {
                return Ok(Some(record));
            }
            if record.intent_id == Some(id) {
                ends.insert(id, record);
            }
        }
    }
    Ok(None)
}
