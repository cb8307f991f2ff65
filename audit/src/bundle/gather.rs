//! Writing a bundle: the records of some calls out of all lanes, each with its proof.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use uuid::Uuid;

use super::{Bundle, KEYS, Keys, PROOFS, Proof, RECORDS};
use crate::error::AuditError;
use crate::proof::checkpoint::SignedCheckpoint;
use crate::proof::evidence::{Inclusion, KeyEvidence};
use crate::proof::tiles::Tiles;
use crate::proof::{FIRST_KEY, TREE};
use crate::read::{Line, Tail, lanes};

/// Records read at once.
const STEP: usize = 1024;

/// Which records a bundle holds.
#[derive(Clone, Debug)]
pub enum Selection {
    /// All that a checkpoint covers.
    All,
    /// Records with one of these ids, and the ends of calls with one of them.
    Ids(HashSet<Uuid>),
}

/// The part of a record that is looked at.
#[derive(Deserialize)]
struct Outline {
    intent_id: Option<Uuid>,
    record_id: Uuid,
}

impl Selection {
    fn takes(&self, line: &Line) -> bool {
        let Self::Ids(ids) = self else { return true };
        let outline: Result<Outline, _> = serde_json::from_slice(&line.json);
        outline
            .is_ok_and(|it| ids.contains(&it.record_id) || it.intent_id.is_some_and(|id| ids.contains(&id)))
    }
}

/// Writes the selected records of the log in `log` into a new bundle in `dir`; the caller may add files, and must
/// call [`Bundle::finish`]. Only records that a published checkpoint covers can be shown: see
/// [`crate::Log::sealed`]. The log is read from its beginning.
///
/// # Errors
/// [`AuditError::Bundle`] when the log is not sealed, or has no record to show; [`AuditError::Proof`];
/// [`AuditError::Corrupt`]; [`AuditError::Io`].
pub fn write(log: &Path, selection: &Selection, dir: &Path) -> Result<Bundle, AuditError> {
    let mut bundle = Bundle::create(dir)?;
    let mut parts = Parts::default();
    for folder in lanes(log) {
        let tree = folder.join(TREE);
        let path = tree.join("checkpoint");
        let Ok(bytes) = fs::read(&path) else { continue };
        let unreadable =
            |_| AuditError::Corrupt { path: path.clone(), offset: 0, reason: "not a checkpoint" };
        let signed = SignedCheckpoint::parse(&bytes).map_err(unreadable)?;
        let name = match folder.file_name() {
            Some(lane) if folder != log => format!("checkpoint-{}", lane.to_string_lossy()),
            _ => "checkpoint".to_owned(),
        };
        if parts.gather(&folder, &signed, (&name, selection))? {
            bundle.add_file(&name, &bytes)?;
            let first = fs::read_to_string(tree.join(FIRST_KEY)).ok().map(|key| key.trim().to_owned());
            let origin = signed.checkpoint().origin.clone();
            parts.keys.push(Keys { evidence: KeyEvidence::load_all(&tree), first, origin });
        }
    }
    if parts.count == 0 {
        let reason = "no record of the selection is covered by a checkpoint";
        return Err(AuditError::Bundle { path: log.to_owned(), reason });
    }
    bundle.add_file(RECORDS, &parts.records)?;
    bundle.add_file(PROOFS, &parts.proofs)?;
    let keys = serde_json::to_vec_pretty(&parts.keys);
    bundle.add_file(KEYS, &keys.map_err(|error| AuditError::io("encoding", dir)(error.into()))?)?;
    bundle.records = parts.count;
    Ok(bundle)
}

#[derive(Default)]
struct Parts {
    records: Vec<u8>,
    proofs: Vec<u8>,
    keys: Vec<Keys>,
    count: u64,
}

impl Parts {
    /// Adds the records of one lane; whether there were any.
    fn gather(
        &mut self,
        lane: &Path,
        signed: &SignedCheckpoint,
        (name, selection): (&str, &Selection),
    ) -> Result<bool, AuditError> {
        let tiles = Tiles::new(&lane.join(TREE));
        let size = signed.checkpoint().size;
        let mut tail = Tail::open(lane, 0);
        let before = self.count;
        loop {
            let lines = tail.next(STEP, size)?;
            if lines.is_empty() {
                return Ok(self.count > before);
            }
            for line in lines.iter().filter(|line| selection.takes(line)) {
                let inclusion = Inclusion::new(line.seq - 1, &tiles.inclusion(line.seq - 1, size)?);
                // Tiles are no proof of themselves: what doesn't hold is not handed out.
                if !inclusion.holds(&line.json, signed.checkpoint()) {
                    let reason = "a record is not the one that was signed: verify the log";
                    return Err(AuditError::Inconsistent { path: lane.to_owned(), size: line.seq, reason });
                }
                self.records.extend_from_slice(&line.json);
                self.records.push(b'\n');
                let proof = Proof { checkpoint: name.to_owned(), inclusion };
                let proof = serde_json::to_vec(&proof);
                self.proofs.extend(proof.map_err(|error| AuditError::io("encoding", lane)(error.into()))?);
                self.proofs.push(b'\n');
                self.count += 1;
            }
        }
    }
}
