//! Verifying a bundle, without the log that it came from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{FORMAT, KEYS, Keys, MANIFEST, Manifest, PROOFS, Proof, RECORDS, digest};
use crate::proof::checkpoint::SignedCheckpoint;
use crate::proof::evidence::follow;
use crate::proof::keys::VerifierKey;
use crate::verify::{Faults, LaneReport, Proven, Report, Trust, check_bodies, read_record};

/// Verifies the bundle in `dir`. The report has a lane for each checkpoint, with the number of its records.
pub fn verify(dir: &Path, trust: &Trust<'_>) -> Report {
    let mut faults = Faults::new("bundle");
    let files = read_files(dir, &mut faults);
    let keys = keys(&files, trust, &mut faults);
    let mut lanes: BTreeMap<String, (SignedCheckpoint, LaneReport)> = BTreeMap::new();
    for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with("checkpoint")) {
        match SignedCheckpoint::parse(bytes) {
            Ok(signed) => {
                let proof = prove(&signed, &keys, (trust, name), &mut faults);
                let lane = LaneReport { lane: name.clone(), proof, ..LaneReport::default() };
                lanes.insert(name.clone(), (signed, lane));
            }
            Err(_) => faults.add(None, None, format!("{name} can't be read")),
        }
    }
    let empty = Vec::new();
    let lines = |name: &str| {
        let bytes = files.get(name).unwrap_or(&empty);
        bytes.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
    };
    let (records, proofs) = (lines(RECORDS).count(), lines(PROOFS).count());
    if records != proofs || records == 0 {
        faults.add(None, None, format!("{records} records have {proofs} proofs"));
    }
    for (json, proof) in lines(RECORDS).zip(lines(PROOFS)) {
        one(json, proof, (&mut lanes, trust), &mut faults);
    }
    let lanes = lanes.into_values().map(|(_, lane)| lane).collect();
    Report { lanes, faults: faults.into_sorted(), notes: Vec::new() }
}

/// The files that the manifest lists, with their contents as it says.
fn read_files(dir: &Path, faults: &mut Faults) -> BTreeMap<String, Vec<u8>> {
    let text = fs::read(dir.join(MANIFEST)).unwrap_or_default();
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&text) else {
        faults.add(None, None, "its manifest is missing or can't be read");
        return BTreeMap::new();
    };
    if manifest.format != FORMAT {
        faults.add(None, None, "its layout is not known");
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        names.insert(entry.file_name().to_string_lossy().into_owned());
    }
    names.remove(MANIFEST);
    for stray in names.iter().filter(|name| !manifest.files.contains_key(*name)) {
        faults.add(None, None, format!("{stray} is not in its manifest"));
    }
    let mut files = BTreeMap::new();
    for (name, expect) in manifest.files {
        // A name that leads out of the folder is not listed there, and so is not read.
        let bytes = names.contains(&name).then(|| fs::read(dir.join(&name)).ok()).flatten();
        match bytes {
            Some(bytes) if digest(&bytes) == expect => drop(files.insert(name, bytes)),
            Some(_) => faults.add(None, None, format!("{name} is not what its manifest says")),
            None => faults.add(None, None, format!("{name} is missing")),
        }
    }
    for name in [RECORDS, PROOFS, KEYS, "FORMAT.md"] {
        if !files.contains_key(name) {
            faults.add(None, None, format!("it has no good {name}"));
        }
    }
    files
}

/// The keys to believe, of all logs in the bundle.
fn keys(files: &BTreeMap<String, Vec<u8>>, trust: &Trust<'_>, faults: &mut Faults) -> Vec<VerifierKey> {
    let text = files.get(KEYS).map(Vec::as_slice).unwrap_or_default();
    let Ok(logs) = serde_json::from_slice::<Vec<Keys>>(text) else {
        faults.add(None, None, "its keys can't be read");
        return Vec::new();
    };
    let mut keys = Vec::new();
    for log in logs {
        let first = log.first.as_deref().and_then(|key| key.parse().ok());
        let first: Vec<VerifierKey> = match first {
            Some(key) if trust.keys.is_empty() => vec![key],
            _ => trust.keys.clone(),
        };
        keys.extend(follow(&first, &log.evidence));
    }
    keys
}

fn prove(
    signed: &SignedCheckpoint,
    keys: &[VerifierKey],
    (trust, name): (&Trust<'_>, &str),
    faults: &mut Faults,
) -> Option<Proven> {
    let checkpoint = signed.checkpoint();
    let Some(key) = keys.iter().find(|key| !key.is_witness() && signed.is_signed_by(key)) else {
        faults.add(None, None, format!("no trusted key signed its {name}"));
        return None;
    };
    let is_other = |known: &SignedCheckpoint| {
        let known = known.checkpoint();
        known.origin == checkpoint.origin && known.size == checkpoint.size && known.root != checkpoint.root
    };
    if trust.checkpoints.iter().any(is_other) {
        faults.add(
            None,
            None,
            format!("its {name} contradicts one that is known: the log was shown in two versions"),
        );
    }
    let witnesses = trust.witnesses.iter();
    let witnesses: Vec<_> =
        witnesses.filter_map(|key| Some((key.name().to_owned(), signed.witnessed_at(key)?))).collect();
    if witnesses.is_empty() && !trust.witnesses.is_empty() {
        faults.add(None, None, format!("no witness signed its {name}"));
    }
    Some(Proven {
        origin: checkpoint.origin.clone(),
        size: checkpoint.size,
        root: checkpoint.root.to_string(),
        key: key.to_string(),
        is_trusted: !trust.keys.is_empty(),
        witnesses,
    })
}

/// Checks one record and its proof.
fn one(
    json: &[u8],
    proof: &[u8],
    (lanes, trust): (&mut BTreeMap<String, (SignedCheckpoint, LaneReport)>, &Trust<'_>),
    faults: &mut Faults,
) {
    let record = match read_record(json, &mut Vec::new()) {
        Ok(record) => record,
        Err(reason) => return faults.add(None, None, format!("a record can't be taken: {reason}")),
    };
    let (seq, id) = (Some(record.node_seq), Some(record.record_id));
    let Ok(Proof { checkpoint, inclusion }) = serde_json::from_slice::<Proof>(proof) else {
        return faults.add(seq, id, "its proof can't be read");
    };
    let Some((signed, lane)) = lanes.get_mut(&checkpoint) else {
        return faults.add(seq, id, "the checkpoint of its proof is not here");
    };
    lane.records += 1;
    if inclusion.index.checked_add(1) != Some(record.node_seq) {
        faults.add(seq, id, "its proof is for another place in the log");
    } else if !inclusion.holds(json, signed.checkpoint()) {
        faults.add(seq, id, "it is not the record that was signed");
    }
    let Some(bodies) = trust.bodies else { return };
    match check_bodies(&record, bodies) {
        Ok((good, missing)) => {
            lane.bodies += good;
            // What was erased since is not in a bundle to be told.
            lane.missing_bodies += missing.len() as u64;
        }
        Err(kind) => faults.add(seq, id, format!("its body `{kind}` is not the one it names")),
    }
}
