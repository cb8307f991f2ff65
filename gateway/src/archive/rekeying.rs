//! After a restore and after a change of keepers: erasures are repeated, keys wrapped anew.

use std::path::PathBuf;

use weir_audit::{
    AdminEvent, Event, System,
    event::KeyEvent,
    read::{iterate, lane_folders},
    vault::{Kek, change_kek},
};
use weir_callers::AuditRole;

use super::{Archive, Desk, DeskError, Person, desk::reason};

impl Desk {
    /// Destroys again what the log says was erased and an older copy of the keys has brought back; how many
    /// subjects. Reads the whole log.
    ///
    /// # Errors
    /// [`DeskError::Role`], [`DeskError::Reason`], [`DeskError::Audit`].
    pub async fn repeat_erasures(&self, who: &Person, why: &str) -> Result<u64, DeskError> {
        who.must_be(AuditRole::Admin)?;
        let reason = Some(reason(why)?);
        let _turn = self.archive.turn.lock().await;
        let (vault, dir) = (self.archive.vault.clone(), self.archive.settings.dir.clone());
        let memory = self.archive.memory.clone();
        let repeated = tokio::task::spawn_blocking(move || {
            let subjects = vault.repeat_erasures(&dir)?;
            // What stands behind pseudonyms may have keys of its own, which were restored too.
            for folder in lane_folders(&dir).iter().filter(|folder| folder.is_dir()) {
                for record in iterate(folder)? {
                    let Some(erasure) = record?.erasure else { continue };
                    memory.forget(erasure.subject_ref.as_str(), None)?;
                }
            }
            Ok::<_, DeskError>(subjects)
        });
        let subjects = repeated.await.map_err(|_| DeskError::Stopped)??;
        let event = AdminEvent {
            action: "audit.repeat_erasures".into(),
            actor: who.name.clone().into(),
            object: format!("{subjects} subjects").into(),
            reason,
            ..AdminEvent::default()
        };
        self.archive.log.append(Event::Admin(event)).await?;
        Ok(subjects)
    }
}

/// Wraps all keys under the key-encryption key in the file `to`, which is made if it isn't there; how many tenants.
///
/// Recorded before and after: if it is broken off in between, it is done again with the same file. The archive must
/// be this process's alone, and is not used for bodies any more.
///
/// # Errors
/// [`DeskError::Role`], [`DeskError::Reason`], [`DeskError::Audit`].
pub async fn rewrap(archive: &Archive, who: &Person, (to, why): (PathBuf, &str)) -> Result<u64, DeskError> {
    if let Err(refused) = who.must_be(AuditRole::Admin) {
        archive.note_refused(who, "audit keys rewrap".to_owned()).await;
        return Err(refused);
    }
    let reason = Some(reason(why)?);
    let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let record = async |action: &'static str| {
        let event = KeyEvent {
            action: action.into(),
            actor: who.name.clone().into(),
            key: name.clone().into(),
            purpose: "key_encryption".into(),
            reason: reason.clone(),
            ..KeyEvent::default()
        };
        archive.log.append(Event::Key(event)).await
    };
    record("rewrap").await?;
    let (keys, from) = (archive.settings.keys.clone(), archive.settings.kek.clone());
    let from = from.map_or(Kek::Beside, Kek::File);
    let wrapped =
        tokio::task::spawn_blocking(move || change_kek(&keys, from, Kek::File(to), &System::default()));
    let wrapped = wrapped.await.map_err(|_| DeskError::Stopped)??;
    record("rewrapped").await?;
    Ok(wrapped)
}
