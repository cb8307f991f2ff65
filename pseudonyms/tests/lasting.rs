//! Values that are kept: for whom they come back, over restarts, erasures and failing disks.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed expectation should fail the test"
)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use support::{blind, kept, owner};
use weir_audit::vault::{Erase, Whom};
use weir_audit::{Holds, Vault, VaultOptions};
use weir_pseudonyms::{Found, Lasting, LastingError, LastingOptions, Owner};

const LONG: Duration = Duration::from_secs(60);

fn vault(dir: &Path) -> Arc<Vault> {
    Arc::new(Vault::open(&dir.join("bodies"), &dir.join("keys"), VaultOptions::default()).unwrap())
}

fn open(dir: &Path) -> (Lasting, Arc<Vault>) {
    let vault = vault(dir);
    (Lasting::open(&LastingOptions::new(&dir.join("p.sqlite")), Arc::clone(&vault)).unwrap(), vault)
}

fn values(lasting: &Lasting, owner: &Owner) -> Vec<String> {
    let mut values: Vec<String> = lasting.recall(owner).unwrap().into_iter().map(|it| it.value).collect();
    values.sort();
    values
}

fn look_up(lasting: &Lasting, tenant: &str, name: &str) -> Vec<String> {
    let found = lasting.look_up((tenant, blind(tenant)), blind(name)).unwrap();
    let said = |found: Found| match found {
        Found::Value(kept) => kept.value,
        Found::Gone => "gone".to_owned(),
        Found::Damaged => "damaged".to_owned(),
    };
    found.into_iter().map(said).collect()
}

#[test]
fn values_come_back_to_the_same_subject_or_conversation_and_to_no_one_else() {
    let dir = tempfile::tempdir().unwrap();
    let (lasting, _) = open(dir.path());
    lasting
        .keep(owner("acme", Some("ada"), Some("c1")), vec![kept("E_1", "a@b.cd"), kept("E_2", "x@y.zz")])
        .unwrap();
    lasting.keep(owner("acme", None, Some("c2")), vec![kept("E_3", "c@d.ef")]).unwrap();
    lasting.keep(owner("acme", None, None), vec![kept("E_4", "n@o.pe")]).unwrap();
    lasting.flush(LONG).unwrap();
    let check = |subject, conversation, expect: &[&str]| {
        assert_eq!(
            values(&lasting, &owner("acme", subject, conversation)),
            expect,
            "{subject:?} {conversation:?}"
        );
        assert!(values(&lasting, &owner("beta", subject, conversation)).is_empty());
    };
    check(Some("ada"), None, &["a@b.cd", "x@y.zz"]);
    check(Some("ada"), Some("c9"), &["a@b.cd", "x@y.zz"]);
    check(None, Some("c1"), &["a@b.cd", "x@y.zz"]);
    check(None, Some("c2"), &["c@d.ef"]);
    check(Some("bob"), Some("c1"), &[]);
    check(Some("bob"), None, &[]);
    check(None, Some("c3"), &[]);
    check(None, None, &[]);
    for (name, value) in [("E_1", "a@b.cd"), ("E_3", "c@d.ef"), ("E_4", "n@o.pe")] {
        assert_eq!(look_up(&lasting, "acme", name), [value]);
        assert!(look_up(&lasting, "beta", name).is_empty());
    }
    assert!(look_up(&lasting, "acme", "E_9").is_empty());
}

#[test]
fn a_restart_loses_nothing_that_was_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let (lasting, _) = open(dir.path());
    for number in 0..300 {
        let value = kept(&format!("E_{number}"), &format!("{number}@b.cd"));
        lasting.keep(owner("acme", Some("ada"), None), vec![value]).unwrap();
    }
    drop(lasting);
    let (lasting, _) = open(dir.path());
    assert_eq!(values(&lasting, &owner("acme", Some("ada"), None)).len(), 300);
}

