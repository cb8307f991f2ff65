//! A sealed log with a changed key and a witness, bundles of it, and ways to tamper with a bundle.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use weir_audit::bundle::{Selection, write};
use weir_audit::proof::anchor::{AnchorError, DirAnchor};
use weir_audit::proof::keys::{SigningKey, VerifierKey};
use weir_audit::proof::tiles::Tiles;
use weir_audit::proof::witness::{Reply, Witness};
use weir_audit::proof::witnessing::WitnessServer;
use weir_audit::proof::{Hash, Seal, record_hash};
use weir_audit::read::{Filter, list};
use weir_audit::{Completion, Decision, Intent, Log, Options, System};

/// What an example or a test may stop at.
pub type Outcome<T> = Result<T, Box<dyn Error>>;
/// A change to the bundle in a folder.
pub type Change = fn(&Path) -> Outcome<()>;

struct Near(WitnessServer);

impl Witness for Near {
    fn key(&self) -> VerifierKey {
        self.0.key()
    }

    fn add_checkpoint(&self, body: &[u8]) -> Result<Reply, AnchorError> {
        Ok(self.0.add_checkpoint(body))
    }
}

/// Makes a log of some hundred calls in two lanes, and bundles of all and of one call; the keys to trust.
pub async fn good(dir: &Path) -> Outcome<Value> {
    let audit = dir.join("data/audit");
    fs::create_dir_all(&audit)?;
    let every = Duration::from_secs(3600);
    let mut seal = Seal { every, ..Seal::beside(&audit) };
    let options = |seal: Seal| Options {
        min_free_bytes: 0,
        node_id: Some("node-7".into()),
        segment_bytes: 64 << 10,
        seal: Some(seal),
        ..Options::default()
    };
    let (log, _) = Log::open(&audit, options(seal.clone()))?;
    let first = log.sealing().ok_or("not sealed")?.key;
    calls(&log, 150).await?;
    log.rotate_key("ada".into()).await?;
    log.sealed(log.durable_seq()).await?;
    log.close().await?;
    drop(log);
    let store = Arc::new(DirAnchor::new(&dir.join("data/witness")));
    let key = SigningKey::from_seed("witness.example/w1", [5; 32]);
    let known = vec![first.clone(), log_key(&audit, options(seal.clone())).await?];
    let witness = WitnessServer::new(key, known, store, Arc::new(System::default()));
    let cosigner = witness.key();
    seal.witnesses = vec![Arc::new(Near(witness))];
    let (log, _) = Log::open(&audit, options(seal.clone()))?;
    calls(&log, 200).await?;
    log.close().await?;
    drop(log);

    write(&audit, &Selection::All, &dir.join("good-all"))?.finish()?;
    let page = list(&audit, &Filter { limit: 1, ..Filter::default() })?;
    let call = page.calls.first().ok_or("no call")?;
    let mut bundle = write(&audit, &Selection::Ids([call.id()].into()), &dir.join("good-one"))?;
    bundle.add_file("summary.csv", b"id\n")?;
    bundle.finish()?;
    Ok(json!({ "keys": [first.to_string()], "witnesses": [cosigner.to_string()] }))
}

async fn log_key(audit: &Path, options: Options) -> Outcome<VerifierKey> {
    let (log, _) = Log::open(audit, options)?;
    log.close().await?;
    Ok(log.sealing().ok_or("not sealed")?.key)
}

async fn calls(log: &Log, count: u64) -> Outcome<()> {
    for index in 0..count {
        let intent = Intent {
            endpoint: "chat".into(),
            purpose: Some("näive \"quotes\" \\ and 😀".into()),
            tenant: "acme".into(),
            ..Intent::default()
        };
        let completion = Completion {
            decision: if index.is_multiple_of(7) { Decision::Blocked } else { Decision::Allow },
            reply_bytes: index,
            status: 200,
            ..Completion::default()
        };
        log.settled(intent, completion).await?;
    }
    Ok(())
}

