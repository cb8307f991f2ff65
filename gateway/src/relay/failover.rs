//! Tries upstreams in order until one answers; never after a byte of a reply went to the client.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, header};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Call, Connections, Deadlines, Source,
    wire::{self, Failed},
};
use crate::{
    refusal::Refusal,
    routing::{Engine, Upstream},
};

/// What to send, where, and for how long.
pub struct Order<'a> {
    /// Connections.
    pub connections: &'a Connections,
    /// Upstreams in the order they are tried.
    pub candidates: &'a [Arc<Upstream>],
    /// The request.
    pub call: &'a Call,
    /// Clocks.
    pub deadlines: Deadlines,
}

/// A reply whose head has arrived.
pub struct Opened {
    /// Who answers.
    pub upstream: Arc<Upstream>,
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub source: Source,
    _place: OwnedSemaphorePermit,
}

/// One upstream that was tried, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its name.
    pub upstream: String,
    /// What came of it: `ok`, `status N`, `connect`, `broken`, `late` or `busy`.
    pub result: String,
}

enum Miss {
    Busy,
    Connect,
    /// The upstream may have worked on it: it is not sent again.
    Broken,
    Late,
    /// It asked to go elsewhere, before any reply went out.
    Elsewhere(Box<Opened>),
}

/// The first reply that is not a wish to be left alone (429, 503), or the last such.
///
/// # Errors
/// [`Refusal::Busy`], [`Refusal::Upstream`] or [`Refusal::UpstreamTimeout`] when no upstream gave a reply.
pub async fn open(order: &Order<'_>, attempts: &mut Vec<Attempt>) -> Result<Opened, Refusal> {
    let mut last = None;
    for upstream in order.candidates {
        let note = |result: &str| Attempt { upstream: upstream.name().to_owned(), result: result.to_owned() };
        match attempt(order, upstream).await {
            Ok(opened) => {
                upstream.standing.answered();
                attempts.push(note(&result_of(opened.status)));
                return Ok(opened);
            }
            Err(Miss::Elsewhere(opened)) => {
                attempts.push(note(&result_of(opened.status)));
                last = Some(Miss::Elsewhere(opened));
            }
            Err(Miss::Busy) => {
                attempts.push(note("busy"));
                last.get_or_insert(Miss::Busy);
            }
            Err(Miss::Connect) => {
                upstream.standing.failed();
                attempts.push(note("connect"));
                if !matches!(last, Some(Miss::Elsewhere(_))) {
                    last = Some(Miss::Connect);
                }
            }
            Err(Miss::Broken) => {
                upstream.standing.failed();
                attempts.push(note("broken"));
                return Err(Refusal::Upstream(
                    "the upstream broke the connection off before it answered".into(),
                ));
            }
            Err(Miss::Late) => {
                upstream.standing.failed();
                attempts.push(note("late"));
                return Err(Refusal::UpstreamTimeout);
            }
        }
    }
    match last {
        Some(Miss::Elsewhere(opened)) => Ok(*opened),
        Some(Miss::Busy) => Err(Refusal::Busy { retry_after: Duration::from_secs(1) }),
        _ => Err(Refusal::Upstream("no upstream for this model can be reached; try again later".into())),
    }
}

fn result_of(status: u16) -> String {
    if status < 400 { "ok".to_owned() } else { format!("status {status}") }
}

async fn attempt(order: &Order<'_>, upstream: &Arc<Upstream>) -> Result<Opened, Miss> {
    let place = upstream.place().await.ok_or(Miss::Busy)?;
    let (status, headers, source) = match &upstream.engine {
        Engine::Wire(wire) => {
            let sent = wire::send(order.connections, wire, order.call, &order.deadlines).await;
            let (session, peer) = sent.map_err(|failed| match failed {
                Failed::Connect => Miss::Connect,
                Failed::Broken => Miss::Broken,
                Failed::Late => Miss::Late,
            })?;
            let head = session.resp_header().ok_or(Miss::Broken)?;
            (head.status.as_u16(), head.headers.clone(), Source::Wire(session, peer))
        }
        Engine::Embedded(service) => {
            let path = format!("/v1{}", order.call.path);
            let handled = service.handle(&path, order.call.body.clone());
            let until = order.deadlines.for_first_byte();
            let answer = tokio::time::timeout_at(until, handled).await.map_err(|_| Miss::Late)?;
            (answer.status, answer.headers, Source::Embedded(Some(answer.body), answer.meter))
        }
    };
    let opened = Opened { upstream: upstream.clone(), status, headers, source, _place: place };
    if wants_elsewhere(status, &opened.headers) { Err(Miss::Elsewhere(Box::new(opened))) } else { Ok(opened) }
}

/// 503, and 429 unless the upstream says that a retry is useless (`x-should-retry: false`).
fn wants_elsewhere(status: u16, headers: &HeaderMap) -> bool {
    let useless = headers.get("x-should-retry").is_some_and(|value| value.as_bytes() == b"false");
    status == 503 || (status == 429 && !useless)
}

impl Opened {
    /// Whether the body is a stream of events.
    pub fn is_stream(&self) -> bool {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        kind.is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"))
    }

    /// `retry-after` in seconds, if the upstream gave it so.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?;
        value.trim().parse().ok().map(Duration::from_secs)
    }
}
