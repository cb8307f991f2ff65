//! Evidence bundles: a good one is believed, each tampering is found.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::tempdir;
use weir_audit::AuditError;
use weir_audit::bundle::{Bundle, Selection, verify, write};
use weir_audit::proof::keys::VerifierKey;
use weir_audit::verify::Trust;

use crate::support::Place;
use crate::tamper::{TAMPERINGS, copy, good};

fn trust(given: &serde_json::Value) -> Trust<'static> {
    let keys = |name: &str| -> Vec<VerifierKey> {
        given[name].as_array().unwrap().iter().map(|key| key.as_str().unwrap().parse().unwrap()).collect()
    };
    Trust { keys: keys("keys"), witnesses: keys("witnesses"), ..Trust::default() }
}

#[tokio::test]
async fn a_good_bundle_is_believed_and_each_tampering_is_found() {
    let dir = tempdir().unwrap();
    let trust = trust(&good(dir.path()).await.unwrap());
    for (name, records) in [("good-all", 702), ("good-one", 2)] {
        let report = verify(&dir.path().join(name), &trust);
        assert_eq!(report.faults, [], "{name}");
        let lane = &report.lanes[0];
        let proof = lane.proof.as_ref().unwrap();
        assert_eq!((lane.records, proof.size, proof.is_trusted), (records, 702, true), "{name}");
        assert_eq!(proof.witnesses.len(), 1, "{name}");
        // Without anything brought along it holds together, but is only its own word.
        let alone = verify(&dir.path().join(name), &Trust::default());
        assert!(alone.is_sound() && !alone.lanes[0].proof.as_ref().unwrap().is_trusted, "{name}");
    }
    for (name, change) in TAMPERINGS {
        let bad = dir.path().join(format!("bad-{name}"));
        copy(&dir.path().join("good-all"), &bad).unwrap();
        change(&bad).unwrap();
        assert!(!verify(&bad, &trust).is_sound(), "{name}");
    }
}

#[tokio::test]
async fn no_changed_byte_of_a_bundle_goes_unseen_or_stops_the_verifier() {
    let dir = tempdir().unwrap();
    let trust = trust(&good(dir.path()).await.unwrap());
    let bundle = dir.path().join("good-one");
    let files: Vec<_> = fs::read_dir(&bundle).unwrap().map(|entry| entry.unwrap().path()).collect();
    let mut runner = crate::support::runner();
    let case = (any::<prop::sample::Selector>(), any::<prop::sample::Index>(), 1_u8..);
    let run = runner.run(&case, |(file, at, flip)| {
        let file: &Path = file.select(&files);
        let whole = fs::read(file).unwrap();
        let mut bytes = whole.clone();
        bytes[at.index(whole.len())] ^= flip;
        fs::write(file, &bytes).unwrap();
        let flipped = verify(&bundle, &trust);
        fs::write(file, &whole[..at.index(whole.len())]).unwrap();
        let cut = verify(&bundle, &trust);
        fs::write(file, &whole).unwrap();
        prop_assert!(!cut.is_sound(), "{} cut", file.display());
        // The manifest's own layout is no content: it may change.
        let same = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
        let is_same = file.ends_with("manifest.json") && same(&bytes) == same(&whole);
        prop_assert!(is_same || !flipped.is_sound(), "{} flipped", file.display());
        Ok(())
    });
    run.unwrap();
}

#[tokio::test]
async fn only_what_is_sealed_can_be_shown() {
    let mut place = Place::new();
    let target = tempdir().unwrap();
    let make = |name: &str, place: &Place| write(&place.dir(), &Selection::All, &target.path().join(name));
    place.options.seal = None;
    place.open().unwrap().close().await.unwrap();
    assert!(matches!(make("a", &place), Err(AuditError::Bundle { .. })));
    let sealed = Place::new();
    sealed.write(1).await;
    assert_eq!(make("b", &sealed).unwrap().records, 3);
    assert!(matches!(Bundle::create(&target.path().join("b")), Err(AuditError::Bundle { .. })));
    let mut bundle = Bundle::create(&target.path().join("c")).unwrap();
    for name in ["", "../x", "a/b", ".x", "manifest.json", "FORMAT.md", "x.new"] {
        assert!(matches!(bundle.add_file(name, b""), Err(AuditError::Bundle { .. })), "{name}");
    }
    // A log whose records were changed is not handed out as evidence.
    let segment = sealed.dir().join(format!("{:020}.seg", 1));
    crate::support::forge(&segment, b"acme", b"acne");
    assert!(matches!(make("d", &sealed), Err(AuditError::Inconsistent { .. })));
}
