//! Going on from the position: in any steps, beside the writer, over lanes, by several at once, after pruning.

use std::sync::Arc;
use std::time::Duration;

use tempfile::tempdir;
use weir_audit::event::Review;
use weir_audit::{AdminEvent, Event, Log};
use weir_index::{
    CallState, EventQuery, Indexer, Lane, Micros, Place, Query, Scope, Settings, SqliteIndex, SqliteStore,
    Store, catch_up, reindex,
};

use crate::support::*;

/// Waits, in bounded steps, until `done`.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let wait = std::sync::Condvar::new();
    let lock = std::sync::Mutex::new(());
    for _ in 0..3000 {
        if done() {
            return;
        }
        drop(wait.wait_timeout(lock.lock().unwrap(), Duration::from_millis(10)).unwrap());
    }
    panic!("never: {what}");
}

#[test]
fn an_indexer_follows_a_log_at_work_and_says_how_far_it_is() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let path = dir.path().join("index.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    let index = SqliteIndex::new(&path, Duration::from_secs(60));
    let durable = {
        let log = log.clone();
        Arc::new(move || log.durable_seq())
    };
    let lanes = Lane::all(dir.path(), dir.path(), durable, &*Clock::at(START)).unwrap();
    let settings = Settings { batch: 7, poll: Duration::from_millis(5), ..Settings::default() };
    let indexer = Indexer::start(Box::new(store), lanes, settings).unwrap();
    let mut open = Vec::new();
    for part in samples(120).chunks(20) {
        open.extend(run(write(&log, part)));
        until("all is indexed", || {
            let state = indexer.state();
            state.lanes[0].indexed == log.durable_seq() && state.lanes[0].behind() == 0
        });
        let state = indexer.state();
        assert_eq!((state.failures, state.alarm(), &state.failing), (0, None, &None));
        let counted = &index.completeness().unwrap()[0];
        assert!(counted.is_complete(), "{counted:?}");
        assert_eq!(counted.open, open.len() as u64);
        assert_eq!(counted.indexed, plain(dir.path()).len() as u64);
    }
    indexer.stop();
}

#[test]
fn the_size_of_the_steps_makes_no_difference() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(100)));
    let (_, whole) = indexed(dir.path());
    let query = Query { limit: 1000, ..everything() };
    let expect = whole.calls(&query).unwrap().rows;
    for batch in [1, 2, 13] {
        let path = dir.path().join(format!("by-{batch}.sqlite"));
        let index = SqliteIndex::new(&path, Duration::from_secs(60));
        let settings = Settings { batch, poll: Duration::from_millis(5), ..Settings::default() };
        let store = Box::new(SqliteStore::open(&path).unwrap());
        let indexer = Indexer::start(store, lanes(dir.path()), settings).unwrap();
        until("all is indexed", || indexer.state().lanes[0].indexed == log.durable_seq());
        assert_eq!(index.calls(&query).unwrap().rows, expect, "by {batch}");
        assert_eq!(index.completeness().unwrap(), whole.completeness().unwrap(), "by {batch}");
    }
}

#[test]
fn several_indexers_of_one_file_write_each_record_once() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(200)));
    let path = dir.path().join("index.sqlite");
    let settings = Settings { batch: 3, poll: Duration::from_millis(2), ..Settings::default() };
    let start = |_| {
        let store = Box::new(SqliteStore::open(&path).unwrap());
        Indexer::start(store, lanes(dir.path()), settings.clone()).unwrap()
    };
    let indexers: Vec<_> = (0..3).map(start).collect();
    until("all is indexed", || indexers.iter().any(|it| it.state().lanes[0].indexed == log.durable_seq()));
    assert!(indexers.iter().all(|it| it.state().alarm().is_none()));
    let index = SqliteIndex::new(&path, Duration::from_secs(60));
    let counted = &index.completeness().unwrap()[0];
    assert!(counted.is_complete(), "{counted:?}");
    assert_eq!((counted.seq, counted.indexed), (log.durable_seq(), plain(dir.path()).len() as u64));
}

