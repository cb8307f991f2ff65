//! Where reply bytes come from: a connection, or the engine in this process.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use pingora_core::{protocols::http::v1::client::HttpSession, upstreams::peer::HttpPeer};
use tokio::time::{Instant, timeout_at};
use weir_inference::{Body, Meter};

use super::Connections;

/// How long a finished reply's connection is waited for to become free.
const TAIL: Duration = Duration::from_millis(50);

/// The reply ended before it was whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The connection broke.
    #[error("the upstream broke the reply off")]
    Cut,
    /// Nothing came in time.
    #[error("the upstream fell silent")]
    Silent,
}

/// Where reply bytes come from. Dropping it frees the upstream at once.
pub enum Source {
    /// A connection.
    Wire(Box<HttpSession>, Arc<HttpPeer>),
    /// The engine in this process.
    Embedded(Option<Body>, Meter),
}

impl Source {
    /// The next bytes; none at the end. Safe to drop and call anew.
    ///
    /// # Errors
    /// [`Broken`], after which nothing more comes.
    pub async fn chunk(&mut self, until: Instant) -> Result<Option<Bytes>, Broken> {
        // A source that always has more would never let the clock be looked at.
        if Instant::now() >= until {
            return Err(Broken::Silent);
        }
        match self {
            Self::Wire(session, _) => match timeout_at(until, session.read_body_bytes()).await {
                Ok(Ok(bytes)) => Ok(bytes),
                Ok(Err(_)) => Err(Broken::Cut),
                Err(_) => Err(Broken::Silent),
            },
            Self::Embedded(body, _) => match body {
                None => Ok(None),
                Some(Body::Full(_)) => match body.take() {
                    Some(Body::Full(bytes)) => Ok(Some(bytes)),
                    _ => Ok(None),
                },
                Some(Body::Stream(receiver)) => {
                    timeout_at(until, receiver.recv()).await.map_err(|_| Broken::Silent)
                }
            },
        }
    }

    /// CPU time the engine in this process spent on it so far.
    pub fn cpu(&self) -> Option<Duration> {
        match self {
            Self::Wire(..) => None,
            Self::Embedded(_, meter) => Some(meter.cpu()),
        }
    }

    /// Gives the connection back once the reply was read to its end; closes it otherwise.
    pub async fn release(self, connections: &Connections) {
        let Self::Wire(mut session, peer) = self else { return };
        // After `[DONE]` only the end of the chunked framing is left to read.
        let ended = tokio::time::timeout(TAIL, async {
            while !session.is_body_done() {
                match session.read_body_bytes().await {
                    Ok(Some(bytes)) if bytes.is_empty() => {}
                    Ok(None) => return true,
                    _ => return false,
                }
            }
            true
        });
        if matches!(ended.await, Ok(true)) {
            connections.release(*session, &peer).await;
        } else {
            session.shutdown().await;
        }
    }

    /// Closes the connection, so that the upstream stops working.
    pub async fn abort(self) {
        if let Self::Wire(mut session, _) = self {
            session.shutdown().await;
        }
    }
}
