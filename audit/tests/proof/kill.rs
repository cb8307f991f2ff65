//! kill -9 in the midst of sealing: what the anchor holds is always there, and the log always goes on.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use weir_audit::proof::Seal;
use weir_audit::proof::anchor::DirAnchor;
use weir_audit::proof::checkpoint::SignedCheckpoint;
use weir_audit::proof::evidence::{KeyEvidence, follow};
use weir_audit::verify::{Trust, verify};
use weir_audit::{Log, Options};

use crate::support::call;

/// Tells this test's own program, started again, that it is the child, and where its log is.
const CHILD: &str = "WEIR_AUDIT_SEAL_TEST_DIR";
/// How many children are killed; more in a long run.
const ROUNDS: &str = "WEIR_KILL_ROUNDS";

fn options(root: &Path) -> Options {
    let seal = Seal {
        every: Duration::from_micros(200),
        anchor: Some(Arc::new(DirAnchor::new(&root.join("anchor")))),
        ..Seal::beside(&root.join("audit"))
    };
    let node_id = Some("node-7".to_owned());
    Options { seal: Some(seal), segment_bytes: 64 << 10, min_free_bytes: 0, node_id, ..Options::default() }
}

#[test]
fn a_log_killed_at_any_moment_agrees_with_its_anchor() {
    if let Some(root) = std::env::var_os(CHILD) {
        write_until_killed(Path::new(&root));
    }
    let root = tempfile::tempdir().unwrap();
    let rounds = std::env::var(ROUNDS).ok().and_then(|it| it.parse().ok()).unwrap_or(20_u32);
    let (mut covered, mut ahead) = (0, 0);
    for round in 0..rounds {
        one_killed_child(root.path(), 1 + (round as usize * 37) % 90);
        let note = fs::read(root.path().join("anchor/weir~node-7.checkpoint")).unwrap();
        let anchored = SignedCheckpoint::parse(&note).unwrap();
        let size = anchored.checkpoint().size;
        assert!(size >= covered, "round {round}: the anchor went back");
        covered = size;
        let audit = root.path().join("audit");
        let published = fs::read(audit.join("tree/checkpoint")).ok();
        ahead += u32::from(published.is_none_or(|it| it != note));
        let first = fs::read_to_string(audit.join("tree/first-key")).unwrap().trim().parse().unwrap();
        let trust = Trust { keys: vec![first], checkpoints: vec![anchored], ..Trust::default() };
        let report = verify(&audit, &trust);
        // A key that is being changed has signed in the anchor before its proof stands in the folder.
        let faults = report.faults.iter().filter(|fault| !fault.reason.contains("no trusted key"));
        assert_eq!(faults.collect::<Vec<_>>(), Vec::<&weir_audit::verify::Fault>::new(), "round {round}");
        let keys = follow(&trust.keys, &KeyEvidence::load_all(&audit.join("tree")));
        let (log, _) = Log::open(&audit, options(root.path())).unwrap();
        drop(log);
        let sealed = SignedCheckpoint::parse(&fs::read(audit.join("tree/checkpoint")).unwrap()).unwrap();
        assert!(sealed.checkpoint().size >= covered, "round {round}");
        let trust = Trust { keys: keys[..1].to_vec(), checkpoints: vec![sealed], ..Trust::default() };
        assert_eq!(verify(&audit, &trust).faults, [], "round {round}, opened again");
    }
    println!("{rounds} kills, {covered} records sealed, {ahead} times with the anchor ahead");
}

/// Kills a child after it has written `lines` times.
fn one_killed_child(root: &Path, lines: usize) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::a_log_killed_at_any_moment_agrees_with_its_anchor", "--nocapture"])
        .env(CHILD, root)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let wrote = output.filter(|line| line == "wrote").take(lines).count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(wrote, lines, "the child ended by itself");
}

fn write_until_killed(root: &Path) -> ! {
    let (log, _) = Log::open(&root.join("audit"), options(root)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        log.sealed(1).await.unwrap();
        for turn in 0_u32.. {
            call(&log, 3).await;
            if turn % 16 == 15 {
                log.rotate_key("ada".into()).await.unwrap();
            }
            std::io::stdout().lock().write_all(b"\nwrote\n").unwrap();
        }
    });
    panic!("the child has no more to write");
}
