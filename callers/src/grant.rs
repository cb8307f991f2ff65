//! What credentials give: a caller with its scopes, or a refusal.

use weir_policies::Caller;

use crate::Pattern;

/// Role of an API key that opens the admin port.
pub const ADMIN_ROLE: &str = "admin";
/// Role of a token that opens the admin port. It differs from a key's, because an identity provider's
/// own `admin` role rarely means the administrators of this gateway.
pub const ADMIN_TOKEN_ROLE: &str = "weir-admin";

/// An authenticated caller and what it may use.
#[derive(Clone)]
pub struct Grant {
    /// Who it is; what it declares by headers is for the gateway to add.
    pub caller: Caller,
    /// What it may use.
    pub scope: Scope,
    /// Which doors are open to it.
    pub access: Access,
}

/// What a credential may be used for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Model names; empty for all.
    pub models: Vec<Pattern>,
    /// Short names of endpoints (`chat`, …); empty for all.
    pub endpoints: Vec<String>,
}

/// Which doors are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Traffic only.
    Traffic,
    /// The admin port too.
    Admin,
}

/// What a credential may do with the audit log; each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuditRole {
    /// Nothing.
    None,
    /// Find, verify and export records of its tenant.
    Auditor,
    /// Also read bodies, with a recorded reason, and judge calls.
    Reviewer,
    /// Also erase and hold, for all tenants.
    Admin,
}

impl Grant {
    /// What it may do with the audit log: the roles `auditor` and `reviewer` of a key, and with `weir-` in front those
    /// of a token, for the reason that [`ADMIN_TOKEN_ROLE`] has.
    #[must_use]
    pub fn audit_role(&self) -> AuditRole {
        let prefix = if self.caller.key_id.is_some() { "" } else { "weir-" };
        let has = |role: &str| self.caller.roles.iter().any(|it| it.strip_prefix(prefix) == Some(role));
        match () {
            () if self.is_admin() => AuditRole::Admin,
            () if has("reviewer") => AuditRole::Reviewer,
            () if has("auditor") => AuditRole::Auditor,
            () => AuditRole::None,
        }
    }

    /// Whether the model of that name may be used.
    #[must_use]
    pub fn allows_model(&self, model: &str) -> bool {
        self.scope.models.is_empty() || self.scope.models.iter().any(|pattern| pattern.matches(model))
    }

    /// Whether the endpoint of that short name may be used.
    #[must_use]
    pub fn allows_endpoint(&self, endpoint: &str) -> bool {
        self.scope.endpoints.is_empty() || self.scope.endpoints.iter().any(|name| name == endpoint)
    }

    /// Whether the admin port is open to it.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.access == Access::Admin
    }
}

/// The credentials of one request, as its headers show them.
#[derive(Clone, Copy, Default)]
pub struct Presented<'a> {
    /// What follows `Bearer ` in `authorization`.
    pub bearer: Option<&'a str>,
    /// `x-api-key`.
    pub x_api_key: Option<&'a str>,
}

impl<'a> Presented<'a> {
    /// Reads the two headers. An `authorization` of another scheme than `Bearer` counts as absent.
    #[must_use]
    pub fn from_headers(authorization: Option<&'a str>, x_api_key: Option<&'a str>) -> Self {
        let bearer = authorization.and_then(|value| {
            let (scheme, rest) = value.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(rest.trim())
        });
        Self { bearer, x_api_key: x_api_key.map(str::trim) }
    }

    /// The one credential to judge.
    pub(crate) fn credential(self) -> Result<&'a str, Refusal> {
        let given = |text: Option<&'a str>| text.filter(|text| !text.is_empty());
        match (given(self.bearer), given(self.x_api_key)) {
            (Some(bearer), Some(key)) if bearer != key => Err(Refusal::Conflicting),
            (Some(credential), _) | (None, Some(credential)) => Ok(credential),
            (None, None) => Err(Refusal::Missing),
        }
    }
}

