//! The folder of tiles (C2SP tlog-tiles paths), and the proofs that are made from it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tlog_tiles::{Hash, HashReader, prove_record, prove_tree, split_stored_hash_index};

use super::checkpoint::MAX_SIZE;
use super::frontier::{Frontier, Place, Tile, WIDTH, subtree};
use crate::disk::sync_folder;
use crate::error::AuditError;

/// Bytes of a hash.
const HASH: usize = 32;
/// Tiles kept in memory while proofs are made: 8 MiB.
const CACHED: usize = 1024;

/// Tiles under one folder, `tree` of a lane.
pub struct Tiles {
    dir: PathBuf,
    cache: RefCell<HashMap<(u8, u64), Vec<Hash>>>,
}

impl Tiles {
    /// The tiles under `dir`; reads nothing yet.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), cache: RefCell::default() }
    }

    /// Proof that the leaf `index` stands in the tree of `size` leaves (RFC 6962 §2.1.1).
    ///
    /// # Errors
    /// [`AuditError::Proof`] when the leaf is not in that tree, or a tile that it takes is missing.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, AuditError> {
        if size > MAX_SIZE {
            return Err(self.no_proof());
        }
        prove_record(size, index, self).map_err(|_| self.no_proof())
    }

    /// Proof that the tree of `new` leaves begins with that of `old` leaves (RFC 6962 §2.1.2); empty for `old` 0.
    ///
    /// # Errors
    /// [`AuditError::Proof`] when `old` is the larger, or a tile that it takes is missing.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, AuditError> {
        if old == 0 {
            return Ok(Vec::new());
        }
        if new > MAX_SIZE {
            return Err(self.no_proof());
        }
        prove_tree(new, old, self).map_err(|_| self.no_proof())
    }

    /// The right edge of the tree at `size`, as the tiles have it: whether they are right, its root tells.
    ///
    /// # Errors
    /// [`AuditError::Proof`] when a tile that it takes is missing.
    pub fn frontier(&self, size: u64) -> Result<Frontier, AuditError> {
        Frontier::resume(size, |place| self.read(place).ok_or_else(|| self.no_proof()))
    }

    /// The first hashes of a tile, from the full tile or a partial one that is wide enough.
    pub fn read(&self, place: Place) -> Option<Vec<Hash>> {
        let key = (place.level, place.index);
        if let Some(hashes) = self.cache.borrow().get(&key).and_then(|hashes| hashes.get(..place.width)) {
            return Some(hashes.to_vec());
        }
        let full = self.dir.join(path(place.level, place.index));
        let hashes = parse(&full, WIDTH).or_else(|| {
            let partial = partial(&full);
            let widths = fs::read_dir(&partial).ok()?.flatten();
            let widths = widths.filter_map(|entry| entry.file_name().to_str()?.parse::<usize>().ok());
            let width = widths.filter(|width| (place.width..WIDTH).contains(width)).max()?;
            parse(&partial.join(width.to_string()), width)
        })?;
        let first = hashes.get(..place.width)?.to_vec();
        let mut cache = self.cache.borrow_mut();
        if cache.len() >= CACHED {
            cache.clear();
        }
        cache.insert(key, hashes);
        Some(first)
    }

    /// Writes tiles and makes them durable; of a full one the partial versions are removed.
    ///
    /// # Errors
    /// [`AuditError::Io`].
    pub fn write(&self, tiles: &[Tile]) -> Result<(), AuditError> {
        let mut files = Vec::new();
        let mut folders = Vec::new();
        for tile in tiles {
            let full = self.dir.join(path(tile.level, tile.index));
            let path = match tile.hashes.len() {
                WIDTH => full,
                width => partial(&full).join(width.to_string()),
            };
            let folder = path.parent().unwrap_or(&self.dir);
            if !folders.iter().any(|known: &PathBuf| known == folder) {
                make_folders(&self.dir, folder, &mut folders)?;
            }
            files.push((write(&path, &tile.hashes).map_err(AuditError::io("writing", &path))?, path));
        }
        // All are written before the first is waited for: the disk then does them in one go.
        for (file, path) in &files {
            file.sync_all().map_err(AuditError::io("syncing", path))?;
        }
        for folder in &folders {
            sync_folder(folder).map_err(AuditError::io("syncing", folder))?;
        }
        for tile in tiles.iter().filter(|tile| tile.hashes.len() == WIDTH) {
            let partial = partial(&self.dir.join(path(tile.level, tile.index)));
            if partial.is_dir() {
                fs::remove_dir_all(&partial).map_err(AuditError::io("removing", &partial))?;
            }
        }
        self.cache.borrow_mut().clear();
        Ok(())
    }

    /// Removes the tiles that only records before `first_seq` need, once retention has removed those records.
    /// Proofs of all others, and every checkpoint, stay valid.
    ///
    /// # Errors
    /// [`AuditError::Io`].
    pub fn prune(&self, first_seq: u64) -> Result<u64, AuditError> {
        let mut removed = 0;
        let keep = first_seq.saturating_sub(1) / WIDTH as u64;
        for index in (0..keep).rev() {
            let tile = self.dir.join(path(0, index));
            match fs::remove_file(&tile) {
                Ok(()) => removed += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => return Err(AuditError::io("removing", &tile)(error)),
            }
        }
        self.cache.borrow_mut().clear();
        Ok(removed)
    }

    fn hash(&self, level: u8, index: u64) -> Option<Hash> {
        let (tile_level, height) = (level / 8, level % 8);
        let first = index.checked_shl(height.into())?;
        let start = usize::try_from(first % WIDTH as u64).ok()?;
        let place = Place { level: tile_level, index: first / WIDTH as u64, width: start + (1 << height) };
        self.read(place)?.get(start..).map(subtree)
    }

    fn no_proof(&self) -> AuditError {
        AuditError::Proof { path: self.dir.clone() }
    }
}

