//! Errors as OpenAI's clients expect them.

use bytes::Bytes;
use serde_json::json;

/// An answer that refuses a request. Messages never repeat the request's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub status: u16,
    pub message: String,
    pub kind: &'static str,
    pub param: Option<String>,
    pub code: Option<&'static str>,
    /// Seconds until another try makes sense.
    pub retry_after: Option<u32>,
}

impl Problem {
    /// 400: the request is malformed or asks for what this server can't do.
    pub(crate) fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            message: message.into(),
            kind: "invalid_request_error",
            param: (!param.is_empty()).then(|| param.to_owned()),
            code: Some("invalid_request"),
            retry_after: None,
        }
    }

    /// 400: prompt and answer together don't fit.
    pub(crate) fn too_long(param: &str, context: usize) -> Self {
        let message = format!("the prompt is too long: this model's context has {context} tokens");
        Self { code: Some("context_length_exceeded"), ..Self::invalid(param, message) }
    }

    /// 404: no such model.
    pub(crate) fn unknown_model() -> Self {
        let message = "this server doesn't have the requested model";
        Self { status: 404, code: Some("model_not_found"), ..Self::invalid("model", message) }
    }

    /// 404: no such path.
    pub(crate) fn unknown_path() -> Self {
        Self { status: 404, code: Some("not_found"), ..Self::invalid("", "no such endpoint") }
    }

    /// 405: the path is there, the method is not.
    pub(crate) fn wrong_method() -> Self {
        let message = "this endpoint has no such method";
        Self { status: 405, code: Some("method_not_allowed"), ..Self::invalid("", message) }
    }

    /// 429: the queue is full.
    pub(crate) fn busy() -> Self {
        Self {
            status: 429,
            message: "the engine's queue is full".into(),
            kind: "rate_limit_error",
            param: None,
            code: Some("rate_limit_exceeded"),
            retry_after: Some(1),
        }
    }

    /// 500 or 503: the server's own fault.
    pub(crate) fn broken(status: u16, message: &str) -> Self {
        Self {
            status,
            message: message.into(),
            kind: "server_error",
            param: None,
            code: Some("engine_error"),
            retry_after: None,
        }
    }

    /// The JSON body.
    pub(crate) fn body(&self) -> Bytes {
        let error = json!({
            "message": self.message, "type": self.kind, "param": self.param, "code": self.code,
        });
        Bytes::from(json!({ "error": error }).to_string())
    }
}
