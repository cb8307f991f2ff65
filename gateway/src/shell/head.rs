//! The request head: what is refused before a byte of the body is read.

use http::{HeaderMap, Method, header};
use pingora_core::protocols::http::ServerSession;

use crate::refusal::Refusal;

/// What the pipeline needs of a request head, taken out of the session.
pub struct Head {
    /// HTTP method.
    pub method: Method,
    /// Path without the query.
    pub path: String,
    /// All headers.
    pub headers: HeaderMap,
    /// Declared body length in bytes.
    pub length: Option<u64>,
}

impl Head {
    /// Takes the head of a session whose request was read.
    pub fn of(session: &ServerSession) -> Self {
        let request = session.req_header();
        let length = request.headers.get(header::CONTENT_LENGTH);
        Self {
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            headers: request.headers.clone(),
            length: length.and_then(|value| value.to_str().ok()?.trim().parse().ok()),
        }
    }

    /// One header as text; none when absent, doubled or not visible ASCII.
    pub fn text(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() {
            return None;
        }
        first.to_str().ok()
    }

    /// Refuses heads whose framing two parties could read differently, and those that are too large.
    ///
    /// RFC 9112, section 6.1: a request with both Transfer-Encoding and Content-Length may be an attempt at
    /// request smuggling. Pingora drops Content-Length in that case; a gateway that others trust refuses.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] or [`Refusal::HeadTooLarge`].
    pub fn check(session: &ServerSession, limit: usize) -> Result<(), Refusal> {
        let request = session.req_header();
        if let Some(session) = session.as_http1() {
            let raw = session.get_headers_raw_bytes();
            if raw.len() > limit {
                return Err(Refusal::HeadTooLarge { limit });
            }
            if request.headers.contains_key(header::TRANSFER_ENCODING) {
                chunked_alone(&request.headers, &raw)?;
            }
        } else if size(&request.headers) > limit {
            return Err(Refusal::HeadTooLarge { limit });
        }
        if request.headers.get_all(header::HOST).iter().count() > 1 {
            return Err(named("host", "send one Host header"));
        }
        match request.headers.get(header::CONTENT_ENCODING) {
            None => Ok(()),
            Some(coding) if coding.as_bytes().eq_ignore_ascii_case(b"identity") => Ok(()),
            Some(_) => Err(named("content-encoding", "send the body without content-encoding")),
        }
    }
}

fn named(param: &str, reason: &str) -> Refusal {
    Refusal::Invalid { param: Some(param.to_owned()), reason: reason.to_owned() }
}

fn chunked_alone(headers: &HeaderMap, raw: &[u8]) -> Result<(), Refusal> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let plain = codings.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"));
    if !plain || codings.next().is_some() {
        return Err(named("transfer-encoding", "only `chunked` is accepted"));
    }
    let length = raw.split(|byte| *byte == b'\n').any(|line| {
        line.split(|byte| *byte == b':')
            .next()
            .is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(b"content-length"))
    });
    if length {
        return Err(named("content-length", "send either Content-Length or Transfer-Encoding, not both"));
    }
    Ok(())
}

/// Size as HPACK counts it: names and values and 32 bytes a field (RFC 7541, section 4.1).
fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(encodings: &[&str], raw: &str) -> bool {
        let mut headers = HeaderMap::new();
        for value in encodings {
            headers.append(header::TRANSFER_ENCODING, value.parse().unwrap());
        }
        chunked_alone(&headers, raw.as_bytes()).is_ok()
    }

    #[test]
    fn two_ways_to_frame_a_body_are_refused() {
        assert!(check(&["chunked"], "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"));
        assert!(check(&["Chunked"], "POST / HTTP/1.1\r\n\r\n"));
        assert!(!check(&["chunked"], "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n"));
        assert!(!check(&["chunked"], "POST / HTTP/1.1\ncontent-length : 3\n\n"));
        assert!(!check(&["gzip, chunked"], "POST / HTTP/1.1\r\n\r\n"));
        assert!(!check(&["chunked", "chunked"], "POST / HTTP/1.1\r\n\r\n"));
        assert!(!check(&["xchunked"], "POST / HTTP/1.1\r\n\r\n"));
    }
}
