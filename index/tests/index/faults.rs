//! A changed, set back or forked log raises an alarm; a damaged, newer or full index is rebuilt or waits.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::tempdir;
use weir_audit::Log;
use weir_index::{IndexError, Indexer, Settings, SqliteIndex, SqliteStore, Store, catch_up};

use crate::following::until;
use crate::support::*;

pub fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status().unwrap().success());
}

#[test]
fn a_log_that_was_set_back_or_went_another_way_raises_an_alarm() {
    let (dir, backup) = (tempdir().unwrap(), tempdir().unwrap());
    let clock = Clock::at(START);
    let (log, _) = Log::open(dir.path(), options(&clock)).unwrap();
    run(write(&log, &samples(10)));
    // The identity is made before the copy, as it is when a backup is taken of a log that is indexed.
    drop(indexed(dir.path()));
    drop(log);
    copy(dir.path(), backup.path());
    let (log, _) = Log::open(dir.path(), options(&clock)).unwrap();
    run(write(&log, &samples(10)));
    let (mut store, index) = indexed(dir.path());
    let before = index.completeness().unwrap();

    let set_back = catch_up(&mut store, lanes(backup.path())).unwrap_err();
    assert!(matches!(set_back, IndexError::Rollback { lane: 0, .. }) && set_back.is_alarm(), "{set_back}");
    let (fork, _) = Log::open(backup.path(), options(&clock)).unwrap();
    run(write(&fork, &samples(30)));
    let forked = catch_up(&mut store, lanes(backup.path())).unwrap_err();
    assert!(matches!(forked, IndexError::Conflict { lane: 0, .. }) && forked.is_alarm(), "{forked}");
    assert_eq!(index.completeness().unwrap(), before, "nothing was written");

    let indexer = Indexer::start(Box::new(store), lanes(backup.path()), Settings::default()).unwrap();
    until("the alarm is shown", || indexer.state().alarm().is_some());
    assert_eq!(indexer.state().failures, 0);
}

#[test]
fn a_position_that_was_set_back_writes_nothing_twice_and_finds_changed_rows() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let open = run(write(&log, &samples(40)));
    let (mut store, index) = indexed(dir.path());
    let before = (index.completeness().unwrap(), index.totals(&everything()).unwrap());
    let edit = rusqlite::Connection::open(dir.path().join("index.sqlite")).unwrap();
    edit.execute("DELETE FROM watermarks", []).unwrap();
    assert_eq!(catch_up(&mut store, lanes(dir.path())).unwrap(), log.durable_seq());
    assert_eq!((index.completeness().unwrap(), index.totals(&everything()).unwrap()), before);

    for (column, seq) in [("intent_hash", "intent_seq"), ("end_hash", "end_seq")] {
        edit.execute("DELETE FROM watermarks", []).unwrap();
        let (id, at): (i64, i64) = edit
            .query_row(
                &format!("SELECT rowid, {seq} FROM calls WHERE state = 'completed' LIMIT 1"),
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        let set = |value: &[u8]| {
            edit.execute(
                &format!("UPDATE calls SET {column} = ?1 WHERE rowid = ?2"),
                rusqlite::params![value, id],
            )
        };
        let kept: Vec<u8> = edit
            .query_row(&format!("SELECT {column} FROM calls WHERE rowid = ?1"), [id], |row| row.get(0))
            .unwrap();
        set(&[7; 32]).unwrap();
        let found = catch_up(&mut store, lanes(dir.path())).unwrap_err();
        assert!(
            matches!(found, IndexError::Conflict { lane: 0, seq } if seq == at.unsigned_abs()),
            "{column}: {found}"
        );
        set(&kept).unwrap();
    }
    drop(open);
}

#[test]
fn a_record_that_is_none_stops_its_lane() {
    let check = |json: &[u8], seq: u64| {
        let dir = tempdir().unwrap();
        let mut store = SqliteStore::open(&dir.path().join("index.sqlite")).unwrap();
        let line = weir_audit::read::Line { seq, json: json.to_vec() };
        let lane = weir_index::LaneId::new(uuid::Uuid::nil(), 0);
        let from = store.watermark(lane).unwrap();
        weir_index::Batch::new(lane, from, &[line]).err().map(|error| error.to_string())
    };
    let told = |seq: u64| {
        Some(format!("record {seq} of lane 0 can't be read: it is damaged, or of a newer version"))
    };
    assert_eq!(check(b"{}", 1), told(1));
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    run(write(&log, &[]));
    let line = weir_audit::read::Tail::open(dir.path(), 0).next(1, 2).unwrap().remove(0);
    assert_eq!(check(&line.json, 1), None);
    assert_eq!(check(&line.json, 2), told(2), "at another place than it says");
    let newer = String::from_utf8(line.json).unwrap().replace("\"schema\":1", "\"schema\":2");
    assert_eq!(check(newer.as_bytes(), 1), told(1));
}

