//! Ships many records to a PostgreSQL of its own, which crashes and hangs on the way; then the lag behind a writer.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use weir_audit::exchange::{Cost, Hit, Latency, Usage};
use weir_audit::{Completion, Intent, Log, Options, PicoUsd, System};
use weir_index::{Indexer, Lane, PostgresSettings, PostgresStore, Settings, SqliteStore};

use crate::cluster::{Cluster, signal};

/// Calls that are written at once.
const WRITERS: u64 = 256;

pub fn postgres(records: u64) {
    let Some(mut cluster) = crate::server() else { return };
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (log, _) = Log::open(dir.path(), Options { min_free_bytes: 0, ..Options::default() }).unwrap();
    let started = Instant::now();
    runtime.block_on(write(&log, records / 2));
    println!("log: {records} records written in {:.1} s", started.elapsed().as_secs_f64());

    let indexer = ship(&cluster, dir.path(), &log);
    let started = Instant::now();
    wait(&indexer, "a third", |indexed| indexed >= records / 3);
    let third = started.elapsed();
    println!("undisturbed: {:.0} records/s", indexer.state().lanes[0].indexed as f64 / third.as_secs_f64());
    cluster.crash();
    wait_failing(&indexer);
    cluster.resume();
    wait(&indexer, "two thirds", |indexed| indexed >= records * 2 / 3);
    let backends = cluster.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'weir'");
    backends.lines().for_each(|it| signal("STOP", it.parse().unwrap()));
    wait_failing(&indexer);
    backends.lines().for_each(|it| signal("CONT", it.parse().unwrap()));
    wait(&indexer, "all", |indexed| indexed == records);
    let took = started.elapsed();
    println!(
        "with a crash and a hang: {records} records in {:.1} s, {:.0} records/s",
        took.as_secs_f64(),
        records as f64 / took.as_secs_f64()
    );
    exactly_once(&cluster, records / 2);
    lag(&indexer, &log, &runtime);
    exactly_once(&cluster, log.durable_seq() / 2);
    println!("size of the database: {}", cluster.ask("SELECT pg_size_pretty(pg_database_size('postgres'))"));
}

/// How fast a SQLite file takes records.
pub fn sqlite(records: u64) {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (log, _) = Log::open(dir.path(), Options { min_free_bytes: 0, ..Options::default() }).unwrap();
    runtime.block_on(write(&log, records / 2));
    runtime.block_on(log.close()).unwrap();
    let path = dir.path().join("index.sqlite");
    let mut store = SqliteStore::open(&path).unwrap();
    let started = Instant::now();
    let lanes = Lane::idle(dir.path(), &System::default()).unwrap();
    assert_eq!(weir_index::catch_up(&mut store, lanes).unwrap(), records);
    let took = started.elapsed().as_secs_f64();
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!(
        "sqlite: {records} records in {took:.1} s, {:.0} records/s, {} MB",
        records as f64 / took,
        bytes >> 20
    );
}

fn ship(cluster: &Cluster, dir: &Path, log: &Log) -> Indexer {
    let patience = Duration::from_secs(5);
    let settings =
        PostgresSettings { patience, connecting: patience, ..PostgresSettings::new(cluster.url()) };
    let durable = {
        let log = log.clone();
        Arc::new(move || log.durable_seq())
    };
    let mut lanes = Lane::all(dir, dir, durable, &System::default()).unwrap();
    lanes.truncate(1);
    Indexer::start(Box::new(PostgresStore::new(settings).unwrap()), lanes, Settings::default()).unwrap()
}

fn exactly_once(cluster: &Cluster, calls: u64) {
    let counted = cluster.ask("SELECT count(*), count(DISTINCT record_id), count(DISTINCT intent_seq), count(DISTINCT end_seq) FROM weir.calls");
    assert_eq!(counted, format!("{calls}|{calls}|{calls}|{calls}"));
    println!("exactly once: {calls} calls = {calls} ids = {calls} intents = {calls} ends");
}

