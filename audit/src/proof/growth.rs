//! The tree of one lane as it grows: hashes of records read back from the segments, never ahead of the disk.

use std::path::{Path, PathBuf};

use memchr::memmem;
use tlog_tiles::{Hash, record_hash};

use super::checkpoint::Checkpoint;
use super::frontier::{Frontier, Place, Tile, WIDTH};
use super::tiles::Tiles;
use crate::error::AuditError;
use crate::options::Verify;
use crate::read::Tail;
use crate::segment;

/// Folder of a lane's tiles and checkpoint.
pub(crate) const TREE: &str = "tree";
/// File that names the key a lane began with.
pub(crate) const FIRST_KEY: &str = "first-key";
/// Records read at once.
const STEP: usize = 2048;
/// Full tiles gathered before they are written, when a tree is built anew.
const BATCH: usize = 4096;

pub(crate) struct Growth {
    dir: PathBuf,
    pub tiles: Tiles,
    tail: Tail,
    frontier: Frontier,
    /// Tiles that became full since the last were written.
    full: Vec<Tile>,
    /// A text to look for in the records, and the first that holds it.
    pub wanted: Option<Wanted>,
}

/// What becomes of the tiles of records that are hashed again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Replay {
    Hash,
    Write,
}

/// A record that is looked for by a text in it.
pub(crate) struct Wanted {
    pub text: String,
    /// `node_seq` of the record, once it was seen.
    pub seq: Option<u64>,
}

impl Growth {
    /// Takes up the tree of the lane in `dir` where `published` left it, from its tiles; without good tiles, or
    /// to verify all, from the records.
    pub(crate) fn resume(
        dir: &Path,
        published: Option<&Checkpoint>,
        verify: Verify,
    ) -> Result<Self, AuditError> {
        let mut growth = Self::at(dir, Frontier::default());
        let Some(published) = published else { return Ok(growth) };
        let stored = growth.tiles.frontier(published.size).ok();
        let stored = stored.filter(|frontier| frontier.root() == published.root);
        let Some(frontier) = stored.filter(|_| verify == Verify::Recent) else {
            growth.replay(published, Replay::Hash)?;
            let good = growth.tiles.frontier(published.size).ok().filter(|it| it.root() == published.root);
            if good.is_none() {
                growth.replay(published, Replay::Write)?;
            }
            return Ok(growth);
        };
        let growth = Self::at(dir, frontier);
        growth.check_end()?;
        Ok(growth)
    }

    /// Whether the log is there up to where its tree is.
    fn check_end(&self) -> Result<(), AuditError> {
        let cut = "records that it covers are missing: the log was cut or put back from a copy";
        let last = self.record(self.size()).map_err(|_| self.contradiction(self.size(), cut))?;
        let index = (self.size() - 1) % WIDTH as u64;
        let place = Place {
            level: 0,
            index: (self.size() - 1) / WIDTH as u64,
            width: usize::try_from(index).unwrap_or(0) + 1,
        };
        let leaf = self.tiles.read(place).and_then(|leaves| leaves.last().copied());
        let changed = "the last record that it covers was changed";
        if leaf == Some(record_hash(&last)) { Ok(()) } else { Err(self.contradiction(self.size(), changed)) }
    }

    fn at(dir: &Path, frontier: Frontier) -> Self {
        Self {
            dir: dir.to_owned(),
            tiles: Tiles::new(&dir.join(TREE)),
            tail: Tail::open(dir, frontier.size()),
            frontier,
            full: Vec::new(),
            wanted: None,
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.frontier.size()
    }

    pub(crate) fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// Hashes records up to `to`, as far as there are any.
    pub(crate) fn grow(&mut self, to: u64) -> Result<(), AuditError> {
        while self.size() < to {
            let Self { dir, tail, frontier, full, wanted, .. } = self;
            let read = tail.each(STEP, to, &mut |seq, json| {
                if seq != frontier.size() + 1 {
                    let reason = "records after it are missing";
                    return Err(AuditError::Inconsistent {
                        path: dir.clone(),
                        size: frontier.size() + 1,
                        reason,
                    });
                }
                frontier.push(record_hash(json), full);
                if let Some(wanted) = wanted.as_mut().filter(|wanted| wanted.seq.is_none())
                    && memmem::find(json, wanted.text.as_bytes()).is_some()
                {
                    wanted.seq = Some(seq);
                }
                Ok(())
            })?;
            if read == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Whether the tree agrees with a checkpoint that was signed for it; grows up to it where it is behind.
    pub(crate) fn check(&mut self, signed: &Checkpoint) -> Result<(), AuditError> {
        self.grow(signed.size)?;
        let root = if signed.size < self.size() {
            self.tiles.frontier(signed.size)?.root()
        } else if signed.size == self.size() {
            self.root()
        } else {
            let reason = "records that it covers are missing: the log was cut or put back from a copy";
            return Err(self.contradiction(signed.size, reason));
        };
        if root == signed.root {
            return Ok(());
        }
        let reason = "its records have another root: they were changed, or another writer uses the same key";
        Err(self.contradiction(signed.size, reason))
    }

    /// Makes the tiles of the tree durable.
    pub(crate) fn write(&mut self) -> Result<(), AuditError> {
        let mut tiles = self.full.clone();
        tiles.extend(self.frontier.partial());
        self.tiles.write(&tiles)?;
        self.full.clear();
        Ok(())
    }

    /// The bytes of one record.
    pub(crate) fn record(&self, seq: u64) -> Result<Vec<u8>, AuditError> {
        let mut lines = Tail::open(&self.dir, seq.saturating_sub(1)).next(1, seq)?;
        let line = lines.pop().filter(|line| line.seq == seq);
        line.map(|line| line.json).ok_or_else(|| self.contradiction(seq, "the record is missing"))
    }

    /// Hashes all records up to a checkpoint again; `keep` writes the tiles.
    fn replay(&mut self, published: &Checkpoint, replay: Replay) -> Result<(), AuditError> {
        let keep = replay == Replay::Write;
        let first = segment::list(&self.dir)?.first().map_or(1, |(seq, _)| *seq);
        let before = self.tiles.frontier(first.saturating_sub(1))?;
        *self = Self::at(&self.dir, before);
        while self.size() < published.size {
            let before = self.size();
            self.grow(published.size.min(before + STEP as u64))?;
            if self.size() == before {
                break;
            }
            if self.full.len() >= BATCH || !keep {
                if keep {
                    self.tiles.write(&self.full)?;
                }
                self.full.clear();
            }
        }
        self.check(published)?;
        if keep { self.write() } else { Ok(()) }
    }

    fn contradiction(&self, size: u64, reason: &'static str) -> AuditError {
        AuditError::Inconsistent { path: self.dir.clone(), size, reason }
    }
}
