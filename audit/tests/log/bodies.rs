//! Bodies: sealed, stored before their records, opened again, and hidden when anything about them is another one.

use std::fs;
use std::sync::Arc;

use tempfile::tempdir;
use weir_audit::exchange::BodyRef;
use weir_audit::vault::{BodyFiles, Hidden, Stored};
use weir_audit::{AuditError, Bodies, BodyKind, Log, Mode, Options, Vault, VaultOptions};

use crate::support::*;
use crate::vault::*;

const BIG: VaultSizes = VaultSizes { max_body: 1 << 20, volume_bytes: 64 << 20 };

struct VaultSizes {
    max_body: usize,
    volume_bytes: u64,
}

fn sized(sizes: VaultSizes) -> VaultOptions {
    VaultOptions { max_body: sizes.max_body, volume_bytes: sizes.volume_bytes, ..VaultOptions::default() }
}

#[test]
fn four_bodies_come_back_over_many_volumes_boots_and_processes() {
    let place = Place::new();
    let mut ids = Vec::new();
    for boot in 0..3 {
        let vault = place.vault_with(sized(VaultSizes { volume_bytes: 1000, ..BIG }));
        let log = place.log(&vault);
        run(async {
            for call_number in 0..5 {
                let subject = format!("ada-{}", call_number % 2);
                ids.push((subject.clone(), call(&log, &vault, Some(&subject)).await));
                ids.push(("nobody".into(), call(&log, &vault, None).await));
            }
            log.close().await.unwrap();
        });
        assert!(files(&place.bodies_dir()).len() > boot * 10);
    }
    let vault = place.vault();
    for (subject, id) in &ids {
        let (intent, end) = place.call(*id);
        for kind in BodyKind::ALL {
            let (with, without) = match kind {
                BodyKind::Request | BodyKind::Sent => (&intent, &end),
                BodyKind::Reply | BodyKind::Returned => (&end, &intent),
            };
            assert_eq!(opened(&vault, with, kind), Ok(text(subject, kind)));
            assert_eq!(opened(&vault, without, kind), Err(Hidden::NeverKept));
        }
    }
    let refs: std::collections::HashSet<_> = place
        .records()
        .iter()
        .filter_map(|it| Some(it.intent.as_ref()?.subject_ref.as_ref()?.to_string()))
        .collect();
    assert_eq!(refs.len(), 2, "one reference a subject, the same after every boot");
}

#[test]
fn request_and_reply_are_sealed_apart_and_the_volume_is_readable_while_it_is_written() {
    let place = Place::new();
    let vault = place.vault();
    let log = place.log(&vault);
    run(async {
        let key = vault.subject("acme", Some("ada")).unwrap();
        let id = log.new_id();
        let mut bodies = Bodies::new(&key, id);
        bodies.seal(BodyKind::Request, b"question").unwrap();
        let ticket = log.intent_with(Mode::Strict, intent("acme"), bodies).await.unwrap();
        assert_eq!(ticket.record_id(), id);
        let mut bodies = Bodies::new(&key, id);
        bodies.seal(BodyKind::Returned, b"").unwrap();
        ticket.complete_durable_with(completion(200), bodies).await.unwrap();
        let reader = place.vault();
        let (intent, end) = place.call(id);
        assert_eq!(opened(&reader, &intent, BodyKind::Request), Ok("question".into()));
        assert_eq!(opened(&reader, &end, BodyKind::Returned), Ok(String::new()));
        assert!(!intent.shed && !end.shed);
    });
}

#[test]
fn a_body_that_is_too_long_or_has_nowhere_to_go_is_left_out_and_the_record_says_so() {
    let check = |most: usize, has_vault: bool, free: u64, expect: (usize, bool)| {
        let place = Place::new();
        let vault = place.vault_with(sized(VaultSizes { max_body: most, ..BIG }));
        let disk = TestDisk::new();
        disk.free.store(free, std::sync::atomic::Ordering::SeqCst);
        let options = Options { vault: has_vault.then(|| Arc::clone(&vault)), ..disk.options() };
        let (log, _) = Log::open(&place.log_dir(), options).unwrap();
        let id = run(call(&log, &vault, Some("ada")));
        drop(log);
        let (intent, end) = place.call(id);
        let kept = intent.intent.unwrap().bodies.len() + end.completion.unwrap().bodies.len();
        assert_eq!((kept, intent.shed && end.shed), expect, "{most} {has_vault} {free}");
        assert_eq!(files(&place.bodies_dir()).iter().any(|it| it.extension().is_some()), expect.0 > 0);
    };
    check(1000, true, 5000, (4, false));
    check(10, true, 5000, (0, true));
    check(1000, false, 5000, (0, true));
    check(1000, true, 600, (0, true));
}

