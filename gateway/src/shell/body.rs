//! Reads a request body whole, within its limit.

use bytes::{Bytes, BytesMut};
use http::header;
use pingora_core::ErrorType;

use super::{Downstream, Head};
use crate::refusal::Refusal;

/// Reads the body, at most `limit` bytes of it. Each read has the session's own time-out.
///
/// # Errors
/// [`Refusal::TooLarge`] before anything is read where the declared length says so; [`Refusal::ClientTimeout`];
/// [`Refusal::ClientGone`].
pub async fn read_body(downstream: &mut Downstream, head: &Head, limit: usize) -> Result<Bytes, Refusal> {
    let over = || Refusal::TooLarge { limit: limit as u64 };
    if head.length.is_some_and(|length| length > limit as u64) {
        return Err(over());
    }
    let session = downstream.session();
    if head.headers.contains_key(header::EXPECT) {
        session.write_continue_response().await.map_err(|_| Refusal::ClientGone)?;
    }
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(bytes) = session.read_request_body().await.map_err(|fault| lost(&fault))? {
        if first.len() + whole.len() + bytes.len() > limit {
            return Err(over());
        }
        // The common body arrives in one read and is never copied.
        if first.is_empty() && whole.is_empty() {
            first = bytes;
            continue;
        }
        if whole.is_empty() {
            let known = head.length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
            whole.reserve(known.max(first.len() + bytes.len()));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&bytes);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

fn lost(fault: &pingora_core::Error) -> Refusal {
    match fault.etype() {
        ErrorType::ReadTimedout => Refusal::ClientTimeout,
        ErrorType::InvalidHTTPHeader => Refusal::invalid("the chunked framing of the body is broken"),
        _ => Refusal::ClientGone,
    }
}
