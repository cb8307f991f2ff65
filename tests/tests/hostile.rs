//! Input no honest client sends: smuggling, huge heads, compressed bodies, half requests. Nothing crashes,
//! nothing of it reaches an upstream unseen.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use std::time::Duration;

use serde_json::json;
use weir_tests::client::raw;
use weir_tests::openai;
use weir_tests::{Call, Config, Gateway, Upstream, policy, poll, scenario};

/// Sends raw bytes and returns the statuses of all answers on the connection.
async fn statuses(gateway: &Gateway, text: &str) -> Vec<u16> {
    // A connection left half-open by the attack is cut by the short limit.
    let answer = raw(gateway.traffic(), text.as_bytes(), Duration::from_secs(3)).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let starts = answer.match_indices("HTTP/1.1 ").map(|(at, _)| answer[at + 9..].get(..3).unwrap_or("0"));
    starts.map(|code| code.parse().unwrap_or(0)).collect()
}

/// Requests whose length can be read in two ways.
#[test]
fn smuggling_is_refused() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let key = gateway.key().to_owned();
        let hidden = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
        );
        let body = openai::chat("smuggled").to_string();
        let length = body.len();
        let chunked = format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
        let attacks = [
            (
                "CL and TE",
                format!(
                    "{head}content-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n{chunked}{hidden}"
                ),
            ),
            (
                "TE and CL",
                format!("{head}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n{chunked}{hidden}"),
            ),
            (
                "two lengths",
                format!("{head}content-length: {length}\r\ncontent-length: 0\r\n\r\n{body}{hidden}"),
            ),
            ("a list of lengths", format!("{head}content-length: {length}, 0\r\n\r\n{body}{hidden}")),
            ("a signed length", format!("{head}content-length: +{length}\r\n\r\n{body}{hidden}")),
            (
                "TE twice",
                format!(
                    "{head}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n{chunked}{hidden}"
                ),
            ),
            (
                "TE with a tab",
                format!("{head}transfer-encoding:\tchunked, identity\r\n\r\n{chunked}{hidden}"),
            ),
            ("space before the colon", format!("{head}content-length : {length}\r\n\r\n{body}{hidden}")),
            (
                "a folded header",
                format!(
                    "{head}x-a: b\r\n content-length: 0\r\ncontent-length: {length}\r\n\r\n{body}{hidden}"
                ),
            ),
            (
                "a bad chunk size",
                format!(
                    "{head}transfer-encoding: chunked\r\n\r\n0x{length:x}\r\n{body}\r\n0\r\n\r\n{hidden}"
                ),
            ),
            (
                "a negative chunk size",
                format!("{head}transfer-encoding: chunked\r\n\r\n-1\r\n{body}\r\n0\r\n\r\n{hidden}"),
            ),
        ];
        for (name, attack) in &attacks {
            let before = upstream.requests().len();
            let answers = statuses(&gateway, attack).await;
            let passed = upstream.requests().len() - before;
            // Either refused at once, or read in the one way RFC 9112 allows and the connection closed: the
            // hidden request, which has no key, must not be answered as a request of its own.
            assert!(answers.len() <= 1, "{name}: the hidden request was answered: {answers:?}");
            assert!(passed <= 1, "{name}: {passed} requests went upstream");
            assert!(
                answers.iter().all(|status| *status == 400 || (*status == 200 && passed == 1)),
                "{name}: {answers:?}"
            );
        }
        assert_eq!(gateway.chat(&openai::chat("hello")).await.status, 200, "it lives on");
    });
}

#[test]
fn heads_are_bounded() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let body = openai::chat("x");
        let call = || Call::post("/v1/chat/completions", &body).key(gateway.key());
        let huge = call().header("x-huge", &"a".repeat(4 << 20)).raw(gateway.traffic()).await;
        assert!(huge.is_none_or(|status| (400..500).contains(&status)), "{huge:?}");
        let mut many = call();
        for at in 0..10_000 {
            many = many.header(&format!("x-{at}"), "1");
        }
        let many = many.raw(gateway.traffic()).await;
        assert!(many.is_none_or(|status| (400..500).contains(&status)), "{many:?}");
        let path = Call::post(&format!("/v1/{}", "a".repeat(1 << 20)), &body).key(gateway.key());
        let path = path.raw(gateway.traffic()).await;
        assert!(path.is_none_or(|status| (400..500).contains(&status)), "{path:?}");
        assert!(upstream.requests().is_empty());
        assert_eq!(call().send(gateway.traffic()).await.status, 200, "it lives on");
    });
}

/// A compressed body would pass the controls unread.
#[test]
fn encoded_bodies_are_refused() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        for encoding in ["gzip", "br", "zstd", "deflate", "gzip, identity"] {
            let body = [&[0x1f, 0x8b, 8, 0][..], &[0; 60]].concat();
            let call = Call::bytes("/v1/chat/completions", body).key(gateway.key());
            let answer = call.header("content-encoding", encoding).send(gateway.traffic()).await;
            assert!([400, 415].contains(&answer.status), "{encoding}: {}", answer.status);
            assert_eq!(answer.code().as_deref(), Some("invalid_request"), "{encoding}");
        }
        assert!(upstream.requests().is_empty());
        let plain = Call::post("/v1/chat/completions", &openai::chat("x")).key(gateway.key());
        let answer = plain.header("content-encoding", "identity").send(gateway.traffic()).await;
        assert_eq!(answer.status, 200);
    });
}

