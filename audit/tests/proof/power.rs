//! Loss of power beside the log: the tree and its records come back from different moments.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use weir_audit::verify::verify;
use weir_audit::{AuditError, Verify};

use crate::support::{Place, copy_all, leaves, root};

/// How often a log was sealed, and how many calls were written each time.
const SEALED: usize = 4;
const CALLS: usize = 90;

/// The log after each sealing. 180 records a time: tiles are full, torn and full again.
async fn moments() -> (Place, Vec<TempDir>) {
    let place = Place::new();
    let mut moments = Vec::new();
    for _ in 0..SEALED {
        place.write(CALLS).await;
        moments.push(place.copy());
    }
    (place, moments)
}

/// The parts of a tree that a loss of power may bring back from different moments.
fn put_back(from: &Path, to: &Path, part: &str) {
    let (from, to) = (from.join("tree").join(part), to.join("tree").join(part));
    if to.is_dir() {
        fs::remove_dir_all(&to).unwrap();
        copy_all(&from, &to);
    } else {
        fs::copy(&from, &to).unwrap();
    }
}

#[tokio::test]
async fn tiles_and_checkpoints_of_any_two_moments_are_made_good_from_the_records() {
    let (place, moments) = moments().await;
    let newest = &moments[SEALED - 1];
    let tree = place.dir().join("tree");
    let lost: [(&str, &dyn Fn()); 3] = [
        ("all there", &|| {}),
        ("no tiles", &|| fs::remove_dir_all(tree.join("tile")).unwrap()),
        ("no checkpoint", &|| fs::remove_file(tree.join("checkpoint")).unwrap()),
    ];
    for tiles in 0..SEALED {
        for checkpoint in 0..SEALED {
            for (name, lose) in lost {
                place.restore(newest.path());
                // A crash leaves no mark of an orderly close.
                fs::remove_file(place.dir().join("closed")).unwrap();
                put_back(moments[tiles].path(), &place.dir(), "tile");
                put_back(moments[checkpoint].path(), &place.dir(), "checkpoint");
                lose();
                place.write(10).await;
                let (signed, leaves) = (place.checkpoint(), leaves(&place.dir()));
                let what = format!("tiles of {tiles}, checkpoint of {checkpoint}, {name}");
                assert_eq!(signed.checkpoint().size, leaves.len() as u64, "{what}");
                assert_eq!(signed.checkpoint().root, root(&leaves), "{what}");
                assert_eq!(verify(&place.dir(), &Default::default()).faults, [], "{what}");
            }
        }
    }
}

#[tokio::test]
async fn records_older_than_their_tree_are_refused_and_nothing_is_signed_over_them() {
    let (place, moments) = moments().await;
    for old in 0..SEALED - 1 {
        for is_marked in [true, false] {
            place.restore(moments[old].path());
            fs::remove_dir_all(place.dir().join("tree")).unwrap();
            copy_all(&moments[SEALED - 1].path().join("tree"), &place.dir().join("tree"));
            if !is_marked {
                fs::remove_file(place.dir().join("closed")).unwrap();
            }
            let before = place.copy();
            for verify in [Verify::Recent, Verify::All] {
                let options = weir_audit::Options { verify, ..place.options.clone() };
                let opened = weir_audit::Log::open(&place.dir(), options).map(drop);
                assert!(matches!(opened, Err(AuditError::Inconsistent { .. })), "{old}: {opened:?}");
            }
            let tree = |dir: &Path| fs::read(dir.join("tree/checkpoint")).unwrap();
            assert_eq!(tree(&place.dir()), tree(before.path()), "{old}");
            assert_eq!(leaves(&place.dir()).len(), leaves(before.path()).len(), "{old}");
            assert!(!verify(&place.dir(), &Default::default()).is_sound(), "{old}");
        }
    }
}
