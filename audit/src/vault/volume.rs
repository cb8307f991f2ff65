//! Body files: append-only volumes of frames, each with an index once it is closed.
//!
//! A volume is named by a UUIDv7, which says when it was begun: `ID.body`, and `ID.index` beside it. The volume's
//! head, 16 bytes: magic `weirbody`, version (u32), CRC32C of those 12 bytes. The index: one entry of 48 bytes a
//! body, sorted by call and kind (call id, key reference, offset u64, length u32, kind u8, three zeros), then the
//! magic `weirbidx`, the number of entries (u32) and the CRC32C of all before it. An index can be made again.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FallocateFlags, fallocate};
use uuid::Uuid;

use super::BodyKind;
use super::catalogue::Catalogue;
use super::frame::{self, Label, Place};
use super::keys::entries;
use crate::disk::replace;
use crate::error::AuditError;

/// Bytes of a volume's head.
pub(super) const VOLUME_HEAD: usize = 16;

const MAGIC: &[u8; 8] = b"weirbody";
const VERSION: u32 = 1;
const INDEX_MAGIC: &[u8; 8] = b"weirbidx";
const INDEX_TAIL: usize = 16;
const ENTRY: usize = 48;
/// How much is overwritten at once.
const WIPE_CHUNK: usize = 64 << 10;
/// How far clocks of writers may differ before a body is looked for in every volume.
const CLOCK_SLACK: Duration = Duration::from_secs(5);

pub(super) fn head() -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    out
}

/// The volumes in `dir`, oldest first.
pub(super) fn list(dir: &Path) -> Result<Vec<PathBuf>, AuditError> {
    let mut paths = entries(dir)?;
    paths.retain(|path| path.extension().is_some_and(|it| it == "body") && begun(path).is_some());
    Ok(paths)
}

/// When a volume was begun.
pub(super) fn begun(path: &Path) -> Option<SystemTime> {
    time_of(Uuid::parse_str(path.file_stem()?.to_str()?).ok()?)
}

/// When an id was made, if it says so.
pub(super) fn time_of(id: Uuid) -> Option<SystemTime> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

pub(super) fn index_path(volume: &Path) -> PathBuf {
    volume.with_extension("index")
}

/// The bodies of a volume, sorted by call and kind, and where its last whole frame ends.
pub(super) fn scan(path: &Path) -> Result<(Vec<Place>, u64), AuditError> {
    let bytes = fs::read(path).map_err(AuditError::io("reading", path))?;
    let (mut places, end) = frame::scan(&bytes, VOLUME_HEAD.min(bytes.len()));
    sort(&mut places);
    Ok((places, end as u64))
}

/// Writes the index of a volume that is closed.
pub(super) fn write_index(volume: &Path, places: &mut [Place]) -> Result<(), AuditError> {
    sort(places);
    let path = index_path(volume);
    replace(&path, &encode_index(places)).map_err(AuditError::io("writing", &path))
}

