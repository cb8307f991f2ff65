//! Reads one lane of the log for one sink: behind its position, never past what is safely on disk.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;
use weir_audit::read::{Line, Tail};

use crate::batch::Item;
use crate::error::SinkError;
use crate::position::Mark;
use crate::render::Renderer;
use crate::run::Upto;

/// Lines read at once when an idle lane is measured.
const STEP: usize = 1024;

/// One lane as one sink reads it. Its functions block.
pub(crate) struct Source {
    dir: PathBuf,
    upto: Upto,
    tail: Tail,
    renderer: Renderer,
    /// Whose end was measured last: the newest segment of an idle lane with its length, and the end.
    measured: Option<(PathBuf, u64, u64)>,
}

/// What was read at once.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) node_id: String,
    pub(crate) items: Vec<Item>,
    /// The last record read, also where it gave no message.
    pub(crate) last: Option<Mark>,
    /// Number of the newest record that may be read.
    pub(crate) end: u64,
    /// Records that retention took before they were delivered.
    pub(crate) missed: u64,
}

impl Source {
    /// Goes on behind `mark`.
    pub(crate) fn open(dir: &Path, upto: Upto, renderer: Renderer, mark: Mark) -> Self {
        let tail = Tail::open(dir, mark.seq);
        Self { dir: dir.to_owned(), upto, tail, renderer, measured: None }
    }

    /// Whether the log still has, or has pruned, the record that was delivered last.
    pub(crate) fn holds(dir: &Path, mark: Mark) -> Result<bool, SinkError> {
        if mark.seq == 0 {
            return Ok(true);
        }
        let found = Tail::open(dir, mark.seq - 1).next(1, u64::MAX)?;
        Ok(match found.first() {
            Some(line) if line.seq == mark.seq => id(line)? == mark.record_id,
            Some(line) => line.seq > mark.seq,
            None => false,
        })
    }

    /// The next records, at most `most`; none when nothing new may be read, or another process writes this lane.
    pub(crate) fn read(&mut self, most: usize) -> Result<Chunk, SinkError> {
        let end = match &self.upto {
            Upto::Writer(durable) => durable(),
            Upto::Idle => match self.idle_end()? {
                Some(end) => end,
                None => return Ok(Chunk { end: self.tail.position(), ..Chunk::default() }),
            },
        };
        let before = self.tail.position();
        let lines = self.tail.next(most, end)?;
        let mut chunk = Chunk { end, ..Chunk::default() };
        if let Some(first) = lines.first() {
            chunk.missed = first.seq.saturating_sub(before + 1);
        }
        let rendered = self.render(&lines, chunk);
        if rendered.is_err() {
            // What was read and not given is read again.
            self.tail = Tail::open(&self.dir, before);
        }
        rendered
    }

    fn render(&mut self, lines: &[Line], mut chunk: Chunk) -> Result<Chunk, SinkError> {
        for line in lines {
            if let Some((item, node_id)) = self.renderer.render(line)? {
                chunk.items.push(item);
                chunk.node_id = node_id;
            }
        }
        if let Some(line) = lines.last() {
            chunk.last = Some(Mark { record_id: id(line)?, seq: line.seq });
        }
        Ok(chunk)
    }

    /// The end of a lane that nobody writes, made durable; `None` while somebody writes it.
    fn idle_end(&mut self) -> Result<Option<u64>, SinkError> {
        let path = self.dir.join("lock");
        let lock = match File::open(&path) {
            Ok(lock) => lock,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(SinkError::io("opening", path)(error)),
        };
        match lock.try_lock_shared() {
            Ok(()) => self.measure().map(Some),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(SinkError::io("locking", path)(error)),
        }
    }

    /// Only once for each state of the lane: it doesn't grow while nobody writes it.
    fn measure(&mut self) -> Result<u64, SinkError> {
        let Some((path, length)) = newest_segment(&self.dir)? else { return Ok(0) };
        if let Some((known, known_length, end)) = &self.measured
            && (known, *known_length) == (&path, length)
        {
            return Ok(*end);
        }
        File::open(&path).and_then(|file| file.sync_all()).map_err(SinkError::io("syncing", &path))?;
        let mut tail = Tail::open(&self.dir, self.tail.position());
        while !tail.next(STEP, u64::MAX)?.is_empty() {}
        let end = tail.position();
        self.measured = Some((path, length, end));
        Ok(end)
    }
}

fn newest_segment(dir: &Path) -> Result<Option<(PathBuf, u64)>, SinkError> {
    let mut newest = None;
    for entry in std::fs::read_dir(dir).map_err(SinkError::io("reading", dir))? {
        let path = entry.map_err(SinkError::io("reading", dir))?.path();
        if path.extension().is_some_and(|it| it == "seg") && newest.as_ref().is_none_or(|it| *it < path) {
            newest = Some(path);
        }
    }
    let Some(path) = newest else { return Ok(None) };
    let length = std::fs::metadata(&path).map_err(SinkError::io("reading", &path))?.len();
    Ok(Some((path, length)))
}

fn id(line: &Line) -> Result<Uuid, SinkError> {
    #[derive(serde::Deserialize)]
    struct Head {
        record_id: Uuid,
    }
    let head: Head = serde_json::from_slice(&line.json).map_err(|_| SinkError::Unknown { seq: line.seq })?;
    Ok(head.record_id)
}

/// A function that gives the newest number that is safely on disk.
pub(crate) type Durable = Arc<dyn Fn() -> u64 + Send + Sync>;
