//! The few records of one kind among many.

use std::path::Path;
use std::time::SystemTime;

use memchr::memmem;

use super::lanes::lanes;
use super::tail::Tail;
use crate::error::AuditError;
use crate::record::{Kind, Record};
use crate::segment;

/// Records looked at in one go.
const BATCH: usize = 4096;

/// All records of a kind, by lane and in each lane's order. Reads the whole log, but parses little of it.
pub(crate) fn of_kind(dir: &Path, kind: Kind) -> Result<Vec<Vec<Record>>, AuditError> {
    of_kind_since(dir, kind, SystemTime::UNIX_EPOCH)
}

/// The records of a kind from a time on, and some from before: whole segments are left out, no single records.
pub(crate) fn of_kind_since(
    dir: &Path,
    kind: Kind,
    since: SystemTime,
) -> Result<Vec<Vec<Record>>, AuditError> {
    let needle = format!("\"kind\":\"{}\"", kind.as_str());
    let finder = memmem::Finder::new(needle.as_bytes());
    let mut found = Vec::new();
    for lane in lanes(dir) {
        let (mut tail, mut records) = (Tail::open(&lane, before(&lane, since)?), Vec::new());
        loop {
            let lines = tail.next(BATCH, u64::MAX)?;
            if lines.is_empty() {
                break;
            }
            for line in lines.iter().filter(|line| finder.find(&line.json).is_some()) {
                let reason = "a frame holds no record";
                let corrupt = |_| AuditError::Corrupt { path: lane.clone(), offset: line.seq, reason };
                // A body has texts too: what only looks like the kind is told apart here.
                let record = Record::parse(&line.json).map_err(corrupt)?;
                records.extend((record.kind == kind).then_some(record));
            }
        }
        found.push(records);
    }
    Ok(found)
}

/// The last record of a lane behind which all that was written from `since` on stands: the one before the newest
/// segment that began earlier. A clock that was set back only makes it go further.
fn before(lane: &Path, since: SystemTime) -> Result<u64, AuditError> {
    if since == SystemTime::UNIX_EPOCH {
        return Ok(0);
    }
    for (first_seq, _) in segment::list(lane)?.into_iter().rev() {
        let first = Tail::open(lane, first_seq.saturating_sub(1)).next(1, u64::MAX)?.pop();
        let time = first.and_then(|line| Record::parse(&line.json).ok()).map(|record| record.time.time());
        if time.is_some_and(|time| time < since) {
            return Ok(first_seq.saturating_sub(1));
        }
    }
    Ok(0)
}
