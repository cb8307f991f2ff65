//! PostgreSQL: the same answers as SQLite, every record once whatever happens to the database on the way.

use std::sync::atomic::Ordering;
use std::time::Duration;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use tempfile::tempdir;
use uuid::Uuid;
use weir_audit::event::{Erasure as Erased, Review};
use weir_audit::{Event, Log};
use weir_index::{
    Completeness, EventQuery, IndexError, Indexer, Micros, PostgresIndex, PostgresSettings, PostgresStore,
    Query, Scope, Settings, Store, catch_up, reindex,
};

use crate::cluster::{Cluster, signal};
use crate::faults::copy;
use crate::following::until;
use crate::questions::{pages, query};
use crate::support::*;
use crate::wire::cut_at_commits;

/// The server of a test; durability is that of a crash of the server, not of the machine.
fn cluster() -> Option<Cluster> {
    Cluster::start(&["fsync = off", "max_connections = 40", "shared_buffers = '32MB'"])
}

fn settings(url: String) -> PostgresSettings {
    let short = Duration::from_secs(2);
    PostgresSettings { connecting: short, patience: short, ..PostgresSettings::new(url) }
}

fn quick(batch: usize) -> Settings {
    let (poll, pause) = (Duration::from_millis(2), Duration::from_millis(10));
    Settings { batch, poll, pause, longest_pause: Duration::from_millis(100), ..Settings::default() }
}

fn ship(url: &str, dir: &std::path::Path, batch: usize) -> Indexer {
    let store = Box::new(PostgresStore::new(settings(url.to_owned())).unwrap());
    Indexer::start(store, lanes(dir), quick(batch)).unwrap()
}

/// That the index has every record of the log once, by its own counts and by those of the log.
fn complete(cluster: &Cluster, dir: &std::path::Path, log: &Log) {
    let counted = counts(cluster);
    assert!(counted.len() == 1 && counted[0].is_complete(), "{counted:?}");
    let calls = plain(dir);
    assert_eq!((counted[0].seq, counted[0].indexed), (log.durable_seq(), calls.len() as u64));
    let distinct =
        cluster.ask("SELECT count(DISTINCT record_id), count(DISTINCT intent_seq), count(*) FROM weir.calls");
    assert_eq!(distinct, format!("{0}|{0}|{0}", calls.len()));
    let ended = calls.iter().filter(|it| it.end().is_some()).count();
    assert_eq!(
        cluster.ask("SELECT count(end_seq), count(DISTINCT end_seq) FROM weir.calls"),
        format!("{ended}|{ended}")
    );
    assert_eq!(cluster.ask("SELECT count(*) FROM weir.stage_calls"), "0");
}

fn counts(cluster: &Cluster) -> Vec<Completeness> {
    run(async { PostgresIndex::new(&settings(cluster.url())).unwrap().completeness().await.unwrap() })
}

#[test]
fn both_databases_answer_alike() {
    let Some(cluster) = cluster() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let index = PostgresIndex::new(&settings(cluster.url())).unwrap();
    let mut runner = TestRunner::deterministic();
    for round in 0..3_u32 {
        let dir = tempdir().unwrap();
        let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
        let _open = run(write(&log, &samples(30 + round * 60)));
        let (_, sqlite) = indexed(dir.path());
        let mut store = PostgresStore::new(settings(cluster.url())).unwrap();
        catch_up(&mut store, lanes(dir.path())).unwrap();
        assert_eq!(runtime.block_on(index.completeness()).unwrap(), sqlite.completeness().unwrap());
        for _ in 0..60 {
            let query = query().new_tree(&mut runner).unwrap().current();
            let calls = plain(dir.path());
            let expect: Vec<Uuid> = calls.iter().filter(|it| matches(&query, it)).map(|it| it.id()).collect();
            for limit in [3, 1000] {
                let found = pages(|it| runtime.block_on(index.calls(it)).unwrap(), &query, limit);
                assert_eq!(found, expect, "{query:?} by {limit}");
            }
            let query = Query { limit: 1000, ..query };
            assert_eq!(runtime.block_on(index.calls(&query)).unwrap(), sqlite.calls(&query).unwrap());
            assert_eq!(runtime.block_on(index.totals(&query)).unwrap(), sqlite.totals(&query).unwrap());
        }
        let source = lanes(dir.path())[0].id.source;
        store.clear(source).unwrap();
        assert_eq!(runtime.block_on(index.completeness()).unwrap(), []);
    }
}

