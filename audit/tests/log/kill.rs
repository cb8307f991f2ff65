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
/// Kills after which a log is looked through and the next one begun, so that a long run stays small.
const KILLS_A_LOG: usize = 250;

/// How many children are killed; more in a long run.
fn rounds() -> usize {
    std::env::var("WEIR_KILL_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(ROUNDS)
}

/// What a killed child had acknowledged.
#[derive(Default)]
struct Acknowledged {
    /// Calls whose announcement was durable.
    calls: Vec<Uuid>,
    /// Calls whose end was durable.
    ends: Vec<Uuid>,
}

#[test]
fn no_acknowledged_record_is_lost_by_kill_9() {
    if let Some(dir) = std::env::var_os(CHILD) {
        acknowledge_until_killed(Path::new(&dir));
    }
    let (rounds, mut records_in_all) = (rounds(), 0);
    for first in (0..rounds).step_by(KILLS_A_LOG) {
        let end = rounds.min(first + KILLS_A_LOG);
        let (acknowledged, lost) = killed_log(first..end);
        records_in_all += acknowledged;
        println!("{end} kills, {records_in_all} records acknowledged, {lost} lost");
        assert_eq!(lost, 0);
    }
}

/// One log whose writer is killed again and again; how many records were acknowledged, and how many are not there.
fn killed_log(rounds: std::ops::Range<usize>) -> (usize, usize) {
    let dir = tempdir().unwrap();
    let (mut calls, mut ends) = (HashSet::new(), HashSet::new());
    for round in rounds {
        // From "no call yet", where recovery runs, to some hundred calls, and a little further each time.
        let told = one_killed_child(
            "kill::no_acknowledged_record_is_lost_by_kill_9",
            dir.path(),
            (round * 37 % 151, round * 7919 % 100_003),
        );
        calls.extend(told.calls);
        ends.extend(told.ends);
    }
    assert!(!calls.is_empty() && !ends.is_empty(), "the children did nothing");
    let (log, _) = open(dir.path());
    run(log.close()).unwrap();
    let records = records(dir.path());
    let written: HashSet<Uuid> = records.iter().map(|it| it.record_id).collect();
    let ended: HashSet<Uuid> = records.iter().filter_map(|it| it.intent_id).collect();
    let completed = records.iter().filter(|it| it.kind == Kind::Completion).filter_map(|it| it.intent_id);
    let completed: HashSet<Uuid> = completed.collect();
    let open_calls = records.iter().filter(|it| it.kind == Kind::Intent && !ended.contains(&it.record_id));
    assert_eq!(open_calls.count(), 0);
    let lost = calls.difference(&written).count() + ends.difference(&completed).count();
    (calls.len() + ends.len(), lost)
}

/// Kills a child after it has acknowledged `lines` calls and a number of turns of a loop have passed; all that it
/// acknowledged.
fn one_killed_child(test: &str, dir: &Path, (lines, turns): (usize, usize)) -> Acknowledged {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = Acknowledged::default();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(output.any(|line| line == "begun"), "the child did not begin");
    while told.calls.len() < lines {
        let Some(line) = output.next() else { break };
        told.note(&line);
    }
    (0..turns).for_each(|_| std::hint::spin_loop());
    child.kill().unwrap();
    // What it had printed before it died was acknowledged too.
    output.for_each(|line| told.note(&line));
    assert!(!child.wait().unwrap().success());
    assert!(told.calls.len() >= lines, "the child ended by itself");
    told
}

impl Acknowledged {
    /// A line that the kill cut off names nothing.
    fn note(&mut self, line: &str) {
        let id = |word| line.strip_prefix(word).and_then(|id| Uuid::parse_str(id).ok());
        self.calls.extend(id("ack "));
        self.ends.extend(id("end "));
    }
}

fn say(line: &str) {
    std::io::stdout().lock().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

fn acknowledge_until_killed(dir: &Path) -> ! {
    say("begun");
    let options = Options { segment_bytes: 16 << 10, min_free_bytes: 0, ..Options::default() };
    let (log, _) = Log::open(dir, options).unwrap();
    let log = Arc::new(log);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for caller in 0..8 {
        let log = Arc::clone(&log);
        runtime.spawn(async move {
            loop {
                let ticket = log.intent(intent("acme")).await.unwrap();
                let id = ticket.record_id();
                say(&format!("ack {id}"));
                match caller % 4 {
                    0 => ticket.complete(completion(200)),
                    1 => drop(ticket),
                    _ => {
                        ticket.complete_durable(completion(200)).await.unwrap();
                        say(&format!("end {id}"));
                    }
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
        one_killed_child(test, dir.path(), (round * 23 % 101, round * 7919 % 100_003));
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
    say("begun");
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
                say(&format!("ack {id}"));
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