#[test]
fn a_queue_full_of_bytes_refuses_calls_but_never_loses_an_end() {
    let place = Place::new();
    let vault = place.vault();
    let disk = TestDisk::new();
    let options = Options { vault: Some(Arc::clone(&vault)), queue_bytes: 3000, ..disk.options() };
    let (log, _) = Log::open(&place.log_dir(), options).unwrap();
    let key = vault.subject("acme", Some("ada")).unwrap();
    let sealed = |kind, id, bytes: usize| {
        let mut bodies = Bodies::new(&key, id);
        bodies.seal(kind, &vec![b'x'; bytes]).unwrap();
        bodies
    };
    let id = run(async {
        let id = log.new_id();
        let open =
            log.intent_with(Mode::Bounded, intent("acme"), sealed(BodyKind::Request, id, 10)).await.unwrap();
        let too_big = sealed(BodyKind::Request, log.new_id(), 5000);
        assert!(matches!(
            log.intent_with(Mode::Bounded, intent("acme"), too_big).await,
            Err(AuditError::Full)
        ));
        let observed = sealed(BodyKind::Request, log.new_id(), 5000);
        let observed = log.intent_with(Mode::Observe, intent("acme"), observed).await.unwrap();
        assert!(!observed.is_recorded());
        open.complete_durable_with(completion(200), sealed(BodyKind::Reply, id, 5000)).await.unwrap();
        // What was written is room again.
        for _ in 0..10 {
            call(&log, &vault, Some("ada")).await;
        }
        log.close().await.unwrap();
        id
    });
    let (_, end) = place.call(id);
    assert_eq!((end.completion.unwrap().bodies.len(), end.shed), (0, true));
    assert_eq!(place.records().iter().filter_map(|it| it.gap.as_ref()).map(|gap| gap.full).sum::<u64>(), 1);
}

#[test]
fn bodies_of_another_call_are_not_taken() {
    let place = Place::new();
    let vault = place.vault();
    let log = place.log(&vault);
    let key = vault.subject("acme", None).unwrap();
    let id = run(async {
        let ticket = log.intent(intent("acme")).await.unwrap();
        let id = ticket.record_id();
        let mut bodies = Bodies::new(&key, log.new_id());
        bodies.seal(BodyKind::Reply, b"of another call").unwrap();
        ticket.complete_durable_with(completion(200), bodies).await.unwrap();
        id
    });
    let (_, end) = place.call(id);
    assert_eq!((end.completion.unwrap().bodies.len(), end.shed), (0, true));
}

#[test]
fn any_flipped_byte_of_a_body_file_hides_what_it_touches_and_nothing_else() {
    let place = Place::new();
    let vault = place.vault();
    let log = place.log(&vault);
    let ids = run(async {
        let ids = [call(&log, &vault, Some("ada")).await, call(&log, &vault, Some("bob")).await];
        log.close().await.unwrap();
        ids
    });
    let calls = ids.map(|id| place.call(id));
    let volume =
        files(&place.bodies_dir()).into_iter().find(|it| it.extension().unwrap_or_default() == "body");
    let volume = volume.unwrap();
    let whole = fs::read(&volume).unwrap();
    let readable = || {
        // A fresh one, which remembers no index.
        let vault = place.vault();
        let kinds = [BodyKind::Request, BodyKind::Sent];
        let of_call = |(intent, end): &(_, _)| {
            let reply = [BodyKind::Reply, BodyKind::Returned];
            kinds.iter().filter(|kind| opened(&vault, intent, **kind).is_ok()).count()
                + reply.iter().filter(|kind| opened(&vault, end, **kind).is_ok()).count()
        };
        calls.iter().map(of_call).sum::<usize>()
    };
    assert_eq!(readable(), 8);
    for with_index in [true, false] {
        if !with_index {
            fs::remove_file(volume.with_extension("index")).unwrap();
        }
        for byte in (0..whole.len()).step_by(if with_index { 13 } else { 29 }) {
            let mut bytes = whole.clone();
            bytes[byte] ^= 0x40;
            fs::write(&volume, bytes).unwrap();
            // A head's damage doesn't matter to what an index finds.
            assert!((7..=8).contains(&readable()), "byte {byte}");
        }
    }
    fs::write(&volume, &whole[..whole.len() / 2]).unwrap();
    assert!((1..8).contains(&readable()));
}

