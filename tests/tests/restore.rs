//! Personal data leaves as pseudonyms and comes back as the caller's own values, wherever the reply is cut.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use serde_json::{Value, json};
use weir_tests::openai::{self, Escape, Events};
use weir_tests::{Config, Gateway, Script, Seen, Upstream, policy};

/// One value of each type that the thin controls protect.
const VALUES: [&str; 4] =
    ["ada.lovelace@example.com", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "+44 20 7946 0958"];

fn prompt() -> String {
    let [mail, card, iban, phone] = VALUES;
    format!("Write to {mail}, card {card}; IBAN {iban}. Call {phone}!")
}

/// Where a reply is put.
#[derive(Clone, Copy, Debug)]
enum Shape {
    Chat,
    ToolArguments,
    Completions,
    Responses,
}

impl Shape {
    fn path(self) -> &'static str {
        match self {
            Self::Chat | Self::ToolArguments => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Responses => "/v1/responses",
        }
    }

    fn streamed(self) -> Value {
        let mut body = self.whole();
        body["stream"] = json!(true);
        body
    }

    fn whole(self) -> Value {
        match self {
            Self::Chat | Self::ToolArguments => openai::chat(&prompt()),
            Self::Completions => json!({"model": "scripted", "prompt": prompt()}),
            Self::Responses => json!({"model": "scripted", "input": prompt()}),
        }
    }

    /// The prompt as the upstream saw it, with pseudonyms.
    fn asked(self, seen: &Seen) -> String {
        let body = seen.json();
        let text = match self {
            Self::Chat | Self::ToolArguments => &body["messages"][0]["content"],
            Self::Completions => &body["prompt"],
            Self::Responses => &body["input"],
        };
        text.as_str().expect("the prompt").to_owned()
    }

    fn reply(self, text: &str) -> Value {
        match self {
            Self::Chat => openai::says(text),
            Self::ToolArguments => {
                let function = json!({"name": "send", "arguments": json!({"to": text}).to_string()});
                let call = json!({"id": "call_1", "type": "function", "function": function});
                openai::completion(&json!({"role": "assistant", "content": null, "tool_calls": [call]}))
            }
            Self::Completions => {
                json!({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "scripted",
                "choices": [{"index": 0, "text": text, "logprobs": null, "finish_reason": "stop"}],
                "usage": openai::usage()})
            }
            Self::Responses => response("completed", &json!([output(text)])),
        }
    }

    /// The events of a streamed reply, its text cut at `cuts`.
    fn events(self, text: &str, cuts: &[usize], escape: Escape) -> String {
        match self {
            Self::Chat => {
                let deltas: Vec<_> =
                    openai::pieces(text, cuts).iter().map(|piece| json!({"content": piece})).collect();
                openai::stream(&deltas, escape)
            }
            Self::ToolArguments => {
                let arguments = escape.json(&json!({"to": text}));
                let first = json!({"index": 0, "id": "call_1", "type": "function",
                    "function": {"name": "send", "arguments": ""}});
                let mut deltas = vec![json!({"tool_calls": [first]})];
                deltas.extend(
                    openai::pieces(&arguments, cuts)
                        .iter()
                        .map(|piece| json!({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]})),
                );
                openai::stream(&deltas, escape)
            }
            Self::Completions => {
                let mut events = String::new();
                for piece in openai::pieces(text, cuts) {
                    events += &escape.event(&json!({"id": "cmpl-1", "object": "text_completion", "created": 1,
                        "model": "scripted", "choices": [{"index": 0, "text": piece, "finish_reason": null}]}));
                }
                events += &escape.event(&json!({"id": "cmpl-1", "object": "text_completion", "created": 1,
                    "model": "scripted", "choices": [{"index": 0, "text": "", "finish_reason": "stop"}]}));
                events + "data: [DONE]\n\n"
            }
            Self::Responses => responses_events(text, cuts, escape),
        }
    }

    /// What the caller reads in a whole reply.
    fn read(self, reply: &Value) -> String {
        let message = &reply["choices"][0]["message"];
        match self {
            Self::Chat => text_at(message, "/content"),
            Self::ToolArguments => argument(&text_at(message, "/tool_calls/0/function/arguments")),
            Self::Completions => text_at(reply, "/choices/0/text"),
            Self::Responses => text_at(reply, "/output/0/content/0/text"),
        }
    }

    /// What the caller reads in a stream, as every place that repeats the text gives it.
    fn read_stream(self, events: &Events) -> Vec<String> {
        match self {
            Self::Chat => vec![events.text()],
            Self::ToolArguments => {
                vec![argument(&events.join("/choices/0/delta/tool_calls/0/function/arguments"))]
            }
            Self::Completions => vec![events.join("/choices/0/text")],
            Self::Responses => {
                let deltas =
                    events.values.iter().filter(|event| event["type"] == "response.output_text.delta");
                let numbers: Vec<_> =
                    events.values.iter().map(|event| event["sequence_number"].as_u64()).collect();
                let expected: Vec<_> = (0..numbers.len() as u64).map(Some).collect();
                assert_eq!(numbers, expected, "sequence numbers are contiguous");
                vec![
                    deltas.map(|event| text_at(event, "/delta")).collect(),
                    events.join("/text"),
                    events.join("/part/text"),
                    events.join("/item/content/0/text"),
                    events.join("/response/output/0/content/0/text"),
                ]
            }
        }
    }
}

