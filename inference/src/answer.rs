//! What the service gives back, for whichever HTTP server carries it.

use crate::api::problem::Problem;
use crate::meter::Meter;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use tokio::sync::mpsc::Receiver;

/// An HTTP answer. Dropping it, or its receiver, frees the request's place in the engine
/// within one step.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, `content-type` among them.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// CPU time of this request; final once the body has ended.
    pub meter: Meter,
}

/// A body that is there, or one that is still being written.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Full(Bytes),
    /// Server-sent events, one or more whole events a piece.
    Stream(Receiver<Bytes>),
}

impl Answer {
    pub(crate) fn json(value: &serde_json::Value, meter: Meter) -> Self {
        let body = Body::Full(Bytes::from(value.to_string()));
        Self { status: 200, headers: content_type("application/json"), body, meter }
    }

    pub(crate) fn stream(events: Receiver<Bytes>, meter: Meter) -> Self {
        let mut headers = content_type("text/event-stream");
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Self { status: 200, headers, body: Body::Stream(events), meter }
    }

    pub(crate) fn text(text: String) -> Self {
        let headers = content_type("text/plain; version=0.0.4");
        Self { status: 200, headers, body: Body::Full(text.into()), meter: Meter::default() }
    }

    pub(crate) fn problem(problem: &Problem, meter: Meter) -> Self {
        let mut headers = content_type("application/json");
        if let Some(seconds) = problem.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        Self { status: problem.status, headers, body: Body::Full(problem.body()), meter }
    }
}

fn content_type(name: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(name))])
}
