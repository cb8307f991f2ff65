//! The right edge of a growing RFC 6962 tree: takes leaf hashes, gives the root and the tiles that became full.

use tlog_tiles::{EMPTY_HASH, Hash, node_hash};

/// Hashes of a full tile.
pub const WIDTH: usize = 256;

/// A tile: some of the hashes of one level, side by side (C2SP tlog-tiles, height 8).
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// Its level: a hash covers `256^level` leaves.
    pub level: u8,
    /// Its place in the level.
    pub index: u64,
    /// One to [`WIDTH`] hashes.
    pub hashes: Vec<Hash>,
}

/// The unfinished tile of each level, which is all that it takes to let a tree grow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frontier {
    size: u64,
    /// INVARIANT: at each level fewer than [`WIDTH`] hashes, `size / 256^level mod 256` of them.
    levels: Vec<Vec<Hash>>,
}

impl Frontier {
    /// Takes up again at `size`; `read` gives the first so many hashes of a tile.
    pub fn resume<E>(size: u64, mut read: impl FnMut(Place) -> Result<Vec<Hash>, E>) -> Result<Self, E> {
        let mut levels = Vec::new();
        let mut rest = size;
        while rest > 0 {
            let width = (rest % WIDTH as u64) as usize;
            let level = u8::try_from(levels.len()).unwrap_or(u8::MAX);
            let mut hashes = Vec::with_capacity(WIDTH);
            if width > 0 {
                hashes.extend(read(Place { level, index: rest / WIDTH as u64, width })?);
            }
            levels.push(hashes);
            rest /= WIDTH as u64;
        }
        Ok(Self { size, levels })
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds one leaf; tiles that it fills are appended to `full`.
    pub fn push(&mut self, leaf: Hash, full: &mut Vec<Tile>) {
        let (mut hash, mut index) = (leaf, self.size);
        self.size += 1;
        for level in 0_u8.. {
            let at = usize::from(level);
            if self.levels.len() == at {
                self.levels.push(Vec::with_capacity(WIDTH));
            }
            let Some(hashes) = self.levels.get_mut(at) else { return };
            hashes.push(hash);
            if hashes.len() < WIDTH {
                return;
            }
            index /= WIDTH as u64;
            hash = subtree(hashes);
            full.push(Tile { level, index, hashes: std::mem::replace(hashes, Vec::with_capacity(WIDTH)) });
        }
    }

    /// The root at this size.
    pub fn root(&self) -> Hash {
        let mut root = None;
        for hashes in &self.levels {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                let (left, last) = rest.split_at(rest.len() - (1 << rest.len().trailing_zeros()));
                let hash = subtree(last);
                root = Some(root.map_or(hash, |right| node_hash(hash, right)));
                rest = left;
            }
        }
        root.unwrap_or(EMPTY_HASH)
    }

    /// The unfinished tiles.
    pub fn partial(&self) -> Vec<Tile> {
        let tile = |(level, hashes): (u8, &Vec<Hash>)| {
            let index = self.size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
            Tile { level, index, hashes: hashes.clone() }
        };
        (0..).zip(&self.levels).filter(|(_, hashes)| !hashes.is_empty()).map(tile).collect()
    }
}

/// The first hashes of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Level of the tile.
    pub level: u8,
    /// Place of the tile in the level.
    pub index: u64,
    /// How many hashes.
    pub width: usize,
}

/// Root over a power of two of hashes.
pub fn subtree(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        for at in 0..row.len() / 2 {
            let (Some(left), Some(right)) = (row.get(2 * at), row.get(2 * at + 1)) else { break };
            let hash = node_hash(*left, *right);
            if let Some(place) = row.get_mut(at) {
                *place = hash;
            }
        }
        row.truncate(row.len() / 2);
    }
    row.first().copied().unwrap_or(EMPTY_HASH)
}
