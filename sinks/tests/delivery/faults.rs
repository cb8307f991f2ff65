//! A receiver that fails in every way: everything arrives, in order, and nothing is dropped silently.

use std::time::Duration;

use weir_sinks::{Backoff, Failure, OnRefusal, Question, Receiver, Secret, Status};

use crate::pki::Pki;
use crate::support::{Act, Scene, Web, status, webhook};

fn all(calls: u64) -> Vec<u64> {
    (1..=calls * 2).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_once_and_in_order_whatever_the_receiver_does() {
    let scene = Scene::new();
    scene.write(30).await;
    let web = Web::new(|number, _| match number {
        0 => Act::Hang,
        1 => Act::Close,
        2 => Act::Half,
        3 => status(500),
        4 => Act::Answer(429, "retry-after: 0\r\n".into(), String::new()),
        5 => Act::Answer(503, "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n".into(), "busy".into()),
        8 => status(502),
        10 => Act::Answer(408, String::new(), "x".repeat(1 << 20)),
        // The status is all that counts.
        12 => Act::Trickle,
        _ => status(200),
    })
    .await;
    let running = scene.start(webhook(web.address));
    let state = running.until(|state| state.position == 60).await;
    assert_eq!((state.status, state.lag_records, state.held), (Status::Running, 0, 0));
    assert_eq!((state.delivered, state.failures), (60, 8));
    assert_eq!(state.lag, Duration::ZERO);

    let requests = web.requests();
    let ids: Vec<_> = requests.iter().map(|it| it.headers["webhook-id"].clone()).collect();
    assert!(ids[..7].iter().all(|id| *id == ids[0]), "a retry has the same id: {ids:?}");
    assert_ne!(ids[7], ids[0]);
    let taken: Vec<u64> = requests
        .iter()
        .enumerate()
        .filter(|(number, it)| it.taken || *number == 12)
        .flat_map(|(_, it)| it.seqs())
        .collect();
    assert_eq!(taken, all(30));
    // What is written later follows.
    scene.write(1).await;
    running.until(|state| state.position == 62).await;
    let state = running.stop().await;
    assert_eq!((state.status, state.position), (Status::Stopped, 62));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_for_time_gets_it() {
    let scene = Scene::new();
    scene.write(1).await;
    let web = Web::new(|_, _| Act::Answer(429, "retry-after: 3000\r\n".into(), String::new())).await;
    let running = scene.start(webhook(web.address));
    let state = running.until(|state| state.failures == 1).await;
    assert_eq!((state.last_failure, state.status, state.lag_records), (Some("busy"), Status::Retrying, 2));
    // It stops at once although it waits for an hour.
    let state = running.stop().await;
    assert_eq!((state.failures, web.requests().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed_and_a_closed_door_is_an_alarm() {
    let scene = Scene::new();
    scene.write(2).await;
    let other = Web::new(|_, _| status(200)).await;
    let place = format!("location: http://{}/in\r\n", other.address);
    let web = Web::new(move |number, _| match number % 2 {
        0 => Act::Answer(307, place.clone(), String::new()),
        _ => status(401),
    })
    .await;
    let running = scene.start(webhook(web.address));
    let state = running.until(|state| state.failures >= 4).await;
    assert_eq!((state.status, state.last_failure), (Status::Denied, Some("denied")));
    assert!(state.status.is_alarm());
    assert!(other.requests().is_empty());
    // Once the receiver lets it in, it goes on by itself.
    web.change(|_, _| status(204));
    let state = running.until(|state| state.position == 4).await;
    assert_eq!(state.status, Status::Running);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_record_stops_the_sink_and_is_not_lost() {
    let scene = Scene::new();
    scene.write(10).await;
    let web = Web::new(|_, request| status(if request.seqs().contains(&13) { 400 } else { 200 })).await;
    let running = scene.start(webhook(web.address));
    let state = running.until(|state| state.status == Status::Refused).await;
    assert_eq!((state.position, state.failures, state.lag_records), (10, 3, 10));
    assert_eq!(running.stop().await.status, Status::Refused);
    // At the next start, with a receiver that was mended.
    web.change(|_, _| status(200));
    let running = scene.start(webhook(web.address));
    running.until(|state| state.position == 20).await;
    assert_eq!(web.taken(), all(10));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_record_can_be_set_aside() {
    let scene = Scene::new();
    scene.write(10).await;
    let web = Web::new(|_, request| status(if request.seqs().contains(&13) { 422 } else { 200 })).await;
    let mut settings = webhook(web.address);
    settings.on_refusal = OnRefusal::SetAside;
    let running = scene.start(settings);
    let state = running.until(|state| state.position == 20).await;
    assert_eq!((state.set_aside, state.delivered, state.status), (1, 19, Status::Running));
    let mut expect = all(10);
    expect.retain(|seq| *seq != 13);
    assert_eq!(web.taken(), expect);
    let kept = std::fs::read_to_string(scene.home().join("siem.lane-0.refused.jsonl")).unwrap();
    let kept: Vec<serde_json::Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((kept.len(), kept[0]["node_seq"].as_u64()), (1, Some(13)));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_too_large_is_cut() {
    let scene = Scene::new();
    scene.write(10).await;
    let web = Web::new(|_, request| status(if request.seqs().len() > 1 { 413 } else { 200 })).await;
    let running = scene.start(webhook(web.address));
    running.until(|state| state.position == 20).await;
    assert_eq!(web.taken(), all(10));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_never_makes_memory_grow() {
    let scene = Scene::new();
    let web = Web::new(|_, _| Act::Hang).await;
    let mut settings = webhook(web.address);
    settings.backoff = Backoff { least: Duration::from_millis(1), most: Duration::from_millis(1) };
    settings.deadline = Duration::from_millis(20);
    settings.limits.records = 7;
    scene.write(10).await;
    let running = scene.start(settings);
    for _ in 0..20 {
        scene.write(10).await;
        assert!(running.state().held <= 7);
    }
    let state = running.until(|state| state.failures >= 5).await;
    assert_eq!((state.lag_records, state.held, state.position), (420, 7, 0));
    assert_eq!(state.last_failure, Some("timeout"));
    web.change(|_, _| status(200));
    running.until(|state| state.position == 420).await;
    // With so short a deadline a batch may well be sent twice.
    let mut taken = web.taken();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken, all(210));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_requests_go_to_the_address_and_nothing_tells_the_token() {
    let scene = Scene::new();
    scene.write(1).await;
    let web = Web::new(|_, _| status(200)).await;
    let settings = webhook(web.address);
    assert!(!format!("{settings:?}").contains("T0KEN"));
    let running = scene.start(settings);
    running.until(|state| state.position == 2).await;
    let request = &web.requests()[0];
    assert_eq!(request.target, "/in?token=T0KEN");
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(request.headers["webhook-signature"].starts_with("v1,"));
    let record = &request.json()["data"]["records"][0];
    assert!(record["record_id"].is_string() && record["intent"]["app"] == "desk");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_https_only_a_trusted_server_hears_anything() {
    let scene = Scene::new();
    scene.write(5).await;
    let pki = Pki::new(scene.dir.path());
    let web = Web::with(Some(pki.server()), |_, _| status(200)).await;
    let settings = |ca: &str, host: &str| {
        let mut settings = webhook(web.address);
        if let Receiver::Webhook(webhook) = &mut settings.receiver {
            webhook.url = Secret::new(format!("https://{host}:{}/in", web.address.port()));
            webhook.tls = pki.client(ca);
        }
        settings
    };
    for (ca, host) in [("other-ca.pem", "localhost"), ("ca.pem", "127.0.0.1")] {
        let running = scene.start(settings(ca, host));
        let state = running.until(|state| state.failures >= 3).await;
        assert_eq!((state.last_failure, state.position), (Some("tls"), 0), "{ca} {host}");
        running.stop().await;
    }
    assert!(web.requests().is_empty());
    let running = scene.start(settings("ca.pem", "localhost"));
    running.until(|state| state.position == 10).await;
    running.stop().await;
    assert_eq!(web.taken(), all(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_goes_to_a_trusted_server_only_and_any_answer_counts() {
    let scene = Scene::new();
    let pki = Pki::new(scene.dir.path());
    let size = || Act::Answer(409, "content-type: text/x.tlog.size\r\n".into(), "17\n".into());
    let web = Web::with(Some(pki.server()), move |_, _| size()).await;
    let url = |host: &str| format!("https://{host}:{}/w/add-checkpoint", web.address.port());
    let ask = async |ca: &str, host: &str| {
        let question = Question::to("witness", &url(host), &pki.client(ca)).unwrap();
        question.ask("text/plain; charset=utf-8", b"old 0\n".to_vec()).await
    };
    for (ca, host) in [("other-ca.pem", "localhost"), ("ca.pem", "127.0.0.1")] {
        assert_eq!(ask(ca, host).await.unwrap_err(), Failure::Tls, "{ca} {host}");
    }
    assert!(web.requests().is_empty());
    let said = ask("ca.pem", "localhost").await.unwrap();
    assert_eq!((said.status, said.content_type.as_str()), (409, "text/x.tlog.size"));
    assert_eq!(said.body, b"17\n");
    let request = &web.requests()[0];
    assert_eq!((request.target.as_str(), request.body.as_slice()), ("/w/add-checkpoint", &b"old 0\n"[..]));
    assert_eq!(request.headers["content-type"], "text/plain; charset=utf-8");
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_leaves_the_machine_only_where_that_is_allowed() {
    let scene = Scene::new();
    scene.write(1).await;
    let mut settings = webhook("192.0.2.1:80".parse().unwrap());
    settings.deadline = Duration::from_secs(30);
    let running = scene.start(settings);
    // Turned away at once, before any connection: the deadline is far.
    let state = running.until(|state| state.failures >= 3).await;
    assert_eq!((state.last_failure, state.position), (Some("unreachable"), 0));
    running.stop().await;
}
