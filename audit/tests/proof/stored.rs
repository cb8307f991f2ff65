//! Verification of what stands beside a log: a body is as the record names it, or a record says why it is gone.

use uuid::Uuid;
use weir_audit::event::Erasure;
use weir_audit::exchange::BodyRef;
use weir_audit::verify::{Trust, verify};
use weir_audit::{AdminEvent, Completion, Event, Intent};

use crate::support::Place;

/// A sealed log with one call that names one body, `abc`; the call's id.
async fn with_a_body() -> (Place, Uuid) {
    let place = Place::new();
    let log = place.open().unwrap();
    let body = BodyRef {
        key: "a-key".into(),
        kind: "request".into(),
        length: 3,
        sha256: "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0".into(),
        ..BodyRef::default()
    };
    let intent = Intent { bodies: vec![body], tenant: "acme".into(), ..Intent::default() };
    let id = log.settled(intent, Completion::default()).await.unwrap();
    log.close().await.unwrap();
    (place, id)
}

/// What is stored of the body, how many fit and are missing, and the words of the fault, which is the call's.
fn compare(
    (place, id): &(Place, Uuid),
    content: Option<&[u8]>,
    (good, missing, words): (u64, u64, Option<&str>),
) {
    let bodies = |_: &weir_audit::Record, body: &BodyRef| {
        content.filter(|_| body.kind == *"request").map(<[u8]>::to_vec)
    };
    let report = verify(&place.dir(), &Trust { bodies: Some(&bodies), ..Trust::default() });
    let lane = &report.lanes[0];
    assert_eq!((lane.bodies, lane.missing_bodies), (good, missing));
    match (words, report.faults.first()) {
        (None, None) => {}
        (Some(words), Some(fault)) if fault.reason.contains(words) => {
            assert_eq!((fault.node_seq, fault.record_id), (Some(2), Some(*id)));
        }
        (expect, found) => panic!("{expect:?}: {found:?}"),
    }
}

#[tokio::test]
async fn bodies_are_compared_with_what_the_records_name() {
    let log = with_a_body().await;
    let other = Some("is not the one it names");
    compare(&log, Some(b"abc"), (1, 0, None));
    compare(&log, Some(b"abd"), (0, 0, other));
    compare(&log, Some(&[0; 4]), (0, 0, other));
}

#[tokio::test]
async fn a_body_that_is_not_there_is_explained_by_a_record_or_named() {
    let log = with_a_body().await;
    let append = async |event| {
        let log = log.0.open().unwrap();
        log.append(event).await.unwrap();
        log.close().await.unwrap();
    };
    let erasure = |tenant: &'static str, key: &'static str| {
        Event::Erasure(Erasure { subject_ref: key.into(), tenant: tenant.into(), ..Erasure::default() })
    };
    let unexplained = (0, 1, Some("no record of an erasure"));
    // Missing, or zeros as an erasure leaves them.
    let absent = [None, Some(&[0; 3][..])];
    absent.into_iter().for_each(|content| compare(&log, content, unexplained));
    append(erasure("other", "a-key")).await;
    append(erasure("acme", "another-key")).await;
    // A pruning explains nothing while the log's beginning is there.
    append(Event::Admin(AdminEvent { action: "audit.prune".into(), ..AdminEvent::default() })).await;
    absent.into_iter().for_each(|content| compare(&log, content, unexplained));
    append(erasure("acme", "a-key")).await;
    absent.into_iter().for_each(|content| compare(&log, content, (0, 1, None)));
    compare(&log, Some(b"abd"), (0, 0, Some("is not the one it names")));
}