#[test]
fn both_lanes_are_indexed_and_a_review_may_come_from_the_other_one() {
    let dir = tempdir().unwrap();
    let clock = Clock::at(START);
    let (old, _) = Log::open(dir.path(), options(&clock)).unwrap();
    let (new, _) = Log::open_beside(dir.path(), options(&clock)).unwrap();
    let _open = run(write(&new, &samples(20)));
    let call = plain(dir.path())[3].id();
    let judge =
        |state: &'static str| Event::Review(Review { call, state: state.into(), ..Review::default() });
    run(async {
        old.append(judge("pending")).await.unwrap();
        old.append(judge("closed")).await.unwrap();
        old.append(Event::Admin(AdminEvent { actor: "ada".into(), ..AdminEvent::default() })).await.unwrap();
    });
    // The first lane, with the reviews, is indexed before the second, with the call.
    let (_, index) = indexed(dir.path());
    let found = index.calls(&Query { review: Some("closed".into()), ..everything() }).unwrap().rows;
    assert_eq!(found.iter().map(|it| it.announced.record_id).collect::<Vec<_>>(), [call]);
    assert_eq!(found[0].announced.lane, 1);
    let counted = index.completeness().unwrap();
    assert_eq!((counted.len(), counted.iter().all(weir_index::Completeness::is_complete)), (2, true));
    let about = EventQuery { scope: Scope::All, call: Some(call), ..EventQuery::default() };
    assert_eq!(index.events(&about).unwrap().rows.len(), 2);
    let by_ada = EventQuery { scope: Scope::All, actor: Some("ada".into()), ..EventQuery::default() };
    assert_eq!(index.events(&by_ada).unwrap().rows[0].kind, "admin");
}

#[test]
fn a_lane_that_another_process_writes_is_left_alone() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(5)));
    let mut store = SqliteStore::open(&dir.path().join("index.sqlite")).unwrap();
    let idle = || Lane::idle(dir.path(), &*Clock::at(START)).unwrap();
    assert_eq!(catch_up(&mut store, idle()).unwrap(), 0);
    let written = log.durable_seq();
    drop((log, _open));
    // Closing ended the calls that were open.
    assert!(catch_up(&mut store, idle()).unwrap() >= written);
}

#[test]
fn an_index_is_built_anew_with_the_same_rows() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(60)));
    let (mut store, index) = indexed(dir.path());
    let query = Query { limit: 1000, ..everything() };
    let (rows, counted) = (index.calls(&query).unwrap(), index.completeness().unwrap());
    assert_eq!(reindex(&mut store, lanes(dir.path())).unwrap(), log.durable_seq());
    assert_eq!((index.calls(&query).unwrap(), index.completeness().unwrap()), (rows, counted));
}

#[test]
fn an_index_that_is_cleared_beside_a_running_indexer_is_filled_again() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(60)));
    let place = Place::Sqlite(dir.path().join("index.sqlite"));
    let settings = Settings { poll: Duration::from_millis(2), ..Settings::default() };
    let indexer = Indexer::start(place.store().unwrap(), lanes(dir.path()), settings).unwrap();
    until("all is indexed", || indexer.state().lanes[0].indexed == log.durable_seq());
    let index = place.index().unwrap();
    let all = || run(index.completeness()).unwrap();
    let expect = all();
    place.store().unwrap().clear(lanes(dir.path())[0].id.source).unwrap();
    until("all is indexed again", || all() == expect);
    let call = plain(dir.path())[5].id();
    assert!(run(index.call(Scope::All, call)).unwrap().is_some());
    assert!(run(index.call(Scope::None, call)).unwrap().is_none());
}

#[test]
fn retention_drops_old_calls_and_the_counts_still_agree() {
    let dir = tempdir().unwrap();
    let clock = Clock::at(START);
    let (log, _) = Log::open(dir.path(), options(&clock)).unwrap();
    let _first = run(write(&log, &samples(40)));
    let before = plain(dir.path()).len() as u64;
    let day = START + 86_400_000_000;
    clock.set(day);
    let _second = run(write(&log, &samples(30)));
    let (mut store, index) = indexed(dir.path());
    assert_eq!(store.drop_before(Micros(day as i64)).unwrap(), before);
    assert_eq!(store.drop_before(Micros(day as i64)).unwrap(), 0);
    let counted = &index.completeness().unwrap()[0];
    assert_eq!((counted.pruned, counted.indexed), (before, 31));
    // Calls that were open when they were dropped can't be told from ended ones any more, so only the rows count.
    assert_eq!(counted.intents, counted.indexed + counted.pruned);
    let open = Query { state: Some(CallState::Open), ..everything() };
    assert!(index.calls(&open).unwrap().rows.iter().all(|it| it.announced.time_us.0 >= day as i64));
}
