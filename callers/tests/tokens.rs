//! Which tokens are accepted, and what each attack on them meets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{AUDIENCE, Hand, ISSUER, START, Signer, claims, encode, judge, refusal, token, with};
use tempfile::TempDir;
use weir_callers::{
    Callers, Presented, Refusal,
    jwt::{JwksSource, JwtSettings, SigningAlgorithm, TenantClaim},
};

struct Bed {
    folder: TempDir,
    hand: Hand,
    rsa: Signer,
    p256: Signer,
    ed25519: Signer,
}

impl Bed {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            folder,
            hand: Hand::default(),
            rsa: Signer::rsa(),
            p256: Signer::p256(),
            ed25519: Signer::ed25519(),
        }
    }

    fn settings(&self, keys: &[Value]) -> JwtSettings {
        let path = self.folder.path().join("jwks.json");
        fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
        support::settings(JwksSource::File(path))
    }

    fn callers(&self, settings: JwtSettings) -> Callers {
        support::callers(self.folder.path(), &self.hand, settings)
    }

    fn all(&self) -> Callers {
        let keys = [self.rsa.jwk("rsa"), self.p256.jwk("p256"), self.ed25519.jwk("ed")];
        self.callers(self.settings(&keys))
    }
}

fn head(algorithm: &str, kid: &str) -> Value {
    json!({"alg": algorithm, "typ": "JWT", "kid": kid})
}

#[tokio::test]
async fn accepts_each_algorithm_and_maps_claims() {
    let bed = Bed::new();
    let callers = bed.all();
    for (header, signer) in [
        (head("RS256", "rsa"), &bed.rsa),
        (head("ES256", "p256"), &bed.p256),
        (head("EdDSA", "ed"), &bed.ed25519),
        (json!({"alg": "EdDSA", "kid": "ed"}), &bed.ed25519),
        (json!({"alg": "EdDSA", "kid": "ed", "typ": "at+JWT"}), &bed.ed25519),
    ] {
        let grant = judge(&callers, &token(&header, &claims(), signer)).await;
        let caller = &grant.unwrap_or_else(|refusal| panic!("{header}: {refusal}")).caller;
        assert_eq!(caller.tenant, "acme");
        assert_eq!(caller.team.as_deref(), Some("search"));
        assert_eq!(caller.app.as_deref(), Some("helpdesk"));
        assert_eq!(caller.subject.as_deref(), Some("ann"));
        assert_eq!(caller.roles, ["user", "auditor"]);
        assert_eq!(caller.key_id, None);
    }
}

#[tokio::test]
async fn refuses_headers_that_attack() {
    let bed = Bed::new();
    let callers = bed.all();
    let stranger = Signer::ed25519();
    let as_secret = Signer::Hmac(bed.rsa.public());
    let with_crit = with(head("EdDSA", "ed"), json!({"crit": ["exp"]}));
    let own_key = with(head("EdDSA", "own"), json!({"jwk": stranger.jwk("own")}));
    let own_set = with(head("EdDSA", "ed"), json!({"jku": "https://evil.example/jwks"}));
    let cases = [
        ("none", head("none", "rsa"), &Signer::Nobody, Refusal::MalformedToken),
        ("None", head("None", "rsa"), &Signer::Nobody, Refusal::MalformedToken),
        ("unsigned", head("RS256", "rsa"), &Signer::Nobody, Refusal::Signature),
        ("public key as HMAC secret", head("HS256", "rsa"), &as_secret, Refusal::Algorithm),
        ("HMAC said to be RSA", head("RS256", "rsa"), &as_secret, Refusal::Signature),
        ("unlisted RSA variant", head("RS512", "rsa"), &bed.rsa, Refusal::Algorithm),
        ("PSS", head("PS256", "rsa"), &bed.rsa, Refusal::Algorithm),
        ("key of another kind", head("RS256", "ed"), &bed.rsa, Refusal::Algorithm),
        ("key of another kind, its own signature", head("ES256", "ed"), &bed.ed25519, Refusal::Algorithm),
        ("other key", head("EdDSA", "ed"), &stranger, Refusal::Signature),
        ("unknown kid", head("EdDSA", "nobody"), &stranger, Refusal::SigningKey),
        ("no kid, several keys", json!({"alg": "EdDSA"}), &bed.ed25519, Refusal::SigningKey),
        ("kid as path", head("EdDSA", "../../dev/null"), &stranger, Refusal::SigningKey),
        ("key brought along", own_key, &stranger, Refusal::SigningKey),
        ("key set brought along", own_set, &stranger, Refusal::Signature),
        ("critical extension", with_crit, &bed.ed25519, Refusal::MalformedToken),
        (
            "other use",
            with(head("EdDSA", "ed"), json!({"typ": "dpop+jwt"})),
            &bed.ed25519,
            Refusal::MalformedToken,
        ),
        ("no alg", json!({"kid": "ed"}), &bed.ed25519, Refusal::MalformedToken),
        (
            "encrypted",
            with(head("EdDSA", "ed"), json!({"enc": "A256GCM"})),
            &bed.ed25519,
            Refusal::MalformedToken,
        ),
    ];
    for (name, header, signer, expect) in cases {
        assert_eq!(refusal(&callers, &token(&header, &claims(), signer)).await, Some(expect), "{name}");
    }
}