/// The sealed bytes of one body, searched in the order of [`by_distance`].
pub(super) fn find(
    catalogue: &Catalogue,
    volumes: &[PathBuf],
    call: Uuid,
    kind: BodyKind,
) -> Result<Option<Vec<u8>>, AuditError> {
    let wanted = (call, kind.code());
    for path in volumes {
        let sealed = catalogue.of(path).and_then(|places| {
            let found = places.binary_search_by_key(&wanted, |it| (it.label.call, it.label.kind.code()));
            let place = found.ok().and_then(|index| places.get(index));
            place.map(|place| read_sealed(path, place)).transpose()
        });
        match sealed {
            // Pruned since it was listed.
            Err(AuditError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            Ok(None) => {}
            sealed => return sealed,
        }
    }
    Ok(None)
}

/// The volumes in `dir`, the one first that most likely has the bodies of a record of the time `near`.
pub(super) fn by_distance(dir: &Path, near: SystemTime) -> Result<Vec<PathBuf>, AuditError> {
    let mut volumes = list(dir)?;
    // The volume is most likely the last one that was begun before the record.
    let later = volumes.partition_point(|path| begun(path).is_some_and(|it| it <= near + CLOCK_SLACK));
    volumes.get_mut(..later).unwrap_or_default().reverse();
    Ok(volumes)
}

/// Overwrites every body that was sealed by `key`, frees its blocks, and says how many there are.
pub(super) fn wipe(dir: &Path, catalogue: &Catalogue, key: [u8; 16]) -> Result<u64, AuditError> {
    let mut wiped = 0;
    for path in list(dir)? {
        let mut places = catalogue.of(&path)?.to_vec();
        places.retain(|place| place.label.key == key);
        if places.is_empty() {
            continue;
        }
        let file = OpenOptions::new().write(true).open(&path).map_err(AuditError::io("opening", &path))?;
        for place in &places {
            overwrite(&file, place).map_err(AuditError::io("overwriting", &path))?;
        }
        // The overwrite has to reach the disk before the blocks are given back.
        file.sync_data().map_err(AuditError::io("syncing", &path))?;
        for place in &places {
            // Best effort: not every file system can, and what it would free is zeros by now.
            let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            fallocate(&file, punch, place.offset, place.length.into()).ok();
        }
        file.sync_data().map_err(AuditError::io("syncing", &path))?;
        wiped += places.len() as u64;
    }
    Ok(wiped)
}

fn overwrite(file: &File, place: &Place) -> io::Result<()> {
    let zeros = [0; WIPE_CHUNK];
    let mut done = 0;
    while done < u64::from(place.length) {
        let left = usize::try_from(u64::from(place.length) - done).unwrap_or(WIPE_CHUNK);
        let part = zeros.get(..left.min(WIPE_CHUNK)).unwrap_or_default();
        file.write_all_at(part, place.offset + done)?;
        done += part.len() as u64;
    }
    Ok(())
}

fn read_sealed(path: &Path, place: &Place) -> Result<Vec<u8>, AuditError> {
    let file = File::open(path).map_err(AuditError::io("opening", path))?;
    let end = file.metadata().map_err(AuditError::io("reading", path))?.len();
    if place.offset.saturating_add(place.length.into()) > end {
        // A volume that was cut short: the body's hash won't fit, which says that it is damaged.
        return Ok(Vec::new());
    }
    let mut bytes = vec![0; place.length as usize];
    file.read_exact_at(&mut bytes, place.offset).map_err(AuditError::io("reading", path))?;
    Ok(bytes)
}

pub(super) fn sort(places: &mut [Place]) {
    places.sort_by_key(|place| (place.label.call, place.label.kind.code()));
}

fn encode_index(places: &[Place]) -> Vec<u8> {
    let mut out = Vec::with_capacity(places.len() * ENTRY + INDEX_TAIL);
    for Place { label, offset, length } in places {
        out.extend_from_slice(label.call.as_bytes());
        out.extend_from_slice(&label.key);
        out.extend_from_slice(&offset.to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&[label.kind.code(), 0, 0, 0]);
    }
    out.extend_from_slice(INDEX_MAGIC);
    out.extend_from_slice(&u32::try_from(places.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    out
}

pub(super) fn decode_index(bytes: &[u8]) -> Option<Vec<Place>> {
    let (body, sum) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(body).to_le_bytes() != *sum {
        return None;
    }
    let (body, count) = body.split_last_chunk::<4>()?;
    let body = body.strip_suffix(INDEX_MAGIC)?;
    if body.len() != u32::from_le_bytes(*count) as usize * ENTRY {
        return None;
    }
    body.chunks_exact(ENTRY).map(decode_entry).collect()
}

fn decode_entry(entry: &[u8]) -> Option<Place> {
    let (call, rest) = entry.split_first_chunk::<16>()?;
    let (key, rest) = rest.split_first_chunk::<16>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let kind = BodyKind::from_code(*rest.first()?)?;
    let label = Label { call: Uuid::from_bytes(*call), kind, key: *key };
    Some(Place { label, offset: u64::from_le_bytes(*offset), length: u32::from_le_bytes(*length) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overwritten_body_is_zeros_and_its_neighbours_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("volume");
        for length in [0, 1, WIPE_CHUNK - 1, WIPE_CHUNK, WIPE_CHUNK + 1, 3 * WIPE_CHUNK] {
            fs::write(&path, vec![7; 20 + length]).unwrap();
            let label = Label { call: Uuid::nil(), kind: BodyKind::Sent, key: [0; 16] };
            let place = Place { label, offset: 10, length: u32::try_from(length).unwrap() };
            overwrite(&OpenOptions::new().write(true).open(&path).unwrap(), &place).unwrap();
            let expect = [vec![7; 10], vec![0; length], vec![7; 10]].concat();
            assert!(fs::read(&path).unwrap() == expect, "{length} bytes");
        }
    }

    #[test]
    fn an_index_survives_and_any_flipped_bit_is_seen() {
        let place = |call: u128, kind| Place {
            label: Label { call: Uuid::from_u128(call), kind, key: [3; 16] },
            offset: 80,
            length: 9,
        };
        let places = vec![place(1, BodyKind::Request), place(1, BodyKind::Reply), place(2, BodyKind::Sent)];
        let bytes = encode_index(&places);
        assert_eq!(decode_index(&bytes), Some(places));
        assert_eq!(decode_index(&encode_index(&[])), Some(vec![]));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_index(&flipped), None, "bit {bit}");
        }
    }
}
