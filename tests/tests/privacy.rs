//! The hard cases: where personal data hides in a request, what must not be taken for it, and what a model may
//! do with it in a reply. Each is a row of a table, against the real binary.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use weir_tests::openai::{self, Escape, Events};
use weir_tests::{Call, Config, Gateway, Script, Upstream, policy, poll, scenario};

const MAIL: &str = "ada.lovelace@example.com";
const CARD: &str = "4111 1111 1111 1111";
const IBAN: &str = "DE89 3704 0044 0532 0130 00";
const PHONE: &str = "+44 20 7946 0958";

/// What must not leave, and what must leave as it is.
struct Case {
    name: &'static str,
    path: &'static str,
    body: String,
    gone: Vec<String>,
    kept: Vec<String>,
}

fn case(name: &'static str, path: &'static str, body: &Value) -> Case {
    Case { name, path, body: body.to_string(), gone: vec![], kept: vec![] }
}

impl Case {
    fn gone(mut self, texts: &[&str]) -> Self {
        self.gone.extend(texts.iter().map(|text| (*text).to_owned()));
        self
    }

    fn kept(mut self, texts: &[&str]) -> Self {
        self.kept.extend(texts.iter().map(|text| (*text).to_owned()));
        self
    }

    /// The body as text, changed.
    fn with(mut self, from: &str, to: &str) -> Self {
        assert!(self.body.contains(from), "{}", self.name);
        self.body = self.body.replace(from, to);
        self
    }
}

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

fn user(text: &str) -> Value {
    json!({"model": "scripted", "messages": [{"role": "user", "content": text}]})
}

