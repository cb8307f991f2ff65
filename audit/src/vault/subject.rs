//! Sealing: whose key, and the sealed bodies of one call on their way to the log.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::BodyKind;
use super::crypto::{self, OVERHEAD, SALT, Secret};
use super::frame::{self, HEAD, Label};
use super::slot::Slot;
use crate::error::AuditError;
use crate::exchange::BodyRef;
use crate::options::Ambient;
use crate::text::Text;

/// The key of a data subject, or of a tenant's calls of one day that name nobody. Cheap to clone; holds no name.
#[derive(Clone)]
pub struct Subject {
    pub(super) key: Arc<Key>,
    pub(super) ambient: Arc<dyn Ambient>,
    /// Most bytes of a body that is kept.
    pub(super) most: usize,
}

pub(super) struct Key {
    tenant: Text,
    id: [u8; 16],
    spelled: Text,
    is_person: bool,
    secret: Secret,
}

impl Key {
    pub(super) fn new(tenant: Text, slot: &Slot, secret: Secret) -> Self {
        let spelled = Text::from(Arc::<str>::from(crypto::spell(&slot.reference)));
        Self { tenant, id: slot.reference, spelled, is_person: slot.day == 0, secret }
    }
}

impl Subject {
    /// The random reference for [`crate::Intent::subject_ref`]; `None` for calls that name nobody.
    pub fn reference(&self) -> Option<Text> {
        self.key.is_person.then(|| self.key.spelled.clone())
    }

    /// The public reference of the key, as [`BodyRef::key`] has it.
    pub fn key(&self) -> &Text {
        &self.key.spelled
    }

    fn seal(&self, call: Uuid, kind: BodyKind, plaintext: &[u8]) -> Result<Sealed, AuditError> {
        let mut salt = [0; SALT];
        self.ambient.secret(&mut salt)?;
        let mut bytes = Vec::with_capacity(HEAD + OVERHEAD + plaintext.len());
        bytes.resize(HEAD, 0);
        bytes.extend_from_slice(&salt);
        bytes.extend_from_slice(plaintext);
        let context = crypto::context(call, self.key.tenant.as_str(), kind);
        let commitment = crypto::seal(&self.key.secret, &context, &mut bytes, HEAD)?;
        let length = bytes.len() - HEAD;
        let sha256 = crypto::sha256(bytes.get(HEAD..).unwrap_or_default());
        let label = Label { call, kind, key: self.key.id };
        frame::finish(&mut bytes, &label);
        let spelled = |bytes: &[u8]| Text::from(crypto::spell(bytes));
        let reference = BodyRef {
            commitment: spelled(&commitment),
            key: self.key.spelled.clone(),
            kind: kind.as_str().into(),
            length: length as u64,
            sha256: spelled(&sha256),
        };
        Ok(Sealed { reference, label, bytes })
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({})", self.key.spelled.as_str())
    }
}

/// The sealed bodies of one call, for [`crate::Log::intent_with`], [`crate::Log::settled_with`] and
/// [`crate::Ticket::complete_with`].
#[derive(Debug)]
pub struct Bodies {
    subject: Subject,
    call: Uuid,
    request: Kept,
    reply: Kept,
}

impl Bodies {
    /// No bodies yet. `call` is the id the intent will have: [`crate::Log::new_id`].
    pub fn new(subject: &Subject, call: Uuid) -> Self {
        Self { subject: subject.clone(), call, request: Kept::default(), reply: Kept::default() }
    }

    /// Seals one body, on the caller's thread. One that is longer than the vault's limit is left out, and its
    /// record will say `shed`.
    ///
    /// # Errors
    /// [`AuditError::Crypto`].
    pub fn seal(&mut self, kind: BodyKind, plaintext: &[u8]) -> Result<(), AuditError> {
        let kept = match kind {
            BodyKind::Request | BodyKind::Sent => &mut self.request,
            BodyKind::Reply | BodyKind::Returned => &mut self.reply,
        };
        if plaintext.len() > self.subject.most {
            kept.is_shed = true;
            return Ok(());
        }
        kept.sealed.push(self.subject.seal(self.call, kind, plaintext)?);
        Ok(())
    }

    /// The call they belong to.
    pub fn call(&self) -> Uuid {
        self.call
    }

    /// All of them, for one record.
    pub(crate) fn into_kept(mut self) -> Kept {
        self.request.sealed.append(&mut self.reply.sealed);
        Kept { is_shed: self.request.is_shed || self.reply.is_shed, ..self.request }
    }

    /// Those of the request and those of the reply.
    pub(crate) fn split(self) -> (Kept, Kept) {
        (self.request, self.reply)
    }
}

/// Bodies that travel with a record.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub sealed: Vec<Sealed>,
    /// Whether a body was left out.
    pub is_shed: bool,
}

impl Kept {
    /// Bytes they take in memory and on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.sealed.iter().map(|it| it.bytes.len() as u64).sum()
    }

    /// What the record says of them.
    pub(crate) fn references(&self) -> Vec<BodyRef> {
        self.sealed.iter().map(|it| it.reference.clone()).collect()
    }

    /// Leaves all bodies out.
    pub(crate) fn shed(&mut self) {
        self.is_shed |= !self.sealed.is_empty();
        self.sealed = Vec::new();
    }
}

/// One encrypted body, framed for its file.
pub(crate) struct Sealed {
    pub reference: BodyRef,
    pub(super) label: Label,
    pub(super) bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({}, {} bytes)", self.label.kind.as_str(), self.bytes.len())
    }
}
