//! The error table of the interface, each row as a client meets it.
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
use weir_tests::openai;
use weir_tests::{Answer, Call, Config, Gateway, Script, Upstream, policy, scenario};

/// What must hold for every error: OpenAI's shape, a record, nothing of the request repeated.
#[track_caller]
fn check(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["error"]["code"], code, "{body}");
    assert!(body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    assert!(body["error"]["type"].is_string() && body["error"].get("param").is_some(), "{body}");
    let id = answer.header("x-request-id").expect("x-request-id on errors too");
    assert_eq!(body["weir"]["record_id"], id, "{body}");
    assert!(answer.header("content-type").unwrap().starts_with("application/json"));
    assert!(!answer.text().contains("canary"), "the error repeats the request: {body}");
}

#[test]
fn malformed_requests_are_named() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let chat = "/v1/chat/completions";
        let deep = format!(r#"{{"model":"m","messages":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let cases: Vec<(&str, Vec<u8>)> = vec![
            (chat, b"".to_vec()),
            (chat, b"{".to_vec()),
            (chat, b"[]".to_vec()),
            (chat, b"null".to_vec()),
            (chat, b"canary".to_vec()),
            (chat, br#"{"model":"m","messages":[]} canary"#.to_vec()),
            (chat, br#"{"model":"m","model":"canary","messages":[]}"#.to_vec()),
            (
                chat,
                br#"{"model":"m","messages":[{"role":"user","content":"a","content":"canary"}]}"#.to_vec(),
            ),
            (chat, b"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\xfe\"}]}".to_vec()),
            (chat, br#"{"model":"m","messages":[{"role":"user","content":"\ud800"}]}"#.to_vec()),
            (chat, b"\xef\xbb\xbf{\"model\":\"m\",\"messages\":[]}".to_vec()),
            (chat, br#"{"model":7,"messages":[]}"#.to_vec()),
            (chat, br#"{"messages":[{"role":"user","content":"canary"}]}"#.to_vec()),
            (chat, br#"{"model":"m","messages":"canary"}"#.to_vec()),
            (chat, br#"{"model":"m","messages":[],"stream":"canary"}"#.to_vec()),
            (chat, br#"{"model":"m","messages":[{"role":"user","content":NaN}]}"#.to_vec()),
            (chat, deep.into_bytes()),
            ("/v1/embeddings", br#"{"model":"m"}"#.to_vec()),
            ("/v1/responses", br#"{"model":["m"],"input":"x"}"#.to_vec()),
        ];
        for (path, body) in cases {
            let shown: String = String::from_utf8_lossy(&body).chars().take(60).collect();
            let answer = Call::bytes(path, body).key(gateway.key()).send(gateway.traffic()).await;
            assert_eq!(answer.status, 400, "{path} {shown}: {}", answer.text());
            check(&answer, 400, "invalid_request");
        }
        assert!(upstream.requests().is_empty(), "a malformed request went upstream");
        // It lives on.
        assert_eq!(gateway.chat(&openai::chat("hello")).await.status, 200);
    });
}

#[test]
fn the_path_of_a_fault_is_told() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let answer = gateway
            .chat(&json!({"model": "m", "messages": [{"role": "user", "content": "x"}, "canary"]}))
            .await;
        check(&answer, 400, "invalid_request");
        let error = &answer.json()["error"];
        let told = format!("{} {}", error["param"], error["message"]);
        assert!(told.contains("messages"), "{told}");
    });
}

#[test]
fn unknown_places_are_refused() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::default().upstream("one", upstream.address());
        let gateway = Gateway::start(config).await;
        let key = gateway.key();
        for (method, path) in [
            ("GET", "/"),
            ("POST", "/v1/unknown"),
            ("POST", "/v1/chat/completions/"),
            ("POST", "/v1/chat/completions/../embeddings"),
            ("POST", "//v1/chat/completions"),
            ("POST", "/v1/chat%2Fcompletions"),
            ("POST", "/v1/images/generations"),
            ("GET", "/v1/files"),
            ("GET", "/metrics"),
            ("GET", "/healthz"),
            ("GET", "/api/v1/records"),
        ] {
            let call = Call::new(method, path, b"{}".to_vec()).key(key);
            let answer = call.send(gateway.traffic()).await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
            check(&answer, 404, "not_found");
        }
        for (method, path) in
            [("GET", "/v1/chat/completions"), ("DELETE", "/v1/models/scripted"), ("PUT", "/v1/embeddings")]
        {
            let answer = Call::new(method, path, vec![]).key(key).send(gateway.traffic()).await;
            assert!([404, 405].contains(&answer.status), "{method} {path}: {}", answer.status);
            assert!(answer.json()["error"]["code"].is_string());
        }
        assert!(upstream.requests().is_empty());
    });
}

#[test]
fn an_unknown_model_is_refused() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let config = Config::with(&upstream).only_models(&["known-*"]);
        let gateway = Gateway::start(config).await;
        let mut body = openai::chat("hello");
        check(&gateway.chat(&body).await, 404, "model_not_found");
        body["model"] = json!("known-1");
        assert_eq!(gateway.chat(&body).await.status, 200);
        assert_eq!(upstream.requests().len(), 1);
    });
}

