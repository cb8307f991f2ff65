//! Change of the signing key: who trusts the first follows to the last, and nobody else's key is let in.

use std::fs;

use weir_audit::AuditError;
use weir_audit::proof::evidence::{KeyEvidence, follow};
use weir_audit::proof::keys::SigningKey;

use crate::support::{Place, call};

#[tokio::test]
async fn who_trusts_the_first_key_follows_to_the_last() {
    let place = Place::new();
    let log = place.open().unwrap();
    let first = log.sealing().unwrap().key;
    let mut keys = vec![first.clone()];
    for _ in 0..3 {
        call(&log, 20).await;
        let key = log.rotate_key("ada".into()).await.unwrap();
        let sealing = log.sealed(log.durable_seq()).await.unwrap();
        let signed = sealing.checkpoint.unwrap();
        assert_eq!(sealing.key, key);
        // The one checkpoint that both sign.
        assert!(signed.is_signed_by(keys.last().unwrap()) && signed.is_signed_by(&key));
        call(&log, 1).await;
        let signed = log.sealed(log.durable_seq()).await.unwrap().checkpoint.unwrap();
        assert!(!signed.is_signed_by(keys.last().unwrap()) && signed.is_signed_by(&key));
        keys.push(key);
    }
    log.close().await.unwrap();
    let evidence = KeyEvidence::load_all(&place.dir().join("tree"));
    assert_eq!(follow(std::slice::from_ref(&first), &evidence), keys);
    assert_eq!(follow(&keys[1..2], &evidence), keys[1..]);
    let stranger = SigningKey::from_seed("weir/node-7", [3; 32]).verifier();
    assert_eq!(follow(std::slice::from_ref(&stranger), &evidence), [stranger]);
    let text = fs::read_to_string(&place.options.seal.as_ref().unwrap().key).unwrap();
    assert_eq!(text.lines().count(), 3, "an old key is kept");
    place.write(1).await;
}

#[tokio::test]
async fn evidence_that_was_touched_names_no_key() {
    let place = Place::new();
    let log = place.open().unwrap();
    let first = log.sealing().unwrap().key;
    let key = log.rotate_key("ada".into()).await.unwrap();
    log.close().await.unwrap();
    let good = KeyEvidence::load_all(&place.dir().join("tree")).remove(0);
    assert_eq!(good.successor(std::slice::from_ref(&first)), Some(key.clone()));
    let forger = SigningKey::from_seed("weir/node-7", [3; 32]).verifier();
    let check = |name: &str, change: &dyn Fn(&mut KeyEvidence)| {
        let mut evidence = good.clone();
        change(&mut evidence);
        assert_ne!(evidence, good, "{name}");
        assert_eq!(evidence.successor(std::slice::from_ref(&first)), None, "{name}");
    };
    check("another key", &|it| it.record = it.record.replace(&key.to_string(), &forger.to_string()));
    check("another purpose", &|it| it.record = it.record.replace("\"checkpoint\"", "\"subject\""));
    check("another place", &|it| it.inclusion.index -= 1);
    check("no proof", &|it| drop(it.inclusion.proof.pop()));
    check("no record", &|it| it.record.clear());
    check("signed by the new key only", &|it| {
        let lines: Vec<&str> = it.checkpoint.lines().collect();
        it.checkpoint = [&lines[..4], &lines[5..]].concat().join("\n") + "\n";
    });
    check("signed by the old key only", &|it| {
        let lines: Vec<&str> = it.checkpoint.lines().collect();
        it.checkpoint = lines[..5].join("\n") + "\n";
    });
}

#[tokio::test]
async fn a_crash_during_the_change_ends_with_the_new_key() {
    let place = Place::new();
    let log = place.open().unwrap();
    let first = log.sealing().unwrap().key;
    let key = log.rotate_key("ada".into()).await.unwrap();
    let path = place.options.seal.as_ref().unwrap().key.clone();
    let old = fs::read(&path).unwrap();
    log.close().await.unwrap();
    drop(log);
    // As a crash leaves it after the checkpoint with both signatures: the old key is still in the file.
    let new = fs::read_to_string(&path).unwrap();
    let old = String::from_utf8(old).unwrap();
    let seed = old.lines().nth(2).unwrap().replace("current", "retiring");
    let evidence = place.dir().join("tree/handover");
    if old != new {
        fs::write(&path, format!("{new}{seed} 2\n")).unwrap();
        fs::remove_dir_all(&evidence).unwrap();
    }
    place.write(1).await;
    assert_eq!(follow(&[first], &KeyEvidence::load_all(&place.dir().join("tree"))).last(), Some(&key));
    assert_eq!(fs::read_to_string(&path).unwrap(), new);
}

#[tokio::test]
async fn a_log_without_a_seal_has_no_key_to_change() {
    let mut place = Place::new();
    place.options.seal = None;
    let log = place.open().unwrap();
    assert!(matches!(log.rotate_key("ada".into()).await, Err(AuditError::Unsealed { .. })));
    assert!(log.sealing().is_none());
}
