//! A reply that is a stream: every event is judged and restored as it passes.

use bytes::Bytes;
use http::header;
use serde_json::{Value, json};
use weir_audit::exchange::StreamState;
use weir_dialects::{Cut, Inspect, StreamOptions, StreamReply};
use weir_policies::Delta;

use super::{
    Guards, heads,
    stages::Relayed,
    trail::{Ended, Trail},
};
use crate::{
    gate::Gate,
    refusal::Refusal,
    relay::{Broken, Source},
    shell::{Downstream, Framing},
};

/// How the relaying of a stream ended.
enum Ending {
    /// The upstream said all it had to say.
    Whole,
    /// A control refused what came.
    Denied(Refusal),
    /// The upstream broke off, fell silent, or sent what can't be read.
    Broken(Refusal),
    /// The client left.
    Gone,
}

/// One stream on its way.
struct Flow<'a> {
    reply: StreamReply,
    guards: &'a mut Guards,
    denied: Option<Refusal>,
}

/// Relays the stream to its end.
///
/// # Errors
/// [`Refusal::ClientGone`] only: once a stream has begun, everything else is told within it.
pub async fn answer(
    relayed: Relayed,
    gate: &Gate,
    downstream: &mut Downstream,
    trail: &mut Trail,
) -> Result<(), Refusal> {
    let Relayed { request, mut opened, mut guards, deadlines, mut chain } = relayed;
    let inspect = if guards.watch_reply() { Inspect::Yes } else { Inspect::No };
    let options = StreamOptions { client_wants_usage: request.wants_usage(), inspect };
    let reply = StreamReply::new(request.endpoint().clone(), options).answering(request.answer());
    let head = heads::answer(trail, &opened, 200)
        .with(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")
        .with(header::CACHE_CONTROL, "no-cache");
    trail.status(200);
    downstream.head(head, Framing::Stream).await?;
    let mut flow = Flow { reply, guards: &mut guards, denied: None };
    let ending = loop {
        let chunk = tokio::select! {
            biased;
            chunk = opened.source.chunk(deadlines.for_read()) => chunk,
            () = downstream.gone() => break Ending::Gone,
        };
        let out = match chunk {
            Ok(Some(bytes)) => {
                trail.keep().more_reply(&bytes);
                flow.push(&bytes)
            }
            Ok(None) => break Ending::Whole,
            Err(Broken::Cut) => break broken("the upstream broke the reply off"),
            Err(Broken::Silent) => break Ending::Broken(Refusal::UpstreamTimeout),
        };
        // Before the client can know the id.
        if chain.is_some() && flow.reply.summary().id.is_some() {
            gate.archive.memory.answered(chain.take().as_ref(), flow.reply.summary());
        }
        match out {
            Ok(bytes) => {
                trail.more_returned(&bytes);
                if downstream.body(bytes).await.is_err() {
                    break Ending::Gone;
                }
            }
            Err(ending) => break ending,
        }
        if flow.reply.is_done() {
            break Ending::Whole;
        }
    };
    flow.finish(ending, Tail { source: opened.source, gate, downstream, trail }).await
}

/// What is needed to end a stream.
struct Tail<'a> {
    source: Source,
    gate: &'a Gate,
    downstream: &'a mut Downstream,
    trail: &'a mut Trail,
}

impl Flow<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<Bytes, Ending> {
        let Self { reply, guards, denied } = self;
        let mut judge = |delta: &mut Delta| judge(guards, denied, delta);
        match reply.push(bytes, &mut judge) {
            Ok(out) => Ok(out.into()),
            Err(_) => Err(self.stopped()),
        }
    }

    fn stopped(&mut self) -> Ending {
        match self.denied.take() {
            Some(refusal) => Ending::Denied(refusal),
            None => broken("the upstream's stream can't be read"),
        }
    }

    async fn finish(mut self, ending: Ending, tail: Tail<'_>) -> Result<(), Refusal> {
        let Tail { source, gate, downstream, trail } = tail;
        trail.received();
        let cpu = source.cpu();
        // Held-back text comes out first: its findings and the usage belong into the measures.
        let rest = match ending {
            Ending::Whole if self.reply.is_done() || self.reply.is_clean() => self.flush(),
            Ending::Whole => Err(broken("the upstream ended the stream early")),
            other => Err(other),
        };
        let summary = self.reply.summary().clone();
        trail.end(self.guards, Some(Ended { summary: &summary, cpu }));
        let ending = match rest {
            Ok(mut bytes) => {
                bytes.extend_from_slice(&self.reply.close(Some(&measures(trail))));
                let bytes = Bytes::from(bytes);
                trail.more_returned(&bytes);
                source.release(&gate.connections).await;
                return downstream.last(bytes).await;
            }
            Err(ending) => ending,
        };
        source.abort().await;
        self.tell(ending, downstream, trail).await
    }

    /// Releases what controls still hold back.
    fn flush(&mut self) -> Result<Vec<u8>, Ending> {
        let Self { reply, guards, denied } = self;
        let mut judge = |delta: &mut Delta| judge(guards, denied, delta);
        match reply.flush(&mut judge) {
            Ok(out) => Ok(out),
            Err(_) => Err(self.stopped()),
        }
    }

    async fn tell(
        mut self,
        ending: Ending,
        downstream: &mut Downstream,
        trail: &mut Trail,
    ) -> Result<(), Refusal> {
        match ending {
            Ending::Denied(refusal) => {
                trail.stream_state(StreamState::PolicyCut);
                trail.cut(&refusal);
                downstream.last(self.reply.cut().into()).await
            }
            Ending::Broken(refusal) => {
                trail.stream_state(StreamState::UpstreamAbort);
                trail.cut(&refusal);
                let (message, trace) = (refusal.to_string(), refusal.trace(trail.id_text()));
                let frame = self.reply.broken(&refusal.shape(&message), &trace);
                downstream.body(frame.into()).await?;
                // The framing stays open-ended: a client must not take this for the whole reply.
                downstream.abort().await;
                Ok(())
            }
            Ending::Gone | Ending::Whole => Err(Refusal::ClientGone),
        }
    }
}

fn broken(reason: &str) -> Ending {
    Ending::Broken(Refusal::Upstream(reason.to_owned()))
}

fn judge(guards: &mut Guards, denied: &mut Option<Refusal>, delta: &mut Delta) -> Result<(), Cut> {
    guards.reply(delta).map_err(|refusal| {
        *denied = Some(refusal);
        Cut
    })
}

/// `usage.weir` of the final usage chunk.
fn measures(trail: &Trail) -> Value {
    let figures = heads::Figures::of(trail);
    json!({"cost_usd": figures.cost_usd, "energy_wh": figures.energy_wh, "carbon_g": figures.carbon_g})
}
