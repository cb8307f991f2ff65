//! Reads a reply whole, within a limit.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::{Broken, Call, Connections, Deadlines, Opened, Order, Source, open};
use crate::{refusal::Refusal, routing::Upstream};

/// Largest answer to a question of our own, in bytes.
const SMALL: usize = 4 << 20;

/// A whole reply.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Bytes,
}

/// Asks one upstream and reads its whole reply: for questions of our own, such as health checks.
///
/// # Errors
/// As [`open`], and when the reply breaks off or is too large.
pub async fn whole(
    connections: &Connections,
    upstream: &Arc<Upstream>,
    call: &Call,
) -> Result<Answer, Refusal> {
    let patience = Duration::from_secs(10);
    let deadlines = Deadlines { total: Instant::now() + patience, first_byte: patience, idle: patience };
    let order = Order { connections, candidates: std::slice::from_ref(upstream), call, deadlines };
    let Opened { status, mut source, .. } = open(&order, &mut Vec::new()).await?;
    let body = collect(&mut source, &deadlines, SMALL).await?;
    source.release(connections).await;
    Ok(Answer { status, body })
}

/// The whole body.
///
/// # Errors
/// [`Refusal::Upstream`] when it breaks off or is larger than `limit` bytes, [`Refusal::UpstreamTimeout`].
pub async fn collect(source: &mut Source, deadlines: &Deadlines, limit: usize) -> Result<Bytes, Refusal> {
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    loop {
        let chunk = match source.chunk(deadlines.for_read()).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(Broken::Cut) => return Err(Refusal::Upstream(Broken::Cut.to_string())),
            Err(Broken::Silent) => return Err(Refusal::UpstreamTimeout),
        };
        if first.len() + whole.len() + chunk.len() > limit {
            return Err(Refusal::Upstream(format!("the upstream's reply is larger than {limit} bytes")));
        }
        if first.is_empty() && whole.is_empty() {
            first = chunk;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&chunk);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}
