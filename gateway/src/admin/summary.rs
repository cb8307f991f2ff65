//! A call in one flat row, as lists show it.

use serde::Serialize;
use uuid::Uuid;
use weir_audit::{
    Decision, Stamp, Text,
    exchange::{Span, Usage},
    read::Call,
};

/// What a list says of a call. What isn't known yet, or doesn't apply, is `null`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The call's id.
    pub id: Uuid,
    /// When it was announced.
    pub time: Stamp,
    /// `completed`, `abandoned`, `open`, or `later` (ended, but long after its page).
    pub state: &'static str,
    /// Tenant.
    pub tenant: Text,
    /// Team.
    pub team: Option<Text>,
    /// Application.
    pub app: Option<Text>,
    /// Key, by its public id.
    pub key_id: Option<Text>,
    /// Endpoint.
    pub endpoint: Option<Text>,
    /// Model asked for.
    pub requested_model: Option<Text>,
    /// Model that answered.
    pub answered_model: Option<Text>,
    /// Upstream.
    pub upstream: Option<Text>,
    /// What the controls decided.
    pub decision: Option<Decision>,
    /// HTTP status.
    pub status: Option<u16>,
    /// Error code.
    pub error: Option<Text>,
    /// Tokens.
    pub usage: Option<Usage>,
    /// Money in USD, as decimal text.
    pub cost_usd: Option<String>,
    /// Energy in kWh.
    pub energy_kwh: Option<Span>,
    /// Global warming potential in kg CO₂-equivalent.
    pub gwp_kg: Option<Span>,
    /// From the request's arrival to the reply's end, in microseconds.
    pub latency_us: Option<u64>,
}

impl Summary {
    /// The row of a call.
    pub fn of(call: &Call) -> Self {
        let intent = call.announced();
        let end = call.completion();
        let impact = end.and_then(|it| it.impact.as_ref());
        Self {
            id: call.id(),
            time: call.time(),
            state: call.state(),
            tenant: call.tenant().clone(),
            team: intent.and_then(|it| it.team.clone()),
            app: intent.and_then(|it| it.app.clone()),
            key_id: intent.and_then(|it| it.key_id.clone()),
            endpoint: intent.map(|it| it.endpoint.clone()),
            requested_model: intent.and_then(|it| it.requested_model.clone()),
            answered_model: end.and_then(|it| it.answered_model.clone()),
            upstream: end.and_then(|it| it.upstream.clone()),
            decision: call.decision(),
            status: end.map(|it| it.status),
            error: end.and_then(|it| it.error.clone()),
            usage: end.and_then(|it| it.usage.clone()),
            cost_usd: end.and_then(|it| it.cost.as_ref()).map(|cost| cost.total.to_usd()),
            energy_kwh: impact.map(|it| it.energy_kwh),
            gwp_kg: impact.map(|it| it.gwp_kg),
            latency_us: end.map(|it| it.latency.total_us),
        }
    }
}
