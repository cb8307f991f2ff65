//! Who is let in: a full queue, a low disk, a dead log, and what each mode does about it.

use std::sync::atomic::Ordering;

use tempfile::tempdir;
use weir_audit::record::Kind;
use weir_audit::{AuditError, Log, Mode, Options};

use crate::support::*;

#[test]
fn a_full_queue_refuses_and_an_open_call_keeps_its_room() {
    let dir = tempdir().unwrap();
    let (log, _) =
        Log::open(dir.path(), Options { queue: 4, min_free_bytes: 0, ..Options::default() }).unwrap();
    run(async {
        let first = log.intent(intent("acme")).await.unwrap();
        let second = log.intent(intent("acme")).await.unwrap();
        let third = log.intent(intent("acme")).await;
        // Two intents are written and two ends are reserved: room for one more call of two records.
        let third = third.unwrap();
        assert!(matches!(log.intent(intent("acme")).await, Err(AuditError::Full)));
        assert!(matches!(log.health(), Err(AuditError::Full)));
        first.complete_durable(completion(200)).await.unwrap();
        second.complete_durable(completion(200)).await.unwrap();
        third.complete_durable(completion(200)).await.unwrap();
        log.settled(intent("acme"), completion(200)).await.unwrap();
        assert_eq!(log.stats().queued, 0);
        log.close().await.unwrap();
    });
    assert_eq!(records(dir.path()).len(), 8);
}

#[test]
fn while_the_disk_hangs_callers_wait_up_to_the_queue_and_ends_still_go_in() {
    let dir = tempdir().unwrap();
    let disk = TestDisk::new();
    let (log, _) = Log::open(dir.path(), Options { queue: 6, ..disk.options() }).unwrap();
    run(async {
        let open = log.intent(intent("acme")).await.unwrap();
        disk.set(|it| it.sync_waits = true);
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let log = log.clone();
                tokio::spawn(async move { log.settled(intent("acme"), completion(200)).await })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(matches!(log.intent(intent("acme")).await, Err(AuditError::Full)));
        let observed = log.intent_in(Mode::Observe, intent("acme")).await.unwrap();
        assert!(!observed.is_recorded());
        observed.complete(completion(200));
        open.complete(completion(200));
        disk.set(|it| it.sync_waits = false);
        for task in waiting {
            task.await.unwrap().unwrap();
        }
        log.close().await.unwrap();
    });
    let records = records(dir.path());
    let gap = records.iter().find_map(|it| it.gap.as_ref()).unwrap();
    assert_eq!((gap.calls, gap.full), (1, 1));
    assert_eq!(records.iter().filter(|it| it.kind == Kind::Completion).count(), 3);
}

#[test]
fn a_failed_sync_is_the_end_and_nothing_is_acknowledged_after_it() {
    let dir = tempdir().unwrap();
    let disk = TestDisk::new();
    let (log, _) = Log::open(dir.path(), disk.options()).unwrap();
    run(async {
        let open = log.intent(intent("acme")).await.unwrap();
        disk.set(|it| it.sync_fails = true);
        assert!(matches!(log.intent(intent("acme")).await, Err(AuditError::Dead)));
        disk.set(|it| it.sync_fails = false);
        assert!(matches!(log.intent(intent("acme")).await, Err(AuditError::Dead)));
        assert!(matches!(log.settled(intent("acme"), completion(200)).await, Err(AuditError::Dead)));
        assert!(matches!(log.health(), Err(AuditError::Dead)));
        assert!(matches!(open.complete_durable(completion(200)).await, Err(AuditError::Dead)));
        assert!(!log.intent_in(Mode::Observe, intent("acme")).await.unwrap().is_recorded());
        assert_eq!(log.stats().lost, 1);
        assert!(matches!(log.close().await, Err(AuditError::Dead)));
    });
    drop(log);
    let (_log, recovery) = open(dir.path());
    // The unacknowledged intent had reached the file; like the open one it is now abandoned.
    assert_eq!((recovery.records, recovery.abandoned), (2, 2));
}

#[test]
fn a_low_disk_sheds_then_refuses() {
    let check = |free: u64, mode: Mode, expect: Result<bool, &str>| {
        let dir = tempdir().unwrap();
        let disk = TestDisk::new();
        disk.free.store(free, Ordering::SeqCst);
        let (log, _) = Log::open(dir.path(), Options { mode, ..disk.options() }).unwrap();
        let outcome = run(log.intent(intent("acme"))).map(|it| it.is_recorded());
        let outcome = outcome.map_err(|error| error.to_string());
        assert_eq!(
            outcome.as_ref().map_err(String::as_str),
            expect.as_ref().map_err(|it| *it),
            "{free} {mode:?}"
        );
        drop(log);
        let records = records(dir.path());
        let (gaps, rest): (Vec<_>, Vec<_>) = records.iter().partition(|it| it.kind == Kind::Gap);
        let sheds = rest.iter().any(|it| it.shed);
        assert_eq!(sheds, expect == Ok(true) && free < 1000, "{free} {mode:?}");
        // What went unrecorded is told at the close at the latest.
        assert_eq!(gaps.len(), usize::from(expect == Ok(false)), "{free} {mode:?}");
    };
    let low = Err("the disk of the audit log is nearly full");
    check(1000, Mode::Strict, Ok(true));
    check(999, Mode::Strict, low);
    check(999, Mode::Bounded, Ok(true));
    check(999, Mode::Observe, Ok(true));
    check(499, Mode::Strict, low);
    check(499, Mode::Bounded, low);
    check(499, Mode::Observe, Ok(false));
}

#[test]
fn when_the_disk_has_room_again_calls_are_recorded_and_the_gap_is_told() {
    let dir = tempdir().unwrap();
    let disk = TestDisk::new();
    disk.free.store(0, Ordering::SeqCst);
    let (log, _) = Log::open(dir.path(), Options { mode: Mode::Observe, ..disk.options() }).unwrap();
    run(async {
        for _ in 0..3 {
            assert!(!log.intent(intent("acme")).await.unwrap().is_recorded());
        }
        disk.free.store(u64::MAX, Ordering::SeqCst);
        while log.stats().records == 0 {
            tokio::task::yield_now().await;
        }
        assert!(log.intent(intent("acme")).await.unwrap().is_recorded());
        log.close().await.unwrap();
    });
    let records = records(dir.path());
    let gap = records[0].gap.as_ref().unwrap();
    assert_eq!((gap.calls, gap.disk_low, records[1].kind), (3, 3, Kind::Intent));
}

#[test]
fn an_announcement_that_nobody_waits_for_any_more_is_closed() {
    let dir = tempdir().unwrap();
    let disk = TestDisk::new();
    let (log, _) = Log::open(dir.path(), disk.options()).unwrap();
    disk.set(|it| it.sync_waits = true);
    run(async {
        let mut pending = Box::pin(log.intent(intent("acme")));
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(pending.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
        drop(pending);
        disk.set(|it| it.sync_waits = false);
        log.close().await.unwrap();
    });
    let kinds: Vec<_> = records(dir.path()).iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [Kind::Intent, Kind::Abandoned]);
}
