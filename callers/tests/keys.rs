//! API keys from the file to the judgement.

#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt, pin::pin, thread, time::Duration};

use support::{Hand, START, judge, refusal};
use tempfile::TempDir;
use tokio::time::timeout;
use weir_callers::{
    Callers, CallersError, CallersOptions, KeyUse, Presented, Refusal, Reloaded, Secret,
    keys::{KeyFile, NewKey},
};

struct Bed {
    folder: TempDir,
    hand: Hand,
    file: KeyFile,
}

impl Bed {
    fn new() -> Self {
        let (folder, hand) = (TempDir::new().unwrap(), Hand::default());
        let file = KeyFile::with_clock(&folder.path().join("data"), hand.clock()).unwrap();
        Self { folder, hand, file }
    }

    fn callers(&self) -> Callers {
        let data_dir = self.folder.path().join("data");
        let options = CallersOptions { clock: self.hand.clock(), ..CallersOptions::new(data_dir) };
        Callers::open(&options).unwrap()
    }
}

fn new(name: &str) -> NewKey {
    NewKey { name: name.into(), tenant: "acme".into(), ..NewKey::default() }
}

#[tokio::test]
async fn a_key_opens_until_it_is_revoked() {
    let bed = Bed::new();
    let callers = bed.callers();
    let wanted = NewKey {
        team: Some("search".into()),
        app: Some("helpdesk".into()),
        models: vec!["gpt-*".into()],
        endpoints: vec!["chat".into()],
        roles: vec!["user".into()],
        ..new("helpdesk")
    };
    let key = bed.file.create(&wanted).unwrap();
    let secret = key.secret.expose();
    let grant = judge(&callers, secret).await.unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(callers.reload_keys().unwrap(), Reloaded::No, "read when the unknown key came");

    assert_eq!(grant.caller.tenant, "acme");
    assert_eq!(grant.caller.team.as_deref(), Some("search"));
    assert_eq!(grant.caller.app.as_deref(), Some("helpdesk"));
    assert_eq!(grant.caller.key_id.as_ref(), Some(&key.id));
    assert_eq!(grant.caller.roles, ["user"]);
    assert!(grant.allows_model("gpt-4o") && !grant.allows_model("smollm2") && !grant.is_admin());
    assert!(grant.allows_endpoint("chat") && !grant.allows_endpoint("embeddings"));

    let flipped: String = secret.chars().rev().collect();
    for wrong in [flipped.as_str(), "weir-", "x", &format!("{secret}x"), &secret.to_uppercase()] {
        assert_eq!(refusal(&callers, wrong).await, Some(Refusal::UnknownKey));
    }

    bed.hand.advance(5);
    assert_eq!(bed.file.revoke(&key.id).unwrap().revoked, Some(START + 5));
    bed.hand.advance(5);
    assert_eq!(bed.file.revoke(&key.id).unwrap().revoked, Some(START + 5), "the first time counts");
    callers.reload_keys().unwrap();
    assert_eq!(refusal(&callers, secret).await, Some(Refusal::RevokedKey));
}

