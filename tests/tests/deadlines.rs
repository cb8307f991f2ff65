//! Every wait has an end: for the first byte, between bytes, in total, and for the caller's own bytes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::time::Duration;

use serde_json::json;
use weir_tests::client::raw;
use weir_tests::openai::{self, Escape, Events};
use weir_tests::{Config, Gateway, Script, Step, Upstream, poll, scenario};

const LIMITS: &str = "limits: {total: 3s, first_byte: 500ms, idle: 500ms, client_read: 1s}";

fn event(text: &str) -> String {
    Escape::Raw.event(&openai::chunk(0, &json!({"content": text}), None))
}

#[test]
fn a_silent_upstream_times_out() {
    scenario(async {
        let upstream = Upstream::start(|_| Script::hang()).await;
        let gateway = Gateway::start(Config::with(&upstream).yaml(LIMITS)).await;
        for body in [openai::chat("x"), openai::chat_stream("x")] {
            let answer =
                tokio::time::timeout(poll::SOON, gateway.chat(&body)).await.expect("an answer in time");
            assert_eq!(
                (answer.status, answer.code().as_deref()),
                (504, Some("upstream_timeout")),
                "{}",
                answer.text()
            );
        }
        upstream.left(2).await;
    });
}

#[test]
fn a_stream_that_stalls_ends_as_broken() {
    scenario(async {
        let upstream = Upstream::start(|_| Script::stream().chunk(event("half")).then(Step::Hang)).await;
        let gateway = Gateway::start(Config::with(&upstream).yaml(LIMITS)).await;
        let answer = tokio::time::timeout(poll::SOON, gateway.chat(&openai::chat_stream("x"))).await.unwrap();
        let events = Events::of(&answer);
        assert!(!events.done, "{}", answer.text());
        assert_eq!(events.values.last().unwrap()["error"]["code"], "upstream_timeout", "{}", answer.text());
        upstream.left(1).await;
    });
}

#[test]
fn a_whole_reply_that_stalls_times_out() {
    scenario(async {
        let upstream = Upstream::start(|_| {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
            Script::default().write(head).then(Step::Hang)
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream).yaml(LIMITS)).await;
        let answer = gateway.chat(&openai::chat("x")).await;
        assert_eq!(
            (answer.status, answer.code().as_deref()),
            (504, Some("upstream_timeout")),
            "{}",
            answer.text()
        );
    });
}

/// An upstream that keeps talking never idles; the total deadline ends it.
#[test]
fn endless_streams_end() {
    scenario(async {
        let upstream = Upstream::start(|_| {
            let text = event("on and on");
            let piece = format!("{:x}\r\n{text}\r\n", text.len());
            Script::stream().then(Step::Flood(piece.into_bytes(), u64::MAX))
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream).yaml("limits: {total: 1s}")).await;
        let answer = tokio::time::timeout(poll::SOON, gateway.chat(&openai::chat_stream("x"))).await.unwrap();
        assert!(answer.text().ends_with("\n\n"), "the last event is whole");
        assert!(!answer.text().contains("[DONE]"));
        assert!(answer.text().contains("upstream_timeout"));
        upstream.left(1).await;
    });
}

/// A caller that sends its body drop by drop, or not at all, is cut off.
#[test]
fn slow_requests_end() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream).yaml(LIMITS)).await;
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: 500\r\n\r\n{{",
            gateway.key()
        );
        let limit = Duration::from_secs(15);
        let cut = tokio::time::timeout(limit, raw(gateway.traffic(), head.as_bytes(), limit * 2)).await;
        let answer = cut.expect("the gateway closes the connection");
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert!(
            text.is_empty() || text.starts_with("HTTP/1.1 408") || text.starts_with("HTTP/1.1 400"),
            "{text}"
        );
        assert!(upstream.requests().is_empty());
    });
}
