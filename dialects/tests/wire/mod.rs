//! Replies of every endpoint as an upstream writes them, whole and streamed, and as a client reads them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use weir_dialects::Endpoint;

/// A place of a reply where text arrives: the choice or item, and the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    Content,
    Refusal,
    Reasoning,
    ReasoningAlt,
    Transcript,
    Tool(u32),
    Function,
    Text,
    Summary,
    Arguments,
}

/// What a model says: a text for each place.
pub type Said = BTreeMap<(u32, Lane), String>;

/// How an upstream writes characters outside ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    Raw,
    Ascii,
}

impl Escape {
    pub fn json(self, value: &Value) -> String {
        let text = value.to_string();
        if self == Self::Raw {
            return text;
        }
        let mut out = String::new();
        for c in text.chars() {
            if c.is_ascii() {
                out.push(c);
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        out
    }

    fn event(self, value: &Value) -> String {
        let name = value["type"].as_str().map(|name| format!("event: {name}\n")).unwrap_or_default();
        format!("{name}data: {}\n\n", self.json(value))
    }
}

fn pieces(text: &str, size: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(size.max(1)).map(|piece| piece.iter().collect()).collect()
}

/// The texts cut into tokens of so many characters and dealt out in turn, so that places interleave.
fn dealt(said: &Said, size: usize) -> Vec<((u32, Lane), String)> {
    let cut: Vec<_> = said.iter().map(|(place, text)| (*place, pieces(text, size))).collect();
    let longest = cut.iter().map(|(_, tokens)| tokens.len()).max().unwrap_or(0);
    let turn =
        |at: usize| cut.iter().filter_map(move |(place, tokens)| Some((*place, tokens.get(at)?.clone())));
    (0..longest).flat_map(turn).collect()
}

fn delta(lane: Lane, text: &str) -> Value {
    match lane {
        Lane::Refusal => json!({ "refusal": text }),
        Lane::Reasoning => json!({ "reasoning_content": text }),
        Lane::ReasoningAlt => json!({ "reasoning": text }),
        Lane::Transcript => json!({ "audio": { "transcript": text } }),
        Lane::Tool(index) => json!({ "tool_calls": [{ "index": index, "function": { "arguments": text } }] }),
        Lane::Function => json!({ "function_call": { "arguments": text } }),
        _ => json!({ "content": text }),
    }
}

fn chunk(endpoint: &Endpoint, choice: Value) -> Value {
    let object = if *endpoint == Endpoint::Completions { "text_completion" } else { "chat.completion.chunk" };
    json!({ "id": "c", "object": object, "created": 1, "model": "m", "choices": [choice] })
}

/// The bytes of a stream.
pub fn stream(endpoint: &Endpoint, said: &Said, (size, escape): (usize, Escape)) -> String {
    if *endpoint == Endpoint::Responses {
        return events(said, (size, escape));
    }
    let mut out = String::new();
    for ((choice, lane), token) in dealt(said, size) {
        let choice = match endpoint {
            Endpoint::Completions => {
                json!({ "index": choice, "text": token, "logprobs": null, "finish_reason": null })
            }
            _ => {
                json!({ "index": choice, "delta": delta(lane, &token), "logprobs": null, "finish_reason": null })
            }
        };
        out += &escape.event(&chunk(endpoint, choice));
    }
    let mut choices: Vec<u32> = said.keys().map(|(choice, _)| *choice).collect();
    choices.dedup();
    for choice in choices {
        let end = match endpoint {
            Endpoint::Completions => json!({ "index": choice, "text": "", "finish_reason": "stop" }),
            _ => json!({ "index": choice, "delta": {}, "finish_reason": "stop" }),
        };
        out += &escape.event(&chunk(endpoint, end));
    }
    out + "data: [DONE]\n\n"
}

fn stem(lane: Lane) -> &'static str {
    match lane {
        Lane::Refusal => "response.refusal",
        Lane::Summary => "response.reasoning_summary_text",
        Lane::Reasoning => "response.reasoning_text",
        Lane::Arguments => "response.function_call_arguments",
        _ => "response.output_text",
    }
}

/// A finished item of a Responses reply.
fn item(lane: Lane, text: &str) -> Value {
    match lane {
        Lane::Summary => json!({ "type": "reasoning", "id": "rs_1",
            "summary": [{ "type": "summary_text", "text": text }] }),
        Lane::Reasoning => json!({ "type": "reasoning", "id": "rs_2", "summary": [],
            "content": [{ "type": "reasoning_text", "text": text }] }),
        Lane::Arguments => {
            json!({ "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "send",
            "arguments": text, "status": "completed" })
        }
        lane => json!({ "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [part(lane, text)] }),
    }
}

fn part(lane: Lane, text: &str) -> Value {
    match lane {
        Lane::Refusal => json!({ "type": "refusal", "refusal": text }),
        Lane::Summary => json!({ "type": "summary_text", "text": text }),
        Lane::Reasoning => json!({ "type": "reasoning_text", "text": text }),
        _ => json!({ "type": "output_text", "text": text, "annotations": [] }),
    }
}

fn response(said: &Said) -> Value {
    let output: Vec<Value> = said.iter().map(|((_, lane), text)| item(*lane, text)).collect();
    json!({ "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m",
        "output": output, "parallel_tool_calls": true, "tool_choice": "auto", "tools": [] })
}

fn events(said: &Said, (size, escape): (usize, Escape)) -> String {
    let mut events =
        vec![json!({ "type": "response.created", "response": { "id": "resp_1", "output": [] } })];
    for ((output, lane), token) in dealt(said, size) {
        let kind = format!("{}.delta", stem(lane));
        events.push(
            json!({ "type": kind, "item_id": "i", "output_index": output, "content_index": 0, "delta": token }),
        );
    }
    for ((output, lane), text) in said {
        let field = match lane {
            Lane::Arguments => "arguments",
            Lane::Refusal => "refusal",
            _ => "text",
        };
        let kind = format!("{}.done", stem(*lane));
        events.push(
            json!({ "type": kind, "item_id": "i", "output_index": output, "content_index": 0, field: text }),
        );
        if *lane != Lane::Arguments {
            let kind = if *lane == Lane::Summary { "reasoning_summary_part" } else { "content_part" };
            events.push(
                json!({ "type": format!("response.{kind}.done"), "item_id": "i", "output_index": output,
                "content_index": 0, "part": part(*lane, text) }),
            );
        }
        events.push(
            json!({ "type": "response.output_item.done", "output_index": output, "item": item(*lane, text) }),
        );
    }
    events.push(json!({ "type": "response.completed", "response": response(said) }));
    let mut out = String::new();
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = json!(number);
        out += &escape.event(event);
    }
    out
}

/// The bytes of a whole reply.
pub fn whole(endpoint: &Endpoint, said: &Said, escape: Escape) -> String {
    if *endpoint == Endpoint::Responses {
        return escape.json(&response(said));
    }
    let mut choices: BTreeMap<u32, Value> = BTreeMap::new();
    for ((choice, lane), text) in said {
        let entry = choices.entry(*choice).or_insert_with(|| {
            json!({ "index": choice, "message": { "role": "assistant", "content": null }, "finish_reason": "stop" })
        });
        let message = &mut entry["message"];
        match lane {
            Lane::Refusal => message["refusal"] = json!(text),
            Lane::Reasoning => message["reasoning_content"] = json!(text),
            Lane::ReasoningAlt => message["reasoning"] = json!(text),
            Lane::Transcript => message["audio"] = json!({ "id": "a", "transcript": text }),
            Lane::Function => message["function_call"] = json!({ "name": "send", "arguments": text }),
            Lane::Tool(index) => {
                let call = json!({ "index": index, "id": format!("call_{index}"), "type": "function",
                    "function": { "name": "send", "arguments": text } });
                match message["tool_calls"].as_array_mut() {
                    Some(calls) => calls.push(call),
                    None => message["tool_calls"] = json!([call]),
                }
            }
            Lane::Text => *entry = json!({ "index": choice, "text": text, "finish_reason": "stop" }),
            _ => message["content"] = json!(text),
        }
    }
    let choices: Vec<Value> = choices.into_values().collect();
    escape.json(
        &json!({ "id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices }),
    )
}

/// What a client collects from a stream: every place's text, and for Responses every repetition of it.
pub fn read_stream(endpoint: &Endpoint, bytes: &[u8]) -> Said {
    let mut said = Said::new();
    let mut repeated: Vec<(u32, Value)> = Vec::new();
    for line in std::str::from_utf8(bytes).unwrap().lines() {
        let Some(data) = line.strip_prefix("data: ").filter(|data| *data != "[DONE]") else { continue };
        let event: Value = serde_json::from_str(data).unwrap_or_else(|e| panic!("{e}: {data}"));
        if *endpoint == Endpoint::Responses {
            let output = u32::try_from(event["output_index"].as_u64().unwrap_or(0)).unwrap();
            let sort = event["type"].as_str().unwrap();
            match sort.strip_suffix(".delta") {
                Some(sort) => add(&mut said, (output, lane_of(sort)), &event["delta"]),
                None => repeated.push((output, event)),
            }
            continue;
        }
        for choice in event["choices"].as_array().unwrap() {
            let index = u32::try_from(choice["index"].as_u64().unwrap()).unwrap();
            read_choice(&mut said, index, (choice, &choice["delta"]));
        }
    }
    for (output, event) in repeated {
        check_repetition(&said, output, &event);
    }
    said
}

fn lane_of(stem: &str) -> Lane {
    match stem {
        "response.refusal" => Lane::Refusal,
        "response.reasoning_summary_text" => Lane::Summary,
        "response.reasoning_text" => Lane::Reasoning,
        "response.function_call_arguments" => Lane::Arguments,
        _ => Lane::Content,
    }
}

/// Whatever an event repeats must be what the deltas said.
fn check_repetition(said: &Said, output: u32, event: &Value) {
    let here = |output: u32| said.iter().find(|((at, _), _)| *at == output).map(|(_, text)| text.as_str());
    let texts = |value: &Value| -> Vec<String> {
        let places =
            ["/text", "/refusal", "/arguments", "/content/0/text", "/content/0/refusal", "/summary/0/text"];
        places.iter().filter_map(|place| Some(value.pointer(place)?.as_str()?.to_owned())).collect()
    };
    for holder in [event, &event["part"], &event["item"]] {
        for text in texts(holder) {
            assert_eq!(Some(text.as_str()), here(output), "{event}");
        }
    }
    for (at, item) in event["response"]["output"].as_array().into_iter().flatten().enumerate() {
        for text in texts(item) {
            assert_eq!(Some(text.as_str()), here(u32::try_from(at).unwrap()), "{event}");
        }
    }
}

/// What a client reads in a whole reply.
pub fn read_whole(endpoint: &Endpoint, bytes: &[u8]) -> Said {
    let reply: Value = serde_json::from_slice(bytes).unwrap();
    let mut said = Said::new();
    if *endpoint == Endpoint::Responses {
        for (at, item) in (0..).zip(reply["output"].as_array().unwrap()) {
            let lane = match item["type"].as_str().unwrap() {
                "function_call" => Lane::Arguments,
                "reasoning" if item["content"].is_array() => Lane::Reasoning,
                "reasoning" => Lane::Summary,
                _ if item["content"][0]["type"] == "refusal" => Lane::Refusal,
                _ => Lane::Content,
            };
            for place in ["/arguments", "/content/0/text", "/content/0/refusal", "/summary/0/text"] {
                add(&mut said, (at, lane), item.pointer(place).unwrap_or(&Value::Null));
            }
        }
        return said;
    }
    for choice in reply["choices"].as_array().unwrap() {
        let index = u32::try_from(choice["index"].as_u64().unwrap()).unwrap();
        read_choice(&mut said, index, (choice, &choice["message"]));
    }
    said
}

fn read_choice(said: &mut Said, index: u32, (choice, message): (&Value, &Value)) {
    add(said, (index, Lane::Text), &choice["text"]);
    for (lane, place) in [
        (Lane::Content, "/content"),
        (Lane::Refusal, "/refusal"),
        (Lane::Reasoning, "/reasoning_content"),
        (Lane::ReasoningAlt, "/reasoning"),
        (Lane::Transcript, "/audio/transcript"),
        (Lane::Function, "/function_call/arguments"),
    ] {
        add(said, (index, lane), message.pointer(place).unwrap_or(&Value::Null));
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let tool = u32::try_from(call["index"].as_u64().unwrap()).unwrap();
        add(said, (index, Lane::Tool(tool)), &call["function"]["arguments"]);
    }
}

fn add(said: &mut Said, place: (u32, Lane), text: &Value) {
    if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
        said.entry(place).or_default().push_str(text);
    }
}
