//! The service with the real model: answers, streams, batching, cancellation. Skipped without the model files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a failed expectation is a failed test"
)]

use bytes::Bytes;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use weir_inference::{Answer, Body, EngineOptions, ModelFiles, Service};

const CHAT: &str = "/v1/chat/completions";
const COMPLETE: &str = "/v1/completions";
/// Goes on the same on every machine: each next token is ahead of the second best by more than 3 in log-probability,
/// while the rounding of another machine's kernels has turned a lead of 0.2 round.
const COUNT: &str = "1, 2, 3, 4,";

/// The service, or nothing (and a line that says so) when the model files are not there.
fn service(options: EngineOptions) -> Option<Service> {
    let files = ModelFiles::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("../models"));
    if !files.present() {
        eprintln!("skipped: no model (fetch it with `make models`)");
        return None;
    }
    Some(Service::load(&files, options).unwrap())
}

/// One service for the tests that don't look at its load.
fn shared() -> Option<&'static Service> {
    static SHARED: LazyLock<Option<Service>> = LazyLock::new(|| service(EngineOptions::default()));
    SHARED.as_ref()
}

async fn ask(service: &Service, path: &str, body: Value) -> Answer {
    service.handle(path, Bytes::from(body.to_string())).await
}

async fn full(service: &Service, path: &str, body: Value) -> (u16, Value) {
    let answer = ask(service, path, body).await;
    let Body::Full(bytes) = answer.body else { panic!("a stream") };
    (answer.status, serde_json::from_slice(&bytes).unwrap())
}

