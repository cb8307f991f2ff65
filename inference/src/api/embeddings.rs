//! `/v1/embeddings`: texts in, unit vectors out.

use super::fields::Fields;
use super::problem::Problem;
use base64::Engine as _;
use serde_json::{Value, json};

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Float,
    /// 32-bit little-endian floats.
    Base64,
}

/// A checked request.
pub(crate) struct EmbeddingRequest {
    pub texts: Vec<String>,
    pub format: Format,
}

/// OpenAI's limit on texts a request.
const MOST_TEXTS: usize = 2048;

impl EmbeddingRequest {
    /// Checks a request's fields; `width` is the model's.
    pub(crate) fn parse(fields: &Fields, width: usize) -> Result<Self, Problem> {
        let texts = texts(fields.required("input")?)?;
        let format = match fields.text("encoding_format")? {
            None | Some("float") => Format::Float,
            Some("base64") => Format::Base64,
            Some(_) => {
                return Err(Problem::invalid("encoding_format", "encoding_format must be float or base64"));
            }
        };
        if fields.get("dimensions").is_some_and(|wanted| wanted.as_u64() != Some(width as u64)) {
            let message = format!("this model's vectors have {width} dimensions and can't be shortened");
            return Err(Problem::invalid("dimensions", message));
        }
        Ok(Self { texts, format })
    }
}

fn texts(input: &Value) -> Result<Vec<String>, Problem> {
    let wrong = |message: &str| Problem::invalid("input", message);
    let texts = match input {
        Value::String(text) => vec![text.clone()],
        Value::Array(list) if list.is_empty() => return Err(wrong("input must not be empty")),
        Value::Array(list) if list.len() > MOST_TEXTS => return Err(wrong("input holds too many texts")),
        Value::Array(list) => {
            let text = |value: &Value| match value {
                Value::String(text) => Ok(text.clone()),
                Value::Number(_) | Value::Array(_) => Err(wrong(
                    "input as token numbers is not supported: this model has another vocabulary; send text",
                )),
                _ => Err(wrong("input must be a string or strings")),
            };
            list.iter().map(text).collect::<Result<_, _>>()?
        }
        _ => return Err(wrong("input must be a string or strings")),
    };
    if texts.iter().any(String::is_empty) {
        return Err(wrong("input must not hold an empty string"));
    }
    Ok(texts)
}

/// The whole answer.
pub(crate) fn whole(model: &str, format: Format, (vectors, tokens): (&[Vec<f32>], usize)) -> Value {
    let one = |(index, vector): (usize, &Vec<f32>)| {
        let embedding = match format {
            Format::Float => json!(vector),
            Format::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
                Value::String(base64::engine::general_purpose::STANDARD.encode(bytes))
            }
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    };
    let data: Vec<Value> = vectors.iter().enumerate().map(one).collect();
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    json!({"object": "list", "data": data, "model": model, "usage": usage})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, param: &str) {
        let fields = Fields::parse(body.as_bytes()).unwrap();
        let result = EmbeddingRequest::parse(&fields, 384);
        assert_eq!(result.err().and_then(|problem| problem.param).unwrap_or_default(), param, "{body}");
    }

    #[test]
    fn what_the_model_cannot_do_is_refused() {
        check(r#"{"input":"a"}"#, "");
        check(r#"{"input":["a","b"],"encoding_format":"base64","dimensions":384}"#, "");
        check(r#"{"input":[]}"#, "input");
        check(r#"{"input":""}"#, "input");
        check(r#"{"input":[1,2]}"#, "input");
        check(r#"{"input":[[1,2]]}"#, "input");
        check(r#"{"input":"a","dimensions":128}"#, "dimensions");
        check(r#"{"input":"a","encoding_format":"hex"}"#, "encoding_format");
        check("{}", "input");
    }

    #[test]
    fn base64_holds_little_endian_floats() {
        let value = whole("m", Format::Base64, (&[vec![1.0, -2.0]], 3));
        assert_eq!(value["data"][0]["embedding"], "AACAPwAAAMA=");
        assert_eq!(value["usage"]["total_tokens"], 3);
    }
}
