//! What a tenant's identity provider is trusted for.

use std::{path::PathBuf, time::Duration};

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
    /// An address: https, or http on a loopback address.
    Url(String),
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
