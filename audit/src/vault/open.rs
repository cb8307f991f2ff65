//! Opening a body again: the plaintext, or why it is hidden.

use std::fmt;

use zeroize::Zeroizing;

use super::crypto::{self, SealingKey};
use super::files::{bodies_of, call_of, fits};
use super::keys::Found;
use super::slot::State;
use super::{BodyKind, Vault};
use crate::error::AuditError;
use crate::record::Record;

/// A decrypted body; overwritten when dropped, and without a `Debug` of its content.
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    pub(super) fn new(plain: Zeroizing<Vec<u8>>) -> Self {
        Self(plain)
    }

    /// The body.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plaintext({} bytes)", self.0.len())
    }
}

/// A body, or why it can't be shown.
#[derive(Debug)]
pub enum Opened {
    /// The body, as it was when it was sealed.
    Plain(Plaintext),
    /// It can't be shown.
    Hidden(Hidden),
}

/// Why a body can't be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// Its key was destroyed at a person's wish.
    Erased,
    /// It is older than the retention time.
    Pruned,
    /// The record commits to no such body.
    NeverKept,
    /// It is missing, or not what the record commits to.
    Damaged,
}

impl Hidden {
    /// One word or two for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Erased => "erased",
            Self::Pruned => "pruned",
            Self::NeverKept => "never kept",
            Self::Damaged => "damaged",
        }
    }
}

impl Vault {
    /// The body that `record`, an intent or a completion, commits to: its hash, its commitment and its tag must
    /// fit. Whoever shows it appends [`crate::event::Reveal`] first.
    ///
    /// # Errors
    /// [`AuditError::Io`], [`AuditError::KeyStore`].
    pub fn open_body(&self, record: &Record, kind: BodyKind) -> Result<Opened, AuditError> {
        let Some(body) = bodies_of(record).iter().find(|it| it.kind == *kind.as_str()) else {
            return Ok(Opened::Hidden(Hidden::NeverKept));
        };
        let Some(id) = crypto::unspell(body.key.as_str()) else { return Ok(Opened::Hidden(Hidden::Damaged)) };
        let secret = match self.keys.secret(record.tenant.as_str(), id)? {
            Found::Live(secret) => secret,
            Found::Gone(State::Pruned) => return Ok(Opened::Hidden(Hidden::Pruned)),
            Found::Gone(_) => return Ok(Opened::Hidden(Hidden::Erased)),
            Found::Unknown => return Ok(Opened::Hidden(Hidden::Damaged)),
        };
        let Some(sealed) = self.files.sealed(record, body)? else {
            let is_pruned = record.time.time() < self.files.pruned_before()?;
            return Ok(Opened::Hidden(if is_pruned { Hidden::Pruned } else { Hidden::Damaged }));
        };
        let key = SealingKey::new(&secret)?;
        let context = crypto::context(call_of(record), record.tenant.as_str(), kind);
        let commitment: Option<[u8; 32]> = crypto::unspell(body.commitment.as_str());
        let plain = commitment
            .filter(|_| fits(body, &sealed))
            .and_then(|commitment| crypto::unseal(&key, &context, &commitment, &sealed));
        Ok(plain.map_or(Opened::Hidden(Hidden::Damaged), |plain| Opened::Plain(Plaintext(plain))))
    }
}
