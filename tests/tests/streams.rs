//! Streams that end badly, are many, or are read slowly: what the caller sees, what is freed, what it costs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::time::{Duration, Instant};

use serde_json::json;
use weir_tests::openai::{self, Escape, Events};
use weir_tests::{Call, Config, Gate, Gateway, Script, Step, Upstream, policy, poll, scenario};

fn event(text: &str) -> String {
    Escape::Raw.event(&openai::chunk(0, &json!({"content": text}), None))
}

fn call(gateway: &Gateway, body: &serde_json::Value) -> Call {
    Call::post("/v1/chat/completions", body).key(gateway.key())
}

#[test]
fn a_broken_upstream_is_seen_as_broken() {
    let half = format!("{}data: {{\"id\":\"chatcmpl-1\",\"cho", event("half"));
    let endings: Vec<(&str, Script)> = vec![
        ("reset", Script::stream().chunk(event("half")).then(Step::Reset)),
        ("close without the last chunk", Script::stream().chunk(event("half")).then(Step::Close)),
        ("cut in an event", Script::stream().chunk(half).then(Step::Close)),
        ("end without [DONE] or finish", Script::stream().chunk(event("half")).end()),
        ("bad chunk", Script::stream().chunk(event("half")).write("zz\r\n").then(Step::Close)),
    ];
    scenario(async move {
        for (name, script) in endings {
            let upstream = Upstream::start(move |_| script.clone()).await;
            for config in
                [Config::with(&upstream), Config::with(&upstream).policy("p.yaml", policy::PERSONAL)]
            {
                let gateway = Gateway::start(config).await;
                let answer = gateway.chat(&openai::chat_stream("x")).await;
                let events = Events::of(&answer);
                assert_eq!(answer.status, 200, "{name}");
                assert!(!events.done, "{name}: [DONE] after a break: {}", answer.text());
                assert_eq!(events.text(), "half", "{name}: text that had come is passed on");
                let last = events.values.last().unwrap_or_else(|| panic!("{name}: no event"));
                assert_eq!(last["error"]["code"], "upstream_error", "{name}: {last}");
                assert!(last["weir"]["record_id"].is_string(), "{name}: {last}");
            }
        }
    });
}

#[test]
fn a_policy_cuts_a_stream_in_the_middle() {
    scenario(async {
        let upstream = Upstream::start(|_| {
            let deltas = ["Nice. ", "The blue", "bird", " flies", " on"].map(|text| json!({"content": text}));
            Script::cut(&openai::stream(&deltas, Escape::Raw), &[])
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream).policy("p.yaml", policy::NO_BLUEBIRD)).await;
        let answer = gateway.chat(&openai::chat_stream("x")).await;
        let events = Events::of(&answer);
        assert!(events.done, "{}", answer.text());
        assert_eq!(events.finish().as_deref(), Some("content_filter"));
        assert!(events.text().starts_with("Nice."), "{}", events.text());
        assert!(!events.text().contains("bird") && !events.text().contains("flies"), "{}", events.text());
    });
}

/// At each point of an exchange the caller leaves: the upstream is free again within a tenth of a second.
#[test]
fn leaving_frees_the_upstream() {
    let head = Script::stream();
    let points: Vec<(&str, Script, Option<&str>)> = vec![
        ("before the answer", Script::hang(), None),
        ("after the head", head.clone().chunk(event("one")).then(Step::Hang), Some("one")),
        ("in the middle", head.clone().chunk(event("one")).chunk(event("two")).then(Step::Hang), Some("two")),
        ("while it flows", head.then(Step::Flood(frame(&event("on and on")), u64::MAX)), Some("on and on")),
    ];
    scenario(async move {
        for (name, script, seen) in points {
            let upstream = Upstream::start(move |_| script.clone()).await;
            let gateway = Gateway::start(Config::with(&upstream)).await;
            let mut took = vec![];
            for round in 1..=5 {
                let started = call(&gateway, &openai::chat_stream("x")).start(gateway.traffic()).await;
                upstream.asked(round).await;
                let left = match seen {
                    None => {
                        let now = Instant::now();
                        started.leave();
                        now
                    }
                    Some(text) => {
                        let mut open = started.head().await;
                        open.until(text).await;
                        let now = Instant::now();
                        open.leave();
                        now
                    }
                };
                took.push(upstream.left(round).await.saturating_duration_since(left));
            }
            took.sort_unstable();
            println!("left {name}: upstream freed after {took:?}");
            assert!(took[2] < Duration::from_millis(100), "{name}: {took:?}");
        }
    });
}

