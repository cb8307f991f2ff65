//! Retention of bodies: volumes whose records are pruned are deleted, and the keys of those days destroyed.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::SystemTime;

use super::{Vault, shelf, volume};
use crate::disk::{lock_file, replace, sync_folder};
use crate::error::AuditError;
use crate::options::day_of;
use crate::retention::Pruned;

/// Days that a body may be younger than its record's day says: calls that last, clocks that differ.
const VOLUME_SLACK: u32 = 1;
const KEY_SLACK: u32 = VOLUME_SLACK + 1;

/// What retention deleted beside the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrunedBodies {
    /// Body files.
    pub volumes: u64,
    /// Bodies in them.
    pub bodies: u64,
    /// Keys of days without a subject.
    pub keys: u64,
}

impl Vault {
    /// Deletes, by whole days, the bodies of records that a pruning of the log has removed, and the keys of those
    /// days' nameless calls. What a hold keeps in the log keeps its bodies too.
    ///
    /// # Errors
    /// [`AuditError::Io`]
    pub fn prune(&self, log: &Pruned) -> Result<PrunedBodies, AuditError> {
        let Some(oldest) = log.oldest else { return Ok(PrunedBodies::default()) };
        let _pruning = lock_file(&self.files.dir.join("prune.lock"))?;
        let before = day_of(oldest);
        if self.files.pruned_before()? < oldest {
            // Said first: a body that is missing from here on was pruned.
            let seconds = oldest.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
            let path = self.files.dir.join("pruned");
            replace(&path, format!("{seconds}\n").as_bytes()).map_err(AuditError::io("writing", &path))?;
        }
        let mut pruned = PrunedBodies::default();
        for path in volume::list(&self.files.dir)? {
            let is_old = |time| day_of(time).saturating_add(VOLUME_SLACK) < before;
            if !volume::begun(&path).is_some_and(is_old) {
                continue;
            }
            let bodies = self.files.catalogue.of(&path)?;
            // A clock that was set back may have begun a volume before the calls that are in it.
            if !bodies.iter().filter_map(|place| volume::time_of(place.label.call)).all(is_old) {
                continue;
            }
            // For a moment only: the log's writer takes it to begin a volume.
            let _lock = shelf::lock(&self.files.dir)?;
            if !is_written(&path)? {
                pruned.bodies += bodies.len() as u64;
                pruned.volumes += 1;
                remove(&path)?;
            }
        }
        sync_folder(&self.files.dir).map_err(AuditError::io("syncing", &self.files.dir))?;
        pruned.keys = self.keys.bury_days_before(before.saturating_sub(KEY_SLACK))?;
        Ok(pruned)
    }
}

/// Whether a writer still holds the volume.
fn is_written(path: &Path) -> Result<bool, AuditError> {
    let file = File::open(path).map_err(AuditError::io("opening", path))?;
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(AuditError::io("locking", path)(error)),
    }
}

fn remove(volume: &Path) -> Result<(), AuditError> {
    fs::remove_file(volume).map_err(AuditError::io("removing", volume))?;
    let index = volume::index_path(volume);
    match fs::remove_file(&index) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(AuditError::io("removing", &index)(error))
        }
        _ => Ok(()),
    }
}
