//! Verification of a log: every way to tamper with it is found, and the first bad record is named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use tempfile::TempDir;
use weir_audit::proof::checkpoint::SignedCheckpoint;
use weir_audit::proof::keys::{SigningKey, VerifierKey};
use weir_audit::verify::{Report, Trust, verify};
use weir_audit::{Holds, Keep, Retention};

use crate::support::{Place, call, copy_all, frame, leaves, root};

/// A sealed log of 200 calls in many segments, as the tests tamper with it.
struct Sample {
    place: Place,
    key: VerifierKey,
    whole: TempDir,
}

impl Sample {
    async fn new() -> Self {
        let place = Place::new();
        let log = place.open().unwrap();
        call(&log, 100).await;
        log.sealed(201).await.unwrap();
        call(&log, 100).await;
        log.close().await.unwrap();
        let key = log.sealing().unwrap().key;
        let whole = place.copy();
        Self { place, key, whole }
    }

    fn trust(&self) -> Trust<'static> {
        Trust { keys: vec![self.key.clone()], ..Trust::default() }
    }

    /// The report on the log after a change, which is undone.
    fn after(&self, change: impl FnOnce(&Path), trust: &Trust<'_>) -> Report {
        self.place.restore(self.whole.path());
        change(&self.place.dir());
        verify(&self.place.dir(), trust)
    }

    /// The change is found, and the first fault is of the given record, for a reason with the given words.
    fn check(&self, name: &str, expect: (Option<u64>, &str), change: impl FnOnce(&Path)) {
        let report = self.after(change, &self.trust());
        let first = report.faults.first().unwrap_or_else(|| panic!("{name} goes unseen"));
        assert_eq!(first.node_seq, expect.0, "{name}: {first}");
        assert!(first.reason.contains(expect.1), "{name}: {first}");
    }
}

/// The JSON of all records, and of which segment each is.
fn read(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut records = Vec::new();
    for path in segments(dir) {
        let bytes = fs::read(&path).unwrap();
        let mut rest = &bytes[32..];
        while let Some(length) = rest.first_chunk::<4>() {
            let (frame, after) = rest.split_at(12 + u32::from_le_bytes(*length) as usize);
            records.push((path.clone(), frame[12..].to_vec()));
            rest = after;
        }
    }
    records
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "seg")).collect();
    paths.sort();
    paths
}

/// Changes the records as somebody would who can compute every checksum.
fn rewrite(dir: &Path, change: impl FnOnce(&mut Vec<(PathBuf, Vec<u8>)>)) {
    let mut records = read(dir);
    change(&mut records);
    for path in segments(dir) {
        let mut bytes = fs::read(&path).unwrap()[..32].to_vec();
        for (_, json) in records.iter().filter(|(owner, _)| *owner == path) {
            frame(json, &[0; 4], &mut bytes);
        }
        fs::write(path, bytes).unwrap();
    }
}

fn edit(records: &mut [(PathBuf, Vec<u8>)], at: usize, from: &str, to: &str) {
    let text = String::from_utf8(records[at].1.clone()).unwrap();
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text);
    records[at].1 = changed.into_bytes();
}

/// Numbers all records anew from the one at `from` on.
fn renumber(records: &mut [(PathBuf, Vec<u8>)], from: usize) {
    for (index, (_, json)) in records.iter_mut().enumerate().skip(from) {
        let mut value: serde_json::Value = serde_json::from_slice(json).unwrap();
        value["node_seq"] = (index + 1).into();
        *json = serde_json::to_vec(&value).unwrap();
    }
}

#[tokio::test]
async fn a_sound_log_is_believed() {
    let sample = Sample::new().await;
    let report = sample.after(|_| {}, &sample.trust());
    assert_eq!(report.faults, []);
    let lane = &report.lanes[0];
    assert_eq!((lane.records, lane.intents, lane.completions, lane.open, lane.boots), (401, 200, 200, 0, 1));
    let proof = lane.proof.as_ref().unwrap();
    assert_eq!((proof.size, proof.is_trusted, proof.origin.as_str()), (401, true, "weir/node-7"));
    let alone = sample.after(|_| {}, &Trust::default());
    assert!(alone.is_sound() && !alone.lanes[0].proof.as_ref().unwrap().is_trusted);
    // Segments alone, with a checkpoint kept elsewhere.
    let checkpoints = vec![sample.place.checkpoint()];
    let bare = Trust { checkpoints, ..sample.trust() };
    let report = sample.after(|dir| fs::remove_dir_all(dir.join("tree")).unwrap(), &bare);
    assert_eq!(
        (report.faults.as_slice(), report.lanes[0].proof.as_ref().unwrap().size),
        ([].as_slice(), 401)
    );
}