/// Why credentials were refused. Its text repeats nothing of them and may be sent to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// None came.
    #[error("no API key or token was given")]
    Missing,
    /// `authorization` and `x-api-key` differ.
    #[error("two different credentials were given")]
    Conflicting,
    /// Not one of ours, or keys are switched off.
    #[error("the API key is not valid")]
    UnknownKey,
    /// Past its date.
    #[error("the API key has expired")]
    ExpiredKey,
    /// Taken back.
    #[error("the API key was revoked")]
    RevokedKey,
    /// Not a token by its form, or one with a feature we must not ignore.
    #[error("the token is malformed")]
    MalformedToken,
    /// From nobody we trust.
    #[error("the token's issuer is not trusted")]
    Issuer,
    /// `none`, symmetric, not allowed by the settings, or not the key's.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// Its `kid` is unknown, or it has none and the issuer has several keys.
    #[error("the token's signing key is not known")]
    SigningKey,
    /// Not signed by that key.
    #[error("the token's signature does not verify")]
    Signature,
    /// Past its `exp`.
    #[error("the token has expired")]
    ExpiredToken,
    /// Before its `nbf`.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Meant for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is absent or not what it must be; named by its use (`tenant`, `exp`, …).
    #[error("the token's claim for `{0}` is missing or unusable")]
    Claim(&'static str),
    /// The issuer's keys could not be had yet: not the caller's fault, worth a retry.
    #[error("the keys of the token's issuer are not available")]
    KeysUnavailable,
    /// Known, but no administrator.
    #[error("an admin key is needed")]
    NotAdmin,
}

impl Refusal {
    /// A short name for logs and metric labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Conflicting => "conflicting",
            Self::UnknownKey => "unknown_key",
            Self::ExpiredKey => "expired_key",
            Self::RevokedKey => "revoked_key",
            Self::MalformedToken => "malformed_token",
            Self::Issuer => "issuer",
            Self::Algorithm => "algorithm",
            Self::SigningKey => "signing_key",
            Self::Signature => "signature",
            Self::ExpiredToken => "expired_token",
            Self::NotYetValid => "not_yet_valid",
            Self::Audience => "audience",
            Self::Claim(_) => "claim",
            Self::KeysUnavailable => "keys_unavailable",
            Self::NotAdmin => "not_admin",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Grant, Presented, Refusal, Scope};
    use crate::Pattern;

    #[test]
    fn reads_the_credential() {
        let cases = [
            (None, None, Err(Refusal::Missing)),
            (Some("Bearer a"), None, Ok("a")),
            (Some("bearer  a "), None, Ok("a")),
            (Some("BEARER a"), Some("a"), Ok("a")),
            (Some("Bearer a"), Some("b"), Err(Refusal::Conflicting)),
            (None, Some("b"), Ok("b")),
            (Some("Basic a"), None, Err(Refusal::Missing)),
            (Some("Bearer "), None, Err(Refusal::Missing)),
            (Some("Bearer"), None, Err(Refusal::Missing)),
            (Some("Bearer "), Some("b"), Ok("b")),
            (None, Some(""), Err(Refusal::Missing)),
        ];
        for (authorization, key, expect) in cases {
            assert_eq!(Presented::from_headers(authorization, key).credential(), expect, "{authorization:?}");
        }
    }

    #[test]
    fn scopes() {
        let mut grant =
            Grant { caller: Default::default(), scope: Scope::default(), access: Access::Traffic };
        assert!(grant.allows_model("anything") && grant.allows_endpoint("chat") && !grant.is_admin());
        grant.scope = Scope {
            models: vec![Pattern::new("gpt-*"), Pattern::new("smol")],
            endpoints: vec!["chat".into()],
        };
        for (model, expect) in [("gpt-4o", true), ("smol", true), ("smol2", false), ("", false)] {
            assert_eq!(grant.allows_model(model), expect, "{model}");
        }
        assert!(grant.allows_endpoint("chat") && !grant.allows_endpoint("embeddings"));
    }
}
