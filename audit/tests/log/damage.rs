//! Damage: a torn tail is cut, anything else is refused with the file and the place.

use std::fs;
use std::path::Path;

use tempfile::tempdir;
use weir_audit::{AuditError, Log, Options, Verify, read};

use crate::support::*;

/// Writes `calls` calls, each in its own sync, as a process that is then killed would leave them.
fn killed_log(dir: &Path, calls: usize, segment_bytes: u64) {
    let (log, _) =
        Log::open(dir, Options { segment_bytes, min_free_bytes: 0, ..Options::default() }).unwrap();
    run(async {
        for _ in 0..calls {
            log.settled(intent("acme"), completion(200)).await.unwrap();
        }
        log.close().await.unwrap();
    });
    fs::remove_file(dir.join("closed")).unwrap();
}

fn verify_all() -> Options {
    Options { verify: Verify::All, min_free_bytes: 0, ..Options::default() }
}

/// Offsets at which the frames of a segment begin, and its end.
fn frame_starts(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![32];
    while let Some(head) = bytes.get(starts[starts.len() - 1]..).and_then(|rest| rest.first_chunk::<4>()) {
        starts.push(starts[starts.len() - 1] + 12 + u32::from_le_bytes(*head) as usize);
    }
    starts
}

#[test]
fn a_tail_torn_at_any_byte_of_the_last_frame_is_cut() {
    let dir = tempdir().unwrap();
    killed_log(dir.path(), 3, 1 << 20);
    let path = segments(dir.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let starts = frame_starts(&whole);
    assert_eq!((starts.len(), starts[6]), (7, whole.len()));
    for cut in starts[5]..whole.len() {
        let may_be_zeroed: &[bool] = if cut % 8 == 0 { &[false, true] } else { &[false] };
        for zeroed in may_be_zeroed {
            let mut torn = whole[..cut].to_vec();
            if *zeroed {
                torn.resize(whole.len() + 100, 0);
            }
            fs::write(&path, &torn).unwrap();
            // Readers end quietly there too.
            assert_eq!(records(dir.path()).len(), 5, "cut at {cut}");
            let (log, recovery) = Log::open(dir.path(), verify_all()).unwrap();
            assert_eq!((recovery.records, recovery.abandoned), (5, 1), "cut at {cut}");
            assert_eq!(recovery.torn_bytes as usize, torn.len() - starts[5], "cut at {cut}");
            drop(log);
            assert_eq!(records(dir.path()).len(), 6);
            fs::remove_file(dir.path().join("closed")).unwrap();
        }
    }
}

#[test]
fn a_flipped_bit_before_the_last_sync_is_refused_with_its_place() {
    let dir = tempdir().unwrap();
    killed_log(dir.path(), 3, 1 << 20);
    let path = segments(dir.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    let starts = frame_starts(&whole);
    for byte in (0..starts[4]).step_by(7) {
        let mut bytes = whole.clone();
        bytes[byte] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        let expect = starts.iter().rev().find(|start| **start <= byte).map_or(0, |start| *start as u64);
        let Err(AuditError::Corrupt { path: named, offset, .. }) = Log::open(dir.path(), verify_all()) else {
            panic!("byte {byte} went unnoticed");
        };
        assert_eq!((named, offset), (path.clone(), expect), "byte {byte}");
        let read = read::iterate(dir.path()).unwrap().collect::<Result<Vec<_>, _>>();
        assert!(matches!(read, Err(AuditError::Corrupt { offset, .. }) if offset == expect), "byte {byte}");
    }
}

#[test]
fn damage_in_an_older_segment_is_refused() {
    let dir = tempdir().unwrap();
    killed_log(dir.path(), 20, 2048);
    let paths = segments(dir.path());
    assert!(paths.len() > 4);
    let whole = fs::read(&paths[1]).unwrap();
    let starts = frame_starts(&whole);
    let damage = [
        ("flipped", [&whole[..40], &[whole[40] ^ 1], &whole[41..]].concat()),
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("a record short", whole[..starts[starts.len() - 2]].to_vec()),
    ];
    for (name, bytes) in damage {
        fs::write(&paths[1], bytes).unwrap();
        assert!(matches!(Log::open(dir.path(), verify_all()), Err(AuditError::Corrupt { .. })), "{name}");
        assert!(read::iterate(dir.path()).unwrap().any(|record| record.is_err()), "{name}");
        fs::write(&paths[1], &whole).unwrap();
    }
    fs::rename(&paths[1], dir.path().join("elsewhere")).unwrap();
    assert!(matches!(Log::open(dir.path(), verify_all()), Err(AuditError::Corrupt { .. })), "missing");
    assert!(read::iterate(dir.path()).unwrap().any(|record| record.is_err()), "missing");
}

#[test]
fn a_segment_whose_header_was_never_finished_is_no_segment() {
    for length in [0, 10, 31, 32] {
        let dir = tempdir().unwrap();
        killed_log(dir.path(), 2, 1 << 20);
        fs::write(dir.path().join(format!("{:020}.seg", 5)), vec![0; length]).unwrap();
        let (log, recovery) = Log::open(dir.path(), verify_all()).unwrap();
        assert_eq!((recovery.records, recovery.torn_bytes), (4, 0), "{length} bytes");
        run(log.settled(intent("acme"), completion(200))).unwrap();
        drop(log);
        assert_eq!(records(dir.path()).len(), 6);
    }
}

#[test]
fn records_lost_after_an_orderly_close_are_missed() {
    let dir = tempdir().unwrap();
    let (log, _) = open(dir.path());
    run(async {
        log.settled(intent("acme"), completion(200)).await.unwrap();
        log.close().await.unwrap();
    });
    let path = segments(dir.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    for kept in [32, whole.len() - 1] {
        fs::write(&path, &whole[..kept]).unwrap();
        assert!(matches!(Log::open(dir.path(), verify_all()), Err(AuditError::Corrupt { .. })), "{kept}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(Log::open(dir.path(), verify_all()), Err(AuditError::Corrupt { .. })));
}