fn text_at(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no text at {pointer} in {value}"))
        .to_owned()
}

fn argument(arguments: &str) -> String {
    let parsed: Value = serde_json::from_str(arguments).unwrap_or_else(|e| panic!("{e} in {arguments:?}"));
    text_at(&parsed, "/to")
}

fn output(text: &str) -> Value {
    json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}]})
}

fn response(status: &str, output: &Value) -> Value {
    json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "scripted",
        "output": output, "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
        "usage": {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12}})
}

/// The event sequence of a Responses stream with one text.
fn responses_events(text: &str, cuts: &[usize], escape: Escape) -> String {
    let place = json!({"item_id": "msg_1", "output_index": 0, "content_index": 0});
    let mut events = vec![
        json!({"type": "response.created", "response": response("in_progress", &json!([]))}),
        json!({"type": "response.output_item.added", "output_index": 0,
            "item": {"type": "message", "id": "msg_1", "role": "assistant", "status": "in_progress", "content": []}}),
        json!({"type": "response.content_part.added", "item_id": "msg_1", "output_index": 0, "content_index": 0,
            "part": {"type": "output_text", "text": "", "annotations": []}}),
    ];
    for piece in openai::pieces(text, cuts) {
        let mut event = place.clone();
        event["type"] = json!("response.output_text.delta");
        event["delta"] = json!(piece);
        events.push(event);
    }
    events.push(json!({"type": "response.output_text.done", "item_id": "msg_1", "output_index": 0,
        "content_index": 0, "text": text}));
    events.push(json!({"type": "response.content_part.done", "item_id": "msg_1", "output_index": 0,
        "content_index": 0, "part": {"type": "output_text", "text": text, "annotations": []}}));
    events.push(json!({"type": "response.output_item.done", "output_index": 0, "item": output(text)}));
    events.push(
        json!({"type": "response.completed", "response": response("completed", &json!([output(text)]))}),
    );
    let mut written = String::new();
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
        written += &format!("event: {}\n{}", text_at(event, "/type"), escape.event(event));
    }
    written
}

/// How the next streamed reply is cut.
#[derive(Clone, Debug)]
struct Cutting {
    /// Where the text is cut into deltas, in characters.
    text: Vec<usize>,
    /// Where the bytes of the body are cut into chunks.
    bytes: Vec<usize>,
    escape: Escape,
}

fn cutting() -> impl Strategy<Value = Cutting> {
    let places = || prop::collection::vec(0..2000_usize, 0..24);
    let escape = prop_oneof![Just(Escape::Raw), Just(Escape::Ascii)];
    let every = Just((0..400).collect::<Vec<_>>());
    let text = prop_oneof![3 => places(), 1 => every];
    (text, places(), escape).prop_map(|(text, bytes, escape)| Cutting { text, bytes, escape })
}

/// Plays one shape: whole once, streamed for every generated cutting.
fn check(shape: Shape) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let plan = Arc::new(Mutex::new(Cutting { text: vec![], bytes: vec![], escape: Escape::Raw }));
    let shared = Arc::clone(&plan);
    let (upstream, gateway) = runtime.block_on(async move {
        let upstream = Upstream::start(move |seen| {
            let (asked, plan) = (shape.asked(seen), shared.lock().unwrap().clone());
            if seen.json()["stream"] == json!(true) {
                Script::cut(&shape.events(&asked, &plan.text, plan.escape), &plan.bytes)
            } else {
                Script::plain(200, "application/json", &plan.escape.json(&shape.reply(&asked)))
            }
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream).policy("personal.yaml", policy::PERSONAL)).await;
        (upstream, gateway)
    });

    let whole = runtime.block_on(gateway.post(shape.path(), &shape.whole()));
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert_eq!(whole.header("x-weir-decision"), Some("transformed"));
    assert_eq!(shape.read(&whole.json()), prompt());

    let body = shape.streamed();
    let mut runner = TestRunner::new(Cases { cases: 96, failure_persistence: None, ..Cases::default() });
    let outcome = runner.run(&cutting(), |cutting| {
        *plan.lock().unwrap() = cutting;
        let answer = runtime.block_on(gateway.post(shape.path(), &body));
        prop_assert_eq!(answer.status, 200, "{}", answer.text());
        for read in shape.read_stream(&Events::of(&answer)) {
            prop_assert_eq!(read, prompt());
        }
        Ok(())
    });
    outcome.unwrap();
    for value in VALUES {
        assert!(!upstream.saw(value), "the upstream saw {value}");
        let bare: String = value.chars().filter(|c| !c.is_whitespace()).collect();
        assert!(!upstream.saw(&bare), "the upstream saw {bare}");
    }
}

