//! A JSON Web Key Set (RFC 7517) and verifying with it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse,
};
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

use super::SigningAlgorithm;
use crate::Refusal;

/// Shortest RSA modulus accepted, in bytes (RFC 7518 §3.3: 2048 bits).
const RSA_MINIMUM: usize = 256;
/// Bytes of a P-256 coordinate and of an Ed25519 key.
const CURVE_BYTES: usize = 32;

/// The usable keys of an issuer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeySet {
    keys: Vec<VerifyingKey>,
}

/// One public key, bound to the one algorithm it is for, whatever a token's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VerifyingKey {
    kid: Option<String>,
    material: Material,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl KeySet {
    /// Reads a set. Keys of other kinds or for other uses are passed over; a set without any usable key
    /// is refused, so that a broken publication doesn't lock all callers out.
    pub(super) fn parse(text: &[u8]) -> Result<Self, &'static str> {
        let document: Document = serde_json::from_slice(text).map_err(|_| "it is not a JSON Web Key Set")?;
        let keys: Vec<_> = document.keys.into_iter().filter_map(VerifyingKey::of).collect();
        if keys.is_empty() {
            return Err("it holds no usable key");
        }
        Ok(Self { keys })
    }

    /// The key a token's header asks for. Without a `kid` there must be no choice.
    pub(super) fn find(
        &self,
        kid: Option<&str>,
        algorithm: SigningAlgorithm,
    ) -> Result<&VerifyingKey, Refusal> {
        let Some(kid) = kid else {
            return match self.keys.as_slice() {
                [only] if only.algorithm() == algorithm => Ok(only),
                [_] => Err(Refusal::Algorithm),
                _ => Err(Refusal::SigningKey),
            };
        };
        let mut named = self.keys.iter().filter(|key| key.kid.as_deref() == Some(kid)).peekable();
        if named.peek().is_none() {
            return Err(Refusal::SigningKey);
        }
        named.find(|key| key.algorithm() == algorithm).ok_or(Refusal::Algorithm)
    }
}

impl VerifyingKey {
    fn of(value: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let material = Material::of(&jwk.algorithm)?;
        let key = Self { kid: jwk.common.key_id.clone(), material };
        key.fits(&jwk.common).then_some(key)
    }

    /// Whether the key's own statements (`use`, `key_ops`, `alg`) allow what it would be used for.
    fn fits(&self, common: &CommonParameters) -> bool {
        let signs = common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        let verifies = common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        let named = common.key_algorithm.is_none_or(|named| named.to_string() == self.algorithm().name());
        signs && verifies && named
    }

    fn algorithm(&self) -> SigningAlgorithm {
        match self.material {
            Material::Rsa { .. } => SigningAlgorithm::Rs256,
            Material::P256(_) => SigningAlgorithm::Es256,
            Material::Ed25519(_) => SigningAlgorithm::EdDsa,
        }
    }

    /// Verifies a signature over a message.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let verified = match &self.material {
            Material::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &signature::RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
            Material::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature)
            }
            Material::Ed25519(key) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature)
            }
        };
        verified.map_err(|_| Refusal::Signature)
    }
}

impl Material {
    fn of(parameters: &AlgorithmParameters) -> Option<Self> {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        let coordinate = |text: &str| bytes(text).filter(|bytes| bytes.len() == CURVE_BYTES);
        match parameters {
            AlgorithmParameters::RSA(rsa) => {
                // ring takes no leading zeros, which some issuers publish.
                let n: Vec<u8> = bytes(&rsa.n)?.into_iter().skip_while(|byte| *byte == 0).collect();
                (n.len() >= RSA_MINIMUM).then_some(Self::Rsa { n, e: bytes(&rsa.e)? })
            }
            AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
                // SEC 1 §2.3.3: an uncompressed point.
                let (x, y) = (coordinate(&curve.x)?, coordinate(&curve.y)?);
                Some(Self::P256([&[4][..], &x, &y].concat()))
            }
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                coordinate(&pair.x).map(Self::Ed25519)
            }
            _ => None,
        }
    }
}