#[test]
fn a_swapped_body_record_tenant_kind_or_key_is_seen() {
    let place = Place::new();
    let vault = place.vault();
    let log = place.log(&vault);
    let (first, second) = run(async {
        let ids = (call(&log, &vault, Some("ada")).await, call(&log, &vault, Some("ada")).await);
        log.close().await.unwrap();
        ids
    });
    let (intent, _) = place.call(first);
    let (other, _) = place.call(second);
    let swapped = |change: &dyn Fn(&mut weir_audit::Record)| {
        let mut record = intent.clone();
        change(&mut record);
        opened(&vault, &record, BodyKind::Request)
    };
    assert_eq!(swapped(&|_| {}), Ok(text("ada", BodyKind::Request)));
    let bodies = |record: &mut weir_audit::Record| record.intent.as_mut().unwrap().bodies.clone();
    assert_eq!(swapped(&|it| it.record_id = second), Err(Hidden::Damaged), "another call's record");
    assert_eq!(swapped(&|it| it.tenant = "other".into()), Err(Hidden::Damaged), "another tenant");
    let of_other = other.intent.clone().unwrap().bodies;
    assert_eq!(swapped(&|it| it.intent.as_mut().unwrap().bodies = of_other.clone()), Err(Hidden::Damaged));
    let renamed = |it: &mut weir_audit::Record| {
        let mut list = bodies(it);
        list.swap(0, 1);
        (list[0].kind, list[1].kind) = ("request".into(), "sent".into());
        it.intent.as_mut().unwrap().bodies = list;
    };
    assert_eq!(swapped(&renamed), Err(Hidden::Damaged), "another kind");
    let recommitted = |it: &mut weir_audit::Record| {
        let list = &mut it.intent.as_mut().unwrap().bodies;
        list[0].commitment = list[1].commitment.clone();
    };
    assert_eq!(swapped(&recommitted), Err(Hidden::Damaged), "another commitment");
    for change in [
        |body: &mut BodyRef| body.sha256 = body.commitment.clone(),
        |body: &mut BodyRef| body.length += 1,
        |body: &mut BodyRef| body.key = "no reference".into(),
    ] {
        assert_eq!(swapped(&|it| change(&mut it.intent.as_mut().unwrap().bodies[0])), Err(Hidden::Damaged));
    }
    let stranger = vault.subject("acme", Some("eve")).unwrap();
    let rekeyed =
        |it: &mut weir_audit::Record| it.intent.as_mut().unwrap().bodies[0].key = stranger.key().clone();
    assert_eq!(swapped(&rekeyed), Err(Hidden::Damaged), "another key");
}

#[test]
fn ciphertexts_that_change_places_in_their_file_are_seen() {
    let place = Place::new();
    let vault = place.vault();
    let log = place.log(&vault);
    let ids = run(async {
        let ids = [call(&log, &vault, Some("ada")).await, call(&log, &vault, Some("ada")).await];
        log.close().await.unwrap();
        ids
    });
    let volume =
        files(&place.bodies_dir()).into_iter().find(|it| it.extension().unwrap_or_default() == "body");
    let volume = volume.unwrap();
    let mut bytes = fs::read(&volume).unwrap();
    // Both calls are alike, so their frames have the same lengths.
    let length = place.call(ids[0]).0.intent.unwrap().bodies[0].length as usize;
    let (one, two) = (16 + 64, 16 + (bytes.len() - 16) / 2 + 64);
    let (front, back) = bytes.split_at_mut(two);
    front[one..one + length].swap_with_slice(&mut back[..length]);
    fs::write(&volume, bytes).unwrap();
    for (intent, end) in ids.map(|id| place.call(id)) {
        assert_eq!(opened(&vault, &intent, BodyKind::Request), Err(Hidden::Damaged));
        assert_eq!(opened(&vault, &intent, BodyKind::Sent), Ok(text("ada", BodyKind::Sent)));
        let files = BodyFiles::open(&place.bodies_dir());
        let bodies = &intent.intent.as_ref().unwrap().bodies;
        let stored = bodies.iter().map(|body| files.check(&intent, body).unwrap()).collect::<Vec<_>>();
        assert_eq!(stored, [Stored::Altered, Stored::Intact]);
        let elsewhere = tempdir().unwrap();
        let missing = BodyFiles::open(elsewhere.path()).check(&intent, &bodies[0]).unwrap();
        assert_eq!(missing, Stored::Missing);
        assert_eq!(opened(&vault, &end, BodyKind::Reply), Ok(text("ada", BodyKind::Reply)));
    }
}

