//! An upstream's error that the client can act on: its words, always in OpenAI's shape, beside the way to the record.

use bytes::Bytes;
use serde_json::{Map, Value, json};

/// The error as the client gets it; none when the body holds no message.
///
/// Engines differ: `{"error":{"message"}}` is OpenAI's shape, `{"error":"…"}`, `{"message":"…"}` and
/// `{"detail":"…"}` are others that are met. What else an error object holds, such as Azure's `innererror`, stays.
pub fn pass_on(body: &[u8], weir: Value) -> Option<Bytes> {
    let said: Value = serde_json::from_slice(body).ok()?;
    let told = said.get("error").unwrap_or(&said);
    let message = [Some(told), told.get("message"), told.get("detail")];
    let message = message.into_iter().flatten().find_map(Value::as_str)?;
    let mut error = match said.get("error") {
        Some(Value::Object(error)) => error.clone(),
        _ => Map::new(),
    };
    let field = |name: &str| told.get(name).cloned().unwrap_or(Value::Null);
    let kind = field("type").as_str().unwrap_or("invalid_request_error").to_owned();
    // Some engines repeat the status as a number here, where clients expect a text.
    let code = match field("code") {
        Value::Number(number) => Value::String(number.to_string()),
        code => code,
    };
    error.insert("message".to_owned(), message.into());
    error.insert("type".to_owned(), kind.into());
    error.insert("param".to_owned(), field("param"));
    error.insert("code".to_owned(), code);
    Some(json!({"error": error, "weir": weir}).to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: Option<Value>) {
        let told = pass_on(body.as_bytes(), json!({"record_id": "r"}));
        let told: Option<Value> = told.map(|bytes| serde_json::from_slice(&bytes).unwrap());
        let expect = expect.map(|error| json!({"error": error, "weir": {"record_id": "r"}}));
        assert_eq!(told, expect, "{body}");
    }

    #[test]
    fn every_engine_gets_the_one_shape() {
        let plain = json!({"message": "no", "type": "invalid_request_error", "param": null, "code": null});
        check(r#"{"error":{"message":"no"},"weir":{"record_id":"another gateway's"}}"#, Some(plain.clone()));
        check(r#"{"error":"no"}"#, Some(plain.clone()));
        check(r#"{"detail":"no"}"#, Some(plain));
        check(
            r#"{"object":"error","message":"no","type":"BadRequestError","param":"n","code":400}"#,
            Some(json!({"message": "no", "type": "BadRequestError", "param": "n", "code": "400"})),
        );
        check(
            r#"{"error":{"message":"no","type":"t","param":"p","code":"c","innererror":{"x":1}}}"#,
            Some(json!({"message": "no", "type": "t", "param": "p", "code": "c", "innererror": {"x": 1}})),
        );
        for silent in ["{}", "[]", r#"{"error":{}}"#, r#"{"detail":[{"loc":["body"]}]}"#, "<html>"] {
            check(silent, None);
        }
    }
}