#[tokio::test]
async fn refuses_claims_that_do_not_fit() {
    let bed = Bed::new();
    let callers = bed.all();
    let long = "x".repeat(257);
    let many: Vec<_> = (0..65).map(|number| number.to_string()).collect();
    let cases = [
        (json!({}), None),
        (json!({"exp": null}), Some(Refusal::Claim("exp"))),
        (json!({"exp": "2100-01-01"}), Some(Refusal::Claim("exp"))),
        (json!({"exp": -1}), Some(Refusal::Claim("exp"))),
        (json!({"exp": 1e300}), Some(Refusal::Claim("exp"))),
        (json!({"exp": 1_800_000_100.5}), None),
        (json!({"exp": START}), None),
        (json!({"exp": START - 29}), None),
        (json!({"exp": START - 30}), Some(Refusal::ExpiredToken)),
        (json!({"nbf": START + 30}), None),
        (json!({"nbf": START + 31}), Some(Refusal::NotYetValid)),
        (json!({"nbf": "soon"}), Some(Refusal::Claim("nbf"))),
        (json!({"iss": null}), Some(Refusal::Issuer)),
        (json!({"iss": "https://id.acme.example"}), Some(Refusal::Issuer)),
        (json!({"iss": [ISSUER]}), Some(Refusal::Issuer)),
        (json!({"aud": null}), Some(Refusal::Audience)),
        (json!({"aud": "other"}), Some(Refusal::Audience)),
        (json!({"aud": []}), Some(Refusal::Audience)),
        (json!({"aud": ["other", AUDIENCE]}), None),
        (json!({"aud": {"weir": true}}), Some(Refusal::Audience)),
        (json!({"org": null}), Some(Refusal::Claim("tenant"))),
        (json!({"org": {"tenant": ""}}), Some(Refusal::Claim("tenant"))),
        (json!({"org": {"tenant": ["acme"]}}), Some(Refusal::Claim("tenant"))),
        (json!({"org": {"tenant": "a\nb"}}), Some(Refusal::Claim("tenant"))),
        (json!({"org": {"tenant": long}}), Some(Refusal::Claim("tenant"))),
        (json!({"org.tenant": "dotted", "org": null}), None),
        (json!({"azp": 7}), Some(Refusal::Claim("app"))),
        (json!({"azp": null, "sub": null, "roles": null}), None),
        (json!({"roles": ["user", 7]}), Some(Refusal::Claim("roles"))),
        (json!({"roles": many}), Some(Refusal::Claim("roles"))),
        (json!({"roles": {"admin": true}}), Some(Refusal::Claim("roles"))),
    ];
    for (changes, expect) in cases {
        let text = token(&head("EdDSA", "ed"), &with(claims(), changes.clone()), &bed.ed25519);
        assert_eq!(refusal(&callers, &text).await, expect, "{changes}");
    }
}

#[tokio::test]
async fn refuses_texts_that_are_no_tokens() {
    let bed = Bed::new();
    let callers = bed.all();
    let good = token(&head("EdDSA", "ed"), &claims(), &bed.ed25519);
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let other = encode(with(claims(), json!({"sub": "eve"})).to_string().as_bytes());
    let huge = token(&head("EdDSA", "ed"), &with(claims(), json!({"x": "y".repeat(20_000)})), &bed.ed25519);
    let cases = [
        (good.clone(), None),
        (format!("{header}.{other}.{signature}"), Some(Refusal::Signature)),
        (format!("{header}.{payload}."), Some(Refusal::Signature)),
        (format!("{header}.{payload}.{signature}="), Some(Refusal::MalformedToken)),
        (format!("{header}.{payload}.{signature} "), Some(Refusal::MalformedToken)),
        (format!("{header}..{signature}"), Some(Refusal::MalformedToken)),
        (format!("{header}.{}.{signature}", encode(b"[]")), Some(Refusal::MalformedToken)),
        (format!("{header}.{}.{signature}", encode(b"\xff")), Some(Refusal::MalformedToken)),
        (format!("{header}.{payload}"), Some(Refusal::UnknownKey)),
        (format!("{header}.{payload}.{signature}.x"), Some(Refusal::UnknownKey)),
        ("eyJ..".into(), Some(Refusal::MalformedToken)),
        (huge, Some(Refusal::MalformedToken)),
    ];
    for (index, (text, expect)) in cases.into_iter().enumerate() {
        assert_eq!(refusal(&callers, &text).await, expect, "case {index}");
    }
}

