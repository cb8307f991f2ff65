//! Small texts sealed by a subject's key for a store of somebody else's, so that an erasure makes them unreadable too.
//!
//! A note is commitment (32 bytes), salt (32), ciphertext and tag, sealed as a body is (docs/audit-bodies.md) and bound
//! to the context that its store gives.

use zeroize::Zeroizing;

use super::crypto::{self, KEY, OVERHEAD, SALT, SealingKey, Secret};
use super::keys::Found;
use super::open::{Hidden, Opened, Plaintext};
use super::slot::State;
use super::{Subject, Vault};
use crate::error::AuditError;
use crate::options::{Ambient, System};

/// Keeps notes and bodies apart, whatever the context.
const NOTE: &[u8] = b"weir note v1";

impl Subject {
    /// The reference of the key in bytes; [`Subject::key`] spells it.
    pub fn id(&self) -> [u8; 16] {
        self.0.id
    }

    /// Seals a text. `context` must be given again to open it.
    ///
    /// # Errors
    /// [`AuditError::Crypto`].
    pub fn seal_note(&self, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, AuditError> {
        seal((&self.0.sealing, &*self.0.supply.ambient), context, plaintext)
    }
}

/// A key that another store keeps, and destroys, for notes of its own. No `Debug`.
pub struct NoteKey(SealingKey);

impl NoteKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// [`AuditError::Crypto`].
    pub fn new(bytes: &[u8; KEY]) -> Result<Self, AuditError> {
        SealingKey::new(&Secret::new(*bytes)).map(Self)
    }

    /// Randomness that is fit for keys.
    ///
    /// # Errors
    /// [`AuditError::Crypto`].
    pub fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, AuditError> {
        let mut bytes = Zeroizing::new([0; N]);
        System::default().secret(bytes.as_mut_slice())?;
        Ok(bytes)
    }

    /// Seals a text; as [`Subject::seal_note`].
    ///
    /// # Errors
    /// [`AuditError::Crypto`].
    pub fn seal(&self, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, AuditError> {
        seal((&self.0, &System::default()), context, plaintext)
    }

    /// The text; none where key, context or any byte is another.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Plaintext> {
        unseal(&self.0, context, sealed).map(Plaintext::new)
    }
}