#[test]
fn a_body_over_the_limit_is_refused() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream).yaml("limits: {body: 100000}")).await;
        check(&gateway.chat(&openai::chat(&"a".repeat(200_000))).await, 413, "request_too_large");
        // Chunked, so that no content-length announces it.
        let chunk = format!("{:x}\r\n{}\r\n", 50_000, "a".repeat(50_000));
        let text = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
            gateway.key(),
            chunk.repeat(4),
        );
        let answer =
            weir_tests::client::raw(gateway.traffic(), text.as_bytes(), weir_tests::poll::SOON).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        assert!(answer.contains("request_too_large"), "{answer}");
        assert!(upstream.requests().is_empty());
        assert_eq!(gateway.chat(&openai::chat(&"a".repeat(90_000))).await.status, 200);
    });
}

/// What the upstream does, and what the caller sees.
#[test]
fn upstream_faults_are_told_apart() {
    scenario(async {
        let upstream = Upstream::start(|seen| match openai::asked(seen).as_str() {
            "500" => Script::json(500, &json!({"error": {"message": "canary", "type": "server_error"}})),
            "503" => Script::json(503, &json!({"error": {"message": "canary"}})),
            "401" => Script::json(401, &json!({"error": {"message": "canary", "code": "invalid_api_key"}})),
            "not json" => Script::plain(200, "application/json", "canary"),
            "html" => Script::plain(502, "text/html", "<h1>canary</h1>"),
            "close" => Script::default().then(weir_tests::Step::Close),
            "reset" => Script::default().then(weir_tests::Step::Reset),
            "garbage" => Script::default().write("canary canary\r\n\r\n").then(weir_tests::Step::Close),
            "short" => Script::default()
                .write(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"id\"",
                )
                .then(weir_tests::Step::Close),
            _ => Script::json(200, &openai::says("fine")),
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        for fault in ["500", "503", "401", "not json", "html", "close", "reset", "garbage", "short"] {
            let answer = gateway.chat(&openai::chat(fault)).await;
            assert_eq!(answer.status, 502, "{fault}: {}", answer.text());
            check(&answer, 502, "upstream_error");
        }
        assert_eq!(gateway.chat(&openai::chat("and on")).await.status, 200);
    });
}

/// A refusal by the upstream that the caller can mend is passed on with its status and code.
#[test]
fn a_callers_own_fault_is_passed_on() {
    scenario(async {
        let upstream = Upstream::start(|_| {
            let error = json!({"message": "max_tokens is too large", "type": "invalid_request_error",
                "param": "max_tokens", "code": "invalid_value"});
            Script::json(400, &json!({"error": error}))
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let answer = gateway.chat(&openai::chat("x")).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        check(&answer, 400, "invalid_value");
        assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
        assert_eq!(answer.json()["error"]["param"], "max_tokens");
    });
}

#[test]
fn policies_refuse_with_their_name() {
    scenario(async {
        let upstream = Upstream::start(|seen| {
            let text = if openai::asked(seen) == "tell" { "It is Bluebird." } else { "fine" };
            if seen.json()["stream"] == json!(true) {
                let deltas = ["It", " is Blue", "bird", "."].map(|piece| json!({"content": piece}));
                return Script::cut(&openai::stream(&deltas, openai::Escape::Raw), &[]);
            }
            Script::json(200, &openai::says(text))
        })
        .await;
        let gateway = Gateway::start(Config::with(&upstream).policy("house.yaml", policy::NO_BLUEBIRD)).await;
        let refused = gateway.chat(&openai::chat("what about BLUEBIRD?")).await;
        check(&refused, 400, "content_filter");
        let body = refused.json();
        assert_eq!(body["error"]["type"], "policy_violation");
        assert_eq!(
            (&body["weir"]["policy"], &body["weir"]["rule"]),
            (&json!("house"), &json!("no-bluebird"))
        );
        assert_eq!(body["error"]["message"], "Leave that project out.");
        assert_eq!(refused.header("x-weir-decision"), Some("blocked"));
        assert!(upstream.requests().is_empty());
        assert_eq!(gateway.chat(&openai::chat("bluebirds sing")).await.status, 200, "another word");

        check(&gateway.chat(&openai::chat("tell")).await, 400, "content_filter");
        let answer = gateway.chat(&openai::chat_stream("tell")).await;
        let events = openai::Events::of(&answer);
        assert_eq!(events.finish().as_deref(), Some("content_filter"), "{}", answer.text());
        assert!(events.done && !events.text().to_lowercase().contains("bird"), "{}", answer.text());
    });
}

/// Models are listed by what a caller may use, and found by name.
#[test]
fn models_are_listed() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let get = async |path: &str| Call::get(path).key(gateway.key()).send(gateway.traffic()).await;
        let list = get("/v1/models").await;
        assert_eq!(list.status, 200, "{}", list.text());
        assert_eq!(list.json()["object"], "list");
        let found: Vec<Value> = list.json()["data"].as_array().unwrap().clone();
        assert!(found.iter().any(|model| model["id"] == "scripted"), "{found:?}");
        assert_eq!(get("/v1/models/scripted").await.json()["id"], "scripted");
    });
}
