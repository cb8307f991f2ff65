//! Replies gathered piece by piece, within the memory that all of them share.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// Bytes of the first block of a reply; each further one is twice as large, up to [`LARGEST`].
const FIRST: usize = 4 << 10;
/// Bytes of the largest block: what is given back serves the next reply, whatever its length.
const LARGEST: usize = 64 << 10;

/// Memory for the replies that are gathered now, all together.
pub struct Room(AtomicUsize);

impl Room {
    /// Room for so many bytes.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(bytes)))
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes));
        taken.is_ok()
    }

    fn give(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A reply is longer than what is kept, or there is no room for more of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

/// A reply as far as it came, in blocks that are never moved. It gives its room back when it is dropped.
pub struct Gathered {
    room: Arc<Room>,
    blocks: Vec<Vec<u8>>,
    length: usize,
    taken: usize,
}

impl Gathered {
    /// Nothing yet.
    pub fn new(room: Arc<Room>) -> Self {
        Self { room, blocks: Vec::new(), length: 0, taken: 0 }
    }

    /// Adds a piece; `limit` bytes are kept at most.
    ///
    /// # Errors
    /// [`Full`]: not all of the piece was added, and nothing more can be.
    pub fn push(&mut self, mut piece: &[u8], limit: usize) -> Result<(), Full> {
        if self.length + piece.len() > limit {
            return Err(Full);
        }
        while !piece.is_empty() {
            let block = match self.blocks.last_mut() {
                Some(block) if block.len() < block.capacity() => block,
                _ => self.block(limit)?,
            };
            let fits = piece.len().min(block.capacity() - block.len());
            let (here, rest) = piece.split_at(fits);
            block.extend_from_slice(here);
            self.length += fits;
            piece = rest;
        }
        Ok(())
    }

    fn block(&mut self, limit: usize) -> Result<&mut Vec<u8>, Full> {
        let wanted = self.blocks.last().map_or(FIRST, |last| (last.capacity() * 2).min(LARGEST));
        let bytes = wanted.min(limit - self.length).max(1);
        if !self.room.take(bytes) {
            return Err(Full);
        }
        self.taken += bytes;
        self.blocks.push(Vec::with_capacity(bytes));
        self.blocks.last_mut().ok_or(Full)
    }

    /// Whether `piece` stands at `from`.
    pub fn holds(&self, from: usize, mut piece: &[u8]) -> bool {
        let mut skip = from;
        for block in &self.blocks {
            let here = block.get(skip..).unwrap_or_default();
            skip = skip.saturating_sub(block.len());
            let (front, rest) = piece.split_at(piece.len().min(here.len()));
            if !here.starts_with(front) {
                return false;
            }
            piece = rest;
        }
        piece.is_empty()
    }

    /// The first `length` bytes, in pieces.
    pub fn first(&self, length: usize) -> impl Iterator<Item = &[u8]> {
        let mut left = length;
        self.blocks.iter().map_while(move |block| {
            let front = block.get(..left.min(block.len()))?;
            left -= front.len();
            (!front.is_empty()).then_some(front)
        })
    }

    /// All that came.
    pub fn into_bytes(mut self) -> Bytes {
        match self.blocks.as_mut_slice() {
            [only] => std::mem::take(only).into(),
            blocks => blocks.concat().into(),
        }
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.room.give(self.taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(room: &Room) -> usize {
        room.0.load(Ordering::Relaxed)
    }

    #[test]
    fn all_replies_share_one_room_and_give_it_back() {
        let room = Room::new(30_000);
        let mut one = Gathered::new(Arc::clone(&room));
        let mut other = Gathered::new(Arc::clone(&room));
        assert_eq!(one.push(&[1; 100], 8000), Ok(()));
        assert_eq!(free(&room), 30_000 - FIRST);
        // The second block is cut to what may still come.
        assert_eq!(one.push(&[2; 4200], 8000), Ok(()));
        assert_eq!(free(&room), 30_000 - 8000);
        assert_eq!(other.push(&[3; 5000], 1 << 20), Ok(()));
        assert_eq!(free(&room), 30_000 - 8000 - 3 * FIRST);
        assert_eq!(one.push(&[4; 3701], 8000), Err(Full), "longer than what is kept");
        drop(other);
        assert_eq!(one.push(&[5; 3700], 8000), Ok(()));
        assert_eq!(one.into_bytes().len(), 8000);
        assert_eq!(free(&room), 30_000);
        let mut third = Gathered::new(Room::new(5000));
        assert_eq!(third.push(&[6; 5000], 1 << 20), Err(Full), "no room for a second block");
    }

    #[test]
    fn what_came_is_compared_and_read_across_blocks() {
        let bytes: Vec<u8> = (0..40_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let mut gathered = Gathered::new(Room::new(1 << 20));
        for piece in bytes.chunks(777) {
            gathered.push(piece, 1 << 20).unwrap();
        }
        for (from, to) in [(0, 0), (0, 10), (4000, 4200), (4095, 12_289), (0, 40_000), (39_999, 40_000)] {
            assert!(gathered.holds(from, &bytes[from..to]), "{from}..{to}");
            if from < to {
                let mut other = bytes[from..to].to_vec();
                *other.last_mut().unwrap() ^= 1;
                assert!(!gathered.holds(from, &other), "{from}..{to}");
            }
            assert_eq!(gathered.first(to).collect::<Vec<_>>().concat(), &bytes[..to]);
        }
        assert!(!gathered.holds(39_999, &bytes[..2]), "beyond the end");
        assert_eq!(gathered.into_bytes(), bytes);
    }
}
