//! One value behind a pseudonym, in clear and sealed.

use weir_audit::{
    AuditError, Vault,
    vault::{Hidden, NoteKey, Opened, Plaintext, Subject},
};
use zeroize::Zeroizing;

/// A pseudonym and the value it stands for. No `Debug`: it holds the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// Keyed hash of the pseudonym, by which it is looked up.
    pub blind: [u8; 32],
    /// Type of the value.
    pub kind: String,
    /// The pseudonym as it was sent, without brackets.
    pub name: String,
    /// The value.
    pub value: String,
}

/// Whose values: a tenant's subject, a conversation without one, or a day's calls that name neither. No `Debug`: it
/// holds the subject.
#[derive(Clone, PartialEq, Eq)]
pub struct Owner {
    /// Tenant, as its keys are kept by.
    pub tenant: String,
    /// The subject, as callers name it.
    pub subject: Option<String>,
    /// The conversation, as callers name it.
    pub conversation: Option<String>,
    /// Keyed hash of the tenant's name.
    pub tenant_blind: [u8; 32],
    /// Keyed hash of the conversation's name.
    pub conversation_blind: Option<[u8; 32]>,
    /// Keyed hash of the subject's name; without one, of the conversation's or of the day.
    pub key_blind: [u8; 32],
}

/// A value that is held, without it: the hash of its pseudonym, and the reference of the key that sealed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub(crate) name: [u8; 32],
    pub(crate) owner: [u8; 16],
}

/// What is known of a pseudonym.
#[derive(Clone, PartialEq, Eq)]
pub enum Found {
    /// The value it stands for.
    Value(Kept),
    /// It stood for a value of a subject who was erased, or that is past its time.
    Gone,
    /// Its row can't be read.
    Damaged,
}

/// A row of the store.
#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) tenant: [u8; 32],
    pub(crate) name: [u8; 32],
    pub(crate) owner: [u8; 16],
    pub(crate) conversation: Option<[u8; 32]>,
    pub(crate) sealed: Option<Vec<u8>>,
}

/// A held value that a later exchange finds by a tie.
pub(crate) struct Tied {
    pub(crate) tie: [u8; 32],
    pub(crate) tenant: [u8; 32],
    pub(crate) held: Held,
}

impl Owner {
    /// The name of the key that values are sealed by: the subject's own, so that an erasure takes them along, or one
    /// of the conversation's. No subject that a caller names begins like the latter.
    pub(crate) fn key_name(&self) -> Option<String> {
        let conversation = || self.conversation.as_ref().map(|it| format!("\u{1}conversation\u{1}{it}"));
        self.subject.clone().or_else(conversation)
    }
}

impl Kept {
    /// Seals the value for its owner.
    pub(crate) fn seal(&self, owner: &Owner, key: &Subject) -> Result<Row, AuditError> {
        let sealed = key.seal_note(&context(&owner.tenant_blind, &self.blind), &self.plain())?;
        Ok(self.row(owner, key.id(), sealed))
    }

    /// Seals the value for its owner, by a key that isn't the audit vault's.
    pub(crate) fn seal_with(
        &self,
        owner: &Owner,
        (id, key): ([u8; 16], &NoteKey),
    ) -> Result<Row, AuditError> {
        let sealed = key.seal(&context(&owner.tenant_blind, &self.blind), &self.plain())?;
        Ok(self.row(owner, id, sealed))
    }

    fn plain(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(serde_json::to_vec(&[&self.kind, &self.name, &self.value]).unwrap_or_default())
    }

    fn row(&self, owner: &Owner, key: [u8; 16], sealed: Vec<u8>) -> Row {
        Row {
            tenant: owner.tenant_blind,
            name: self.blind,
            owner: key,
            conversation: owner.conversation_blind,
            sealed: Some(sealed),
        }
    }
}

impl Row {
    /// What the row says.
    pub(crate) fn open(&self, vault: &Vault, tenant: &str) -> Result<Found, AuditError> {
        let Some(sealed) = &self.sealed else { return Ok(Found::Gone) };
        let context = context(&self.tenant, &self.name);
        Ok(match vault.open_note((tenant, self.owner), &context, sealed)? {
            Opened::Hidden(Hidden::Erased | Hidden::Pruned) => Found::Gone,
            Opened::Hidden(_) => Found::Damaged,
            Opened::Plain(plain) => self.read(&plain),
        })
    }

    /// What the row says, opened by a key that isn't the audit vault's; none where it was destroyed.
    pub(crate) fn open_with(&self, key: Option<&NoteKey>) -> Found {
        let (Some(sealed), Some(key)) = (&self.sealed, key) else { return Found::Gone };
        key.open(&context(&self.tenant, &self.name), sealed).map_or(Found::Damaged, |plain| self.read(&plain))
    }

    fn read(&self, plain: &Plaintext) -> Found {
        match serde_json::from_slice::<[String; 3]>(plain.as_bytes()) {
            Ok([kind, name, value]) => Found::Value(Kept { blind: self.name, kind, name, value }),
            Err(_) => Found::Damaged,
        }
    }
}

/// What a sealed value is bound to.
fn context(tenant: &[u8; 32], name: &[u8; 32]) -> Vec<u8> {
    [b"pseudonym", &tenant[..], name].concat()
}
