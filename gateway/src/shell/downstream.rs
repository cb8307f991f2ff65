//! One client's side of an exchange: write a head once, then body bytes, and notice when it leaves.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Version, header};
use pingora_core::{
    apps::{HttpPersistentSettings, ReusedHttpStream},
    protocols::http::ServerSession,
};
use pingora_http::ResponseHeader;

use crate::refusal::Refusal;

/// How long an answered client may go on sending a body that nobody reads.
const LINGER: Duration = Duration::from_secs(2);
/// How many bytes of such a body are thrown away before the connection is closed.
const LINGER_BYTES: usize = 64 << 20;

/// Status and headers of an answer.
pub struct ReplyHead {
    /// HTTP status.
    pub status: u16,
    /// Headers without framing ones.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl ReplyHead {
    /// An answer with that status and no headers yet.
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::with_capacity(16) }
    }

    /// Adds a header; a value that can't stand in a header is left out.
    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        self.add(name, value);
        self
    }

    /// Adds a header; a value that can't stand in a header is left out.
    pub fn add(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
    }
}

/// How the end of the body is told.
#[derive(Clone, Copy)]
pub enum Framing {
    /// The whole body is known: its length in bytes.
    Length(usize),
    /// A stream.
    Stream,
}

/// One client's side of an exchange.
pub struct Downstream {
    session: ServerSession,
    started: bool,
    broken: bool,
}

impl Downstream {
    /// Wraps a session whose request head was read.
    pub fn new(session: ServerSession) -> Self {
        Self { session, started: false, broken: false }
    }

    /// The session, to read the request from.
    pub fn session(&mut self) -> &mut ServerSession {
        &mut self.session
    }

    /// Whether an answer was begun: after that no other answer can be given.
    pub fn started(&self) -> bool {
        self.started
    }

    /// Writes status and headers.
    ///
    /// # Errors
    /// [`Refusal::ClientGone`] when the client can't be written to.
    pub async fn head(&mut self, head: ReplyHead, framing: Framing) -> Result<(), Refusal> {
        let header = self.framed(head, framing).ok_or(Refusal::ClientGone)?;
        self.started = true;
        let written = self.session.write_response_header(Box::new(header)).await;
        self.noted(written)
    }

    fn framed(&self, head: ReplyHead, framing: Framing) -> Option<ResponseHeader> {
        let mut header = ResponseHeader::build(head.status, Some(head.headers.len() + 4)).ok()?;
        for (name, value) in head.headers {
            header.append_header(name, value).ok()?;
        }
        match framing {
            Framing::Length(bytes) => header.insert_header(header::CONTENT_LENGTH, bytes).ok()?,
            Framing::Stream if self.session.is_http2() => {}
            // An HTTP/1.0 client reads to the end of the connection.
            Framing::Stream if self.session.req_header().version < Version::HTTP_11 => {}
            Framing::Stream => header.insert_header(header::TRANSFER_ENCODING, "chunked").ok()?,
        }
        Some(header)
    }

    /// Writes body bytes; `Framing::Stream` bodies are flushed with each call.
    ///
    /// # Errors
    /// [`Refusal::ClientGone`] when the client can't be written to in time.
    pub async fn body(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        let written = self.session.write_response_body(bytes, false).await;
        self.noted(written)
    }

    /// Writes the last body bytes.
    ///
    /// # Errors
    /// As [`Downstream::body`].
    pub async fn last(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        let written = self.session.write_response_body(bytes, true).await;
        self.noted(written)
    }

    fn noted<E>(&mut self, written: Result<(), E>) -> Result<(), Refusal> {
        written.map_err(|_| {
            self.broken = true;
            Refusal::ClientGone
        })
    }

    /// Resolves once the client has closed the connection or reset the stream. Safe to drop and call anew.
    pub async fn gone(&mut self) {
        while self.session.read_body_or_idle(true).await.is_ok() {}
        self.broken = true;
    }

    /// Breaks the connection off, so that the client can't take what it has for the whole.
    pub async fn abort(&mut self) {
        self.broken = true;
        self.session.shutdown().await;
    }

    /// Ends the exchange; gives the connection back where it may serve another.
    pub async fn finish(mut self) -> Option<ReusedHttpStream> {
        if self.broken {
            self.session.shutdown().await;
            return None;
        }
        if !self.session.is_body_done() {
            self.linger().await;
        }
        let settings = HttpPersistentSettings::for_session(&self.session);
        let stream = self.session.finish().await.ok().flatten()?;
        Some(ReusedHttpStream::from_reusable_stream(stream, settings))
    }

    /// Reads on for a while, or the client would see a reset instead of the refusal it was sent.
    async fn linger(&mut self) {
        let drained = async {
            let mut left = LINGER_BYTES;
            while let Ok(Some(bytes)) = self.session.read_request_body().await {
                left = left.saturating_sub(bytes.len());
                if left == 0 {
                    break;
                }
            }
        };
        let _elapsed = tokio::time::timeout(LINGER, drained).await.is_err();
    }
}