fn frame(text: &str) -> Vec<u8> {
    [format!("{:x}\r\n", text.len()).as_bytes(), text.as_bytes(), b"\r\n"].concat()
}

/// A caller that doesn't read makes the gateway stop reading, not hoard.
#[test]
fn slow_callers_cost_bounded_memory() {
    scenario(async {
        const OFFERED: u64 = 256 << 20;
        let piece = frame(&event(&"x".repeat(16 * 1024)));
        let times = OFFERED / piece.len() as u64;
        let upstream =
            Upstream::start(move |_| Script::stream().then(Step::Flood(piece.clone(), times))).await;
        for config in [Config::with(&upstream), Config::with(&upstream).policy("p.yaml", policy::PERSONAL)] {
            let gateway = Gateway::start(config).await;
            let (before, written) = (gateway.resident(), upstream.written());
            let mut idle = vec![];
            for _ in 0..4 {
                let mut open = call(&gateway, &openai::chat_stream("x")).open(gateway.traffic()).await;
                open.until("data:").await;
                idle.push(open);
            }
            let quiet = Duration::from_secs(1);
            let taken =
                poll::settled("the gateway to stop reading", quiet, || upstream.written()).await - written;
            let grown = gateway.resident().saturating_sub(before);
            println!(
                "4 callers that don't read: {} MiB taken of {}, {} MiB more resident",
                taken >> 20,
                OFFERED >> 18,
                grown >> 20
            );
            // Most of what is taken lies in the kernel's socket buffers. What is kept for the vault is 1 MiB of each
            // side of a reply; the rest is what a gateway that has just started still takes.
            assert!(taken < OFFERED / 2, "{taken} bytes read without a reader");
            assert!(grown < 24 << 20, "{grown} bytes");
        }
    });
}

/// A thousand streams at once, all open at the same time, all whole at the end.
#[test]
fn a_thousand_streams_at_once() {
    const STREAMS: usize = 1000;
    raise_file_limit();
    scenario(async {
        let gate = Gate::new();
        let held = gate.clone();
        let upstream = Upstream::start(move |_| {
            let rest = event(" last")
                + &Escape::Raw.event(&openai::chunk(0, &json!({}), Some("stop")))
                + "data: [DONE]\n\n";
            Script::stream().chunk(event("first")).then(Step::Wait(held.clone())).chunk(rest).end()
        })
        .await;
        let config = Config::default().upstream_with(
            "one",
            upstream.address(),
            ", max_concurrency: 2000, max_wait: 60s",
        );
        let gateway = Gateway::start(config.policy("p.yaml", policy::PERSONAL)).await;
        let before = gateway.resident();
        let body = openai::chat_stream("x");
        let all: Vec<_> = (0..STREAMS)
            .map(|_| {
                let (call, to) = (call(&gateway, &body), gateway.traffic());
                tokio::spawn(async move {
                    let mut open = call.open(to).await;
                    assert_eq!(open.status, 200);
                    open.until("first").await;
                    open
                })
            })
            .collect();
        let mut open = vec![];
        for one in all {
            open.push(one.await.unwrap());
        }
        let each = gateway.resident().saturating_sub(before) / STREAMS as u64;
        println!("{STREAMS} open streams: {} KiB resident each", each >> 10);
        assert!(each < 256 << 10, "{each} bytes a stream");
        gate.open(STREAMS);
        let ends = open.into_iter().map(|one| tokio::spawn(one.finish()));
        for end in ends.collect::<Vec<_>>() {
            let answer = end.await.unwrap();
            let events = Events::of(&answer);
            assert!(events.done && answer.complete);
            assert_eq!(events.text(), "first last");
        }
    });
}

fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
}
