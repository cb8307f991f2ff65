//! Proof that a record stands in the tree of a checkpoint, and that a key was named by the one before it.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tlog_tiles::{Hash, check_record, record_hash};

use super::anchor::replace;
use super::checkpoint::{Checkpoint, SignedCheckpoint};
use super::keys::VerifierKey;
use super::tiles::Tiles;
use crate::error::AuditError;
use crate::record::{Kind, Record};

/// Folder, beside the tiles, of the proofs that keys were changed by their owners.
pub(crate) const HANDOVERS: &str = "handover";
/// What a `key` record says of the keys that sign checkpoints.
pub(crate) const PURPOSE: &str = "checkpoint";

/// The place of a record in a tree, with the proof of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// Index of the leaf, which is the record's `node_seq` − 1.
    pub index: u64,
    /// Hashes from the leaf's neighbour up (RFC 6962 §2.1.1), base64.
    pub proof: Vec<String>,
}

impl Inclusion {
    pub(crate) fn new(index: u64, proof: &[Hash]) -> Self {
        Self { index, proof: proof.iter().map(Hash::to_string).collect() }
    }

    /// Whether `record` stands at this place in the tree of `checkpoint`.
    pub fn holds(&self, record: &[u8], checkpoint: &Checkpoint) -> bool {
        let proof: Result<Vec<Hash>, _> = self.proof.iter().map(|hash| Hash::parse_hash(hash)).collect();
        proof.is_ok_and(|proof| {
            check_record(&proof, checkpoint.size, checkpoint.root, self.index, record_hash(record)).is_ok()
        })
    }
}

/// Proof that the owner of one key named the next: a `key` record in a tree that both signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEvidence {
    /// The first checkpoint that both keys signed.
    pub checkpoint: String,
    /// Where the record stands in its tree.
    #[serde(flatten)]
    pub inclusion: Inclusion,
    /// The record that announces the new key, as it is spelled in the log.
    pub record: String,
}

impl KeyEvidence {
    pub(crate) fn new(
        tiles: &Tiles,
        seq: u64,
        record: &[u8],
        signed: &SignedCheckpoint,
    ) -> Result<Self, AuditError> {
        let index = seq.saturating_sub(1);
        let proof = tiles.inclusion(index, signed.checkpoint().size)?;
        Ok(Self {
            checkpoint: String::from_utf8_lossy(signed.as_bytes()).into_owned(),
            inclusion: Inclusion::new(index, &proof),
            record: String::from_utf8_lossy(record).into_owned(),
        })
    }

    /// The key that is to be believed because one of `trusted` named it.
    pub fn successor(&self, trusted: &[VerifierKey]) -> Option<VerifierKey> {
        let signed = SignedCheckpoint::parse(self.checkpoint.as_bytes()).ok()?;
        let record = Record::parse(self.record.as_bytes()).ok().filter(|record| record.kind == Kind::Key)?;
        let event = record.key.filter(|event| event.purpose.as_str() == PURPOSE)?;
        let key: VerifierKey = event.public?.as_str().parse().ok()?;
        let is_proven = trusted.iter().any(|by| *by != key && !by.is_witness() && signed.is_signed_by(by))
            && !key.is_witness()
            && signed.is_signed_by(&key)
            && self.inclusion.index.checked_add(1) == Some(record.node_seq)
            && self.inclusion.holds(self.record.as_bytes(), signed.checkpoint());
        is_proven.then_some(key)
    }

    pub(crate) fn save(&self, tree: &Path) -> Result<(), AuditError> {
        let folder = tree.join(HANDOVERS);
        fs::create_dir_all(&folder).map_err(AuditError::io("creating", &folder))?;
        let path = folder.join(format!("{:020}.json", self.inclusion.index));
        let text =
            serde_json::to_vec(self).map_err(|error| AuditError::io("encoding", &path)(error.into()))?;
        replace(&path, &text).map_err(AuditError::io("writing", &path))
    }

    /// All that a lane has, oldest first; what can't be read is left out, and so proves nothing.
    pub fn load_all(tree: &Path) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(tree.join(HANDOVERS)) else { return Vec::new() };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok()).collect()
    }
}

/// `trusted`, and the keys that follow from them by `evidence`, in order.
pub fn follow(trusted: &[VerifierKey], evidence: &[KeyEvidence]) -> Vec<VerifierKey> {
    let mut keys = trusted.to_vec();
    for step in evidence {
        keys.extend(step.successor(&keys));
    }
    keys
}
