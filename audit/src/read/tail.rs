//! Follows a log: the records behind a position, again and again, as bytes and in order.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::AuditError;
use crate::segment::{self, HEADER, Header};

/// Most bytes read at once; many times the largest frame.
const CHUNK: usize = 256 << 10;

/// One record of the log, as it is spelled there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its `node_seq`.
    pub seq: u64,
    /// Its canonical JSON.
    pub json: Vec<u8>,
}

/// What is shown a record: its `node_seq` and its canonical JSON.
pub type Visit<'a, E> = dyn FnMut(u64, &[u8]) -> Result<(), E> + 'a;

/// Reads one lane of a log from a position on. Holds a quarter of a mebibyte in memory, takes no lock,
/// and may be asked again at any time.
///
/// While a writer runs, only [`crate::Log::durable_seq`] says which records a loss of power can't take back; a
/// reader that acts on what it reads must pass it as `until`.
pub struct Tail {
    dir: PathBuf,
    /// First record that is yet to be given.
    next_seq: u64,
    place: Option<Place>,
    /// What is read goes here: memory that is asked for anew has to be cleared first, which costs more than reading.
    buffer: Vec<u8>,
}

/// Where the next frame is expected.
struct Place {
    path: PathBuf,
    offset: u64,
}

impl Tail {
    /// Follows the lane in the folder `dir` behind the record `after`; 0 stands for its beginning.
    pub fn open(dir: &Path, after: u64) -> Self {
        Self { dir: dir.to_owned(), next_seq: after + 1, place: None, buffer: Vec::new() }
    }

    /// `node_seq` of the last record given; what [`Tail::open`] takes to go on from here.
    pub fn position(&self) -> u64 {
        self.next_seq - 1
    }

    /// The next records that are there, at most `max` and none behind `until`; empty when there are none now.
    /// A position before the oldest record that retention has kept goes on with that record.
    ///
    /// # Errors
    /// [`AuditError::Io`], and [`AuditError::Corrupt`] where damage, not an unfinished write, is in the way. What
    /// stands before it is given first; the position never passes a record that was not given.
    pub fn next(&mut self, max: usize, until: u64) -> Result<Vec<Line>, AuditError> {
        let mut lines = Vec::new();
        let mut keep = |seq, json: &[u8]| {
            lines.push(Line { seq, json: json.to_vec() });
            Ok::<(), AuditError>(())
        };
        self.each(max, until, &mut keep)?;
        Ok(lines)
    }

    /// Shows the records that [`Tail::next`] would give to `visit`, by `node_seq` and canonical JSON, without a copy
    /// of them; how many there were.
    ///
    /// # Errors
    /// As [`Tail::next`], and what `visit` returns: then the position is behind the record that it refused.
    pub fn each<E: From<AuditError>>(
        &mut self,
        max: usize,
        until: u64,
        visit: &mut Visit<'_, E>,
    ) -> Result<usize, E> {
        if max == 0 {
            return Ok(0);
        }
        let (mut given, mut refused) = (0, None);
        let mut buffer = std::mem::take(&mut self.buffer);
        let read = self.read(&mut buffer, until, &mut |seq, json| {
            given += 1;
            refused = visit(seq, json).err();
            if given < max && refused.is_none() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        self.buffer = buffer;
        match (refused, read) {
            (Some(error), _) => Err(error),
            (None, Err(error)) if given == 0 => Err(error.into()),
            (None, Err(_)) => {
                self.place = None;
                Ok(given)
            }
            (None, Ok(())) => Ok(given),
        }
    }

    fn read(
        &mut self,
        buffer: &mut Vec<u8>,
        until: u64,
        visit: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), AuditError> {
        while self.next_seq <= until {
            let Some(Place { path, offset }) = self.locate()? else { break };
            let bytes = read_chunk(&path, offset, buffer)?;
            let (before, mut at, mut flow) = (self.next_seq, 0, ControlFlow::Continue(()));
            while flow.is_continue() && self.next_seq <= until {
                let Some(frame) = bytes.get(at..).and_then(segment::frame) else { break };
                at += frame.len();
                self.next_seq += 1;
                flow = visit(self.next_seq - 1, frame.json);
            }
            self.place = Some(Place { path, offset: offset + at as u64 });
            if flow.is_break() {
                break;
            }
            if self.next_seq > before {
                continue;
            }
            if !bytes.is_empty() {
                self.expect_torn()?;
                break;
            }
            if !self.step_on()? {
                break;
            }
        }
        Ok(())
    }

    /// The segment and offset of the next record.
    fn locate(&mut self) -> Result<Option<Place>, AuditError> {
        if let Some(place) = self.place.take() {
            return Ok(Some(place));
        }
        let segments = segment::list(&self.dir)?;
        let at = segments.partition_point(|(first, _)| *first <= self.next_seq).saturating_sub(1);
        let Some((first, path)) = segments.get(at) else { return Ok(None) };
        if self.next_seq < *first {
            segment::check_first(&self.dir, *first)?;
            self.next_seq = *first;
        }
        let bytes = read_from(path, 0, u64::MAX)?;
        if bytes.len() < HEADER {
            return Ok(None);
        }
        Header::decode(&bytes).map_err(|reason| corrupt(path, 0, reason))?;
        let mut offset = HEADER;
        for _ in *first..self.next_seq {
            let Some(frame) = bytes.get(offset..).and_then(segment::frame) else { break };
            offset += frame.len();
        }
        Ok(Some(Place { path: path.clone(), offset: offset as u64 }))
    }

    /// Where bytes stand that are no whole frame: they must be an unfinished write, at the end of the newest segment.
    fn expect_torn(&self) -> Result<(), AuditError> {
        let Some(place) = &self.place else { return Ok(()) };
        let is_newest = segment::list(&self.dir)?.last().is_some_and(|(_, path)| *path == place.path);
        let whole = read_from(&place.path, 0, u64::MAX)?;
        let is_torn = usize::try_from(place.offset).is_ok_and(|at| !segment::is_damaged(&whole, at));
        if is_newest && is_torn { Ok(()) } else { Err(corrupt(&place.path, place.offset, "a bad frame")) }
    }

    /// At the end of a segment: moves to the one that begins with the next record; `false` when there is none yet.
    fn step_on(&mut self) -> Result<bool, AuditError> {
        let Some(place) = &self.place else { return Ok(false) };
        let path = segment::path(&self.dir, self.next_seq);
        if place.path == path || !path.is_file() {
            return Ok(false);
        }
        if read_from(&path, 0, HEADER as u64)?.len() < HEADER {
            return Ok(false);
        }
        self.place = Some(Place { path, offset: HEADER as u64 });
        Ok(true)
    }
}

/// The bytes of a file from `offset` on that fit into the buffer.
fn read_chunk<'a>(path: &Path, offset: u64, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], AuditError> {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::open(path).map_err(AuditError::io("opening", path))?;
    buffer.resize(CHUNK, 0);
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(AuditError::io("reading", path)(error)),
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

fn read_from(path: &Path, offset: u64, most: u64) -> Result<Vec<u8>, AuditError> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(path).map_err(AuditError::io("opening", path))?;
    file.seek(SeekFrom::Start(offset)).map_err(AuditError::io("reading", path))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).map_err(AuditError::io("reading", path))?;
    Ok(bytes)
}

fn corrupt(path: &Path, offset: u64, reason: &'static str) -> AuditError {
    AuditError::Corrupt { path: path.to_owned(), offset, reason }
}
