//! Nothing protected leaves, and everything comes back: generated requests to every endpoint, with values in
//! every field, against an upstream that keeps every byte and repeats what it was asked.
//!
//! A thousand requests in `make test`; `WEIR_LEAK_REQUESTS` asks for more.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use weir_tests::openai::{self, Escape, Events};
use weir_tests::{Answer, Call, Config, Gateway, Script, Seen, Upstream};

/// Requests in one go; their bytes are searched together.
const BATCH: usize = 20;
/// Between the texts that the upstream repeats.
const BORDER: &str = "\n--\n";

const POLICY: &str = "\
weir: v1
policy: personal-data
owner: tests
rules:
  - id: pseudonymise
    on: [request, reply]
    find: [email_address, phone_number, credit_card, iban_code, us_ssn, uk_nino, secrets]
    then: pseudonymise
";

/// Numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + u8::try_from(self.below(10)).unwrap())).collect()
    }

    fn signs(&mut self, count: usize) -> String {
        const SIGNS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        (0..count).map(|_| char::from(self.pick(SIGNS))).collect()
    }

    fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'a' + u8::try_from(self.below(26)).unwrap())).collect()
    }
}

/// A value that must not leave, as it is written.
fn value(dice: &mut Dice) -> String {
    match dice.below(7) {
        4 => secret(dice),
        5 => {
            let area = dice.pick(&["212", "536", "001", "665", "899"]);
            format!("{area}-{}-{}", 10 + dice.below(90), 1000 + dice.below(9000))
        }
        6 => format!("{}{}{}", dice.pick(&["AB", "JG", "PW"]), dice.digits(6), dice.pick(&["A", "B", "D"])),
        0 => {
            let (local, domain) = (dice.letters(7), dice.letters(6));
            let local = dice.pick(&["", "x.", "o'", "le+"]).to_owned() + &local;
            format!("{local}@{domain}.{}", dice.pick(&["example", "example.org", "co.uk"]))
        }
        1 => {
            let card = card(dice);
            match dice.below(3) {
                0 => card,
                1 => grouped(&card, " "),
                _ => grouped(&card, "-"),
            }
        }
        2 => {
            let account = iban(dice);
            if dice.below(2) == 0 { account } else { grouped(&account, " ") }
        }
        _ => format!("+49 30 {}", dice.pick(&[2, 3, 4, 5, 6, 7, 8]).to_string() + &dice.digits(6)),
    }
}

/// A key, token or address with a password, as their makers write them.
fn secret(dice: &mut Dice) -> String {
    match dice.below(4) {
        0 => {
            format!("AKIA{}", dice.signs(40).to_uppercase().replace(['0', '1', '8', '9'], "7").split_at(16).0)
        }
        1 => format!("ghp_{}", dice.signs(36)),
        2 => format!("sk-proj-{}T3BlbkFJ{}", dice.signs(40), dice.signs(40)),
        _ => format!("postgres://app:{}@db.internal:5432/orders", dice.signs(14)),
    }
}

fn grouped(text: &str, separator: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(separator)
}

/// Sixteen digits with a check digit (ISO/IEC 7812-1, annex B).
fn card(dice: &mut Dice) -> String {
    let body = "4".to_owned() + &dice.digits(14);
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit - b'0') * if place % 2 == 0 { 2 } else { 1 };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// A German account number with check digits (ISO 13616).
fn iban(dice: &mut Dice) -> String {
    let body = dice.digits(18);
    // DE is 13 14, and the check digits count as 00.
    let rest =
        format!("{body}131400").bytes().fold(0, |rest, digit| (rest * 10 + u32::from(digit - b'0')) % 97);
    format!("DE{:02}{body}", 98 - rest)
}

/// A request, how it is sent, and the values in it.
struct Asked {
    path: &'static str,
    bytes: String,
    body: Value,
    values: Vec<String>,
    field: &'static str,
}

