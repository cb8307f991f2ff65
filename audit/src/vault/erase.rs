//! Erasing a person: the key is destroyed, then the ciphertext, and the log stays as it is.
//!
//! A note is made durable first and removed by [`Vault::confirm`] last, so that a crash anywhere in between is
//! finished by [`Vault::resume`]. Each step may be done again.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::keys::{Owner, entries};
use super::slot::State;
use super::{Vault, crypto, volume};
use crate::disk::{replace, sync_folder};
use crate::error::AuditError;
use crate::event::Erasure;
use crate::hold::Holds;
use crate::read::of_kind;
use crate::record::Kind;
use crate::text::Text;

/// Who is to be erased, by whom and why.
#[derive(Clone)]
pub struct Erase<'a> {
    /// Tenant of the subject.
    pub tenant: &'a str,
    /// The subject.
    pub whom: Whom<'a>,
    /// Who does it: an admin key's name.
    pub actor: Text,
    /// Why; it stands in the log for good.
    pub reason: Text,
}

/// A data subject, by name or by reference.
#[derive(Clone, Copy)]
pub enum Whom<'a> {
    /// As the callers name them.
    Subject(&'a str),
    /// As the records refer to them, or to the key of a day's nameless calls.
    Reference(&'a str),
}

/// An erasure that is done, and has to be recorded: append [`Receipt::erasure`] to the log, then
/// [`Vault::confirm`] it.
#[derive(Debug)]
#[must_use = "an erasure is recorded in the log, then confirmed"]
pub struct Receipt {
    /// The body of the record.
    pub erasure: Erasure,
    note: PathBuf,
}

/// What is being erased; holds no name.
#[derive(Clone, Serialize, Deserialize)]
struct Note {
    tenant: String,
    reference: String,
    actor: Text,
    reason: Text,
}

impl Vault {
    /// Makes all bodies of a subject unreadable for good, and forgets who the reference stands for.
    ///
    /// # Errors
    /// [`AuditError::Held`] with the hold that forbids it; [`AuditError::NoSubject`]; [`AuditError::Io`], after
    /// which [`Vault::resume`] finishes what was begun.
    pub fn erase(&self, wanted: &Erase<'_>, holds: &Holds) -> Result<Receipt, AuditError> {
        let place = match wanted.whom {
            Whom::Subject(name) => self.keys.look_up(wanted.tenant, Owner::Subject(name))?,
            Whom::Reference(text) => match crypto::unspell(text) {
                Some(id) => self.keys.by_reference(wanted.tenant, id)?,
                None => None,
            },
        };
        let place = place.ok_or(AuditError::NoSubject)?;
        let note = Note {
            tenant: wanted.tenant.to_owned(),
            reference: crypto::spell(&place.slot.reference),
            actor: wanted.actor.clone(),
            reason: wanted.reason.clone(),
        };
        if let Some(hold) = holds.covering(&note.tenant, Some(&note.reference)) {
            return Err(AuditError::Held { hold });
        }
        let path = self.write_note(&note)?;
        self.carry_out(&note, path)
    }

    /// Finishes erasures that a crash broke off, or whose record was never confirmed. One that had destroyed
    /// nothing yet, and is under a hold by now, is dropped.
    ///
    /// # Errors
    /// As [`Vault::erase`].
    pub fn resume(&self, holds: &Holds) -> Result<Vec<Receipt>, AuditError> {
        let mut receipts = Vec::new();
        for path in entries(&self.keys_dir.join("erasing"))? {
            if path.extension().is_none_or(|it| it != "json") {
                // A draft that was never put in place.
                remove(&path)?;
                continue;
            }
            let bytes = fs::read(&path).map_err(AuditError::io("reading", &path))?;
            let note: Note = serde_json::from_slice(&bytes).map_err(|_| AuditError::KeyStore {
                path: path.clone(),
                reason: "a note of an erasure can't be read",
            })?;
            if self.is_untouched(&note)? && holds.covering(&note.tenant, Some(&note.reference)).is_some() {
                tracing::warn!("an erasure that had not begun is under a legal hold now and is dropped");
                remove(&path)?;
                continue;
            }
            receipts.push(self.carry_out(&note, path)?);
        }
        Ok(receipts)
    }

    /// Ends an erasure whose record is durable in the log.
    ///
    /// # Errors
    /// [`AuditError::Io`]
    pub fn confirm(&self, receipt: Receipt) -> Result<(), AuditError> {
        remove(&receipt.note)
    }

    /// Destroys again what the `erasure` records of the log in `dir` say was destroyed, and came back with an older
    /// copy of the keys; how many subjects. For the first start after such a restore: it reads the whole log.
    ///
    /// # Errors
    /// As [`Vault::erase`], and as [`crate::read::Tail::next`].
    pub fn repeat_erasures(&self, dir: &Path) -> Result<u64, AuditError> {
        let mut repeated = 0;
        for record in of_kind(dir, Kind::Erasure)?.into_iter().flatten() {
            let Some(erasure) = record.erasure else { continue };
            let note = Note {
                tenant: record.tenant.as_str().to_owned(),
                reference: erasure.subject_ref.as_str().to_owned(),
                actor: erasure.actor,
                reason: erasure.reason,
            };
            if self.is_untouched(&note)? {
                self.destroy_key(&note)?;
                self.wipe_bodies(&note)?;
                repeated += 1;
            }
        }
        Ok(repeated)
    }

    fn write_note(&self, note: &Note) -> Result<PathBuf, AuditError> {
        let path = self.keys_dir.join("erasing").join(format!("{}.json", note.reference));
        let written = serde_json::to_vec(note).map_err(std::io::Error::other);
        written.and_then(|bytes| replace(&path, &bytes)).map_err(AuditError::io("writing", &path))?;
        Ok(path)
    }

    // INVARIANT: the key goes first. A crash behind it leaves ciphertext that nobody can read.
    fn carry_out(&self, note: &Note, path: PathBuf) -> Result<Receipt, AuditError> {
        self.destroy_key(note)?;
        let bodies = self.wipe_bodies(note)?;
        let erasure = Erasure {
            actor: note.actor.clone(),
            bodies,
            reason: note.reason.clone(),
            subject_ref: note.reference.clone().into(),
            tenant: note.tenant.clone().into(),
        };
        Ok(Receipt { erasure, note: path })
    }

    fn destroy_key(&self, note: &Note) -> Result<(), AuditError> {
        let id = crypto::unspell(&note.reference).ok_or(AuditError::NoSubject)?;
        match self.keys.by_reference(&note.tenant, id)? {
            Some(place) if place.slot.state == State::Live => self.keys.bury(&place, State::Erased),
            // A crash may have come before other processes were told.
            _ => self.keys.forget(),
        }
    }

    fn wipe_bodies(&self, note: &Note) -> Result<u64, AuditError> {
        let id = crypto::unspell(&note.reference).ok_or(AuditError::NoSubject)?;
        volume::wipe(&self.files.dir, &self.files.catalogue, id)
    }

    fn is_untouched(&self, note: &Note) -> Result<bool, AuditError> {
        let Some(id) = crypto::unspell(&note.reference) else { return Ok(false) };
        let place = self.keys.by_reference(&note.tenant, id)?;
        Ok(place.is_some_and(|place| place.slot.state == State::Live))
    }
}

fn remove(path: &Path) -> Result<(), AuditError> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(AuditError::io("removing", path)(error)),
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    sync_folder(dir).map_err(AuditError::io("syncing", dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::VaultOptions;

    /// What a crash cuts off, counted in steps that were taken.
    const STEPS: usize = 5;

    fn open(dir: &Path) -> Vault {
        Vault::open(&dir.join("bodies"), &dir.join("keys"), VaultOptions::default()).unwrap()
    }

    fn wanted() -> Erase<'static> {
        Erase { tenant: "acme", whom: Whom::Subject("ada"), actor: "ann".into(), reason: "asked".into() }
    }

    /// An erasure that stops after `steps` steps.
    fn erase_until(vault: &Vault, steps: usize) {
        let place = vault.keys.look_up("acme", Owner::Subject("ada")).unwrap().unwrap();
        let reference = crypto::spell(&place.slot.reference);
        let note = Note { tenant: "acme".into(), reference, actor: "ann".into(), reason: "asked".into() };
        let path = vault.keys_dir.join("erasing").join(format!("{}.json", note.reference));
        let all: [&dyn Fn(); STEPS - 1] = [
            &|| fs::write(path.with_added_extension("new"), b"{").unwrap(),
            &|| drop(vault.write_note(&note).unwrap()),
            &|| vault.destroy_key(&note).unwrap(),
            &|| assert_eq!(vault.wipe_bodies(&note).unwrap(), 0),
        ];
        all.iter().take(steps).for_each(|step| step());
    }

    #[test]
    fn a_crash_after_any_step_is_finished_at_the_next_open() {
        for steps in 0..STEPS {
            let dir = tempfile::tempdir().unwrap();
            let vault = open(dir.path());
            let reference = vault.subject_ref("acme", "ada").unwrap();
            erase_until(&vault, steps);
            // Another process has the key in memory throughout.
            let other = open(dir.path());
            if steps < 3 {
                assert_eq!(other.subject_ref("acme", "ada").unwrap(), reference);
            }
            drop(vault);
            let vault = open(dir.path());
            let receipts = vault.resume(&Holds::default()).unwrap();
            assert_eq!(receipts.len(), usize::from(steps >= 2), "{steps}");
            // Before the note nothing was promised; the caller asks again.
            let receipt = match receipts.into_iter().next() {
                Some(receipt) => receipt,
                None => vault.erase(&wanted(), &Holds::default()).unwrap(),
            };
            assert_eq!(receipt.erasure.subject_ref, reference, "{steps}");
            assert_eq!((receipt.erasure.actor, receipt.erasure.reason), ("ann".into(), "asked".into()));
            assert!(vault.known_ref("acme", "ada").unwrap().is_none(), "{steps}");
            assert_ne!(other.subject_ref("acme", "ada").unwrap(), reference, "{steps}");
            // Nobody confirmed it: it is reported again, and only then over.
            let again = open(dir.path()).resume(&Holds::default()).unwrap();
            assert_eq!(again.len(), 1, "{steps}");
            again.into_iter().for_each(|it| vault.confirm(it).unwrap());
            assert_eq!(open(dir.path()).resume(&Holds::default()).unwrap().len(), 0, "{steps}");
        }
    }

    #[test]
    fn an_erasure_that_had_not_begun_is_dropped_under_a_hold_and_a_begun_one_is_finished() {
        for (steps, finished) in [(2, false), (3, true), (4, true)] {
            let dir = tempfile::tempdir().unwrap();
            let vault = open(dir.path());
            vault.subject_ref("acme", "ada").unwrap();
            erase_until(&vault, steps);
            let receipts = vault.resume(&Holds::placed_for_test("acme")).unwrap();
            assert_eq!(receipts.len(), usize::from(finished), "{steps}");
            assert_eq!(vault.known_ref("acme", "ada").unwrap().is_none(), finished, "{steps}");
            assert_eq!(entries(&dir.path().join("keys/erasing")).unwrap().len(), usize::from(finished));
        }
    }
}
