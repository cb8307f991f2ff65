//! Renderings of calls and records for other programs and for people: OpenTelemetry, OCSF, CSV, HTML.
//!
//! Pure functions. They show what a record shows, and a record never holds a body.

pub mod csv;
pub mod html;
pub mod ocsf;
pub mod otel;
mod totals;

pub use totals::{Known, Totals};

use serde_json::{Map, Value};

use crate::exchange::Hit;
use crate::read::Call;
use crate::record::Record;
use crate::text::Text;

/// The record that says most about how the call stands: its end, or its intent while it has none.
fn last(call: &Call) -> &Record {
    call.end().unwrap_or(&call.intent)
}

/// The body of a record that belongs to no call, and the words for who acted and what was done.
struct Act {
    /// Who acted, where somebody did.
    actor: Option<Text>,
    /// For example `reveal` or `hold.place`.
    operation: String,
    body: Value,
}

fn act(record: &Record) -> Act {
    let kind = record.kind.as_str();
    let mut spelled = serde_json::to_value(record).unwrap_or_default();
    let body = spelled.get_mut(kind).map(Value::take).unwrap_or_default();
    let word = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let operation = word("action").map_or_else(|| kind.to_owned(), |action| format!("{kind}.{action}"));
    Act { actor: word("actor").map(Text::from), operation, body }
}

/// `policy/rule`, the name a rule has in every rendering.
fn rule(hit: &Hit) -> String {
    format!("{}/{}", hit.policy, hit.rule)
}

/// An object that leaves out what is not known.
#[derive(Default)]
struct Members(Map<String, Value>);

impl Members {
    fn put(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    fn maybe<T: Into<Value>>(self, name: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    fn text(self, name: &str, text: Option<&Text>) -> Self {
        self.maybe(name, text.filter(|it| !it.as_str().is_empty()).map(Text::as_str))
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

#[cfg(test)]
pub(crate) mod samples {
    //! Calls as the log would hold them, with every part filled in.
    use serde_json::json;
    use uuid::Uuid;

    use crate::read::{Call, Ending};
    use crate::record::Record;

    pub(crate) const INTENT: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001);
    pub(crate) const END: Uuid = Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0002);

    fn record(body: serde_json::Value) -> Record {
        let mut whole = json!({"boot_id": Uuid::nil(), "clock_offset_us": 0, "monotonic_us": 5, "node_id": "n1",
            "schema": 1, "tenant": "acme"});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        Record::parse(whole.to_string().as_bytes()).unwrap()
    }

    pub(crate) fn intent(app: &str) -> Record {
        record(
            json!({"kind": "intent", "record_id": INTENT, "node_seq": 7, "time": "2026-11-23T06:00:00.000000Z",
            "intent": {"app": app, "conversation": "c-1", "cost_center": "4711", "endpoint": "chat",
                "key_id": "wk_1", "policy_set": "ab12", "purpose": "support", "request_bytes": 120,
                "requested_model": "gpt-4o", "route": "default", "stream": true, "subject_ref": "s-9",
                "tags": [{"name": "k", "value": "v"}], "team": "blue"}}),
        )
    }

    pub(crate) fn completion(decision: &str, status: u16) -> Record {
        record(json!({"kind": "completion", "record_id": END, "intent_id": INTENT, "node_seq": 9,
            "time": "2026-11-23T06:00:01.500000Z",
            "completion": {"answered_model": "gpt-4o-2024", "decision": decision, "provider": "openai",
                "cost": {"catalogue": "c1", "input": "1000000", "output": "500000", "total": "1500000"},
                "error": if status >= 400 { Some("content_filter") } else { None },
                "finish_reasons": ["stop"], "status": status, "stream_state": "complete", "region": "eu",
                "hits": [{"action": "block", "count": 2, "entity": "email", "policy": "p", "rule": "r",
                    "score": "0.9", "slot": "/messages/0/content"}],
                "impact": {"energy_kwh": {"max": "0.002", "min": "0.001"}, "gwp_kg": {"max": "0.2", "min": "0.1"},
                    "method": "m", "wcf_l": {"max": "unknown", "min": "1"}, "zone": "DE"},
                "latency": {"controls_us": 900, "first_byte_us": 250_000, "queue_us": 5, "total_us": 1_500_000},
                "redactions": [{"count": 3, "entity": "email"}], "reply_bytes": 300, "response_id": "cmpl-1",
                "upstream": "vendor",
                "usage": {"cache_write": 1, "cached_input": 2, "input": 30, "output": 12, "reasoning": 4,
                    "source": "provider", "suspect": false}}}))
    }

    pub(crate) fn abandoned() -> Record {
        record(json!({"kind": "abandoned", "record_id": END, "intent_id": INTENT, "node_seq": 9,
            "time": "2026-11-23T06:00:01.500000Z", "abandoned": {"reason": "recovery"}}))
    }

    pub(crate) fn reveal() -> Record {
        record(
            json!({"kind": "reveal", "record_id": END, "node_seq": 10, "time": "2026-11-23T06:00:01.500000Z",
            "reveal": {"actor": "ann", "bodies": ["request"], "call": INTENT, "calls": 1, "reason": "case 4"}}),
        )
    }

    pub(crate) fn ended(end: Record) -> Call {
        Call { intent: intent("desk"), ending: Ending::Ended(Box::new(end)) }
    }

    pub(crate) fn open() -> Call {
        Call { intent: intent("desk"), ending: Ending::Open }
    }
}
