//! Keys that sign tokens, a clock that is set by hand, and an issuer's server.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_docs_in_private_items,
    reason = "test code, not all of it used by each test"
)]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair},
};
use serde_json::{Value, json};
use weir_callers::{
    Callers, CallersOptions, Clock, Grant, Presented, Refusal,
    jwt::{ClaimPaths, JwksSource, JwtSettings, SigningAlgorithm, TenantClaim},
};

pub const ISSUER: &str = "https://id.acme.example/";
pub const AUDIENCE: &str = "weir";
/// The clock's first second.
pub const START: u64 = 1_800_000_000;

pub enum Signer {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Hmac(Vec<u8>),
    Nobody,
}

impl Signer {
    pub fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::from_pkcs8(include_bytes!("../keys/rsa-2048.pk8")).unwrap())
    }

    pub fn p256() -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random);
        Self::P256(pair.unwrap())
    }

    pub fn ed25519() -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(key.as_ref()).unwrap())
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut out = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut out).unwrap();
                out
            }
            Self::P256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Hmac(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
            }
            Self::Nobody => Vec::new(),
        }
    }

    /// The public key's bytes, as an attacker would use them for a symmetric secret.
    pub fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => pair.public().as_ref().to_vec(),
            Self::P256(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Self::Hmac(_) | Self::Nobody => panic!("no public key"),
        }
    }

    pub fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                let parts = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "n": encode(&parts.n), "e": encode(&parts.e)})
            }
            Self::P256(pair) => {
                let (x, y) = pair.public_key().as_ref().split_first().unwrap().1.split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": encode(x), "y": encode(y)})
            }
            Self::Ed25519(_) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": encode(&self.public())})
            }
            Self::Hmac(secret) => json!({"kty": "oct", "kid": kid, "k": encode(secret)}),
            Self::Nobody => json!({}),
        }
    }
}

pub fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn token(header: &Value, claims: &Value, signer: &Signer) -> String {
    let message =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = encode(&signer.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// Claims that are accepted at `START`.
pub fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": START + 300, "sub": "ann",
        "org": {"tenant": "acme", "team": "search"}, "azp": "helpdesk", "roles": ["user", "auditor"],
    })
}

/// `base` with some members replaced; `null` removes one.
pub fn with(mut base: Value, changes: Value) -> Value {
    let members = base.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    base
}

pub fn settings(jwks: JwksSource) -> JwtSettings {
    JwtSettings {
        issuer: ISSUER.into(),
        audience: vec![AUDIENCE.into()],
        algorithms: SigningAlgorithm::ALL.to_vec(),
        jwks,
        leeway: Duration::from_secs(30),
        claims: ClaimPaths {
            tenant: TenantClaim::Path("org.tenant".into()),
            team: Some("org.team".into()),
            app: Some("azp".into()),
            subject: "sub".into(),
            roles: Some("roles".into()),
        },
    }
}

/// A clock set by hand.
#[derive(Clone, Default)]
pub struct Hand(Arc<AtomicU64>);

impl Hand {
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let hand = self.clone();
        Clock::new(move || UNIX_EPOCH + Duration::from_secs(START + hand.0.load(Ordering::SeqCst)))
    }
}

/// Callers of a folder without keys that trust one issuer.
pub fn callers(data_dir: &Path, hand: &Hand, jwt: JwtSettings) -> Callers {
    let options =
        CallersOptions { jwt: vec![jwt], clock: hand.clock(), ..CallersOptions::new(data_dir.into()) };
    Callers::open(&options).unwrap()
}

pub async fn judge(callers: &Callers, credential: &str) -> Result<Arc<Grant>, Refusal> {
    callers.authenticate(&Presented { bearer: Some(credential), x_api_key: None }).await
}

/// The refusal alone: a grant has no `Debug`.
pub async fn refusal(callers: &Callers, credential: &str) -> Option<Refusal> {
    judge(callers, credential).await.err()
}

/// An issuer's server: answers each request with what was set last.
pub struct IssuerServer {
    address: SocketAddr,
    answer: Arc<Mutex<(u16, String)>>,
    asked: Arc<AtomicUsize>,
}

impl IssuerServer {
    pub fn start(body: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(Mutex::new((200, body.to_string())));
        let asked = Arc::new(AtomicUsize::new(0));
        let (shown, count) = (Arc::clone(&answer), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut buffer = [0; 1024];
                while !request.ends_with(b"\r\n\r\n") {
                    let read = stream.read(&mut buffer).unwrap();
                    request.extend_from_slice(buffer.get(..read).unwrap());
                }
                count.fetch_add(1, Ordering::SeqCst);
                let (status, body) = shown.lock().unwrap().clone();
                let head = format!(
                    "HTTP/1.1 {status} X\r\nlocation: /elsewhere\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                // The client may leave before it read a body that is too large.
                let _gone =
                    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
            }
        });
        Self { address, answer, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    pub fn set(&self, status: u16, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}
