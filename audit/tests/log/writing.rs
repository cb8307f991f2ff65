//! Writing and reading back: round trip, numbering, rotation, tickets, reopening, two writers.

use proptest::prelude::*;
use tempfile::tempdir;
use weir_audit::exchange::{BodyRef, Hit, Place, Redaction, Tag};
use weir_audit::read::Found;
use weir_audit::record::{Kind, Reason};
use weir_audit::{AdminEvent, AuditError, Completion, Event, Intent, Log, Mode, Options, Text, read};

use crate::support::*;

#[test]
fn a_call_leaves_two_records_that_join_to_one() {
    let dir = tempdir().unwrap();
    let (log, recovery) = open(dir.path());
    let id = run(async {
        let ticket = log.intent(intent("acme")).await.unwrap();
        let id = ticket.record_id();
        ticket.complete_durable(completion(200)).await.unwrap();
        log.append(Event::Admin(AdminEvent { action: "key.create".into(), ..AdminEvent::default() }))
            .await
            .unwrap();
        log.close().await.unwrap();
        id
    });
    let records = records(dir.path());
    let seen: Vec<_> = records.iter().map(|it| (it.kind, it.node_seq, it.intent_id)).collect();
    assert_eq!(seen, [(Kind::Intent, 1, None), (Kind::Completion, 2, Some(id)), (Kind::Admin, 3, None)]);
    assert!(records.iter().all(|it| it.boot_id == recovery.boot_id));
    let expect = Intent { record_id: id, ..intent("acme") };
    assert_eq!(records[0].intent.as_ref(), Some(&expect));
    for any_id in [records[0].record_id, records[1].record_id] {
        let Some(Found::Call(call)) = read::find(dir.path(), any_id).unwrap() else { panic!("no call") };
        assert_eq!((call.id(), call.completion()), (id, Some(&completion(200))));
    }
    let admin = read::find(dir.path(), records[2].record_id).unwrap();
    assert_eq!(admin, Some(Found::Record(Box::new(records[2].clone()))));
    assert_eq!(read::find(dir.path(), recovery.boot_id).unwrap(), None);
}

#[test]
fn numbers_go_on_across_segments_and_boots() {
    let dir = tempdir().unwrap();
    for boot in 0..3 {
        let options = Options { segment_bytes: 4096, min_free_bytes: 0, ..Options::default() };
        let (log, recovery) = Log::open(dir.path(), options).unwrap();
        assert_eq!(recovery.records, boot * 40);
        run(async {
            for _ in 0..20 {
                log.settled(intent("acme"), completion(200)).await.unwrap();
            }
            log.close().await.unwrap();
        });
    }
    let seqs: Vec<u64> = records(dir.path()).iter().map(|it| it.node_seq).collect();
    assert_eq!(seqs, (1..=120).collect::<Vec<_>>());
    assert!(segments(dir.path()).len() > 10);
}

#[test]
fn a_dropped_ticket_leaves_an_abandoned_record() {
    let dir = tempdir().unwrap();
    let (log, _) = open(dir.path());
    run(async {
        drop(log.intent(intent("acme")).await.unwrap());
        log.close().await.unwrap();
    });
    let records = records(dir.path());
    assert_eq!(records[1].abandoned.as_ref().unwrap().reason, Reason::Dropped);
    assert_eq!(records[1].intent_id, Some(records[0].record_id));
    assert_eq!(records[1].tenant.as_str(), "acme");
}

#[test]
fn a_call_open_at_the_end_is_abandoned_at_the_next_start_however_long_ago_it_began() {
    let dir = tempdir().unwrap();
    let options = || Options { segment_bytes: 2048, min_free_bytes: 0, ..Options::default() };
    let (log, _) = Log::open(dir.path(), options()).unwrap();
    let (id, late) = run(async {
        let ticket = log.intent(intent("acme")).await.unwrap();
        for _ in 0..30 {
            log.settled(intent("other"), completion(200)).await.unwrap();
        }
        log.close().await.unwrap();
        (ticket.record_id(), ticket)
    });
    assert!(segments(dir.path()).len() > 3);
    late.complete(completion(200));
    drop(log);
    let (_log, recovery) = Log::open(dir.path(), options()).unwrap();
    assert_eq!((recovery.abandoned, recovery.records), (1, 61));
    let last = records(dir.path()).pop().unwrap();
    assert_eq!((last.kind, last.intent_id, last.boot_id), (Kind::Abandoned, Some(id), recovery.boot_id));
    assert_eq!(last.abandoned.unwrap().reason, Reason::Recovery);
}

