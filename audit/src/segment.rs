//! The segment file: a header, then frames; how they are spelled and how damage is told from a crash.
//!
//! Header, 32 bytes, integers little-endian: the magic `weiraudt`, version (u32), node_seq of the first record
//! (u64), node_seq of the oldest intent still open when the segment was begun (u64), CRC32C of those 28 bytes.
//! Frame: length of the JSON (u32), CRC32C (u32) over the length, the synced mark and the JSON, synced mark
//! (u32): how many bytes of this file were known to be on disk when the frame was written, then the JSON.
//! The mark is what makes a torn tail provable: a writer goes on only after a sync, so a bad frame that lies
//! before the mark of a later good frame can't come from a crash.

use std::path::{Path, PathBuf};

use crate::disk::replace;
use crate::error::AuditError;
use crate::record::MAX_RECORD;

/// Bytes of a segment's header.
pub(crate) const HEADER: usize = 32;
/// Bytes of a frame before its JSON.
pub(crate) const FRAME: usize = 12;
/// Most bytes a segment may be set to hold.
pub(crate) const MAX_SEGMENT: u64 = 1 << 30;

const MAGIC: &[u8; 8] = b"weiraudt";
const VERSION: u32 = 1;
const SUFFIX: &str = ".seg";
/// File that says which record is the first one that retention has kept.
const MINIMUM: &str = "minimum";

/// What a segment's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// `node_seq` of the first record.
    pub first_seq: u64,
    /// `node_seq` of the oldest intent that was open when the segment was begun; `first_seq` if none was.
    pub oldest_open: u64,
}

impl Header {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.first_seq.to_le_bytes());
        bytes.extend_from_slice(&self.oldest_open.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    /// Reads a header; the reason when it isn't one.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut cursor = Cursor(bytes);
        if cursor.take(MAGIC.len()) != Some(MAGIC) {
            return Err("not an audit segment");
        }
        let fields = (cursor.u32(), cursor.u64(), cursor.u64(), cursor.u32());
        let (Some(version), Some(first_seq), Some(oldest_open), Some(crc)) = fields else {
            return Err("the header is cut short");
        };
        let sum = bytes.get(..HEADER - 4).map(crc32c::crc32c);
        if sum != Some(crc) {
            return Err("the header's checksum is wrong");
        }
        if version != VERSION {
            return Err("unknown segment version");
        }
        Ok(Self { first_seq, oldest_open })
    }
}

/// Starts a frame at the end of `out`; [`seal`] completes it once the JSON stands behind it.
pub(crate) fn begin(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME]);
    start
}

/// Fills in the head of the frame that begins at `start` and ends at the end of `out`.
pub(crate) fn seal(out: &mut [u8], start: usize, synced: u32) {
    let Some(frame) = out.get_mut(start..) else { return };
    let Some((head, json)) = frame.split_at_mut_checked(FRAME) else { return };
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
    let crc = checksum(length, synced, json);
    let fields = [length, crc, synced].map(u32::to_le_bytes);
    head.copy_from_slice(fields.as_flattened());
}

/// One good frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub json: &'a [u8],
    pub synced: u32,
}

impl Frame<'_> {
    /// Bytes of the whole frame.
    pub(crate) fn len(&self) -> usize {
        FRAME + self.json.len()
    }
}

/// The frame at the start of `bytes`, if a whole and undamaged one stands there.
pub(crate) fn frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let mut cursor = Cursor(bytes);
    let (length, crc, synced) = (cursor.u32()?, cursor.u32()?, cursor.u32()?);
    let size = usize::try_from(length).ok().filter(|size| (1..=MAX_RECORD * 2).contains(size))?;
    let json = cursor.take(size)?;
    (checksum(length, synced, json) == crc).then_some(Frame { json, synced })
}

/// Whether the bad frame at `at` can't be a torn tail: a good frame stands behind it whose mark covers it.
pub(crate) fn is_damaged(bytes: &[u8], at: usize) -> bool {
    (at + 1..bytes.len()).any(|offset| {
        let later = bytes.get(offset..).and_then(frame);
        later.is_some_and(|it| usize::try_from(it.synced).is_ok_and(|synced| synced > at))
    })
}

