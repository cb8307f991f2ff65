//! What is known about an exchange so far: filled stage by stage, read by headers, closed as a record.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use uuid::Uuid;
use weir_accounting::{Cost, Impact};
use weir_audit::{AuditError, Completion, Decision, Intent, Ticket, exchange::StreamState};
use weir_dialects::{Request, Summary};
use weir_policies::{Caller, Outcome};

use super::{Guards, inscribe, keep::Keep};
use crate::{
    gate::Gate,
    refusal::Refusal,
    relay::{Attempt, Opened},
    routing::{Picked, Upstream},
    settings::AuditMode,
    shell::Head,
};

/// What is known about an exchange so far.
pub struct Trail {
    id: Uuid,
    id_text: String,
    begun: Instant,
    sent: Option<Instant>,
    waited: Duration,
    logged: Duration,
    policy: Arc<str>,
    endpoint: &'static str,
    requested_model: String,
    upstream: Option<Arc<Upstream>>,
    intent: Intent,
    completion: Completion,
    ticket: Option<Ticket>,
    mode: AuditMode,
    keep: Keep,
    settled: bool,
    cost: Option<Cost>,
    impact: Option<Impact>,
}

impl Trail {
    /// A new exchange, with an id of its own.
    pub fn begin(gate: &Gate, head: &Head) -> Self {
        let id = Uuid::now_v7();
        let policy = gate.live().policy_hash.clone();
        let intent = Intent {
            record_id: id,
            endpoint: "unknown".into(),
            policy_set: policy.clone().into(),
            request_bytes: head.length.unwrap_or(0),
            ..Intent::default()
        };
        Self {
            id,
            id_text: id.to_string(),
            begun: Instant::now(),
            sent: None,
            waited: Duration::ZERO,
            logged: Duration::ZERO,
            policy,
            endpoint: "unknown",
            requested_model: String::new(),
            upstream: None,
            intent,
            completion: Completion::default(),
            ticket: None,
            mode: gate.archive.settings.mode,
            keep: Keep::default(),
            settled: false,
            cost: None,
            impact: None,
        }
    }

    /// The record's id, as `x-request-id` shows it.
    pub fn id_text(&self) -> &str {
        &self.id_text
    }

    /// The hash of the policies in force.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// What the controls decided.
    pub fn decision(&self) -> Decision {
        self.completion.decision
    }

    /// The model that answered, or the one asked for.
    pub fn model(&self) -> &str {
        self.completion.answered_model.as_ref().map_or(&self.requested_model, |model| model.as_str())
    }

    /// Money, once the exchange has ended.
    pub fn cost(&self) -> Option<&Cost> {
        self.cost.as_ref()
    }

    /// Energy and carbon, once the exchange has ended.
    pub fn impact(&self) -> Option<&Impact> {
        self.impact.as_ref()
    }

    /// Time spent here rather than at the upstream.
    pub fn overhead(&self) -> Duration {
        self.begun.elapsed().saturating_sub(self.waited)
    }

    /// The endpoint is known.
    pub fn endpoint(&mut self, name: &'static str) {
        self.endpoint = name;
        self.intent.endpoint = name.into();
    }

    /// The caller is known.
    ///
    /// # Errors
    /// [`Refusal::AuditUnavailable`] when the key of the data subject can't be had.
    pub fn caller(&mut self, gate: &Gate, caller: &Caller) -> Result<(), Refusal> {
        inscribe::caller(&mut self.intent, caller);
        let archive = &gate.archive;
        if caller.subject.is_none() && !archive.keeps_bodies() {
            return Ok(());
        }
        let subject = archive.subject(&caller.tenant, caller.subject.as_deref()).map_err(unavailable)?;
        self.intent.subject_ref = subject.reference();
        if archive.keeps_bodies() {
            self.keep = Keep::of(subject, archive.settings.max_body, &archive.room);
        }
        Ok(())
    }

    /// The request's body as received.
    pub fn body(&mut self, body: &Bytes) {
        self.keep.request(body);
    }

    /// Bodies that are kept.
    pub fn keep(&mut self) -> &mut Keep {
        &mut self.keep
    }

