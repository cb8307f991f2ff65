//! The one pipeline: a chain of types, each stage consuming the one before, that always ends in a record.

mod buffered;
mod gathered;
mod guards;
mod heads;
mod inscribe;
mod keep;
mod local;
mod objection;
mod stages;
mod streamed;
mod trail;

pub use gathered::Room;
pub use guards::Guards;

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;

use crate::{
    gate::Gate,
    refusal::Refusal,
    shell::{self, Downstream, Head, read_body},
};
use stages::Received;
use trail::Trail;

/// Serves one request from its head to its record, whatever happens in between.
pub async fn exchange(gate: &Gate, downstream: &mut Downstream) {
    let head = Head::of(downstream.session());
    let mut trail = Trail::begin(gate, &head);
    // A fault in our own code refuses and leaves a record as any other; what it was busy with is not used again.
    let served = AssertUnwindSafe(serve(gate, downstream, head, &mut trail)).catch_unwind().await;
    if let Err(refusal) = served.unwrap_or(Err(Refusal::PolicyUnavailable { control: "pipeline" })) {
        let refusal = trail.refused(gate, refusal).await;
        answer(downstream, &trail, &refusal).await;
    }
    trail.close(gate).await;
}

/// The stages in order. A stage that was skipped would not compile: each takes what the one before made.
///
/// INVARIANT: the intent is durable before `relay` is called, and nothing of the body is read before the caller
/// is known.
async fn serve(
    gate: &Gate,
    downstream: &mut Downstream,
    head: Head,
    trail: &mut Trail,
) -> Result<(), Refusal> {
    let limits = gate.limits();
    gate.room()?;
    Head::check(downstream.session(), limits.header_bytes)?;
    let received = Received::route(head)?;
    let authenticated = received.authenticate(gate, trail).await?;
    if let Some(answer) = local::answer(gate, &authenticated)? {
        trail.record_intent(gate).await?;
        return local::send(downstream, trail, answer).await;
    }
    let body = read_body(downstream, authenticated.head(), limits.body).await?;
    let parsed = authenticated.parse(gate, body, trail).await?;
    let admitted = parsed.admit(gate)?;
    let inspected = admitted.inspect(gate, trail).await?;
    let routed = inspected.transform(trail)?;
    trail.record_intent(gate).await?;
    let relayed = routed.relay(gate, downstream, trail).await?;
    relayed.answer(gate, downstream, trail).await
}

/// Tells the client why, unless its answer has begun or it is gone.
async fn answer(downstream: &mut Downstream, trail: &Trail, refusal: &Refusal) {
    if matches!(refusal, Refusal::ClientGone) || downstream.started() {
        downstream.abort().await;
        return;
    }
    let head = heads::refusal(trail, refusal);
    let body = refusal.body(trail.id_text()).to_string();
    if shell::refuse(downstream, head, body).await.is_err() {
        tracing::debug!(record = trail.id_text(), "the client left before it read its refusal");
    }
}
