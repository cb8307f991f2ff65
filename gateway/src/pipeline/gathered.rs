//! Replies gathered piece by piece, within the memory that all of them share.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

/// Least bytes of memory that are taken for a reply.
const LEAST: usize = 4 << 10;

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

/// A reply as far as it came. It gives its room back when it is dropped.
pub struct Gathered {
    room: Arc<Room>,
    bytes: Vec<u8>,
    taken: usize,
}

impl Gathered {
    /// Nothing yet.
    pub fn new(room: Arc<Room>) -> Self {
        Self { room, bytes: Vec::new(), taken: 0 }
    }

    /// Adds a piece; `limit` bytes are kept at most.
    ///
    /// # Errors
    /// [`Full`]: the piece was not added.
    pub fn push(&mut self, piece: &[u8], limit: usize) -> Result<(), Full> {
        let needed = self.bytes.len() + piece.len();
        if needed > limit {
            return Err(Full);
        }
        if needed > self.taken {
            // Twice as much each time, so that it is seldom moved; never more than can be kept.
            let wanted = (self.taken * 2).max(LEAST).min(limit).max(needed);
            let got = [wanted, needed].into_iter().find(|bytes| self.room.take(bytes - self.taken));
            self.taken = got.ok_or(Full)?;
            self.bytes.reserve_exact(self.taken - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    /// What came so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All that came.
    pub fn into_bytes(mut self) -> Bytes {
        std::mem::take(&mut self.bytes).into()
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
        let room = Room::new(10_000);
        let mut one = Gathered::new(Arc::clone(&room));
        let mut other = Gathered::new(Arc::clone(&room));
        assert_eq!(one.push(&[1; 100], 8000), Ok(()));
        assert_eq!(free(&room), 10_000 - LEAST);
        assert_eq!(other.push(&[2; 5000], 8000), Ok(()));
        assert_eq!(free(&room), 10_000 - LEAST - 5000);
        // There is room for what is needed, if not for twice as much.
        assert_eq!(one.push(&[3; 4200], 8000), Ok(()));
        assert_eq!(free(&room), 10_000 - 4300 - 5000);
        assert_eq!(one.push(&[4; 1000], 8000), Err(Full));
        assert_eq!(one.bytes().len(), 4300);
        drop(other);
        assert_eq!(one.push(&[5; 1000], 8000), Ok(()));
        assert_eq!(one.push(&[6; 3000], 8000), Err(Full), "longer than what is kept");
        assert_eq!(one.into_bytes().len(), 5300);
        assert_eq!(free(&room), 10_000);
    }
}
