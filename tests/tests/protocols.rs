//! HTTP/2 and TLS, towards callers and towards upstreams. Speaks through curl, a client of another make.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    reason = "test code: a scenario reads best in one piece"
)]

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use tokio::process::Command;
use weir_tests::{Config, Gateway, Upstream, openai, scenario};

struct Said {
    version: String,
    status: String,
    body: String,
}

/// POSTs a chat request with curl.
async fn curl(gateway: &Gateway, options: &[&str], body: &Value) -> Said {
    let scheme = if options.contains(&"--cacert") { "https" } else { "http" };
    let file = gateway.dir().join(format!("body-{}", body.to_string().len()));
    std::fs::write(&file, body.to_string()).unwrap();
    let port = gateway.traffic().port();
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--write-out",
            "\n%{http_version} %{http_code}",
        ])
        .args(["--resolve", &format!("localhost:{port}:127.0.0.1")])
        .args(["--header", &format!("authorization: Bearer {}", gateway.key())])
        .args(["--header", "content-type: application/json"])
        .args(["--data-binary", &format!("@{}", file.display())])
        .args(options)
        .arg(format!("{scheme}://localhost:{port}/v1/chat/completions"))
        .output()
        .await
        .expect("curl is installed");
    let said = String::from_utf8(output.stdout).unwrap();
    let (body, last) = said.rsplit_once('\n').unwrap();
    let (version, status) = last.split_once(' ').unwrap();
    assert!(output.status.success(), "curl {options:?}: {}", String::from_utf8_lossy(&output.stderr));
    Said { version: version.to_owned(), status: status.to_owned(), body: body.to_owned() }
}

/// Whole, streamed, large and refused, over one protocol.
async fn check(gateway: &Gateway, options: &[&str], version: &str) {
    let whole = curl(gateway, options, &openai::chat("hello")).await;
    assert_eq!((whole.version.as_str(), whole.status.as_str()), (version, "200"), "{}", whole.body);
    assert!(whole.body.contains("hello"), "{}", whole.body);
    let streamed = curl(gateway, options, &openai::chat_stream("hello, stream")).await;
    assert_eq!(streamed.status, "200");
    assert!(streamed.body.trim_end().ends_with("data: [DONE]"), "{}", streamed.body);
    let text = "weir ".repeat(1024 * 200);
    let large = curl(gateway, options, &openai::chat(&text)).await;
    let large: Value = serde_json::from_str(&large.body).unwrap();
    assert_eq!(large["choices"][0]["message"]["content"], text.as_str());
    let refused = curl(gateway, options, &Value::Null).await;
    assert_eq!(refused.status, "400", "{}", refused.body);
    let again = curl(gateway, options, &openai::chat("again")).await;
    assert_eq!(again.status, "200");
}

#[test]
fn http2_without_tls() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let gateway = Gateway::start(Config::with(&upstream)).await;
        check(&gateway, &["--http2-prior-knowledge"], "2").await;
        check(&gateway, &["--http1.1"], "1.1").await;
    });
}

fn certificate() -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    (cert.pem(), signing_key.serialize_pem())
}

#[test]
fn tls_on_the_traffic_port() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let (cert, key) = certificate();
        let gateway = Gateway::start(Config::with(&upstream).tls(&cert, &key)).await;
        let trusted = gateway.dir().join("cert.pem").display().to_string();
        check(&gateway, &["--http2", "--cacert", &trusted], "2").await;
        check(&gateway, &["--http1.1", "--cacert", &trusted], "1.1").await;
    });
}

/// A gateway with TLS as the upstream of another one, which must be told to trust it.
#[test]
fn tls_towards_upstreams() {
    scenario(async {
        let upstream = Upstream::start(openai::echo).await;
        let (cert, key) = certificate();
        let inner = Gateway::start(Config::with(&upstream).tls(&cert, &key)).await;
        let url = format!("url: \"https://127.0.0.1:{}/v1\"", inner.traffic().port());
        std::fs::write(inner.dir().join("inner-key"), inner.key()).unwrap();
        let credentials = format!("api_key: {{file: \"{}\"}}", inner.dir().join("inner-key").display());
        let trusting =
            format!("{url}, {credentials}, health: off, tls: {{ca: ca.pem, server_name: localhost}}");
        let outer =
            Gateway::start(Config::default().upstream_yaml("inner", &trusting).file("ca.pem", &cert)).await;
        let answer = outer.chat(&openai::chat("hello")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["choices"][0]["message"]["content"], "hello");
        let streamed = outer.chat(&openai::chat_stream("hello, stream")).await;
        assert_eq!(openai::Events::of(&streamed).text(), "hello, stream");
        let doubting = format!("{url}, {credentials}, health: off, tls: {{server_name: localhost}}");
        let outer = Gateway::start(Config::default().upstream_yaml("inner", &doubting)).await;
        let answer = outer.chat(&openai::chat("hello")).await;
        assert_eq!(
            (answer.status, answer.code().as_deref()),
            (502, Some("upstream_error")),
            "{}",
            answer.text()
        );
        assert_eq!(upstream.requests().len(), 2);
    });
}
