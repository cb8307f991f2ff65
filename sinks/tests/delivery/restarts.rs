//! Positions: over restarts, beside other processes, with a log that is pruned, replaced, or written in two lanes.

use std::fs;

use weir_audit::{Log, Options};
use weir_sinks::{Lane, SinkError, Sinks, Status, Upto};

use crate::support::{Act, Scene, Web, open, place, start, status, until, webhook, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_loses_nothing_and_repeats_only_what_was_not_kept() {
    let scene = Scene::new();
    scene.write(100).await;
    let web = Web::new(|number, _| if number < 4 { status(200) } else { Act::Hang }).await;
    let running = scene.start(webhook(web.address));
    until(|| (web.requests().len() > 4).then_some(()), || format!("{:?}", running.state())).await;
    // The receiver has the fifth batch, and its answer never comes.
    let kept = running.stop().await.position;
    assert_eq!(kept, 40);
    web.change(|_, _| status(200));
    let running = scene.start(webhook(web.address));
    running.until(|state| state.position == 200).await;
    running.stop().await;
    assert_eq!(web.taken(), (1..=200).collect::<Vec<u64>>());
    let seen: Vec<u64> = web.requests().iter().flat_map(|it| it.seqs()).collect();
    let repeated: Vec<u64> =
        seen.iter().copied().filter(|seq| seen.iter().filter(|it| *it == seq).count() > 1).collect();
    assert!(
        !repeated.is_empty() && repeated.iter().all(|seq| (kept + 1..=kept + 10).contains(seq)),
        "{repeated:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_is_delivered_by_one_process_at_a_time() {
    let scene = Scene::new();
    scene.write(5).await;
    let web = Web::new(|_, _| status(200)).await;
    let first = scene.start(webhook(web.address));
    first.until(|state| state.position == 10).await;
    let second = scene.start(webhook(web.address));
    second.until(|state| state.status == Status::Elsewhere).await;
    scene.write(5).await;
    first.until(|state| state.position == 20).await;
    first.stop().await;
    scene.write(5).await;
    second.until(|state| state.position == 30).await;
    second.stop().await;
    assert_eq!(web.taken(), (1..=30).collect::<Vec<u64>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_of_another_writer_is_delivered_once_that_writer_is_gone() {
    let scene = Scene::new();
    let options = Options { min_free_bytes: 0, ..Options::default() };
    let (beside, _) = Log::open_beside(&scene.log_dir(), options).unwrap();
    write(&beside, 3).await;
    let web = Web::new(|_, _| status(200)).await;
    let running =
        start(&[webhook(web.address)], place(scene.home(), Lane::all(&scene.log_dir(), &scene.log)));
    scene.write(2).await;
    running.until(|state| state.position == 4).await;
    let other = || running.states.read(std::time::SystemTime::now()).remove(1);
    assert_eq!((other().lane, other().position), (1, 0));
    beside.close().await.unwrap();
    until(|| (other().position == 6).then_some(()), || format!("{:?}", other())).await;
    assert_eq!(other().lag_records, 0);
    running.stop().await;
    // In order within each lane; the nodes tell them apart.
    let requests = web.requests();
    for (lane, expect) in [(0, 4), (1, 6)] {
        let of_lane = requests.iter().filter(|it| it.json()["data"]["lane"] == lane);
        let seqs: Vec<u64> = of_lane.flat_map(|it| it.seqs()).collect();
        assert_eq!(seqs, (1..=expect).collect::<Vec<u64>>(), "lane {lane}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_may_take_what_was_delivered_and_tells_what_was_not() {
    let scene = Scene::new();
    scene.write(60).await;
    let web = Web::new(|_, _| status(200)).await;
    let running = scene.start(webhook(web.address));
    running.until(|state| state.position == 120).await;
    prune(&scene);
    scene.write(60).await;
    let state = running.until(|state| state.position == 240).await;
    assert_eq!(state.missed, 0);
    running.stop().await;
    // Now while nobody delivers.
    scene.write(100).await;
    let kept_from = prune(&scene);
    assert!(kept_from > 241);
    let running = scene.start(webhook(web.address));
    let state = running.until(|state| state.position == 440).await;
    assert_eq!(state.missed, kept_from - 241);
    running.stop().await;
    let expect: Vec<u64> = (1..=240).chain(kept_from..=440).collect();
    assert_eq!(web.taken(), expect);
}

/// Removes every segment but the newest; gives the number it begins with.
fn prune(scene: &Scene) -> u64 {
    let mut segments: Vec<_> = fs::read_dir(scene.log_dir()).unwrap().map(|it| it.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|it| it == "seg"));
    segments.sort();
    let newest = segments.pop().unwrap();
    assert!(!segments.is_empty());
    let first = newest.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    // As retention does: the log says first where it now begins.
    fs::write(scene.log_dir().join("minimum"), format!("{first}\n")).unwrap();
    segments.iter().for_each(|path| fs::remove_file(path).unwrap());
    first
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_the_one_delivered_from_is_an_alarm() {
    let scene = Scene::new();
    scene.write(10).await;
    let web = Web::new(|_, _| status(200)).await;
    let running = scene.start(webhook(web.address));
    running.until(|state| state.position == 20).await;
    running.stop().await;
    for calls in [5, 15] {
        // Shorter, and longer with other records under the same numbers.
        let other = scene.dir.path().join(format!("other-{calls}"));
        let log = open(&other);
        write(&log, calls).await;
        let before = web.requests().len();
        let lane = Lane { index: 0, dir: other, upto: Upto::writer(move || log.durable_seq()) };
        let running = start(&[webhook(web.address)], place(scene.home(), vec![lane]));
        let state = running.until(|state| state.status == Status::Damaged).await;
        assert_eq!(state.last_failure, Some("position"), "{calls}");
        // The operator has decided: all of it again.
        fs::remove_file(scene.home().join("siem.lane-0.position")).unwrap();
        running.until(|state| state.position == calls * 2).await;
        assert!(web.requests().len() > before);
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_the_log_is_an_alarm_and_not_skipped() {
    let scene = Scene::new();
    scene.write(100).await;
    let mut segments: Vec<_> = fs::read_dir(scene.log_dir()).unwrap().map(|it| it.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|it| it == "seg"));
    segments.sort();
    let good = fs::read(&segments[0]).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(&segments[0], &bad).unwrap();
    let web = Web::new(|_, _| status(200)).await;
    let running = scene.start(webhook(web.address));
    let state = running.until(|state| state.status == Status::Damaged).await;
    assert_eq!(state.last_failure, Some("log"));
    assert!(state.position > 0 && state.position < 100);
    fs::write(&segments[0], &good).unwrap();
    running.until(|state| state.position == 200).await;
    assert_eq!(web.taken(), (1..=200).collect::<Vec<u64>>());
    running.stop().await;
}

#[test]
fn faults_of_all_sinks_are_told_at_once() {
    let good = webhook("127.0.0.1:1".parse().unwrap());
    let mut bad = good.clone();
    bad.limits.records = 0;
    let place = place("unused".into(), vec![]);
    let faults = Sinks::open(&[good.clone(), bad], &place).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults.iter().all(|it| matches!(it, SinkError::Setting { .. })));
    assert!(Sinks::open(&[good], &place).is_ok());
}
