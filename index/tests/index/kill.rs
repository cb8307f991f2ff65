//! kill -9: a child indexes until it is killed, again and again; in the end every record is there once.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::tempdir;
use weir_audit::Log;
use weir_index::{Indexer, Settings, SqliteStore};

use crate::following::until;
use crate::support::*;

/// Tells this test's own program, started again, that it is the child, and where its log is.
const CHILD: &str = "WEIR_INDEX_KILL_TEST_DIR";

#[test]
fn an_index_killed_at_any_point_goes_on_where_it_was() {
    if let Some(dir) = std::env::var_os(CHILD) {
        index_until_killed(Path::new(&dir));
    }
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(3000)));
    let store = SqliteStore::open(&dir.path().join("index.sqlite")).unwrap();
    drop(store);
    let position = || {
        let edit = rusqlite::Connection::open(dir.path().join("index.sqlite")).unwrap();
        edit.query_row("SELECT COALESCE(MAX(seq), 0) FROM watermarks", [], |row| row.get::<_, i64>(0))
            .map(i64::unsigned_abs)
            .unwrap()
    };
    let mut rounds = 0;
    while position() < log.durable_seq() / 2 {
        let before = position();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::an_index_killed_at_any_point_goes_on_where_it_was", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("the child does something", || position() > before + rounds * 17 % 100);
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        rounds += 1;
    }
    let (_, index) = indexed(dir.path());
    let counted = &index.completeness().unwrap()[0];
    assert!(counted.is_complete() && rounds > 3, "{counted:?} after {rounds} kills");
    assert_eq!((counted.seq, counted.indexed), (log.durable_seq(), plain(dir.path()).len() as u64));
}

fn index_until_killed(dir: &Path) -> ! {
    let store = Box::new(SqliteStore::open(&dir.join("index.sqlite")).unwrap());
    let _indexer = Indexer::start(store, lanes(dir), Settings { batch: 5, ..Settings::default() }).unwrap();
    loop {
        std::thread::park();
    }
}
