//! kill -9: a child acknowledges calls until it is killed; every acknowledged one must be there afterwards.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::tempdir;
use uuid::Uuid;
use weir_audit::event::Erasure;
use weir_audit::record::Kind;
use weir_audit::vault::{Erase, Hidden, Whom};
use weir_audit::{Bodies, BodyKind, Event, Holds, Log, Mode, Options, Vault, VaultOptions};

use crate::support::*;
use crate::vault::opened;

/// Tells this test's own program, started again, that it is the child, and where its log is.
const CHILD: &str = "WEIR_AUDIT_KILL_TEST_DIR";
const ROUNDS: usize = 20;

/// How many children are killed; more in a long run.
fn rounds() -> usize {
    std::env::var("WEIR_KILL_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(ROUNDS)
}

#[test]
fn no_acknowledged_record_is_lost_by_kill_9() {
    if let Some(dir) = std::env::var_os(CHILD) {
        acknowledge_until_killed(Path::new(&dir));
    }
    let dir = tempdir().unwrap();
    let mut acknowledged = HashSet::new();
    for round in 0..rounds() {
        let before = acknowledged.len();
        acknowledged.extend(one_killed_child(
            "kill::no_acknowledged_record_is_lost_by_kill_9",
            dir.path(),
            1 + round * 37 % 400,
        ));
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
fn one_killed_child(test: &str, dir: &Path, lines: usize) -> Vec<Uuid> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
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

#[test]
fn after_kill_9_every_durable_record_still_has_its_bodies_and_every_erasure_is_finished() {
    if let Some(dir) = std::env::var_os(CHILD) {
        keep_and_erase_until_killed(Path::new(&dir));
    }
    let dir = tempdir().unwrap();
    let test = "kill::after_kill_9_every_durable_record_still_has_its_bodies_and_every_erasure_is_finished";
    let mut gone = HashSet::new();
    for round in 0..rounds() / 2 {
        assert!(!one_killed_child(test, dir.path(), 1 + round * 23 % 100).is_empty());
        let vault = open_vault(dir.path());
        for receipt in vault.resume(&Holds::default()).unwrap() {
            gone.insert(receipt.erasure.subject_ref.as_str().to_owned());
            vault.confirm(receipt).unwrap();
        }
        assert_eq!(vault.resume(&Holds::default()).unwrap().len(), 0);
    }
    let vault = open_vault(dir.path());
    let (log, _) = Log::open(&dir.path().join("log"), options(&vault)).unwrap();
    run(log.close()).unwrap();
    let records = records(&dir.path().join("log"));
    let recorded = records.iter().filter_map(|it| it.erasure.as_ref());
    gone.extend(recorded.map(|it| it.subject_ref.as_str().to_owned()));
    let (mut erased, mut shown) = (0, 0);
    for record in records.iter().filter(|it| it.intent.is_some() || it.completion.is_some()) {
        let kind = if record.intent.is_some() { BodyKind::Request } else { BodyKind::Returned };
        let found = opened(&vault, record, kind);
        match &found {
            Ok(text) => assert_eq!(text, "a body"),
            Err(why) => assert_eq!(*why, Hidden::Erased, "{}", record.node_seq),
        }
        if let Some(subject) = record.intent.as_ref().and_then(|it| it.subject_ref.as_ref()) {
            assert_eq!(found.is_err(), gone.contains(subject.as_str()), "{}", record.node_seq);
        }
        if found.is_ok() { shown += 1 } else { erased += 1 }
    }
    assert!(erased > 0 && shown > 0, "{erased} erased, {shown} shown");
}

fn open_vault(dir: &Path) -> Arc<Vault> {
    let options = VaultOptions { volume_bytes: 32 << 10, ..VaultOptions::default() };
    Arc::new(Vault::open(&dir.join("bodies"), &dir.join("keys"), options).unwrap())
}

fn options(vault: &Arc<Vault>) -> Options {
    let vault = Some(Arc::clone(vault));
    Options { segment_bytes: 16 << 10, min_free_bytes: 0, vault, ..Options::default() }
}

/// Calls of five subjects with bodies, one of whom is erased every now and then.
fn keep_and_erase_until_killed(dir: &Path) -> ! {
    let vault = open_vault(dir);
    let (log, _) = Log::open(&dir.join("log"), options(&vault)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for caller in 0..5 {
        let (log, vault) = (log.clone(), Arc::clone(&vault));
        runtime.spawn(async move {
            let name = format!("subject-{caller}");
            for round in 1.. {
                let key = vault.subject("acme", Some(&name)).unwrap();
                let mut request = Bodies::new(&key, log.new_id());
                request.seal(BodyKind::Request, b"a body").unwrap();
                let intent = weir_audit::Intent { subject_ref: key.reference(), ..intent("acme") };
                let ticket = log.intent_with(Mode::Bounded, intent, request).await.unwrap();
                let id = ticket.record_id();
                let mut reply = Bodies::new(&key, id);
                reply.seal(BodyKind::Returned, b"a body").unwrap();
                ticket.complete_durable_with(completion(200), reply).await.unwrap();
                std::io::stdout().lock().write_all(format!("\nack {id}\n").as_bytes()).unwrap();
                if caller > 1 && round % (7 + caller) == 0 {
                    erase(&log, &vault, &name).await;
                }
            }
        });
    }
    loop {
        std::thread::park();
    }
}

async fn erase(log: &Log, vault: &Vault, name: &str) {
    let wanted =
        Erase { tenant: "acme", whom: Whom::Subject(name), actor: "ann".into(), reason: "asked".into() };
    let receipt = vault.erase(&wanted, &Holds::default()).unwrap();
    let erasure: Erasure = receipt.erasure.clone();
    log.append(Event::Erasure(erasure)).await.unwrap();
    vault.confirm(receipt).unwrap();
}