#[test]
fn what_is_erased_is_gone_from_the_files_and_said_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let (lasting, vault) = open(dir.path());
    lasting.keep(owner("acme", Some("ada"), Some("c1")), vec![kept("E_1", "a@b.cd")]).unwrap();
    lasting.keep(owner("acme", Some("bob"), Some("c1")), vec![kept("E_1", "a@b.cd")]).unwrap();
    lasting.flush(LONG).unwrap();
    let (copy, keys) = (std::fs::read(dir.path().join("p.sqlite")).unwrap(), dir.path().join("p.sqlite"));
    let wanted =
        Erase { tenant: "acme", whom: Whom::Subject("ada"), actor: "ann".into(), reason: "asked".into() };
    let receipt = vault.erase(&wanted, &Holds::default()).unwrap();
    // Even before its rows are deleted nothing can be read.
    assert!(values(&lasting, &owner("acme", Some("ada"), None)).is_empty());
    let key = Vault::id_of(receipt.erasure.subject_ref.as_str()).unwrap();
    assert_eq!(lasting.forget(key, None).unwrap(), 1);
    vault.confirm(receipt).unwrap();
    let mut said = look_up(&lasting, "acme", "E_1");
    said.sort();
    assert_eq!(said, ["a@b.cd", "gone"]);
    assert_eq!(values(&lasting, &owner("acme", Some("bob"), None)), ["a@b.cd"]);
    assert_eq!(values(&lasting, &owner("acme", None, Some("c1"))), ["a@b.cd"]);
    for file in ["p.sqlite", "p.sqlite-wal"] {
        let bytes = std::fs::read(dir.path().join(file)).unwrap_or_default();
        assert!(!bytes.windows(16).any(|it| it == key), "{file} still names the key");
        assert!(!bytes.windows(6).any(|it| it == b"a@b.cd"), "{file} holds a value in clear");
    }
    // An older copy of the file brings nothing back.
    drop(lasting);
    std::fs::write(&keys, copy).unwrap();
    let (lasting, _) = open(dir.path());
    assert!(values(&lasting, &owner("acme", Some("ada"), None)).is_empty());
}

#[test]
fn what_can_not_be_written_is_refused_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let options = LastingOptions { queue: 2, ..LastingOptions::new(&dir.path().join("p.sqlite")) };
    let lasting = Lasting::open(&options, vault(dir.path())).unwrap();
    let ada = || owner("acme", Some("ada"), None);
    lasting.keep(ada(), vec![kept("E_1", "a@b.cd")]).unwrap();
    lasting.flush(LONG).unwrap();
    // The keys are gone: nothing can be sealed for someone new.
    let (tenants, away) = (dir.path().join("keys/tenants"), dir.path().join("away"));
    std::fs::rename(&tenants, &away).unwrap();
    std::fs::write(&tenants, b"no folder").unwrap();
    let new = || owner("beta", Some("bob"), None);
    let refused =
        (0..100_000_000).find_map(|_| lasting.keep(new(), vec![kept("E_2", "x@y.zz")]).err()).unwrap();
    assert!(matches!(refused, LastingError::Full | LastingError::Failing), "{refused}");
    std::fs::remove_file(&tenants).unwrap();
    std::fs::rename(&away, &tenants).unwrap();
    lasting.flush(LONG).unwrap();
    lasting.keep(new(), vec![kept("E_3", "z@y.zz")]).unwrap();
    lasting.flush(LONG).unwrap();
    let values = values(&lasting, &new());
    assert!(values.contains(&"z@y.zz".to_owned()), "{values:?}");
}

#[test]
fn who_waits_is_told_when_values_are_durable_and_at_the_first_failure_when_not() {
    let dir = tempfile::tempdir().unwrap();
    let (lasting, _) = open(dir.path());
    let (tell, told) = std::sync::mpsc::channel();
    let surely = |tenant: &str, name: &str| {
        let (tell, path) = (tell.clone(), dir.path().join("p.sqlite"));
        let told = Box::new(move |is_durable| {
            let rows = rusqlite::Connection::open(path).unwrap();
            let rows: i64 = rows.query_row("SELECT count(*) FROM pseudonym", [], |row| row.get(0)).unwrap();
            tell.send((is_durable, rows)).unwrap();
        });
        lasting.keep_surely(owner(tenant, Some("ada"), None), vec![kept(name, "a@b.cd")], told).unwrap();
    };
    surely("acme", "E_1");
    assert_eq!(told.recv_timeout(LONG).unwrap(), (true, 1));
    // Known already, and durable still.
    surely("acme", "E_1");
    assert_eq!(told.recv_timeout(LONG).unwrap(), (true, 1));
    let (tenants, away) = (dir.path().join("keys/tenants"), dir.path().join("away"));
    std::fs::rename(&tenants, &away).unwrap();
    std::fs::write(&tenants, b"no folder").unwrap();
    surely("beta", "E_2");
    assert_eq!(told.recv_timeout(LONG).unwrap(), (false, 1));
    let refused =
        lasting.keep_surely(owner("beta", None, None), vec![kept("E_3", "c@d.ef")], Box::new(|_| {}));
    assert!(matches!(refused, Err(LastingError::Failing)));
    std::fs::remove_file(&tenants).unwrap();
    std::fs::rename(&away, &tenants).unwrap();
    lasting.flush(LONG).unwrap();
    surely("beta", "E_4");
    assert!(told.recv_timeout(LONG).unwrap().0);
    assert!(told.try_recv().is_err(), "nobody is told twice");
}

