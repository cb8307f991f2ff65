//! The next upstream answers when one can't, but only before the first byte went to the caller.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use serde_json::json;
use weir_tests::openai::{self, Escape, Events};
use weir_tests::{Config, Gate, Gateway, Script, Step, Upstream, scenario};

fn refusal(status: u16) -> Script {
    Script::json(status, &json!({"error": {"message": "busy", "type": "overloaded"}}))
}

#[test]
fn the_next_upstream_answers() {
    scenario(async {
        let cases: Vec<(&str, Script)> = vec![("503", refusal(503)), ("429", refusal(429))];
        for (name, script) in cases {
            let first = Upstream::start(move |_| script.clone()).await;
            let second = Upstream::start(openai::echo).await;
            let config =
                Config::default().upstream("first", first.address()).upstream("second", second.address());
            let gateway = Gateway::start(config).await;
            for body in [openai::chat("hello"), openai::chat_stream("hello")] {
                let answer = gateway.chat(&body).await;
                assert_eq!(answer.status, 200, "{name}: {}", answer.text());
                assert_eq!(answer.header("x-weir-upstream"), Some("second"), "{name}");
                let text = answer.text();
                let whole = text.contains("hello") || openai::Events::of(&answer).text() == "hello";
                assert!(whole, "{name}: {text}");
            }
        }
    });
}

/// An upstream that breaks off after it was sent the request may have worked on it: it is not sent elsewhere.
#[test]
fn a_broken_upstream_is_no_reason_to_ask_twice() {
    scenario(async {
        for (name, step) in [("close", Step::Close), ("reset", Step::Reset)] {
            let first = Upstream::start(move |_| Script::default().then(step.clone())).await;
            let second = Upstream::start(openai::echo).await;
            let config =
                Config::default().upstream("first", first.address()).upstream("second", second.address());
            let gateway = Gateway::start(config).await;
            let answer = gateway.chat(&openai::chat("hello")).await;
            assert_eq!((answer.status, answer.code().as_deref()), (502, Some("upstream_error")), "{name}");
            assert!(second.requests().is_empty(), "{name}");
        }
    });
}

#[test]
fn a_dead_address_is_passed_over() {
    scenario(async {
        let second = Upstream::start(openai::echo).await;
        let nowhere = Upstream::nowhere().await;
        let config = Config::default().upstream("first", nowhere).upstream("second", second.address());
        let gateway = Gateway::start(config).await;
        for _ in 0..5 {
            let answer = gateway.chat(&openai::chat("hello")).await;
            assert_eq!(
                (answer.status, answer.header("x-weir-upstream")),
                (200, Some("second")),
                "{}",
                answer.text()
            );
        }
    });
}

/// What the caller can mend, and what the upstream may have acted on, is not sent twice.
#[test]
fn other_answers_are_final() {
    scenario(async {
        for (status, told) in [(400, 400), (404, 404), (422, 422), (500, 502), (401, 502)] {
            let first = Upstream::start(move |_| refusal(status)).await;
            let second = Upstream::start(openai::echo).await;
            let config =
                Config::default().upstream("first", first.address()).upstream("second", second.address());
            let gateway = Gateway::start(config).await;
            let answer = gateway.chat(&openai::chat("hello")).await;
            assert_eq!(answer.status, told, "upstream said {status}: {}", answer.text());
            assert!(second.requests().is_empty(), "upstream said {status}, and the next was asked too");
        }
    });
}

/// A spent account stays spent: trying elsewhere would hide it, and the caller must not retry.
#[test]
fn spent_quota_is_told_as_such() {
    scenario(async {
        let first = Upstream::start(|_| {
            let error = json!({"message": "You exceeded your current quota", "type": "insufficient_quota",
                "code": "insufficient_quota"});
            Script::json(429, &json!({"error": error}))
        })
        .await;
        let gateway = Gateway::start(Config::with(&first)).await;
        let answer = gateway.chat(&openai::chat("hello")).await;
        assert!([429, 502].contains(&answer.status), "{}", answer.text());
        assert_eq!(first.requests().len(), 1, "asked again though the quota is spent");
    });
}

#[test]
fn nothing_is_sent_twice_after_the_first_byte() {
    scenario(async {
        let gate = Gate::new();
        let held = gate.clone();
        let first = Upstream::start(move |_| {
            let event = Escape::Raw.event(&openai::chunk(0, &json!({"content": "half"}), None));
            Script::stream().chunk(event).then(Step::Wait(held.clone())).then(Step::Reset)
        })
        .await;
        let second = Upstream::start(openai::echo).await;
        let config =
            Config::default().upstream("first", first.address()).upstream("second", second.address());
        let gateway = Gateway::start(config).await;
        let call =
            weir_tests::Call::post("/v1/chat/completions", &openai::chat_stream("x")).key(gateway.key());
        let mut open = call.open(gateway.traffic()).await;
        open.until("half").await;
        gate.open(1);
        let answer = open.finish().await;
        let events = Events::of(&answer);
        assert!(!events.done, "a stream cut off must not end with [DONE]: {}", answer.text());
        assert!(events.values.iter().any(|event| event["error"].is_object()), "{}", answer.text());
        assert!(second.requests().is_empty(), "the second upstream was asked after the first byte");
    });
}

#[test]
fn when_all_fail_the_last_fault_is_told() {
    scenario(async {
        let nowhere = Upstream::nowhere().await;
        let busy = Upstream::start(|_| refusal(503)).await;
        let config = Config::default().upstream("first", nowhere).upstream("second", busy.address());
        let gateway = Gateway::start(config).await;
        let answer = gateway.chat(&openai::chat("hello")).await;
        assert_eq!(
            (answer.status, answer.code().as_deref()),
            (502, Some("upstream_error")),
            "{}",
            answer.text()
        );
        assert!(!answer.text().contains(&nowhere.to_string()), "an address inside was told to the caller");
    });
}

/// A full upstream makes the next exchange wait, and refuses it when that takes too long.
#[test]
fn concurrency_is_bounded() {
    scenario(async {
        let gate = Gate::new();
        let held = gate.clone();
        let upstream = Upstream::start(move |_| {
            let reply = openai::says("late").to_string();
            Script::default().then(Step::Wait(held.clone())).write(format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{reply}",
                reply.len()
            ))
        })
        .await;
        let config = Config::default().upstream_with(
            "one",
            upstream.address(),
            ", max_concurrency: 2, max_wait: 300ms",
        );
        let gateway = Gateway::start(config).await;
        let call = weir_tests::Call::post("/v1/chat/completions", &openai::chat("x")).key(gateway.key());
        let first = call.start(gateway.traffic()).await;
        let second = call.start(gateway.traffic()).await;
        upstream.asked(2).await;
        let third = call.send(gateway.traffic()).await;
        assert!([429, 503].contains(&third.status), "{}", third.text());
        assert_eq!(upstream.requests().len(), 2, "the limit was exceeded");
        gate.open(2);
        assert_eq!(first.head().await.finish().await.status, 200);
        assert_eq!(second.head().await.finish().await.status, 200);
        gate.open(1);
        assert_eq!(call.send(gateway.traffic()).await.status, 200, "room again");
    });
}
