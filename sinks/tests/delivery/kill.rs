//! kill -9: a child delivers until it is killed, again and again; what the receiver has taken has no gap.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use weir_sinks::{Lane, Upto};

use crate::support::{Scene, Web, place, start, status, until, webhook};

/// Tells this test's own program, started again, that it is the child, and where folder and receiver are.
const CHILD: &str = "WEIR_SINKS_KILL_TEST";
const ROUNDS: usize = 20;

#[test]
fn kill_9_leaves_no_gap_and_repeats_one_batch_at_most() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match std::env::var(CHILD) {
        Ok(given) => runtime.block_on(deliver_until_killed(&given)),
        Err(_) => runtime.block_on(kill_again_and_again()),
    }
}

async fn kill_again_and_again() {
    let scene = Scene::new();
    scene.write(250).await;
    // Nobody writes the log any more, so that the child may read it to its end.
    scene.log.close().await.unwrap();
    let web = Web::new(|_, _| status(200)).await;
    for round in 0..ROUNDS {
        let wanted = web.requests().len() + round % 4;
        let mut child = spawn(scene.dir.path(), web.address);
        let sent = || Some(()).filter(|()| web.requests().len() > wanted || web.taken().contains(&500));
        until(sent, || format!("{} of {wanted}", web.requests().len())).await;
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
    }
    let mut last = spawn(scene.dir.path(), web.address);
    until(|| Some(()).filter(|()| web.taken().contains(&500)), || format!("{:?}", web.taken().last())).await;
    last.kill().unwrap();
    last.wait().unwrap();

    let mut newest = 0;
    for request in web.requests() {
        let seqs = request.seqs();
        let (first, end) = (seqs[0], seqs[seqs.len() - 1]);
        assert_eq!(seqs, (first..=end).collect::<Vec<u64>>());
        assert!((newest.max(10) - 9..=newest + 1).contains(&first), "{first} after {newest}");
        newest = newest.max(end);
    }
    assert_eq!(newest, 500);
}

fn spawn(dir: &Path, address: SocketAddr) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::kill_9_leaves_no_gap_and_repeats_one_batch_at_most", "--nocapture"])
        .env(CHILD, format!("{address} {}", dir.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn deliver_until_killed(given: &str) {
    let (address, dir) = given.split_once(' ').unwrap();
    let dir = PathBuf::from(dir);
    let lane = Lane { index: 0, dir: dir.join("log"), upto: Upto::Idle };
    let _running = start(&[webhook(address.parse().unwrap())], place(dir.join("sinks"), vec![lane]));
    std::future::pending().await
}
