//! Faults around the gateway, and what its audit log says of each: exactly one end a call, whatever happened.
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
use weir_tests::gateway::ADMIN_KEY;
use weir_tests::openai::{self, Escape, Events};
use weir_tests::{
    Call, Clock, Config, Gate, Gateway, Script, Seen, Step, Upstream, policy, poll, scenario, scenario_within,
};

/// How many positions of a reply are tried; every byte of it where `WEIR_EVERY_BYTE` is set.
const POSITIONS: usize = 24;

/// All bytes of a streamed reply, its head and its framing included.
fn reply() -> Vec<u8> {
    let deltas =
        ["To ", "kim@example", ".com: the", " heron ", "nests."].map(|text| json!({"content": text}));
    let script = Script::cut(&openai::stream(&deltas, Escape::Raw), &[40, 333, 700, 701]);
    let written = script.0.into_iter().map(|step| match step {
        Step::Write(bytes) => bytes,
        other => panic!("{other:?}"),
    });
    written.collect::<Vec<_>>().concat()
}

/// How long a test may take that tries them all.
fn limit() -> std::time::Duration {
    poll::SCENARIO * if std::env::var_os("WEIR_EVERY_BYTE").is_some() { 6 } else { 1 }
}

fn positions(length: usize) -> Vec<usize> {
    let step = if std::env::var_os("WEIR_EVERY_BYTE").is_some() { 1 } else { length.div_ceil(POSITIONS) };
    (0..length).step_by(step).chain([length - 1]).collect()
}

/// An upstream that sends as many bytes of the reply as the call asks for, and then does as `end` says.
async fn cut_at(end: Step) -> Upstream {
    Upstream::start(move |seen: &Seen| {
        let at: usize = openai::asked(seen).rsplit(' ').next().unwrap().parse().unwrap();
        Script::default().write(&reply()[..at]).then(end.clone())
    })
    .await
}

/// The calls as the log has them, once all of them have ended.
async fn ended(gateway: &Gateway, count: usize) -> Vec<Value> {
    poll::until("all calls to have ended", poll::SOON, async || {
        let listed = gateway.run(&["audit", "list", "--json", "--limit", "100000"]).await;
        let rows: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (rows.len() == count && rows.iter().all(|row| row["state"] != "open")).then_some(rows)
    })
    .await
}

/// The log is sound with all its bodies, and the index has all of it.
async fn sound(gateway: &Gateway) -> String {
    let counted: Value =
        serde_json::from_str(&gateway.run(&["audit", "completeness", "--json"]).await).unwrap();
    assert_eq!(counted["complete"], true, "{counted}");
    // A checkpoint is signed once a second.
    poll::until("a sound log", poll::SOON, async || {
        let (code, said) = gateway.try_run(&["audit", "verify"]).await;
        (code == 0 && said.contains(" 0 are not there")).then_some(said)
    })
    .await
}

fn with_policy(upstream: &Upstream, is_restored: usize) -> Config {
    match is_restored {
        0 => Config::with(upstream),
        _ => Config::with(upstream).policy("p.yaml", policy::PERSONAL),
    }
}

#[test]
fn a_caller_that_leaves_at_any_byte_of_a_stream_leaves_one_end() {
    let length = reply().len();
    let done = weir_tests::wire::find(&reply(), b"[DONE]").unwrap();
    for is_restored in 0..2 {
        scenario_within(limit(), async move {
            let upstream = cut_at(Step::Hang).await;
            let gateway = Gateway::start(with_policy(&upstream, is_restored)).await;
            let positions = positions(length);
            let mut written = 0;
            for (index, at) in positions.iter().enumerate() {
                let body = openai::chat_stream(&format!("kim@example.com asks for {at}"));
                let call = Call::post("/v1/chat/completions", &body).key(gateway.key());
                let started = call.start(gateway.traffic()).await;
                upstream.asked(index + 1).await;
                written += *at as u64;
                poll::until("the bytes to be sent", poll::SOON, async || {
                    (upstream.written() >= written).then_some(())
                })
                .await;
                started.leave();
                upstream.left(index + 1).await;
            }
            let rows = ended(&gateway, positions.len()).await;
            // Newest first.
            for (row, at) in rows.iter().rev().zip(&positions) {
                assert_eq!(row["state"], "completed", "left at byte {at}: {row}");
                if *at < done {
                    assert_eq!(row["stream_state"], "client_abort", "left at byte {at}: {row}");
                }
            }
            let said = sound(&gateway).await;
            println!(
                "{} callers left at bytes 0 to {length}: {}",
                positions.len(),
                said.lines().next().unwrap()
            );
        });
    }
}

