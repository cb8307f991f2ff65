//! Making API keys and telling them apart.

use rand::{Rng, SeedableRng, distr::Alphanumeric, rngs::StdRng};
use sha2::{Digest as _, Sha256};

use crate::{CallersError, Secret};

/// What every key made here begins with, so that secret scanners find a leaked one.
pub const PREFIX: &str = "weir-";
/// 43 letters and digits: 43 · log2(62) = 256 bits.
const BODY_LENGTH: usize = 43;
/// Letters and digits of the checksum: 62^6 > 2^32.
const CHECK_LENGTH: usize = 6;
/// Letters and digits of an id.
const ID_LENGTH: usize = 16;

/// SHA-256 of a key. A fast hash is enough: a key of 256 random bits can't be guessed from it, unlike
/// a password.
pub(crate) type KeyDigest = [u8; 32];

/// A new key: prefix, random body, checksum of the body.
pub(crate) fn secret() -> Result<Secret, CallersError> {
    let body = random(BODY_LENGTH)?;
    let check = checksum(&body);
    Ok(Secret::new(format!("{PREFIX}{body}{check}")))
}

/// A new id.
pub(crate) fn id() -> Result<String, CallersError> {
    Ok(format!("key_{}", random(ID_LENGTH)?))
}

/// What is stored and looked up.
pub(crate) fn digest(secret: &str) -> KeyDigest {
    Sha256::digest(secret.as_bytes()).into()
}

fn random(length: usize) -> Result<String, CallersError> {
    let source = StdRng::try_from_os_rng().map_err(|_| CallersError::Random)?;
    Ok(source.sample_iter(Alphanumeric).take(length).map(char::from).collect())
}

/// CRC-32 in base 62, which lets a scanner tell a key from a text that merely looks like one.
fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECK_LENGTH];
    for digit in digits.iter_mut().rev() {
        // Below 62 by construction.
        let value = u8::try_from(rest % 62).unwrap_or_default();
        *digit = match value {
            0..=9 => b'0' + value,
            10..=35 => b'A' + (value - 10),
            _ => b'a' + (value - 36),
        };
        rest /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::{checksum, digest, id, secret};

    #[test]
    fn keys_have_their_form_and_differ() {
        let (one, two) = (secret().unwrap(), secret().unwrap());
        assert_ne!(one, two);
        let body = one.expose().strip_prefix(super::PREFIX).unwrap();
        assert_eq!(body.len(), 49);
        assert!(body.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        let (random, check) = body.split_at(43);
        assert_eq!(checksum(random), check);
        assert_ne!(id().unwrap(), id().unwrap());
    }

    #[test]
    fn checksum_counts_in_base_62() {
        // CRC-32 of the empty text is 0, of "123456789" 0xCBF43926 (the check value of CRC-32/ISO-HDLC).
        assert_eq!(checksum(""), "000000");
        let value = checksum("123456789").bytes().fold(0_u64, |sum, byte| {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'A'..=b'Z' => byte - b'A' + 10,
                _ => byte - b'a' + 36,
            };
            sum * 62 + u64::from(digit)
        });
        assert_eq!(value, 0xCBF4_3926);
    }

    #[test]
    fn digest_is_sha_256() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(digest("abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}