#[test]
fn reviews_erasures_and_retention_are_those_of_sqlite() {
    let Some(cluster) = cluster() else { return };
    let dir = tempdir().unwrap();
    let clock = Clock::at(START);
    let (old, _) = Log::open(dir.path(), options(&clock)).unwrap();
    let (new, _) = Log::open_beside(dir.path(), options(&clock)).unwrap();
    let mut open = run(write(&new, &samples(40)));
    let call = plain(dir.path())[3].id();
    run(async {
        let review = Review { call, state: "closed".into(), tenant: "acme".into(), ..Review::default() };
        old.append(Event::Review(review)).await.unwrap();
        let erased = Erased { subject_ref: "subject-7".into(), tenant: "globex".into(), ..Erased::default() };
        old.append(Event::Erasure(erased)).await.unwrap();
    });
    clock.set(START + 40 * 86_400_000_000);
    open.extend(run(write(&old, &samples(40))));
    let (mut file, sqlite) = indexed(dir.path());
    let mut store = PostgresStore::new(settings(cluster.url())).unwrap();
    let alike = |what: &str| {
        run(async {
            let index = PostgresIndex::new(&settings(cluster.url())).unwrap();
            let query = Query { limit: 1000, ..everything() };
            assert_eq!(index.calls(&query).await.unwrap(), sqlite.calls(&query).unwrap(), "{what}");
            let events = EventQuery { scope: Scope::All, ..EventQuery::default() };
            assert_eq!(index.events(&events).await.unwrap(), sqlite.events(&events).unwrap(), "{what}");
            assert_eq!(index.completeness().await.unwrap(), sqlite.completeness().unwrap(), "{what}");
        });
    };
    catch_up(&mut store, lanes(dir.path())).unwrap();
    alike("at first");
    catch_up(&mut store, lanes(dir.path())).unwrap();
    alike("again");
    reindex(&mut store, lanes(dir.path())).unwrap();
    alike("anew");
    let erasure =
        weir_index::Erasure { tenant: "globex".into(), subject_ref: "subject-9".into(), time: Micros(5) };
    assert_eq!(store.erase(&erasure).unwrap(), file.erase(&erasure).unwrap());
    alike("erased by hand");
    // November; the first log's part is all in it, the second's in January.
    let december = Micros(1_796_083_200_000_000);
    let before =
        plain(dir.path()).iter().filter(|it| it.time().unix_micros() < december.0.unsigned_abs()).count();
    assert_eq!(store.drop_before(Micros(december.0 - 1)).unwrap(), 0, "the month is not over");
    assert_eq!(
        (store.drop_before(december).unwrap(), file.drop_before(december).unwrap()),
        (before as u64, before as u64)
    );
    alike("pruned");
    assert_eq!(cluster.ask("SELECT count(*) FROM pg_inherits WHERE inhparent = 'weir.calls'::regclass AND inhrelid = to_regclass('weir.calls_202611')"), "0");
}

#[test]
fn a_database_that_crashes_again_and_again_gets_every_record_once() {
    let Some(mut cluster) = cluster() else { return };
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(2000)));
    let indexer = ship(&cluster.url(), dir.path(), 20);
    let mut crashes = 0;
    while indexer.state().lanes[0].indexed < log.durable_seq() * 3 / 4 {
        let before = indexer.state().lanes[0].indexed;
        until("some are shipped", || indexer.state().lanes[0].indexed > before + 200);
        cluster.crash();
        until("the failure shows", || indexer.state().failing.is_some());
        assert_eq!(indexer.state().alarm(), None);
        cluster.resume();
        crashes += 1;
    }
    until("all is shipped", || indexer.state().lanes[0].indexed == log.durable_seq());
    assert!(crashes >= 3, "{crashes} crashes");
    complete(&cluster, dir.path(), &log);
}

