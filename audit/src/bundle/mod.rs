//! Evidence bundles: a folder with some records and all that a stranger needs to check them.
//!
//! `docs/audit-format.md`, which is part of every bundle, says what each file holds.

mod check;
mod gather;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use check::verify;
pub use gather::{Selection, write};

use crate::error::AuditError;
use crate::proof::anchor::replace;
use crate::proof::evidence::{Inclusion, KeyEvidence};

/// What a bundle's manifest calls its layout.
pub const FORMAT: &str = "weir-evidence/1";
/// File that lists the others.
pub const MANIFEST: &str = "manifest.json";
const RECORDS: &str = "records.jsonl";
const PROOFS: &str = "proofs.jsonl";
const KEYS: &str = "keys.json";
const DESCRIPTION: (&str, &str) = ("FORMAT.md", include_str!("../../../docs/audit-format.md"));

/// A bundle that is being written.
#[derive(Debug)]
pub struct Bundle {
    dir: PathBuf,
    files: BTreeMap<String, String>,
    /// Records in it.
    pub records: u64,
}

/// The list of a bundle's files.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// SHA-256 of each file, hexadecimal, by name.
    files: BTreeMap<String, String>,
    format: String,
}

/// Where one record stands: a line of `proofs.jsonl`, beside the same line of `records.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
struct Proof {
    /// File of the checkpoint.
    checkpoint: String,
    #[serde(flatten)]
    inclusion: Inclusion,
}

/// The keys of one log.
#[derive(Debug, Serialize, Deserialize)]
struct Keys {
    /// One proof for each change of the key, in order.
    evidence: Vec<KeyEvidence>,
    /// The key that the log began with, to be compared with what was handed over.
    first: Option<String>,
    origin: String,
}

impl Bundle {
    /// Begins a bundle in the folder `dir`, which must be new or empty.
    ///
    /// # Errors
    /// [`AuditError::Bundle`] when something is there; [`AuditError::Io`].
    pub fn create(dir: &Path) -> Result<Self, AuditError> {
        fs::create_dir_all(dir).map_err(AuditError::io("creating", dir))?;
        let mut entries = fs::read_dir(dir).map_err(AuditError::io("reading", dir))?;
        if entries.next().is_some() {
            return Err(AuditError::Bundle {
                path: dir.to_owned(),
                reason: "it is not empty: name a new folder",
            });
        }
        let mut bundle = Self { dir: dir.to_owned(), files: BTreeMap::new(), records: 0 };
        let (name, text) = DESCRIPTION;
        bundle.add_file(name, text.as_bytes())?;
        Ok(bundle)
    }

    /// Adds a file of the given plain name.
    ///
    /// # Errors
    /// [`AuditError::Bundle`] for a name that is taken or has more than letters, digits, `.`, `_` and `-`;
    /// [`AuditError::Io`].
    pub fn add_file(&mut self, name: &str, bytes: &[u8]) -> Result<(), AuditError> {
        let path = self.dir.join(name);
        if !is_plain(name) || name == MANIFEST || self.files.contains_key(name) {
            return Err(AuditError::Bundle { path, reason: "this name can't be used for a further file" });
        }
        replace(&path, bytes).map_err(AuditError::io("writing", &path))?;
        self.files.insert(name.to_owned(), digest(bytes));
        Ok(())
    }

    /// Writes the manifest: from now on no file may be added or changed.
    ///
    /// # Errors
    /// [`AuditError::Io`].
    pub fn finish(self) -> Result<PathBuf, AuditError> {
        let path = self.dir.join(MANIFEST);
        let manifest = Manifest { files: self.files, format: FORMAT.to_owned() };
        let text = serde_json::to_vec_pretty(&manifest);
        let text = text.map_err(|error| AuditError::io("encoding", &path)(error.into()))?;
        replace(&path, &text).map_err(AuditError::io("writing", &path))?;
        Ok(self.dir)
    }
}

fn is_plain(name: &str) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    !name.is_empty() && !name.starts_with('.') && !name.ends_with(".new") && name.chars().all(is_safe)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
