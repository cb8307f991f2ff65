//! The stages: each type is what is known by then, each method the step to the next.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use weir_callers::{Grant, Presented};
use weir_dialects::{AskUsage, Endpoint, Request, Rewrite};
use weir_policies::{Caller, Slots};

use super::{Guards, trail::Trail};
use crate::{
    archive::Chain,
    gate::Gate,
    refusal::Refusal,
    relay::{self, Attempt, Call, Deadlines, Opened, Order},
    routing::Picked,
    shell::{Downstream, Head},
};

/// Bodies over this many bytes are read and inspected off the proxy threads.
const HEAVY: usize = 128 << 10;

/// A request head for an endpoint that exists.
pub struct Received {
    head: Head,
    endpoint: Endpoint,
}

/// The caller is known and may use the endpoint.
pub struct Authenticated {
    head: Head,
    endpoint: Endpoint,
    grant: Arc<Grant>,
    caller: Caller,
}

/// The body is what the endpoint takes.
pub struct Parsed {
    head: Head,
    grant: Arc<Grant>,
    caller: Caller,
    request: Request,
}

/// The caller may use the model, and a route serves it.
pub struct Admitted {
    head: Head,
    caller: Caller,
    request: Request,
    picked: Picked,
}

/// Every control has seen every slot.
pub struct Inspected {
    head: Head,
    request: Request,
    picked: Picked,
    slots: Slots,
    guards: Guards,
    chain: Option<Chain>,
}

/// The bytes that may leave, and where they go.
pub struct Routed {
    pub(super) request: Request,
    picked: Picked,
    call: Call,
    guards: Guards,
    chain: Option<Chain>,
}

/// An upstream has begun to answer.
pub struct Relayed {
    pub(super) request: Request,
    pub(super) opened: Opened,
    pub(super) guards: Guards,
    pub(super) deadlines: Deadlines,
    /// What a later exchange may go on from.
    pub(super) chain: Option<Chain>,
}

impl Received {
    /// The endpoint a head is for.
    ///
    /// # Errors
    /// [`Refusal::UnknownRoute`] or [`Refusal::Method`]: an unknown route is never passed through.
    pub fn route(head: Head) -> Result<Self, Refusal> {
        let endpoint = Endpoint::of(&head.method, &head.path).map_err(|fault| match fault {
            weir_dialects::RouteError::NotFound => Refusal::UnknownRoute,
            weir_dialects::RouteError::MethodNotAllowed => Refusal::Method,
        })?;
        Ok(Self { head, endpoint })
    }

    /// Who is calling, and whether it may use the endpoint.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`] or [`Refusal::Forbidden`].
    pub async fn authenticate(self, gate: &Gate, trail: &mut Trail) -> Result<Authenticated, Refusal> {
        let Self { head, endpoint } = self;
        trail.endpoint(endpoint.name());
        let presented = Presented::from_headers(head.text("authorization"), head.text("x-api-key"));
        let grant = gate.authenticate(&presented).await?;
        let mut caller = grant.caller.clone();
        gate.describe(&head, &mut caller);
        trail.caller(gate, &caller)?;
        if !grant.allows_endpoint(endpoint.name()) {
            return Err(Refusal::Forbidden("this key may not use this endpoint".into()));
        }
        Ok(Authenticated { head, endpoint, grant, caller })
    }
}

impl Authenticated {
    /// The request head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What the caller may use.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Reads the body as what the endpoint takes.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with the path of the fault.
    pub async fn parse(self, gate: &Gate, body: Bytes, trail: &mut Trail) -> Result<Parsed, Refusal> {
        let Self { head, endpoint, grant, caller } = self;
        let limits = gate.json_limits();
        let size = body.len();
        trail.body(&body);
        let request = off_thread((size, HEAVY), move || Request::parse(endpoint, body, &limits)).await?;
        let request = request.map_err(|fault| Refusal::Invalid {
            param: (!fault.path.is_empty()).then_some(fault.path),
            reason: fault.reason,
        })?;
        trail.request(&request, size);
        Ok(Parsed { head, grant, caller, request })
    }
}

impl Parsed {
    /// Whether the caller may use the model, and which upstreams serve it.
    ///
    /// # Errors
    /// [`Refusal::UnknownModel`] or [`Refusal::Forbidden`].
    pub fn admit(self, gate: &Gate) -> Result<Admitted, Refusal> {
        let Self { head, grant, caller, request } = self;
        let picked = gate.live().table.pick(request.model(), request.endpoint().name());
        let picked = picked.ok_or(Refusal::UnknownModel)?;
        if !grant.allows_model(request.model()) {
            return Err(Refusal::Forbidden("this key may not use this model".into()));
        }
        Ok(Admitted { head, caller, request, picked })
    }
}

