//! OTLP: what a collector receives is what the official types understand, and its answers are heard.

use std::collections::HashMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use weir_audit::{Completion, Decision, Intent};
use weir_sinks::{OnRefusal, Status};

use crate::support::{Act, Request, Scene, Web, otlp, status};

fn records(request: &Request) -> Vec<LogRecord> {
    let request: ExportLogsServiceRequest = serde_json::from_slice(&request.body).unwrap();
    let mut resource = request.resource_logs.into_iter().next().unwrap();
    assert_eq!(resource.schema_url, "https://opentelemetry.io/schemas/1.41.0");
    resource.scope_logs.remove(0).log_records
}

fn attributes(record: &LogRecord) -> HashMap<&str, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = record.attributes.iter();
    pairs.map(|it| (it.key.as_str(), text(it.value.as_ref().unwrap().value.as_ref().unwrap()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_one_record_for_each_call() {
    let scene = Scene::new();
    scene.write(10).await;
    let web = Web::new(|number, _| match number {
        0 => Act::Answer(503, "retry-after: 0\r\n".into(), String::new()),
        // Promised and not sent: whether anything was rejected is not known.
        1 => Act::Trickle,
        _ => Act::Answer(200, String::new(), r#"{"partialSuccess":{"errorMessage":"a hint"}}"#.into()),
    })
    .await;
    let running = scene.start(otlp(web.address));
    let state = running.until(|state| state.position == 20).await;
    assert_eq!((state.delivered, state.failures, state.lag_records), (10, 2, 0));
    running.stop().await;
    let requests: Vec<Request> = web.requests().into_iter().skip(2).collect();
    assert!(requests.iter().all(|it| it.headers["api-key"] == "k3y" && it.target == "/v1/logs"));
    let found: Vec<LogRecord> = requests.iter().flat_map(records).collect();
    let seqs: Vec<_> = found.iter().map(|it| attributes(it)["weir.node_seq"].clone()).collect();
    assert_eq!(seqs, (1..=10).map(|call| (call * 2).to_string()).collect::<Vec<_>>());
    for record in &found {
        let attributes = attributes(record);
        assert_eq!(record.event_name, "gen_ai.client.inference.operation.details");
        assert_eq!(
            (attributes["gen_ai.request.model"].as_str(), attributes["weir.app"].as_str()),
            ("small", "desk")
        );
        let expect = if attributes["weir.decision"] == "blocked" { (13, "WARN") } else { (9, "INFO") };
        assert_eq!((record.severity_number, record.severity_text.as_str()), expect);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_open_over_a_restart_is_joined_with_its_intent() {
    let scene = Scene::new();
    let intent = Intent { app: Some("slow".into()), tenant: "acme".into(), ..Intent::default() };
    let ticket = scene.log.intent(intent).await.unwrap();
    let web = Web::new(|_, _| status(200)).await;
    let running = scene.start(otlp(web.address));
    running.until(|state| state.position == 1).await;
    running.stop().await;
    assert!(web.requests().is_empty(), "an open call is not told");
    ticket
        .complete_durable(Completion { decision: Decision::Flagged, ..Completion::default() })
        .await
        .unwrap();
    let running = scene.start(otlp(web.address));
    running.until(|state| state.position == 2).await;
    running.stop().await;
    let record = records(&web.requests()[0]).remove(0);
    let attributes = attributes(&record);
    assert_eq!((attributes["weir.app"].as_str(), attributes["weir.decision"].as_str()), ("slow", "flagged"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_rejects_is_never_taken_for_delivered() {
    let rejected = |records: usize| {
        let body =
            format!(r#"{{"partialSuccess":{{"rejectedLogRecords":"{records}","errorMessage":"no"}}}}"#);
        Act::Answer(200, String::new(), body)
    };
    let scene = Scene::new();
    scene.write(4).await;
    let web = Web::new(move |_, request| {
        let bad = records(request).iter().filter(|it| attributes(it)["weir.node_seq"] == "6").count();
        rejected(bad)
    })
    .await;
    let running = scene.start(otlp(web.address));
    let state = running.until(|state| state.status == Status::Refused).await;
    assert_eq!((state.position, state.last_failure), (0, Some("rejected")));
    running.stop().await;

    let mut settings = otlp(web.address);
    settings.on_refusal = OnRefusal::SetAside;
    let running = scene.start(settings);
    let state = running.until(|state| state.position == 8).await;
    assert_eq!((state.set_aside, state.delivered), (1, 3));
    running.stop().await;
}
