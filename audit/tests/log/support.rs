//! Sample records, a disk that can fail, and short ways to open and read a log.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use weir_audit::{Completion, Disk, Intent, LocalDisk, Log, Options, Record, Recovery, SegmentFile, read};

pub fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

pub fn open(dir: &Path) -> (Log, Recovery) {
    Log::open(dir, Options { min_free_bytes: 0, ..Options::default() }).unwrap()
}

pub fn intent(tenant: &str) -> Intent {
    Intent {
        app: Some("desk".into()),
        endpoint: "chat".into(),
        policy_set: "abc".into(),
        requested_model: Some("small".into()),
        tenant: tenant.to_owned().into(),
        ..Intent::default()
    }
}

pub fn completion(status: u16) -> Completion {
    Completion { status, upstream: Some("embedded".into()), ..Completion::default() }
}

pub fn records(dir: &Path) -> Vec<Record> {
    read::iterate(dir).unwrap().map(Result::unwrap).collect()
}

pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|it| it == "seg"));
    paths.sort();
    paths
}

/// The JSON of every record as it stands in the files.
pub fn raw_records(dir: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for path in segments(dir) {
        let bytes = std::fs::read(path).unwrap();
        let mut rest = &bytes[32..];
        while let Some(length) = rest.first_chunk::<4>() {
            let (frame, after) = rest.split_at(12 + u32::from_le_bytes(*length) as usize);
            found.push(frame[12..].to_vec());
            rest = after;
        }
    }
    found
}

/// A disk whose syncs can be held up or made to fail, and which remembers what was synced.
#[derive(Default)]
pub struct TestDisk {
    pub free: AtomicU64,
    pub state: Arc<(Mutex<Faults>, Condvar)>,
}

#[derive(Default)]
pub struct Faults {
    pub sync_fails: bool,
    pub sync_waits: bool,
    /// Whether nothing can be appended any more.
    pub full: bool,
    /// Bytes of each file that a sync has covered.
    pub synced: std::collections::HashMap<PathBuf, u64>,
}

impl TestDisk {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { free: AtomicU64::new(u64::MAX), state: Arc::default() })
    }

    pub fn set(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.state.0.lock().unwrap());
        self.state.1.notify_all();
    }

    pub fn options(self: &Arc<Self>) -> Options {
        Options { disk: Arc::clone(self) as Arc<dyn Disk>, min_free_bytes: 1000, ..Options::default() }
    }
}

impl Disk for TestDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        let inner = LocalDisk.create(path)?;
        Ok(Box::new(TestFile { inner, path: path.to_owned(), length: 0, state: Arc::clone(&self.state) }))
    }

    fn append(&self, path: &Path, length: u64) -> io::Result<Box<dyn SegmentFile>> {
        let inner = LocalDisk.append(path, length)?;
        self.state.0.lock().unwrap().synced.insert(path.to_owned(), length);
        Ok(Box::new(TestFile { inner, path: path.to_owned(), length, state: Arc::clone(&self.state) }))
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(self.free.load(Ordering::SeqCst))
    }
}

struct TestFile {
    inner: Box<dyn SegmentFile>,
    path: PathBuf,
    length: u64,
    state: Arc<(Mutex<Faults>, Condvar)>,
}

impl SegmentFile for TestFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.state.0.lock().unwrap().full {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.length += bytes.len() as u64;
        self.inner.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        let faults = self.state.0.lock().unwrap();
        let mut faults = self.state.1.wait_while(faults, |it| it.sync_waits).unwrap();
        if faults.sync_fails {
            return Err(io::Error::other("injected"));
        }
        faults.synced.insert(self.path.clone(), self.length);
        Ok(())
    }
}
