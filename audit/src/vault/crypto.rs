//! The vault's cryptography: HKDF-SHA256 derives, AES-256-GCM seals, HMAC-SHA256 makes blind indexes.
//!
//! All primitives are those of aws-lc. docs/audit-bodies.md spells the formats.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::{constant_time, digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, Zeroizing};

use super::BodyKind;
use crate::error::AuditError;
use crate::options::Ambient;
use crate::record::SCHEMA;

/// Bytes of every key.
pub(super) const KEY: usize = 32;
/// Bytes of the salt in front of a sealed body.
pub(super) const SALT: usize = 32;
/// Bytes that sealing adds to a body.
pub(super) const OVERHEAD: usize = SALT + TAG;
/// Bytes of a wrapped key: nonce, key, tag.
pub(super) const WRAPPED: usize = NONCE + KEY + TAG;

const TAG: usize = 16;
const NONCE: usize = 12;
const BODY_LABEL: &[u8] = b"weir body v1";
const DERIVE_SALT: &[u8] = b"weir key derivation v1";

/// A key. It is overwritten when dropped and has no `Debug`.
pub(super) struct Secret(Zeroizing<[u8; KEY]>);

impl Secret {
    pub(super) fn new(bytes: [u8; KEY]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn random(ambient: &dyn Ambient) -> Result<Self, AuditError> {
        let mut bytes = Zeroizing::new([0; KEY]);
        ambient.secret(bytes.as_mut())?;
        Ok(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &[u8; KEY] {
        &self.0
    }

    /// A key for one purpose.
    pub(super) fn derive(&self, label: &'static [u8]) -> Result<Self, AuditError> {
        let mut out = Zeroizing::new([0; KEY]);
        expand(self, DERIVE_SALT, &[label], out.as_mut()).map_err(refused("deriving a key"))?;
        Ok(Self(out))
    }
}

/// Encrypts a key by another one, bound to `context`.
pub(super) fn wrap(
    by: &Secret,
    secret: &Secret,
    context: &[u8],
    ambient: &dyn Ambient,
) -> Result<[u8; WRAPPED], AuditError> {
    let mut out = [0; WRAPPED];
    let (nonce, rest) = out.split_at_mut(NONCE);
    ambient.secret(nonce)?;
    let (text, tag) = rest.split_at_mut(KEY);
    text.copy_from_slice(secret.bytes());
    let sealed = cipher(by).and_then(|cipher| {
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        cipher.seal_in_place_separate_tag(nonce, Aad::from(context), text)
    });
    match sealed {
        Ok(made) => tag.copy_from_slice(made.as_ref()),
        Err(error) => {
            text.zeroize();
            return Err(refused("wrapping a key")(error));
        }
    }
    Ok(out)
}

/// The key that [`wrap`] hid; `None` if the wrapping key or the context is another one.
pub(super) fn unwrap_key(by: &Secret, wrapped: &[u8; WRAPPED], context: &[u8]) -> Option<Secret> {
    let (nonce, text) = wrapped.split_at(NONCE);
    let mut text = Zeroizing::new(text.to_vec());
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let opened = cipher(by).ok()?.open_in_place(nonce, Aad::from(context), &mut text).ok()?;
    opened.as_ref().try_into().ok().map(Secret::new)
}

/// Makes blind indexes: what a text is looked up by without being kept.
pub(super) struct Blinder(hmac::Key);

impl Blinder {
    pub(super) fn new(by: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, by.bytes()))
    }

    /// HMAC-SHA256, with one byte that keeps the domains apart.
    pub(super) fn blind(&self, domain: u8, text: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&[domain]);
        context.update(text);
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

/// What the bodies of a subject are sealed by; made from the subject key once, not for each body.
pub(super) struct SealingKey(Secret);

impl SealingKey {
    pub(super) fn new(subject: &Secret) -> Result<Self, AuditError> {
        subject.derive(BODY_LABEL).map(Self)
    }

    /// Key and commitment of one body: the two halves of one HKDF-Expand.
    fn body_keys(&self, salt: &[u8], context: &[u8]) -> Result<(Secret, [u8; 32]), Unspecified> {
        let mut out = Zeroizing::new([0; 2 * KEY]);
        let prk = Prk::new_less_safe(HKDF_SHA256, self.0.bytes());
        prk.expand(&[salt, context], Length(out.len()))?.fill(out.as_mut())?;
        let (key, commitment) = out.split_first_chunk::<KEY>().ok_or(Unspecified)?;
        Ok((Secret::new(*key), commitment.try_into().map_err(|_| Unspecified)?))
    }
}

/// What a body is bound to: call, tenant, schema and kind, each behind its length (u32, big-endian).
pub(super) fn context(call: uuid::Uuid, tenant: &str, kind: BodyKind) -> Vec<u8> {
    let schema = SCHEMA.to_be_bytes();
    let parts: [&[u8]; 4] = [call.as_bytes(), tenant.as_bytes(), &schema, kind.as_str().as_bytes()];
    let mut out = Vec::with_capacity(48 + tenant.len());
    for part in parts {
        out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// Encrypts the plaintext at the end of `bytes`, in front of which a fresh random salt stands at `salt_at`, and
/// appends the tag; the commitment to the key used.
pub(super) fn seal(
    by: &SealingKey,
    context: &[u8],
    bytes: &mut Vec<u8>,
    salt_at: usize,
) -> Result<[u8; 32], AuditError> {
    let sealed = bytes.get_mut(salt_at..).and_then(<[u8]>::split_first_chunk_mut::<SALT>);
    let sealed = sealed.ok_or(Unspecified).and_then(|(salt, text)| {
        let (key, commitment) = by.body_keys(salt, context)?;
        Ok((cipher(&key)?.seal_in_place_separate_tag(once(), Aad::from(context), text)?, commitment))
    });
    match sealed {
        Ok((tag, commitment)) => {
            bytes.extend_from_slice(tag.as_ref());
            Ok(commitment)
        }
        Err(error) => {
            bytes.get_mut(salt_at..).unwrap_or_default().zeroize();
            Err(refused("sealing a body")(error))
        }
    }
}

/// The plaintext of what [`seal`] wrote; `None` if key, commitment, context or any byte is another one.
pub(super) fn unseal(
    by: &SealingKey,
    context: &[u8],
    commitment: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let (salt, text) = sealed.split_at_checked(SALT)?;
    let (key, expected) = by.body_keys(salt, context).ok()?;
    constant_time::verify_slices_are_equal(&expected, commitment).ok()?;
    let mut text = Zeroizing::new(text.to_vec());
    let length = cipher(&key).ok()?.open_in_place(once(), Aad::from(context), &mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// base64url without padding.
pub(super) fn spell(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What [`spell`] wrote.
pub(super) fn unspell<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

// INVARIANT: a body's key comes from a fresh random salt and seals one body, so one nonce serves all.
fn once() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE])
}

fn cipher(key: &Secret) -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&AES_256_GCM, key.bytes()).map(LessSafeKey::new)
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(secret: &Secret, salt: &[u8], info: &[&[u8]], out: &mut [u8]) -> Result<(), Unspecified> {
    let prk = Salt::new(HKDF_SHA256, salt).extract(secret.bytes());
    prk.expand(info, Length(out.len()))?.fill(out)
}

fn refused(action: &'static str) -> impl FnOnce(Unspecified) -> AuditError {
    move |_| AuditError::Crypto { action }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::options::System;

    fn key() -> Secret {
        let mut bytes = [0; KEY];
        bytes.iter_mut().zip(0..).for_each(|(byte, value)| *byte = value);
        Secret::new(bytes)
    }

    fn sealing(subject: Secret) -> SealingKey {
        SealingKey::new(&subject).unwrap()
    }

    /// The sealed bytes of `hello` and the commitment, under a salt that is always the same.
    fn sample() -> (Vec<u8>, [u8; 32]) {
        let mut bytes = [&[0xa5; SALT][..], b"hello"].concat();
        let context = context(Uuid::from_u128(1), "acme", BodyKind::Request);
        let commitment = seal(&sealing(key()), &context, &mut bytes, 0).unwrap();
        (bytes, commitment)
    }

    #[test]
    fn a_body_is_sealed_as_another_implementation_seals_it() {
        // Computed from docs/audit-bodies.md by Python's hmac and hashlib and the AES of its `cryptography`.
        let (sealed, commitment) = sample();
        assert_eq!(spell(&commitment), "VAQoEEltsz-Q95uR141-faaPXD6Z5HikPII8RCynUPQ");
        assert_eq!(spell(&sealed[SALT..]), "QdUDAlnyqDz1dwBPOshh4jMUL6Zz");
        assert_eq!(spell(&sha256(&sealed)), "ilmxNQeSLNYevl_A2ZpaEoAPQulQAcJMWtys_xZa0LE");
    }

    #[test]
    fn it_opens_with_all_that_it_was_sealed_with_and_with_nothing_else() {
        let (sealed, commitment) = sample();
        let of = |call: u128, tenant: &str, kind| context(Uuid::from_u128(call), tenant, kind);
        let right = of(1, "acme", BodyKind::Request);
        let key = sealing(key());
        let opens = |key: &SealingKey, context: &[u8], commitment: &[u8], sealed: &[u8]| {
            unseal(key, context, commitment, sealed).map(|text| text.to_vec())
        };
        assert_eq!(opens(&key, &right, &commitment, &sealed), Some(b"hello".to_vec()));
        for wrong in
            [of(2, "acme", BodyKind::Request), of(1, "acm", BodyKind::Request), of(1, "acme", BodyKind::Sent)]
        {
            assert_eq!(opens(&key, &wrong, &commitment, &sealed), None);
        }
        assert_eq!(opens(&sealing(Secret::new([7; KEY])), &right, &commitment, &sealed), None);
        for bit in 0..commitment.len() * 8 {
            let mut other = commitment;
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opens(&key, &right, &other, &sealed), None, "bit {bit} of the commitment");
        }
        for bit in 0..sealed.len() * 8 {
            let mut other = sealed.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opens(&key, &right, &commitment, &other), None, "bit {bit}");
        }
        for cut in 0..sealed.len() {
            assert_eq!(opens(&key, &right, &commitment, &sealed[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn a_key_is_unwrapped_by_its_own_key_and_context_only() {
        let secret = Secret::random(&System::default()).unwrap();
        let wrapped = wrap(&key(), &secret, b"here", &System::default()).unwrap();
        let opens = |by: &Secret, context: &[u8]| unwrap_key(by, &wrapped, context).map(|it| *it.bytes());
        assert_eq!(opens(&key(), b"here"), Some(*secret.bytes()));
        assert_eq!(opens(&key(), b"there"), None);
        assert_eq!(opens(&secret, b"here"), None);
        assert_ne!(wrapped, wrap(&key(), &secret, b"here", &System::default()).unwrap(), "a fresh nonce");
        let blinder = Blinder::new(&key());
        assert_ne!(blinder.blind(0, b"ada"), blinder.blind(1, b"ada"));
        assert_ne!(blinder.blind(0, b"ada"), Blinder::new(&secret).blind(0, b"ada"));
    }
}
