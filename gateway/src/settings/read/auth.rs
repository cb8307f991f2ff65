//! `auth`: who may call.

use std::time::Duration;

use weir_callers::jwt::{ClaimPaths, JwksSource, JwksUrl, SigningAlgorithm, TenantClaim};
use weir_policies::document::{Map, Spot, Value};

use super::place::Place;
use crate::settings::{Auth, JwtSettings, KeyUse};

/// Clocks further apart than this are a fault to repair.
const LEEWAY_LIMIT: Duration = Duration::from_secs(600);
const LEEWAY: Duration = Duration::from_secs(30);

/// `auth`, keys alone when it is left out; none when it has a problem.
pub(super) fn auth(map: &mut Map<'_>, place: &Place<'_>) -> Option<Auth> {
    match map.get("auth").filter(|value| !value.is_null()) {
        None => Some(Auth { keys: KeyUse::On, jwt: Vec::new() }),
        Some(value) => read(value, place),
    }
}

fn read(value: Value<'_>, place: &Place<'_>) -> Option<Auth> {
    let mut map = value.map()?;
    let switch = [("on", KeyUse::On), ("off", KeyUse::Off)];
    let keys = map.or("keys", KeyUse::On, |v| v.choice(&switch));
    let jwt = match map.get("jwt").filter(|value| !value.is_null()) {
        None => Vec::new(),
        Some(list) => issuers(list, place)?,
    };
    if keys == KeyUse::Off && jwt.is_empty() {
        value.problem("nobody could call: switch `keys` on or name an issuer under `jwt`");
    }
    map.finish();
    Some(Auth { keys, jwt })
}

fn issuers(list: Value<'_>, place: &Place<'_>) -> Option<Vec<JwtSettings>> {
    let read = list.list(|item| issuer(item, place))?;
    for (index, (issuer, spot)) in read.iter().enumerate() {
        if read.iter().take(index).any(|(earlier, _)| earlier.issuer == issuer.issuer) {
            list.problem_at(spot, "an earlier entry has the same issuer", None);
        }
    }
    Some(read.into_iter().map(|(issuer, _)| issuer).collect())
}

fn issuer(value: Value<'_>, place: &Place<'_>) -> Option<(JwtSettings, Spot)> {
    let names = SigningAlgorithm::ALL.map(|algorithm| (algorithm.name(), algorithm));
    let mut map = value.map()?;
    let issuer = map.required("issuer", Value::text);
    let audience = map.required("audience", |v| v.one_or_more(Value::text));
    let algorithms =
        map.or("algorithms", SigningAlgorithm::ALL.to_vec(), |v| v.one_or_more(|item| item.choice(&names)));
    let jwks = map.required("jwks", |v| jwks(v, place));
    let leeway = map.or("leeway", LEEWAY, |v| {
        let leeway = v.duration()?;
        if leeway <= LEEWAY_LIMIT { Some(leeway) } else { v.expected("at most 10m") }
    });
    let claims = map.required("claims", claims);
    map.finish();
    let (issuer, audience, jwks, claims) = (issuer?, audience?, jwks?, claims?);
    let spot = value.spot().clone();
    Some((JwtSettings { issuer, audience, algorithms, jwks, leeway, claims }, spot))
}

fn jwks(value: Value<'_>, place: &Place<'_>) -> Option<JwksSource> {
    let mut map = value.map()?;
    let (file, url) = (map.get("file"), map.get("url"));
    map.finish();
    let source = match (file, url) {
        (Some(file), None) => JwksSource::File(place.file(file)?),
        (None, Some(url)) => match JwksUrl::parse(&url.text()?) {
            Ok(url) => JwksSource::Url(url),
            Err(error) => {
                url.problem(error.to_string());
                return None;
            }
        },
        _ => return value.expected("either `file` or `url`"),
    };
    match source.check() {
        Ok(()) => Some(source),
        Err(reason) => {
            value.problem(reason);
            None
        }
    }
}

fn claims(value: Value<'_>) -> Option<ClaimPaths> {
    let mut map = value.map()?;
    let tenant = map.required("tenant", tenant);
    let paths = ClaimPaths {
        tenant: TenantClaim::Fixed(String::new()),
        team: map.optional("team", Value::text),
        app: map.optional("app", Value::text),
        subject: map.or("subject", "sub".to_owned(), Value::text),
        roles: map.optional("roles", Value::text),
    };
    map.finish();
    Some(ClaimPaths { tenant: tenant?, ..paths })
}

/// A claim's path, or `{fixed: NAME}`.
fn tenant(value: Value<'_>) -> Option<TenantClaim> {
    if !value.is_map() {
        return value.text().map(TenantClaim::Path);
    }
    let mut map = value.map()?;
    let fixed = map.required("fixed", Value::text);
    map.finish();
    fixed.map(TenantClaim::Fixed)
}
