//! A signed token, taken apart before anything in it is trusted.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header, decode_header};

use super::{SigningAlgorithm, claims::Claims};
use crate::Refusal;

/// Longest token looked at, in bytes.
const TOKEN_LIMIT: usize = 16 << 10;

/// The parts of a token in compact form (RFC 7515 §7.1).
pub(super) struct Token<'a> {
    pub(super) algorithm: SigningAlgorithm,
    pub(super) kid: Option<String>,
    pub(super) claims: Claims,
    pub(super) message: &'a [u8],
    pub(super) signature: Vec<u8>,
}

/// Whether a credential is a token by its form: three parts, the first an encoded `{"…`.
pub(crate) fn looks_like_token(credential: &str) -> bool {
    credential.starts_with("eyJ") && credential.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl<'a> Token<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, Refusal> {
        if text.len() > TOKEN_LIMIT {
            return Err(Refusal::MalformedToken);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(Refusal::MalformedToken)?;
        let (_, payload) = message.split_once('.').ok_or(Refusal::MalformedToken)?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::MalformedToken);
        // `alg: none` is no algorithm to this parser, hence malformed.
        let header = decode_header(text).map_err(|_| Refusal::MalformedToken)?;
        check_form(&header)?;
        Ok(Self {
            algorithm: signing_algorithm(header.alg)?,
            kid: header.kid,
            claims: serde_json::from_slice(&decode(payload)?).map_err(|_| Refusal::MalformedToken)?,
            message: message.as_bytes(),
            signature: decode(signature)?,
        })
    }
}

/// Refuses what would have to be understood (RFC 7515 §4.1.11) and tokens made for another use
/// (RFC 8725 §3.11). Keys that a header brings along (`jwk`, `jku`, `x5c`) are never looked at.
fn check_form(header: &Header) -> Result<(), Refusal> {
    let is_plain = header.crit.is_none() && header.enc.is_none() && header.zip.is_none();
    let type_fits = header.typ.as_deref().is_none_or(|typ| {
        let typ = typ.to_ascii_lowercase();
        matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
    });
    if is_plain && type_fits { Ok(()) } else { Err(Refusal::MalformedToken) }
}

fn signing_algorithm(named: Algorithm) -> Result<SigningAlgorithm, Refusal> {
    match named {
        Algorithm::RS256 => Ok(SigningAlgorithm::Rs256),
        Algorithm::ES256 => Ok(SigningAlgorithm::Es256),
        Algorithm::EdDSA => Ok(SigningAlgorithm::EdDsa),
        _ => Err(Refusal::Algorithm),
    }
}
