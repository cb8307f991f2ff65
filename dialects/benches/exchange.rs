//! What the dialect costs an exchange: a 1 KiB prompt, a 2 KiB reply, a stream of 200 events.
#![allow(clippy::unwrap_used, missing_docs, reason = "bench code")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;
use weir_dialects::{
    AskUsage, Endpoint, Inspect, Limits, Reply, Request, Rewrite, StreamOptions, StreamReply,
};

fn request(c: &mut Criterion) {
    let prompt = "Please write to jane@example.org about the invoice. ".repeat(20);
    let body = json!({ "model": "m", "messages": [
        { "role": "system", "content": "You are helpful." }, { "role": "user", "content": prompt }],
        "stream": true, "stream_options": { "include_usage": true }, "temperature": 0.7, "max_tokens": 500 });
    let body = Bytes::from(body.to_string());
    let parse = || Request::parse(Endpoint::ChatCompletions, body.clone(), &Limits::default()).unwrap();
    c.bench_function("request/parse", |b| b.iter(|| black_box(parse())));
    c.bench_function("request/parse+slots+render", |b| {
        b.iter(|| {
            let request = parse();
            let slots = request.slots();
            request.render(black_box(&slots), &Rewrite { model: Some("up"), ask_usage: AskUsage::Always })
        });
    });
    c.bench_function("request/parse+slots+edit+render", |b| {
        b.iter(|| {
            let request = parse();
            let mut slots = request.slots();
            for slot in &mut slots {
                slot.replace(0..0, "x").unwrap();
            }
            request.render(black_box(&slots), &Rewrite::default())
        });
    });
}

fn reply(c: &mut Criterion) {
    let text = "The quick \"brown\" fox jumps over the lazy dog.\n".repeat(43);
    let body = json!({ "id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        { "index": 0, "message": { "role": "assistant", "content": text }, "logprobs": null, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 9, "completion_tokens": 500, "total_tokens": 509 } });
    let body = Bytes::from(body.to_string());
    let parse = || Reply::parse(Endpoint::ChatCompletions, body.clone()).unwrap();
    c.bench_function("reply/parse", |b| b.iter(|| black_box(parse())));
    c.bench_function("reply/parse+deltas+render", |b| {
        b.iter(|| {
            let reply = parse();
            let mut deltas = reply.deltas();
            for delta in &mut deltas {
                delta.text.push('x');
            }
            reply.render(black_box(&deltas))
        });
    });
}

fn events() -> Vec<String> {
    let event = |choices: serde_json::Value, usage: serde_json::Value| {
        let event = json!({ "id": "chatcmpl-0123456789", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": "gpt-4o-2024-08-06", "system_fingerprint": "fp_0123456789", "choices": choices, "usage": usage });
        format!("data: {event}\n\n")
    };
    let delta =
        json!([{ "index": 0, "delta": { "content": " token" }, "logprobs": null, "finish_reason": null }]);
    let mut events = vec![event(delta, json!(null)); 197];
    events.push(event(json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]), json!(null)));
    events
        .push(event(json!([]), json!({ "prompt_tokens": 9, "completion_tokens": 200, "total_tokens": 209 })));
    events.push("data: [DONE]\n\n".to_owned());
    events
}

fn stream(c: &mut Criterion) {
    let events = events();
    let weir = json!({ "cost_usd": "0.1" });
    for (name, inspect, edit) in [
        ("stream/200 events, not inspected", Inspect::No, ""),
        ("stream/200 events, inspected", Inspect::Yes, ""),
        ("stream/200 events, inspected, all edited", Inspect::Yes, "x"),
    ] {
        c.bench_function(name, |b| {
            b.iter(|| {
                let options = StreamOptions { client_wants_usage: true, inspect };
                let mut reply = StreamReply::new(Endpoint::ChatCompletions, options);
                let mut judge = |delta: &mut weir_policies::reply::Delta| {
                    delta.text.push_str(edit);
                    Ok(())
                };
                let mut bytes = 0;
                for event in &events {
                    bytes += reply.push(event.as_bytes(), &mut judge).unwrap().len();
                }
                bytes += reply.flush(&mut judge).unwrap().len();
                bytes + reply.close(Some(&weir)).len()
            });
        });
    }
}

criterion_group!(benches, request, reply, stream);
criterion_main!(benches);