fn chat(fields: Value) -> Value {
    let mut body = user("x");
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn messages(all: Value) -> Value {
    json!({"model": "scripted", "messages": all})
}

fn called(arguments: &Value) -> Value {
    let call = json!({"id": "c", "type": "function", "function": {"name": "send", "arguments": arguments.to_string()}});
    messages(json!([{"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "ok"}]))
}

fn responses(input: Value) -> Value {
    json!({"model": "scripted", "input": input})
}

/// Where values stand.
fn places() -> Vec<Case> {
    let schema = json!({"type": "object", "properties": {"to": {"type": "string", "description": MAIL,
        "default": MAIL, "examples": [MAIL], "enum": ["x", MAIL]}, "cc": {"const": MAIL}}});
    let tool =
        json!({"type": "function", "function": {"name": "send", "description": MAIL, "parameters": schema}});
    let nested = json!({"doc": json!({"doc": json!({"to": MAIL}).to_string()}).to_string()});
    let mut long = "The committee met on Tuesday to discuss the report. ".repeat(2_000);
    long.insert_str(50_000, &format!("{MAIL} "));
    let long = format!("{CARD} {long} {IBAN}");
    vec![
        case("a key of free JSON", CHAT, &chat(json!({"metadata": {MAIL: "x"}}))).gone(&[MAIL]),
        case("a key in tool arguments", CHAT, &called(&json!({MAIL: {CARD: 1}}))).gone(&[MAIL, CARD]),
        case("JSON in JSON in tool arguments", CHAT, &called(&nested)).gone(&[MAIL]),
        case(
            "JSON from a tool",
            CHAT,
            &messages(json!([{"role": "tool", "tool_call_id": "c",
            "content": nested.to_string()}])),
        )
        .gone(&[MAIL]),
        case("a number in tool arguments", CHAT, &called(&json!({"card": 4_111_111_111_111_111_u64})))
            .gone(&["4111111111111111"]),
        case("a number in an unknown field", CHAT, &chat(json!({"x": {"y": [4_111_111_111_111_111_u64]}})))
            .gone(&["4111111111111111"]),
        case("schemas: description, default, examples, enum, const", CHAT, &chat(json!({"tools": [tool]})))
            .gone(&[MAIL]),
        case(
            "the schema of the answer",
            CHAT,
            &chat(json!({"response_format": {"type": "json_schema",
            "json_schema": {"name": "r", "schema": schema}}})),
        )
        .gone(&[MAIL]),
        case("system prompt", CHAT, &messages(json!([{"role": "system", "content": MAIL}]))).gone(&[MAIL]),
        case("developer prompt", CHAT, &messages(json!([{"role": "developer", "content": MAIL}])))
            .gone(&[MAIL]),
        case("a speaker's name", CHAT, &messages(json!([{"role": "user", "name": MAIL, "content": "x"}])))
            .gone(&[MAIL]),
        case("user", CHAT, &chat(json!({"user": MAIL}))).gone(&[MAIL]),
        case(
            "safety identifier and cache key",
            CHAT,
            &chat(json!({"safety_identifier": MAIL, "prompt_cache_key": MAIL})),
        )
        .gone(&[MAIL]),
        case("metadata", CHAT, &chat(json!({"metadata": {"who": MAIL}}))).gone(&[MAIL]),
        case(
            "an id that is none",
            CHAT,
            &messages(json!([{"role": "tool", "tool_call_id": MAIL, "content": "x"}])),
        )
        .gone(&[MAIL]),
        case(
            "history: answers and refusals",
            CHAT,
            &messages(json!([{"role": "assistant", "content": MAIL,
            "refusal": CARD}])),
        )
        .gone(&[MAIL, CARD]),
        case(
            "content parts",
            CHAT,
            &messages(json!([{"role": "user", "content": [{"type": "text", "text": MAIL}]}])),
        )
        .gone(&[MAIL]),
        case(
            "a picture's address",
            CHAT,
            &messages(json!([{"role": "user", "content": [{"type": "image_url",
            "image_url": {"url": format!("https://x.example/{MAIL}.png")}}]}])),
        )
        .gone(&[MAIL]),
        case("a prediction", CHAT, &chat(json!({"prediction": {"type": "content", "content": MAIL}})))
            .gone(&[MAIL]),
        case("one text to embed", "/v1/embeddings", &json!({"model": "scripted", "input": MAIL}))
            .gone(&[MAIL]),
        case("many texts to embed", "/v1/embeddings", &json!({"model": "scripted", "input": ["x", MAIL]}))
            .gone(&[MAIL]),
        case("a prompt", "/v1/completions", &json!({"model": "scripted", "prompt": MAIL, "suffix": CARD}))
            .gone(&[MAIL, CARD]),
        case(
            "input items",
            RESPONSES,
            &responses(json!([{"role": "user",
            "content": [{"type": "input_text", "text": MAIL}]}])),
        )
        .gone(&[MAIL]),
        case(
            "a call among input items",
            RESPONSES,
            &responses(json!([{"type": "function_call", "call_id": "c",
            "name": "send", "arguments": nested.to_string()}])),
        )
        .gone(&[MAIL]),
        case(
            "a call's output among input items",
            RESPONSES,
            &responses(json!([{"type": "function_call_output",
            "call_id": "c", "output": nested.to_string()}])),
        )
        .gone(&[MAIL]),
        case(
            "reasoning among input items",
            RESPONSES,
            &responses(json!([{"type": "reasoning", "id": "rs_1",
            "summary": [{"type": "summary_text", "text": MAIL}]}])),
        )
        .gone(&[MAIL]),
        case(
            "instructions and variables of a prompt",
            RESPONSES,
            &json!({"model": "scripted", "input": "x",
            "instructions": CARD, "prompt": {"id": "pmpt_1", "variables": {"who": MAIL}}}),
        )
        .gone(&[MAIL, CARD]),
        case("values in 100 KB of text", CHAT, &user(&long)).gone(&[MAIL, CARD, IBAN]),
    ]
}

/// How values are written.
fn spellings() -> Vec<Case> {
    vec![
        case("escapes of JSON", CHAT, &user(MAIL))
            .with("@", "\\u0040")
            .with("ada", "\\u0061da")
            .gone(&["lovelace"]),
        case(
            "percent encoding in an address",
            CHAT,
            &user("https://x.example/?to=ada.lovelace%40example.com&y=1"),
        )
        .gone(&["ada.lovelace"])
        .kept(&["https://x.example/?to="]),
        case("full-width digits", CHAT, &user("４１１１ 1111 1111 1111")).gone(&["1111 1111 1111"]),
        case("invisible characters", CHAT, &user("ada.love\u{200b}lace@exam\u{ad}ple.com"))
            .gone(&["ada.love"]),
        case("a card over two lines", CHAT, &user("4111 1111\n1111 1111")).gone(&["1111"]),
        case("an account over two lines", CHAT, &user("DE89 3704 0044\n  0532 0130 00"))
            .gone(&["3704", "0130"]),
        case("values side by side", CHAT, &user(&format!("{MAIL},{PHONE};{IBAN}|{CARD}")))
            .gone(&[MAIL, PHONE, IBAN, CARD]),
        case("a value in two that overlap", CHAT, &user("mailto:4111111111111111@example.com"))
            .gone(&["4111111111111111", "@example.com"]),
        case(
            "a value in quotes and brackets",
            CHAT,
            &user(&format!("<{MAIL}>, '{MAIL}', \"{MAIL}\", ({MAIL})")),
        )
        .gone(&[MAIL]),
        case("the environment of a program", CHAT, &user(&format!("ADMIN_MAIL={MAIL}\nIBAN={IBAN}")))
            .gone(&[MAIL, IBAN]),
    ]
}

/// What is no personal data.
fn harmless() -> Vec<Case> {
    let texts = [
        ("a UUID", "550e8400-e29b-41d4-a716-446655440000 and 12345678-1234-1234-1234-123456789012"),
        (
            "hashes",
            "9e107d9d372bb6826bd81d3542a419d6 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("timestamps", "2026-11-26T01:02:03.123456Z 1764115200 1764115200123 20261126010203"),
        ("versions and numbers", "v1.2.3-rc.4, 10.0.19045.3803, 3.14159265358979, 1_000_000, 0x1f2e3d4c"),
        ("SQL", "SELECT id, email FROM users WHERE id IN (1001, 1002, 1003) AND created_at > 1700000000;"),
        ("code", "@decorator\ndef f(x: int = 1234567) -> int:\n    return x @ matrix  # foo@2x.png"),
        ("a stack trace", "at Foo.bar(Foo.java:1234)\n\tat 0x00007ff8a1b2c3d4 libsystem_c.dylib+12345678"),
        ("a log", "[pid 4711:8899] 12:34:56.789 GET /api/v1/items/12345678 200 1532 0.003"),
    ];
    let row = |(name, text): &(&'static str, &str)| {
        let written = json!(text).to_string();
        case(name, CHAT, &user(text)).kept(&[&written[1..written.len() - 1]])
    };
    texts.iter().map(row).collect()
}

/// What no text control can read. It passes; the documents say so.
fn unreadable() -> Vec<Case> {
    let inside = STANDARD.encode(format!("Write to {MAIL}, please."));
    vec![
        case(
            "a picture",
            CHAT,
            &messages(json!([{"role": "user", "content": [{"type": "image_url",
            "image_url": {"url": format!("data:image/png;base64,{inside}")}}]}])),
        )
        .kept(&[&inside]),
    ]
}

async fn check(cases: Vec<Case>) {
    check_by(policy::PERSONAL, cases).await;
}

async fn check_by(policy: &str, cases: Vec<Case>) {
    let upstream = Upstream::start(|_| Script::json(200, &openai::says("ok"))).await;
    let gateway = Gateway::start(Config::with(&upstream).policy("personal.yaml", policy)).await;
    let mut wrong = vec![];
    for (at, case) in cases.iter().enumerate() {
        let call = Call::bytes(case.path, case.body.clone().into_bytes()).key(gateway.key());
        let answer = call.send(gateway.traffic()).await;
        assert_eq!(answer.status, 200, "{}: {}", case.name, answer.text());
        assert_eq!(upstream.requests().len(), at + 1, "{}", case.name);
        let sent = String::from_utf8(upstream.requests()[at].body.clone()).unwrap();
        let _parsed: Value = serde_json::from_str(&sent).unwrap();
        let leaks = case.gone.iter().any(|text| sent.contains(text.as_str()));
        let changes = case.kept.iter().any(|text| !sent.contains(text.as_str()));
        if leaks || changes {
            wrong.push(format!("{}: {}", case.name, &sent[..sent.len().min(600)]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn values_are_found_wherever_they_stand() {
    scenario(check(places()));
}

#[test]
fn a_key_speaks_for_its_value() {
    let policy = policy::PERSONAL.replace("iban_code]", "iban_code, secrets, us_ssn]");
    let output = json!({"db": {"user": "app", "password": "hunter2!x"}, "rows": 3}).to_string();
    let cases = vec![
        case(
            "a password in tool arguments",
            CHAT,
            &called(&json!({"password": "hunter2!x", "note": "hunter3!x"})),
        )
        .gone(&["hunter2!x"])
        .kept(&["hunter3!x", "\"send\""]),
        case(
            "a number in metadata",
            CHAT,
            &chat(json!({"metadata": {"ssn": "536904399", "batch": "536904398"}})),
        )
        .gone(&["536904399"])
        .kept(&["536904398"]),
        case(
            "a password from a tool",
            CHAT,
            &messages(json!([{"role": "tool", "tool_call_id": "c", "content": output}])),
        )
        .gone(&["hunter2!x"])
        .kept(&["app"]),
        case(
            "a password in an unknown field",
            RESPONSES,
            &json!({"model": "scripted", "input": "x",
            "x_login": {"password": ["hunter2!x"]}}),
        )
        .gone(&["hunter2!x"]),
    ];
    scenario(async move { check_by(&policy, cases).await });
}

#[test]
fn values_are_found_however_they_are_written() {
    scenario(check(spellings()));
}

#[test]
fn what_can_not_be_read_passes() {
    scenario(check(unreadable()));
}

#[test]
fn token_ids_are_refused_where_a_rule_reads_requests() {
    const EMBED: &str = "/v1/embeddings";
    const COMPLETE: &str = "/v1/completions";
    let allowed = format!("{}  - {{id: ids, on: request, find: token_ids, then: flag}}\n", policy::PERSONAL);
    let blocked = allowed.replace("then: flag", "then: {block: No ids.}");
    let replies = policy::NO_BLUEBIRD.replace("[request, reply]", "reply");
    let callers = policy::PERSONAL.replace("on: request", "on: request\n    callers: {tenants: [others]}");
    let lax = policy::PERSONAL.replace("then: pseudonymise", "then: pseudonymise\n    on_fault: allow");
    let ids = [json!([101, 2023, 102]), json!([[101, 2023], [102]]), json!(["text", [102]])];
    scenario(async move {
        for (policy, status) in [
            (policy::PERSONAL, 400),
            (&blocked, 400),
            (&allowed, 200),
            (&replies, 200),
            (&callers, 200),
            (&lax, 200),
        ] {
            let upstream = Upstream::start(|_| Script::json(200, &openai::says("ok"))).await;
            let gateway = Gateway::start(Config::with(&upstream).policy("p.yaml", policy)).await;
            for ids in &ids {
                for (path, field) in [(EMBED, "input"), (COMPLETE, "prompt")] {
                    let before = upstream.requests().len();
                    let body = json!({"model": "scripted", field: ids});
                    let answer = Call::post(path, &body).key(gateway.key()).send(gateway.traffic()).await;
                    assert_eq!(answer.status, status, "{policy} {ids} {}", answer.text());
                    let sent = upstream.requests().len() - before;
                    assert_eq!(sent, usize::from(status == 200), "{policy} {ids}");
                    if status == 400 {
                        let told = answer.text();
                        assert!(told.contains("Send the text itself") || told.contains("No ids."), "{told}");
                    }
                }
            }
            // Numbers elsewhere are no text.
            let text = json!({"model": "scripted", "prompt": "x", "stop": ["a"], "seed": 101});
            let answer = Call::post(COMPLETE, &text).key(gateway.key()).send(gateway.traffic()).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    });
}

#[test]
fn what_is_no_personal_data_leaves_as_it_is() {
    scenario(check(harmless()));
}

const BOTH_WAYS: &str = "\
weir: v1
policy: personal-data
owner: tests
rules:
  - id: pseudonymise
    on: [request, reply]
    find: [email_address, phone_number, credit_card, iban_code]
    then: pseudonymise
";

const BLOCK_REPLIES: &str = "\
weir: v1
policy: house
owner: tests
rules:
  - id: no-accounts
    on: reply
    find: [iban_code, credit_card]
    then: {block: \"No account numbers.\"}
";

/// A stream whose text is cut into pieces of three characters.
fn said(text: &str) -> Script {
    let cuts: Vec<usize> = (0..text.chars().count()).step_by(3).collect();
    let deltas: Vec<_> = openai::pieces(text, &cuts).iter().map(|piece| json!({"content": piece})).collect();
    Script::cut(&openai::stream(&deltas, Escape::Raw), &[])
}

#[test]
fn what_the_model_brings_is_replaced_and_what_the_caller_brought_comes_back() {
    scenario(async {
        let upstream = Upstream::start(|seen| {
            let text = format!(
                "{} Or ask carol@example.net, {CARD}. {}",
                openai::asked(seen),
                "Words follow. ".repeat(30)
            );
            if seen.json()["stream"] == json!(true) {
                said(&text)
            } else {
                Script::json(200, &openai::says(&text))
            }
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream).policy("p.yaml", BOTH_WAYS)).await;
        let asked = format!("I am {MAIL}, call {PHONE}.");
        let whole = gateway.chat(&openai::chat(&asked)).await;
        assert_eq!(whole.header("x-weir-decision"), Some("transformed"));
        let whole = whole.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
        assert!(whole.starts_with(&format!("{asked} Or ask ⟦EMAIL_ADDRESS_")), "{whole}");
        assert!(
            whole.contains("⟦CREDIT_CARD_") && !whole.contains("carol") && !whole.contains("4111"),
            "{whole}"
        );
        let streamed = gateway.chat(&openai::chat_stream(&asked)).await;
        let events = Events::of(&streamed);
        assert_eq!((events.text(), events.done), (whole, true));
    });
}

#[test]
fn a_reply_with_what_policy_forbids_is_refused_and_a_stream_of_it_cut() {
    scenario(async {
        let upstream = Upstream::start(|seen| {
            let text = format!("The account is {IBAN}, as you know. {}", "Words follow. ".repeat(30));
            if seen.json()["stream"] == json!(true) {
                said(&text)
            } else {
                Script::json(200, &openai::says(&text))
            }
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream).policy("p.yaml", BLOCK_REPLIES)).await;
        let whole = gateway.chat(&openai::chat("x")).await;
        assert_eq!((whole.status, whole.code().as_deref()), (400, Some("content_filter")));
        assert!(!whole.text().contains("3704"), "{}", whole.text());
        let streamed = gateway.chat(&openai::chat_stream("x")).await;
        let events = Events::of(&streamed);
        assert!(events.done && streamed.complete);
        assert_eq!(events.finish().as_deref(), Some("content_filter"));
        let text = events.text();
        assert!("The account is".starts_with(text.trim_end()) && !streamed.text().contains("DE89"), "{text}");
        // The caller's own account is no news to it.
        let own = gateway.chat(&openai::chat(&format!("Mine is {}.", IBAN.replace(' ', "")))).await;
        assert_eq!(own.status, 200, "{}", own.text());
        assert!(own.text().contains(IBAN));
    });
}

#[test]
fn a_pseudonym_of_another_tenant_stays_what_it_is() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream).policy("p.yaml", BOTH_WAYS)).await;
        assert_eq!(gateway.chat(&openai::chat(MAIL)).await.status, 200);
        let theirs = openai::asked(&upstream.requests()[0]);
        let shown = theirs.clone();
        let upstream = Upstream::start(move |_| Script::json(200, &openai::says(&shown))).await;
        let gateway = Gateway::start(Config::with(&upstream).policy("p.yaml", BOTH_WAYS)).await;
        let other = gateway.another_key(&["--tenant", "other"]).await;
        let call = Call::post(CHAT, &openai::chat(MAIL)).key(&other);
        let answer = call.send(gateway.traffic()).await;
        assert_eq!(answer.json()["choices"][0]["message"]["content"], theirs);
    });
}

/// A control that can't tell refuses: here a phrase that goes on and on.
#[test]
fn a_stream_that_can_not_be_judged_is_cut() {
    let policy = "weir: v1\npolicy: house\nowner: tests\nlists: {projects: {words: [blue heron]}}\n\
        rules: [{id: r, on: reply, find: projects, then: block}]\n";
    scenario(async move {
        let upstream = Upstream::start(move |_| {
            let endless = format!("blue{}", " ".repeat(40_000));
            let deltas = ["It is ", &endless, "and more"].map(|text| json!({"content": text}));
            Script::cut(&openai::stream(&deltas, Escape::Raw), &[])
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream).policy("p.yaml", policy)).await;
        let answer = gateway.chat(&openai::chat_stream("x")).await;
        let events = Events::of(&answer);
        assert_eq!((events.text().as_str(), events.finish().as_deref()), ("It is ", Some("content_filter")));
        // The completion may follow the end of the stream.
        let id = answer.header("x-request-id").unwrap();
        poll::until("the record to say why", poll::SOON, async || {
            let record = gateway.run(&["audit", "show", id, "--json"]).await;
            record.contains("policy_unavailable").then_some(())
        })
        .await;
    });
}