    /// The request was read.
    pub fn request(&mut self, request: &Request, bytes: usize) {
        self.requested_model = request.model().to_owned();
        self.intent.requested_model = Some(request.model().to_owned().into());
        self.intent.stream = request.stream();
        self.intent.request_bytes = bytes as u64;
    }

    /// The controls decided on the request or on more of the reply.
    pub fn decided(&mut self, decision: Decision) {
        self.completion.decision = decision;
    }

    /// The route is known.
    pub fn routed(&mut self, picked: &Picked) {
        self.completion.latency.controls_us = micros(self.begun.elapsed());
        self.upstream = picked.candidates.first().cloned();
        self.intent.retention = picked.retention.clone().map(Into::into);
        self.mode = picked.audit.unwrap_or(self.mode);
    }

    /// The request goes out now.
    pub fn sent(&mut self) {
        self.sent = Some(Instant::now());
    }

    /// Which upstreams were tried.
    pub fn attempts(&mut self, attempts: &[Attempt]) {
        inscribe::attempts(&mut self.completion, attempts);
        for attempt in attempts {
            let labels = [("upstream", attempt.upstream.clone()), ("result", attempt.result.clone())];
            metrics::counter!("weir_upstream_attempts_total", &labels).increment(1);
        }
    }

    /// An upstream answers.
    pub fn opened(&mut self, opened: &Opened) {
        let waited = self.sent.map_or(Duration::ZERO, |sent| sent.elapsed());
        self.waited = waited;
        self.completion.latency.first_byte_us = Some(micros(waited));
        self.upstream = Some(opened.upstream.clone());
        self.completion.status = opened.status;
    }

    /// The upstream's reply has ended, or as much of it as came.
    pub fn received(&mut self) {
        self.waited = self.sent.map_or(Duration::ZERO, |sent| sent.elapsed());
    }

    /// The status that the client gets.
    pub fn status(&mut self, status: u16) {
        self.completion.status = status;
    }

    /// How the reply ended.
    pub fn stream_state(&mut self, state: StreamState) {
        self.completion.stream_state = state;
    }

    /// A stream that had begun was ended early, for this reason.
    pub fn cut(&mut self, refusal: &Refusal) {
        if refusal.is_block() {
            self.completion.decision = Decision::Blocked;
        }
        self.completion.error = Some(refusal.code().into());
    }

    /// The whole body returned to the client.
    pub fn returned(&mut self, body: &Bytes) {
        self.completion.reply_bytes = body.len() as u64;
        self.keep.returned(body);
    }

    /// More bytes returned to the client.
    pub fn more_returned(&mut self, bytes: &Bytes) {
        self.completion.reply_bytes += bytes.len() as u64;
        self.keep.more_returned(bytes);
    }

    /// The controls that stopped the request have their say in the record.
    pub fn findings(&mut self, mut guards: Guards) {
        self.end(&mut guards, None);
    }

    /// The controls end: their findings, money and carbon enter the record.
    pub fn end(&mut self, guards: &mut Guards, ended: Option<Ended<'_>>) {
        self.decided(guards.decision());
        if let Some(ended) = &ended {
            inscribe::summary(&mut self.completion, ended.summary);
        }
        let outcome = self.outcome(ended.as_ref());
        for findings in guards.end(&outcome) {
            inscribe::findings(&mut self.completion, &findings);
            self.cost = self.cost.take().or(findings.cost);
            self.impact = self.impact.take().or(findings.impact);
        }
        self.completion.cost = self.cost.as_ref().map(inscribe::cost);
        self.completion.impact = self.impact.as_ref().map(inscribe::impact);
    }

    fn outcome(&self, ended: Option<&Ended<'_>>) -> Outcome {
        let upstream = self.upstream.as_ref();
        Outcome {
            status: self.completion.status,
            upstream: upstream.map_or_else(String::new, |upstream| upstream.name().to_owned()),
            provider: upstream.map_or_else(String::new, |upstream| upstream.settings.provider.clone()),
            requested_model: self.requested_model.clone(),
            answered_model: self.completion.answered_model.as_ref().map(|model| model.as_str().to_owned()),
            usage: ended.and_then(|ended| ended.summary.usage),
            latency: self.sent.map_or(Duration::ZERO, |sent| sent.elapsed()),
            cpu: ended.and_then(|ended| ended.cpu),
            at: SystemTime::now(),
        }
    }