#[test]
fn a_database_that_hangs_or_is_locked_holds_nothing_up_for_ever() {
    let Some(cluster) = cluster() else { return };
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let mut open = run(write(&log, &samples(1500)));
    let indexer = ship(&cluster.url(), dir.path(), 10);
    for round in 0..2 {
        let before = indexer.state().lanes[0].indexed;
        until("some are shipped", || indexer.state().lanes[0].indexed > before + 100);
        let backends = cluster.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'weir'");
        let backends: Vec<u32> = backends.lines().map(|it| it.parse().unwrap()).collect();
        backends.iter().for_each(|it| signal("STOP", *it));
        until("the deadline passes", || indexer.state().failing.is_some());
        backends.iter().for_each(|it| signal("CONT", *it));
        until("it goes on", || indexer.state().failing.is_none());
        assert_eq!(indexer.state().alarm(), None, "round {round}");
    }
    let before = indexer.state().failures;
    let name = "application_name = 'locker'";
    let lock = format!("SET {name}; BEGIN; LOCK TABLE weir.calls IN EXCLUSIVE MODE; SELECT pg_sleep(600)");
    std::thread::scope(|scope| {
        let locker = scope.spawn(|| cluster.attempt(&lock));
        let held = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'locker' AND l.granted AND l.mode = 'ExclusiveLock' AND l.relation = 'weir.calls'::regclass";
        until("the lock is held", || cluster.ask(held) != "0");
        open.extend(run(write(&log, &samples(100))));
        until("the lock is given up on", || indexer.state().failures > before);
        cluster.ask(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {name}"));
        assert!(locker.join().unwrap().is_err());
    });
    until("all is shipped", || indexer.state().lanes[0].indexed == log.durable_seq());
    complete(&cluster, dir.path(), &log);
}

#[test]
fn a_slow_database_gets_every_record_once_while_the_log_goes_on() {
    let Some(cluster) = cluster() else { return };
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let mut open = run(write(&log, &samples(600)));
    PostgresStore::new(settings(cluster.url())).unwrap().watermark(lanes(dir.path())[0].id).unwrap();
    // Each batch takes a good part of what the shipper has patience for, and never all of it.
    cluster.ask(
        "CREATE FUNCTION weir.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END'; \
         CREATE TRIGGER slow BEFORE INSERT ON weir.calls FOR EACH STATEMENT EXECUTE FUNCTION weir.slow()",
    );
    let indexer = ship(&cluster.url(), dir.path(), 100);
    until("some are shipped", || indexer.state().lanes[0].indexed > 0);
    open.extend(run(write(&log, &samples(600))));
    assert!(indexer.state().lanes[0].indexed < log.durable_seq(), "the log waited for the database");
    until("all is shipped", || indexer.state().lanes[0].indexed == log.durable_seq());
    assert_eq!((indexer.state().failures, indexer.state().alarm()), (0, None));
    complete(&cluster, dir.path(), &log);

    // Slower than there is patience for: nothing comes through, nothing is lost, and it catches up.
    cluster.ask("CREATE OR REPLACE FUNCTION weir.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NULL; END'");
    let before = indexer.state().lanes[0].indexed;
    open.extend(run(write(&log, &samples(100))));
    until("it is given up on", || indexer.state().failing.is_some());
    assert_eq!(indexer.state().lanes[0].indexed, before);
    cluster.ask("DROP TRIGGER slow ON weir.calls");
    until("all is shipped", || indexer.state().lanes[0].indexed == log.durable_seq());
    complete(&cluster, dir.path(), &log);
}

#[test]
fn a_commit_whose_outcome_is_unknown_is_neither_lost_nor_repeated() {
    let Some(cluster) = cluster() else { return };
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(500)));
    // The schema is there before: its own commits are not cut.
    PostgresStore::new(settings(cluster.url())).unwrap().watermark(lanes(dir.path())[0].id).unwrap();
    let (port, cuts) = cut_at_commits(cluster.port());
    let indexer = ship(&cluster.url_as("weir", port), dir.path(), 20);
    until("all is shipped", || indexer.state().lanes[0].indexed == log.durable_seq());
    assert!(cuts.load(Ordering::SeqCst) >= 5 && indexer.state().failures >= 5, "{:?}", indexer.state());
    complete(&cluster, dir.path(), &log);
}

#[test]
fn several_shippers_at_once_write_each_record_once() {
    let Some(cluster) = cluster() else { return };
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(600)));
    // The schema is made by whoever comes first.
    let indexers: Vec<_> = (0..3).map(|_| ship(&cluster.url(), dir.path(), 7)).collect();
    until("all is shipped", || indexers.iter().all(|it| it.state().lanes[0].indexed == log.durable_seq()));
    for indexer in &indexers {
        assert_eq!((indexer.state().alarm(), indexer.state().failing), (None, None));
    }
    complete(&cluster, dir.path(), &log);
}

