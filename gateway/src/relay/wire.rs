//! One attempt over the network.

use std::sync::Arc;

use pingora_core::{ErrorType, protocols::http::v1::client::HttpSession, upstreams::peer::HttpPeer};
use tokio::time::timeout_at;

use super::{Call, Connections, Deadlines};
use crate::routing::Wire;

/// Why an attempt gave no reply head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// No connection: the upstream has seen nothing.
    Connect,
    /// The connection broke after the request was begun.
    Broken,
    /// The head did not come in time.
    Late,
}

/// Sends the request and reads the reply's head.
///
/// A kept connection that the upstream closed in the meantime is replaced once by a fresh one, as long as no
/// byte of a reply was seen.
pub async fn send(
    connections: &Connections,
    wire: &Wire,
    call: &Call,
    deadlines: &Deadlines,
) -> Result<(Box<HttpSession>, Arc<HttpPeer>), Failed> {
    let peer = wire.peers.peer().await.map_err(|_| Failed::Connect)?;
    let mut stale = false;
    loop {
        let connected = timeout_at(deadlines.total, connections.get(&peer)).await;
        let (mut session, reused) = connected.map_err(|_| Failed::Late)?.map_err(|_| Failed::Connect)?;
        match timeout_at(deadlines.for_first_byte(), converse(&mut session, wire, call)).await {
            Ok(Ok(())) => return Ok((Box::new(session), peer)),
            Ok(Err(closed)) if closed && reused && !stale => stale = true,
            Ok(Err(_)) => return Err(Failed::Broken),
            Err(_) => {
                session.shutdown().await;
                return Err(Failed::Late);
            }
        }
        session.shutdown().await;
    }
}

/// Request out, head of the reply in. The error says whether the connection was found closed.
async fn converse(session: &mut HttpSession, wire: &Wire, call: &Call) -> Result<(), bool> {
    let closed = |fault: Box<pingora_core::Error>| {
        matches!(fault.etype(), ErrorType::ConnectionClosed | ErrorType::WriteError | ErrorType::ReadError)
    };
    let head = call.head(wire).ok_or(false)?;
    session.write_request_header(head).await.map_err(closed)?;
    if !call.body.is_empty() {
        session.write_body(&call.body).await.map_err(closed)?;
    }
    // Also without a body: the head is sent with what ends the request.
    session.finish_body().await.map_err(closed)?;
    loop {
        session.read_response().await.map_err(closed)?;
        match session.resp_header() {
            Some(head) if head.status.is_informational() => {}
            Some(_) => return Ok(()),
            None => return Err(false),
        }
    }
}
