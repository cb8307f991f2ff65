//! Key sets behind an address: first use, rotation, failure, back-off.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::{net::TcpListener, sync::Arc, time::Duration};

use futures::future;
use serde_json::{Value, json};
use support::{Hand, IssuerServer, Signer, callers, claims, judge, refusal, token, with};
use tempfile::TempDir;
use weir_callers::{
    Callers, CallersError, CallersOptions, Refusal,
    jwt::{JwksSource, JwksUrl, Pace},
};

struct Bed {
    _folder: TempDir,
    hand: Hand,
    server: IssuerServer,
    callers: Callers,
    one: Signer,
    two: Signer,
}

fn set(keys: &[Value]) -> Value {
    json!({ "keys": keys })
}

impl Bed {
    fn new() -> Self {
        let (one, two) = (Signer::ed25519(), Signer::p256());
        let server = IssuerServer::start(&set(&[one.jwk("one")]));
        let (folder, hand) = (TempDir::new().unwrap(), Hand::default());
        let settings = support::settings(JwksSource::Url(JwksUrl::parse(&server.url()).unwrap()));
        let callers = callers(folder.path(), &hand, settings);
        Self { _folder: folder, hand, server, callers, one, two }
    }

    /// A token of the first key, a different one for each subject.
    fn old(&self, subject: &str) -> String {
        let claims = with(claims(), json!({"sub": subject, "exp": support::START + 100_000}));
        token(&json!({"alg": "EdDSA", "kid": "one"}), &claims, &self.one)
    }

    /// A token of the key that comes later.
    fn new_key(&self, subject: &str) -> String {
        let claims = with(claims(), json!({"sub": subject, "exp": support::START + 100_000}));
        token(&json!({"alg": "ES256", "kid": "two"}), &claims, &self.two)
    }
}

#[tokio::test]
async fn rotation_is_followed_once_the_interval_is_over() {
    let bed = Bed::new();
    assert_eq!(refusal(&bed.callers, &bed.old("a")).await, None);
    assert_eq!(refusal(&bed.callers, &bed.old("b")).await, None);
    assert_eq!(bed.server.asked(), 1, "the set is asked for once");

    bed.server.set(200, &set(&[bed.two.jwk("two")]).to_string());
    assert_eq!(refusal(&bed.callers, &bed.new_key("a")).await, Some(Refusal::SigningKey));
    assert_eq!(bed.server.asked(), 1, "too early to ask again");

    bed.hand.advance(13);
    assert_eq!(refusal(&bed.callers, &bed.new_key("a")).await, None);
    assert_eq!(refusal(&bed.callers, &bed.old("a")).await, Some(Refusal::SigningKey), "withdrawn");
    assert_eq!(bed.server.asked(), 2);
}

#[tokio::test]
async fn unknown_keys_cause_one_request_however_many_ask() {
    let bed = Bed::new();
    let callers = Arc::new(bed.callers);
    let stranger = Signer::ed25519();
    let asking = (0..64).map(|number| {
        let callers = Arc::clone(&callers);
        let text = token(&json!({"alg": "EdDSA", "kid": format!("k{number}")}), &claims(), &stranger);
        tokio::spawn(async move { refusal(&callers, &text).await })
    });
    for refused in future::join_all(asking).await {
        assert_eq!(refused.unwrap(), Some(Refusal::SigningKey));
    }
    assert_eq!(bed.server.asked(), 1);
}

#[tokio::test]
async fn failure_keeps_the_keys_and_backs_off() {
    let bed = Bed::new();
    assert_eq!(refusal(&bed.callers, &bed.old("a")).await, None);
    // Each wait is 10 s doubled per failure, ±25 %: after the longest of it one more request, and only one.
    let answers = [
        (500, set(&[bed.two.jwk("two")]).to_string()),
        (302, String::new()),
        (200, "not json".to_owned()),
        (200, set(&[]).to_string()),
        (200, format!("{{\"keys\":[],\"x\":\"{}\"}}", "y".repeat(600 << 10))),
    ];
    let mut wait = 13;
    for (index, (status, body)) in answers.iter().enumerate() {
        bed.server.set(*status, body);
        bed.hand.advance(wait);
        for subject in ["a", "b", "c"] {
            let text = bed.new_key(&format!("{subject}{index}"));
            assert_eq!(refusal(&bed.callers, &text).await, Some(Refusal::SigningKey), "{status}");
        }
        assert_eq!(bed.server.asked(), index + 2, "one request after answer {status}");
        let text = bed.old(&format!("fresh{index}"));
        assert_eq!(refusal(&bed.callers, &text).await, None, "the former keys stay");
        wait = 13 << index;
    }
    bed.server.set(200, &set(&[bed.two.jwk("two")]).to_string());
    bed.hand.advance(100);
    assert_eq!(
        refusal(&bed.callers, &bed.new_key("a")).await,
        Some(Refusal::SigningKey),
        "5th wait: 120 s at least"
    );
    bed.hand.advance(101);
    assert_eq!(refusal(&bed.callers, &bed.new_key("a")).await, None);
}