#[test]
fn two_lanes_share_one_folder_of_bodies() {
    let place = Place::new();
    let (old_vault, new_vault) = (place.vault(), place.vault());
    let options = |vault: &Arc<Vault>| place.options(vault);
    let (old, _) = Log::open_alone(&place.log_dir(), options(&old_vault)).unwrap();
    let ids = run(async {
        let mut ids = vec![call(&old, &old_vault, Some("ada")).await];
        let (new, _) = Log::open_beside(&place.log_dir(), options(&new_vault)).unwrap();
        for _ in 0..5 {
            ids.push(call(&new, &new_vault, Some("ada")).await);
            ids.push(call(&old, &old_vault, Some("ada")).await);
        }
        old.close().await.unwrap();
        ids.push(call(&new, &new_vault, Some("bob")).await);
        new.close().await.unwrap();
        ids
    });
    for id in ids {
        let Some(weir_audit::read::Found::Call(found)) =
            weir_audit::read::find(&place.log_dir(), id).unwrap()
        else {
            panic!("no call");
        };
        assert!(opened(&old_vault, &found.intent, BodyKind::Request).is_ok());
        assert!(opened(&new_vault, found.end().unwrap(), BodyKind::Returned).is_ok());
    }
    let indexes =
        files(&place.bodies_dir()).iter().filter(|it| it.extension().unwrap_or_default() == "index").count();
    assert_eq!(indexes, 2, "one volume a writer");
}

#[test]
fn a_torn_tail_of_a_body_file_is_cut_and_a_live_one_is_left_alone() {
    let place = Place::new();
    let vault = place.vault();
    let log = place.log(&vault);
    let id = run(async {
        let id = call(&log, &vault, Some("ada")).await;
        log.close().await.unwrap();
        id
    });
    let volume =
        files(&place.bodies_dir()).into_iter().find(|it| it.extension().unwrap_or_default() == "body");
    let volume = volume.unwrap();
    let whole = fs::read(&volume).unwrap();
    fs::remove_file(volume.with_extension("index")).unwrap();
    let torn = [&whole[..], &whole[16..90]].concat();
    fs::write(&volume, &torn).unwrap();
    let empty = place.bodies_dir().join(format!("{}.body", uuid::Uuid::now_v7()));
    fs::write(&empty, []).unwrap();

    let live = fs::File::open(&volume).unwrap();
    live.lock().unwrap();
    drop(place.log(&vault));
    assert_eq!(fs::read(&volume).unwrap().len(), torn.len(), "another writer's");
    live.unlock().unwrap();
    drop(place.log(&vault));
    assert_eq!(fs::read(&volume).unwrap(), whole);
    assert!(volume.with_extension("index").is_file());
    assert!(!empty.exists());
    let (intent, end) = place.call(id);
    assert_eq!(opened(&vault, &intent, BodyKind::Sent), Ok(text("ada", BodyKind::Sent)));
    assert_eq!(opened(&vault, &end, BodyKind::Reply), Ok(text("ada", BodyKind::Reply)));
}

#[test]
fn a_body_that_can_not_be_written_stops_the_log_before_a_record_names_it() {
    let place = Place::new();
    let vault = place.vault();
    let disk = TestDisk::new();
    let options = Options { vault: Some(Arc::clone(&vault)), ..disk.options() };
    let (log, _) = Log::open(&place.log_dir(), options).unwrap();
    run(async {
        call(&log, &vault, Some("ada")).await;
        disk.set(|it| it.full = true);
        let key = vault.subject("acme", Some("ada")).unwrap();
        let mut bodies = Bodies::new(&key, log.new_id());
        bodies.seal(BodyKind::Request, b"too much").unwrap();
        let refused = log.intent_with(Mode::Bounded, intent("acme"), bodies).await;
        assert!(matches!(refused, Err(AuditError::Dead)));
    });
    drop(log);
    assert_eq!(place.records().len(), 2);
}
