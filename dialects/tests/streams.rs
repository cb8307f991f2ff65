//! How a stream ends: usage, `[DONE]`, faults, cuts, and what the client sees of each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

mod rig;

use serde_json::{Value, json};
use weir_dialects::error::ErrorShape;
use weir_dialects::{Cut, Endpoint, Inspect, StreamFault, StreamOptions, StreamReply};
use weir_policies::reply::Delta;

fn chunk(choices: Value, usage: Value) -> String {
    let event = json!({ "id": "c", "model": "m", "choices": choices, "usage": usage });
    format!("data: {event}\n\n")
}

fn text(text: &str) -> Value {
    json!([{ "index": 0, "delta": { "content": text }, "finish_reason": null }])
}

fn stop() -> Value {
    json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }])
}

fn usage() -> Value {
    json!({ "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3 })
}

const DONE: &str = "data: [DONE]\n\n";

fn keep(_: &mut Delta) -> Result<(), Cut> {
    Ok(())
}

fn asked(endpoint: Endpoint, inspect: Inspect) -> StreamReply {
    StreamReply::new(endpoint, StreamOptions { client_wants_usage: true, inspect })
}

fn not_asked(endpoint: Endpoint, inspect: Inspect) -> StreamReply {
    StreamReply::new(endpoint, StreamOptions { client_wants_usage: false, inspect })
}

fn string(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn usage_waits_for_weir_and_is_kept_from_those_who_did_not_ask() {
    let weir = json!({ "cost_usd": "0.1" });
    let mut with = usage();
    with.as_object_mut().unwrap().insert("weir".into(), weir.clone());
    let own = chunk(json!([]), usage());
    // (events, events for a client that asked, for one that did not)
    for (events, shown, hidden) in [
        ([text("a"), stop()], own.clone(), String::new()),
        (
            [text("a"), json!([{ "index": 0, "delta": { "content": "b" }, "finish_reason": "stop" }])],
            own.clone(),
            String::new(),
        ),
    ] {
        for inspect in [Inspect::Yes, Inspect::No] {
            let before: String = events.iter().map(|event| chunk(event.clone(), Value::Null)).collect();
            let all = format!("{before}{own}{DONE}");
            let mut reply = asked(Endpoint::ChatCompletions, inspect);
            assert_eq!(string(reply.push(all.as_bytes(), &mut keep).unwrap()), before);
            assert!(reply.is_done() && reply.is_clean());
            assert_eq!(string(reply.flush(&mut keep).unwrap()), "");
            let end = string(reply.close(Some(&weir)));
            assert_eq!(end.replace(r#","weir":{"cost_usd":"0.1"}"#, ""), format!("{shown}{DONE}"));
            assert!(end.contains(r#""total_tokens":3,"weir":{"cost_usd":"0.1"}}"#), "{end}");
            assert_eq!(reply.summary().usage.unwrap().output, 2);
            assert_eq!(reply.summary().finish_reasons, ["stop"]);

            let mut reply = not_asked(Endpoint::ChatCompletions, inspect);
            let mut out = reply.push(all.as_bytes(), &mut keep).unwrap();
            out.extend(reply.close(Some(&weir)));
            assert_eq!(string(out), format!("{before}{hidden}{DONE}"));
            assert_eq!(reply.summary().usage.unwrap().input, 1);
        }
    }
}

#[test]
fn usage_beside_choices() {
    let weir = json!({});
    // With the last text, as some engines send it, and with every chunk, as others can.
    for (first, last) in [(Value::Null, usage()), (usage(), usage())] {
        let bytes = format!("{}{}{DONE}", chunk(text("a"), first.clone()), chunk(stop(), last));
        let mut reply = asked(Endpoint::ChatCompletions, Inspect::Yes);
        let out = string(reply.push(bytes.as_bytes(), &mut keep).unwrap());
        assert_eq!(out, chunk(text("a"), first), "what is not the end does not wait");
        let end = string(reply.close(Some(&weir)));
        assert!(end.contains(r#""weir":{}"#) && end.ends_with(DONE), "{end}");

        let mut reply = not_asked(Endpoint::ChatCompletions, Inspect::No);
        let mut out = reply.push(bytes.as_bytes(), &mut keep).unwrap();
        out.extend(reply.close(Some(&weir)));
        let expect = format!("{}{}{DONE}", chunk(text("a"), Value::Null), chunk(stop(), Value::Null));
        assert_eq!(string(out), expect);
    }
    // What looked like the end was not: it goes out before what follows.
    let two = json!([{ "index": 1, "delta": { "content": "late" }, "finish_reason": null }]);
    let bytes = format!("{}{}", chunk(stop(), usage()), chunk(two, Value::Null));
    let mut reply = asked(Endpoint::ChatCompletions, Inspect::Yes);
    assert_eq!(string(reply.push(bytes.as_bytes(), &mut keep).unwrap()), bytes);
    assert!(!reply.is_clean());
}

#[test]
fn responses_end_with_usage() {
    let end = r#"event: response.completed
data: {"type":"response.completed","sequence_number":3,"response":{"id":"r","model":"m","status":"completed","usage":{}}}

"#;
    for inspect in [Inspect::Yes, Inspect::No] {
        let mut reply = asked(Endpoint::Responses, inspect);
        assert_eq!(reply.push(end.as_bytes(), &mut keep).unwrap(), b"");
        assert!(reply.is_done());
        let weir = json!({ "a": 1 });
        let expect = end.replace(r#""usage":{}"#, r#""usage":{"weir":{"a":1}}"#);
        assert_eq!(string(reply.close(Some(&weir))), expect);
    }
}

fn shape(message: &str) -> ErrorShape<'_> {
    ErrorShape { message, kind: "server_error", param: None, code: "upstream_error" }
}

#[test]
fn faults() {
    for (bytes, fault) in [
        ("data: {\"choices\":[\n\n".to_owned(), "malformed"),
        ("data: nothing\n\n".to_owned(), "malformed"),
        (format!("data: {{\"x\":\"{}\"}}\n\n", "a".repeat(1 << 20)), "longer"),
        (format!("data: {}", "[".repeat((1 << 20) + 1)), "longer"),
        (format!("data: {}\n\n", "[".repeat(1000)), "malformed"),
    ] {
        let mut reply = asked(Endpoint::ChatCompletions, Inspect::Yes);
        let first = chunk(text("a"), Value::Null);
        let found = reply.push(format!("{first}{bytes}").as_bytes(), &mut keep).unwrap_err();
        assert!(found.to_string().contains(fault), "{found}");
        let out = string(reply.broken(&shape("the upstream broke off"), &json!({ "record_id": "r1" })));
        let (before, frame) = out.split_at(first.len());
        assert_eq!(before, first, "what was clean still goes out");
        let error: Value = serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(error["error"]["code"], "upstream_error");
        assert_eq!(error["weir"]["record_id"], "r1");
        assert!(!out.contains("[DONE]"));
    }
    let mut blind = asked(Endpoint::ChatCompletions, Inspect::No);
    let odd = "data: {\"usage\": {\n\n: ping\n\ndata: nothing\n\n";
    assert_eq!(string(blind.push(odd.as_bytes(), &mut keep).unwrap()), odd, "not ours to judge");
}

#[test]
fn broken_responses_have_an_error_event() {
    let mut reply = asked(Endpoint::Responses, Inspect::No);
    let events = "data: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{}}\n\ndata: {\"type\":\"x\"}\n\n";
    reply.push(events.as_bytes(), &mut keep).unwrap();
    let out = string(reply.broken(&shape("gone"), &Value::Null));
    let data = out.strip_prefix("event: error\ndata: ").unwrap();
    let error: Value = serde_json::from_str(data).unwrap();
    assert_eq!((&error["type"], &error["message"]), (&json!("error"), &json!("gone")));
    assert_eq!(error["sequence_number"], 2);
    assert!(error["error"].is_object());
}

#[test]
fn the_missing_end() {
    let finished = format!("{}{}", chunk(text("ab"), Value::Null), chunk(stop(), Value::Null));
    for (bytes, clean) in [
        (finished.clone(), true),
        (format!("{finished}data: [DONE]"), true),
        (format!("{finished}data: {{\"id\""), false),
        (chunk(text("ab"), Value::Null), false),
        (String::new(), false),
    ] {
        let mut reply = asked(Endpoint::ChatCompletions, Inspect::Yes);
        reply.push(bytes.as_bytes(), &mut keep).unwrap();
        assert_eq!(reply.is_clean(), clean, "{bytes}");
        assert!(!reply.is_done());
    }
    // Some engines leave the last blank line out.
    let mut reply = asked(Endpoint::ChatCompletions, Inspect::Yes);
    let mut out = reply.push(format!("{finished}data: [DONE]").as_bytes(), &mut keep).unwrap();
    out.extend(reply.flush(&mut keep).unwrap());
    out.extend(reply.close(None));
    assert_eq!(string(out), format!("{finished}{DONE}"));
}

#[test]
fn a_control_may_refuse_when_text_is_released() {
    let bytes = format!("{}{DONE}", chunk(text("jane"), Value::Null));
    let mut shouter = rig::Shouter::new(9);
    let mut reply = asked(Endpoint::ChatCompletions, Inspect::Yes);
    let fault = reply.push(bytes.as_bytes(), &mut |delta| match delta.last {
        true => Err(Cut),
        false => shouter.judge(delta),
    });
    assert_eq!(fault.unwrap_err(), StreamFault::Cut);
    let out = string(reply.cut());
    assert!(!out.to_lowercase().contains("jane"), "{out}");
    assert!(out.contains(r#""finish_reason":"content_filter""#) && out.ends_with(DONE), "{out}");
}

#[test]
fn a_cut_before_anything_came() {
    let out = string(asked(Endpoint::ChatCompletions, Inspect::Yes).cut());
    let chunk: Value =
        serde_json::from_str(out.lines().next().unwrap().strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(chunk["choices"][0]["finish_reason"], "content_filter");
    assert_eq!(chunk["object"], "chat.completion.chunk");
    let out = string(asked(Endpoint::Responses, Inspect::Yes).cut());
    assert!(out.starts_with("event: response.incomplete\n") && out.contains("content_filter"), "{out}");
}

#[test]
fn audio_is_not_read_as_text() {
    let event = "data: {\"type\":\"response.audio.delta\",\"sequence_number\":0,\"delta\":\"AAAAqqqq\"}\n\n";
    let mut reply = asked(Endpoint::Responses, Inspect::Yes);
    let out = reply.push(event.as_bytes(), &mut |_| Err(Cut)).unwrap();
    assert_eq!(string(out), event);
}
