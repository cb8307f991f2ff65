//! The frames of one segment by number, read one at a time, so that a page costs little memory.

use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::AuditError;
use crate::record::{MAX_RECORD, Record};
use crate::segment::{self, FRAME, HEADER, Header};

/// Where the frames of a segment stand.
pub(super) struct Frames {
    path: PathBuf,
    file: File,
    places: Vec<(u64, usize)>,
    first_seq: u64,
}

impl Frames {
    /// Finds the frames of a segment by their lengths; checksums are looked at when a frame is read.
    pub(super) fn open(path: &Path) -> Result<Self, AuditError> {
        let file = File::open(path).map_err(AuditError::io("opening", path))?;
        let mut reader = BufReader::with_capacity(256 << 10, &file);
        let mut head = Vec::with_capacity(HEADER);
        reader
            .by_ref()
            .take(HEADER as u64)
            .read_to_end(&mut head)
            .map_err(AuditError::io("reading", path))?;
        let (places, first_seq) = match Header::decode(&head) {
            Ok(header) => (places(&mut reader, path)?, header.first_seq),
            Err(_) if head.len() < HEADER => (Vec::new(), 0),
            Err(reason) => return Err(AuditError::Corrupt { path: path.to_owned(), offset: 0, reason }),
        };
        Ok(Self { path: path.to_owned(), file, places, first_seq })
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// `node_seq` of the frame `index`.
    pub(super) fn seq(&self, index: usize) -> u64 {
        self.first_seq + index as u64
    }

    /// The JSON of the frame `index`; `None` if it is the last one and still being written.
    pub(super) fn json(&self, index: usize) -> Result<Option<Vec<u8>>, AuditError> {
        let Some(&(offset, size)) = self.places.get(index) else { return Ok(None) };
        let mut bytes = vec![0; size];
        self.file.read_exact_at(&mut bytes, offset).map_err(AuditError::io("reading", &self.path))?;
        match segment::frame(&bytes) {
            Some(_) => Ok(Some(bytes.split_off(FRAME))),
            None if self.is_unfinished(offset)? => Ok(None),
            None => Err(self.corrupt(index, "a frame's checksum is wrong")),
        }
    }

    /// The record in the JSON of the frame `index`.
    pub(super) fn parse(&self, index: usize, json: &[u8]) -> Result<Record, AuditError> {
        Record::parse(json).map_err(|_| self.corrupt(index, "a frame holds no record"))
    }

    fn is_unfinished(&self, offset: u64) -> Result<bool, AuditError> {
        let is_newest = match self.path.parent() {
            Some(dir) => segment::list(dir)?.last().is_some_and(|(_, path)| *path == self.path),
            None => true,
        };
        if !is_newest {
            return Ok(false);
        }
        let bytes = std::fs::read(&self.path).map_err(AuditError::io("reading", &self.path))?;
        Ok(usize::try_from(offset).is_ok_and(|at| !segment::is_damaged(&bytes, at)))
    }

    fn corrupt(&self, index: usize, reason: &'static str) -> AuditError {
        let offset = self.places.get(index).map_or(0, |(offset, _)| *offset);
        AuditError::Corrupt { path: self.path.clone(), offset, reason }
    }
}

fn places(reader: &mut BufReader<&File>, path: &Path) -> Result<Vec<(u64, usize)>, AuditError> {
    let end = reader.get_ref().metadata().map_err(AuditError::io("reading", path))?.len();
    let mut places = Vec::new();
    let mut offset = HEADER as u64;
    loop {
        let mut head = [0; 4];
        match reader.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(places),
            Err(error) => return Err(AuditError::io("reading", path)(error)),
        }
        let size = u32::from_le_bytes(head);
        let length = FRAME as u64 + u64::from(size);
        if size == 0 || size as usize > MAX_RECORD * 2 || offset + length > end {
            return Ok(places);
        }
        places.push((offset, FRAME + size as usize));
        offset += length;
        let skip = i64::from(size) + FRAME as i64 - 4;
        reader.seek_relative(skip).map_err(AuditError::io("reading", path))?;
    }
}

/// Whether `needle` occurs anywhere in the file.
pub(super) fn mentions(path: &Path, needle: &[u8]) -> Result<bool, AuditError> {
    let mut file = File::open(path).map_err(AuditError::io("opening", path))?;
    let finder = memchr::memmem::Finder::new(needle);
    let mut buffer = vec![0; 1 << 20];
    let mut kept = 0;
    loop {
        let free = buffer.get_mut(kept..).unwrap_or_default();
        let read = file.read(free).map_err(AuditError::io("reading", path))?;
        let filled = kept + read;
        if finder.find(buffer.get(..filled).unwrap_or_default()).is_some() {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        kept = filled.min(needle.len().saturating_sub(1));
        buffer.copy_within(filled - kept..filled, 0);
    }
}
