//! Opening a log: check what is there, cut the tail that a crash tore, find the calls that never ended.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use uuid::Uuid;

use crate::error::AuditError;
use crate::options::{Options, Verify, day_of};
use crate::record::Kind;
use crate::segment::{self, HEADER, Header};
use crate::text::{Stamp, Text};
use crate::writer::{CLOSED, Head, begin_segment};

/// What recovery found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Records in the log before this run.
    pub records: u64,
    /// Bytes of a torn tail that were cut; no acknowledged record was among them.
    pub torn_bytes: u64,
    /// Calls that had no end and now have an `abandoned` record.
    pub abandoned: u64,
    /// This run of the writer.
    pub boot_id: Uuid,
}

/// A call without an end.
pub(crate) struct OpenCall {
    pub intent_id: Uuid,
    pub tenant: Text,
    pub seq: u64,
}

/// Checks the log in `dir`, cuts a torn tail, and opens its last segment for writing.
pub(crate) fn recover(dir: &Path, options: &Options) -> Result<(Head, Recovery, Vec<OpenCall>), AuditError> {
    segment::finish_pruning(dir)?;
    let mut segments = segment::list(dir)?;
    drop_unborn(&mut segments)?;
    segment::check_first(dir, segments.first().map_or(1, |(first, _)| *first))?;
    let Some(&(first, _)) = segments.first() else {
        let header = Header { first_seq: 1, oldest_open: 1 };
        check_closed_mark(dir, 0, 0)?;
        let (path, file) = begin_segment(dir, options, header)?;
        let (length, day) = (HEADER as u64, day_of(options.ambient.wall()));
        let head = Head { path, file, first_seq: 1, length, next_seq: 1, day, open: HashMap::new() };
        return Ok((head, Recovery::default(), Vec::new()));
    };
    let scan = Scan::over(&segments, options.verify)?;
    check_closed_mark(dir, scan.first_seq, scan.good)?;
    let file = options.disk.append(&scan.path, scan.good);
    let file = file.map_err(AuditError::io("opening", &scan.path))?;
    let recovery = Recovery {
        records: scan.next_seq - first,
        torn_bytes: scan.length - scan.good,
        ..Recovery::default()
    };
    let open = scan.open.iter().map(|(id, (seq, _))| (*id, *seq)).collect();
    let mut calls: Vec<OpenCall> =
        scan.open.into_iter().map(|(intent_id, (seq, tenant))| OpenCall { intent_id, tenant, seq }).collect();
    calls.sort_by_key(|call| call.seq);
    let head = Head {
        path: scan.path,
        file,
        first_seq: scan.first_seq,
        length: scan.good,
        next_seq: scan.next_seq,
        day: scan.day.unwrap_or(day_of(options.ambient.wall())),
        open,
    };
    Ok((head, recovery, calls))
}

/// Removes a last segment whose header never became durable: no record can have followed it.
fn drop_unborn(segments: &mut Vec<(u64, PathBuf)>) -> Result<(), AuditError> {
    let Some((_, path)) = segments.last() else { return Ok(()) };
    let bytes = read(path)?;
    if bytes.len() <= HEADER && Header::decode(&bytes).is_err() {
        fs::remove_file(path).map_err(AuditError::io("removing", path))?;
        segments.pop();
    }
    Ok(())
}

/// The part of a record that recovery looks at.
#[derive(Deserialize)]
struct Outline<'a> {
    intent_id: Option<Uuid>,
    kind: Kind,
    node_seq: u64,
    record_id: Uuid,
    #[serde(borrow)]
    tenant: Cow<'a, str>,
    time: Stamp,
}

/// What a pass over the segments has found so far.
struct Scan {
    path: PathBuf,
    first_seq: u64,
    /// Bytes of the last segment, and those of them that are whole frames.
    length: u64,
    good: u64,
    next_seq: u64,
    /// Day of the last segment's first record.
    day: Option<u32>,
    open: HashMap<Uuid, (u64, Text)>,
}

