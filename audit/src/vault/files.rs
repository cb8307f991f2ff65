//! The body files as anyone sees them who has no key: whether what a record commits to is there, unaltered.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::catalogue::Catalogue;
use super::{BodyKind, crypto, volume};
use crate::error::AuditError;
use crate::exchange::BodyRef;
use crate::record::Record;

/// The folder of the body files, for readers. Takes no lock and writes nothing; needs no key.
pub struct BodyFiles {
    pub(super) dir: PathBuf,
    pub(super) catalogue: Catalogue,
}

/// What is stored of a body that a record commits to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The sealed bytes that the record commits to.
    Intact,
    /// Zeros, as an erasure leaves them.
    Wiped,
    /// Nothing, and retention deleted the bodies of that time.
    Pruned,
    /// Nothing, and nothing explains it.
    Missing,
    /// Other bytes.
    Altered,
}

impl BodyFiles {
    /// The body files in `dir`.
    pub fn open(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), catalogue: Catalogue::default() }
    }

    /// What is stored of `body`, one of the bodies of `record`.
    ///
    /// # Errors
    /// [`AuditError::Io`]
    pub fn check(&self, record: &Record, body: &BodyRef) -> Result<Stored, AuditError> {
        let Some(sealed) = self.sealed(record, body)? else {
            let is_pruned = record.time.time() < self.pruned_before()?;
            return Ok(if is_pruned { Stored::Pruned } else { Stored::Missing });
        };
        if fits(body, &sealed) {
            return Ok(Stored::Intact);
        }
        let is_wiped = body.length == sealed.len() as u64 && sealed.iter().all(|byte| *byte == 0);
        Ok(if is_wiped { Stored::Wiped } else { Stored::Altered })
    }

    /// The stored bytes of `body`, one of the bodies of `record`, whatever they are by now.
    ///
    /// # Errors
    /// [`AuditError::Io`]
    pub fn sealed(&self, record: &Record, body: &BodyRef) -> Result<Option<Vec<u8>>, AuditError> {
        let Some(kind) = BodyKind::from_word(body.kind.as_str()) else { return Ok(None) };
        let volumes = volume::by_distance(&self.dir, record.time.time())?;
        volume::find(&self.catalogue, &volumes, call_of(record), kind)
    }

    /// Bodies of records before this were deleted by retention.
    pub(super) fn pruned_before(&self) -> Result<SystemTime, AuditError> {
        let path = self.dir.join("pruned");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(AuditError::io("reading", &path)(error)),
        };
        let seconds = text.trim().parse().unwrap_or(0);
        Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }
}

/// The bodies that an intent or a completion commits to.
pub(super) fn bodies_of(record: &Record) -> &[BodyRef] {
    match (&record.intent, &record.completion) {
        (Some(intent), _) => &intent.bodies,
        (None, Some(completion)) => &completion.bodies,
        (None, None) => &[],
    }
}

/// The call whose bodies a record commits to.
pub(super) fn call_of(record: &Record) -> uuid::Uuid {
    record.intent_id.unwrap_or(record.record_id)
}

/// Whether `sealed` is what the record commits to.
pub(super) fn fits(body: &BodyRef, sealed: &[u8]) -> bool {
    let sha256 = crypto::unspell(body.sha256.as_str());
    sha256 == Some(crypto::sha256(sealed)) && body.length == sealed.len() as u64
}
