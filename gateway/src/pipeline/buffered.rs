//! A reply that is read whole: restored, judged, measured, and only then sent.

use bytes::Bytes;
use http::header;
use weir_audit::exchange::StreamState;
use weir_dialects::{Reply, Summary};

use super::{
    heads, objection,
    stages::Relayed,
    trail::{Ended, Trail},
};
use crate::{
    gate::Gate,
    refusal::Refusal,
    relay::collect,
    shell::{Downstream, Framing},
};

/// Reads the reply, shows it to the controls, and sends it.
///
/// # Errors
/// What the client gets instead: the upstream's fault, or a policy's no.
pub async fn answer(
    relayed: Relayed,
    gate: &Gate,
    downstream: &mut Downstream,
    trail: &mut Trail,
) -> Result<(), Refusal> {
    let Relayed { request, mut opened, mut guards, deadlines, chain } = relayed;
    let limit = gate.limits().reply_body;
    let collected = tokio::select! {
        biased;
        body = collect(&mut opened.source, &deadlines, limit) => body,
        () = downstream.gone() => Err(Refusal::ClientGone),
    };
    trail.received();
    let cpu = opened.source.cpu();
    let body = match collected {
        Ok(body) => body,
        Err(refusal) => {
            if !matches!(refusal, Refusal::ClientGone) {
                trail.stream_state(StreamState::UpstreamAbort);
            }
            trail.end(&mut guards, Some(Ended { summary: &Summary::default(), cpu }));
            return Err(refusal);
        }
    };
    trail.keep().reply(&body);
    let status = opened.status;
    let parsed = Reply::parse(request.endpoint().clone(), body);
    let Ok(reply) = parsed.map(|reply| reply.answering(request.answer())) else {
        trail.end(&mut guards, Some(Ended { summary: &Summary::default(), cpu }));
        return Err(unreadable(status, &opened));
    };
    gate.archive.memory.answered(chain.as_ref(), reply.summary());
    let mut deltas = if guards.watch_reply() { reply.deltas() } else { Vec::new() };
    let judged = deltas.iter_mut().try_for_each(|delta| guards.reply(delta));
    trail.end(&mut guards, Some(Ended { summary: reply.summary(), cpu }));
    judged?;
    if let Some(refusal) = ours(status, &opened) {
        return Err(refusal);
    }
    let body = if deltas.is_empty() { reply.into_bytes() } else { reply.render(&deltas) };
    let body = told(status, body, trail)?;
    let mut head = heads::answer(trail, &opened, status).with(header::CONTENT_TYPE, "application/json");
    heads::measured(&mut head, trail);
    trail.status(status);
    trail.returned(&body);
    opened.source.release(&gate.connections).await;
    downstream.head(head, Framing::Length(body.len())).await?;
    downstream.last(body).await
}

/// Upstream statuses that are not the client's doing: our credentials, our route, the upstream's own faults.
fn ours(status: u16, opened: &crate::relay::Opened) -> Option<Refusal> {
    match status {
        200..300 | 400 | 404 | 413 | 422 | 409 => None,
        429 => Some(Refusal::Relayed { status, retry_after: opened.retry_after() }),
        401 | 403 => Some(Refusal::Upstream("the upstream refused the gateway's own credentials".into())),
        _ => Some(Refusal::Upstream(format!("the upstream answered with status {status}"))),
    }
}

/// The body as the client gets it: an upstream's error in OpenAI's shape, a reply as it is.
fn told(status: u16, body: Bytes, trail: &Trail) -> Result<Bytes, Refusal> {
    if status < 400 {
        return Ok(body);
    }
    let refusal = Refusal::Relayed { status, retry_after: None };
    objection::pass_on(&body, refusal.trace(trail.id_text())).ok_or(refusal)
}

/// What a reply that is no JSON means to the client.
fn unreadable(status: u16, opened: &crate::relay::Opened) -> Refusal {
    ours(status, opened).unwrap_or_else(|| match status {
        400..500 => Refusal::Relayed { status, retry_after: None },
        _ => Refusal::Upstream("the upstream's reply is not the JSON of this endpoint".into()),
    })
}