#[test]
fn chat_text_is_restored_for_every_cutting() {
    check(Shape::Chat);
}

#[test]
fn tool_arguments_are_restored_for_every_cutting() {
    check(Shape::ToolArguments);
}

#[test]
fn completions_are_restored_for_every_cutting() {
    check(Shape::Completions);
}

#[test]
fn responses_are_restored_for_every_cutting() {
    check(Shape::Responses);
}

/// Every place of a request where text may stand.
#[test]
fn no_part_of_a_request_is_a_hole() {
    let mail = VALUES[0];
    let nested = json!({"to": mail, "deep": [{"cc": mail}]}).to_string();
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": nested}});
    let cases = [
        json!({"role": "system", "content": format!("You serve {mail}")}),
        json!({"role": "user", "content": [{"type": "text", "text": mail}]}),
        json!({"role": "user", "name": mail, "content": "x"}),
        json!({"role": "assistant", "content": null, "tool_calls": [call]}),
        json!({"role": "tool", "tool_call_id": "c", "content": json!({"found": mail}).to_string()}),
        json!({"role": "user", "content": "x", "x_unknown": {"any": mail}}),
    ];
    weir_tests::scenario(async move {
        let upstream = Upstream::start(|_| Script::json(200, &openai::says("ok"))).await;
        let gateway = Gateway::start(Config::with(&upstream).policy("personal.yaml", policy::PERSONAL)).await;
        for (at, message) in cases.iter().enumerate() {
            let body = json!({"model": "scripted", "messages": [message]});
            let answer = gateway.chat(&body).await;
            assert_eq!(answer.status, 200, "case {at}: {}", answer.text());
            assert!(!upstream.saw(mail), "case {at}: the upstream saw {mail}: {message}");
            assert_eq!(upstream.requests().len(), at + 1);
        }
        let others = [
            (
                "/v1/chat/completions",
                json!({"user": mail, "model": "scripted", "messages": openai::chat("x")["messages"]}),
            ),
            (
                "/v1/chat/completions",
                json!({"metadata": {"who": mail}, "model": "scripted",
                "messages": openai::chat("x")["messages"]}),
            ),
            ("/v1/embeddings", json!({"model": "scripted", "input": ["x", mail]})),
            ("/v1/completions", json!({"model": "scripted", "prompt": ["x", mail]})),
            (
                "/v1/responses",
                json!({"model": "scripted", "input": [{"role": "user",
                "content": [{"type": "input_text", "text": mail}]}], "instructions": mail}),
            ),
        ];
        for (path, body) in &others {
            // The scripted reply has another shape than some endpoints expect: only the request matters here.
            let _answer = gateway.post(path, body).await;
            assert!(!upstream.saw(mail), "{path}: the upstream saw {mail}: {body}");
        }
        assert_eq!(upstream.requests().len(), cases.len() + others.len());
    });
}

/// The same value is the same pseudonym in every turn; another tenant gets another one.
#[test]
fn pseudonyms_are_stable_within_a_tenant() {
    weir_tests::scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream).policy("personal.yaml", policy::PERSONAL)).await;
        let (first, second) =
            (gateway.chat(&openai::chat(VALUES[0])).await, gateway.chat(&openai::chat(VALUES[0])).await);
        assert_eq!((first.status, second.status), (200, 200));
        let other = gateway.another_key(&["--tenant", "other"]).await;
        let call = weir_tests::Call::post("/v1/chat/completions", &openai::chat(VALUES[0])).key(&other);
        assert_eq!(call.send(gateway.traffic()).await.status, 200);
        let asked: Vec<_> = upstream.requests().iter().map(openai::asked).collect();
        assert_eq!(asked[0], asked[1]);
        assert_ne!(asked[0], asked[2], "another tenant's pseudonym");
        // Sent by another tenant as text, a pseudonym stays what it is.
        let call = weir_tests::Call::post("/v1/chat/completions", &openai::chat(&asked[0])).key(&other);
        let answer = call.send(gateway.traffic()).await.json();
        assert_eq!(answer["choices"][0]["message"]["content"], asked[0]);
    });
}
