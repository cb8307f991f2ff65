//! Opening a body again: the plaintext, or why it is hidden.

use std::fmt;
use std::fs;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

use super::keys::Found;
use super::slot::State;
use super::{BodyKind, Vault, crypto, volume};
use crate::error::AuditError;
use crate::exchange::BodyRef;
use crate::record::Record;

/// A decrypted body; overwritten when dropped, and without a `Debug` of its content.
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
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
        let bodies = match (&record.intent, &record.completion) {
            (Some(intent), _) => intent.bodies.as_slice(),
            (None, Some(completion)) => completion.bodies.as_slice(),
            (None, None) => &[],
        };
        let Some(body) = bodies.iter().find(|it| it.kind == *kind.as_str()) else {
            return Ok(Opened::Hidden(Hidden::NeverKept));
        };
        let Some(id) = crypto::unspell(body.key.as_str()) else { return Ok(Opened::Hidden(Hidden::Damaged)) };
        let secret = match self.keys.secret(record.tenant.as_str(), id)? {
            Found::Live(secret) => secret,
            Found::Gone(State::Pruned) => return Ok(Opened::Hidden(Hidden::Pruned)),
            Found::Gone(_) => return Ok(Opened::Hidden(Hidden::Erased)),
            Found::Unknown => return Ok(Opened::Hidden(Hidden::Damaged)),
        };
        let call = record.intent_id.unwrap_or(record.record_id);
        let volumes = volume::by_distance(&self.bodies, record.time.time())?;
        let Some(sealed) = volume::find(&self.catalogue, &volumes, call, kind)? else {
            let is_pruned = record.time.time() < self.pruned_before()?;
            return Ok(Opened::Hidden(if is_pruned { Hidden::Pruned } else { Hidden::Damaged }));
        };
        let context = crypto::context(call, record.tenant.as_str(), kind);
        let plain = committed(body, &sealed)
            .and_then(|commitment| crypto::unseal(&secret, &context, &commitment, &sealed));
        Ok(plain.map_or(Opened::Hidden(Hidden::Damaged), |plain| Opened::Plain(Plaintext(plain))))
    }

    /// Bodies of records before this were deleted by retention.
    pub(super) fn pruned_before(&self) -> Result<SystemTime, AuditError> {
        let path = self.bodies.join("pruned");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(AuditError::io("reading", &path)(error)),
        };
        let seconds = text.trim().parse().unwrap_or(0);
        Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }
}

/// The commitment, if `sealed` is what the record commits to.
fn committed(body: &BodyRef, sealed: &[u8]) -> Option<[u8; 32]> {
    let sha256: [u8; 32] = crypto::unspell(body.sha256.as_str())?;
    let fits = sha256 == crypto::sha256(sealed) && body.length == sealed.len() as u64;
    crypto::unspell(body.commitment.as_str()).filter(|_| fits)
}