#[test]
fn a_file_that_cannot_be_used_is_moved_aside_and_built_anew() {
    let newer = |path: &Path| {
        let edit = rusqlite::Connection::open(path).unwrap();
        let add = "INSERT INTO refinery_schema_history VALUES (999, 'later', '2027-01-01T00:00:00Z', '1')";
        edit.execute(add, []).unwrap();
    };
    let noise = |path: &Path| std::fs::write(path, vec![7; 40_000]).unwrap();
    for what in ["of a newer version", "no database"] {
        let dir = tempdir().unwrap();
        let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
        let _open = run(write(&log, &samples(10)));
        let (store, index) = indexed(dir.path());
        let expect = index.completeness().unwrap();
        drop(store);
        let path = dir.path().join("index.sqlite");
        if what == "no database" {
            noise(&path)
        } else {
            newer(&path)
        }
        let (_, index) = indexed(dir.path());
        assert_eq!(index.completeness().unwrap(), expect, "{what}");
        assert!(dir.path().join("index.sqlite.unusable-0").is_file(), "{what}");
    }
}

#[test]
fn a_file_damaged_in_the_middle_is_noticed_at_work_and_built_anew() {
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let mut open = run(write(&log, &samples(300)));
    let (store, index) = indexed(dir.path());
    drop(store);
    let path = dir.path().join("index.sqlite");
    // What is read when the file is opened stays as it is.
    let edit = rusqlite::Connection::open(&path).unwrap();
    let pages = "SELECT rootpage FROM sqlite_schema WHERE tbl_name IN ('calls', 'terms')";
    let pages = edit
        .prepare(pages)
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<Vec<i64>, _>>();
    drop(edit);
    let mut bytes = std::fs::read(&path).unwrap();
    for page in pages.unwrap() {
        let start = (usize::try_from(page).unwrap() - 1) * 4096;
        bytes[start..start + 4096].fill(0x5a);
    }
    std::fs::write(&path, bytes).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let settings =
        Settings { pause: Duration::from_millis(1), poll: Duration::from_millis(5), ..Settings::default() };
    let indexer = Indexer::start(Box::new(store), lanes(dir.path()), settings).unwrap();
    open.extend(run(write(&log, &samples(10))));
    until("all is indexed", || indexer.state().lanes[0].indexed == log.durable_seq());
    let counted = &index.completeness().unwrap()[0];
    assert!(counted.is_complete(), "{counted:?}");
    assert_eq!(counted.indexed, plain(dir.path()).len() as u64);
    assert!(indexer.state().failures > 0);
}

/// A small disk of its own; none where that takes rights this run lacks.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let dir = tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path())
            .output()
            .ok()?;
        mount.status.success().then_some(Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_stops_the_index_only_until_there_is_room() {
    let Some(disk) = SmallDisk::mount("600k") else {
        println!("skipped: no right to mount a small disk");
        return;
    };
    let dir = tempdir().unwrap();
    let (log, _) = Log::open(dir.path(), options(&Clock::at(START))).unwrap();
    let _open = run(write(&log, &samples(2000)));
    let path = disk.0.path().join("index.sqlite");
    let store = SqliteStore::open(&path).unwrap();
    let settings = Settings {
        batch: 50,
        pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(20),
        ..Settings::default()
    };
    let indexer = Indexer::start(Box::new(store), lanes(dir.path()), settings).unwrap();
    until("the disk is full", || indexer.state().failing.is_some());
    assert_eq!(indexer.state().alarm(), None);
    assert!(indexer.state().lanes[0].indexed < log.durable_seq());
    let larger = Command::new("mount").args(["-o", "remount,size=64m"]).arg(disk.0.path()).status().unwrap();
    assert!(larger.success());
    until("all is indexed", || indexer.state().lanes[0].indexed == log.durable_seq());
    assert_eq!(indexer.state().failing, None);
    let index = SqliteIndex::new(&path, Duration::from_secs(60));
    let counted = &index.completeness().unwrap()[0];
    assert!(counted.is_complete(), "{counted:?}");
    assert_eq!(counted.indexed, plain(dir.path()).len() as u64);
    drop(indexer);
}
