//! The secret behind pseudonyms, and the ids made with it.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// 32 signs without `0 1 I O`, which are mistaken for one another.
pub(super) const ALPHABET: [char; 32] = [
    '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N',
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z',
];

/// The key of a deployment from which every tenant's pseudonyms are derived. Whoever holds it can tell
/// whether a guessed value stands behind a pseudonym. It has no `Debug`.
#[derive(Clone)]
pub struct PseudonymKey([u8; 32]);

impl PseudonymKey {
    /// A key of 32 random bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A keyed hash by which a text of a tenant's is looked up without being kept; `purpose` keeps sorts of text apart.
    pub fn blind(&self, tenant: &str, purpose: &str, text: &str) -> [u8; 32] {
        self.tenant(tenant).bytes(&["weir blind index v1", purpose, text])
    }

    /// What wraps the keys of subjects in a store that several nodes share.
    pub fn wrapping(&self) -> [u8; 32] {
        digest(&self.0, &["weir vault wrapping key v1"])
    }

    /// The key of one tenant.
    pub(crate) fn tenant(&self, tenant: &str) -> TenantKey {
        TenantKey(digest(&self.0, &["weir pseudonym v1", tenant]))
    }
}

/// A tenant's key; without `Debug`.
#[derive(Clone)]
pub(crate) struct TenantKey([u8; 32]);

impl TenantKey {
    /// The full id (32 signs, 160 bits) of a value; pseudonyms use as much of it as they need.
    pub(crate) fn id(&self, kind: &str, value: &str) -> String {
        encode(&digest(&self.0, &[kind, value]))
    }

    /// 32 bytes for a purpose, which is the first of the parts and no type of values.
    pub(crate) fn bytes(&self, parts: &[&str]) -> [u8; 32] {
        digest(&self.0, parts)
    }
}

/// HMAC-SHA256 (RFC 2104) over the parts, each preceded by its length.
fn digest(key: &[u8; 32], parts: &[&str]) -> [u8; 32] {
    let mut block = [0u8; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = <Hmac<Sha256> as hmac::digest::KeyInit>::new(&block.into());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

/// The first 20 bytes in base 32.
fn encode(bytes: &[u8; 32]) -> String {
    let mut id = String::with_capacity(32);
    for five in bytes.chunks_exact(5).take(4) {
        let bits = five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        for place in (0..8).rev() {
            let index = (bits >> (place * 5)) as usize & 31;
            id.push(ALPHABET.get(index).copied().unwrap_or('2'));
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_key_tenant_type_and_value_alone() {
        let key = PseudonymKey::from_bytes([7; 32]);
        let id = |key: &PseudonymKey, tenant, kind, value| key.tenant(tenant).id(kind, value);
        let base = id(&key, "acme", "EMAIL_ADDRESS", "a@b.cd");
        assert_eq!(base, id(&key.clone(), "acme", "EMAIL_ADDRESS", "a@b.cd"));
        assert_eq!(base.len(), 32);
        assert!(base.chars().all(|c| ALPHABET.contains(&c)));
        for other in [
            id(&key, "acne", "EMAIL_ADDRESS", "a@b.cd"),
            id(&key, "acme", "EMAIL_ADDRES", "Sa@b.cd"),
            id(&key, "acme", "EMAIL_ADDRESS", "a@b.ce"),
            id(&PseudonymKey::from_bytes([8; 32]), "acme", "EMAIL_ADDRESS", "a@b.cd"),
        ] {
            assert_ne!(base, other);
        }
    }

    /// The algorithm is a promise to stored data: test vector computed with Python's hmac module.
    #[test]
    fn ids_do_not_change_between_versions() {
        let key = PseudonymKey::from_bytes([0; 32]);
        assert_eq!(key.tenant("t").id("EMAIL_ADDRESS", "a@b.cd"), "RERMTGYD9V9HQGF3TKLES7E82VL4CBES");
    }
}