/// Copies a bundle.
pub fn copy(from: &Path, to: &Path) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Ways to tamper. All but the first mend the manifest, as somebody would who knows the format.
pub const TAMPERINGS: &[(&str, Change)] = &[
    ("file-changed", |dir| edit(dir, "FORMAT.md", |text| text.replacen('e', "a", 1))),
    ("file-added", |dir| Ok(fs::write(dir.join("extra.txt"), "extra")?)),
    ("file-missing", |dir| Ok(fs::remove_file(dir.join("proofs.jsonl"))?)),
    ("record-edited", |dir| {
        mend(dir, "records.jsonl", |text| text.replacen("\"blocked\"", "\"flagged\"", 1))
    }),
    ("record-spaced", |dir| mend(dir, "records.jsonl", |text| text.replacen(":", ": ", 1))),
    ("record-reordered-keys", |dir| mend(dir, "records.jsonl", reorder)),
    ("records-swapped", |dir| mend(dir, "records.jsonl", |text| swap(text, 10, 11))),
    ("record-doubled", |dir| {
        mend(dir, "records.jsonl", |text| double(text, 10))?;
        mend(dir, "proofs.jsonl", |text| double(text, 10).replacen("\"index\":10,", "\"index\":11,", 1))
    }),
    ("record-dropped", |dir| mend(dir, "records.jsonl", |text| drop_line(text, 10))),
    ("proof-dropped", |dir| mend(dir, "proofs.jsonl", |text| drop_line(text, 10))),
    ("records-and-proofs-swapped-apart", |dir| mend(dir, "proofs.jsonl", |text| swap(text, 10, 11))),
    ("proof-moved", |dir| mend(dir, "proofs.jsonl", |text| text.replacen("\"index\":5,", "\"index\":6,", 1))),
    ("proof-hash-changed", |dir| {
        mend(dir, "proofs.jsonl", |text| text.replacen("\"proof\":[\"", "\"proof\":[\"A", 1))
    }),
    ("proof-emptied", |dir| mend(dir, "proofs.jsonl", empty_proof)),
    ("no-records", |dir| {
        mend(dir, "records.jsonl", |_| String::new())?;
        mend(dir, "proofs.jsonl", |_| String::new())
    }),
    ("checkpoint-size", |dir| mend(dir, "checkpoint", |text| line(text, 1, "9999"))),
    ("checkpoint-size-0", |dir| mend(dir, "checkpoint", |text| line(text, 1, "0"))),
    ("checkpoint-root", |dir| {
        mend(dir, "checkpoint", |text| line(text, 2, &BASE64_STANDARD.encode([7; 32])))
    }),
    ("checkpoint-origin", |dir| mend(dir, "checkpoint", |text| line(text, 0, "weir/node-8"))),
    ("checkpoint-unsigned", |dir| mend(dir, "checkpoint", unsign)),
    ("checkpoint-unwitnessed", |dir| {
        mend(dir, "checkpoint", |text| keep(text, |line| !line.contains("witness")))
    }),
    ("checkpoint-of-another-key", |dir| resign(dir, "weir/node-7")),
    ("checkpoint-of-another-log", |dir| resign(dir, "weir/node-8")),
    ("log-rewritten", rewrite),
    ("handover-dropped", |dir| change_keys(dir, |keys| keys["evidence"] = json!([]))),
    ("handover-names-a-stranger", |dir| {
        // Everything but the inclusion of the record fits.
        let stranger = SigningKey::from_seed("weir/node-7", [9; 32]);
        change_keys(dir, |keys| {
            let evidence = &mut keys["evidence"][0];
            let record = evidence["record"].as_str().unwrap_or_default();
            let (before, rest) = record.split_once("\"public\":\"").unwrap_or_default();
            let (_, after) = rest.split_once('"').unwrap_or_default();
            evidence["record"] = format!("{before}\"public\":\"{}\"{after}", stranger.verifier()).into();
            let note = evidence["checkpoint"].as_str().unwrap_or_default();
            evidence["checkpoint"] = sign(note, &stranger).unwrap_or_default().into();
        })?;
        resign(dir, "weir/node-7")
    }),
    ("handover-cosigned-by-a-stranger", |dir| {
        // The old key's checkpoint with a stranger's signature beside it names nobody.
        let stranger = SigningKey::from_seed("weir/node-7", [9; 32]);
        change_keys(dir, |keys| {
            let note = keys["evidence"][0]["checkpoint"].as_str().unwrap_or_default();
            let signed = sign(note, &stranger).unwrap_or_default();
            keys["evidence"][0]["checkpoint"] = signed.into();
        })?;
        resign(dir, "weir/node-7")
    }),
];

fn edit(dir: &Path, name: &str, change: impl FnOnce(&str) -> String) -> Outcome<()> {
    let text = fs::read_to_string(dir.join(name))?;
    let changed = change(&text);
    if changed == text {
        return Err(format!("{name} was not changed").into());
    }
    Ok(fs::write(dir.join(name), changed)?)
}

/// Changes a file and its line in the manifest.
fn mend(dir: &Path, name: &str, change: impl FnOnce(&str) -> String) -> Outcome<()> {
    edit(dir, name, change)?;
    let digest = Sha256::digest(fs::read(dir.join(name))?);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut manifest: Value = serde_json::from_slice(&fs::read(dir.join("manifest.json"))?)?;
    manifest["files"][name] = digest.into();
    Ok(fs::write(dir.join("manifest.json"), serde_json::to_vec(&manifest)?)?)
}

