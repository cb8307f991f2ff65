//! Errors in the OpenAI shape, with what Weir adds.

use serde_json::{Value, json};

/// What an error says. No field repeats matched text or a value of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorShape<'a> {
    /// For people.
    pub message: &'a str,
    /// OpenAI's error class, such as `invalid_request_error` or `policy_violation`.
    pub kind: &'a str,
    /// The request field at fault.
    pub param: Option<&'a str>,
    /// For programs, such as `content_filter`.
    pub code: &'a str,
}

/// The error object with Weir's own trace beside it: `record_id`, `policy`, `rule`.
pub fn body(error: &ErrorShape<'_>, weir: &Value) -> Value {
    let ErrorShape { message, kind, param, code } = error;
    json!({ "error": { "message": message, "type": kind, "param": param, "code": code }, "weir": weir })
}
