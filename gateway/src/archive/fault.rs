//! What can go wrong at the desk.

use weir_audit::AuditError;
use weir_callers::AuditRole;
use weir_index::IndexError;
use weir_pseudonyms::LastingError;

use crate::keyring::KeyringError;

/// Why an act at the desk was not done.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The person has another role.
    #[error("this takes the role {}", role_name(*role))]
    Role {
        /// The role that it takes.
        role: AuditRole,
    },
    /// No reason, or one that can't be kept whole.
    #[error("give a reason of 8 to 128 bytes; it is recorded for good, so it should name no person")]
    Reason,
    /// Nothing with this id is there for this person.
    #[error("no such call")]
    NotFound,
    /// A second person said no, or has to agree first.
    #[error("no body is shown: {reason}")]
    Denied {
        /// Why not.
        reason: &'static str,
    },
    /// What was asked for can't be asked for.
    #[error("{what} must be {expected}")]
    Parameter {
        /// Its name.
        what: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A record can't be read.
    #[error("a record can't be read; run `weir audit verify`")]
    Unreadable,
    /// The gateway stops.
    #[error("the gateway is stopping")]
    Stopped,
    /// The log or the vault refused.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The values behind pseudonyms can't be used.
    #[error(transparent)]
    Lasting(#[from] LastingError),
    /// The secret of the pseudonyms can't be used.
    #[error(transparent)]
    Secret(#[from] KeyringError),
    /// A file could not be written.
    #[error("a file could not be written: {0}")]
    File(#[from] std::io::Error),
}

fn role_name(role: AuditRole) -> &'static str {
    match role {
        AuditRole::None | AuditRole::Auditor => "auditor",
        AuditRole::Reviewer => "reviewer",
        AuditRole::Admin => "admin",
    }
}