impl Scan {
    fn over(segments: &[(u64, PathBuf)], verify: Verify) -> Result<Self, AuditError> {
        let start = match verify {
            Verify::All => 0,
            Verify::Recent => first_of_interest(segments)?,
        };
        let mut scan = Self {
            path: PathBuf::new(),
            first_seq: 0,
            length: 0,
            good: 0,
            next_seq: segments.get(start).map_or(1, |(seq, _)| *seq),
            day: None,
            open: HashMap::new(),
        };
        for (index, (first_seq, path)) in segments.iter().enumerate().skip(start) {
            scan.segment(*first_seq, path)?;
            if scan.good != scan.length && index + 1 != segments.len() {
                return Err(scan.corrupt(scan.good, "a bad frame before the last segment"));
            }
        }
        Ok(scan)
    }

    fn segment(&mut self, first_seq: u64, path: &Path) -> Result<(), AuditError> {
        let bytes = read(path)?;
        path.clone_into(&mut self.path);
        let header = Header::decode(&bytes).map_err(|reason| self.corrupt(0, reason))?;
        if header.first_seq != first_seq || first_seq != self.next_seq {
            return Err(self.corrupt(0, "its first record number does not follow the segment before"));
        }
        self.day = None;
        let mut at = HEADER;
        while let Some(frame) = bytes.get(at..).and_then(segment::frame) {
            self.record(frame.json).map_err(|reason| self.corrupt(at, reason))?;
            at += frame.len();
        }
        (self.first_seq, self.length, self.good) = (first_seq, bytes.len() as u64, at as u64);
        if at < bytes.len() && segment::is_damaged(&bytes, at) {
            return Err(self.corrupt(at, "a bad frame before records that were written later"));
        }
        Ok(())
    }

    fn record(&mut self, json: &[u8]) -> Result<(), &'static str> {
        let outline: Outline<'_> = serde_json::from_slice(json).map_err(|_| "a frame holds no record")?;
        if outline.node_seq != self.next_seq {
            return Err("the record's number does not follow the one before");
        }
        match (outline.kind, outline.intent_id) {
            (Kind::Intent, _) => {
                let tenant = Text::from(outline.tenant.into_owned());
                self.open.insert(outline.record_id, (outline.node_seq, tenant));
            }
            (_, Some(intent_id)) => drop(self.open.remove(&intent_id)),
            (_, None) => {}
        }
        self.day.get_or_insert(day_of(outline.time.time()));
        self.next_seq += 1;
        Ok(())
    }

    fn corrupt(&self, offset: impl TryInto<u64>, reason: &'static str) -> AuditError {
        let offset = offset.try_into().unwrap_or(u64::MAX);
        AuditError::Corrupt { path: self.path.clone(), offset, reason }
    }
}

/// Index of the segment that holds the oldest intent which may still be open.
fn first_of_interest(segments: &[(u64, PathBuf)]) -> Result<usize, AuditError> {
    let Some((_, path)) = segments.last() else { return Ok(0) };
    let header = Header::decode(&read_head(path)?).map_err(|reason| AuditError::Corrupt {
        path: path.clone(),
        offset: 0,
        reason,
    })?;
    Ok(segments.partition_point(|(seq, _)| *seq <= header.oldest_open).saturating_sub(1))
}

/// The mark of an orderly close says how long the log was; a shorter one has lost acknowledged records.
fn check_closed_mark(dir: &Path, last_seq: u64, good: u64) -> Result<(), AuditError> {
    let path = dir.join(CLOSED);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(AuditError::io("reading", &path)(error)),
    };
    let mut numbers = text.split_whitespace().map_while(|word| word.parse::<u64>().ok());
    let (Some(seq), Some(length)) = (numbers.next(), numbers.next()) else {
        return Err(AuditError::Corrupt {
            path,
            offset: 0,
            reason: "the mark of the last close is unreadable",
        });
    };
    if last_seq < seq || (last_seq == seq && good < length) {
        let reason = "records that were there at the last close are missing or damaged";
        return Err(AuditError::Corrupt { path: segment::path(dir, seq), offset: good, reason });
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, AuditError> {
    fs::read(path).map_err(AuditError::io("reading", path))
}

fn read_head(path: &Path) -> Result<Vec<u8>, AuditError> {
    use std::io::Read;
    let mut bytes = Vec::with_capacity(HEADER);
    let file = fs::File::open(path).map_err(AuditError::io("opening", path))?;
    file.take(HEADER as u64).read_to_end(&mut bytes).map_err(AuditError::io("reading", path))?;
    Ok(bytes)
}
