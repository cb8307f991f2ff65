//! The traffic port: every request that arrives goes through the pipeline once.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pingora_core::{
    ErrorType,
    apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream},
    protocols::http::ServerSession,
    server::ShutdownWatch,
};

use super::{Downstream, Framing, ReplyHead};
use crate::{gate::Gate, pipeline, refusal::Refusal};

/// How long a connection may stay open without a whole request head.
const HEAD_DEADLINE: Duration = Duration::from_secs(75);

/// The application that Pingora hands each request to.
pub struct Traffic {
    gate: Arc<Gate>,
    options: HttpServerOptions,
}

impl Traffic {
    /// An application over the gateway's state.
    pub fn new(gate: Arc<Gate>) -> Self {
        let mut options = HttpServerOptions::default();
        options.h2c = true;
        Self { gate, options }
    }

    /// Reads the next head; none when the connection is of no more use.
    async fn head(&self, session: &mut ServerSession, stop: &mut ShutdownWatch) -> Option<()> {
        let read = tokio::select! {
            biased;
            read = tokio::time::timeout(HEAD_DEADLINE, session.read_request()) => read.ok()?,
            _ = stop.wait_for(|stopping| *stopping) => return None,
        };
        match read {
            Ok(true) => Some(()),
            Ok(false) => None,
            // The error's text may hold bytes of the request: it is dropped unread.
            Err(fault) => {
                metrics::counter!("weir_malformed_heads_total").increment(1);
                if matches!(fault.etype(), ErrorType::InvalidHTTPHeader) {
                    malformed(session).await;
                }
                session.shutdown().await;
                None
            }
        }
    }
}

/// Answers a head that is not HTTP.
async fn malformed(session: &mut ServerSession) {
    let refusal = Refusal::invalid("the request head is not valid HTTP, or too large");
    let body = refusal.body("").to_string();
    let Ok(mut header) = pingora_http::ResponseHeader::build(400, Some(4)) else { return };
    let typed = header.insert_header(http::header::CONTENT_TYPE, "application/json");
    let sized = header.insert_header(http::header::CONTENT_LENGTH, body.len());
    session.set_keepalive(None);
    if typed.is_ok() && sized.is_ok() && session.write_response_header(Box::new(header)).await.is_ok() {
        let _gone = session.write_response_body(body.into(), true).await.is_err();
    }
}

#[async_trait]
impl HttpServerApp for Traffic {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let mut stop = shutdown.clone();
        self.head(&mut session, &mut stop).await?;
        let _running = self.gate.in_flight.enter();
        let limits = self.gate.limits();
        session.set_read_timeout(Some(limits.client_read));
        session.set_write_timeout(Some(limits.client_write));
        // A client may send its next request early: that is no reason to take it for gone.
        session.set_pipelining_enabled(true);
        if *stop.borrow() {
            session.set_keepalive(None);
        }
        let mut downstream = Downstream::new(session);
        pipeline::exchange(&self.gate, &mut downstream).await;
        downstream.finish().await
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }
}

/// Writes a refusal as the whole answer.
/// # Errors
/// [`Refusal::ClientGone`].
pub async fn refuse(downstream: &mut Downstream, head: ReplyHead, body: String) -> Result<(), Refusal> {
    let head = head.with(http::header::CONTENT_TYPE, "application/json");
    downstream.head(head, Framing::Length(body.len())).await?;
    downstream.last(body.into()).await
}