#[tokio::test]
async fn the_first_bad_record_is_named() {
    let sample = Sample::new().await;
    let signed = "not the record that was signed";
    sample.check("edited", (Some(124), signed), |dir| {
        rewrite(dir, |it| edit(it, 123, "\"acme\"", "\"acne\""));
    });
    let id = sample.after(|dir| rewrite(dir, |it| edit(it, 123, "\"acme\"", "\"acne\"")), &sample.trust());
    assert!(id.faults[0].record_id.is_some());
    sample.check("spelled otherwise", (Some(124), "canonical"), |dir| {
        rewrite(dir, |it| edit(it, 123, ":", ": "));
    });
    sample.check("a field more", (Some(124), "canonical"), |dir| {
        rewrite(dir, |it| edit(it, 123, "{", "{\"aaa\":1,"));
    });
    sample.check("no record", (Some(124), "no record"), |dir| {
        rewrite(dir, |it| it[123].1 = b"{}".to_vec());
    });
    sample.check("another kind", (Some(123), "body"), |dir| {
        rewrite(dir, |it| edit(it, 122, "\"kind\":\"completion\"", "\"kind\":\"abandoned\""));
    });
    sample.check("another node", (Some(124), "another node"), |dir| {
        rewrite(dir, |it| edit(it, 123, "node-7", "node-8"));
    });
    sample.check("deleted", (Some(124), "its number is 125"), |dir| {
        rewrite(dir, |it| drop(it.remove(123)));
    });
    sample.check("deleted and renumbered", (Some(124), ""), |dir| {
        rewrite(dir, |it| {
            it.drain(123..125);
            renumber(it, 123);
        });
    });
    sample.check("swapped", (Some(124), "its number is 125"), |dir| {
        rewrite(dir, |it| {
            let (one, two) = (it[123].1.clone(), it[124].1.clone());
            (it[123].1, it[124].1) = (two, one);
        });
    });
    sample.check("doubled", (Some(125), "its number is 124"), |dir| {
        rewrite(dir, |it| it.insert(124, it[123].clone()));
    });
    sample.check("inserted and renumbered", (Some(124), ""), |dir| {
        rewrite(dir, |it| {
            it.insert(123, (it[123].0.clone(), it[3].1.clone()));
            renumber(it, 123);
        });
    });
    sample.check("the end cut off", (Some(399), "a checkpoint covers 401"), |dir| {
        rewrite(dir, |it| it.truncate(398));
    });
}

#[tokio::test]
async fn missing_and_damaged_files_are_named() {
    let sample = Sample::new().await;
    let paths = segments(&sample.place.dir());
    let first_of = |index: usize| paths[index].file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap();
    sample.check("a segment gone", (Some(first_of(3)), "missing"), |_| fs::remove_file(&paths[3]).unwrap());
    sample.check("the last gone", (Some(first_of(paths.len() - 1)), "covers 401"), |_| {
        fs::remove_file(&paths[paths.len() - 1]).unwrap();
    });
    sample.check("a segment cut", (None, "").or_first(first_of(3)), |_| {
        let bytes = fs::read(&paths[2]).unwrap();
        fs::write(&paths[2], &bytes[..bytes.len() - 1]).unwrap();
    });
    sample.check("a segment emptied", (Some(first_of(3)), ""), |_| fs::write(&paths[3], "").unwrap());
    sample.check("a tile changed", (None, "tile/0/000"), |dir| {
        fs::write(dir.join("tree/tile/0/000"), [7; 8192]).unwrap();
    });
    sample.check("a tile gone", (None, "tile/0/000"), |dir| {
        fs::remove_file(dir.join("tree/tile/0/000")).unwrap();
    });
    sample.check("the checkpoint gone", (None, "no checkpoint"), |dir| {
        fs::remove_file(dir.join("tree/checkpoint")).unwrap();
    });
    sample.check("the checkpoint spoilt", (None, "can't be read"), |dir| {
        fs::write(dir.join("tree/checkpoint"), "weir/node-7\n").unwrap();
    });
    sample.check("all gone", (Some(1), "covers 401"), |dir| {
        segments(dir).iter().for_each(|path| fs::remove_file(path).unwrap());
    });
}

