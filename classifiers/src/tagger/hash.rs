//! The hashes of words and features: the same in training and in use, so they never change.

/// Hash of a sequence of numbers, 32 bits.
#[derive(Clone, Copy, Debug)]
pub struct Hash(u32);

impl Default for Hash {
    fn default() -> Self {
        Self(0x811c_9dc5)
    }
}

impl Hash {
    /// Appends a number.
    pub fn add(&mut self, value: u32) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x9e37_79b1);
    }

    /// The hash so far, its bits spread (the finaliser of MurmurHash3).
    pub fn finish(self) -> u32 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }
}

/// One hash of two.
pub fn mix(a: u32, b: u32) -> u32 {
    let mut hash = Hash::default();
    hash.add(a);
    hash.add(b);
    hash.finish()
}

/// A fixed table from hashes to places, by open addressing; at most half full.
#[derive(Clone, Default)]
pub struct Table {
    slots: Vec<(u32, u32)>,
}

/// Marks a slot of a [`Table`] that holds nothing.
const EMPTY: u32 = u32::MAX;

impl Table {
    /// The table of `hashes`; each is found at its place in the sequence.
    pub fn new(hashes: &[u32]) -> Self {
        let size = (hashes.len() * 2).next_power_of_two().max(2);
        let mut slots = vec![(0, EMPTY); size];
        for (place, hash) in (0..EMPTY).zip(hashes) {
            let mut at = *hash as usize & (size - 1);
            while let Some(slot) = slots.get_mut(at) {
                if slot.1 == EMPTY {
                    *slot = (*hash, place);
                    break;
                }
                if slot.0 == *hash {
                    break;
                }
                at = (at + 1) & (size - 1);
            }
        }
        Self { slots }
    }

    /// Where `hash` stands.
    pub fn find(&self, hash: u32) -> Option<usize> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            let (found, place) = *self.slots.get(at)?;
            if place == EMPTY {
                return None;
            }
            if found == hash {
                return Some(place as usize);
            }
            at = (at + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_finds_what_it_was_made_of_and_nothing_else() {
        let hashes: Vec<u32> = (0..1000).map(|n| mix(n, 7)).chain([5, 5 + 2048, 5 + 4096]).collect();
        let table = Table::new(&hashes);
        for (place, hash) in hashes.iter().enumerate() {
            assert_eq!(table.find(*hash), Some(place));
        }
        assert_eq!((0..1000).filter(|n| table.find(mix(*n, 8)).is_some()).count(), 0);
        assert_eq!(Table::new(&[]).find(3), None);
        assert_eq!(Table::default().find(3), None);
    }
}
