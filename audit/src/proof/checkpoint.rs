//! Checkpoints: what a log signs about its tree (C2SP tlog-checkpoint, as a C2SP signed note).

use std::fmt;
use std::str::FromStr;

use signed_note::{Note, Signer, Verifier, VerifierList};
use tlog_tiles::Hash;

use super::keys::{SigningKey, VerifierKey};

/// Largest tree that is believed: far more than any log holds, and small enough that no sum over it overflows.
pub const MAX_SIZE: u64 = 1 << 48;

/// The statement: this log's tree has this root at this size.
#[derive(Clone, PartialEq)]
pub struct Checkpoint {
    /// Name of the log, and of its key.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree (RFC 6962).
    pub root: Hash,
}

/// Bytes that are no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint")]
pub struct NotACheckpoint;

impl fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} is {}", self.origin, self.size, self.root)
    }
}

impl Checkpoint {
    /// The signed note of this statement, signed by each of `signers` in turn.
    pub(crate) fn sign(self, signers: &[&dyn Signer]) -> Result<SignedCheckpoint, NotACheckpoint> {
        let text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root);
        let mut note = Note::new(text.as_bytes(), &[]).map_err(|_| NotACheckpoint)?;
        note.add_sigs(signers).map_err(|_| NotACheckpoint)?;
        Ok(SignedCheckpoint { bytes: note.to_bytes(), checkpoint: self })
    }
}

/// A checkpoint with signatures, not yet believed: ask [`SignedCheckpoint::is_signed_by`].
#[derive(Clone, PartialEq)]
pub struct SignedCheckpoint {
    bytes: Vec<u8>,
    checkpoint: Checkpoint,
}

impl fmt::Debug for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.checkpoint.fmt(f)
    }
}

impl SignedCheckpoint {
    /// Reads a note; checks its form, not its signatures.
    ///
    /// # Errors
    /// [`NotACheckpoint`] for any other bytes, and for a size beyond [`MAX_SIZE`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NotACheckpoint> {
        let note = Note::from_bytes(bytes).map_err(|_| NotACheckpoint)?;
        let text = std::str::from_utf8(note.text()).map_err(|_| NotACheckpoint)?;
        let mut lines = text.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(NotACheckpoint);
        };
        let number =
            u64::from_str(size).ok().filter(|number| *number <= MAX_SIZE && number.to_string() == size);
        let root = Hash::parse_hash(root).map_err(|_| NotACheckpoint)?;
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(NotACheckpoint);
        }
        let checkpoint = Checkpoint { origin: origin.to_owned(), size: number.ok_or(NotACheckpoint)?, root };
        Ok(Self { bytes: bytes.to_owned(), checkpoint })
    }

    /// What it says.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether a signature of this key stands on it, and is right. A log's own key counts only under its origin.
    pub fn is_signed_by(&self, key: &VerifierKey) -> bool {
        (key.is_witness() || key.name() == self.checkpoint.origin) && self.signature_of(key).is_some()
    }

    /// When the witness with this key saw it, in seconds since 1970; `None` without its signature.
    pub fn witnessed_at(&self, key: &VerifierKey) -> Option<u64> {
        let signature = self.signature_of(key).filter(|_| key.is_witness())?;
        signature.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
    }

    /// The same note with one more signature by `signer`.
    pub(crate) fn signed_too(&self, signer: &dyn Signer) -> Result<Self, NotACheckpoint> {
        let mut note = Note::from_bytes(&self.bytes).map_err(|_| NotACheckpoint)?;
        note.add_sigs(&[signer]).map_err(|_| NotACheckpoint)?;
        Ok(Self { bytes: note.to_bytes(), checkpoint: self.checkpoint.clone() })
    }

    /// The same note with those of the signature lines in `lines` that `key` made; `None` if there is none.
    pub(crate) fn with_lines(&self, lines: &[u8], key: &VerifierKey) -> Option<Self> {
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let more = Self { bytes: [&self.bytes, line].concat(), checkpoint: self.checkpoint.clone() };
            if Note::from_bytes(&more.bytes).is_ok() && more.signature_of(key).is_some() {
                return Some(more);
            }
        }
        None
    }

    fn signature_of(&self, key: &VerifierKey) -> Option<Vec<u8>> {
        let note = Note::from_bytes(&self.bytes).ok()?;
        let known = VerifierList::new(vec![Box::new(key.clone()) as Box<dyn Verifier>]);
        let (good, _) = note.verify(&known).ok()?;
        good.first().map(|signature| signature.signature().to_owned())
    }
}

/// The signature line that `signer` sets under the text of a note, for who writes notes by hand.
///
/// # Errors
/// [`NotACheckpoint`] when the text can't stand in a note.
pub fn sign_text(text: &str, signer: &SigningKey) -> Result<String, NotACheckpoint> {
    let mut note = Note::new(text.as_bytes(), &[]).map_err(|_| NotACheckpoint)?;
    note.add_sigs(&[signer]).map_err(|_| NotACheckpoint)?;
    let line = note.to_bytes().split_off(text.len() + 1);
    String::from_utf8(line).map_err(|_| NotACheckpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> (SignedCheckpoint, SigningKey) {
        let key = SigningKey::from_seed("weir/a", [7; 32]);
        let checkpoint = Checkpoint { origin: "weir/a".into(), size: 12, root: Hash([9; 32]) };
        (checkpoint.sign(&[&key]).unwrap(), key)
    }

    #[test]
    fn a_checkpoint_survives_its_spelling_and_no_flipped_bit_is_believed() {
        let (signed, key) = signed();
        let bytes = signed.as_bytes().to_owned();
        let read = SignedCheckpoint::parse(&bytes).unwrap();
        assert_eq!(read, signed);
        assert!(read.is_signed_by(&key.verifier()));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let believed = SignedCheckpoint::parse(&flipped).is_ok_and(|it| it.is_signed_by(&key.verifier()));
            assert!(!believed, "bit {bit}");
        }
        for cut in 0..bytes.len() {
            let believed =
                SignedCheckpoint::parse(&bytes[..cut]).is_ok_and(|it| it.is_signed_by(&key.verifier()));
            assert!(!believed, "cut at {cut}");
        }
    }

    #[test]
    fn only_the_right_key_under_the_right_name_counts() {
        let (signed, key) = signed();
        let check = |name: &str, seed: u8, expect: bool| {
            let verifier = SigningKey::from_seed(name, [seed; 32]).verifier();
            assert_eq!(signed.is_signed_by(&verifier), expect, "{name} {seed}");
        };
        check("weir/a", 7, true);
        check("weir/a", 8, false);
        check("weir/b", 7, false);
        // A key of another name that signed it is no key of this log.
        let other = SigningKey::from_seed("weir/b", [8; 32]);
        let both = signed.signed_too(&other).unwrap();
        assert!(both.is_signed_by(&key.verifier()) && !both.is_signed_by(&other.verifier()));
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let (signed, _) = signed();
        let text = String::from_utf8(signed.as_bytes().to_owned()).unwrap();
        let check = |from: &str, to: &str| {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert_eq!(SignedCheckpoint::parse(changed.as_bytes()), Err(NotACheckpoint), "{from} → {to}");
        };
        check("\n12\n", "\n012\n");
        check("\n12\n", "\n-1\n");
        check("\n12\n", "\n18446744073709551615\n");
        check("\n12\n", "\n");
        check("weir/a\n12", "\n12");
        check("\n\n", "\n");
        check("CQkJ", "CQk");
    }
}
