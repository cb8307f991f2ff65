//! Two writers of one log, one taking over from the other.

use tempfile::tempdir;
use weir_audit::read::{self, Filter, Found};
use weir_audit::{AuditError, Completion, Intent, Log, Options};

fn options() -> Options {
    Options { min_free_bytes: 0, ..Options::default() }
}

async fn call(log: &Log) -> uuid::Uuid {
    let intent = Intent { endpoint: "chat".into(), ..Intent::default() };
    log.settled(intent, Completion { status: 200, ..Completion::default() }).await.unwrap()
}

#[tokio::test]
async fn a_successor_writes_beside_and_readers_see_one_log() {
    let dir = tempdir().unwrap();
    let (old, _) = Log::open_alone(dir.path(), options()).unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(call(&old).await);
    }
    let (new, _) = Log::open_beside(dir.path(), options()).unwrap();
    assert!(
        matches!(Log::open_beside(dir.path(), options()), Err(AuditError::Locked { .. })),
        "a third writer"
    );
    for turn in 0..8 {
        ids.push(call(if turn % 2 == 0 { &new } else { &old }).await);
    }
    for id in &ids {
        let found = read::find(dir.path(), *id).unwrap();
        assert!(matches!(found, Some(Found::Call(_))), "{id}");
    }
    for limit in 1..=12 {
        let mut filter = Filter { limit, ..Filter::default() };
        let mut seen = Vec::new();
        loop {
            let page = read::list(dir.path(), &filter).unwrap();
            seen.extend(page.calls.iter().map(|call| call.id()));
            let Some(next) = page.next else { break };
            filter.after = Some(next);
        }
        let expect: Vec<_> = ids.iter().rev().copied().collect();
        assert_eq!(seen, expect, "pages of {limit}");
    }
}

#[tokio::test]
async fn a_fresh_start_is_alone_and_ends_what_another_lane_left_open() {
    let dir = tempdir().unwrap();
    let (old, _) = Log::open_alone(dir.path(), options()).unwrap();
    let (new, _) = Log::open_beside(dir.path(), options()).unwrap();
    old.close().await.unwrap();
    assert!(
        matches!(Log::open_alone(dir.path(), options()), Err(AuditError::Locked { .. })),
        "the lane has a writer"
    );
    let ticket = new.intent(Intent { endpoint: "chat".into(), ..Intent::default() }).await.unwrap();
    let id = ticket.record_id();
    // As a crash leaves it: no completion, and the log is not closed in order.
    new.close().await.unwrap();
    drop(ticket);
    drop(new);
    let (_log, recovery) = Log::open_alone(dir.path(), options()).unwrap();
    assert_eq!(recovery.abandoned, 1);
    let Some(Found::Call(call)) = read::find(dir.path(), id).unwrap() else { panic!("no call") };
    assert_eq!(call.state(), "abandoned");
}
