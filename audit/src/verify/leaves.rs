//! The tree that is computed anew, leaf by leaf, beside the one that is stored in tiles.

use std::path::Path;

use tlog_tiles::Hash;
use uuid::Uuid;

use super::Faults;
use super::signed::Signed;
use crate::proof::frontier::{Frontier, Place, Tile, WIDTH};
use crate::proof::tiles::{Tiles, path};

/// Compares leaves with level 0, full tiles with their files, and roots with what was signed.
pub(super) struct Leaves {
    tiles: Tiles,
    /// `None` once a leaf is missing: no root can be computed behind it.
    frontier: Option<Frontier>,
    full: Vec<Tile>,
    /// Stored leaf hashes of the tile that is being filled.
    stored: Vec<Hash>,
    /// Leaves that the tiles should hold.
    covered: u64,
    /// The first leaf that differs from its tile.
    pub suspect: Option<u64>,
    /// Its id, if it can be read.
    pub suspect_id: Option<Uuid>,
    bad_tiles: Vec<String>,
}

impl Leaves {
    /// Begins with the record `first_seq`; the tree before it comes from the tiles.
    pub(super) fn new(tree: &Path, first_seq: u64, covered: u64) -> Self {
        let tiles = Tiles::new(tree);
        let frontier = tiles.frontier(first_seq.saturating_sub(1)).ok();
        let mut leaves = Self {
            tiles,
            frontier,
            full: Vec::new(),
            stored: Vec::new(),
            covered,
            suspect: None,
            suspect_id: None,
            bad_tiles: Vec::new(),
        };
        leaves.load(first_seq.saturating_sub(1) / WIDTH as u64);
        leaves
    }

    /// No tree can be computed any more.
    pub(super) fn give_up(&mut self) {
        self.frontier = None;
    }

    pub(super) fn can_go_on(&self) -> bool {
        self.frontier.is_some()
    }

    /// Adds the leaf of the record `seq`.
    pub(super) fn push(&mut self, seq: u64, leaf: Hash, signed: &mut Signed) {
        let Some(frontier) = &mut self.frontier else { return };
        let index = seq.saturating_sub(1);
        let at = usize::try_from(index % WIDTH as u64).unwrap_or(WIDTH);
        if self.suspect.is_none() && self.stored.get(at).is_some_and(|stored| *stored != leaf) {
            self.suspect = Some(seq);
        }
        frontier.push(leaf, &mut self.full);
        if signed.next_size() == Some(seq) {
            let root = frontier.root();
            signed.reach(seq, root);
        }
        if at + 1 == WIDTH {
            self.compare();
            self.load(seq / WIDTH as u64);
        }
    }

    /// Compares the unfinished tiles, once all leaves are there.
    pub(super) fn finish(mut self, faults: &mut Faults) {
        // Only where the tree was stored exactly as far as there are records: otherwise the tiles lag behind.
        if let Some(frontier) = self.frontier.take().filter(|it| it.size() == self.covered) {
            self.full.extend(frontier.partial());
            self.compare();
        }
        self.bad_tiles.iter().for_each(|reason| faults.add(None, None, reason));
    }

    /// Whether the stored tiles give this root: then a leaf that differs from them is the one that was changed.
    pub(super) fn tiles_give(&self, size: u64, root: Hash) -> bool {
        self.tiles.frontier(size).is_ok_and(|frontier| frontier.root() == root)
    }

    fn load(&mut self, index: u64) {
        let width = self.covered.saturating_sub(index.saturating_mul(WIDTH as u64)).min(WIDTH as u64);
        let width = usize::try_from(width).unwrap_or(0);
        self.stored = match width {
            0 => Vec::new(),
            width => self.tiles.read(Place { level: 0, index, width }).unwrap_or_default(),
        };
    }

    fn compare(&mut self) {
        for tile in self.full.drain(..) {
            let span = (WIDTH as u64).saturating_pow(u32::from(tile.level));
            let first = tile.index.saturating_mul(span).saturating_mul(WIDTH as u64);
            let end = first.saturating_add(span.saturating_mul(tile.hashes.len() as u64));
            if end > self.covered {
                continue;
            }
            let place = Place { level: tile.level, index: tile.index, width: tile.hashes.len() };
            let name = path(tile.level, tile.index);
            match self.tiles.read(place) {
                Some(stored) if stored == tile.hashes => {}
                Some(_) => self.bad_tiles.push(format!("{name} is not what its records give")),
                None => self.bad_tiles.push(format!("{name} is missing or cut short")),
            }
        }
    }
}
