//! A reader that follows the log: over segments, beside the writer, from any position, never past `until`.

use tempfile::tempdir;
use weir_audit::{AuditError, Completion, Log, Options, read::Tail};

use crate::support::{intent, raw_records, run, segments};

#[test]
fn every_record_is_given_once_and_in_order_over_many_small_segments() {
    let dir = tempdir().unwrap();
    let options = Options { min_free_bytes: 0, segment_bytes: 4096, ..Options::default() };
    let (log, _) = Log::open(dir.path(), options).unwrap();
    let mut tail = Tail::open(dir.path(), 0);
    let mut given = Vec::new();
    run(async {
        for round in 0..50 {
            log.settled(intent("a"), Completion::default()).await.unwrap();
            let lines = tail.next(3, log.durable_seq()).unwrap();
            assert!(lines.len() <= 3, "round {round}");
            given.extend(lines);
        }
        log.close().await.unwrap();
    });
    given.extend(tail.next(usize::MAX, log.durable_seq()).unwrap());
    assert_eq!(given.iter().map(|it| it.seq).collect::<Vec<_>>(), (1..=100).collect::<Vec<u64>>());
    assert_eq!(given.into_iter().map(|it| it.json).collect::<Vec<_>>(), raw_records(dir.path()));
    assert_eq!(tail.next(10, u64::MAX).unwrap(), []);
}

#[test]
fn it_starts_anywhere_and_stops_at_until() {
    let dir = tempdir().unwrap();
    let options = Options { min_free_bytes: 0, segment_bytes: 4096, ..Options::default() };
    let (log, _) = Log::open(dir.path(), options).unwrap();
    run(async {
        for _ in 0..20 {
            log.settled(intent("a"), Completion::default()).await.unwrap();
        }
    });
    for after in 0..40 {
        let mut tail = Tail::open(dir.path(), after);
        let seqs: Vec<u64> = tail.next(100, 30).unwrap().into_iter().map(|it| it.seq).collect();
        assert_eq!(seqs, (after + 1..=30).collect::<Vec<u64>>(), "after {after}");
        assert_eq!(tail.position(), after.max(30), "after {after}");
    }
}

#[test]
fn what_stands_before_damage_is_given_and_nothing_behind_it_is_skipped() {
    let dir = tempdir().unwrap();
    let options = Options { min_free_bytes: 0, segment_bytes: 4096, ..Options::default() };
    let (log, _) = Log::open(dir.path(), options).unwrap();
    run(async {
        for _ in 0..20 {
            log.settled(intent("a"), Completion::default()).await.unwrap();
        }
        log.close().await.unwrap();
    });
    let path = segments(dir.path()).remove(1);
    let good = std::fs::read(&path).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(&path, &bad).unwrap();
    let mut tail = Tail::open(dir.path(), 0);
    let mut given = tail.next(usize::MAX, 40).unwrap();
    let position = tail.position();
    assert_eq!(given.last().map(|it| it.seq), Some(position));
    for _ in 0..2 {
        assert!(tail.next(usize::MAX, 40).is_err());
        assert_eq!(tail.position(), position);
    }
    std::fs::write(&path, &good).unwrap();
    given.extend(tail.next(usize::MAX, 40).unwrap());
    assert_eq!(given.iter().map(|it| it.seq).collect::<Vec<_>>(), (1..=40).collect::<Vec<u64>>());
}

#[test]
fn a_visitor_sees_what_would_be_given_and_may_refuse() {
    let dir = tempdir().unwrap();
    let options = Options { min_free_bytes: 0, segment_bytes: 4096, ..Options::default() };
    let (log, _) = Log::open(dir.path(), options).unwrap();
    run(async {
        for _ in 0..20 {
            log.settled(intent("a"), Completion::default()).await.unwrap();
        }
    });
    let given = Tail::open(dir.path(), 0).next(usize::MAX, 40).unwrap();
    for most in [0, 1, 7, 100] {
        let (mut tail, mut seen) = (Tail::open(dir.path(), 0), Vec::new());
        let mut visit = |seq, json: &[u8]| {
            seen.push((seq, json.to_vec()));
            Ok::<(), AuditError>(())
        };
        let count = tail.each(most, 30, &mut visit).unwrap();
        assert_eq!((count, tail.position()), (most.min(30), most.min(30) as u64), "most {most}");
        let expect: Vec<_> = given.iter().take(count).map(|it| (it.seq, it.json.clone())).collect();
        assert_eq!(seen, expect, "most {most}");
    }
    let mut tail = Tail::open(dir.path(), 0);
    let mut refuse = |seq, _: &[u8]| if seq == 5 { Err(AuditError::Closed) } else { Ok(()) };
    assert!(matches!(tail.each(100, 40, &mut refuse), Err(AuditError::Closed)));
    assert_eq!(tail.next(100, 40).unwrap().first().map(|it| it.seq), Some(6));
}
