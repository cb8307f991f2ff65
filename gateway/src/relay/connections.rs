//! Connections to upstreams: made, kept while idle, and used again.

use std::time::Duration;

use pingora_core::{
    Result,
    connectors::{ConnectorOptions, TransportConnector},
    protocols::http::v1::client::HttpSession,
    upstreams::peer::{HttpPeer, Peer},
};

use super::gather::Gather;

/// How long an idle connection is kept for the next exchange.
const KEEP: Duration = Duration::from_secs(60);

/// Connections to upstreams, all HTTP/1.1.
pub struct Connections(TransportConnector);

impl Connections {
    /// None yet; at most `kept` idle ones are kept.
    pub fn new(kept: usize) -> Self {
        Self(TransportConnector::new(Some(ConnectorOptions::new(kept))))
    }

    /// A connection to `peer`, and whether it served an exchange before.
    ///
    /// # Errors
    /// When none can be made.
    pub async fn get(&self, peer: &HttpPeer) -> Result<(HttpSession, bool)> {
        if let Some(stream) = self.0.reused_stream(peer).await {
            return Ok((HttpSession::new_with_options(stream, peer), true));
        }
        let stream = self.0.new_stream(peer).await?;
        Ok((HttpSession::new_with_options(Box::new(Gather::new(stream)), peer), false))
    }

    /// Keeps the connection of an exchange whose reply was read to its end, unless a side wants it closed.
    pub async fn release(&self, mut session: HttpSession, peer: &HttpPeer) {
        session.respect_keepalive();
        if let Some(stream) = session.reuse().await {
            self.0.release_stream(stream, peer.reuse_hash(), Some(KEEP));
        }
    }
}
