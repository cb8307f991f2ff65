//! Loss of power: only what a sync covered survives, and that holds every acknowledged record.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::tempdir;
use weir_audit::{Log, Options};

use crate::support::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn acknowledged_records_survive_a_loss_of_power(
        calls in 1..40usize,
        unawaited in proptest::collection::vec(any::<bool>(), 40),
        torn in 0..2000u64,
    ) {
        let dir = tempdir().unwrap();
        let disk = TestDisk::new();
        let (log, _) = Log::open(dir.path(), Options { segment_bytes: 3000, ..disk.options() }).unwrap();
        let mut acknowledged = Vec::new();
        run(async {
            for skip in unawaited.iter().take(calls) {
                let ticket = log.intent(intent("acme")).await.unwrap();
                acknowledged.push(ticket.record_id());
                if *skip {
                    ticket.complete(completion(200));
                } else {
                    ticket.complete_durable(completion(200)).await.unwrap();
                }
            }
        });
        // The writer is stopped in the middle of whatever it does: the copy is what the disk would hold.
        let after = tempdir().unwrap();
        disk.set(|faults| {
            for (path, synced) in &faults.synced {
                copy_cut(path, &after.path().join(path.file_name().unwrap()), *synced, torn);
            }
        });
        drop(log);
        let (log, recovery) = Log::open(after.path(), Options { min_free_bytes: 0, ..Options::default() }).unwrap();
        drop(log);
        let records = records(after.path());
        prop_assert_eq!(records.len() as u64, recovery.records + recovery.abandoned);
        for id in acknowledged {
            prop_assert!(records.iter().any(|record| record.record_id == id));
        }
    }
}

/// Copies what was synced and at most `torn` bytes of what was not.
fn copy_cut(from: &Path, to: &Path, synced: u64, torn: u64) {
    let bytes = fs::read(from).unwrap();
    let kept = bytes.len().min((synced + torn) as usize);
    fs::write(to, &bytes[..kept]).unwrap();
}