/// Writes a value into a text, as people do.
fn told(dice: &mut Dice, value: &str) -> String {
    let digits = value.starts_with(|c: char| c.is_ascii_digit());
    match dice.below(if digits { 3 } else { 8 }) {
        5 => format!("# settings\nexport VALUE={value}\nPORT=80\n"),
        6 => format!("service:\n  value: {value}\n  port: 80\n"),
        7 => format!("https://shop.example/cart?next=1&value={value}"),
        0 => format!("Please take {value}, thank you."),
        1 => format!("Grüße 😀 \"{value}\"\n\tund mehr"),
        2 => format!("| card | {value} |"),
        3 => format!("- {value}\n- nothing else"),
        _ => format!("({value})"),
    }
}

/// One request with up to four values in one of an endpoint's fields, and in its main text.
fn asked(dice: &mut Dice) -> Asked {
    let mut values: Vec<String> = (0..=dice.below(3)).map(|_| value(dice)).collect();
    let mut text = |dice: &mut Dice| {
        let added = value(dice);
        let text = told(dice, &added);
        values.push(added);
        text
    };
    let (inner, main) = (text(dice), text(dice));
    let bare = values[0].clone();
    let many: Vec<String> = values.iter().map(|value| told(dice, value)).collect();
    let number: Value = serde_json::from_str(&card(dice)).unwrap();
    if dice.below(4) == 0 {
        values.push(number.to_string());
    }
    let number = if values.last() == Some(&number.to_string()) { number } else { json!(1) };
    let (path, field, mut body) = match dice.below(10) {
        0..5 => chat(dice, (&inner, &main, &bare), (&many, &number)),
        5 | 6 => responses(dice, (&inner, &main), (&many, &number)),
        7 | 8 => completions(dice, (&inner, &main), &many),
        _ => embeddings(dice, &main, &many),
    };
    if path != "/v1/embeddings" && dice.below(2) == 0 {
        body["stream"] = json!(true);
    }
    let mut bytes = body.to_string();
    // What was drawn but found no place doesn't count.
    values.retain(|value| bytes.contains(value.as_str()));
    if dice.below(3) == 0 {
        bytes = bytes.replace('@', "\\u0040").replace('ü', "\\u00fc");
    }
    Asked { path, bytes, body, values, field }
}

type Made = (&'static str, &'static str, Value);

