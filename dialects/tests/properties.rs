//! What must hold for every body and every cutting of every stream.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod rig;

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use weir_dialects::{Endpoint, Inspect, Limits, Reply, Request, Rewrite, StreamReply};

fn cut<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn stream(endpoint: &Endpoint, inspect: Inspect) -> StreamReply {
    StreamReply::new(endpoint.clone(), rig::options(inspect))
}

fn loud(endpoint: &Endpoint, pieces: &[&[u8]], keep: usize) -> Vec<u8> {
    let weir = json!({ "cost_usd": "0.1" });
    rig::run(stream(endpoint, Inspect::Yes), pieces, &mut rig::Shouter::new(keep), Some(&weir)).unwrap()
}

/// The texts a client collects from a stream of chat chunks: by choice and field, in order.
fn collect(bytes: &[u8]) -> BTreeMap<(u64, String), String> {
    let mut texts = BTreeMap::new();
    let mut finished = Vec::new();
    for line in std::str::from_utf8(bytes).unwrap().lines() {
        let Some(data) = line.strip_prefix("data: ").filter(|data| *data != "[DONE]") else { continue };
        let chunk: Value = serde_json::from_str(data).unwrap();
        for choice in chunk["choices"].as_array().unwrap() {
            let index = choice["index"].as_u64().unwrap();
            let mut add = |name: String, text: &Value| {
                let text = text.as_str().unwrap_or_default();
                assert!(text.is_empty() || !finished.contains(&index), "text after the end: {data}");
                texts.entry((index, name)).or_insert_with(String::new).push_str(text);
            };
            for name in ["content", "refusal", "reasoning_content", "reasoning"] {
                add(name.to_owned(), &choice["delta"][name]);
            }
            for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
                add(format!("name {}", call["index"]), &call["function"]["name"]);
                add(format!("arguments {}", call["index"]), &call["function"]["arguments"]);
            }
            if choice["finish_reason"].is_string() {
                finished.push(index);
            }
        }
    }
    texts
}

/// One random delta of a choice.
fn delta() -> impl Strategy<Value = Value> {
    let text = "[a-zé\"\\\\\u{1f600}\n ]{0,6}";
    prop_oneof![
        text.prop_map(|text| json!({ "content": text })),
        text.prop_map(|text| json!({ "role": "assistant", "reasoning_content": text, "content": null })),
        text.prop_map(|text| json!({ "refusal": text, "reasoning": text })),
        (0..3u32, text).prop_map(|(index, text)| {
            json!({ "tool_calls": [{ "index": index, "function": { "arguments": text } }] })
        }),
        (text, text).prop_map(|(one, two)| json!({ "content": one, "tool_calls": [
            { "index": 0, "id": "call_1", "type": "function", "function": { "name": "f", "arguments": two } },
            { "index": 1, "function": { "arguments": one } },
        ] })),
        Just(json!({})),
    ]
}

/// A random stream: deltas of up to three choices, each of which may finish, with its last text or alone.
fn chunks() -> impl Strategy<Value = Vec<u8>> {
    let steps = prop::collection::vec((0..3u32, delta(), any::<bool>()), 0..20);
    let ends = (prop::collection::vec(any::<bool>(), 3), any::<bool>(), prop_oneof!["\n", "\r\n"]);
    (steps, ends).prop_map(|(steps, (finish, done, line_break))| {
        let mut events = Vec::new();
        let mut ended = [false; 3];
        let last = |at: usize, index: u32| steps[at + 1..].iter().all(|(later, ..)| *later != index);
        for (at, (index, delta, together)) in steps.iter().enumerate() {
            let ends = finish[*index as usize] && *together && last(at, *index);
            ended[*index as usize] |= ends;
            let reason = if ends { json!("stop") } else { Value::Null };
            events
                .push(json!([{ "index": index, "delta": delta, "logprobs": null, "finish_reason": reason }]));
        }
        for (index, _) in ended.iter().enumerate().filter(|(index, ended)| finish[*index] && !**ended) {
            events.push(json!([{ "index": index, "delta": {}, "finish_reason": "length" }]));
        }
        let mut text = String::new();
        for choices in events {
            let event = json!({ "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
                "choices": choices, "usage": null });
            text += &format!("data: {event}{line_break}{line_break}");
        }
        if done {
            text += &format!("data: [DONE]{line_break}{line_break}");
        }
        text.into_bytes()
    })
}

/// Any JSON, with strings that are hard to escape, keys included.
fn value() -> impl Strategy<Value = Value> {
    let string = "[ -~é\u{1f600}\n\u{0}]{0,12}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        string.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(string, inner.clone(), 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            inner.prop_map(|inner| Value::from(inner.to_string())),
        ]
    })
}

