//! Loss of power: only what a sync covered survives, and that holds every acknowledged record.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tempfile::tempdir;
use weir_audit::record::Kind;
use weir_audit::{BodyKind, Log, Options, Vault, VaultOptions};

use crate::support::*;
use crate::vault::{Place, call, opened, text};

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_record_that_survives_a_loss_of_power_names_a_body_that_did_not(
        calls in 1..25usize,
        torn in 0..6000u64,
    ) {
        let place = Place::new();
        let vault = place.vault_with(VaultOptions { volume_bytes: 2500, ..VaultOptions::default() });
        let disk = TestDisk::new();
        let options = Options { segment_bytes: 3000, vault: Some(vault.clone()), ..disk.options() };
        let (log, _) = Log::open(&place.log_dir(), options).unwrap();
        run(async {
            for _ in 0..calls {
                call(&log, &vault, Some("ada")).await;
            }
        });
        let after = tempdir().unwrap();
        for dir in ["log", "bodies"] {
            fs::create_dir(after.path().join(dir)).unwrap();
        }
        disk.set(|faults| {
            for (path, synced) in &faults.synced {
                let below = path.strip_prefix(place.dir.path()).unwrap();
                // Bodies lose all that no sync covered, the log as little as may be: the worst case for it.
                let torn = if below.starts_with("log") { torn } else { 0 };
                copy_cut(path, &after.path().join(below), *synced, torn);
            }
        });
        drop(log);
        let vault = Vault::open(&after.path().join("bodies"), &place.keys_dir(), VaultOptions::default()).unwrap();
        let vault = std::sync::Arc::new(vault);
        let options = Options { min_free_bytes: 0, vault: Some(vault.clone()), ..Options::default() };
        drop(Log::open(&after.path().join("log"), options).unwrap());
        let mut shown = 0;
        for record in records(&after.path().join("log")) {
            let kind = match record.kind {
                Kind::Intent => BodyKind::Sent,
                Kind::Completion => BodyKind::Reply,
                _ => continue,
            };
            prop_assert_eq!(opened(&vault, &record, kind), Ok(text("ada", kind)));
            shown += 1;
        }
        prop_assert_eq!(shown, calls * 2);
    }
}

/// Copies what was synced and at most `torn` bytes of what was not.
fn copy_cut(from: &Path, to: &Path, synced: u64, torn: u64) {
    let bytes = fs::read(from).unwrap();
    let kept = bytes.len().min((synced + torn) as usize);
    fs::write(to, &bytes[..kept]).unwrap();
}
