//! A wall clock that is set forward and back: the log stays whole, says by how much it moved, and every body is found.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tempfile::{TempDir, tempdir};
use uuid::Uuid;
use weir_audit::proof::Seal;
use weir_audit::read::{self, Filter};
use weir_audit::verify::{Trust, verify};
use weir_audit::{Ambient, BodyKind, Log, Options, Record, Recovery, Vault, VaultOptions};

use crate::support::*;
use crate::vault::{call, opened, text};

const HOUR: i64 = 3600;
const START: u64 = 1_800_000_000;

/// Seconds pass by [`Clock::pass`]; the wall clock can be set besides.
#[derive(Default)]
struct Clock {
    passed: AtomicU64,
    set: AtomicI64,
}

impl Clock {
    fn pass(&self, seconds: u64) {
        self.passed.fetch_add(seconds, Ordering::SeqCst);
    }

    fn set_by(&self, seconds: i64) {
        self.set.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Ambient for Clock {
    fn wall(&self) -> SystemTime {
        let now = START + self.passed.load(Ordering::SeqCst);
        SystemTime::UNIX_EPOCH
            + Duration::from_secs(now.checked_add_signed(self.set.load(Ordering::SeqCst)).unwrap())
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.passed.load(Ordering::SeqCst))
    }

    fn random(&self) -> [u8; 10] {
        rand::random()
    }
}

/// A sealed log with bodies, under a clock that is set.
struct Bed {
    dir: TempDir,
    clock: Arc<Clock>,
    vault: Arc<Vault>,
    /// Calls that were made, with their subjects.
    calls: Vec<(Uuid, &'static str)>,
}

impl Bed {
    fn new() -> Self {
        let dir = tempdir().unwrap();
        let clock = Arc::new(Clock::default());
        let options = VaultOptions { ambient: clock.clone(), volume_bytes: 1500, ..VaultOptions::default() };
        let vault = Vault::open(&dir.path().join("bodies"), &dir.path().join("keys"), options).unwrap();
        Self { dir, clock, vault: Arc::new(vault), calls: Vec::new() }
    }

    fn log_dir(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn open(&self) -> (Log, Recovery) {
        let options = Options {
            min_free_bytes: 0,
            segment_bytes: 4096,
            ambient: self.clock.clone(),
            vault: Some(self.vault.clone()),
            seal: Some(Seal::beside(&self.log_dir())),
            ..Options::default()
        };
        Log::open(&self.log_dir(), options).unwrap()
    }

    fn call(&mut self, log: &Log, subject: &'static str) {
        let id = run(call(log, &self.vault, Some(subject)));
        self.calls.push((id, subject));
    }
}

#[test]
fn a_clock_that_is_set_an_hour_forward_or_back_costs_no_record_no_order_and_no_body() {
    let mut bed = Bed::new();
    let (log, _) = bed.open();
    let mut offsets = vec![0];
    // Forward, back, back behind the beginning, a day and more forward, and where it was.
    for jump in [0, HOUR, -HOUR, -HOUR, 30 * HOUR, -29 * HOUR] {
        bed.clock.pass(7);
        bed.clock.set_by(jump);
        offsets.push(offsets.last().unwrap() + jump * 1_000_000);
        bed.call(&log, "ada");
        bed.call(&log, "bob");
    }
    run(log.close()).unwrap();
    // Set back while it was stopped: a new run begins there, with an offset of its own.
    bed.clock.set_by(-HOUR);
    let (log, recovery) = bed.open();
    bed.call(&log, "ada");
    run(log.close()).unwrap();

    let records = records(&bed.log_dir());
    assert_eq!(records.iter().map(|it| it.node_seq).collect::<Vec<_>>(), (1..=27).collect::<Vec<_>>());
    let (first, again): (Vec<_>, Vec<_>) = records.iter().partition(|it| it.boot_id != recovery.boot_id);
    let mut seen: Vec<i64> = first.iter().map(|it| it.clock_offset_us).collect();
    seen.dedup();
    offsets.dedup();
    assert_eq!(seen, offsets, "each record says how far the clock was off");
    let times: Vec<u64> = first.iter().map(|it| it.monotonic_us).collect();
    assert!(times.is_sorted() && times.last() == Some(&42_000_000), "{times:?}");
    assert!(again.iter().all(|it| it.clock_offset_us == 0 && it.monotonic_us == 0), "{again:?}");
    assert!(first.windows(2).any(|pair| pair[1].time < pair[0].time), "the clock was not set back");
    jumps_are_noted(&bed);
    every_call_and_body_is_found(&bed, &records);
}

fn jumps_are_noted(bed: &Bed) {
    let report = verify(&bed.log_dir(), &Trust::default());
    assert_eq!(report.faults, []);
    let notes: Vec<_> = report.notes.iter().map(|it| (it.node_seq.unwrap(), it.reason.as_str())).collect();
    let expect = [
        (6, "the clock was set forward by 3600 s before it"),
        (10, "the clock was set back by 3600 s before it"),
        (14, "the clock was set back by 3600 s before it"),
        (18, "the clock was set forward by 108000 s before it"),
        (22, "the clock was set back by 104400 s before it"),
        (26, "its run began 3600 s before the end of the one before: the clock was set back"),
    ];
    assert_eq!(notes, expect);
}

fn every_call_and_body_is_found(bed: &Bed, records: &[Record]) {
    let listed = read::list(&bed.log_dir(), &Filter { limit: 100, ..Filter::default() }).unwrap();
    assert_eq!(listed.calls.len(), bed.calls.len());
    for (id, subject) in &bed.calls {
        let intent = records.iter().find(|it| it.record_id == *id).unwrap();
        let end = records.iter().find(|it| it.intent_id == Some(*id)).unwrap();
        for (record, kind) in [(intent, BodyKind::Request), (end, BodyKind::Returned)] {
            assert_eq!(opened(&bed.vault, record, kind), Ok(text(subject, kind)), "{}", record.node_seq);
        }
    }
}