#[tokio::test]
async fn sets_are_read_again_unasked() {
    let bed = Bed::new();
    bed.callers.renew_key_sets().await;
    bed.callers.renew_key_sets().await;
    assert_eq!(bed.server.asked(), 1);
    bed.server.set(200, &set(&[bed.one.jwk("one"), bed.two.jwk("two")]).to_string());
    bed.hand.advance(599);
    bed.callers.renew_key_sets().await;
    assert_eq!(bed.server.asked(), 1);
    bed.hand.advance(1);
    bed.callers.renew_key_sets().await;
    assert_eq!(bed.server.asked(), 2);
    assert_eq!(refusal(&bed.callers, &bed.new_key("a")).await, None);
    assert_eq!(bed.server.asked(), 2);
}

#[tokio::test]
async fn an_issuer_that_never_answers_is_waited_for_in_bounds() {
    // Connections are accepted by the system, but nobody reads them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let (folder, hand) = (TempDir::new().unwrap(), Hand::default());
    let options = CallersOptions {
        jwt: vec![support::settings(JwksSource::Url(JwksUrl::parse(&url).unwrap()))],
        clock: hand.clock(),
        pace: Pace { timeout: Duration::from_millis(20), ..Pace::default() },
        ..CallersOptions::new(folder.path().into())
    };
    let callers = Callers::open(&options).unwrap();
    let signer = Signer::ed25519();
    let text = token(&json!({"alg": "EdDSA", "kid": "one"}), &claims(), &signer);
    assert_eq!(refusal(&callers, &text).await, Some(Refusal::KeysUnavailable));
}

#[tokio::test]
async fn a_caller_that_leaves_midway_does_not_free_the_way() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    silent.set_nonblocking(true).unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let (folder, hand) = (TempDir::new().unwrap(), Hand::default());
    let settings = support::settings(JwksSource::Url(JwksUrl::parse(&url).unwrap()));
    let callers = callers(folder.path(), &hand, settings);
    let signer = Signer::ed25519();
    let text = token(&json!({"alg": "EdDSA", "kid": "one"}), &claims(), &signer);
    let left = tokio::time::timeout(Duration::from_millis(20), judge(&callers, &text)).await;
    assert!(left.is_err(), "still waiting for the issuer");
    assert_eq!(refusal(&callers, &text).await, Some(Refusal::KeysUnavailable), "refused without another try");
    silent.accept().unwrap();
    assert!(silent.accept().is_err(), "one connection only");
}

#[test]
fn addresses() {
    let cases = [
        ("https://id.acme.example/keys", true),
        ("https://id.acme.example:8443/keys?x=1", true),
        ("http://127.0.0.1:9000/keys", true),
        ("http://[::1]:9000/keys", true),
        ("http://localhost/keys", true),
        ("http://id.acme.example/keys", false),
        ("http://localhost.evil.example/keys", false),
        ("http://169.254.169.254/latest", false),
        ("https://user:secret@id.acme.example/keys", false),
        ("https://id.acme.example:99999/keys", false),
        ("https://id.acme.example:/keys", false),
        ("https://id.acme.example:0/keys", false),
        ("file:///etc/passwd", false),
        ("/keys", false),
        ("", false),
    ];
    for (text, expect) in cases {
        let parsed = JwksUrl::parse(text);
        assert_eq!(parsed.is_ok(), expect, "{text}");
        assert!(parsed.is_ok() || matches!(parsed, Err(CallersError::KeySetUrl(_))));
    }
}
