//! A key slot: one subject's wrapped key, the reference to it and its blind index, in 128 bytes.
//!
//! Reference, index and key stand in one slot so that one small write destroys all three. A slot lies within one
//! sector of its file. Fields, integers little-endian: state (4 bytes), day (u32), reference (16), blind index
//! (32), wrapped key (60), zeros (8), CRC32C of what stands before. A buried slot keeps state, day and reference.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::crypto::WRAPPED;

/// Bytes of a slot.
pub(super) const SLOT: usize = 128;

const SUM_AT: usize = SLOT - 4;

/// What a slot says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub state: State,
    /// Day since 1970 that a key without a subject stands for; 0 for a subject's.
    pub day: u32,
    pub reference: [u8; 16],
    pub blind: [u8; 32],
    pub wrapped: [u8; WRAPPED],
}

/// Whether the key is there, and if not, why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Live,
    Erased,
    Pruned,
}

impl State {
    const ALL: [(Self, &'static [u8; 4]); 3] =
        [(Self::Live, b"wkey"), (Self::Erased, b"gone"), (Self::Pruned, b"past")];

    fn mark(self) -> &'static [u8; 4] {
        Self::ALL.into_iter().find(|(state, _)| *state == self).map_or(b"gone", |(_, mark)| mark)
    }
}

impl Slot {
    /// The slot as it stands once its key is destroyed.
    pub(super) fn buried(self, state: State) -> Self {
        Self { state, blind: [0; 32], wrapped: [0; WRAPPED], ..self }
    }

    pub(super) fn encode(&self) -> [u8; SLOT] {
        let mut out = Vec::with_capacity(SLOT);
        out.extend_from_slice(self.state.mark());
        out.extend_from_slice(&self.day.to_le_bytes());
        out.extend_from_slice(&self.reference);
        out.extend_from_slice(&self.blind);
        out.extend_from_slice(&self.wrapped);
        out.resize(SUM_AT, 0);
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        let mut slot = [0; SLOT];
        slot.copy_from_slice(&out);
        slot
    }

    /// `None` for bytes that are no whole slot.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_at_checked(SUM_AT)?;
        if crc32c::crc32c(body).to_le_bytes() != sum {
            return None;
        }
        let (mark, rest) = body.split_first_chunk::<4>()?;
        let (day, rest) = rest.split_first_chunk::<4>()?;
        let (reference, rest) = rest.split_first_chunk::<16>()?;
        let (blind, rest) = rest.split_first_chunk::<32>()?;
        let (wrapped, _) = rest.split_first_chunk::<WRAPPED>()?;
        let (state, _) = State::ALL.into_iter().find(|(_, known)| *known == mark)?;
        Some(Self {
            state,
            day: u32::from_le_bytes(*day),
            reference: *reference,
            blind: *blind,
            wrapped: *wrapped,
        })
    }
}

/// The slots of a shard file with the place of each; none if there is no file. Bytes that are no slot are skipped.
pub(super) fn read(path: &Path) -> io::Result<Vec<(u64, Slot)>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let places = (0u64..).step_by(SLOT);
    let slots =
        places.zip(bytes.chunks_exact(SLOT)).filter_map(|(at, bytes)| Some((at, Slot::decode(bytes)?)));
    Ok(slots.collect())
}

/// Appends a slot behind the last whole one; not synced.
pub(super) fn append(path: &Path, slot: &Slot) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    file.write_all_at(&slot.encode(), length - length % SLOT as u64)?;
    Ok(file)
}

/// Overwrites the slot at `at` by its buried form; durable when this returns.
pub(super) fn bury(path: &Path, at: u64, slot: &Slot) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_all_at(&slot.encode(), at)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Slot {
        Slot { state: State::Live, day: 7, reference: [1; 16], blind: [2; 32], wrapped: [3; WRAPPED] }
    }

    #[test]
    fn a_slot_survives_and_any_flipped_bit_is_seen() {
        for state in [State::Live, State::Erased, State::Pruned] {
            let slot = Slot { state, ..sample() };
            let bytes = slot.encode();
            assert!(Slot::decode(&bytes) == Some(slot));
            for bit in 0..SLOT * 8 {
                let mut flipped = bytes;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(Slot::decode(&flipped).is_none(), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_torn_slot_is_written_over_and_a_buried_one_holds_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("00");
        append(&path, &sample()).unwrap();
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(128 + 60).unwrap();
        append(&path, &Slot { day: 8, ..sample() }).unwrap();
        let days: Vec<_> = read(&path).unwrap().iter().map(|(at, slot)| (*at, slot.day)).collect();
        assert_eq!(days, [(0, 7), (128, 8)]);
        bury(&path, 128, &sample().buried(State::Erased)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes[128..].iter().filter(|byte| **byte == 2 || **byte == 3).count(), 0);
        assert_eq!(read(&path).unwrap()[1].1.state, State::Erased);
    }
}
