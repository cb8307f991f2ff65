//! What a tenant's identity provider is trusted for.

use std::{fmt, fs, net::IpAddr, path::PathBuf, time::Duration};

use http::Uri;

use super::keyset::KeySet;
use crate::CallersError;

/// One trusted issuer of JSON Web Tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JwtSettings {
    /// Exact `iss` of its tokens.
    pub issuer: String,
    /// Accepted `aud` values; a token must carry at least one of them. Never empty.
    pub audience: Vec<String>,
    /// Accepted signature algorithms. Never empty.
    pub algorithms: Vec<SigningAlgorithm>,
    /// Where the issuer's public keys come from.
    pub jwks: JwksSource,
    /// Tolerated clock difference for `exp` and `nbf`.
    pub leeway: Duration,
    /// Which claims say who is calling.
    pub claims: ClaimPaths,
}

/// Signature algorithms Weir accepts: asymmetric ones only (RFC 7518 §3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    /// All of them, in the order they are documented.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// The name in a token's header.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of that name, if it is one Weir accepts.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// Where a JSON Web Key Set (RFC 7517 §5) is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwksSource {
    /// A file, read again when it changes.
    File(PathBuf),
    /// An address, asked again when a token names an unknown key and from time to time.
    Url(JwksUrl),
}

impl JwksSource {
    /// Whether it can be used: a file must hold a key set with a usable key. An address isn't asked.
    ///
    /// # Errors
    /// What is wrong with the file, without its path.
    pub fn check(&self) -> Result<(), String> {
        let Self::File(path) = self else { return Ok(()) };
        let text = fs::read(path).map_err(|_| "it can't be read".to_owned())?;
        KeySet::parse(&text).map(drop).map_err(str::to_owned)
    }

    pub(super) fn needs_tls(&self) -> bool {
        matches!(self, Self::Url(url) if url.transport == Transport::Tls)
    }
}

/// Address of a key set: https, or http on this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct JwksUrl {
    pub(super) uri: Uri,
    pub(super) host: String,
    pub(super) transport: Transport,
}

/// How a key set travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// With TLS.
    Tls,
    /// Without, and therefore only from a loopback address.
    Loopback,
}

impl JwksUrl {
    /// Takes an address apart.
    ///
    /// # Errors
    /// When it is none, holds credentials, or is plain http to another machine.
    pub fn parse(text: &str) -> Result<Self, CallersError> {
        let uri: Uri = text.parse().map_err(|_| CallersError::KeySetUrl("it is not an address"))?;
        let authority = uri.authority().ok_or(CallersError::KeySetUrl("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(CallersError::KeySetUrl("it holds credentials"));
        }
        // A port out of range must not become the default.
        let has_port = authority.as_str() != authority.host();
        if has_port && authority.port_u16().is_none_or(|port| port == 0) {
            return Err(CallersError::KeySetUrl("its port is none"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let transport = match uri.scheme_str() {
            Some("https") => Transport::Tls,
            Some("http") if is_local => Transport::Loopback,
            _ => return Err(CallersError::KeySetUrl("it is neither https nor http on this machine")),
        };
        Ok(Self { uri, host, transport })
    }
}

impl fmt::Debug for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.uri)
    }
}

/// Claims by path: object keys parted by `.`, such as `realm_access.roles`; a key that itself holds
/// dots is found first, so that `https://acme.example/team` works as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPaths {
    /// Where the tenant comes from.
    pub tenant: TenantClaim,
    /// Path of the team.
    pub team: Option<String>,
    /// Path of the application.
    pub app: Option<String>,
    /// Path of the end user.
    pub subject: String,
    /// Path of the roles: a list of texts, or one text with roles parted by spaces.
    pub roles: Option<String>,
}

/// How a token names its tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantClaim {
    /// By the claim at this path; a token without it is refused.
    Path(String),
    /// All tokens of the issuer belong to this tenant.
    Fixed(String),
}
