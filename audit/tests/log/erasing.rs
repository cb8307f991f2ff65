//! Erasure: a person's bodies are gone from every place and backup, holds forbid it, and the log stays as it was.

use std::fs;

use tempfile::tempdir;
use weir_audit::event::Hold;
use weir_audit::vault::{Erase, Hidden, Stored, Whom};
use weir_audit::{AuditError, BodyKind, Event, Holds, Log, Text, Vault, VaultOptions};

use crate::support::*;
use crate::vault::*;

fn wanted(whom: Whom<'_>) -> Erase<'_> {
    Erase { tenant: "acme", whom, actor: "ann".into(), reason: "article 17".into() }
}

/// Takes a step of a hold in the log.
async fn step(log: &Log, id: u128, who: (&'static str, &'static str), subject_ref: Option<Text>) {
    let (action, actor) = (who.0.into(), who.1.into());
    let hold = Hold { action, actor, hold: uuid::Uuid::from_u128(id), subject_ref, ..Hold::default() };
    let hold = Hold { tenant: "acme".into(), ..hold };
    Holds::read(log.dir()).unwrap().check(&hold).unwrap();
    log.append(Event::Hold(hold)).await.unwrap();
}

#[test]
fn after_an_erasure_nothing_opens_even_from_a_backup_and_the_log_is_unchanged() {
    let place = Place::new();
    let vault = place.vault();
    let log = place.log(&vault);
    let (ada, bob) = run(async {
        let ids = (call(&log, &vault, Some("ada")).await, call(&log, &vault, Some("bob")).await);
        log.close().await.unwrap();
        ids
    });
    let backup = tempdir().unwrap();
    copy(&place.log_dir(), &backup.path().join("log"));
    copy(&place.bodies_dir(), &backup.path().join("bodies"));
    let before = raw_records(&place.log_dir());
    assert_eq!(opened(&vault, &place.call(ada).0, BodyKind::Request), Ok(text("ada", BodyKind::Request)));
    let reference = vault.known_ref("acme", "ada").unwrap().unwrap();

    let receipt = vault.erase(&wanted(Whom::Subject("ada")), &Holds::default()).unwrap();
    assert_eq!((receipt.erasure.bodies, &receipt.erasure.subject_ref), (4, &reference));
    let log = place.log(&vault);
    run(async {
        log.append(Event::Erasure(receipt.erasure.clone())).await.unwrap();
        log.close().await.unwrap();
    });
    vault.confirm(receipt).unwrap();

    let after = raw_records(&place.log_dir());
    assert_eq!(after[..before.len()], before[..]);
    let stored = |vault: &Vault, id| {
        let record = place.call(id).0;
        vault.files().check(&record, &record.intent.as_ref().unwrap().bodies[0]).unwrap()
    };
    assert_eq!((stored(&vault, ada), stored(&vault, bob)), (Stored::Wiped, Stored::Intact));
    let check = |vault: &Vault| {
        for kind in BodyKind::ALL {
            let pick = |(intent, end): (_, _)| match kind {
                BodyKind::Request | BodyKind::Sent => intent,
                BodyKind::Reply | BodyKind::Returned => end,
            };
            assert_eq!(opened(vault, &pick(place.call(ada)), kind), Err(Hidden::Erased));
            assert_eq!(opened(vault, &pick(place.call(bob)), kind), Ok(text("bob", kind)));
        }
    };
    check(&vault);
    check(&place.vault());
    // The older copy of log and bodies comes back, the keys do not.
    for (name, dir) in [("log", place.log_dir()), ("bodies", place.bodies_dir())] {
        fs::remove_dir_all(&dir).unwrap();
        copy(&backup.path().join(name), &dir);
    }
    check(&vault);
    check(&place.vault());
    assert_eq!(place.vault().resume(&Holds::default()).unwrap().len(), 0);
}

#[test]
fn an_older_copy_of_the_keys_is_made_to_forget_again() {
    let place = Place::new();
    let vault = place.vault();
    let log = place.log(&vault);
    let (ada, bob) =
        run(async { (call(&log, &vault, Some("ada")).await, call(&log, &vault, Some("bob")).await) });
    let backup = tempdir().unwrap();
    for (name, dir) in [("keys", place.keys_dir()), ("bodies", place.bodies_dir())] {
        copy(&dir, &backup.path().join(name));
    }
    let receipt = vault.erase(&wanted(Whom::Subject("ada")), &Holds::default()).unwrap();
    run(log.append(Event::Erasure(receipt.erasure.clone()))).unwrap();
    run(log.close()).unwrap();
    vault.confirm(receipt).unwrap();
    for (name, dir) in [("keys", place.keys_dir()), ("bodies", place.bodies_dir())] {
        fs::remove_dir_all(&dir).unwrap();
        copy(&backup.path().join(name), &dir);
    }
    let vault = place.vault();
    let of = |id| opened(&vault, &place.call(id).0, BodyKind::Request);
    assert_eq!(of(ada), Ok(text("ada", BodyKind::Request)), "they are back");
    assert_eq!(vault.repeat_erasures(&place.log_dir()).unwrap(), 1);
    assert_eq!((of(ada), of(bob)), (Err(Hidden::Erased), Ok(text("bob", BodyKind::Request))));
    assert_eq!(vault.repeat_erasures(&place.log_dir()).unwrap(), 0);
}

#[test]
fn neither_the_subject_nor_a_word_of_a_body_stands_in_any_file_before_or_after() {
    let place = Place::new();
    let vault = place.vault();
    let log = place.log(&vault);
    let name = "ada.lovelace@example.com";
    run(async {
        for _ in 0..20 {
            call(&log, &vault, Some(name)).await;
        }
        log.close().await.unwrap();
    });
    let absent = || {
        for needle in [name, "lovelace", "is unwell", "YWRhLmxvdmVsYWNl", "6164612e6c6f76656c616365"] {
            assert_eq!(mentioning(place.dir.path(), needle), [] as [std::path::PathBuf; 0], "{needle}");
        }
    };
    absent();
    // The needle would be found.
    assert!(!mentioning(place.dir.path(), "acme").is_empty());
    let reference = vault.known_ref("acme", name).unwrap().unwrap();
    let volume =
        files(&place.bodies_dir()).into_iter().find(|it| it.extension().unwrap_or_default() == "body");
    let volume = volume.unwrap();
    let ciphertext = fs::read(&volume).unwrap()[16 + 64..16 + 64 + 32].to_vec();
    let slot = key_slot(&place, reference.as_str());
    let receipt = vault.erase(&wanted(Whom::Subject(name)), &Holds::default()).unwrap();
    absent();
    assert_eq!(receipt.erasure.bodies, 80);
    vault.confirm(receipt).unwrap();
    // Neither is there what a copy of the files before had: ciphertext, blind index, wrapped key.
    for old in [&ciphertext[..], &slot[24..56], &slot[56..116]] {
        for path in files(place.dir.path()) {
            assert_eq!(memchr::memmem::find(&fs::read(&path).unwrap(), old), None, "{path:?}");
        }
    }
}

/// The 128 bytes of a reference's slot.
fn key_slot(place: &Place, reference: &str) -> Vec<u8> {
    use base64::Engine;
    let id = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(reference).unwrap();
    let shards = files(&place.keys_dir().join("tenants"));
    let slots = shards.iter().filter(|it| it.file_name().unwrap().len() == 2).map(|it| fs::read(it).unwrap());
    let slots: Vec<u8> = slots.flatten().collect();
    slots.chunks(128).find(|slot| slot[8..24] == id).unwrap().to_vec()
}

#[test]
fn a_second_life_has_another_reference_and_other_keys() {
    let place = Place::new();
    // Two processes: what one erases the other must not go on using.
    let (here, there) = (place.vault(), place.vault());
    let first = there.subject_ref("acme", "ada").unwrap();
    assert_eq!(here.subject_ref("acme", "ada").unwrap(), first);
    let receipt = here.erase(&wanted(Whom::Subject("ada")), &Holds::default()).unwrap();
    here.confirm(receipt).unwrap();
    assert_eq!(there.known_ref("acme", "ada").unwrap(), None);
    let second = there.subject_ref("acme", "ada").unwrap();
    assert_ne!(second, first);
    assert_eq!(here.subject_ref("acme", "ada").unwrap(), second);
    let none = here.erase(&wanted(Whom::Subject("eve")), &Holds::default());
    assert!(matches!(none, Err(AuditError::NoSubject)));
    // By reference: also what has no name, and what was erased before.
    let nameless = here.subject("acme", None).unwrap();
    for reference in [nameless.key().as_str(), first.as_str()] {
        let receipt = here.erase(&wanted(Whom::Reference(reference)), &Holds::default()).unwrap();
        assert_eq!(receipt.erasure.subject_ref.as_str(), reference);
        here.confirm(receipt).unwrap();
    }
    assert_ne!(here.subject("acme", None).unwrap().key(), nameless.key());
    for reference in ["", "not a reference", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let none = here.erase(&wanted(Whom::Reference(reference)), &Holds::default());
        assert!(matches!(none, Err(AuditError::NoSubject)), "{reference}");
    }
}

#[test]
fn a_hold_by_two_people_forbids_it_until_two_people_lift_it() {
    let check = |steps: &[(&'static str, &'static str)], whole_tenant: bool, is_held: bool| {
        let place = Place::new();
        let vault = place.vault();
        let log = place.log(&vault);
        run(async {
            let id = call(&log, &vault, Some("ada")).await;
            let reference = vault.known_ref("acme", "ada").unwrap().filter(|_| !whole_tenant);
            for who in steps {
                step(&log, 7, *who, reference.clone()).await;
            }
            let outcome = vault.erase(&wanted(Whom::Subject("ada")), &Holds::read(log.dir()).unwrap());
            let names_it = matches!(outcome, Err(AuditError::Held { hold }) if hold.as_u128() == 7);
            assert_eq!(names_it, is_held, "{steps:?}");
            let is_open = opened(&vault, &place.call(id).0, BodyKind::Request).is_ok();
            assert_eq!(is_open, is_held, "{steps:?}");
        });
    };
    let path = [("ask", "ann"), ("place", "bob"), ("ask-lift", "ann"), ("lift", "cid")];
    for whole_tenant in [false, true] {
        check(&path[..0], whole_tenant, false);
        check(&path[..1], whole_tenant, false);
        check(&path[..2], whole_tenant, true);
        check(&path[..3], whole_tenant, true);
        check(&path[..4], whole_tenant, false);
    }
}

#[test]
fn erasing_while_calls_go_on_leaves_only_calls_that_open_or_are_erased() {
    let place = Place::new();
    let vault = place.vault_with(VaultOptions { volume_bytes: 4096, ..VaultOptions::default() });
    let log = place.log(&vault);
    let ids = run(async {
        let mut ids = Vec::new();
        for round in 0..30 {
            ids.push(call(&log, &vault, Some("ada")).await);
            if round % 7 == 6 {
                let receipt = vault.erase(&wanted(Whom::Subject("ada")), &Holds::default()).unwrap();
                assert_eq!(receipt.erasure.bodies, 28);
                vault.confirm(receipt).unwrap();
            }
        }
        log.close().await.unwrap();
        ids
    });
    let states: Vec<bool> = ids
        .iter()
        .map(|id| opened(&vault, &place.call(*id).0, BodyKind::Sent) == Err(Hidden::Erased))
        .collect();
    assert_eq!(states.iter().filter(|erased| **erased).count(), 28);
    assert_eq!(states[28..], [false, false]);
}