/// File name of the segment that begins with `first_seq`.
pub(crate) fn path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:020}{SUFFIX}"))
}

/// The segments of a folder that are not pruned, with the `node_seq` each begins with, in order.
pub(crate) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, AuditError> {
    let mut segments = list_all(dir)?;
    // Read after the listing: what is pruned meanwhile is then left out, not missed.
    let minimum = minimum(dir)?;
    segments.retain(|(first, _)| *first >= minimum);
    Ok(segments)
}

/// The first record that retention has kept; 1 if nothing was pruned.
pub(crate) fn minimum(dir: &Path) -> Result<u64, AuditError> {
    let path = dir.join(MINIMUM);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(1),
        Err(error) => return Err(AuditError::io("reading", &path)(error)),
    };
    let reason = "the mark of the first record kept is unreadable";
    text.trim().parse().map_err(|_| AuditError::Corrupt { path, offset: 0, reason })
}

/// Says durably that records before `first` are pruned.
pub(crate) fn set_minimum(dir: &Path, first: u64) -> Result<(), AuditError> {
    let path = dir.join(MINIMUM);
    replace(&path, format!("{first}\n").as_bytes()).map_err(AuditError::io("writing", &path))
}

/// The records of a folder must begin where its beginning or its pruning says.
pub(crate) fn check_first(dir: &Path, first: u64) -> Result<(), AuditError> {
    if first == minimum(dir)? {
        return Ok(());
    }
    let reason = "the segments before it are missing, and no pruning explains that";
    Err(AuditError::Corrupt { path: path(dir, first), offset: 0, reason })
}

/// Removes the segments that a pruning cut short by a crash has left.
pub(crate) fn finish_pruning(dir: &Path) -> Result<(), AuditError> {
    let minimum = minimum(dir)?;
    for (_, path) in list_all(dir)?.into_iter().filter(|(first, _)| *first < minimum) {
        std::fs::remove_file(&path).map_err(AuditError::io("removing", &path))?;
    }
    Ok(())
}

fn list_all(dir: &Path) -> Result<Vec<(u64, PathBuf)>, AuditError> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(AuditError::io("reading", dir))? {
        let path = entry.map_err(AuditError::io("reading", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let seq = name.and_then(|name| name.strip_suffix(SUFFIX)).and_then(|stem| stem.parse().ok());
        segments.extend(seq.map(|seq: u64| (seq, path)));
    }
    segments.sort();
    Ok(segments)
}

fn checksum(length: u32, synced: u32, json: &[u8]) -> u32 {
    let head = [length, synced].map(u32::to_le_bytes);
    crc32c::crc32c_append(crc32c::crc32c(head.as_flattened()), json)
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(json: &[u8], synced: u32) -> Vec<u8> {
        let mut out = Vec::new();
        let start = begin(&mut out);
        out.extend_from_slice(json);
        seal(&mut out, start, synced);
        out
    }

    #[test]
    fn a_header_survives_and_any_flipped_bit_is_seen() {
        let header = Header { first_seq: 7, oldest_open: 5 };
        let bytes = header.encode();
        assert_eq!((bytes.len(), Header::decode(&bytes)), (HEADER, Ok(header)));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&flipped).is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(Header::decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_frame_survives_and_any_flipped_bit_or_cut_is_seen() {
        let bytes = sealed(b"{\"a\":1}", 40);
        assert_eq!(frame(&bytes), Some(Frame { json: b"{\"a\":1}", synced: 40 }));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(frame(&flipped), None, "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert_eq!(frame(&bytes[..cut]), None, "cut at {cut}");
        }
        assert_eq!(frame(&[0; 64]), None);
    }

    #[test]
    fn a_later_frame_tells_damage_from_a_torn_tail() {
        let check = |synced: u32, expect: bool| {
            let mut bytes = sealed(b"{\"first\":1}", 0);
            bytes[FRAME] ^= 1;
            bytes.extend(sealed(b"{\"second\":2}", synced));
            assert_eq!(is_damaged(&bytes, 0), expect, "synced {synced}");
        };
        check(0, false);
        check(23, true);
    }
}
