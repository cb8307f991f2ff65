//! Values that leave as ciphertext: the same value gives the same text, and whoever has the key opens it.
//!
//! AES-256-GCM-SIV (RFC 8452) under a key of the tenant, bound to the type. The nonce is an HMAC of type and value,
//! so equal values are seen to be equal and nothing else is. Written `TYPE:ENC:` and base 32, nonce first.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};

use super::key::ALPHABET;
use super::{PseudonymKey, TenantKey};

const NONCE: usize = 12;
/// What stands between the type and the ciphertext.
const MARK: &str = ":ENC:";

/// A value's ciphertext with its type in front; none only if the cipher fails.
pub(crate) fn encrypt(key: &TenantKey, kind: &str, value: &str) -> Option<String> {
    let nonce = nonce(key, kind, value)?;
    let mut sealed = value.as_bytes().to_vec();
    let cipher = cipher(key)?;
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(kind), &mut sealed)
        .ok()?;
    Some(format!("{kind}{MARK}{}", spell(&[&nonce[..], &sealed].concat())))
}

impl PseudonymKey {
    /// The type and the value of a ciphertext that the mode `encrypt` wrote for a tenant, in brackets or not; none
    /// for any other text.
    pub fn open(&self, tenant: &str, ciphertext: &str) -> Option<(String, String)> {
        decrypt(&self.tenant(tenant), ciphertext)
    }
}

/// The type and the value of what [`encrypt`] wrote for the same tenant.
fn decrypt(key: &TenantKey, text: &str) -> Option<(String, String)> {
    let text = text.trim().trim_start_matches('⟦').trim_end_matches('⟧');
    let (kind, spelled) = text.split_once(MARK)?;
    let bytes = unspell(spelled)?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
    let mut sealed = sealed.to_vec();
    let opened =
        cipher(key)?.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(kind), &mut sealed);
    let value = String::from_utf8(opened.ok()?.to_vec()).ok()?;
    Some((kind.to_owned(), value))
}

fn cipher(key: &TenantKey) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM_SIV, &key.bytes(&["weir value encryption v1"])).ok().map(LessSafeKey::new)
}

fn nonce(key: &TenantKey, kind: &str, value: &str) -> Option<[u8; NONCE]> {
    key.bytes(&["weir value nonce v1", kind, value]).first_chunk().copied()
}

/// Base 32 by the alphabet of pseudonyms, without padding.
fn spell(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(sign(bits >> held));
        }
    }
    if held > 0 {
        text.push(sign(bits << (5 - held)));
    }
    text
}

fn sign(bits: u32) -> char {
    usize::try_from(bits & 31).ok().and_then(|index| ALPHABET.get(index)).copied().unwrap_or('2')
}

fn unspell(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut held) = (0u32, 0u32);
    for c in text.chars() {
        let c = c.to_ascii_uppercase();
        let value = ALPHABET.iter().position(|sign| *sign == c)?;
        bits = bits << 5 | u32::try_from(value).ok()?;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tenants_key_opens_what_it_closed() {
        let key = |byte, tenant| PseudonymKey::from_bytes([byte; 32]).tenant(tenant);
        for value in ["a@b.cd", "", "Zoë Muñoz-Öztürk", &"x".repeat(300)] {
            let text = encrypt(&key(1, "t"), "PERSON", value).unwrap();
            assert_eq!(encrypt(&key(1, "t"), "PERSON", value).unwrap(), text);
            assert!(text.starts_with("PERSON:ENC:"));
            let expect = Some(("PERSON".to_owned(), value.to_owned()));
            assert_eq!(decrypt(&key(1, "t"), &text), expect);
            assert_eq!(decrypt(&key(1, "t"), &format!("⟦{}⟧", text.to_uppercase())), expect);
            assert_eq!(decrypt(&key(1, "u"), &text), None);
            assert_eq!(decrypt(&key(2, "t"), &text), None);
            assert_eq!(decrypt(&key(1, "t"), &text.replace("PERSON", "TITLE")), None);
            let mut broken = text.clone();
            let last = broken.pop().unwrap();
            assert_eq!(decrypt(&key(1, "t"), &broken), None);
            broken.pop();
            broken.push_str(if last == 'A' { "BB" } else { "AA" });
            assert_eq!(decrypt(&key(1, "t"), &broken), None);
        }
        let text = |value| encrypt(&key(1, "t"), "PERSON", value).unwrap();
        assert_ne!(text("a"), text("b"));
        for text in ["", "PERSON", "PERSON:ENC:", "PERSON:ENC:00", "PERSON:ENC:2222"] {
            assert_eq!(decrypt(&key(1, "t"), text), None, "{text}");
        }
    }
}