/// A place in a table: a record, where the exact one depends on how segments fall.
trait OrFirst {
    fn or_first(self, first: u64) -> (Option<u64>, &'static str);
}

impl OrFirst for (Option<u64>, &'static str) {
    fn or_first(self, first: u64) -> (Option<u64>, &'static str) {
        (Some(first - 1), self.1)
    }
}

#[tokio::test]
async fn what_the_logs_own_key_signed_anew_contradicts_what_is_known_elsewhere() {
    let sample = Sample::new().await;
    let known = Trust { checkpoints: vec![sample.place.checkpoint()], ..sample.trust() };
    let options = &sample.place.options;
    // Whoever holds the key can make a log that is sound in itself.
    let forger = Place { root: tempfile::tempdir().unwrap(), options: options.clone() };
    for (calls, expect) in [(150, Some(302)), (200, None), (250, None)] {
        fs::remove_dir_all(forger.dir()).ok();
        forger.write(calls).await;
        let forged = |dir: &Path| {
            fs::remove_dir_all(dir).unwrap();
            copy_all(&forger.dir(), dir);
        };
        assert_eq!(sample.after(forged, &sample.trust()).faults, [], "{calls}");
        let report = sample.after(forged, &known);
        assert_eq!(report.faults[0].node_seq, expect, "{calls}: {}", report.faults[0]);
    }
    // A copy of yesterday is sound too, and shorter than what is known.
    let yesterday = Place { root: tempfile::tempdir().unwrap(), options: options.clone() };
    yesterday.write(10).await;
    let old = yesterday.copy();
    yesterday.write(10).await;
    let known = Trust { checkpoints: vec![yesterday.checkpoint()], ..sample.trust() };
    let report = verify(old.path(), &known);
    assert_eq!(report.faults[0].node_seq, Some(22));
    assert!(verify(&yesterday.dir(), &known).is_sound());
}

#[tokio::test]
async fn wrong_keys_names_and_sizes_are_refused() {
    let sample = Sample::new().await;
    let (roots, leaves) = (root(&leaves(&sample.place.dir())), 401);
    let log_key = {
        // As whoever stole the key would sign.
        let text = fs::read_to_string(&sample.place.options.seal.as_ref().unwrap().key).unwrap();
        let seed = text.lines().nth(2).unwrap().strip_prefix("current ").unwrap().to_owned();
        let seed = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, seed).unwrap();
        move |name: &str| SigningKey::from_seed(name, seed.clone().try_into().unwrap())
    };
    let note = |origin: &str, size: u64, key: &SigningKey| {
        let text = format!("{origin}\n{size}\n{roots}\n");
        let line = weir_audit::proof::checkpoint::sign_text(&text, key).unwrap();
        format!("{text}\n{line}")
    };
    let stranger = SigningKey::from_seed("weir/node-7", [3; 32]);
    let own = log_key("weir/node-7");
    let check = |name: &str, note: String, expect: Option<&str>| {
        let report =
            sample.after(|dir| fs::write(dir.join("tree/checkpoint"), &note).unwrap(), &sample.trust());
        match expect {
            None => assert_eq!(report.faults, [], "{name}"),
            Some(words) => {
                let found = report.faults.iter().any(|fault| fault.reason.contains(words));
                assert!(found, "{name}: {:?}", report.faults);
            }
        }
        // The same, brought along.
        let known =
            Trust { checkpoints: vec![SignedCheckpoint::parse(note.as_bytes()).unwrap()], ..sample.trust() };
        assert_eq!(sample.after(|_| {}, &known).is_sound(), expect.is_none(), "{name} brought along");
    };
    check("as it is", note("weir/node-7", leaves, &own), None);
    check("a stranger's key", note("weir/node-7", leaves, &stranger), Some("no trusted key"));
    check("another name", note("weir/node-8", leaves, &log_key("weir/node-8")), Some("no trusted key"));
    check(
        "its key under another name",
        note("weir/node-7", leaves, &log_key("weir/node-8")),
        Some("no trusted key"),
    );
    check("size 0", note("weir/node-7", 0, &own), Some("don't give the root"));
    check("a size less", note("weir/node-7", leaves - 1, &own), Some("don't give the root"));
    check("a size more", note("weir/node-7", leaves + 1, &own), Some("missing"));
    check("a huge size", note("weir/node-7", 1 << 48, &own), Some("missing"));
    let other = Trust { keys: vec![stranger.verifier()], ..Trust::default() };
    assert!(!sample.after(|_| {}, &other).is_sound(), "another key is trusted");
    let witness = SigningKey::from_seed("witness.example/w1", [5; 32]).cosigner();
    let witnessed = Trust { witnesses: vec![witness], ..sample.trust() };
    assert!(!sample.after(|_| {}, &witnessed).is_sound(), "no witness signed");
}

