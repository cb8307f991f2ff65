//! A log with a vault, for the tests of bodies, erasure and retention.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use uuid::Uuid;
use weir_audit::vault::{Hidden, Opened};
use weir_audit::{Ambient, Bodies, BodyKind, Log, Options, Record, Vault, VaultOptions};

use crate::support::*;

pub const DAY: u64 = 86_400;

/// A data directory: the log, the bodies and the keys, each in its folder.
pub struct Place {
    pub dir: TempDir,
    pub clock: Arc<Clock>,
}

/// A clock that tests set, in seconds since 1970.
pub struct Clock(pub AtomicU64);

impl Ambient for Clock {
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }

    fn random(&self) -> [u8; 10] {
        rand::random()
    }
}

impl Clock {
    pub fn advance_days(&self, days: u64) {
        self.0.fetch_add(days * DAY, Ordering::SeqCst);
    }
}

impl Place {
    pub fn new() -> Self {
        let clock = Arc::new(Clock(AtomicU64::new(1_800_000_000)));
        Self { dir: tempfile::tempdir().unwrap(), clock }
    }

    pub fn log_dir(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    pub fn bodies_dir(&self) -> PathBuf {
        self.dir.path().join("bodies")
    }

    pub fn keys_dir(&self) -> PathBuf {
        self.dir.path().join("keys")
    }

    pub fn vault(&self) -> Arc<Vault> {
        self.vault_with(VaultOptions::default())
    }

    pub fn vault_with(&self, options: VaultOptions) -> Arc<Vault> {
        let options = VaultOptions { ambient: self.clock.clone(), ..options };
        Arc::new(Vault::open(&self.bodies_dir(), &self.keys_dir(), options).unwrap())
    }

    pub fn options(&self, vault: &Arc<Vault>) -> Options {
        Options {
            min_free_bytes: 0,
            ambient: self.clock.clone(),
            vault: Some(Arc::clone(vault)),
            ..Options::default()
        }
    }

    pub fn log(&self, vault: &Arc<Vault>) -> Log {
        Log::open(&self.log_dir(), self.options(vault)).unwrap().0
    }

    pub fn records(&self) -> Vec<Record> {
        records(&self.log_dir())
    }

    /// The intent's and the completion's record of a call.
    pub fn call(&self, id: Uuid) -> (Record, Record) {
        let records = self.records();
        let intent = records.iter().find(|it| it.record_id == id).unwrap().clone();
        let end = records.iter().find(|it| it.intent_id == Some(id)).unwrap().clone();
        (intent, end)
    }
}

/// The text of each of a call's four bodies.
pub fn text(subject: &str, kind: BodyKind) -> String {
    format!("the {} says that {subject} is unwell", kind.as_str())
}

/// One call of a subject that leaves four bodies, all durable.
pub async fn call(log: &Log, vault: &Vault, subject: Option<&str>) -> Uuid {
    let key = vault.subject("acme", subject).unwrap();
    let mut bodies = Bodies::new(&key, log.new_id());
    for kind in BodyKind::ALL {
        bodies.seal(kind, text(subject.unwrap_or("nobody"), kind).as_bytes()).unwrap();
    }
    let intent = weir_audit::Intent { subject_ref: key.reference(), ..intent("acme") };
    log.settled_with(intent, completion(200), bodies).await.unwrap()
}

/// What became of a body: its text, or why it is hidden.
pub fn opened(vault: &Vault, record: &Record, kind: BodyKind) -> Result<String, Hidden> {
    match vault.open_body(record, kind).unwrap() {
        Opened::Plain(plain) => Ok(String::from_utf8(plain.as_bytes().to_vec()).unwrap()),
        Opened::Hidden(why) => Err(why),
    }
}

/// All files below a folder.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&path, target).unwrap();
    }
}

/// The files below a folder in which `needle` stands, in clear or as base64.
pub fn mentioning(dir: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = files(dir);
    found.retain(|path| {
        let bytes = std::fs::read(path).unwrap();
        memchr::memmem::find(&bytes, needle.as_bytes()).is_some()
    });
    found
}
