//! Who may call: API keys and JSON Web Tokens, and every way to get them wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};
use weir_tests::openai;
use weir_tests::{Answer, Call, Config, Gateway, Upstream, poll, scenario};

async fn with_bearer(gateway: &Gateway, token: &str) -> Answer {
    Call::post("/v1/chat/completions", &openai::chat("x")).key(token).send(gateway.traffic()).await
}

#[track_caller]
fn refused(answer: &Answer, why: &str) {
    let code = answer.code();
    assert_eq!((answer.status, code.as_deref()), (401, Some("invalid_api_key")), "{why}: {}", answer.text());
}

#[test]
fn keys_must_be_right() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let to = gateway.traffic();
        let call = Call::post("/v1/chat/completions", &openai::chat("x"));
        let key = gateway.key();
        let mut changed = key.to_owned();
        changed.replace_range(
            key.len() / 2..=key.len() / 2,
            if key.as_bytes()[key.len() / 2] == b'A' { "B" } else { "A" },
        );
        refused(&call.send(to).await, "no key");
        refused(&with_bearer(&gateway, "").await, "an empty key");
        refused(&with_bearer(&gateway, &changed).await, "a changed key");
        refused(&with_bearer(&gateway, &key[..key.len() - 1]).await, "a cut key");
        refused(&with_bearer(&gateway, &format!("{key}A")).await, "a longer key");
        refused(&with_bearer(&gateway, &"a".repeat(10_000)).await, "a huge key");
        refused(
            &call.clone().header("authorization", &format!("Basic {key}")).send(to).await,
            "another scheme",
        );
        refused(&call.clone().header("authorization", "Bearer").send(to).await, "a scheme alone");
        refused(&with_bearer(&gateway, weir_tests::gateway::UPSTREAM_KEY).await, "the upstream's key");
        for (path, method) in [("/v1/models", "GET"), ("/v1/embeddings", "POST"), ("/v1/responses", "POST")] {
            refused(&Call::new(method, path, b"{}".to_vec()).send(to).await, path);
        }
        assert!(upstream.requests().is_empty());
        assert_eq!(with_bearer(&gateway, key).await.status, 200);
        assert_eq!(
            call.header("authorization", &format!("bearer {key}")).send(to).await.status,
            200,
            "any case"
        );
    });
}

#[test]
fn keys_end() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let make = async |name: &str, more: &[&str]| {
            let fixed = ["keys", "create", name, "--tenant", "t", "--app", "a", "--json"];
            let made: Value = serde_json::from_str(&gateway.run(&[&fixed, more].concat()).await).unwrap();
            (made["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
        };
        let answers = async |key: &str, status: u16| {
            poll::until("the key file to be read again", poll::SOON, async || {
                (with_bearer(&gateway, key).await.status == status).then_some(())
            })
            .await;
        };
        let (id, key) = make("revoked", &[]).await;
        answers(&key, 200).await;
        assert!(!gateway.run(&["keys", "list", "--json"]).await.contains(&key), "a key is shown once");
        gateway.run(&["keys", "revoke", &id]).await;
        answers(&key, 401).await;
        let (_, expired) = make("short", &["--expires", "2s"]).await;
        answers(&expired, 200).await;
        answers(&expired, 401).await;
        let stored = std::fs::read_to_string(gateway.dir().join("data/keys.json")).unwrap();
        for secret in [key.as_str(), gateway.key(), expired.as_str()] {
            assert!(!stored.contains(secret), "a key is stored in clear");
            assert!(!gateway.log().contains(secret), "a key was logged");
        }
    });
}

#[test]
fn keys_have_scopes() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let key = gateway.another_key(&["--models", "script*", "--endpoints", "chat"]).await;
        assert_eq!(with_bearer(&gateway, &key).await.status, 200);
        let mut body = openai::chat("x");
        body["model"] = json!("other");
        let other = Call::post("/v1/chat/completions", &body).key(&key).send(gateway.traffic()).await;
        assert_eq!(
            (other.status, other.code().as_deref()),
            (403, Some("permission_denied")),
            "{}",
            other.text()
        );
        let body = json!({"model": "scripted", "input": "x"});
        let embed = Call::post("/v1/embeddings", &body).key(&key).send(gateway.traffic()).await;
        assert_eq!(
            (embed.status, embed.code().as_deref()),
            (403, Some("permission_denied")),
            "{}",
            embed.text()
        );
        let records = Call::get("/api/v1/records").key(&key).send(gateway.admin()).await;
        assert!([401, 403].contains(&records.status), "a caller's key opens the admin port");
    });
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// An issuer with one key of each kind.
struct Issuer {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    ed: Ed25519KeyPair,
}

impl Issuer {
    /// The RSA key is a file, since making one takes long; the others are new.
    fn new() -> Self {
        let random = SystemRandom::new();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        Self {
            rsa: RsaKeyPair::from_der(include_bytes!("../golden/rs256-for-tests.der")).unwrap(),
            ec: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap(),
            ed: Ed25519KeyPair::from_pkcs8(ed.as_ref()).unwrap(),
        }
    }

    fn key_set(&self) -> Value {
        let rsa = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(self.rsa.public());
        let point = self.ec.public_key().as_ref();
        json!({"keys": [
            {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa", "n": base64(&rsa.n), "e": base64(&rsa.e)},
            {"kty": "EC", "use": "sig", "alg": "ES256", "kid": "ec", "crv": "P-256",
                "x": base64(&point[1..33]), "y": base64(&point[33..])},
            {"kty": "OKP", "use": "sig", "alg": "EdDSA", "kid": "ed", "crv": "Ed25519",
                "x": base64(self.ed.public_key().as_ref())},
        ]})
    }

    /// A token with any header; signed as the key id says, so that header and signature may disagree.
    fn token(&self, header: &Value, claims: &Value) -> String {
        let text =
            format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()));
        let random = SystemRandom::new();
        let signature = match header["kid"].as_str() {
            Some("ec") => self.ec.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
            Some("ed") => self.ed.sign(text.as_bytes()).as_ref().to_vec(),
            _ => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{text}.{}", base64(&signature))
    }
}