#[test]
fn an_upstream_that_resets_at_any_byte_of_a_stream_leaves_one_end() {
    let length = reply().len();
    for is_restored in 0..2 {
        scenario_within(limit(), async move {
            let upstream = cut_at(Step::Reset).await;
            let gateway = Gateway::start(with_policy(&upstream, is_restored)).await;
            let positions = positions(length);
            let mut answers = vec![];
            for at in &positions {
                let body = openai::chat_stream(&format!("kim@example.com asks for {at}"));
                answers.push(gateway.chat(&body).await);
            }
            let rows = ended(&gateway, positions.len()).await;
            for ((row, at), answer) in rows.iter().rev().zip(&positions).zip(&answers) {
                assert_eq!(row["state"], "completed", "reset at byte {at}: {row}");
                assert_eq!(row["record_id"], answer.header("x-request-id").unwrap(), "{at}");
                assert_eq!(row["status"], answer.status, "reset at byte {at}: {row}");
                let is_whole = answer.status == 200 && Events::of(answer).done;
                assert_eq!(
                    row["stream_state"] == "complete" && row["error"].is_null(),
                    is_whole,
                    "{at}: {row}"
                );
            }
            sound(&gateway).await;
        });
    }
}

/// What a provider calls its responses is kept as it is and never told apart by.
#[test]
fn provider_ids_that_repeat_or_are_missing_change_nothing() {
    scenario(async {
        let ids = [json!("same"), Value::Null, json!(7), json!(""), json!("x".repeat(5000))];
        let answers = ids.clone();
        let upstream = Upstream::start(move |seen: &Seen| {
            let at: usize = openai::asked(seen).parse().unwrap();
            let with_id = |mut value: Value| {
                match answers.get(at) {
                    Some(id) => value["id"] = id.clone(),
                    None => drop(value.as_object_mut().unwrap().remove("id")),
                }
                value
            };
            if seen.json()["stream"] != json!(true) {
                return Script::json(200, &with_id(openai::says("hello")));
            }
            let event = |delta, finish| Escape::Raw.event(&with_id(openai::chunk(0, &delta, finish)));
            let text = event(json!({"content": "hello"}), None) + &event(json!({}), Some("stop"));
            Script::cut(&(text + "data: [DONE]\n\n"), &[])
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let mut calls = vec![];
        for at in (0..=ids.len()).cycle().take(4 * (ids.len() + 1)) {
            let text = at.to_string();
            let body = if calls.len() % 2 == 0 { openai::chat(&text) } else { openai::chat_stream(&text) };
            let answer = gateway.chat(&body).await;
            assert_eq!(answer.status, 200, "{at}: {}", answer.text());
            calls.push((at, answer.header("x-request-id").unwrap().to_owned()));
        }
        let rows = ended(&gateway, calls.len()).await;
        for (row, (at, id)) in rows.iter().rev().zip(&calls) {
            assert_eq!((&row["record_id"], &row["state"]), (&json!(id), &json!("completed")), "{at}");
            let shown = gateway.run(&["audit", "show", id, "--json"]).await;
            let shown: Value = serde_json::from_str(&shown).unwrap();
            let kept = &shown["end"]["completion"]["response_id"];
            match ids.get(*at).and_then(Value::as_str) {
                Some("same") => assert_eq!(kept, "same"),
                Some(long) if long.len() > 1000 => {
                    assert!(kept.as_str().is_none_or(|kept| long.starts_with(kept.trim_end_matches('…'))));
                }
                _ => assert!(kept.is_null() || kept == "", "{at}: {kept}"),
            }
        }
        sound(&gateway).await;
    });
}

/// A stop ends what it must cut off in the log too: by the gateway itself, or by the next start.
#[test]
fn a_stop_in_the_middle_of_streams_leaves_one_end_each() {
    scenario(async {
        let gate = Gate::new();
        let held = gate.clone();
        let upstream = Upstream::start(move |seen| {
            let first = Escape::Raw.event(&openai::chunk(0, &json!({"content": "first"}), None));
            let script = Script::stream().chunk(first);
            if openai::asked(seen) == "hang" {
                return script.then(Step::Hang);
            }
            let end = Escape::Raw.event(&openai::chunk(0, &json!({}), Some("stop"))) + "data: [DONE]\n\n";
            script.then(Step::Wait(held.clone())).chunk(end).end()
        })
        .await;
        let config = Config::with(&upstream).yaml("shutdown: {grace: 2s}");
        let mut gateway = Gateway::start(config).await;
        let mut open = vec![];
        for text in ["hang", "wait", "hang", "wait"] {
            let call = Call::post("/v1/chat/completions", &openai::chat_stream(text)).key(gateway.key());
            let mut one = call.open(gateway.traffic()).await;
            one.until("first").await;
            let id = weir_tests::wire::header(&one.headers, "x-request-id").unwrap().to_owned();
            open.push((one, text, id));
        }
        gateway.signal("TERM").await;
        gate.open(2);
        let mut ids = vec![];
        for (one, text, id) in open {
            let answer = one.finish().await;
            // What is cut off must not look like the end.
            assert_eq!(
                text == "wait",
                answer.complete && Events::of(&answer).done,
                "{text}: {}",
                answer.text()
            );
            ids.push((text, id));
        }
        gateway.ended().await;
        gateway.restart().await;
        let rows = ended(&gateway, ids.len()).await;
        for (text, id) in ids {
            let row = rows.iter().find(|row| row["record_id"] == id.as_str()).unwrap();
            let is_whole = row["state"] == "completed" && row["stream_state"] == "complete";
            assert_eq!(is_whole, text == "wait", "{text}: {row}");
        }
        sound(&gateway).await;
    });
}

/// The clock of a running gateway is set forward and back.
#[test]
fn a_gateway_whose_clock_is_set_goes_on_and_its_log_says_by_how_much() {
    const HOUR: i64 = 3600;
    let Some(clock) = Clock::new() else { return };
    scenario(async move {
        let upstream = Upstream::start(openai::echo).await;
        let mut gateway = Gateway::start(clock.of(Config::with(&upstream))).await;
        let mut calls = vec![];
        let moves = [0, HOUR, 0, -HOUR, 0];
        for moved in moves {
            clock.set(moved);
            for body in [openai::chat("the heron nests"), openai::chat_stream("the heron nests")] {
                let answer = gateway.chat(&body).await;
                assert_eq!(answer.status, 200, "{moved}: {}", answer.text());
                calls.push((moved, answer.header("x-request-id").unwrap().to_owned()));
            }
        }
        // A start at an earlier time than the last record's.
        clock.set(-HOUR);
        gateway.signal("TERM").await;
        gateway.ended().await;
        gateway.restart().await;
        calls
            .push((0, gateway.chat(&openai::chat("again")).await.header("x-request-id").unwrap().to_owned()));
        ended(&gateway, calls.len()).await;
        for (moved, id) in &calls {
            let shown = gateway.run(&["audit", "show", id, "--json"]).await;
            let shown: Value = serde_json::from_str(&shown).unwrap();
            let offset = shown["intent"]["clock_offset_us"].as_i64().unwrap();
            // The machine's own clock may be disciplined meanwhile.
            assert!((offset - moved * 1_000_000).abs() < 1_000_000, "{moved}: {offset}");
            let path = format!("/api/v1/audit/calls/{id}/reveal");
            let why = json!({"reason": "clocks were set"});
            let bodies = Call::post(&path, &why).key(ADMIN_KEY).send(gateway.admin()).await.json();
            assert!(bodies["bodies"][0]["text"].is_string(), "{moved}: {bodies}");
        }
        sound(&gateway).await;
    });
}
