//! Every record of the log in order, checked as it is read.

use std::path::{Path, PathBuf};

use crate::error::AuditError;
use crate::record::Record;
use crate::segment::{self, HEADER, Header};

/// All records of the log in `dir`, oldest first.
///
/// Checks each frame's checksum and that the records' numbers have no gap. Ends quietly at the unfinished end of
/// the newest segment. Holds one segment in memory.
///
/// # Errors
/// [`AuditError::Io`] when the folder can't be read; [`AuditError::Corrupt`] when its beginning is missing.
pub fn iterate(dir: &Path) -> Result<Records, AuditError> {
    let mut segments = segment::list(dir)?;
    if let Some((first, _)) = segments.first() {
        segment::check_first(dir, *first)?;
    }
    segments.reverse();
    Ok(Records { segments, path: PathBuf::new(), bytes: Vec::new(), at: 0, next_seq: None })
}

/// An iterator over all records; after an error it ends.
pub struct Records {
    /// Segments still to be read, newest first.
    segments: Vec<(u64, PathBuf)>,
    path: PathBuf,
    bytes: Vec<u8>,
    at: usize,
    next_seq: Option<u64>,
}

impl Iterator for Records {
    type Item = Result<Record, AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance().transpose();
        if let Some(Err(_)) = next {
            self.segments.clear();
            self.bytes.clear();
            self.at = 0;
        }
        next
    }
}

impl Records {
    fn advance(&mut self) -> Result<Option<Record>, AuditError> {
        while self.at >= self.bytes.len() {
            if !self.open_next()? {
                return Ok(None);
            }
        }
        let Some(frame) = self.bytes.get(self.at..).and_then(segment::frame) else {
            if !self.segments.is_empty() || segment::is_damaged(&self.bytes, self.at) {
                return Err(self.corrupt("a bad frame"));
            }
            self.at = self.bytes.len();
            return Ok(None);
        };
        let record = Record::parse(frame.json).map_err(|_| self.corrupt("a frame holds no record"))?;
        if self.next_seq.is_some_and(|seq| seq != record.node_seq) {
            return Err(self.corrupt("the record's number does not follow the one before"));
        }
        self.at += frame.len();
        self.next_seq = Some(record.node_seq + 1);
        Ok(Some(record))
    }

    fn open_next(&mut self) -> Result<bool, AuditError> {
        let Some((first_seq, path)) = self.segments.pop() else { return Ok(false) };
        self.bytes = std::fs::read(&path).map_err(AuditError::io("reading", &path))?;
        (self.path, self.at) = (path, 0);
        let header = match Header::decode(&self.bytes) {
            Ok(header) => header,
            Err(_) if self.segments.is_empty() && self.bytes.len() < HEADER => {
                self.bytes.clear();
                return Ok(false);
            }
            Err(reason) => return Err(self.corrupt(reason)),
        };
        if header.first_seq != first_seq || self.next_seq.is_some_and(|seq| seq != first_seq) {
            return Err(self.corrupt("its first record number does not follow the segment before"));
        }
        self.next_seq = Some(first_seq);
        self.at = HEADER;
        Ok(true)
    }

    fn corrupt(&self, reason: &'static str) -> AuditError {
        AuditError::Corrupt { path: self.path.clone(), offset: self.at as u64, reason }
    }
}
