//! The harness against itself: what the scenarios rely on, without a gateway between.
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
use weir_tests::client::Connection;
use weir_tests::openai::{self, Escape, Events};
use weir_tests::{Call, Gate, Script, Step, Upstream, poll, scenario};

const CHAT: &str = "/v1/chat/completions";

#[test]
fn whole_and_streamed_replies_are_read() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let mut connection = Connection::to(upstream.address()).await;
        for text in ["hello", "Grüße ⟦X⟧"] {
            let (whole, kept) = connection.send(&Call::post(CHAT, &openai::chat(text))).await;
            assert_eq!(whole.json()["choices"][0]["message"]["content"], text);
            let (streamed, kept) = kept.send(&Call::post(CHAT, &openai::chat_stream(text))).await;
            let events = Events::of(&streamed);
            assert_eq!((events.text().as_str(), events.done, streamed.complete), (text, true, true));
            assert_eq!(events.usage().unwrap()["total_tokens"], 12);
            connection = kept;
        }
        assert_eq!((upstream.connections(), upstream.requests().len()), (1, 4));
        assert!(upstream.saw("Grüße") && !upstream.saw("never sent"));
    });
}

#[test]
fn every_cutting_says_the_same() {
    let text = "a⟦KEY_1⟧ \"quoted\" \\ 🙂";
    for cuts in [vec![], vec![1, 2, 3], (0..200).collect::<Vec<_>>()] {
        for escape in [Escape::Raw, Escape::Ascii] {
            let pieces = openai::pieces(text, &cuts);
            assert_eq!(pieces.concat(), text);
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&escape.json(&json!(text))).unwrap(),
                json!(text)
            );
            let deltas: Vec<_> = pieces.iter().map(|piece| json!({"content": piece})).collect();
            let (body, bytes) = (openai::stream(&deltas, escape), cuts.clone());
            scenario(async move {
                let upstream = Upstream::start(move |_| Script::cut(&body, &bytes)).await;
                let answer = Call::post(CHAT, &json!({})).send(upstream.address()).await;
                assert_eq!(Events::of(&answer).text(), text);
            });
        }
    }
}

#[test]
fn bad_endings_are_told_from_good_ones() {
    let cases = [
        ("end", Script::stream().chunk("x").end(), true),
        ("close", Script::stream().chunk("x").then(Step::Close), false),
        ("reset", Script::stream().chunk("x").then(Step::Reset), false),
        (
            "short",
            Script::default().write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx").then(Step::Close),
            false,
        ),
    ];
    for (name, script, complete) in cases {
        scenario(async move {
            let upstream = Upstream::start(move |_| script.clone()).await;
            let answer = Call::post(CHAT, &json!({})).send(upstream.address()).await;
            assert_eq!(answer.complete, complete, "{name}");
        });
    }
}

#[test]
fn leaving_is_seen_at_every_step() {
    let flood = Script::stream().then(Step::Flood(b"1\r\nx\r\n".to_vec(), u64::MAX));
    let scripts = [Script::hang(), Script::stream().chunk("x").then(Step::Wait(Gate::new())), flood];
    for script in scripts {
        scenario(async move {
            let upstream = Upstream::start(move |_| script.clone()).await;
            let started = Call::post(CHAT, &json!({})).start(upstream.address()).await;
            upstream.asked(1).await;
            let now = Instant::now();
            started.leave();
            assert!(upstream.left(1).await.duration_since(now) < Duration::from_secs(1));
        });
    }
}

#[test]
fn a_caller_that_does_not_read_stops_a_flood() {
    scenario(async {
        const OFFERED: u64 = 64 << 20;
        let piece = [&b"4000\r\n"[..], &[b'x'; 0x4000], b"\r\n"].concat();
        let upstream =
            Upstream::start(move |_| Script::stream().then(Step::Flood(piece.clone(), OFFERED / 0x4000)))
                .await;
        let mut open = Call::post(CHAT, &json!({})).open(upstream.address()).await;
        open.until("x").await;
        let taken =
            poll::settled("the flood to stop", Duration::from_millis(300), || upstream.written()).await;
        assert!(taken > 0 && taken < OFFERED, "{taken}");
    });
}

#[test]
fn gates_hold_until_opened() {
    scenario(async {
        let gate = Gate::new();
        let held = gate.clone();
        let upstream = Upstream::start(move |_| {
            Script::stream().chunk("one").then(Step::Wait(held.clone())).chunk("two").end()
        })
        .await;
        let mut open = Call::post(CHAT, &json!({})).open(upstream.address()).await;
        open.until("one").await;
        gate.open(1);
        assert_eq!(open.finish().await.text(), "onetwo");
    });
}