fn change_keys(dir: &Path, change: impl FnOnce(&mut Value)) -> Outcome<()> {
    mend(dir, "keys.json", |text| {
        let mut keys: Value = serde_json::from_str(text).unwrap_or_default();
        change(&mut keys[0]);
        keys.to_string()
    })
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

fn join(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn swap(text: &str, one: usize, two: usize) -> String {
    let mut lines = lines(text);
    lines.swap(one, two);
    join(&lines)
}

fn double(text: &str, at: usize) -> String {
    let mut lines = lines(text);
    lines.insert(at, lines.get(at).copied().unwrap_or_default());
    join(&lines)
}

fn drop_line(text: &str, at: usize) -> String {
    let mut lines = lines(text);
    lines.remove(at);
    join(&lines)
}

fn line(text: &str, at: usize, new: &str) -> String {
    let mut lines = lines(text);
    if let Some(line) = lines.get_mut(at) {
        *line = new;
    }
    join(&lines)
}

fn keep(text: &str, is_kept: impl Fn(&str) -> bool) -> String {
    join(&lines(text).into_iter().filter(|line| is_kept(line)).collect::<Vec<_>>())
}

fn unsign(text: &str) -> String {
    keep(text, |line| !line.starts_with('—')) + "— weir/node-7 AAAAAAA=\n"
}

fn empty_proof(text: &str) -> String {
    let start = text.find('[').unwrap_or(0);
    let end = text.find(']').unwrap_or(0);
    format!("{}[{}", text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default())
}

/// The first record with its last member first: the same JSON value, not the same leaf.
fn reorder(text: &str) -> String {
    let Some((first, rest)) = text.split_once('\n') else { return text.to_owned() };
    let inner = first.trim_start_matches('{').trim_end_matches('}');
    let Some((before, last)) = inner.rsplit_once(",\"time\"") else { return text.to_owned() };
    format!("{{\"time\"{last},{before}}}\n{rest}")
}

/// The note of `note`'s text, with one more signature.
fn sign(note: &str, key: &SigningKey) -> Outcome<String> {
    let (text, signatures) = note.rsplit_once("\n\n").ok_or("no note")?;
    let signed = weir_audit::proof::checkpoint::sign_text(&format!("{text}\n"), key)?;
    Ok(format!("{text}\n\n{signatures}{signed}"))
}

/// The checkpoint signed anew, by a key of its own, under the given name.
fn resign(dir: &Path, name: &str) -> Outcome<()> {
    let key = SigningKey::from_seed(name, [9; 32]);
    let note = fs::read_to_string(dir.join("checkpoint"))?;
    let text = note.rsplit_once("\n\n").ok_or("no note")?.0;
    let text = format!("{}\n", line(text, 0, name).trim_end());
    let signature = weir_audit::proof::checkpoint::sign_text(&text, &key)?;
    mend(dir, "checkpoint", |_| format!("{text}\n{signature}"))
}

/// Another log with the same name, whole in itself: all proofs hold, but its key is nobody's.
fn rewrite(dir: &Path) -> Outcome<()> {
    let records = fs::read_to_string(dir.join("records.jsonl"))?.replace("\"blocked\"", "\"flagged\"");
    let leaves: Vec<Hash> = records.lines().map(|record| record_hash(record.as_bytes())).collect();
    let tree = tempfile::tempdir()?;
    let tiles = Tiles::new(tree.path());
    let mut frontier = weir_audit::proof::frontier::Frontier::default();
    let mut full = Vec::new();
    leaves.iter().for_each(|leaf| frontier.push(*leaf, &mut full));
    full.extend(frontier.partial());
    tiles.write(&full)?;
    let size = frontier.size();
    let mut proofs = String::new();
    for index in 0..size {
        let proof: Vec<String> = tiles.inclusion(index, size)?.iter().map(Hash::to_string).collect();
        proofs += &format!("{}\n", json!({ "checkpoint": "checkpoint", "index": index, "proof": proof }));
    }
    mend(dir, "records.jsonl", |_| records)?;
    mend(dir, "proofs.jsonl", |_| proofs)?;
    let key = SigningKey::from_seed("weir/node-7", [9; 32]);
    let text = format!("weir/node-7\n{size}\n{}\n", frontier.root());
    let signature = weir_audit::proof::checkpoint::sign_text(&text, &key)?;
    mend(dir, "checkpoint", |_| format!("{text}\n{signature}"))?;
    change_keys(dir, |keys| {
        keys["first"] = key.verifier().to_string().into();
        keys["evidence"] = json!([]);
    })
}