    /// Makes the intent durable.
    ///
    /// # Errors
    /// [`Refusal::AuditUnavailable`] when the log does not take it.
    pub async fn record_intent(&mut self, gate: &Gate) -> Result<(), Refusal> {
        if self.ticket.is_none() {
            let begun = Instant::now();
            let bodies = self.keep.seal_request(self.id).await.map_err(unavailable)?;
            let kept = gate.archive.announce(self.mode, self.intent.clone(), bodies).await;
            self.logged = begun.elapsed();
            self.ticket = Some(kept.map_err(unavailable)?);
        }
        Ok(())
    }

    /// Notes a refusal. A call that got no further than this is recorded at once, whole, before its client is
    /// told: the refusal to tell comes back.
    pub async fn refused(&mut self, gate: &Gate, refusal: Refusal) -> Refusal {
        if refusal.is_block() {
            self.completion.decision = Decision::Blocked;
        }
        self.note(&refusal);
        if self.ticket.is_some() || self.settled || matches!(refusal, Refusal::AuditUnavailable) {
            return refusal;
        }
        self.settled = true;
        self.round_off();
        match self.settle(gate).await {
            Ok(()) => refusal,
            Err(fault) => {
                let refusal = unavailable(fault);
                self.note(&refusal);
                refusal
            }
        }
    }

    async fn settle(&mut self, gate: &Gate) -> Result<(), AuditError> {
        let bodies = self.keep.seal_request(self.id).await?;
        gate.archive.settle(self.intent.clone(), self.completion.clone(), bodies).await
    }

    fn note(&mut self, refusal: &Refusal) {
        self.completion.error = Some(refusal.code().into());
        self.completion.status = refusal.status();
        if matches!(refusal, Refusal::ClientGone) {
            self.completion.stream_state = StreamState::ClientAbort;
        }
    }

    fn round_off(&mut self) {
        self.completion.latency.total_us = micros(self.begun.elapsed());
        if let Some(upstream) = &self.upstream {
            inscribe::upstream(&mut self.completion, upstream);
        }
    }

    /// Writes the completion and counts the exchange.
    pub async fn close(mut self, gate: &Gate) {
        self.round_off();
        self.count();
        tracing::debug!(record = %self.id, endpoint = self.endpoint, "exchange ended");
        if let Some(ticket) = self.ticket.take() {
            // A call without its bodies is better recorded than not at all.
            let bodies = self.keep.seal_reply(self.id).await.unwrap_or_else(|fault| {
                tracing::error!(%fault, "the bodies of a reply could not be sealed");
                None
            });
            gate.archive.complete(self.mode, ticket, (self.completion, bodies)).await;
        }
    }

    fn count(&self) {
        let took = self.begun.elapsed();
        let endpoint = self.endpoint;
        let decision = self.completion.decision.as_str();
        let status = inscribe::status_class(self.completion.status);
        metrics::counter!("weir_requests_total", "endpoint" => endpoint, "status" => status, "decision" => decision)
            .increment(1);
        metrics::histogram!("weir_request_seconds", "endpoint" => endpoint).record(took.as_secs_f64());
        metrics::histogram!("weir_overhead_seconds", "endpoint" => endpoint)
            .record(self.overhead().saturating_sub(self.logged).as_secs_f64());
        metrics::histogram!("weir_audit_wait_seconds").record(self.logged.as_secs_f64());
        if let Some(usage) = &self.completion.usage {
            metrics::counter!("weir_tokens_total", "direction" => "input").increment(usage.input);
            metrics::counter!("weir_tokens_total", "direction" => "output").increment(usage.output);
        }
        if let Some(cost) = &self.cost {
            metrics::counter!("weir_cost_pico_usd_total").increment(u64::try_from(cost.total.0).unwrap_or(0));
        }
    }
}

/// How an answered exchange ended.
pub struct Ended<'a> {
    /// What the reply said about itself.
    pub summary: &'a Summary,
    /// CPU time of the engine in this process.
    pub cpu: Option<Duration>,
}

fn unavailable(fault: AuditError) -> Refusal {
    tracing::error!(%fault, "the audit log does not take records");
    Refusal::AuditUnavailable
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
