//! From a token's claims to a caller.

use serde_json::{Map, Value};
use weir_policies::Caller;

use super::{ClaimPaths, JwtSettings, TenantClaim};
use crate::{ADMIN_TOKEN_ROLE, Access, Clock, Grant, Refusal, Scope};

/// Longest text taken over from a claim, in bytes.
const TEXT_LIMIT: usize = 256;
/// Most roles taken over.
const ROLE_LIMIT: usize = 64;

/// A token's claims, as JSON.
pub(super) type Claims = Map<String, Value>;

/// Checks when, from whom and for whom a token is; gives the second (since 1970) from which it is refused.
pub(super) fn check(claims: &Claims, settings: &JwtSettings, clock: &Clock) -> Result<u64, Refusal> {
    let now = clock.unix().as_secs();
    let leeway = settings.leeway.as_secs();
    if claims.get("iss").and_then(Value::as_str) != Some(&settings.issuer) {
        return Err(Refusal::Issuer);
    }
    let expires = date(claims, "exp")?.ok_or(Refusal::Claim("exp"))?.saturating_add(leeway);
    if now >= expires {
        return Err(Refusal::ExpiredToken);
    }
    if date(claims, "nbf")?.is_some_and(|from| now.saturating_add(leeway) < from) {
        return Err(Refusal::NotYetValid);
    }
    if !is_for(claims.get("aud"), &settings.audience) {
        return Err(Refusal::Audience);
    }
    Ok(expires)
}

/// The caller that checked claims describe.
pub(super) fn grant(claims: &Claims, paths: &ClaimPaths) -> Result<Grant, Refusal> {
    let tenant = match &paths.tenant {
        TenantClaim::Fixed(tenant) => tenant.clone(),
        TenantClaim::Path(path) => text(claims, Some(path), "tenant")?.ok_or(Refusal::Claim("tenant"))?,
    };
    let roles = roles(claims, paths.roles.as_deref())?;
    let is_admin = roles.iter().any(|role| role == ADMIN_TOKEN_ROLE);
    let caller = Caller {
        tenant,
        team: text(claims, paths.team.as_deref(), "team")?,
        app: text(claims, paths.app.as_deref(), "app")?,
        subject: text(claims, Some(&paths.subject), "subject")?,
        roles,
        ..Caller::default()
    };
    let access = if is_admin { Access::Admin } else { Access::Traffic };
    Ok(Grant { caller, scope: Scope::default(), access })
}

/// A NumericDate (RFC 7519 §2), a part of a second dropped.
fn date(claims: &Claims, name: &'static str) -> Result<Option<u64>, Refusal> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    if let Some(seconds) = value.as_u64() {
        return Ok(Some(seconds));
    }
    let seconds = value.as_f64().filter(|seconds| (0.0..=9.0e15).contains(seconds));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range, checked above")]
    let whole = seconds.map(|seconds| seconds as u64);
    whole.map(Some).ok_or(Refusal::Claim(name))
}

/// RFC 7519 §4.1.3: one text or a list of them, one of which must be ours.
fn is_for(audience: Option<&Value>, ours: &[String]) -> bool {
    let is_ours = |value: &Value| value.as_str().is_some_and(|text| ours.iter().any(|our| our == text));
    match audience {
        Some(Value::Array(list)) => list.iter().any(is_ours),
        Some(one) => is_ours(one),
        None => false,
    }
}

fn text(claims: &Claims, path: Option<&str>, what: &'static str) -> Result<Option<String>, Refusal> {
    match path.and_then(|path| find(claims, path)) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if is_fit(text) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::Claim(what)),
    }
}

fn roles(claims: &Claims, path: Option<&str>) -> Result<Vec<String>, Refusal> {
    let fault = Refusal::Claim("roles");
    let roles: Vec<&str> = match path.and_then(|path| find(claims, path)) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => text.split_ascii_whitespace().collect(),
        Some(Value::Array(list)) => list.iter().map(Value::as_str).collect::<Option<_>>().ok_or(fault)?,
        Some(_) => return Err(fault),
    };
    let fit = roles.len() <= ROLE_LIMIT && roles.iter().all(|role| is_fit(role));
    if fit { Ok(roles.into_iter().map(str::to_owned).collect()) } else { Err(fault) }
}

/// What goes into records, headers and labels must be short and printable.
fn is_fit(text: &str) -> bool {
    !text.is_empty() && text.len() <= TEXT_LIMIT && !text.chars().any(char::is_control)
}

/// Follows a path; at each step the longest key that is there wins, so keys may hold dots.
fn find<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    path.rmatch_indices('.').find_map(|(at, _)| {
        let (key, rest) = (path.get(..at)?, path.get(at + 1..)?);
        find(claims.get(key)?.as_object()?, rest)
    })
}
