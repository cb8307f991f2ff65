//! A wall clock that is set forward and back: the log stays whole, says by how much it moved, and every body is found.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tempfile::tempdir;
use weir_audit::proof::Seal;
use weir_audit::read::{self, Filter};
use weir_audit::verify::{Trust, verify};
use weir_audit::{Ambient, BodyKind, Log, Options, Vault, VaultOptions};

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

#[test]
fn a_clock_that_is_set_an_hour_forward_or_back_costs_no_record_no_order_and_no_body() {
    let dir = tempdir().unwrap();
    let clock = Arc::new(Clock::default());
    let options = VaultOptions { ambient: clock.clone(), volume_bytes: 1500, ..VaultOptions::default() };
    let vault = Vault::open(&dir.path().join("bodies"), &dir.path().join("keys"), options).unwrap();
    let vault = Arc::new(vault);
    let log_dir = dir.path().join("log");
    let open = || {
        let options = Options {
            min_free_bytes: 0,
            segment_bytes: 4096,
            ambient: clock.clone(),
            vault: Some(vault.clone()),
            seal: Some(Seal::beside(&log_dir)),
            ..Options::default()
        };
        Log::open(&log_dir, options).unwrap()
    };
    let (log, _) = open();
    let mut offsets = vec![0];
    let mut calls = Vec::new();
    // Forward, back, back behind the beginning, a day and more forward, and where it was.
    for jump in [0, HOUR, -HOUR, -HOUR, 30 * HOUR, -29 * HOUR] {
        clock.pass(7);
        clock.set_by(jump);
        offsets.push(offsets.last().unwrap() + jump * 1_000_000);
        for subject in ["ada", "bob"] {
            calls.push((run(call(&log, &vault, Some(subject))), subject));
        }
    }
    run(log.close()).unwrap();
    // Set back while it was stopped: a new run begins there, with an offset of its own.
    clock.set_by(-HOUR);
    let (log, recovery) = open();
    calls.push((run(call(&log, &vault, Some("ada"))), "ada"));
    run(log.close()).unwrap();

    let records = records(&log_dir);
    assert_eq!(records.iter().map(|it| it.node_seq).collect::<Vec<_>>(), (1..=27).collect::<Vec<_>>());
    let first: Vec<_> = records.iter().filter(|it| it.boot_id != recovery.boot_id).collect();
    let mut seen: Vec<i64> = first.iter().map(|it| it.clock_offset_us).collect();
    seen.dedup();
    offsets.dedup();
    assert_eq!(seen, offsets, "each record says how far the clock was off");
    let times: Vec<u64> = first.iter().map(|it| it.monotonic_us).collect();
    assert!(times.is_sorted() && times.last() == Some(&42_000_000), "{times:?}");
    let again = records.iter().filter(|it| it.boot_id == recovery.boot_id);
    assert!(again.clone().all(|it| it.clock_offset_us == 0 && it.monotonic_us == 0), "{again:?}");
    assert!(first.windows(2).any(|pair| pair[1].time < pair[0].time), "the clock was not set back");

    let report = verify(&log_dir, &Trust::default());
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
    let listed = read::list(&log_dir, &Filter { limit: 100, ..Filter::default() }).unwrap();
    assert_eq!(listed.calls.len(), calls.len());
    for (id, subject) in calls {
        let intent = records.iter().find(|it| it.record_id == id).unwrap();
        let end = records.iter().find(|it| it.intent_id == Some(id)).unwrap();
        for (record, kind) in [(intent, BodyKind::Request), (end, BodyKind::Returned)] {
            assert_eq!(opened(&vault, record, kind), Ok(text(subject, kind)), "{}", record.node_seq);
        }
    }
}
