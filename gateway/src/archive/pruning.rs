//! Retention: what is past its time and under no hold is removed, on demand, at the start and once a day.

use std::{sync::Arc, time::SystemTime};

use weir_audit::{AdminEvent, Event, Holds, Pruned, Stamp};
use weir_callers::AuditRole;
use weir_index::Micros;

use super::{Archive, Desk, DeskError, Person, place};

impl Desk {
    /// Removes what is past its retention time and under no hold.
    ///
    /// # Errors
    /// [`DeskError::Role`], [`DeskError::Audit`], [`DeskError::Index`].
    pub async fn prune(&self, who: &Person) -> Result<Pruned, DeskError> {
        who.must_be(AuditRole::Admin)?;
        prune(&self.archive, &who.name).await
    }
}

/// Prunes log, bodies and index, and records what was removed. What a crash leaves undone the next time finishes.
///
/// # Errors
/// As [`Desk::prune`].
pub async fn prune(archive: &Arc<Archive>, actor: &str) -> Result<Pruned, DeskError> {
    let _turn = archive.turn.lock().await;
    let kept = Arc::clone(archive);
    let done = tokio::task::spawn_blocking(move || {
        let settings = &kept.settings;
        let holds = Holds::read(&settings.dir)?;
        let pruned = weir_audit::prune(&settings.dir, &settings.retention, SystemTime::now(), &holds)?;
        kept.vault.prune(&pruned)?;
        if !holds.iter().any(|(_, standing)| standing.is_in_force()) {
            kept.memory.prune(settings.pseudonyms.retention)?;
        }
        Ok::<_, DeskError>(pruned)
    });
    let pruned = done.await.map_err(|_| DeskError::Stopped)??;
    if pruned.segments == 0 {
        return Ok(pruned);
    }
    let event = AdminEvent {
        action: "audit.prune".into(),
        actor: actor.to_owned().into(),
        object: format!("{} records", pruned.records).into(),
        ..AdminEvent::default()
    };
    archive.log.append(Event::Admin(event)).await?;
    if let Some(oldest) = pruned.oldest {
        let before = Micros(i64::try_from(Stamp::from(oldest).unix_micros()).unwrap_or(i64::MAX));
        let place = place(&archive.settings);
        let dropped = tokio::task::spawn_blocking(move || place.store()?.drop_before(before));
        dropped.await.map_err(|_| DeskError::Stopped)??;
    }
    Ok(pruned)
}