/// How far the index is behind while calls are written at a steady rate.
fn lag(indexer: &Indexer, log: &Log, runtime: &tokio::runtime::Runtime) {
    let done = Arc::new(AtomicBool::new(false));
    let (before, started) = (log.durable_seq(), Instant::now());
    let writing = {
        let (log, done) = (log.clone(), Arc::clone(&done));
        runtime.spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(10));
            for _ in 0..2000 {
                ticks.tick().await;
                write(&log, 20).await;
            }
            done.store(true, Ordering::SeqCst);
        })
    };
    let mut behind = Vec::new();
    while !done.load(Ordering::SeqCst) {
        pause(Duration::from_millis(20));
        behind.push(log.durable_seq().saturating_sub(indexer.state().lanes[0].indexed));
    }
    runtime.block_on(writing).unwrap();
    let rate = (log.durable_seq() - before) as f64 / started.elapsed().as_secs_f64();
    behind.sort_unstable();
    let at = |percent: usize| behind[behind.len() * percent / 100];
    let (half, most) = (at(50), at(95));
    println!(
        "lag at {rate:.0} records/s: median {half} records, p95 {most} records = {:.0} ms",
        most as f64 / rate * 1000.0
    );
    wait(indexer, "all", |indexed| indexed == log.durable_seq());
}

async fn write(log: &Log, calls: u64) {
    let next = Arc::new(AtomicU64::new(0));
    let writer = |_| {
        let (log, next) = (log.clone(), Arc::clone(&next));
        tokio::spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < calls {
                let number = next.load(Ordering::Relaxed);
                log.settled(intent(number), completion(number)).await.unwrap();
            }
        })
    };
    let writers: Vec<_> = (0..WRITERS.min(calls)).map(writer).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

fn intent(number: u64) -> Intent {
    Intent {
        app: Some(format!("app-{}", number % 40).into()),
        conversation: Some(format!("conversation-{}", number % 100_000).into()),
        endpoint: "chat".into(),
        key_id: Some(format!("key-{}", number % 400).into()),
        policy_set: "3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b".into(),
        requested_model: Some(format!("model-{}", number % 12).into()),
        subject_ref: Some(format!("subject-{}", number % 50_000).into()),
        tenant: format!("tenant-{}", number % 20).into(),
        ..Intent::default()
    }
}

fn completion(number: u64) -> Completion {
    let hit = Hit {
        action: "mask".into(),
        count: 1,
        entity: "EMAIL".into(),
        policy: "pii".into(),
        rule: "email".into(),
        ..Hit::default()
    };
    Completion {
        answered_model: Some(format!("model-{}-2026", number % 12).into()),
        cost: Some(Cost { total: PicoUsd(i128::from(number % 1000) * 1_000_000), ..Cost::default() }),
        hits: if number.is_multiple_of(4) { vec![hit] } else { vec![] },
        latency: Latency { total_us: 800_000, ..Latency::default() },
        status: 200,
        upstream: Some(format!("upstream-{}", number % 5).into()),
        usage: Some(Usage { input: 900, output: 300, ..Usage::default() }),
        ..Completion::default()
    }
}

fn wait_failing(indexer: &Indexer) {
    wait_until("the failure shows", || indexer.state().failing.is_some());
}

fn wait(indexer: &Indexer, what: &str, done: impl Fn(u64) -> bool) {
    wait_until(what, || {
        let state = indexer.state();
        assert_eq!(state.alarm(), None);
        done(state.lanes[0].indexed)
    });
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if done() {
            return;
        }
        pause(Duration::from_millis(20));
    }
    panic!("never: {what}");
}

fn pause(time: Duration) {
    let lock = Mutex::new(());
    drop(Condvar::new().wait_timeout(lock.lock().unwrap(), time).unwrap());
}