/// The data of all events, the end mark included.
async fn events(service: &Service, path: &str, body: Value) -> Vec<String> {
    let Body::Stream(mut receiver) = ask(service, path, body).await.body else { panic!("no stream") };
    let mut text = String::new();
    while let Some(piece) = receiver.recv().await {
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
}

fn prompt(text: &str, tokens: usize) -> Value {
    json!({"model": "smollm2-135m-instruct", "prompt": text, "max_tokens": tokens, "temperature": 0})
}

fn chat(text: &str, more: Value) -> Value {
    let mut body = json!({
        "model": "smollm2-135m-instruct", "temperature": 0, "max_tokens": 24,
        "messages": [{"role": "user", "content": text}],
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn completions_are_whole_streamed_seeded_and_stopped() {
    let Some(service) = shared() else { return };
    let (status, answer) = full(service, COMPLETE, prompt(COUNT, 16)).await;
    assert_eq!(status, 200, "{answer}");
    let text = answer["choices"][0]["text"].as_str().unwrap().to_owned();
    assert_eq!(text, " 5, 6, 7, 8, 9, ");
    assert_eq!(answer["usage"]["prompt_tokens"], 11);
    assert_eq!(answer["usage"]["completion_tokens"], 16);

    let mut body = prompt(COUNT, 16);
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    let events = events(service, COMPLETE, body).await;
    assert_eq!(events.last().unwrap(), "[DONE]");
    let chunks: Vec<Value> =
        events[..events.len() - 1].iter().map(|e| serde_json::from_str(e).unwrap()).collect();
    let (usage, rest) = chunks.split_last().unwrap();
    assert_eq!((usage["choices"].clone(), usage["usage"]["total_tokens"].clone()), (json!([]), json!(27)));
    assert!(rest.iter().all(|chunk| chunk["usage"].is_null()));
    let streamed: String = rest.iter().map(|chunk| chunk["choices"][0]["text"].as_str().unwrap()).collect();
    assert_eq!(streamed, text);

    let mut body = prompt(COUNT, 16);
    body["stop"] = json!(["7, 8", "never"]);
    let (_, answer) = full(service, COMPLETE, body).await;
    assert_eq!(answer["choices"][0]["text"], " 5, 6, ");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");

    let mut body = prompt("My favourite word is", 8);
    body["temperature"] = json!(1.5);
    body["seed"] = json!(7);
    body["n"] = json!(3);
    let (_, first) = full(service, COMPLETE, body.clone()).await;
    let (_, second) = full(service, COMPLETE, body).await;
    assert_eq!(first["choices"], second["choices"]);
    assert_ne!(first["choices"][0]["text"], first["choices"][1]["text"]);
}

#[tokio::test]
async fn texts_do_not_depend_on_what_runs_beside_them() {
    let Some(service) = shared() else { return };
    let prompts = [
        "Once upon a time",
        "The capital of Germany is",
        "1, 2, 3, 4,",
        "Dear Sir or Madam,\n",
        "La vie est",
    ];
    let mut alone = Vec::new();
    for text in prompts {
        alone.push(full(service, COMPLETE, prompt(text, 20)).await.1["choices"][0]["text"].clone());
    }
    let long = "The history of the Roman Empire is long. ".repeat(40);
    let beside = full(service, COMPLETE, prompt(&long, 20));
    let together = futures::future::join_all(prompts.map(|text| full(service, COMPLETE, prompt(text, 20))));
    let (together, _) = futures::future::join(together, beside).await;
    let together: Vec<Value> =
        together.into_iter().map(|(_, answer)| answer["choices"][0]["text"].clone()).collect();
    assert_eq!(alone, together);
}

#[tokio::test]
async fn a_short_prompt_is_answered_while_a_long_one_is_read() {
    let Some(service) = service(EngineOptions::default()) else { return };
    let long = "The history of the Roman Empire is long. ".repeat(150);
    let slow = tokio::spawn({
        let service = service.clone();
        async move { full(&service, COMPLETE, prompt(&long, 1)).await }
    });
    while service.load_now().running == 0 {
        tokio::task::yield_now().await;
    }
    let (status, _) = full(&service, COMPLETE, prompt("Once", 4)).await;
    assert_eq!((status, slow.is_finished()), (200, false));
    assert_eq!(slow.await.unwrap().0, 200);
}

#[tokio::test]
async fn a_caller_that_leaves_frees_its_place() {
    let Some(service) = service(EngineOptions::default()) else { return };
    let mut body = prompt("Once upon a time", 4000);
    body["stream"] = json!(true);
    body["logit_bias"] = json!({"0": -100, "2": -100});
    let answer = ask(&service, COMPLETE, body).await;
    let Body::Stream(mut receiver) = answer.body else { panic!("no stream") };
    assert!(receiver.recv().await.is_some());
    assert_eq!(service.load_now().running, 1);
    assert!(answer.meter.cpu() > Duration::ZERO);
    drop(receiver);
    let left = Instant::now();
    while service.load_now().running > 0 {
        assert!(left.elapsed() < Duration::from_secs(5), "the text still runs");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_full_queue_refuses_with_a_time_to_come_back() {
    let options = EngineOptions { queue: 1, kv_bytes: 16 << 20, ..EngineOptions::default() };
    let Some(service) = service(options) else { return };
    let mut body = prompt("Once upon a time", 300);
    body["stream"] = json!(true);
    body["logit_bias"] = json!({"0": -100, "2": -100});
    let running = ask(&service, COMPLETE, body.clone()).await;
    while service.load_now().running == 0 {
        tokio::task::yield_now().await;
    }
    let waiting = ask(&service, COMPLETE, body.clone()).await;
    let refused = ask(&service, COMPLETE, body).await;
    assert_eq!((running.status, waiting.status, refused.status), (200, 200, 429));
    assert_eq!(refused.headers["retry-after"], "1");
}

#[tokio::test]
async fn chats_follow_the_template_and_answer_in_the_words_of_the_api() {
    let Some(service) = shared() else { return };
    let (status, answer) = full(service, CHAT, chat("What is the capital of France?", json!({"n": 2}))).await;
    assert_eq!(status, 200, "{answer}");
    // As many as llama.cpp counts with the template of the file.
    assert_eq!(answer["usage"]["prompt_tokens"], 37);
    assert_eq!(answer["choices"].as_array().unwrap().len(), 2);
    assert_eq!(answer["choices"][0]["message"], answer["choices"][1]["message"]);

    let more = json!({"stream": true, "max_tokens": 5, "logprobs": true, "top_logprobs": 2});
    let events = events(service, CHAT, chat("Say hi", more)).await;
    let chunks: Vec<Value> =
        events[..events.len() - 1].iter().map(|e| serde_json::from_str(e).unwrap()).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "length");
    let scored: usize = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["logprobs"]["content"].as_array())
        .map(Vec::len)
        .sum();
    assert_eq!(scored, 5);
}

#[tokio::test]
async fn responses_are_answered_whole_and_streamed() {
    let Some(service) = shared() else { return };
    let body = json!({"model": "smollm2-135m-instruct", "input": "Say hi", "temperature": 0, "max_output_tokens": 6});
    let (status, answer) = full(service, "/v1/responses", body.clone()).await;
    assert_eq!((status, answer["status"].clone()), (200, json!("incomplete")), "{answer}");
    let text = answer["output"][0]["content"][0]["text"].clone();
    let mut body = body;
    body["stream"] = json!(true);
    let events = events(service, "/v1/responses", body).await;
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["output"][0]["content"][0]["text"], text);
    assert_eq!(last["response"]["usage"], answer["usage"]);
}

#[tokio::test]
async fn embeddings_have_length_one_and_near_texts_are_near() {
    let Some(service) = shared() else { return };
    let texts = ["A man is eating food.", "A man eats something.", "The stock market fell sharply."];
    let body = json!({"model": "all-minilm-l6-v2", "input": texts});
    let (status, answer) = full(service, "/v1/embeddings", body).await;
    assert_eq!(status, 200, "{answer}");
    let vector = |index: usize| -> Vec<f64> {
        let list = answer["data"][index]["embedding"].as_array().unwrap();
        list.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let dot = |a: usize, b: usize| vector(a).iter().zip(vector(b)).map(|(a, b)| a * b).sum::<f64>();
    assert!((dot(0, 0) - 1.0).abs() < 1e-4);
    assert!(dot(0, 1) > 0.6 && dot(0, 2) < 0.3, "{} {}", dot(0, 1), dot(0, 2));
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_in_the_words_of_the_api() {
    let Some(service) = shared() else { return };
    let check = async |path: &str, body: Value, expect: (u16, &str, &str)| {
        let (status, answer) = full(service, path, body).await;
        let field = |name: &str| answer["error"][name].as_str().unwrap_or_default().to_owned();
        assert_eq!((status, field("code").as_str(), field("param").as_str()), expect, "{answer}");
    };
    check(CHAT, json!([]), (400, "invalid_request", "")).await;
    check(CHAT, json!({"model": "smollm2-135m-instruct"}), (400, "invalid_request", "messages")).await;
    check(CHAT, json!({"model": "other", "messages": []}), (404, "model_not_found", "model")).await;
    check("/v1/nothing", json!({}), (404, "not_found", "")).await;
    check("/v1/models/other", json!({}), (404, "model_not_found", "model")).await;
    let long = "word ".repeat(20_000);
    check(CHAT, chat(&long, json!({})), (400, "context_length_exceeded", "messages")).await;
    check(COMPLETE, prompt(&long, 1), (400, "context_length_exceeded", "prompt")).await;
    let embed = json!({"model": "all-minilm-l6-v2", "input": long});
    check("/v1/embeddings", embed, (400, "context_length_exceeded", "input")).await;
    let mut suffix = prompt("a", 1);
    suffix["suffix"] = json!("b");
    check(COMPLETE, suffix, (400, "invalid_request", "suffix")).await;
}
