//! Keys of checkpoints: Ed25519, spelled as C2SP signed-note verifier keys, for logs and for witnesses.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::Signer as _;
use ed25519_dalek::ed25519::signature;
use signed_note::{Signer, Verifier, is_key_name_valid, key_id};

use crate::options::Ambient;

/// Signature type of a log's key (C2SP signed-note).
const LOG: u8 = 1;
/// Signature type of a witness (C2SP tlog-cosignature).
const WITNESS: u8 = 4;

/// The public part of a key: `NAME+ID+KEY`, as a person hands it to an auditor.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: u8,
    key: ed25519_dalek::VerifyingKey,
}

/// A text that is no verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a verifier key: expected NAME+ID+KEY")]
pub struct NotAKey;

impl VerifierKey {
    /// Name of the log or the witness.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is a witness's key.
    pub fn is_witness(&self) -> bool {
        self.kind == WITNESS
    }

    /// The short id that signatures carry, as eight hexadecimal digits.
    pub fn id(&self) -> String {
        format!("{:08x}", self.key_id())
    }

    fn spelled(&self) -> Vec<u8> {
        [&[self.kind], self.key.as_bytes().as_slice()].concat()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, self.key_id(), BASE64_STANDARD.encode(self.spelled()))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for VerifierKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let (name, rest) = text.split_once('+').ok_or(NotAKey)?;
        let (id, key) = rest.split_once('+').ok_or(NotAKey)?;
        let bytes = BASE64_STANDARD.decode(key).map_err(|_| NotAKey)?;
        let (kind, key) = bytes.split_first().ok_or(NotAKey)?;
        let key = key.try_into().ok().and_then(|key| ed25519_dalek::VerifyingKey::from_bytes(key).ok());
        let read = Self { name: name.to_owned(), kind: *kind, key: key.ok_or(NotAKey)? };
        let is_sound = [LOG, WITNESS].contains(kind) && is_key_name_valid(name) && read.id() == id;
        if is_sound { Ok(read) } else { Err(NotAKey) }
    }
}

impl Verifier for VerifierKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        key_id(&self.name, &self.spelled())
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        if self.kind == LOG {
            return self.fits(message, signature);
        }
        signature.split_first_chunk().is_some_and(|(time, signature)| {
            self.fits(&cosigned(message, u64::from_be_bytes(*time)), signature)
        })
    }
}

impl VerifierKey {
    fn fits(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = ed25519_dalek::Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

/// The secret part of a log's key. Wiped from memory when dropped.
#[derive(Clone)]
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifier())
    }
}

impl SigningKey {
    /// A new key for the log or the witness `name`.
    pub fn generate(name: &str, ambient: &dyn Ambient) -> Self {
        let mut seed = [0; 32];
        for chunk in seed.chunks_mut(8) {
            chunk.copy_from_slice(ambient.random().get(..8).unwrap_or_default());
        }
        Self::from_seed(name, seed)
    }

    /// The key with the given secret (RFC 8032 private key).
    pub fn from_seed(name: &str, seed: [u8; 32]) -> Self {
        Self { name: name.to_owned(), key: ed25519_dalek::SigningKey::from_bytes(&seed) }
    }

    /// Its public part, as a log's key.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey { name: self.name.clone(), kind: LOG, key: self.key.verifying_key() }
    }

    /// Its public part, as a witness's key.
    pub fn cosigner(&self) -> VerifierKey {
        VerifierKey { kind: WITNESS, ..self.verifier() }
    }

    /// The secret, for the key file.
    pub(crate) fn seed(&self) -> [u8; 32] {
        self.key.to_bytes()
    }
}

impl Signer for SigningKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.verifier().key_id()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.key.try_sign(message)?.to_vec())
    }
}

/// A witness's key at the moment at which it signs.
pub(crate) struct Cosigning<'a> {
    pub key: &'a SigningKey,
    /// Seconds since 1970.
    pub time: u64,
}

impl Signer for Cosigning<'_> {
    fn name(&self) -> &str {
        &self.key.name
    }

    fn key_id(&self) -> u32 {
        self.key.cosigner().key_id()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let signature = self.key.key.try_sign(&cosigned(message, self.time))?;
        Ok([self.time.to_be_bytes().as_slice(), &signature.to_bytes()].concat())
    }
}

/// What a witness signs (C2SP tlog-cosignature).
fn cosigned(message: &[u8], time: u64) -> Vec<u8> {
    [format!("cosignature/v1\ntime {time}\n").as_bytes(), message].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let key = SigningKey::from_seed("weir/a", [1; 32]);
        for verifier in [key.verifier(), key.cosigner()] {
            assert_eq!(verifier.to_string().parse(), Ok(verifier.clone()));
        }
        // The example of C2SP signed-note's reference implementation.
        let known = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(known.parse::<VerifierKey>().unwrap().to_string(), known);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let check = |text: &str| assert_eq!(text.parse::<VerifierKey>(), Err(NotAKey), "{text}");
        check("");
        check("a+b");
        check("PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        check("PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        check("Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        check("PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
        check("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10");
    }

    #[test]
    fn the_secret_is_never_shown() {
        let key = SigningKey::from_seed("weir/a", [0x41; 32]);
        let shown = format!("{key:?}");
        assert!(!shown.contains(&"41".repeat(8)) && !shown.contains("QUFBQUFB"), "{shown}");
    }
}
