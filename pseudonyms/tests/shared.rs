//! Values that several nodes share in PostgreSQL: who reads them, what an erasure leaves, and a database that is away.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a failed expectation should fail the test"
)]

#[path = "../../index/tests/support/cluster.rs"]
#[allow(dead_code, reason = "other tests need more of it")]
mod cluster;
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cluster::Cluster;
use support::{blind, kept, owner};
use weir_audit::{Vault, VaultOptions};
use weir_index::PostgresSettings;
use weir_pseudonyms::{Found, Lasting, LastingError, Owner, SharedOptions};

const LONG: Duration = Duration::from_secs(60);
const LIVE: &str = "SELECT count(*) FROM weir_vault.pseudonym WHERE sealed IS NOT NULL";

/// One node: its own audit log's keys, and the vault of all.
struct Node {
    vault: Arc<Vault>,
    lasting: Lasting,
}

fn node(dir: &Path, cluster: &Cluster, secret: u8) -> Node {
    let vault =
        Vault::open(&dir.join("bodies"), &dir.join("keys"), VaultOptions::default()).map(Arc::new).unwrap();
    let database =
        || PostgresSettings { patience: Duration::from_secs(5), ..PostgresSettings::new(cluster.url()) };
    let options = SharedOptions { values: database(), keys: database(), secret: [secret; 32] };
    let lasting = Lasting::share(&options, Arc::clone(&vault)).unwrap();
    Node { vault, lasting }
}

fn values(node: &Node, owner: &Owner) -> Vec<String> {
    let mut values: Vec<_> = node.lasting.recall(owner).unwrap().into_iter().map(|it| it.value).collect();
    values.sort();
    values
}

fn look_up(node: &Node, name: &str) -> Vec<String> {
    let said = |found: Found| match found {
        Found::Value(kept) => kept.value,
        Found::Gone => "gone".to_owned(),
        Found::Damaged => "damaged".to_owned(),
    };
    let found = node.lasting.look_up(("acme", blind("acme")), blind(name)).unwrap();
    found.into_iter().map(said).collect()
}

fn tied(node: &Node, tie: &str) -> Vec<String> {
    let found = node.lasting.follow(("acme", blind("acme")), blind(tie), LONG).unwrap();
    let mut values: Vec<_> = found.into_iter().map(|(kept, _)| kept.value).collect();
    values.sort();
    values
}

fn ada() -> Owner {
    owner("acme", Some("ada"), None)
}

#[test]
fn a_value_is_read_by_every_node_for_its_own_subject_or_conversation_alone() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (node(&dir.path().join("1"), &cluster, 7), node(&dir.path().join("2"), &cluster, 7));
    one.lasting
        .keep(owner("acme", Some("ada"), Some("c1")), vec![kept("E_1", "a@b.cd"), kept("E_2", "x@y.zz")])
        .unwrap();
    // Both at once, with keys that neither has yet, and values that the batch holds more than once.
    for _ in 0..3 {
        one.lasting
            .keep(owner("acme", None, Some("c2")), vec![kept("E_3", "c@d.ef"), kept("E_3", "c@d.ef")])
            .unwrap();
        two.lasting.keep(owner("acme", None, Some("c2")), vec![kept("E_3", "c@d.ef")]).unwrap();
        two.lasting.keep(owner("acme", None, None), vec![kept("E_4", "n@o.pe")]).unwrap();
    }
    one.lasting.tie(blind("r1"), (ada(), vec![blind("E_1"), blind("E_9")]), Vec::new()).unwrap();
    one.lasting.flush(LONG).unwrap();
    two.lasting.flush(LONG).unwrap();
    for node in [&one, &two] {
        for (subject, conversation, expect) in [
            (Some("ada"), None, &["a@b.cd", "x@y.zz"][..]),
            (Some("ada"), Some("c9"), &["a@b.cd", "x@y.zz"]),
            (None, Some("c1"), &["a@b.cd", "x@y.zz"]),
            (None, Some("c2"), &["c@d.ef"]),
            (Some("bob"), Some("c1"), &[]),
            (None, Some("c3"), &[]),
            (None, None, &[]),
        ] {
            assert_eq!(
                values(node, &owner("acme", subject, conversation)),
                expect,
                "{subject:?} {conversation:?}"
            );
            assert!(values(node, &owner("beta", subject, conversation)).is_empty());
        }
        assert_eq!(tied(node, "r1"), ["a@b.cd"]);
        assert!(tied(node, "r2").is_empty());
        assert!(node.lasting.follow(("beta", blind("beta")), blind("r1"), LONG).unwrap().is_empty());
        assert_eq!(look_up(node, "E_4"), ["n@o.pe"]);
    }
    assert_eq!(cluster.ask(LIVE), "4");
    // Whoever has the hashes and not the secret reads nothing, and is told why.
    let stranger = node(&dir.path().join("3"), &cluster, 8);
    assert!(matches!(stranger.lasting.recall(&ada()), Err(LastingError::Operator)));
    // A row that is put under another pseudonym is not taken for it.
    cluster.ask("UPDATE weir_vault.pseudonym SET name = sha256(name)");
    assert!(values(&one, &ada()).is_empty());
    one.lasting.prune(LONG).unwrap();
    assert_eq!(cluster.ask(LIVE), "4");
    cluster.ask("UPDATE weir_vault.pseudonym SET seen = 0; UPDATE weir_keys.subject_key SET seen = 0");
    assert_eq!(two.lasting.prune(LONG).unwrap(), 4);
    let left = "SELECT count(*) FROM weir_keys.subject_key";
    assert_eq!((cluster.ask(LIVE), cluster.ask(left)), ("0".to_owned(), "0".to_owned()));
}

