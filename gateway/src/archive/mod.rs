//! What stands behind the audit trail: the log with its seal, the vault of bodies and subjects, and what stands behind
//! pseudonyms.

mod chain;
mod desk;
mod erasing;
pub mod export;
mod fault;
pub mod filter;
mod follow;
mod legible;
mod memory;
mod open;
mod permission;
pub mod pruning;
mod refused;
mod reidentify;
mod rekeying;
mod reveal;
mod witness;

use std::sync::Arc;

use tokio::sync::Mutex;
use weir_audit::{Completion, Intent, Log, Mode, Ticket, Vault, vault::Subject};

use crate::{
    pipeline::Room,
    settings::{AuditMode, AuditSettings, BodyUse},
};

pub use chain::Chain;
pub use desk::{Desk, Person};
pub use erasing::Subject as Whom;
pub use fault::DeskError;
pub use follow::Followers;
pub use memory::Memory;
pub use open::{open, place};
pub use permission::{RevealRow, Verdict};
pub use reidentify::Reidentified;
pub use rekeying::rewrap;
pub use reveal::Revealed;

/// The log and the vault of a running gateway.
pub struct Archive {
    /// The log.
    pub log: Log,
    /// Keys of data subjects, and bodies.
    pub vault: Arc<Vault>,
    /// What stands behind pseudonyms.
    pub memory: Arc<Memory>,
    /// Memory for the bodies of streams under way.
    pub room: Arc<Room>,
    /// How it is set.
    pub settings: AuditSettings,
    /// Held by whoever places or lifts a hold, erases or prunes: what was checked must still hold when it is done.
    turn: Mutex<()>,
}

impl Archive {
    /// The key of the data subject of a call, or of a day's calls that name none.
    ///
    /// # Errors
    /// When the key store fails.
    pub fn subject(&self, tenant: &str, subject: Option<&str>) -> Result<Subject, weir_audit::AuditError> {
        self.vault.subject(tenant, subject)
    }

    /// Whether bodies are kept.
    pub fn keeps_bodies(&self) -> bool {
        self.settings.bodies == BodyUse::Keep
    }

    /// Announces a call, durably unless its mode says otherwise.
    ///
    /// # Errors
    /// The call must not be made then.
    pub async fn announce(
        &self,
        mode: AuditMode,
        intent: Intent,
        bodies: Option<weir_audit::Bodies>,
    ) -> Result<Ticket, weir_audit::AuditError> {
        match bodies {
            Some(bodies) => self.log.intent_with(mode.into(), intent, bodies).await,
            None => self.log.intent_in(mode.into(), intent).await,
        }
    }

    /// Records a call that is over already, durably.
    ///
    /// # Errors
    /// When the log doesn't take it.
    pub async fn settle(
        &self,
        intent: Intent,
        completion: Completion,
        bodies: Option<weir_audit::Bodies>,
    ) -> Result<(), weir_audit::AuditError> {
        match bodies {
            Some(bodies) => self.log.settled_with(intent, completion, bodies).await.map(drop),
            None => self.log.settled(intent, completion).await.map(drop),
        }
    }

    /// Hands the end of a call to the log; in strict mode waits until it is durable.
    pub async fn complete(
        &self,
        mode: AuditMode,
        ticket: Ticket,
        (completion, bodies): (Completion, Option<weir_audit::Bodies>),
    ) {
        let done = match (mode, bodies) {
            (AuditMode::Strict, Some(bodies)) => ticket.complete_durable_with(completion, bodies).await,
            (AuditMode::Strict, None) => ticket.complete_durable(completion).await,
            (_, Some(bodies)) => {
                ticket.complete_with(completion, bodies);
                Ok(())
            }
            (_, None) => {
                ticket.complete(completion);
                Ok(())
            }
        };
        if let Err(fault) = done {
            tracing::error!(%fault, "a completion could not be made durable");
        }
    }
}

impl From<AuditMode> for Mode {
    fn from(mode: AuditMode) -> Self {
        match mode {
            AuditMode::Strict => Self::Strict,
            AuditMode::Bounded => Self::Bounded,
            AuditMode::Observe => Self::Observe,
        }
    }
}
