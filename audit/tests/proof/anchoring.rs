//! Anchors: a log that was put back, cut or cloned contradicts what the second place remembers.

use std::fs;
use std::sync::Arc;

use weir_audit::proof::Anchoring;
use weir_audit::proof::anchor::{Anchor, DirAnchor};
use weir_audit::{AuditError, Log};

use crate::support::{LOSES_ANSWERS, Place, SOUND, TestAnchor, UNREACHABLE, call, copy_all, leaves, root};

fn place() -> Place {
    let mut place = Place::new();
    let anchor = DirAnchor::new(&place.root.path().join("anchor"));
    place.options.seal.as_mut().unwrap().anchor = Some(Arc::new(anchor));
    place
}

#[tokio::test]
async fn the_anchor_holds_the_checkpoint_that_is_published() {
    let place = place();
    for _ in 0..3 {
        place.write(50).await;
        let held = fs::read(place.root.path().join("anchor/weir~node-7.checkpoint")).unwrap();
        assert_eq!(held, place.checkpoint().as_bytes());
    }
}

#[tokio::test]
async fn a_log_put_back_from_a_copy_is_refused() {
    let place = place();
    place.write(50).await;
    let copy = place.copy();
    place.write(50).await;
    let now = place.copy();
    place.restore(copy.path());
    assert!(matches!(place.open(), Err(AuditError::Inconsistent { size: 201, .. })));
    // Nothing was changed by the refusal, and the right log still opens.
    place.restore(now.path());
    place.write(1).await;
}

#[tokio::test]
async fn a_log_written_anew_and_signed_with_its_own_key_is_refused() {
    let place = place();
    place.write(50).await;
    fs::remove_dir_all(place.dir()).unwrap();
    // Whoever has the key can write another log, but the anchor knows better.
    let forger = Place { options: place.options.clone(), root: tempfile::tempdir().unwrap() };
    let mut options = place.options.clone();
    options.seal.as_mut().unwrap().anchor = None;
    let (log, _) = Log::open(&forger.dir(), options).unwrap();
    call(&log, 60).await;
    log.close().await.unwrap();
    copy_all(&forger.dir(), &place.dir());
    assert!(matches!(place.open(), Err(AuditError::Inconsistent { size: 101, .. })));
}

#[tokio::test]
async fn of_a_node_and_its_clone_only_one_goes_on() {
    let place = place();
    place.write(50).await;
    let clone = Place { options: place.options.clone(), root: tempfile::tempdir().unwrap() };
    copy_all(&place.dir(), &clone.dir());
    let (one, two) = (place.open().unwrap(), clone.open().unwrap());
    call(&one, 1).await;
    call(&two, 1).await;
    one.sealed(one.durable_seq()).await.unwrap();
    let refused = two.sealed(two.durable_seq()).await;
    assert!(matches!(&refused, Err(AuditError::Unsealed { reason }) if reason.contains("another root")));
    let sealing = two.sealing().unwrap();
    assert_eq!((sealing.anchor, sealing.size), (Anchoring::Failing, 101));
    // It still writes: what it has is evidence.
    call(&two, 1).await;
    two.close().await.unwrap();
    assert!(matches!(clone.open(), Err(AuditError::Inconsistent { .. })));
}

#[tokio::test]
async fn an_anchor_ahead_of_the_folder_is_caught_up_with() {
    let place = place();
    place.write(50).await;
    let tree = tempfile::tempdir().unwrap();
    copy_all(&place.dir().join("tree"), tree.path());
    place.write(400).await;
    // As a crash leaves it after the swap: no tiles, no checkpoint.
    fs::remove_dir_all(place.dir().join("tree")).unwrap();
    copy_all(tree.path(), &place.dir().join("tree"));
    place.write(0).await;
    assert_eq!(place.checkpoint().checkpoint().size, 901);
    assert_eq!(place.checkpoint().checkpoint().root, root(&leaves(&place.dir())));
}

#[tokio::test]
async fn an_anchor_that_lost_its_memory_is_taught_again() {
    let place = place();
    place.write(50).await;
    let path = place.root.path().join("anchor/weir~node-7.checkpoint");
    let old = fs::read(&path).unwrap();
    place.write(50).await;
    for note in [Some(&old), None] {
        match note {
            Some(note) => fs::write(&path, note).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        place.write(1).await;
        assert_eq!(fs::read(&path).unwrap(), place.checkpoint().as_bytes());
    }
    // A note by somebody else is none of ours to replace.
    fs::write(&path, "Somebody else's\n\n— a AAAAAAA=\n").unwrap();
    assert!(matches!(place.open(), Err(AuditError::Inconsistent { .. })));
}

#[tokio::test]
async fn while_the_anchor_is_away_the_log_writes_and_says_so() {
    let anchor = Arc::new(TestAnchor::default());
    for away in [UNREACHABLE, LOSES_ANSWERS] {
        let place = Place::anchored(Arc::clone(&anchor) as Arc<dyn Anchor>);
        *anchor.note.lock().unwrap() = None;
        anchor.set(away);
        let log = place.open().unwrap();
        call(&log, 20).await;
        assert!(matches!(log.sealed(41).await, Err(AuditError::Unsealed { .. })));
        let sealing = log.sealing().unwrap();
        assert_eq!((sealing.size, sealing.anchor), (0, Anchoring::Failing));
        assert!(!place.dir().join("tree/checkpoint").exists(), "published without an anchor");
        call(&log, 20).await;
        anchor.set(SOUND);
        // What failed before says nothing about this try.
        assert_eq!(log.sealed(log.durable_seq()).await.unwrap().size, 81);
        log.close().await.unwrap();
        let sealing = log.sealing().unwrap();
        assert_eq!((sealing.size, sealing.anchor, sealing.fault), (81, Anchoring::Held, None));
        assert_eq!(anchor.note.lock().unwrap().as_deref(), Some(place.checkpoint().as_bytes()));
    }
}
