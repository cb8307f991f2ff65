//! What goes through untouched: bodies byte for byte, streams event for event, headers as the contract says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use serde_json::{Value, json};
use weir_tests::client::Connection;
use weir_tests::gateway::UPSTREAM_KEY;
use weir_tests::openai::{self, Escape, Events};
use weir_tests::{Call, Config, Gateway, Script, Upstream, scenario};

#[test]
fn an_untouched_body_is_forwarded_byte_for_byte() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        // Odd spacing, an unknown field, escapes and a number no float holds: nobody touches them.
        let body = br#"{ "model":"scripted" , "x_unknown":{"n":12345678901234567890.10,"t":"\u00e9\/"},
            "messages":[ {"role":"user","content":"Gr\u00fc\u00dfe"} ] }"#;
        let call = Call::bytes("/v1/chat/completions", body.to_vec()).key(gateway.key());
        let answer = call.send(gateway.traffic()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(String::from_utf8_lossy(&upstream.requests()[0].body), String::from_utf8_lossy(body));
        assert_eq!(answer.json()["choices"][0]["message"]["content"], "Grüße");
    });
}

#[test]
fn an_untouched_reply_comes_back_byte_for_byte() {
    scenario(async {
        let reply = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1, "model":"scripted","x_new":[1.0,2e3],
            "choices":[{"index":0,"message":{"role":"assistant","content":"caf\u00e9"},"finish_reason":"stop"}],
            "usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}"#;
        let upstream = Upstream::start(|_| Script::plain(200, "application/json", reply)).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let answer = gateway.chat(&openai::chat("hello")).await;
        assert_eq!(answer.text(), reply);
    });
}

#[test]
fn credentials_and_hop_headers_stay_here() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let call = Call::post("/v1/chat/completions", &openai::chat("hello"))
            .key(gateway.key())
            .header("x-weir-subject", "someone")
            .header("x-weir-tags", "a=b")
            .header("cookie", "session=secret-cookie")
            .header("te", "trailers")
            .header("proxy-authorization", "Basic c2VjcmV0")
            .header("accept-encoding", "gzip, br");
        assert_eq!(call.send(gateway.traffic()).await.status, 200);
        let seen = &upstream.requests()[0];
        assert_eq!(seen.header("authorization"), Some(format!("Bearer {UPSTREAM_KEY}").as_str()));
        assert_eq!(seen.header("accept-encoding"), Some("identity"));
        assert_eq!(seen.header("host"), Some(upstream.address().to_string().as_str()));
        let length = seen.body.len().to_string();
        assert_eq!(seen.header("content-length"), Some(length.as_str()));
        for (name, _) in &seen.headers {
            assert!(!name.starts_with("x-weir-"), "{name} went upstream");
            assert!(
                !["te", "proxy-authorization", "transfer-encoding"].contains(&name.as_str()),
                "{name} went upstream"
            );
        }
        for secret in [gateway.key(), "c2VjcmV0", "secret-cookie"] {
            assert!(!upstream.saw(secret), "a caller's secret went upstream");
        }
    });
}

#[test]
fn x_api_key_works_like_a_bearer_key() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let call =
            Call::post("/v1/chat/completions", &openai::chat("hello")).header("x-api-key", gateway.key());
        assert_eq!(call.send(gateway.traffic()).await.status, 200);
        assert!(!upstream.saw(gateway.key()));
    });
}

#[test]
fn answers_say_who_decided_and_who_answered() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let answer = gateway.chat(&openai::chat("hello")).await;
        assert_eq!(answer.header("x-weir-decision"), Some("allow"));
        assert_eq!(answer.header("x-weir-upstream"), Some("one"));
        assert_eq!(answer.header("x-weir-model"), Some("scripted"));
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
        for name in ["x-request-id", "x-weir-policy", "x-weir-overhead-ms"] {
            assert!(answer.header(name).is_some_and(|value| !value.is_empty()), "{name} is missing");
        }
        let record = gateway.run(&["audit", "show", answer.header("x-request-id").unwrap(), "--json"]).await;
        assert!(record.contains("scripted"), "{record}");
    });
}

#[test]
fn a_stream_comes_back_event_for_event() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let answer = gateway.chat(&openai::chat_stream("hello, stream")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.header("content-type").unwrap().starts_with("text/event-stream"));
        assert!(answer.complete);
        let events = Events::of(&answer);
        assert_eq!(events.text(), "hello, stream");
        assert_eq!(events.finish().as_deref(), Some("stop"));
        assert!(events.done);
        let usage = events.usage().expect("the client asked for usage");
        assert_eq!(usage["total_tokens"], 12);
        assert!(usage["weir"].is_object(), "money and carbon come with usage: {usage}");
    });
}