#[tokio::test]
async fn keys_expire() {
    let bed = Bed::new();
    let key = bed.file.create(&NewKey { expires: Some(Duration::from_secs(60)), ..new("short") }).unwrap();
    let callers = bed.callers();
    for (seconds, expect) in [(0, None), (59, None), (1, Some(Refusal::ExpiredKey))] {
        bed.hand.advance(seconds);
        assert_eq!(refusal(&callers, key.secret.expose()).await, expect, "+{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_revocation_by_another_process_counts_within_two_seconds() {
    let bed = Bed::new();
    let key = bed.file.create(&new("one")).unwrap();
    let callers = bed.callers();
    assert_eq!(refusal(&callers, key.secret.expose()).await, None);
    {
        let mut watch = pin!(callers.watch());
        let mut watch_for = async |time| assert!(timeout(time, &mut watch).await.is_err(), "never ends");
        // The first look comes at once; the revocation has to be seen by a later one.
        watch_for(Duration::from_millis(1)).await;
        KeyFile::open(&bed.folder.path().join("data")).unwrap().revoke(&key.id).unwrap();
        assert_eq!(refusal(&callers, key.secret.expose()).await, None);
        watch_for(Duration::from_secs(2)).await;
    }
    assert_eq!(refusal(&callers, key.secret.expose()).await, Some(Refusal::RevokedKey));
}

#[tokio::test]
async fn a_bad_file_keeps_the_keys_and_a_missing_one_has_none() {
    let bed = Bed::new();
    let key = bed.file.create(&new("one")).unwrap();
    let callers = bed.callers();
    let good = fs::read_to_string(bed.file.path()).unwrap();
    let cases = [
        "{".to_owned(),
        good.replace("weir-keys-1", "weir-keys-2"),
        good.replace("\"tenant\"", "\"tenent\""),
        good.replace("\"sha256\": \"", "\"sha256\": \"zz"),
    ];
    for (index, bad) in cases.into_iter().enumerate() {
        fs::write(bed.file.path(), bad).unwrap();
        let error = callers.reload_keys().unwrap_err();
        assert!(matches!(error, CallersError::KeyFile { .. }), "case {index}: {error}");
        assert!(!error.to_string().contains("acme"), "case {index}: {error}");
        assert_eq!(callers.reload_keys().unwrap(), Reloaded::No, "complained about once");
        assert_eq!(refusal(&callers, key.secret.expose()).await, None, "case {index}");
        assert!(KeyFile::open(&bed.folder.path().join("data")).is_err());
    }
    fs::remove_file(bed.file.path()).unwrap();
    assert_eq!(callers.reload_keys().unwrap(), Reloaded::Yes);
    assert_eq!(refusal(&callers, key.secret.expose()).await, Some(Refusal::UnknownKey));
}

#[test]
fn the_file_is_private_and_holds_no_key() {
    let bed = Bed::new();
    let key = bed.file.create(&new("one")).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(bed.file.path()), 0o600);
    assert_eq!(mode(bed.file.path().parent().unwrap()), 0o700);
    let text = fs::read_to_string(bed.file.path()).unwrap();
    assert!(text.contains(&key.id) && !text.contains(key.secret.expose()));
    assert!(!format!("{key:?}").contains(key.secret.expose()));
}

#[test]
fn many_writers_lose_nothing() {
    let bed = Bed::new();
    let data_dir = bed.folder.path().join("data");
    thread::scope(|scope| {
        for writer in 0..8 {
            let file = KeyFile::open(&data_dir).unwrap();
            scope.spawn(move || {
                for number in 0..8 {
                    file.create(&new(&format!("{writer}-{number}"))).unwrap();
                }
            });
        }
    });
    assert_eq!(bed.file.list().unwrap().len(), 64);
}

#[test]
fn new_keys_are_checked() {
    let bed = Bed::new();
    let long = "x".repeat(129);
    let cases = [
        (NewKey { name: String::new(), ..new("") }, "name"),
        (NewKey { tenant: " ".into(), ..new("a") }, "tenant"),
        (NewKey { app: Some(long), ..new("a") }, "app"),
        (NewKey { team: Some("a\nb".into()), ..new("a") }, "team"),
        (NewKey { models: vec![String::new()], ..new("a") }, "model"),
    ];
    for (wanted, expect) in cases {
        let error = bed.file.create(&wanted).unwrap_err();
        assert!(matches!(error, CallersError::NewKey { field, .. } if field == expect), "{error}");
    }
    assert!(matches!(bed.file.revoke("key_x").unwrap_err(), CallersError::NoSuchKey { .. }));
    assert!(bed.file.list().unwrap().is_empty());
}

#[tokio::test]
async fn an_administrator_can_always_get_in() {
    let bed = Bed::new();
    let made = bed.file.ensure_admin(None).unwrap().unwrap();
    assert_eq!(bed.file.ensure_admin(None).unwrap(), None, "one is there");
    bed.file.revoke(&made.id).unwrap();
    assert!(bed.file.ensure_admin(None).unwrap().is_some(), "the only one was revoked");

    let given = |text: &str| Secret::new(text.into());
    let first = given("0123456789abcdef");
    assert!(bed.file.ensure_admin(Some(&given("short"))).is_err());
    assert!(bed.file.ensure_admin(Some(&first)).unwrap().is_some());
    assert_eq!(bed.file.ensure_admin(Some(&first)).unwrap(), None, "stored already");
    let second = given("fedcba9876543210");
    let stored = bed.file.ensure_admin(Some(&second)).unwrap().unwrap();

    let callers = bed.callers();
    let admin = async |text: &str| {
        callers.authenticate_admin(&Presented { bearer: None, x_api_key: Some(text) }).await.err()
    };
    assert_eq!(admin(second.expose()).await, None);
    assert_eq!(admin(first.expose()).await, Some(Refusal::RevokedKey), "replaced");
    let plain = bed.file.create(&new("plain")).unwrap();
    callers.reload_keys().unwrap();
    assert_eq!(admin(plain.secret.expose()).await, Some(Refusal::NotAdmin));
    bed.file.revoke(&stored.id).unwrap();
    assert!(matches!(bed.file.ensure_admin(Some(&second)), Err(CallersError::GivenKeyUnusable { .. })));
}

#[tokio::test]
async fn keys_can_be_switched_off_for_traffic() {
    let bed = Bed::new();
    let key = bed.file.ensure_admin(None).unwrap().unwrap();
    let callers = bed.callers();
    assert_eq!(refusal(&callers, key.secret.expose()).await, None);
    callers.reconfigure(KeyUse::Off, &[]).unwrap();
    assert_eq!(refusal(&callers, key.secret.expose()).await, Some(Refusal::UnknownKey));
    let presented = Presented { bearer: Some(key.secret.expose()), x_api_key: None };
    assert_eq!(callers.authenticate_admin(&presented).await.err(), None, "the admin port stays open");
}