#[test]
fn a_copied_node_and_a_changed_row_raise_an_alarm() {
    let Some(cluster) = cluster() else { return };
    let (dir, backup) = (tempdir().unwrap(), tempdir().unwrap());
    let clock = Clock::at(START);
    let (log, _) = Log::open(dir.path(), options(&clock)).unwrap();
    run(write(&log, &samples(20)));
    let source = lanes(dir.path())[0].id.source;
    drop(log);
    copy(dir.path(), backup.path());
    let (log, _) = Log::open(dir.path(), options(&clock)).unwrap();
    run(write(&log, &samples(20)));
    let mut store = PostgresStore::new(settings(cluster.url())).unwrap();
    catch_up(&mut store, lanes(dir.path())).unwrap();
    let (fork, _) = Log::open(backup.path(), options(&clock)).unwrap();
    assert!(matches!(catch_up(&mut store, lanes(backup.path())), Err(IndexError::Rollback { lane: 0, .. })));
    run(write(&fork, &samples(60)));
    assert_eq!(lanes(backup.path())[0].id.source, source);
    assert!(matches!(catch_up(&mut store, lanes(backup.path())), Err(IndexError::Conflict { lane: 0, .. })));

    for (column, seq) in [("intent_hash", "intent_seq"), ("end_hash", "end_seq")] {
        cluster.ask("DELETE FROM weir.watermarks");
        let at: u64 = cluster
            .ask(&format!("SELECT max({seq}) FROM weir.calls WHERE state = 'completed'"))
            .parse()
            .unwrap();
        let kept = cluster.ask(&format!("SELECT {column} FROM weir.calls WHERE {seq} = {at}"));
        cluster.ask(&format!("UPDATE weir.calls SET {column} = sha256('x') WHERE {seq} = {at}"));
        let found = catch_up(&mut store, lanes(dir.path())).unwrap_err();
        assert!(matches!(found, IndexError::Conflict { lane: 0, seq } if seq == at), "{column}: {found}");
        cluster.ask(&format!("UPDATE weir.calls SET {column} = '{kept}' WHERE {seq} = {at}"));
    }
    cluster.ask("DELETE FROM weir.watermarks");
    catch_up(&mut store, lanes(dir.path())).unwrap();
    complete(&cluster, dir.path(), &log);
}

#[test]
fn the_documented_roles_can_do_their_part_and_no_more() {
    let Some(cluster) = cluster() else { return };
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(50)));
    PostgresStore::new(settings(cluster.url())).unwrap().watermark(lanes(dir.path())[0].id).unwrap();
    let guide = include_str!("../../../docs/audit-index.md");
    let (_, roles) = guide.split_once("```sql\n").unwrap();
    let (roles, _) = roles.split_once("```").unwrap();
    cluster.ask(roles);
    let url = |user: &str| cluster.url_as(user, cluster.port());
    let mut store = PostgresStore::new(settings(url("weir_gateway"))).unwrap();
    catch_up(&mut store, lanes(dir.path())).unwrap();
    complete(&cluster, dir.path(), &log);
    run(async {
        for user in ["weir_gateway", "weir_reader"] {
            let index = PostgresIndex::new(&settings(url(user))).unwrap();
            assert_eq!(
                index.calls(&everything()).await.unwrap().rows.len(),
                plain(dir.path()).len(),
                "{user}"
            );
        }
    });
    let erasure =
        weir_index::Erasure { tenant: "acme".into(), subject_ref: "subject-7".into(), time: Micros(1) };
    let is_refused = |done: Result<(), IndexError>| matches!(done, Err(IndexError::Postgres { code, .. }) if code == "42501");
    // A gateway erases by the log's records only.
    assert!(is_refused(store.erase(&erasure).map(drop)));
    let mut reading = PostgresStore::new(settings(url("weir_reader"))).unwrap();
    assert!(is_refused(reading.erase(&erasure).map(drop)));
    assert!(is_refused(reading.clear(lanes(dir.path())[0].id.source)));
    let records = weir_index::reindex(&mut store, lanes(dir.path())).unwrap();
    assert!(records > 0);
    complete(&cluster, dir.path(), &log);
}

#[test]
fn tls_is_spoken_with_a_server_whose_certificate_is_trusted_only() {
    let Some(cluster) = cluster() else { return };
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    cluster.put("server.crt", &own.cert.pem());
    cluster.put("server.key", &own.signing_key.serialize_pem());
    cluster.ask("ALTER SYSTEM SET ssl = on");
    cluster.ask("SELECT pg_reload_conf()");
    until("the server speaks TLS", || cluster.ask("SHOW ssl") == "on");
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trusted.path(), own.cert.pem()).unwrap();
    let other = tempfile::NamedTempFile::new().unwrap();
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(other.path(), stranger.cert.pem()).unwrap();
    let check = |host: &str, ca: &std::path::Path, expect: bool| {
        let url = format!("postgres://weir@{host}:{}/postgres?sslmode=require", cluster.port());
        let settings = PostgresSettings { ca: Some(ca.to_owned()), ..settings(url) };
        let lane = weir_index::LaneId::new(Uuid::nil(), 0);
        let found = PostgresStore::new(settings).unwrap().watermark(lane);
        assert_eq!(found.is_ok(), expect, "{host}: {found:?}");
    };
    check("localhost", trusted.path(), true);
    check("127.0.0.1", trusted.path(), false);
    check("localhost", other.path(), false);
}