#[test]
fn usage_is_asked_for_but_only_shown_to_who_asked() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let mut body = openai::chat_stream("hello");
        body.as_object_mut().unwrap().remove("stream_options");
        let events = Events::of(&gateway.chat(&body).await);
        assert_eq!(upstream.requests()[0].json()["stream_options"]["include_usage"], json!(true));
        assert!(events.usage().is_none(), "{:?}", events.values);
        assert!(events.done);
        assert_eq!(events.text(), "hello");
    });
}

#[test]
fn events_arrive_when_they_are_sent() {
    scenario(async {
        let gate = weir_tests::Gate::new();
        let (first, rest) = (
            Escape::Raw.event(&openai::chunk(0, &json!({"role": "assistant", "content": "one"}), None)),
            Escape::Raw.event(&openai::chunk(0, &json!({"content": " two"}), Some("stop")))
                + "data: [DONE]\n\n",
        );
        let held = gate.clone();
        let upstream = Upstream::start(move |_| {
            let script = Script::stream().chunk(&first).then(weir_tests::Step::Wait(held.clone()));
            script.chunk(&rest).end()
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let call = Call::post("/v1/chat/completions", &openai::chat_stream("x")).key(gateway.key());
        let mut open = call.open(gateway.traffic()).await;
        // The upstream waits: were the event held back, this would fail.
        open.until("one").await;
        gate.open(1);
        let events = Events::of(&open.finish().await);
        assert_eq!(events.text(), "one two");
        assert!(events.done);
    });
}

#[test]
fn connections_are_reused_on_both_sides() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let before = upstream.connections();
        let mut connection = Connection::to(gateway.traffic()).await;
        for at in 0..20 {
            let body = if at % 2 == 0 { openai::chat("hello") } else { openai::chat_stream("hello") };
            let call = Call::post("/v1/chat/completions", &body).key(gateway.key());
            let (answer, kept) = connection.send(&call).await;
            assert_eq!(answer.status, 200, "request {at}: {}", answer.text());
            assert!(answer.complete, "request {at}");
            connection = kept;
        }
        let made = upstream.connections() - before;
        assert!(made <= 2, "{made} upstream connections for 20 requests one after the other");
    });
}

/// Every endpoint reaches its own path and brings its own shape back.
#[test]
fn each_endpoint_has_its_path() {
    let embedding = json!({"object": "list", "model": "scripted", "usage": {"prompt_tokens": 1, "total_tokens": 1},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}]});
    let completion = json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "scripted",
        "choices": [{"index": 0, "text": "hi", "logprobs": null, "finish_reason": "stop"}], "usage": openai::usage()});
    let message = json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": "hi", "annotations": []}]});
    let response = json!({"id": "resp_1", "object": "response", "created_at": 1, "status": "completed",
        "model": "scripted", "output": [message], "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
        "usage": {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}});
    let cases: Vec<(&str, Value, Value)> = vec![
        ("/v1/embeddings", json!({"model": "scripted", "input": ["a", "b"]}), embedding),
        ("/v1/completions", json!({"model": "scripted", "prompt": "hello"}), completion),
        ("/v1/responses", json!({"model": "scripted", "input": "hello"}), response),
        ("/v1/chat/completions", openai::chat("hello"), openai::says("hi")),
    ];
    scenario(async move {
        let replies: Vec<_> = cases.iter().map(|(path, _, reply)| (*path, reply.clone())).collect();
        let upstream = Upstream::start(move |seen| {
            let path = seen.start.split(' ').nth(1).unwrap_or_default();
            let found = replies.iter().find(|(wanted, _)| *wanted == path);
            found.map_or_else(|| Script::json(404, &json!({})), |(_, reply)| Script::json(200, reply))
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        for (path, body, reply) in &cases {
            let answer = gateway.post(path, body).await;
            assert_eq!((answer.status, &answer.json()), (200, reply), "{path}");
        }
    });
}

#[test]
fn large_bodies_pass_whole() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        for size in [64 * 1024 - 1, 64 * 1024 + 1, 1024 * 1024] {
            let text = "weir ".repeat(size / 5);
            let answer = gateway.chat(&openai::chat(&text)).await;
            assert_eq!(answer.status, 200, "{size} bytes");
            assert_eq!(answer.json()["choices"][0]["message"]["content"], text, "{size} bytes");
        }
    });
}
