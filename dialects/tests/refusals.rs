//! What is refused, with which path, and that no message repeats what the client wrote.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "test code")]

use bytes::Bytes;
use weir_dialects::{AskUsage, Endpoint, Limits, Request, Rewrite};

fn parse(endpoint: Endpoint, body: &str) -> Result<Request, weir_dialects::Invalid> {
    Request::parse(endpoint, Bytes::copy_from_slice(body.as_bytes()), &Limits::default())
}

#[test]
fn bad_bodies() {
    use Endpoint::{ChatCompletions as Chat, Completions, Embeddings, Responses};
    let deep = format!(r#"{{"model":"m","messages":[],"x":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    for (endpoint, body, path) in [
        (Chat, "", "/"),
        (Chat, "[]", "/"),
        (Chat, "\"jane\"", "/"),
        (Chat, r#"{"model":"m","messages":[]} jane"#, "/"),
        (Chat, r#"{"model":"m","messages":[{"role":"user","content":"jane"#, "/messages/0/content"),
        (Chat, r#"{"model":"m","messages":[],"metadata":{"jane@x.org":"\ud800"}}"#, "/metadata/*0"),
        (Chat, r#"{"model":"m","messages":[],"metadata":{"jane":1,"jane":2}}"#, "/metadata/*1"),
        (Chat, r#"{"model":"m","model":"jane","messages":[]}"#, "/messages"),
        (Chat, r#"{"model":"m","messages":[],"Model":"jane"}"#, "/model"),
        (Chat, r#"{"model":"m","messages":[],"MESSAGES":["jane"]}"#, "/messages"),
        (Chat, deep.as_str(), "/*2/0/0"),
        (Chat, r#"{"messages":[]}"#, "/model"),
        (Chat, r#"{"model":7,"messages":[]}"#, "/model"),
        (Chat, r#"{"model":"","messages":[]}"#, "/model"),
        (Chat, r#"{"model":"m"}"#, "/messages"),
        (Chat, r#"{"model":"m","messages":"jane"}"#, "/messages"),
        (Chat, r#"{"model":"m","messages":[{"role":"user"},"jane"]}"#, "/messages/1"),
        (Chat, r#"{"model":"m","messages":[{"content":"jane"}]}"#, "/messages/0/role"),
        (Chat, r#"{"model":"m","messages":[],"stream":"jane"}"#, "/stream"),
        (Chat, r#"{"model":"m","messages":[],"stream_options":true}"#, "/stream_options"),
        (
            Chat,
            r#"{"model":"m","messages":[],"stream_options":{"include_usage":1}}"#,
            "/stream_options/include_usage",
        ),
        (Chat, r#"{"model":"m","messages":[],"n":0}"#, "/n"),
        (Chat, r#"{"model":"m","messages":[],"n":1000000}"#, "/n"),
        (Chat, r#"{"model":"m","messages":[],"n":1.5}"#, "/n"),
        (Chat, r#"{"model":"m","messages":[],"max_tokens":-1}"#, "/max_tokens"),
        (Chat, r#"{"model":"m","messages":[],"max_completion_tokens":"9"}"#, "/max_completion_tokens"),
        (Completions, r#"{"model":"m","prompt":{"jane":1}}"#, "/prompt"),
        (Responses, r#"{"model":"m","input":7}"#, "/input"),
        (Responses, r#"{"model":"m","max_output_tokens":[]}"#, "/max_output_tokens"),
        (Embeddings, r#"{"model":"m"}"#, "/input"),
        (Embeddings, r#"{"model":"m","input":null}"#, "/input"),
        (Endpoint::Models, "jane", "/"),
    ] {
        let invalid = parse(endpoint, body).err().unwrap_or_else(|| panic!("accepted: {body}"));
        assert!(
            invalid.path == path || (body == deep && invalid.path.starts_with(path)),
            "{body}: {invalid}"
        );
        assert!(!invalid.to_string().contains("jane"), "{invalid}");
    }
    let broken = Request::parse(Chat, Bytes::from_static(b"{\"model\":\"\xff\"}"), &Limits::default());
    assert_eq!(broken.err().unwrap().reason, "not valid UTF-8");
}

#[test]
fn deep_and_wide_bodies_do_no_harm() {
    for text in ["[", "{\"a\":", "[[[[{\"a\":["] {
        let body = format!(r#"{{"model":"m","messages":[],"x":{}"#, text.repeat(300_000));
        assert_eq!(parse(Endpoint::ChatCompletions, &body).err().unwrap().reason, "nested too deeply");
    }
    let wide = format!(r#"{{"model":"m","input":[{}"x"]}}"#, "\"\",".repeat(300_000));
    assert_eq!(parse(Endpoint::Embeddings, &wide).err().unwrap().reason, "too many values");
    let tokens = format!(r#"{{"model":"m","input":[{}1]}}"#, "50256,".repeat(300_000));
    let request = parse(Endpoint::Embeddings, &tokens).unwrap();
    assert_eq!(request.opaque_inputs(), ["/input"]);
    let nested = "[".repeat(100_000);
    let arguments = format!(r#"{{"model":"m","input":[{{"type":"function_call","arguments":"{nested}"}}]}}"#);
    assert_eq!(parse(Endpoint::Responses, &arguments).unwrap().slots().len(), 1);
}

#[test]
fn reads_the_fields_the_gateway_relies_on() {
    let check = |body: &str, expect: (bool, bool, Option<u64>, u32)| {
        let endpoint =
            if body.contains("prompt") { Endpoint::Completions } else { Endpoint::ChatCompletions };
        let request = parse(endpoint, body).unwrap();
        let got = (request.stream(), request.wants_usage(), request.max_output_tokens(), request.choices());
        assert_eq!(got, expect, "{body}");
    };
    check(r#"{"model":"m","messages":[]}"#, (false, false, None, 1));
    check(r#"{"model":"m","messages":[],"stream":null,"n":null,"max_tokens":null}"#, (false, false, None, 1));
    check(
        r#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#,
        (true, true, None, 1),
    );
    check(
        r#"{"model":"m","messages":[],"n":3,"max_tokens":5,"max_completion_tokens":9}"#,
        (false, false, Some(9), 3),
    );
    check(r#"{"model":"m","prompt":["a","b"],"n":2,"best_of":4}"#, (false, false, None, 8));
    check(r#"{"model":"m","prompt":[1,2,3]}"#, (false, false, None, 1));
    check(r#"{"model":"m","prompt":[[1,2],[3]]}"#, (false, false, None, 2));
}

#[test]
fn asks_for_usage_and_renames_the_model() {
    let rewrite = Rewrite { model: Some("up/\"m\""), ask_usage: AskUsage::Always };
    for (rest, expect) in [
        (r#""stream":true}"#, r#""stream":true,"stream_options":{"include_usage":true}}"#),
        (r#""stream":true }"#, r#""stream":true ,"stream_options":{"include_usage":true}}"#),
        (
            r#""stream_options":null,"stream":true}"#,
            r#""stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (
            r#""stream_options":{ },"stream":true}"#,
            r#""stream_options":{ "include_usage":true},"stream":true}"#,
        ),
        (
            r#""stream_options":{"a":1},"stream":true}"#,
            r#""stream_options":{"a":1,"include_usage":true},"stream":true}"#,
        ),
        (
            r#""stream_options":{"include_usage":false},"stream":true}"#,
            r#""stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (
            r#""stream_options":{"include_usage":true},"stream":true}"#,
            r#""stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (r#""stream":false}"#, r#""stream":false}"#),
    ] {
        let request =
            parse(Endpoint::ChatCompletions, &format!(r#"{{"model":"m","messages":[],{rest}"#)).unwrap();
        let body = request.render(&request.slots(), &rewrite);
        let expect = format!(r#"{{"model":"up/\"m\"","messages":[],{expect}"#);
        assert_eq!(std::str::from_utf8(&body).unwrap(), expect);
    }
    let request = parse(Endpoint::Responses, r#"{"model":"m","stream":true}"#).unwrap();
    let asked = Rewrite { model: None, ask_usage: AskUsage::Always };
    assert_eq!(request.render(&request.slots(), &asked), request.body());
    assert!(request.wants_usage());
}

#[test]
fn new_keys_never_collide() {
    let body = r#"{"model":"m","messages":[],"metadata":{"a":"1","b":"2","c":"3","X":"4"}}"#;
    let request = parse(Endpoint::ChatCompletions, body).unwrap();
    let mut slots = request.slots();
    for slot in slots.iter_mut().filter(|slot| slot.path().ends_with("~key")) {
        slot.set_text("X".into());
    }
    let body = request.render(&slots, &Rewrite::default());
    let expect = r#"{"model":"m","messages":[],"metadata":{"X_2":"1","X_3":"2","X_4":"3","X":"4"}}"#;
    assert_eq!(std::str::from_utf8(&body).unwrap(), expect);
}