#[tokio::test]
async fn a_pruned_log_is_verified_from_where_it_begins() {
    let sample = Sample::new().await;
    let prune = |dir: &Path| {
        let retention = Retention { default: Keep::days(183).unwrap(), classes: BTreeMap::new() };
        let later = SystemTime::now() + Duration::from_secs(200 * 86_400);
        let pruned = weir_audit::prune(dir, &retention, later, &Holds::default()).unwrap();
        assert_eq!(pruned.tiles, 1);
    };
    let report = sample.after(prune, &sample.trust());
    assert_eq!(report.faults, []);
    assert!(report.lanes[0].first_seq > 257 && report.lanes[0].proof.as_ref().unwrap().size == 401);
    let both = |dir: &Path| {
        prune(dir);
        rewrite(dir, |it| edit(it, 20, "\"acme\"", "\"acne\""));
    };
    let report = sample.after(both, &sample.trust());
    assert_eq!(report.faults[0].node_seq, Some(report.lanes[0].first_seq + 20));
    let unsaid = |dir: &Path| {
        prune(dir);
        fs::remove_file(dir.join("minimum")).unwrap();
    };
    let report = sample.after(unsaid, &sample.trust());
    assert!(report.faults[0].reason.contains("no pruning explains"), "{}", report.faults[0]);
    let unsealed = |dir: &Path| {
        fs::remove_file(dir.join("tree/checkpoint")).unwrap();
        let before = segments(dir);
        let retention = Retention { default: Keep::days(183).unwrap(), classes: BTreeMap::new() };
        let later = SystemTime::now() + Duration::from_secs(200 * 86_400);
        let pruned = weir_audit::prune(dir, &retention, later, &Holds::default()).unwrap();
        assert_eq!((pruned.segments, segments(dir)), (0, before), "what is not sealed was pruned");
    };
    sample.after(unsealed, &sample.trust());
    // It still opens, and goes on.
    sample.place.restore(sample.whole.path());
    prune(&sample.place.dir());
    sample.place.write(5).await;
    assert_eq!(verify(&sample.place.dir(), &sample.trust()).faults, []);
}

#[tokio::test]
async fn no_changed_byte_goes_unseen_or_stops_the_verifier() {
    let sample = Sample::new().await;
    sample.place.restore(sample.whole.path());
    let dir = sample.place.dir();
    let mut files = segments(&dir);
    files.push(dir.join("tree/checkpoint"));
    files.push(dir.join("tree/tile/0/000"));
    files.push(dir.join("tree/tile/0/001.p/145"));
    files.push(dir.join("tree/tile/1/000.p/1"));
    let mut runner = crate::support::runner();
    let case = (any::<prop::sample::Selector>(), any::<prop::sample::Index>(), 1_u8..);
    let trust = sample.trust();
    let run = runner.run(&case, |(file, at, flip)| {
        let file: &PathBuf = file.select(&files);
        let whole = fs::read(file).unwrap();
        let mut bytes = whole.clone();
        bytes[at.index(whole.len())] ^= flip;
        fs::write(file, &bytes).unwrap();
        let flipped = verify(&dir, &trust);
        fs::write(file, &whole[..at.index(whole.len())]).unwrap();
        let cut = verify(&dir, &trust);
        fs::write(file, &whole).unwrap();
        prop_assert!(!flipped.is_sound(), "{} flipped", file.display());
        prop_assert!(!cut.is_sound(), "{} cut", file.display());
        Ok(())
    });
    run.unwrap();
}
