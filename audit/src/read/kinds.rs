//! The few records of one kind among many.

use std::path::Path;

use memchr::memmem;

use super::lanes::lanes;
use super::tail::Tail;
use crate::error::AuditError;
use crate::record::{Kind, Record};

/// Records looked at in one go.
const BATCH: usize = 4096;

/// All records of a kind, by lane and in each lane's order. Reads the whole log, but parses little of it.
pub(crate) fn of_kind(dir: &Path, kind: Kind) -> Result<Vec<Vec<Record>>, AuditError> {
    let needle = format!("\"kind\":\"{}\"", kind.as_str());
    let finder = memmem::Finder::new(needle.as_bytes());
    let mut found = Vec::new();
    for lane in lanes(dir) {
        let (mut tail, mut records) = (Tail::open(&lane, 0), Vec::new());
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
