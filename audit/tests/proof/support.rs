//! Sealed logs in folders of their own, and an anchor that can fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use weir_audit::proof::anchor::{Anchor, AnchorError, Swapped};
use weir_audit::proof::checkpoint::SignedCheckpoint;
use weir_audit::proof::frontier::Frontier;
use weir_audit::proof::{Hash, Seal, record_hash};
use weir_audit::read::Tail;
use weir_audit::{AuditError, Completion, Intent, Log, Options};

/// A folder with a log in `audit`, its key in `audit-keys` and its anchor in `anchor`.
pub struct Place {
    pub root: TempDir,
    pub options: Options,
}

impl Place {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let seal = Seal { every: Duration::from_secs(3600), ..Seal::beside(&root.path().join("audit")) };
        let options = Options {
            min_free_bytes: 0,
            segment_bytes: 16 << 10,
            node_id: Some("node-7".into()),
            seal: Some(seal),
            ..Options::default()
        };
        Self { root, options }
    }

    /// With an anchor of the given kind.
    pub fn anchored(anchor: Arc<dyn Anchor>) -> Self {
        let mut place = Self::new();
        place.options.seal.as_mut().unwrap().anchor = Some(anchor);
        place
    }

    pub fn dir(&self) -> PathBuf {
        self.root.path().join("audit")
    }

    pub fn open(&self) -> Result<Log, AuditError> {
        Log::open(&self.dir(), self.options.clone()).map(|(log, _)| log)
    }

    /// Opens the log, writes `calls` calls, and closes it, which seals it.
    pub async fn write(&self, calls: usize) {
        let log = self.open().unwrap();
        call(&log, calls).await;
        log.close().await.unwrap();
        assert_eq!(log.sealing().unwrap().fault, None);
    }

    pub fn checkpoint(&self) -> SignedCheckpoint {
        SignedCheckpoint::parse(&fs::read(self.dir().join("tree/checkpoint")).unwrap()).unwrap()
    }

    /// A copy of the log's folder as it is now.
    pub fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_all(&self.dir(), copy.path());
        copy
    }

    /// Puts a copy in the place of the log.
    pub fn restore(&self, copy: &Path) {
        fs::remove_dir_all(self.dir()).unwrap();
        copy_all(copy, &self.dir());
    }
}

pub fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub async fn call(log: &Log, calls: usize) {
    for index in 0..calls {
        let intent = Intent { endpoint: "chat".into(), tenant: "acme".into(), ..Intent::default() };
        let completion = Completion { status: 200, reply_bytes: index as u64, ..Completion::default() };
        log.settled(intent, completion).await.unwrap();
    }
}

/// The leaves of a log's tree, out of its segments.
pub fn leaves(dir: &Path) -> Vec<Hash> {
    let lines = Tail::open(dir, 0).next(usize::MAX, u64::MAX).unwrap();
    lines.iter().map(|line| record_hash(&line.json)).collect()
}

/// The root over leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf, &mut Vec::new()));
    frontier.root()
}

/// An anchor in memory that can be told to fail.
#[derive(Default)]
pub struct TestAnchor {
    pub note: Mutex<Option<Vec<u8>>>,
    pub fault: AtomicU8,
}

/// Ways to fail.
pub const SOUND: u8 = 0;
pub const UNREACHABLE: u8 = 1;
pub const LOSES_ANSWERS: u8 = 2;

impl TestAnchor {
    pub fn set(&self, fault: u8) {
        self.fault.store(fault, Ordering::SeqCst);
    }

    fn fail_if(&self, fault: u8) -> Result<(), AnchorError> {
        let is_failing = self.fault.load(Ordering::SeqCst) == fault;
        if is_failing { Err(AnchorError { reason: "injected".into() }) } else { Ok(()) }
    }
}

impl Anchor for TestAnchor {
    fn load(&self, _: &str) -> Result<Option<Vec<u8>>, AnchorError> {
        self.fail_if(UNREACHABLE)?;
        Ok(self.note.lock().unwrap().clone())
    }

    fn swap(&self, _: &str, expected: Option<&[u8]>, new: &[u8]) -> Result<Swapped, AnchorError> {
        self.fail_if(UNREACHABLE)?;
        let mut note = self.note.lock().unwrap();
        if note.as_deref() != expected {
            return Ok(Swapped::Conflict);
        }
        *note = Some(new.to_owned());
        drop(note);
        self.fail_if(LOSES_ANSWERS)?;
        Ok(Swapped::Done)
    }
}

/// Replaces `from` by `to` in the first record of a segment that has it, and mends every checksum.
pub fn forge(segment: &Path, from: &[u8], to: &[u8]) {
    let bytes = fs::read(segment).unwrap();
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    let mut forged = bytes[..32].to_vec();
    let mut start = 32;
    while start < bytes.len() {
        let length = u32::from_le_bytes(bytes[start..start + 4].try_into().unwrap()) as usize;
        let end = start + 12 + length;
        let mut json = bytes[start + 12..end].to_vec();
        if (start..end).contains(&at) {
            json.splice(at - start - 12..at - start - 12 + from.len(), to.iter().copied());
        }
        frame(&json, &bytes[start + 8..start + 12], &mut forged);
        start = end;
    }
    fs::write(segment, forged).unwrap();
}

/// Appends a frame with a right checksum.
pub fn frame(json: &[u8], synced: &[u8], out: &mut Vec<u8>) {
    let length = (json.len() as u32).to_le_bytes();
    let sum = crc32c::crc32c_append(crc32c::crc32c(&[&length, synced].concat()), json);
    out.extend([length.as_slice(), &sum.to_le_bytes(), synced, json].concat());
}

/// Runs property tests the same way each time.
pub fn runner() -> proptest::test_runner::TestRunner {
    let config = proptest::test_runner::Config { failure_persistence: None, cases: 96, ..Default::default() };
    let algorithm = proptest::test_runner::RngAlgorithm::ChaCha;
    proptest::test_runner::TestRunner::new_with_rng(
        config,
        proptest::test_runner::TestRng::deterministic_rng(algorithm),
    )
}