fn chat(
    dice: &mut Dice,
    (inner, main, bare): (&str, &str, &str),
    (many, number): (&[String], &Value),
) -> Made {
    let arguments =
        json!({ "to": inner, "list": many, "doc": json!({ "deep": inner }).to_string(), "n": number });
    let call = json!({ "id": "call_1", "type": "function",
        "function": { "name": "send", "arguments": arguments.to_string() } });
    let user = json!({ "role": "user", "content": main });
    let schema = json!({ "type": "object", "properties": { "to": { "type": "string", "enum": many, "default": inner } } });
    let function = json!({ "name": "send", "description": inner, "parameters": schema });
    let (field, message) = dice.pick(&[
        "system", "parts", "history", "arguments", "tool output", "user", "metadata", "key", "schema", "unknown",
        "prediction", "name", "number",
    ])
    .then(|field| match field {
        "system" => json!({ "messages": [{ "role": "system", "content": inner }, user] }),
        "parts" => json!({ "messages": [{ "role": "user", "content": [
            { "type": "text", "text": inner }, { "type": "text", "text": main }] }] }),
        "history" => json!({ "messages": [user, { "role": "assistant", "content": inner, "refusal": main }, user] }),
        "arguments" | "number" => json!({ "messages": [user, { "role": "assistant", "content": null, "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "call_1", "content": "ok" }] }),
        "tool output" => json!({ "messages": [user, { "role": "assistant", "content": null, "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "call_1", "content": arguments.to_string() }] }),
        "user" => json!({ "messages": [user], "user": bare, "safety_identifier": bare }),
        "metadata" => json!({ "messages": [user], "metadata": { "who": inner, "also": bare } }),
        "key" => json!({ "messages": [user], "metadata": { bare: "who" } }),
        "schema" => json!({ "messages": [user], "tools": [{ "type": "function", "function": function }],
            "response_format": { "type": "json_schema", "json_schema": { "name": "r", "schema": schema } } }),
        "prediction" => json!({ "messages": [user], "prediction": { "type": "content", "content": inner } }),
        "name" => json!({ "messages": [{ "role": "user", "name": bare, "content": main }] }),
        _ => json!({ "messages": [user], "x_unknown": { "deep": [inner, { "deeper": many }, number] } }),
    });
    let mut body = message;
    body["model"] = json!("scripted");
    ("/v1/chat/completions", field, body)
}

/// Lets a name be kept beside what is made of it.
trait Then: Sized + Copy {
    fn then<T>(self, make: impl FnOnce(Self) -> T) -> (Self, T) {
        (self, make(self))
    }
}

impl Then for &'static str {}

fn responses(dice: &mut Dice, (inner, main): (&str, &str), (many, number): (&[String], &Value)) -> Made {
    let arguments = json!({ "to": inner, "list": many, "n": number }).to_string();
    let message = json!({ "role": "user", "content": [{ "type": "input_text", "text": main }] });
    let (field, mut body) = dice
        .pick(&["input", "instructions", "items", "output", "metadata", "reasoning", "variables", "tools"])
        .then(|field| match field {
            "input" => json!({ "input": main }),
            "instructions" => json!({ "input": [message], "instructions": inner }),
            "items" => json!({ "input": [message, { "type": "function_call", "call_id": "c", "name": "send",
                "arguments": arguments }, { "type": "function_call_output", "call_id": "c", "output": "ok" }] }),
            "output" => json!({ "input": [message, { "type": "function_call", "call_id": "c", "name": "send",
                "arguments": "{}" }, { "type": "function_call_output", "call_id": "c", "output": arguments }] }),
            "metadata" => json!({ "input": main, "metadata": { "who": inner }, "user": main }),
            "reasoning" => json!({ "input": [message, { "type": "reasoning", "id": "rs_1",
                "summary": [{ "type": "summary_text", "text": inner }] }, message] }),
            "variables" => json!({ "input": main, "prompt": { "id": "pmpt_1", "variables": { "who": inner } } }),
            _ => json!({ "input": main, "tools": [{ "type": "function", "name": "send", "description": inner,
                "parameters": { "type": "object", "properties": { "to": { "const": inner } } } }] }),
        });
    body["model"] = json!("scripted");
    ("/v1/responses", field, body)
}

fn completions(dice: &mut Dice, (inner, main): (&str, &str), many: &[String]) -> Made {
    let (field, mut body) = dice.pick(&["prompt", "prompts", "suffix", "stop"]).then(|field| match field {
        "prompt" => json!({ "prompt": main }),
        "prompts" => json!({ "prompt": many }),
        "suffix" => json!({ "prompt": main, "suffix": inner, "user": main }),
        _ => json!({ "prompt": main, "stop": [inner] }),
    });
    body["model"] = json!("scripted");
    ("/v1/completions", field, body)
}

fn embeddings(dice: &mut Dice, main: &str, many: &[String]) -> Made {
    let (field, mut body) = dice.pick(&["text", "texts"]).then(|field| match field {
        "text" => json!({ "input": main }),
        _ => json!({ "input": many, "user": main }),
    });
    body["model"] = json!("scripted");
    ("/v1/embeddings", field, body)
}

/// Every text of a body: strings, keys and long numbers, in one order for all ways to write them.
fn texts(body: &Value) -> Vec<String> {
    fn gather(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::String(text) => into.push(text.clone()),
            Value::Number(number) if number.to_string().len() >= 12 => into.push(number.to_string()),
            Value::Array(all) => all.iter().for_each(|value| gather(value, into)),
            Value::Object(all) => all.iter().for_each(|(key, value)| {
                into.push(key.clone());
                gather(value, into);
            }),
            _ => {}
        }
    }
    let mut all = Vec::new();
    gather(body, &mut all);
    all
}

/// A text with the documents in it written in one way: a long number may have become a string.
fn normal(text: &str) -> String {
    fn walk(value: Value) -> Value {
        match value {
            Value::Number(number) if number.to_string().len() >= 12 => json!(number.to_string()),
            Value::String(text) => json!(normal(&text)),
            Value::Array(all) => all.into_iter().map(walk).collect(),
            Value::Object(all) => all.into_iter().map(|(key, value)| (key, walk(value))).collect(),
            other => other,
        }
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() || value.is_array() => walk(value).to_string(),
        _ => text.to_owned(),
    }
}

/// Says all texts of the request again: in the answer, and in a tool's arguments where there are tools.
fn repeat(seen: &Seen) -> Script {
    let body = seen.json();
    let path = seen.start.split(' ').nth(1).unwrap_or_default().to_owned();
    // Usage is asked for by the gateway itself.
    let mut asked = body.clone();
    asked.as_object_mut().unwrap().remove("stream_options");
    let all = texts(&asked);
    let text = all.join(BORDER);
    let arguments = json!({ "all": all, "doc": json!({ "all": all }).to_string() }).to_string();
    // Where the stream is cut follows from the request, so that a run can be repeated.
    let mut dice = Dice(seen.body.iter().fold(7, |sum, byte| sum * 31 % 1_000_003 + u64::from(*byte)));
    let streams = body["stream"] == json!(true);
    if path == "/v1/embeddings" {
        let list = json!([{ "object": "embedding", "index": 0, "embedding": [0.5, -0.25] }]);
        return Script::json(
            200,
            &json!({ "object": "list", "model": "scripted", "data": list,
            "usage": { "prompt_tokens": 1, "total_tokens": 1 } }),
        );
    }
    if !streams {
        return Script::json(200, &whole(&path, &text, &arguments));
    }
    let mut cuts = |count: usize, most: usize| (0..count).map(|_| dice.below(most)).collect::<Vec<_>>();
    let (said, called) =
        (openai::pieces(&text, &cuts(40, 4000)), openai::pieces(&arguments, &cuts(40, 4000)));
    let escape = if text.len().is_multiple_of(2) { Escape::Raw } else { Escape::Ascii };
    Script::cut(&events(&path, (&said, &called), escape), &cuts(6, 100_000))
}

fn whole(path: &str, text: &str, arguments: &str) -> Value {
    match path {
        "/v1/completions" => {
            json!({ "id": "cmpl-1", "object": "text_completion", "created": 1, "model": "scripted",
            "choices": [{ "index": 0, "text": text, "finish_reason": "stop" }], "usage": openai::usage() })
        }
        "/v1/responses" => response(text, arguments),
        _ => {
            let call = json!({ "id": "call_2", "type": "function",
                "function": { "name": "send", "arguments": arguments } });
            openai::completion(&json!({ "role": "assistant", "content": text, "tool_calls": [call] }))
        }
    }
}

fn response(text: &str, arguments: &str) -> Value {
    let message = json!({ "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{ "type": "output_text", "text": text, "annotations": [] }] });
    let call = json!({ "type": "function_call", "id": "fc_1", "call_id": "c2", "name": "send", "arguments": arguments });
    json!({ "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "scripted",
        "output": [message, call], "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
        "usage": { "input_tokens": 7, "output_tokens": 5, "total_tokens": 12 } })
}

fn events(path: &str, (said, called): (&[String], &[String]), escape: Escape) -> String {
    if path == "/v1/responses" {
        let mut events = String::new();
        let mut number = 0;
        let mut add = |mut event: Value| {
            event["sequence_number"] = json!(number);
            number += 1;
            events += &format!("event: {}\n{}", event["type"].as_str().unwrap(), escape.event(&event));
        };
        add(json!({ "type": "response.created", "response": { "id": "resp_1", "output": [] } }));
        for piece in said {
            add(json!({ "type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0,
                "content_index": 0, "delta": piece }));
        }
        for piece in called {
            add(
                json!({ "type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 1,
                "delta": piece }),
            );
        }
        let (text, arguments) = (said.concat(), called.concat());
        add(
            json!({ "type": "response.output_text.done", "item_id": "msg_1", "output_index": 0, "content_index": 0,
            "text": text }),
        );
        add(json!({ "type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 1,
            "arguments": arguments }));
        add(json!({ "type": "response.completed", "response": response(&text, &arguments) }));
        return events;
    }
    if path == "/v1/completions" {
        let chunk = |text: &str, finish: Value| {
            json!({ "id": "cmpl-1", "object": "text_completion", "created": 1,
            "model": "scripted", "choices": [{ "index": 0, "text": text, "finish_reason": finish }] })
        };
        let mut events: String = said.iter().map(|piece| escape.event(&chunk(piece, Value::Null))).collect();
        events += &escape.event(&chunk("", json!("stop")));
        return events + "data: [DONE]\n\n";
    }
    let text = said.iter().map(|piece| json!({ "content": piece }));
    let call = called
        .iter()
        .map(|piece| json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] }));
    openai::stream(&text.chain(call).collect::<Vec<_>>(), escape)
}

/// The answer and the tool arguments as the caller reads them, in every place that repeats them.
fn read(path: &str, answer: &Answer) -> (Vec<String>, Vec<String>) {
    let streams = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
    let pointers: (&[&str], &[&str]) = match path {
        "/v1/completions" => (&["/choices/0/text"], &[]),
        "/v1/responses" if streams => {
            (&["/text", "/response/output/0/content/0/text"], &["/arguments", "/response/output/1/arguments"])
        }
        "/v1/responses" => (&["/output/0/content/0/text"], &["/output/1/arguments"]),
        _ if streams => {
            (&["/choices/0/delta/content"], &["/choices/0/delta/tool_calls/0/function/arguments"])
        }
        _ => (&["/choices/0/message/content"], &["/choices/0/message/tool_calls/0/function/arguments"]),
    };
    if !streams {
        let body = answer.json();
        let at = |pointers: &[&str]| {
            pointers.iter().map(|at| body.pointer(at).unwrap().as_str().unwrap().to_owned()).collect()
        };
        return (at(pointers.0), at(pointers.1));
    }
    let events = Events::of(answer);
    let at = |pointers: &[&str]| pointers.iter().map(|at| events.join(at)).collect::<Vec<_>>();
    let (mut said, mut called) = (at(pointers.0), at(pointers.1));
    if path == "/v1/responses" {
        let deltas = |sort: &str| -> String {
            let own = events.values.iter().filter(|event| event["type"] == sort);
            own.map(|event| event["delta"].as_str().unwrap()).collect()
        };
        said.push(deltas("response.output_text.delta"));
        called.push(deltas("response.function_call_arguments.delta"));
    }
    (said, called)
}

/// The ways in which a value may be recognised in what was sent.
fn spellings(value: &str) -> Vec<(&'static str, String)> {
    let bytes = value.as_bytes();
    let mut forms = vec![
        ("clear", value.to_owned()),
        ("percent", value.replace('@', "%40").replace(' ', "%20").replace('+', "%2B")),
        ("escaped", value.replace('@', "\\u0040")),
        ("all percent", bytes.iter().map(|byte| format!("%{byte:02X}")).collect()),
        ("all escaped", value.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect()),
        ("hexadecimal", bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
    ];
    for shift in 0..3 {
        // The signs that depend on the value alone, wherever it stands among three bytes.
        let padded = [&vec![b'x'; shift][..], bytes].concat();
        let whole = STANDARD_NO_PAD.encode(&padded[..padded.len() / 3 * 3]);
        forms.push(("base64", whole[if shift == 0 { 0 } else { 4 }..].to_owned()));
    }
    forms
}

/// Text with all that people write between digits taken out.
fn squeezed(text: &str) -> String {
    text.chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '/' | '(' | ')' | '\n'))
        .collect::<String>()
        .to_lowercase()
}

/// What was counted.
#[derive(Default)]
struct Counts {
    requests: usize,
    values: usize,
    searched: usize,
    texts: usize,
    arguments: usize,
    fields: BTreeMap<String, usize>,
}

/// Looks for every value of the batch in every byte that was sent.
fn no_leak(upstream: &Upstream, batch: &[Asked], counts: &mut Counts) {
    let sent: Vec<String> =
        upstream.requests().iter().map(|seen| String::from_utf8_lossy(&seen.body).into_owned()).collect();
    let tight = squeezed(&sent.concat());
    for asked in batch {
        for value in &asked.values {
            counts.values += 1;
            for (form, spelled) in spellings(value) {
                counts.searched += 1;
                assert!(
                    !upstream.saw(&spelled),
                    "{form}: a value of {} {} left: {}",
                    asked.path,
                    asked.field,
                    asked.bytes
                );
            }
            let alone = squeezed(value);
            assert!(
                !tight.contains(&alone),
                "a value of {} {} left: {}",
                asked.path,
                asked.field,
                asked.bytes
            );
        }
    }
}

/// Compares what the caller reads with what it sent.
fn all_back(asked: &Asked, answer: &Answer, counts: &mut Counts) {
    assert_eq!(answer.status, 200, "{} {}: {}", asked.path, asked.field, answer.text());
    *counts.fields.entry(format!("{} {}", asked.path, asked.field)).or_default() += 1;
    if asked.path == "/v1/embeddings" {
        return;
    }
    let sorted = |texts: Vec<String>| {
        let mut texts: Vec<String> = texts.iter().map(|text| normal(text)).collect();
        texts.sort();
        texts
    };
    let expect = sorted(texts(&asked.body));
    let (said, called) = read(asked.path, answer);
    for said in said {
        let got = sorted(said.split(BORDER).map(str::to_owned).collect());
        assert_eq!(got, expect, "{} {}", asked.path, asked.field);
        counts.texts += got.len();
    }
    for called in called {
        let parsed: Value = serde_json::from_str(&called).unwrap_or_else(|e| panic!("{e}: {called}"));
        let document: Value = serde_json::from_str(parsed["doc"].as_str().unwrap()).unwrap();
        for list in [&parsed["all"], &document["all"]] {
            let got: Vec<String> =
                list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
            assert_eq!(sorted(got), expect, "{} {}", asked.path, asked.field);
            counts.arguments += 1;
        }
    }
}

#[test]
fn nothing_leaves_and_everything_comes_back() {
    let wanted =
        std::env::var("WEIR_LEAK_REQUESTS").ok().map_or(1000, |text| text.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let upstream = Upstream::start(repeat).await;
        let gateway = Gateway::start(Config::with(&upstream).policy("personal.yaml", POLICY)).await;
        let mut dice = Dice(20_261_126);
        let mut counts = Counts::default();
        while counts.requests < wanted {
            let batch: Vec<Asked> = (0..BATCH).map(|_| asked(&mut dice)).collect();
            let calls: Vec<_> = batch
                .iter()
                .map(|asked| {
                    let call = Call::bytes(asked.path, asked.bytes.clone().into_bytes()).key(gateway.key());
                    let to = gateway.traffic();
                    tokio::spawn(async move { call.send(to).await })
                })
                .collect();
            for (asked, call) in batch.iter().zip(calls) {
                all_back(asked, &call.await.unwrap(), &mut counts);
            }
            assert_eq!(upstream.requests().len(), BATCH);
            no_leak(&upstream, &batch, &mut counts);
            upstream.forget();
            counts.requests += BATCH;
        }
        for (field, count) in &counts.fields {
            println!("{count:6} {field}");
        }
        println!(
            "{} requests with {} values: none left, in {} spellings searched; {} texts and {} lists of tool arguments \
             came back exactly",
            counts.requests, counts.values, counts.searched, counts.texts, counts.arguments
        );
    });
}

/// The search finds what it is meant to find.
#[test]
fn a_value_in_any_spelling_would_be_noticed() {
    let mail = "ada.l@example.org";
    for sent in [
        "to ada.l@example.org",
        "to%20ada.l%40example.org",
        "\\u0061\\u0064\\u0061\\u002e\\u006c\\u0040\\u0065\\u0078\\u0061\\u006d\\u0070\\u006c\\u0065\\u002e\\u006f\\u0072\\u0067",
        &STANDARD_NO_PAD.encode("x ada.l@example.org y"),
        &STANDARD_NO_PAD.encode("xy ada.l@example.org"),
        &STANDARD_NO_PAD.encode("ada.l@example.org"),
    ] {
        assert!(spellings(mail).iter().any(|(_, form)| sent.contains(form.as_str())), "{sent}");
    }
    assert!(squeezed("4111-1111 1111.1111").contains(&squeezed("4111 1111 1111 1111")));
}
