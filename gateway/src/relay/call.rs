//! What is sent to an upstream: path, body, and the few headers that go along.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use pingora_http::RequestHeader;

use crate::routing::Wire;

/// Request headers of a client that are sent on. Everything else stays here: credentials, cookies, hop-by-hop
/// headers, `x-weir-*`, and what would tell a vendor about the client's machine.
const FORWARDED: [&str; 4] = ["openai-beta", "idempotency-key", "traceparent", "tracestate"];

/// One request to an upstream.
pub struct Call {
    /// HTTP method.
    pub method: Method,
    /// What follows `/v1`, such as `/chat/completions`.
    pub path: String,
    /// JSON body; empty for GET.
    pub body: Bytes,
    /// Headers of the client that are sent on.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// The headers of a client that are sent on.
pub fn forwarded(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let mut kept = Vec::new();
    for name in FORWARDED {
        if let Some(value) = headers.get(name) {
            kept.push((HeaderName::from_static(name), value.clone()));
        }
    }
    kept
}

impl Call {
    /// A GET without a body.
    pub fn get(path: &str) -> Self {
        Self { method: Method::GET, path: path.to_owned(), body: Bytes::new(), headers: Vec::new() }
    }

    /// The request head for one upstream; none when the path can't stand in a request line.
    pub fn head(&self, wire: &Wire) -> Option<Box<RequestHeader>> {
        let target = wire.settings.url.target(&self.path);
        let mut head = RequestHeader::build(self.method.clone(), target.as_bytes(), Some(12)).ok()?;
        head.insert_header(header::HOST, &wire.authority).ok()?;
        for (name, value) in &self.headers {
            head.insert_header(name, value).ok()?;
        }
        if let Some((name, value)) = &wire.credential {
            head.insert_header(name, value).ok()?;
        }
        head.insert_header(header::ACCEPT, "application/json, text/event-stream").ok()?;
        // Compressed events could be neither read nor released one by one.
        head.insert_header(header::ACCEPT_ENCODING, "identity").ok()?;
        head.insert_header(header::USER_AGENT, concat!("weir/", env!("CARGO_PKG_VERSION"))).ok()?;
        if self.method != Method::GET {
            head.insert_header(header::CONTENT_TYPE, "application/json").ok()?;
            head.insert_header(header::CONTENT_LENGTH, self.body.len()).ok()?;
        }
        Some(Box::new(head))
    }
}