#[tokio::test]
async fn key_sets_bind_keys_to_their_use() {
    let bed = Bed::new();
    let own = bed.ed25519.jwk("ed");
    let weak = json!({"kty": "RSA", "kid": "ed", "n": encode(&[0xff; 128]), "e": "AQAB"});
    let shared = Signer::Hmac(b"shared".to_vec());
    let cases = [
        ("as published", own.clone(), None),
        ("for encryption", with(own.clone(), json!({"use": "enc"})), Some("unusable")),
        ("for signing only", with(own.clone(), json!({"key_ops": ["sign"]})), Some("unusable")),
        ("for verifying", with(own.clone(), json!({"key_ops": ["verify"]})), None),
        ("for another algorithm", with(own.clone(), json!({"alg": "ES256"})), Some("unusable")),
        ("its algorithm", with(own.clone(), json!({"alg": "EdDSA"})), None),
        ("short", with(own.clone(), json!({"x": encode(&[1; 31])})), Some("unusable")),
        ("weak RSA", weak, Some("unusable")),
        ("symmetric", shared.jwk("ed"), Some("unusable")),
        ("of a kind to come", json!({"kty": "AKP", "kid": "ed", "alg": "ML-DSA-65"}), Some("unusable")),
    ];
    let text = token(&head("EdDSA", "ed"), &claims(), &bed.ed25519);
    for (name, key, expect) in cases {
        let settings = bed.settings(&[key, bed.p256.jwk("other")]);
        let found = refusal(&bed.callers(settings), &text).await;
        assert_eq!(found, expect.map(|_| Refusal::SigningKey), "{name}");
    }
}

#[tokio::test]
async fn one_key_needs_no_kid() {
    let bed = Bed::new();
    let callers = bed.callers(bed.settings(&[bed.p256.jwk("only")]));
    let cases = [
        (json!({"alg": "ES256"}), &bed.p256, None),
        (json!({"alg": "RS256"}), &bed.rsa, Some(Refusal::Algorithm)),
        (json!({"alg": "ES256", "kid": "other"}), &bed.p256, Some(Refusal::SigningKey)),
    ];
    for (header, signer, expect) in cases {
        assert_eq!(refusal(&callers, &token(&header, &claims(), signer)).await, expect, "{header}");
    }
}

#[tokio::test]
async fn settings_narrow_the_algorithms_and_may_fix_the_tenant() {
    let bed = Bed::new();
    let mut settings = bed.settings(&[bed.rsa.jwk("rsa"), bed.ed25519.jwk("ed")]);
    settings.algorithms = vec![SigningAlgorithm::EdDsa];
    settings.claims.tenant = TenantClaim::Fixed("acme".into());
    let callers = bed.callers(settings);
    let rsa = token(&head("RS256", "rsa"), &claims(), &bed.rsa);
    assert_eq!(refusal(&callers, &rsa).await, Some(Refusal::Algorithm));
    let other = with(claims(), json!({"org": {"tenant": "globex"}}));
    let grant = judge(&callers, &token(&head("EdDSA", "ed"), &other, &bed.ed25519)).await;
    assert_eq!(grant.unwrap_or_else(|refusal| panic!("{refusal}")).caller.tenant, "acme");
}

#[tokio::test]
async fn admin_needs_the_role_of_its_own() {
    let bed = Bed::new();
    let callers = bed.all();
    let cases = [
        (json!(["weir-admin"]), None),
        (json!("user weir-admin"), None),
        (json!(["admin"]), Some(Refusal::NotAdmin)),
        (json!([]), Some(Refusal::NotAdmin)),
    ];
    for (roles, expect) in cases {
        let text = token(&head("EdDSA", "ed"), &with(claims(), json!({"roles": roles})), &bed.ed25519);
        let presented = Presented { bearer: Some(&text), x_api_key: None };
        assert_eq!(callers.authenticate_admin(&presented).await.err(), expect, "{roles}");
    }
}

#[tokio::test]
async fn a_remembered_token_still_ends_with_its_time() {
    let bed = Bed::new();
    let callers = bed.all();
    let text = token(&head("EdDSA", "ed"), &claims(), &bed.ed25519);
    assert_eq!(refusal(&callers, &text).await, None);
    bed.hand.advance(300 + 29);
    assert_eq!(refusal(&callers, &text).await, None);
    bed.hand.advance(1);
    assert_eq!(refusal(&callers, &text).await, Some(Refusal::ExpiredToken));
}

#[tokio::test]
async fn a_changed_key_set_file_counts_at_once() {
    let bed = Bed::new();
    let callers = bed.all();
    let text = token(&head("EdDSA", "ed"), &claims(), &bed.ed25519);
    assert_eq!(refusal(&callers, &text).await, None);
    bed.settings(&[bed.p256.jwk("p256")]);
    callers.renew_key_sets().await;
    assert_eq!(
        refusal(&callers, &text).await,
        Some(Refusal::SigningKey),
        "the memory must not outlive the key"
    );
    fs::write(bed.folder.path().join("jwks.json"), "{").unwrap();
    callers.renew_key_sets().await;
    let other = token(&head("ES256", "p256"), &claims(), &bed.p256);
    assert_eq!(refusal(&callers, &other).await, None, "a bad file keeps the former keys");
}