impl Admitted {
    /// Shows every slot to every control.
    ///
    /// # Errors
    /// [`Refusal::Denied`] or [`Refusal::PolicyUnavailable`].
    pub async fn inspect(self, gate: &Gate, trail: &mut Trail) -> Result<Inspected, Refusal> {
        let Self { head, mut caller, request, picked } = self;
        let memory = &gate.archive.memory;
        let mut recalled = memory.recall(&caller, &request).await;
        caller.earlier = std::mem::take(&mut recalled.pairs);
        let mut guards = Guards::begin(&gate.live().controls, &caller);
        let work = (request.body().len(), guards.light().min(HEAVY));
        let (request, slots, mut guards, verdict) = off_thread(work, move || {
            let mut slots = request.slots();
            let verdict = guards.request(&mut slots);
            (request, slots, guards, verdict)
        })
        .await?;
        let verdict = match verdict {
            Ok(()) => guards.settled().await,
            denied => denied,
        };
        trail.decided(guards.decision());
        if let Err(refusal) = verdict {
            trail.findings(guards);
            return Err(refusal);
        }
        let chain = memory.chain((&caller, &request), recalled, || guards.names());
        Ok(Inspected { head, request, picked, slots, guards, chain })
    }
}

impl Inspected {
    /// Splices the edits into the original bytes.
    ///
    /// # Errors
    /// None today; a dialect whose rendering can fail will have some.
    pub fn transform(self, trail: &mut Trail) -> Result<Routed, Refusal> {
        let Self { head, request, picked, slots, guards, chain } = self;
        let rewrite = Rewrite { model: picked.rename.as_deref(), ask_usage: AskUsage::Always };
        let body = request.render(&slots, &rewrite);
        let call = Call {
            method: head.method,
            path: upstream_path(request.endpoint()),
            body,
            headers: relay::forwarded(&head.headers),
        };
        trail.routed(&picked);
        trail.keep().sent(&call.body);
        Ok(Routed { request, picked, call, guards, chain })
    }
}

impl Routed {
    /// Sends the request; the client's leaving ends the attempt at once.
    ///
    /// # Errors
    /// [`Refusal::ClientGone`], and as [`relay::open`].
    pub async fn relay(
        self,
        gate: &Gate,
        downstream: &mut Downstream,
        trail: &mut Trail,
    ) -> Result<Relayed, Refusal> {
        let Self { request, picked, call, mut guards, chain } = self;
        let deadlines = gate.deadlines(Instant::now());
        let order =
            Order { connections: &gate.connections, candidates: &picked.candidates, call: &call, deadlines };
        let mut attempts: Vec<Attempt> = Vec::new();
        trail.sent();
        let opened = tokio::select! {
            biased;
            opened = relay::open(&order, &mut attempts) => opened,
            () = downstream.gone() => Err(Refusal::ClientGone),
        };
        trail.attempts(&attempts);
        match opened {
            Ok(opened) => {
                trail.opened(&opened);
                Ok(Relayed { request, opened, guards, deadlines, chain })
            }
            Err(refusal) => {
                trail.end(&mut guards, None);
                Err(refusal)
            }
        }
    }
}

/// Runs work on a body of some size: here up to the second size, beyond it where it holds up nobody else.
async fn off_thread<T: Send + 'static>(
    (size, light): (usize, usize),
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    if size <= light {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::PolicyUnavailable { control: "inspection" })
}

impl Relayed {
    /// Sends the reply on: as a stream where it is one, otherwise whole.
    ///
    /// # Errors
    /// What the client gets instead of a reply.
    pub async fn answer(
        self,
        gate: &Gate,
        downstream: &mut Downstream,
        trail: &mut Trail,
    ) -> Result<(), Refusal> {
        if self.opened.status == 200 && self.request.stream() && self.opened.is_stream() {
            super::streamed::answer(self, gate, downstream, trail).await
        } else {
            super::buffered::answer(self, gate, downstream, trail).await
        }
    }
}

/// What follows `/v1`: an upstream's base address has that part.
fn upstream_path(endpoint: &Endpoint) -> String {
    let path = endpoint.path();
    path.strip_prefix("/v1").unwrap_or(path).to_owned()
}
