//! kill -9: a child acknowledges calls until it is killed; every acknowledged one must be there afterwards.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::tempdir;
use uuid::Uuid;
use weir_audit::record::Kind;
use weir_audit::{Log, Options};

use crate::support::*;

/// Tells this test's own program, started again, that it is the child, and where its log is.
const CHILD: &str = "WEIR_AUDIT_KILL_TEST_DIR";
const ROUNDS: usize = 20;

#[test]
fn no_acknowledged_record_is_lost_by_kill_9() {
    if let Some(dir) = std::env::var_os(CHILD) {
        acknowledge_until_killed(Path::new(&dir));
    }
    let dir = tempdir().unwrap();
    let mut acknowledged = HashSet::new();
    for round in 0..ROUNDS {
        let before = acknowledged.len();
        acknowledged.extend(one_killed_child(dir.path(), 1 + round * 37 % 400));
        assert!(acknowledged.len() > before, "the child of round {round} did nothing");
    }
    let (log, _) = open(dir.path());
    run(log.close()).unwrap();
    let records = records(dir.path());
    let written: HashSet<Uuid> = records.iter().map(|it| it.record_id).collect();
    let ended: HashSet<Uuid> = records.iter().filter_map(|it| it.intent_id).collect();
    assert_eq!(acknowledged.difference(&written).count(), 0);
    let open_calls = records.iter().filter(|it| it.kind == Kind::Intent && !ended.contains(&it.record_id));
    assert_eq!(open_calls.count(), 0);
}

/// Kills a child after it has acknowledged `lines` calls; all that it acknowledged.
fn one_killed_child(dir: &Path, lines: usize) -> Vec<Uuid> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::no_acknowledged_record_is_lost_by_kill_9", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ids = Vec::new();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let parse = |line: String| line.strip_prefix("ack ").and_then(|id| Uuid::parse_str(id).ok());
    ids.extend(output.by_ref().filter_map(parse).take(lines));
    child.kill().unwrap();
    // What it had printed before it died was acknowledged too.
    ids.extend(output.filter_map(parse));
    assert!(!child.wait().unwrap().success());
    ids
}

fn acknowledge_until_killed(dir: &Path) -> ! {
    let options = Options { segment_bytes: 16 << 10, min_free_bytes: 0, ..Options::default() };
    let (log, _) = Log::open(dir, options).unwrap();
    let log = Arc::new(log);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for caller in 0..8 {
        let log = Arc::clone(&log);
        runtime.spawn(async move {
            loop {
                let ticket = log.intent(intent("acme")).await.unwrap();
                let line = format!("\nack {}\n", ticket.record_id());
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                if caller % 2 == 0 {
                    ticket.complete(completion(200));
                }
            }
        });
    }
    loop {
        std::thread::park();
    }
}
