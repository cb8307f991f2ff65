//! The frame of a body in its file: a head that says whose it is, then the sealed bytes.
//!
//! Head, 64 bytes, integers little-endian: magic `wbdy`, length of the sealed bytes (u32), kind (u8, then three
//! zeros), call id (16), key reference (16), zeros (16), CRC32C of what stands before (u32). The sealed bytes need no
//! checksum: the record holds their SHA-256.

use memchr::memmem;
use uuid::Uuid;

use super::BodyKind;

/// Bytes of a frame before the sealed bytes.
pub(super) const HEAD: usize = 64;

const MAGIC: &[u8; 4] = b"wbdy";
const SUM_AT: usize = HEAD - 4;

/// Whose body a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub call: Uuid,
    pub kind: BodyKind,
    pub key: [u8; 16],
}

/// Where a sealed body stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub label: Label,
    /// Of the first sealed byte.
    pub offset: u64,
    pub length: u32,
}

/// Fills in the head of `frame`, whose sealed bytes stand behind it.
pub(super) fn finish(frame: &mut [u8], label: &Label) {
    let Some((head, sealed)) = frame.split_first_chunk_mut::<HEAD>() else { return };
    let mut rest = head.as_mut_slice();
    let fields: [&[u8]; 5] = [
        MAGIC,
        &u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_le_bytes(),
        &[label.kind.code(), 0, 0, 0],
        label.call.as_bytes(),
        &label.key,
    ];
    for field in fields {
        let Some((place, behind)) = rest.split_at_mut_checked(field.len()) else { return };
        place.copy_from_slice(field);
        rest = behind;
    }
    rest.fill(0);
    let Some((fields, sum)) = head.split_last_chunk_mut::<4>() else { return };
    *sum = crc32c::crc32c(fields).to_le_bytes();
}

/// The frames of a file whose bytes are `bytes`, from `start` on, and where the last whole one ends.
///
/// A head that can't be read is stepped over if a good one follows: what stands behind damage is still found.
pub(super) fn scan(bytes: &[u8], start: usize) -> (Vec<Place>, usize) {
    let (mut places, mut at) = (Vec::new(), start);
    loop {
        if let Some(place) = read(bytes, at) {
            at += HEAD + place.length as usize;
            places.push(place);
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let next =
            memmem::find_iter(rest, MAGIC).map(|found| at + found).find(|at| read(bytes, *at).is_some());
        match next {
            Some(found) => at = found,
            None => return (places, at),
        }
    }
}

/// The whole frame at `at`.
fn read(bytes: &[u8], at: usize) -> Option<Place> {
    let head = bytes.get(at..)?.first_chunk::<HEAD>()?;
    let (fields, sum) = head.split_at(SUM_AT);
    if crc32c::crc32c(fields).to_le_bytes() != sum {
        return None;
    }
    let rest = fields.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (call, rest) = rest.split_first_chunk::<16>()?;
    let (key, _) = rest.split_first_chunk::<16>()?;
    let length = u32::from_le_bytes(*length);
    let offset = at + HEAD;
    bytes.get(offset..offset.checked_add(length as usize)?)?;
    let label = Label { call: Uuid::from_bytes(*call), kind: BodyKind::from_code(kind[0])?, key: *key };
    Some(Place { label, offset: offset as u64, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(call: u128, sealed: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEAD];
        bytes.extend_from_slice(sealed);
        finish(&mut bytes, &Label { call: Uuid::from_u128(call), kind: BodyKind::Sent, key: [9; 16] });
        bytes
    }

    #[test]
    fn frames_are_found_and_a_torn_one_is_not() {
        let bytes = [frame(1, b"one"), frame(2, b""), frame(3, b"three")].concat();
        for cut in 0..=bytes.len() {
            let (places, end) = scan(&bytes[..cut], 0);
            let whole = [67, 131, 200].iter().filter(|end| **end <= cut).count();
            assert_eq!((places.len(), end), (whole, [0, 67, 131, 200][whole]), "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_head_hides_its_own_body_only() {
        let mut bytes = [frame(1, b"one"), frame(2, b"two"), frame(3, b"three")].concat();
        bytes[67 + 20] ^= 1;
        let calls: Vec<_> = scan(&bytes, 0).0.iter().map(|it| it.label.call.as_u128()).collect();
        assert_eq!(calls, [1, 3]);
    }
}