fn seal(
    (key, ambient): (&SealingKey, &dyn Ambient),
    context: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, AuditError> {
    let mut sealed = Vec::with_capacity(KEY + OVERHEAD + plaintext.len());
    sealed.resize(KEY + SALT, 0);
    ambient.secret(sealed.get_mut(KEY..).unwrap_or_default())?;
    sealed.extend_from_slice(plaintext);
    let commitment = crypto::seal(key, &bound(context), &mut sealed, KEY)?;
    sealed.iter_mut().zip(commitment).for_each(|(to, from)| *to = from);
    Ok(sealed)
}

fn unseal(key: &SealingKey, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (commitment, sealed) = sealed.split_at_checked(KEY)?;
    crypto::unseal(key, &bound(context), commitment, sealed)
}

impl Vault {
    /// A text that was sealed by the key of this reference, or why it can't be shown. Whoever shows it appends
    /// [`crate::event::Reveal`] first.
    ///
    /// # Errors
    /// [`AuditError::Io`], [`AuditError::KeyStore`], [`AuditError::Crypto`].
    pub fn open_note(
        &self,
        (tenant, key): (&str, [u8; 16]),
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Opened, AuditError> {
        let secret = match self.keys.secret(tenant, key)? {
            Found::Live(secret) => secret,
            Found::Gone(State::Pruned) => return Ok(Opened::Hidden(Hidden::Pruned)),
            Found::Gone(_) => return Ok(Opened::Hidden(Hidden::Erased)),
            Found::Unknown => return Ok(Opened::Hidden(Hidden::Damaged)),
        };
        let key = SealingKey::new(&secret)?;
        let plain = unseal(&key, context, sealed);
        Ok(plain.map_or(Opened::Hidden(Hidden::Damaged), |plain| Opened::Plain(Plaintext::new(plain))))
    }

    /// The reference in bytes of a subject that has one; makes none.
    ///
    /// # Errors
    /// As [`Vault::subject`].
    pub fn known_id(&self, tenant: &str, subject: &str) -> Result<Option<[u8; 16]>, AuditError> {
        let place = self.keys.look_up(tenant, super::Owner::Subject(subject))?;
        Ok(place.map(|place| place.slot.reference))
    }

    /// The bytes that a reference spells.
    pub fn id_of(reference: &str) -> Option<[u8; 16]> {
        crypto::unspell(reference)
    }
}

fn bound(context: &[u8]) -> Vec<u8> {
    [NOTE, context].concat()
}

#[cfg(test)]
mod tests {
    use super::super::VaultOptions;
    use super::super::erase::{Erase, Whom};
    use super::*;
    use crate::hold::Holds;

    #[test]
    fn a_note_is_opened_by_its_key_and_context_alone_and_dies_with_the_subject() {
        let dir = tempfile::tempdir().unwrap();
        let open = || {
            Vault::open(&dir.path().join("bodies"), &dir.path().join("keys"), VaultOptions::default())
                .unwrap()
        };
        let vault = open();
        let ada = vault.subject("acme", Some("ada")).unwrap();
        let other = vault.subject("acme", Some("bob")).unwrap();
        let sealed = ada.seal_note(b"here", b"a@b.cd").unwrap();
        assert_ne!(sealed, ada.seal_note(b"here", b"a@b.cd").unwrap());
        let read = |vault: &Vault, who: (&str, [u8; 16]), context: &[u8], sealed: &[u8]| match vault
            .open_note(who, context, sealed)
            .unwrap()
        {
            Opened::Plain(plain) => Ok(plain.as_bytes().to_vec()),
            Opened::Hidden(hidden) => Err(hidden),
        };
        vault.sync().unwrap();
        let vault = open();
        assert_eq!(read(&vault, ("acme", ada.id()), b"here", &sealed), Ok(b"a@b.cd".to_vec()));
        assert_eq!(vault.known_id("acme", "ada").unwrap(), Some(ada.id()));
        for (who, context, sealed) in [
            (("acme", other.id()), &b"here"[..], &sealed[..]),
            (("acme", ada.id()), b"there", &sealed),
            (("acme", ada.id()), b"here", &sealed[..sealed.len() - 1]),
            (("acme", ada.id()), b"here", &sealed[..40]),
            (("beta", ada.id()), b"here", &sealed),
        ] {
            assert_eq!(read(&vault, who, context, sealed), Err(Hidden::Damaged));
        }
        let wanted =
            Erase { tenant: "acme", whom: Whom::Subject("ada"), actor: "ann".into(), reason: "asked".into() };
        let receipt = vault.erase(&wanted, &Holds::default()).unwrap();
        assert_eq!(Vault::id_of(receipt.erasure.subject_ref.as_str()), Some(ada.id()));
        vault.confirm(receipt).unwrap();
        assert_eq!(read(&vault, ("acme", ada.id()), b"here", &sealed), Err(Hidden::Erased));
    }

    #[test]
    fn a_key_of_another_store_opens_its_own_notes_alone() {
        let bytes = NoteKey::random::<32>().unwrap();
        let (key, other) =
            (NoteKey::new(&bytes).unwrap(), NoteKey::new(&NoteKey::random().unwrap()).unwrap());
        let sealed = key.seal(b"here", b"a@b.cd").unwrap();
        let read = |key: &NoteKey, context: &[u8], sealed: &[u8]| {
            key.open(context, sealed).map(|plain| plain.as_bytes().to_vec())
        };
        assert_eq!(read(&key, b"here", &sealed), Some(b"a@b.cd".to_vec()));
        assert_eq!(read(&other, b"here", &sealed), None);
        assert_eq!(read(&key, b"there", &sealed), None);
        assert_eq!(read(&key, b"here", &sealed[..sealed.len() - 1]), None);
        assert_eq!(read(&key, b"here", b"short"), None);
    }
}
