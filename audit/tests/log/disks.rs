//! A disk that is really full, or says what a full, a read-only and a failing one say.

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use tempfile::{TempDir, tempdir};
use weir_audit::record::Kind;
use weir_audit::verify::{Trust, verify};
use weir_audit::{AuditError, Disk, LocalDisk, Log, Mode, Options, SegmentFile};

use crate::support::*;

/// What the system answers: no space, read-only, input/output error, quota exceeded, stale handle.
const ERRNOS: [i32; 5] = [28, 30, 5, 122, 116];

/// A disk whose next write or sync ends with an error number.
#[derive(Default)]
struct Failing {
    write: Arc<AtomicI32>,
    sync: Arc<AtomicI32>,
}

struct FailingFile {
    inner: Box<dyn SegmentFile>,
    write: Arc<AtomicI32>,
    sync: Arc<AtomicI32>,
}

impl Failing {
    fn wrap(&self, inner: Box<dyn SegmentFile>) -> Box<dyn SegmentFile> {
        Box::new(FailingFile { inner, write: Arc::clone(&self.write), sync: Arc::clone(&self.sync) })
    }
}

fn check(errno: &AtomicI32) -> io::Result<()> {
    match errno.load(Ordering::SeqCst) {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

impl Disk for Failing {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        check(&self.write)?;
        LocalDisk.create(path).map(|file| self.wrap(file))
    }

    fn append(&self, path: &Path, length: u64) -> io::Result<Box<dyn SegmentFile>> {
        LocalDisk.append(path, length).map(|file| self.wrap(file))
    }

    fn free_bytes(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

impl SegmentFile for FailingFile {
    /// Half of it is written before the error, as a disk that fills up may do.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let failed = check(&self.write);
        self.inner.append(if failed.is_err() { &bytes[..bytes.len() / 2] } else { bytes })?;
        failed
    }

    fn sync(&mut self) -> io::Result<()> {
        check(&self.sync)?;
        self.inner.sync()
    }
}

#[test]
fn whatever_error_a_write_or_a_sync_ends_with_nothing_is_acknowledged_after_it_and_all_before_it_stays() {
    for errno in ERRNOS {
        for is_sync in [false, true] {
            let dir = tempdir().unwrap();
            let disk = Arc::new(Failing::default());
            // Small segments: half of the time it is the next file that can't be made.
            let options = Options {
                disk: Arc::clone(&disk) as Arc<dyn Disk>,
                segment_bytes: 2000,
                ..Options::default()
            };
            let (log, _) = Log::open(dir.path(), options).unwrap();
            let kept = run(async {
                let mut kept = Vec::new();
                for _ in 0..=errno % 4 {
                    kept.push(log.settled(intent("acme"), completion(200)).await.unwrap());
                }
                if is_sync { &disk.sync } else { &disk.write }.store(errno, Ordering::SeqCst);
                let refused = log.settled(intent("acme"), completion(200)).await;
                assert!(matches!(refused, Err(AuditError::Dead)), "{errno}: {refused:?}");
                // The disk is well again, but what it holds is unknown.
                disk.sync.store(0, Ordering::SeqCst);
                disk.write.store(0, Ordering::SeqCst);
                assert!(matches!(log.intent(intent("acme")).await, Err(AuditError::Dead)), "{errno}");
                assert!(log.health().is_err());
                kept
            });
            drop(log);
            let (log, _) = open(dir.path());
            run(log.settled(intent("acme"), completion(200))).unwrap();
            run(log.close()).unwrap();
            let records = records(dir.path());
            let found = kept.iter().filter(|id| records.iter().any(|it| it.intent_id == Some(**id)));
            assert_eq!(found.count(), kept.len(), "{errno}");
        }
    }
}

/// A small disk of its own; none where that takes rights this run lacks.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let dir = tempdir().unwrap();
        let options = format!("size={size}");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(dir.path()).output();
        mount.ok()?.status.success().then_some(Self(dir))
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let done = Command::new("mount").args(["-o", &options]).arg(self.0.path()).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0.path()).status());
    }
}

#[test]
fn a_small_disk_runs_full_and_every_acknowledged_record_stands_there() {
    let Some(disk) = SmallDisk::mount("1m") else {
        println!("skipped: no right to mount a small disk");
        return;
    };
    let dir = disk.0.path().join("log");
    let open = |min_free_bytes| {
        Log::open(&dir, Options { segment_bytes: 100_000, min_free_bytes, ..Options::default() }).unwrap()
    };
    // With a watermark it refuses in time, and nothing fails.
    let (log, _) = open(400_000);
    let mut kept = Vec::new();
    run(async {
        let refused = loop {
            match log.settled(intent("acme"), completion(200)).await {
                Ok(id) => kept.push(id),
                Err(refused) => break refused,
            }
        };
        assert!(matches!(refused, AuditError::DiskLow), "{refused}");
        assert!(!log.intent_in(Mode::Observe, intent("acme")).await.unwrap().is_recorded());
        log.close().await.unwrap();
    });
    drop(log);
    // Without one it writes until the disk says no.
    let (log, _) = open(0);
    let failed = run(async {
        loop {
            match log.settled(intent("acme"), completion(200)).await {
                Ok(id) => kept.push(id),
                Err(failed) => break failed,
            }
        }
    });
    assert!(matches!(failed, AuditError::Dead), "{failed}");
    drop(log);
    disk.remount("size=4m");
    let (log, _) = open(0);
    run(log.settled(intent("acme"), completion(200))).unwrap();
    run(log.close()).unwrap();
    drop(log);
    let records = records(&dir);
    for id in &kept {
        assert!(records.iter().any(|it| it.record_id == *id), "{id} is lost");
    }
    assert!(records.iter().any(|it| it.kind == Kind::Gap), "what went unrecorded is told");
    let faults = verify(&dir, &Trust::default()).faults;
    assert!(faults.iter().all(|it| it.reason.contains("no checkpoint")), "{faults:?}");

    disk.remount("ro");
    assert!(matches!(Log::open(&dir, Options::default()), Err(AuditError::Io { .. })), "read-only");
    assert_eq!(self::records(&dir).len(), records.len());
}