#[test]
fn half_requests_and_noise_do_no_harm() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let key = gateway.key().to_owned();
        let noise = [
            String::new(),
            "\r\n\r\n\r\n".to_owned(),
            "GET".to_owned(),
            "\0\0\0\0".to_owned(),
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0".to_owned(),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnoise that is no frame at all".to_owned(),
            "POST /v1/chat/completions HTTP/9.9\r\n\r\n".to_owned(),
            "POST http://elsewhere.test/v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}".to_owned(),
            "CONNECT elsewhere.test:443 HTTP/1.1\r\nhost: elsewhere.test:443\r\n\r\n".to_owned(),
            "GET /v1/models HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n".to_owned(),
            format!("POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: 500\r\n\r\n{{\"mo"),
            format!("GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nx: \u{1}\r\n\r\n"),
        ];
        for attempt in &noise {
            let answers = statuses(&gateway, attempt).await;
            let shown: String = attempt.chars().take(40).collect();
            assert!(
                answers.iter().all(|status| (400..600).contains(status) || *status == 101),
                "{shown:?}: {answers:?}"
            );
            assert!(!answers.contains(&101), "{shown:?}: upgraded");
        }
        assert!(upstream.requests().is_empty());
        assert_eq!(gateway.chat(&openai::chat("hello")).await.status, 200, "it lives on");
    });
}

/// Bodies that cost much to read: the answer is a refusal or a success, in time, and the gateway lives on.
#[test]
fn costly_bodies_end_in_time() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        let many: Vec<_> =
            (0..100_000).map(|at| json!({"role": "user", "content": at.to_string()})).collect();
        let nested = (0..200)
            .fold("x".to_owned(), |inner, _| json!({"a": inner}).to_string().chars().take(200_000).collect());
        let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": nested}});
        let bodies = [
            json!({"model": "m", "messages": many}),
            json!({"model": "m", "messages": [{"role": "assistant", "tool_calls": [call]}]}),
            openai::chat(&"\u{27e6}".repeat(100_000)),
            openai::chat(&"\\".repeat(500_000)),
            openai::chat(&"1 ".repeat(400_000)),
            openai::chat(&"a@".repeat(400_000)),
        ];
        for (at, body) in bodies.iter().enumerate() {
            let call = Call::post("/v1/chat/completions", body).key(gateway.key());
            let answer = tokio::time::timeout(poll::SOON, call.send(gateway.traffic())).await;
            let status = answer.unwrap_or_else(|_| panic!("body {at} takes too long")).status;
            assert!([200, 400, 413].contains(&status), "body {at}: {status}");
        }
        assert_eq!(gateway.chat(&openai::chat("hello")).await.status, 200, "it lives on");
    });
}

/// What comes from an upstream is no more trusted.
#[test]
fn hostile_upstreams_do_no_harm() {
    use weir_tests::{Script, Step};
    scenario(async {
        let upstream = Upstream::start(|seen| {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
            let deep = format!("data: {}1{}\n\n", "[".repeat(50_000), "]".repeat(50_000));
            match openai::asked(seen).as_str() {
                "huge event" => {
                    Script::stream().chunk("data: ").then(Step::Flood(frame(&[b'a'; 65_536]), 4096))
                }
                "deep event" => Script::cut(&deep, &[]),
                "no json" => Script::cut("data: {\"choices\": [\n\ndata: [DONE]\n\n", &[]),
                "huge head" => {
                    Script::default().write(head).then(Step::Flood(b"x-a: b\r\n".repeat(1000), 1000))
                }
                "both lengths" => Script::default()
                    .write(format!("{head}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"))
                    .then(Step::Close),
                "gzip" => Script::default()
                    .write(format!("{head}content-encoding: gzip\r\ncontent-length: 4\r\n\r\n"))
                    .write([0x1f, 0x8b, 8, 0]),
                _ => openai::echo(seen),
            }
        })
        .await;
        // With a control that watches replies, so that every event is read.
        let gateway = Gateway::start(Config::with(&upstream).policy("house.yaml", policy::NO_BLUEBIRD)).await;
        let before = gateway.resident();
        for kind in ["huge event", "deep event", "no json", "huge head", "both lengths", "gzip"] {
            let answer = gateway.chat(&openai::chat_stream(kind)).await;
            let text = answer.text();
            let told = answer.status == 502
                || (answer.status == 200 && text.contains("\"error\"") && !text.contains("[DONE]"));
            assert!(told, "{kind}: {} {}", answer.status, text.chars().take(200).collect::<String>());
        }
        let grown = gateway.resident().saturating_sub(before) >> 20;
        println!("memory after hostile upstreams: {grown} MiB more");
        assert!(grown < 64, "{grown} MiB");
        assert_eq!(gateway.chat(&openai::chat("hello")).await.status, 200, "it lives on");
    });
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
