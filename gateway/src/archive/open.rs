//! Opens the log and the vault as the settings say.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use tokio::sync::Mutex;
use weir_audit::{
    Event, Holds, Log, Options, Vault, VaultOptions,
    proof::{
        Seal,
        anchor::{Anchor, DirAnchor},
        witness::Witness,
    },
    vault::Kek,
};

use weir_index::{Place, PostgresSettings};
use weir_sinks::SinkError;

use super::{Archive, Memory, witness::HttpWitness};
use crate::{
    pipeline::Room,
    serve::Start,
    settings::{AnchorSettings, AuditSettings, IndexSettings, WitnessSettings},
};

/// Longest time for one question to an anchor in PostgreSQL.
const ANCHOR_PATIENCE: Duration = Duration::from_secs(5);

/// Opens log and vault, and finishes what a crash left of an erasure.
///
/// # Errors
/// What keeps one of them from being opened, with what to do.
pub fn open(audit: &AuditSettings, start: Start) -> Result<Archive> {
    let vault = Arc::new(vault(audit)?);
    let memory = Arc::new(Memory::open(&audit.pseudonyms, &vault)?);
    let options = Options {
        mode: audit.mode.into(),
        segment_bytes: audit.segment,
        min_free_bytes: audit.min_free,
        seal: Some(seal(audit)?),
        vault: Some(Arc::clone(&vault)),
        ..Options::default()
    };
    // A gateway that is being replaced still writes the ends of its calls: its successor writes beside it.
    let opened = match start {
        Start::Fresh => Log::open_alone(&audit.dir, options),
        Start::Upgrade => Log::open_beside(&audit.dir, options),
    };
    let (log, recovery) =
        opened.with_context(|| format!("the audit log in {} can't be opened", audit.dir.display()))?;
    tracing::info!(?recovery, "audit log open");
    let room = Room::new(audit.max_streams);
    Ok(Archive { log, vault, memory, room, settings: audit.clone(), turn: Mutex::default() })
}

/// Opens the vault alone.
///
/// # Errors
/// When its folders or its keys can't be used.
pub fn vault(audit: &AuditSettings) -> Result<Vault> {
    let options = VaultOptions {
        kek: audit.kek.clone().map_or(Kek::Beside, Kek::File),
        max_body: audit.max_body,
        ..VaultOptions::default()
    };
    let opened = Vault::open(&audit.bodies_dir(), &audit.keys, options);
    opened.with_context(|| format!("the keys of the audit log in {} can't be used", audit.keys.display()))
}

/// Where the index is.
#[must_use]
pub fn place(audit: &AuditSettings) -> Place {
    match &audit.index {
        IndexSettings::Sqlite => Place::Sqlite(audit.index_file()),
        IndexSettings::Postgres(url) => Place::Postgres(PostgresSettings::new(url.expose())),
    }
}

fn seal(audit: &AuditSettings) -> Result<Seal> {
    Ok(Seal {
        key: audit.keys.join("checkpoint.key"),
        origin: audit.origin.clone(),
        every: Duration::from_secs(1),
        anchor: audit.anchor.as_ref().map(anchor).transpose()?,
        witnesses: audit.witnesses.iter().map(witness).collect::<Result<_>>()?,
    })
}

fn witness(settings: &WitnessSettings) -> Result<Arc<dyn Witness>> {
    let witness = HttpWitness::new(settings).map_err(|fault| match fault {
        SinkError::Setting { field, problem, .. } => anyhow::anyhow!("`{field}`: {problem}"),
        fault => fault.into(),
    });
    Ok(Arc::new(witness.with_context(|| format!("the witness {} in audit.witnesses", settings.key))?))
}

fn anchor(settings: &AnchorSettings) -> Result<Arc<dyn Anchor>> {
    match settings {
        AnchorSettings::Folder(folder) => Ok(Arc::new(DirAnchor::new(folder))),
        AnchorSettings::Postgres(url) => {
            let anchor = PostgresSettings::new(url.expose()).anchor(ANCHOR_PATIENCE);
            Ok(Arc::new(anchor.context("the anchor in PostgreSQL can't be used")?))
        }
    }
}

impl Archive {
    /// Ends the erasures that a crash interrupted, and records them.
    ///
    /// # Errors
    /// When the vault or the log fails.
    pub async fn finish_erasures(&self) -> Result<()> {
        let holds = Holds::read(self.log.dir())?;
        for receipt in self.vault.resume(&holds)? {
            let (memory, reference) = (Arc::clone(&self.memory), receipt.erasure.subject_ref.clone());
            tokio::task::spawn_blocking(move || memory.forget(reference.as_str(), None)).await??;
            self.log.append(Event::Erasure(receipt.erasure.clone())).await?;
            self.vault.confirm(receipt)?;
        }
        Ok(())
    }
}