#[test]
fn a_second_writer_is_refused_until_the_first_has_closed() {
    let dir = tempdir().unwrap();
    let (log, _) = open(dir.path());
    let second = Log::open(dir.path(), Options::default());
    assert!(matches!(second, Err(AuditError::Locked { .. })));
    run(log.close()).unwrap();
    open(dir.path());
}

#[test]
fn a_closed_log_refuses() {
    let dir = tempdir().unwrap();
    let (log, _) = open(dir.path());
    run(async {
        log.close().await.unwrap();
        assert!(matches!(log.intent(intent("acme")).await, Err(AuditError::Closed)));
        let observed = log.intent_in(Mode::Observe, intent("acme")).await;
        assert!(matches!(observed, Err(AuditError::Closed)));
        assert!(log.health().is_err());
    });
}

#[test]
fn the_node_keeps_its_name() {
    let dir = tempdir().unwrap();
    let name = || {
        let (log, _) = open(dir.path());
        run(async {
            log.settled(intent("acme"), completion(200)).await.unwrap();
            log.close().await.unwrap();
        });
        records(dir.path()).pop().unwrap().node_id.to_string()
    };
    let first = name();
    assert_eq!(first.len(), 36);
    assert_eq!(name(), first);
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof!["[a-z]{0,12}", "\\PC{0,200}", "[\"\\\\\u{0}-\u{1f}]{0,300}"].prop_map(Text::from)
}

fn hit() -> impl Strategy<Value = Hit> {
    (text(), text(), text(), text(), text(), any::<u32>()).prop_map(
        |(action, entity, policy, rule, slot, count)| Hit {
            action,
            count,
            entity,
            policy,
            rule,
            slot,
            score: None,
        },
    )
}

fn bodies() -> impl Strategy<Value = Vec<BodyRef>> {
    let body = ("[a-zA-Z0-9_-]{43}", "[a-zA-Z0-9_-]{43}", "[a-z0-9/]{1,60}", 0..1u64 << 40);
    let body = body.prop_map(|(sha256, commitment, key, length)| BodyRef {
        commitment: commitment.into(),
        key: key.into(),
        kind: "returned".into(),
        length,
        sha256: sha256.into(),
    });
    proptest::collection::vec(body, 0..3)
}

prop_compose! {
    fn any_intent()(
        tenant in text(), endpoint in text(), policy_set in text(),
        optional in proptest::collection::vec(proptest::option::of(text()), 11),
        tags in proptest::collection::vec((text(), text()), 0..12),
        request_bytes in 0..1u64 << 53, stream: bool, bodies in bodies(),
    ) -> Intent {
        let part = |index: usize| optional[index].clone();
        Intent {
            app: part(0), bodies, classifiers: part(1), conversation: part(2), cost_center: part(3), endpoint,
            key_id: part(4), policy_set, purpose: part(5), record_id: uuid::Uuid::nil(), request_bytes,
            requested_model: part(6), retention: part(7), route: part(8), stream, subject_ref: part(9),
            tags: tags.into_iter().map(|(name, value)| Tag { name, value }).collect(), team: part(10), tenant,
        }
    }
}