#[test]
fn an_erasure_on_one_node_is_one_on_all_by_name_and_by_reference() {
    let Some(cluster) = Cluster::start(&[]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (node(&dir.path().join("1"), &cluster, 7), node(&dir.path().join("2"), &cluster, 7));
    let bob = || owner("acme", Some("bob"), None);
    let about = |node: &Node, subject: &str| node.vault.subject("acme", Some(subject)).unwrap().id();
    for subject in ["ada", "bob"] {
        assert_ne!(about(&one, subject), about(&two, subject), "each node has a reference of its own");
    }
    for erase_by_name in [true, false] {
        one.lasting.keep(ada(), vec![kept("E_1", "a@b.cd"), kept("E_2", "x@y.zz")]).unwrap();
        one.lasting.keep(bob(), vec![kept("E_1", "a@b.cd")]).unwrap();
        one.lasting.tie(blind("r1"), (ada(), vec![blind("E_1")]), Vec::new()).unwrap();
        one.lasting.flush(LONG).unwrap();
        assert_eq!(values(&two, &ada()), ["a@b.cd", "x@y.zz"]);
        two.lasting.flush(LONG).unwrap();
        // The node that erases has only read.
        let named = erase_by_name.then(ada);
        assert_eq!(two.lasting.forget(about(&two, "ada"), named).unwrap(), 2);
        for node in [&one, &two] {
            assert!(values(node, &ada()).is_empty() && tied(node, "r1").is_empty());
            assert_eq!(values(node, &bob()), ["a@b.cd"]);
            let mut said = look_up(node, "E_1");
            said.sort();
            assert_eq!(said, ["a@b.cd", "gone"]);
            assert_eq!(look_up(node, "E_2"), ["gone"]);
        }
        // A second time, as after a crash, there is nothing more to do.
        assert_eq!(two.lasting.forget(about(&two, "ada"), None).unwrap(), 0);
        let kept_keys = cluster.ask("SELECT count(*) FROM weir_keys.subject_key WHERE wrapped IS NOT NULL");
        assert_eq!(kept_keys, "1");
        assert_eq!(cluster.ask("SELECT count(*) FROM weir_keys.subject_key WHERE erased IS NOT NULL"), "1");
        assert_eq!(cluster.ask("SELECT count(*) FROM weir_vault.tie"), "0");
        // She calls again, a while after.
        cluster.ask("UPDATE weir_keys.subject_key SET erased = erased - 3600");
    }
    // An old copy of the values brings nothing back: their key is gone, also when she has a new one.
    one.lasting.keep(ada(), vec![kept("E_5", "new@b.cd")]).unwrap();
    one.lasting.flush(LONG).unwrap();
    cluster.ask("CREATE TABLE later AS SELECT * FROM weir_vault.pseudonym WHERE sealed IS NOT NULL");
    one.lasting.forget(about(&one, "ada"), Some(ada())).unwrap();
    cluster.ask("UPDATE weir_keys.subject_key SET erased = erased - 3600");
    one.lasting.keep(ada(), vec![kept("E_6", "newer@b.cd")]).unwrap();
    one.lasting.flush(LONG).unwrap();
    cluster.ask("INSERT INTO weir_vault.pseudonym SELECT * FROM later ON CONFLICT DO NOTHING");
    assert_eq!(values(&two, &ada()), ["newer@b.cd"]);
    assert_eq!(look_up(&two, "E_5"), ["gone", "gone"]);
}

#[test]
fn what_waits_on_another_node_while_a_person_is_erased_is_not_kept() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (node(&dir.path().join("1"), &cluster, 7), node(&dir.path().join("2"), &cluster, 7));
    one.lasting.keep(ada(), vec![kept("E_1", "a@b.cd")]).unwrap();
    one.lasting.flush(LONG).unwrap();
    assert_eq!(values(&two, &ada()), ["a@b.cd"]);
    cluster.crash();
    let (tell, told) = std::sync::mpsc::channel();
    let surely = |owner: Owner, name: &str| {
        let tell = tell.clone();
        one.lasting.keep_surely(
            owner,
            vec![kept(name, "late@b.cd")],
            Box::new(move |kept| tell.send(kept).unwrap()),
        )
    };
    surely(ada(), "E_2").unwrap();
    assert!(!told.recv_timeout(LONG).unwrap(), "the database is away");
    assert!(matches!(surely(ada(), "E_3"), Err(LastingError::Failing)));
    assert!(one.lasting.recall(&ada()).is_err() && two.lasting.recall(&ada()).is_err());
    let reference = two.vault.subject("acme", Some("ada")).unwrap().id();
    assert!(two.lasting.forget(reference, Some(ada())).is_err());
    cluster.resume();
    // Whichever comes first, the erasure or what still waits: nothing of her is left.
    two.lasting.forget(reference, Some(ada())).unwrap();
    one.lasting.flush(LONG).unwrap();
    two.lasting.flush(LONG).unwrap();
    for node in [&one, &two] {
        assert!(values(node, &ada()).is_empty());
    }
    assert_eq!(cluster.ask(LIVE), "0");
    // Somebody else is kept again.
    surely(owner("acme", Some("bob"), None), "E_4").unwrap();
    assert!(told.recv_timeout(LONG).unwrap());
    assert_eq!(values(&two, &owner("acme", Some("bob"), None)), ["late@b.cd"]);
}