/// A chat request with any JSON in the places that take it.
fn request() -> impl Strategy<Value = String> {
    (value(), value(), value(), "\\PC{0,20}").prop_map(|(unknown, arguments, metadata, text)| {
        json!({
            "model": "m",
            "messages": [
                { "role": "user", "content": text, "extra": unknown },
                { "role": "assistant", "tool_calls": [{ "id": "call_1", "type": "function",
                    "function": { "name": "f", "arguments": arguments.to_string() } }] },
                { "role": "tool", "tool_call_id": "call_1", "content": unknown.to_string() },
            ],
            "metadata": metadata,
            "tools": [{ "type": "function", "function": { "name": "f", "parameters": unknown } }],
        })
        .to_string()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn golden_streams_do_not_care_how_they_are_cut(
        cuts in prop::collection::vec(any::<Index>(), 0..40), keep in 0..6usize, which in any::<Index>(),
    ) {
        let inputs = rig::inputs(".sse");
        let (endpoint, path) = which.get(&inputs);
        let bytes = std::fs::read(path).unwrap();
        let pieces = cut(&bytes, &cuts);
        prop_assert_eq!(loud(endpoint, &pieces, keep), loud(endpoint, &[&bytes], keep));
        let refused = |pieces: &[&[u8]]| {
            let mut shouter = rig::Shouter { refuse: Some("JANE"), ..rig::Shouter::new(keep) };
            rig::run(stream(endpoint, Inspect::Yes), pieces, &mut shouter, None)
        };
        prop_assert_eq!(refused(&pieces), refused(&[&bytes]));
        for inspect in [Inspect::No, Inspect::Yes] {
            let mut quiet = stream(endpoint, inspect);
            let mut out = Vec::new();
            for piece in &pieces {
                out.extend(quiet.push(piece, &mut |_| Ok(())).unwrap());
            }
            out.extend(quiet.flush(&mut |_| Ok(())).unwrap());
            out.extend(quiet.close(None));
            prop_assert_eq!(&out, &bytes);
        }
    }

    #[test]
    fn random_streams_keep_every_text(
        bytes in chunks(), cuts in prop::collection::vec(any::<Index>(), 0..20), keep in 0..6usize,
    ) {
        let chat = Endpoint::ChatCompletions;
        let whole = loud(&chat, &[&bytes], keep);
        prop_assert_eq!(&loud(&chat, &cut(&bytes, &cuts), keep), &whole);
        let mut expect = collect(&bytes);
        expect.values_mut().for_each(|text| *text = text.to_ascii_uppercase());
        expect.retain(|_, text| !text.is_empty());
        let mut got = collect(&whole);
        got.retain(|_, text| !text.is_empty());
        prop_assert_eq!(got, expect);
        let mut quiet = stream(&chat, Inspect::Yes);
        let mut out = quiet.push(&bytes, &mut |_| Ok(())).unwrap();
        out.extend(quiet.flush(&mut |_| Ok(())).unwrap());
        out.extend(quiet.close(None));
        prop_assert_eq!(out, bytes);
    }

    #[test]
    fn rubbish_streams_never_panic(
        bytes in "((data|event): ?(\\{\"choices\":\\[\\{\"delta\":|\"usage\":\\{|\\[DONE\\]|[{}\\[\\]\":,a0]){0,6}(\n|\r){1,2}){0,8}",
        cuts in prop::collection::vec(any::<Index>(), 0..8), responses in any::<bool>(),
    ) {
        let endpoint = if responses { Endpoint::Responses } else { Endpoint::ChatCompletions };
        let pieces = cut(bytes.as_bytes(), &cuts);
        let run = |pieces: &[&[u8]]| {
            rig::run(stream(&endpoint, Inspect::Yes), pieces, &mut rig::Shouter::new(2), Some(&json!({})))
        };
        prop_assert_eq!(run(&pieces), run(&[bytes.as_bytes()]));
    }

    #[test]
    fn unchanged_requests_are_not_touched(body in request()) {
        let body = Bytes::from(body);
        let request = Request::parse(Endpoint::ChatCompletions, body.clone(), &Limits::default()).unwrap();
        let mut slots = request.slots();
        prop_assert_eq!(request.render(&slots, &Rewrite::default()).as_ptr(), body.as_ptr());
        for slot in &mut slots {
            slot.replace(0..0, "").unwrap();
        }
        prop_assert_eq!(request.render(&slots, &Rewrite::default()), body);
    }

    #[test]
    fn edited_requests_read_back_what_was_written(body in request()) {
        let parse = |body: Bytes| Request::parse(Endpoint::ChatCompletions, body, &Limits::default()).unwrap();
        let request = parse(Bytes::from(body));
        let mut slots = request.slots();
        for (number, slot) in slots.iter_mut().enumerate() {
            slot.set_text(format!("\"é\u{1}\\ {number}\" ⟦X⟧\n"));
        }
        let body = request.render(&slots, &Rewrite::default());
        serde_json::from_slice::<Value>(&body).unwrap();
        let again = parse(body);
        let texts = |slots: &weir_policies::slot::Slots| -> Vec<_> {
            slots.iter().map(|slot| (slot.path().to_owned(), slot.text().to_owned())).collect()
        };
        prop_assert_eq!(texts(&again.slots()), texts(&slots));
    }

    #[test]
    fn edited_replies_read_back_what_was_written(extra in value(), text in "\\PC{0,20}") {
        let body = json!({ "id": "x", "choices": [
            { "index": 0, "message": { "content": text, "extra": extra, "tool_calls": [
                { "function": { "name": "f", "arguments": extra.to_string() } }] } },
            { "index": 1, "text": text, "logprobs": { "tokens": [text] } },
        ] });
        let reply = Reply::parse(Endpoint::ChatCompletions, Bytes::from(body.to_string())).unwrap();
        let mut deltas = reply.deltas();
        for (number, delta) in deltas.iter_mut().enumerate() {
            delta.text = format!("\"{number}\" \\ é\u{1}");
        }
        let again = Reply::parse(Endpoint::ChatCompletions, reply.render(&deltas)).unwrap();
        prop_assert!(again.deltas() == deltas);
    }
}