fn claims() -> Value {
    json!({"iss": "https://issuer.test", "aud": "weir", "sub": "user-1", "org": "acme", "azp": "portal",
        "iat": now(), "nbf": now() - 10, "exp": now() + 600})
}

fn with(key: &str, value: Value) -> Value {
    let mut all = claims();
    all[key] = value;
    all
}

fn without(key: &str) -> Value {
    let mut all = claims();
    all.as_object_mut().unwrap().remove(key);
    all
}

const AUTH: &str = "\
auth:
  jwt:
    - issuer: https://issuer.test
      audience: [weir]
      algorithms: [RS256, ES256, EdDSA]
      jwks: {file: jwks.json}
      leeway: 5s
      claims: {tenant: org, app: azp}
";

#[test]
fn tokens_must_be_right() {
    scenario(async {
        let (issuer, stranger) = (Issuer::new(), Issuer::new());
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream).yaml(AUTH).file("jwks.json", &issuer.key_set().to_string());
        let gateway = Gateway::start(config).await;
        let header = |alg: &str, kid: &str| json!({"alg": alg, "typ": "JWT", "kid": kid});
        for (alg, kid) in [("RS256", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")] {
            let answer = with_bearer(&gateway, &issuer.token(&header(alg, kid), &claims())).await;
            assert_eq!(answer.status, 200, "{alg}: {}", answer.text());
        }
        let before = upstream.requests().len();
        let good = |claims: &Value| issuer.token(&header("ES256", "ec"), claims);
        let cases = [
            ("expired", good(&with("exp", json!(now() - 60)))),
            ("no expiry", good(&without("exp"))),
            ("not yet", good(&with("nbf", json!(now() + 600)))),
            ("another issuer", good(&with("iss", json!("https://elsewhere.test")))),
            ("no issuer", good(&without("iss"))),
            ("another audience", good(&with("aud", json!("other")))),
            ("no audience", good(&without("aud"))),
            ("a stranger's key", stranger.token(&header("ES256", "ec"), &claims())),
            ("an unknown key", issuer.token(&header("RS256", "nobody"), &claims())),
            ("another algorithm than the key's", issuer.token(&header("RS256", "ec"), &claims())),
            ("symmetric", issuer.token(&header("HS256", "rsa"), &claims())),
            ("none", issuer.token(&header("none", "rsa"), &claims())),
            ("None", issuer.token(&header("None", "rsa"), &claims())),
            (
                "a key of its own",
                issuer.token(&json!({"alg": "ES256", "jwk": stranger.key_set()["keys"][1]}), &claims()),
            ),
            (
                "critical header",
                issuer.token(&json!({"alg": "ES256", "kid": "ec", "crit": ["x"], "x": 1}), &claims()),
            ),
            ("claims that are no object", good(&json!("x"))),
            ("expiry that is no number", good(&with("exp", json!("soon")))),
        ];
        for (why, token) in &cases {
            refused(&with_bearer(&gateway, token).await, why);
        }
        let (text, _) = good(&claims()).rsplit_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        refused(&with_bearer(&gateway, &format!("{text}.")).await, "no signature");
        refused(&with_bearer(&gateway, &text).await, "two parts");
        refused(
            &with_bearer(&gateway, &format!("{text}.{}", base64(&[0; 64]))).await,
            "a signature of zeros",
        );
        assert_eq!(upstream.requests().len(), before, "a refused token's request went upstream");
    });
}

/// A key made later is found without a restart.
#[test]
fn key_sets_rotate() {
    scenario(async {
        let (old, new) = (Issuer::new(), Issuer::new());
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream).yaml(AUTH).file("jwks.json", &old.key_set().to_string());
        let gateway = Gateway::start(config).await;
        let mut keys = new.key_set();
        keys["keys"][1]["kid"] = json!("ec-2");
        let header = json!({"alg": "ES256", "kid": "ec-2"});
        // Signed by the new issuer's elliptic key, whatever its name is.
        let text =
            format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims().to_string().as_bytes()));
        let signature = new.ec.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        let token = format!("{text}.{}", base64(signature.as_ref()));
        refused(&with_bearer(&gateway, &token).await, "not yet published");
        std::fs::write(gateway.dir().join("jwks.json"), keys.to_string()).unwrap();
        poll::until("the new key set", poll::SOON * 3, async || {
            (with_bearer(&gateway, &token).await.status == 200).then_some(())
        })
        .await;
    });
}

#[test]
fn claims_become_the_caller() {
    scenario(async {
        let issuer = Issuer::new();
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream).yaml(AUTH).file("jwks.json", &issuer.key_set().to_string());
        let gateway = Gateway::start(config).await;
        let token = issuer.token(&json!({"alg": "EdDSA", "kid": "ed"}), &claims());
        let answer = with_bearer(&gateway, &token).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let shown = gateway.run(&["audit", "show", answer.header("x-request-id").unwrap(), "--json"]).await;
        assert!(shown.contains("acme") && shown.contains("portal"), "{shown}");
        let no_tenant =
            with_bearer(&gateway, &issuer.token(&json!({"alg": "EdDSA", "kid": "ed"}), &without("org")))
                .await;
        assert!([401, 403].contains(&no_tenant.status), "a token without a tenant: {}", no_tenant.status);
    });
}