impl HashReader for Tiles {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let hash = |index: &u64| {
            let (level, place) = split_stored_hash_index(*index);
            self.hash(level, place).ok_or(tlog_tiles::Error::IndexesNotInTree)
        };
        indexes.iter().map(hash).collect()
    }
}

/// Path of a full tile: `tile/LEVEL/INDEX`, the index in groups of three digits, all but the last after an `x`.
pub fn path(level: u8, index: u64) -> String {
    let mut spelled = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        spelled = format!("x{:03}/{spelled}", rest % 1000);
        rest /= 1000;
    }
    format!("tile/{level}/{spelled}")
}

fn partial(full: &Path) -> PathBuf {
    let mut name = full.as_os_str().to_owned();
    name.push(".p");
    PathBuf::from(name)
}

fn parse(path: &Path, width: usize) -> Option<Vec<Hash>> {
    let bytes = fs::read(path).ok().filter(|bytes| bytes.len() == width * HASH)?;
    let (hashes, _) = bytes.as_chunks();
    Some(hashes.iter().copied().map(Hash).collect())
}

fn write(path: &Path, hashes: &[Hash]) -> io::Result<File> {
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    let mut file = File::create(path)?;
    file.write_all(&bytes)?;
    Ok(file)
}

/// Makes a folder and those above it, down from `base`; remembers each, so that its new names become durable.
fn make_folders(base: &Path, folder: &Path, made: &mut Vec<PathBuf>) -> Result<(), AuditError> {
    fs::create_dir_all(folder).map_err(AuditError::io("creating", folder))?;
    for above in folder.ancestors().take_while(|above| above.starts_with(base)) {
        if !made.iter().any(|known| known == above) {
            made.push(above.to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let check = |level, index, expect: &str| assert_eq!(path(level, index), expect);
        check(0, 0, "tile/0/000");
        check(0, 273, "tile/0/273");
        check(1, 1_234_067, "tile/1/x001/x234/067");
        check(2, 1000, "tile/2/x001/000");
    }
}
