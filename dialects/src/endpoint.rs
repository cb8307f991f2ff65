//! The routes Weir knows. Anything else is refused, never passed through unseen.

use http::Method;
use thiserror::Error;

/// An endpoint of the OpenAI API.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/responses`
    Responses,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/{id}`, with the id percent-decoded; it may contain slashes.
    Model(String),
}

/// Why a request has no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RouteError {
    /// No endpoint has this path.
    #[error("no such endpoint")]
    NotFound,
    /// The endpoint exists, but not for this method.
    #[error("method not allowed for this endpoint")]
    MethodNotAllowed,
}

impl Endpoint {
    /// The endpoint of a method and a path (without query).
    ///
    /// # Errors
    /// When there is none.
    pub fn of(method: &Method, path: &str) -> Result<Self, RouteError> {
        let endpoint = match path {
            "/v1/chat/completions" => Self::ChatCompletions,
            "/v1/completions" => Self::Completions,
            "/v1/responses" => Self::Responses,
            "/v1/embeddings" => Self::Embeddings,
            "/v1/models" => Self::Models,
            _ => {
                Self::Model(path.strip_prefix("/v1/models/").and_then(model_id).ok_or(RouteError::NotFound)?)
            }
        };
        if method == endpoint.method() { Ok(endpoint) } else { Err(RouteError::MethodNotAllowed) }
    }

    /// The one method the endpoint answers.
    pub fn method(&self) -> Method {
        match self {
            Self::Models | Self::Model(_) => Method::GET,
            _ => Method::POST,
        }
    }

    /// Short name for settings, scopes, metrics and records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Models | Self::Model(_) => "models",
        }
    }

    /// Path of the endpoint at an upstream.
    pub fn path(&self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Responses => "/v1/responses",
            Self::Embeddings => "/v1/embeddings",
            Self::Models | Self::Model(_) => "/v1/models",
        }
    }
}

/// Decodes `%xx` (RFC 3986, section 2.1); nothing for empty, malformed or control characters.
fn model_id(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    let id = String::from_utf8(bytes).ok()?;
    (!id.is_empty() && !id.chars().any(char::is_control)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_routes_and_no_others() {
        let check = |method: &str, path: &str, expect: Result<Endpoint, RouteError>| {
            assert_eq!(Endpoint::of(&method.parse().unwrap(), path), expect, "{method} {path}");
        };
        check("POST", "/v1/chat/completions", Ok(Endpoint::ChatCompletions));
        check("POST", "/v1/completions", Ok(Endpoint::Completions));
        check("POST", "/v1/responses", Ok(Endpoint::Responses));
        check("POST", "/v1/embeddings", Ok(Endpoint::Embeddings));
        check("GET", "/v1/models", Ok(Endpoint::Models));
        check("GET", "/v1/models/org%2Fname-1/x", Ok(Endpoint::Model("org/name-1/x".into())));
        check("GET", "/v1/chat/completions", Err(RouteError::MethodNotAllowed));
        check("DELETE", "/v1/models/x", Err(RouteError::MethodNotAllowed));
        for path in ["/", "/v1", "/v1/models/", "/v1/models/%zz", "/v1/models/%0a", "/v1/files", "/V1/models"]
        {
            check("GET", path, Err(RouteError::NotFound));
        }
        check("POST", "/v1/chat/completions/", Err(RouteError::NotFound));
        check("POST", "//v1/chat/completions", Err(RouteError::NotFound));
    }
}
