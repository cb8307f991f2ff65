//! JSON Web Tokens (RFC 7519) of trusted issuers.

mod cache;
mod claims;
mod fetch;
mod keyset;
mod settings;
mod source;
mod token;

use std::sync::Arc;

use futures::future;
use rustls::RootCertStore;
use sha2::{Digest as _, Sha256};

use cache::{TokenCache, Verified};
pub use settings::{ClaimPaths, JwksSource, JwksUrl, JwtSettings, SigningAlgorithm, TenantClaim};
pub use source::Pace;
use source::{KeySource, Versioned};
use token::Token;
pub(crate) use token::looks_like_token;

use crate::{CallersError, Clock, Grant, Refusal};

/// Verified tokens remembered.
const CACHE_LIMIT: usize = 32_768;

/// All trusted issuers.
pub(crate) struct Issuers {
    issuers: Vec<Issuer>,
    cache: TokenCache,
    clock: Clock,
}

struct Issuer {
    settings: JwtSettings,
    source: KeySource,
}

impl Issuers {
    pub(crate) fn open(settings: &[JwtSettings], clock: &Clock, pace: Pace) -> Result<Self, CallersError> {
        let is_remote = settings.iter().any(|settings| settings.jwks.needs_tls());
        let tls = if is_remote { fetch::system_trust() } else { fetch::trust(RootCertStore::empty()) };
        let tls = tls.map_err(|fault| CallersError::Trust(fault.to_string()))?;
        let issuers = settings.iter().map(|settings| {
            let source = KeySource::open(settings, Arc::clone(&tls), clock.clone(), pace)?;
            Ok(Issuer { settings: settings.clone(), source })
        });
        let issuers = issuers.collect::<Result<_, _>>()?;
        Ok(Self { issuers, cache: TokenCache::new(CACHE_LIMIT), clock: clock.clone() })
    }

    /// Judges a token.
    pub(crate) async fn judge(&self, text: &str) -> Result<Arc<Grant>, Refusal> {
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        if let Some(known) = self.cache.get(&digest).filter(|known| self.still_holds(known)) {
            return Ok(known.grant);
        }
        let verified = self.verify(text).await?;
        let grant = Arc::clone(&verified.grant);
        self.cache.insert(digest, verified);
        Ok(grant)
    }

    /// Reads key sets again where it is time.
    pub(crate) async fn renew_when_due(&self) {
        future::join_all(self.issuers.iter().map(|issuer| issuer.source.renew_when_due())).await;
    }

    fn still_holds(&self, known: &Verified) -> bool {
        let issuer = self.issuers.get(known.issuer);
        self.clock.unix().as_secs() < known.expires
            && issuer.is_some_and(|issuer| issuer.source.version() == known.version)
    }

    async fn verify(&self, text: &str) -> Result<Verified, Refusal> {
        let token = Token::parse(text)?;
        // The claim is not trusted yet: it only chooses whose keys the signature has to stand up to.
        let named = token.claims.get("iss").and_then(serde_json::Value::as_str);
        let mut issuers = self.issuers.iter().enumerate();
        let (index, issuer) = issuers
            .find(|(_, issuer)| Some(issuer.settings.issuer.as_str()) == named)
            .ok_or(Refusal::Issuer)?;
        if !issuer.settings.algorithms.contains(&token.algorithm) {
            return Err(Refusal::Algorithm);
        }
        let set = issuer.keys_for(&token).await?;
        let key = set.keys.find(token.kid.as_deref(), token.algorithm)?;
        key.verify(token.message, &token.signature)?;
        let expires = claims::check(&token.claims, &issuer.settings, &self.clock)?;
        let grant = Arc::new(claims::grant(&token.claims, &issuer.settings.claims)?);
        Ok(Verified { grant, expires, issuer: index, version: set.version })
    }
}

impl Issuer {
    /// The key set to verify with, read again when the token's key isn't in it.
    async fn keys_for(&self, token: &Token<'_>) -> Result<Arc<Versioned>, Refusal> {
        let set = self.source.current();
        if set.keys.find(token.kid.as_deref(), token.algorithm) != Err(Refusal::SigningKey) {
            return Ok(set);
        }
        self.source.renew(set.version).await;
        let set = self.source.current();
        if set.version == 0 { Err(Refusal::KeysUnavailable) } else { Ok(set) }
    }
}
