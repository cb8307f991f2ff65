//! Sealing: the checkpoint covers what is durable, over restarts, crashes and lost tiles.

use std::fs;

use weir_audit::proof::Anchoring;
use weir_audit::proof::keys::VerifierKey;
use weir_audit::proof::tiles::Tiles;
use weir_audit::record::{Kind, Record};
use weir_audit::{AuditError, Log, Verify, read};

use crate::support::{Place, call, leaves, root};

#[tokio::test]
async fn a_closed_log_is_sealed_whole_and_goes_on_from_there() {
    let place = Place::new();
    for round in 1..=3 {
        place.write(200).await;
        let (signed, leaves) = (place.checkpoint(), leaves(&place.dir()));
        assert_eq!((leaves.len(), signed.checkpoint().size), (400 * round + 1, 400 * round as u64 + 1));
        assert_eq!(signed.checkpoint().root, root(&leaves));
        assert_eq!(signed.checkpoint().origin, "weir/node-7");
    }
}

#[tokio::test]
async fn the_log_announces_the_key_that_signs_it() {
    let place = Place::new();
    place.write(1).await;
    let records: Vec<Record> = read::iterate(&place.dir()).unwrap().map(Result::unwrap).collect();
    let keys: Vec<_> = records.iter().filter(|record| record.kind == Kind::Key).collect();
    let event = keys[0].key.as_ref().unwrap();
    let key: VerifierKey = event.public.as_ref().unwrap().as_str().parse().unwrap();
    assert_eq!((keys.len(), event.action.as_str(), event.purpose.as_str()), (1, "make", "checkpoint"));
    assert!(place.checkpoint().is_signed_by(&key));
}

#[tokio::test]
async fn a_running_log_is_sealed_on_request_and_says_how_it_stands() {
    let place = Place::new();
    let log = place.open().unwrap();
    for round in 1..=3 {
        call(&log, 5).await;
        let sealing = log.sealed(log.durable_seq()).await.unwrap();
        assert_eq!((sealing.size, &sealing.fault), (10 * round + 1, &None));
        assert_eq!(sealing.anchor, Anchoring::Absent);
        assert_eq!(sealing.checkpoint.unwrap(), place.checkpoint());
        assert!(sealing.signed_at.is_some());
    }
}

#[tokio::test]
async fn lanes_have_trees_and_keys_of_their_own() {
    let place = Place::new();
    let (old, _) = Log::open_alone(&place.dir(), place.options.clone()).unwrap();
    let (new, _) = Log::open_beside(&place.dir(), place.options.clone()).unwrap();
    call(&old, 3).await;
    call(&new, 5).await;
    let (old, new) = (old.sealed(7).await.unwrap(), new.sealed(11).await.unwrap());
    assert_eq!((old.origin.as_str(), old.size), ("weir/node-7", 7));
    assert_eq!((new.origin.as_str(), new.size), ("weir/node-7/lane-1", 11));
    assert_ne!(old.key, new.key);
}

#[tokio::test]
async fn a_crash_between_any_two_steps_is_made_good() {
    let place = Place::new();
    place.write(300).await;
    let old = place.copy();
    place.write(300).await;
    let whole = place.copy();
    let check = async |name: &str, damage: &dyn Fn()| {
        place.restore(whole.path());
        damage();
        place.write(10).await;
        let (signed, leaves) = (place.checkpoint(), leaves(&place.dir()));
        assert_eq!(signed.checkpoint().size, leaves.len() as u64, "{name}");
        assert_eq!(signed.checkpoint().root, root(&leaves), "{name}");
        let tiles = Tiles::new(&place.dir().join("tree"));
        let inclusion = tiles.inclusion(700, signed.checkpoint().size);
        assert!(inclusion.is_ok(), "{name}");
    };
    let tree = place.dir().join("tree");
    let put_back = |what: &str| {
        fs::copy(old.path().join("tree").join(what), tree.join(what)).unwrap();
    };
    check("nothing", &|| {}).await;
    check("tiles written, checkpoint not", &|| put_back("checkpoint")).await;
    check("half a checkpoint", &|| fs::write(tree.join("checkpoint.new"), "weir").unwrap()).await;
    check("tiles lost", &|| fs::remove_dir_all(tree.join("tile")).unwrap()).await;
    check("a tile torn", &|| fs::write(tree.join("tile/0/004.p/177"), "torn").unwrap()).await;
    check("a tile wrong", &|| fs::write(tree.join("tile/0/004.p/177"), [1; 177 * 32]).unwrap()).await;
    check("never sealed", &|| fs::remove_dir_all(&tree).unwrap()).await;
}

#[tokio::test]
async fn records_that_were_signed_may_not_change_or_go() {
    let place = Place::new();
    place.write(100).await;
    let whole = place.copy();
    let (first, second) = segments(&place);
    let check = |verify: Verify, damage: &dyn Fn()| {
        place.restore(whole.path());
        damage();
        let options = weir_audit::Options { verify, ..place.options.clone() };
        let opened = Log::open(&place.dir(), options);
        assert!(matches!(opened, Err(AuditError::Inconsistent { size: 201, .. })), "{:?}", opened.err());
    };
    // A record changed with all its checksums: seen when the log is verified as a whole.
    check(Verify::All, &|| crate::support::forge(&first, b"acme", b"acne"));
    let unmark = || fs::remove_file(place.dir().join("closed")).unwrap();
    let unseal = || fs::remove_dir_all(place.dir().join("tree/tile")).unwrap();
    // The tail gone, and the mark of an orderly close with it: seen always.
    check(Verify::Recent, &|| {
        unmark();
        fs::remove_file(&second).unwrap();
    });
    check(Verify::Recent, &|| {
        unseal();
        crate::support::forge(&first, b"acme", b"acne");
    });
}

/// The first and the last segment.
fn segments(place: &Place) -> (std::path::PathBuf, std::path::PathBuf) {
    let entries = fs::read_dir(place.dir()).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "seg")).collect();
    paths.sort();
    (paths[0].clone(), paths[paths.len() - 1].clone())
}

#[tokio::test]
async fn a_lost_key_is_not_replaced_in_silence() {
    let place = Place::new();
    place.write(1).await;
    let key = place.options.seal.as_ref().unwrap().key.clone();
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    assert!(matches!(place.open(), Err(AuditError::Key { .. })));
    fs::write(
        &key,
        "weir-checkpoint-key 1\nlog weir/node-7\ncurrent AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
    )
    .unwrap();
    assert!(matches!(place.open(), Err(AuditError::Corrupt { .. })));
    fs::write(&key, kept).unwrap();
    place.write(1).await;
}