#[test]
fn what_is_tied_is_found_again_by_the_tie_and_dies_with_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let (lasting, vault) = open(dir.path());
    let follow = |lasting: &Lasting, tie: &str| {
        let found = lasting.follow(("acme", blind("acme")), blind(tie), LONG).unwrap();
        let mut values: Vec<_> = found.iter().map(|(kept, _)| kept.value.clone()).collect();
        values.sort();
        (values, found.into_iter().map(|(_, held)| held).collect::<Vec<_>>())
    };
    let (nobody, ada) = (|| owner("acme", None, None), || owner("acme", Some("ada"), None));
    lasting.keep(nobody(), vec![kept("E_1", "a@b.cd")]).unwrap();
    // What was never handed over isn't tied.
    lasting.tie(blind("r1"), (nobody(), vec![blind("E_1"), blind("E_9")]), Vec::new()).unwrap();
    let (first, held) = follow(&lasting, "r1");
    assert_eq!(first, ["a@b.cd"]);
    lasting.keep(ada(), vec![kept("E_2", "c@d.ef")]).unwrap();
    lasting.tie(blind("r2"), (ada(), vec![blind("E_2")]), held).unwrap();
    assert_eq!(follow(&lasting, "r2").0, ["a@b.cd", "c@d.ef"]);
    assert!(follow(&lasting, "r3").0.is_empty());
    assert!(lasting.follow(("beta", blind("beta")), blind("r1"), LONG).unwrap().is_empty());
    drop(lasting);
    let lasting =
        Lasting::open(&LastingOptions::new(&dir.path().join("p.sqlite")), Arc::clone(&vault)).unwrap();
    let (values, held) = follow(&lasting, "r2");
    assert_eq!(values, ["a@b.cd", "c@d.ef"]);

    let wanted =
        Erase { tenant: "acme", whom: Whom::Subject("ada"), actor: "ann".into(), reason: "asked".into() };
    let receipt = vault.erase(&wanted, &Holds::default()).unwrap();
    assert_eq!(follow(&lasting, "r2").0, ["a@b.cd"]);
    let key = Vault::id_of(receipt.erasure.subject_ref.as_str()).unwrap();
    lasting.forget(key, None).unwrap();
    vault.confirm(receipt).unwrap();
    // A call that had read it before the erasure doesn't bring it back.
    lasting.tie(blind("r4"), (nobody(), Vec::new()), held).unwrap();
    assert_eq!(follow(&lasting, "r4").0, ["a@b.cd"]);
    let rows = rusqlite::Connection::open(dir.path().join("p.sqlite")).unwrap();
    let of_ada = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table} WHERE owner = ?1");
        rows.query_row(&sql, [&key[..]], |row| row.get(0)).unwrap()
    };
    assert_eq!((of_ada("tie"), of_ada("pseudonym")), (0, 0));
    let old = "UPDATE tie SET seen = seen - 1000; UPDATE pseudonym SET seen = seen - 1000";
    rows.execute_batch(old).unwrap();
    lasting.prune(LONG).unwrap();
    let left: i64 = rows.query_row("SELECT count(*) FROM tie", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn what_was_not_used_for_long_is_pruned() {
    let dir = tempfile::tempdir().unwrap();
    let (lasting, _) = open(dir.path());
    let ada = owner("acme", Some("ada"), None);
    lasting.keep(ada.clone(), vec![kept("E_1", "a@b.cd")]).unwrap();
    lasting.flush(LONG).unwrap();
    assert_eq!(lasting.prune(LONG).unwrap(), 0);
    assert_eq!(values(&lasting, &ada), ["a@b.cd"]);
}