prop_compose! {
    fn any_completion()(
        optional in proptest::collection::vec(proptest::option::of(text()), 6),
        finish_reasons in proptest::collection::vec(text(), 0..12),
        hits in proptest::collection::vec(hit(), 0..12),
        redactions in proptest::collection::vec((text(), any::<u32>()), 0..20),
        places in proptest::collection::vec((text(), text(), 0..u64::from(u32::MAX)), 0..20),
        status: u16, bodies in bodies(),
    ) -> Completion {
        let part = |index: usize| optional[index].clone();
        let redactions = redactions.into_iter().map(|(entity, count)| Redaction { count, entity }).collect();
        let place = |(entity, slot, start)| Place { end: start + 1, entity, mode: "token".into(), slot, start };
        let places = places.into_iter().map(place).collect();
        Completion {
            answered_model: part(0), bodies, error: part(1), finish_reasons, hits, places, provider: part(2), redactions,
            region: part(3), response_id: part(4), status, upstream: part(5), ..Completion::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_call_comes_back_canonical_bounded_and_whole_unless_it_says_so(
        calls in proptest::collection::vec((any_intent(), any_completion()), 1..12),
    ) {
        let dir = tempdir().unwrap();
        let (log, _) = open(dir.path());
        run(async {
            for (intent, completion) in &calls {
                log.settled(intent.clone(), completion.clone()).await.unwrap();
            }
            log.close().await.unwrap();
        });
        let records = records(dir.path());
        prop_assert_eq!(records.len(), calls.len() * 2);
        for (pair, (intent, completion)) in records.chunks(2).zip(&calls) {
            let id = pair[0].record_id;
            prop_assert_eq!(pair[1].intent_id, Some(id));
            if !pair[0].shed {
                prop_assert_eq!(pair[0].intent.clone().unwrap(), Intent { record_id: id, ..intent.clone() });
            }
            if !pair[1].shed {
                prop_assert_eq!(pair[1].completion.as_ref(), Some(completion));
            }
        }
        for (json, record) in raw_records(dir.path()).iter().zip(&records) {
            prop_assert!(json.len() <= weir_audit::record::MAX_RECORD);
            let value: serde_json::Value = serde_json::from_slice(json).unwrap();
            prop_assert_eq!(&canonical(&value).into_bytes(), json);
            prop_assert_eq!(&serde_json::to_vec(record).unwrap(), json);
        }
    }
}

/// RFC 8785 for what a record holds: sorted keys, no spaces, integers.
fn canonical(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by_key(|key| key.encode_utf16().collect::<Vec<_>>());
            let member = |key: &&String| format!("{}:{}", serde_json::json!(key), canonical(&map[*key]));
            format!("{{{}}}", keys.iter().map(member).collect::<Vec<_>>().join(","))
        }
        serde_json::Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        serde_json::Value::Number(number) => {
            assert!(!number.is_f64(), "a float in a record");
            number.to_string()
        }
        other => other.to_string(),
    }
}

#[test]
fn every_kind_of_event_survives_in_canonical_form() {
    use weir_audit::event::{Erasure, Export, Hold, KeyEvent, Reveal, Review};
    let dir = tempdir().unwrap();
    let (log, _) = open(dir.path());
    let text = || Text::from("zoe");
    let events = [
        Event::Admin(AdminEvent { actor: text(), ..AdminEvent::default() }),
        Event::Erasure(Erasure { actor: text(), bodies: 3, tenant: text(), ..Erasure::default() }),
        Event::Export(Export { actor: text(), calls: 7, ..Export::default() }),
        Event::Hold(Hold { actor: text(), subject_ref: Some(text()), ..Hold::default() }),
        Event::Key(KeyEvent { actor: text(), public: Some(text()), ..KeyEvent::default() }),
        Event::Reveal(Reveal { actor: text(), bodies: vec![text()], ..Reveal::default() }),
        Event::Review(Review { actor: text(), state: "closed".into(), ..Review::default() }),
    ];
    run(async {
        for event in events.clone() {
            log.append(event).await.unwrap();
        }
        log.close().await.unwrap();
    });
    let kinds: Vec<&str> = records(dir.path()).iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["admin", "erasure", "export", "hold", "key", "reveal", "review"]);
    for (json, record) in raw_records(dir.path()).iter().zip(records(dir.path())) {
        // serde_json keeps keys sorted, which for these shapes is the canonical form of RFC 8785.
        let sorted: serde_json::Value = serde_json::from_slice(json).unwrap();
        assert_eq!(serde_json::to_vec(&sorted).unwrap(), *json);
        assert!(!sorted[record.kind.as_str()].is_null());
    }
}
