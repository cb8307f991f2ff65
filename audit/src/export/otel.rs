//! OpenTelemetry log records in OTLP/JSON, with the GenAI attribute names of semantic conventions 1.41.0.
//!
//! 1.41.0 is the last release that defines `gen_ai.*` itself; later ones refer to a repository without releases.
//! What has no name there stands under `weir.*`. Shapes: opentelemetry-proto `logs/v1`, 64-bit integers as text.

use serde_json::{Value, json};

use super::{Act, act, last, rule};
use crate::exchange::{Completion, Decision, Impact, Intent, Span, StreamState, Usage};
use crate::read::Call;
use crate::record::Record;
use crate::text::{Stamp, Text};

/// The pinned version of the semantic conventions.
pub const SEMCONV: &str = "1.41.0";
/// Their schema, which every request names.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.41.0";
/// Name of the event that describes a call.
const EVENT: &str = "gen_ai.client.inference.operation.details";

/// A `LogRecord` for a call.
pub fn call(call: &Call) -> Value {
    let record = last(call);
    let mut attributes = Attributes::default();
    attributes.identify(record);
    if call.end().is_some() {
        attributes.text("weir.intent.record_id", &call.id().to_string());
        attributes.int("weir.intent.node_seq", call.intent.node_seq);
    }
    attributes.text("weir.state", call.state());
    if let Some(intent) = call.announced() {
        attributes.intent(intent);
    }
    if let Some(end) = call.completion() {
        attributes.completion(end);
        if let Some(micros) =
            end.latency.first_byte_us.filter(|_| call.announced().is_some_and(|it| it.stream))
        {
            attributes.double("gen_ai.response.time_to_first_chunk", micros as f64 / 1e6);
        }
    }
    if call.state() == "abandoned" {
        attributes.text("error.type", "abandoned");
    }
    log_record(EVENT, record.time, severity(call), attributes)
}

/// A `LogRecord` for a record that belongs to no call.
pub fn record(record: &Record) -> Value {
    let Act { actor, operation, body } = act(record);
    let mut attributes = Attributes::default();
    attributes.identify(record);
    attributes.maybe("weir.actor", actor.as_ref());
    attributes.text("weir.operation", &operation);
    attributes.text("weir.body", &body.to_string());
    log_record(&format!("weir.audit.{}", record.kind.as_str()), record.time, Severity::Notice, attributes)
}

/// An `ExportLogsServiceRequest` of log records of one node.
pub fn request(node_id: &str, records: &[Value]) -> Value {
    let mut resource = Attributes::default();
    resource.text("service.name", "weir");
    resource.text("service.instance.id", node_id);
    json!({"resourceLogs": [{
        "resource": {"attributes": resource.0},
        "schemaUrl": SCHEMA_URL,
        "scopeLogs": [{
            "scope": {"name": "weir.audit", "version": env!("CARGO_PKG_VERSION")},
            "logRecords": records,
            "schemaUrl": SCHEMA_URL,
        }],
    }]})
}

#[derive(Clone, Copy)]
enum Severity {
    Plain,
    Notice,
    Warning,
    Fault,
}

fn severity(call: &Call) -> Severity {
    let Some(end) = call.completion() else {
        return if call.state() == "abandoned" { Severity::Warning } else { Severity::Plain };
    };
    match end.decision {
        Decision::Blocked | Decision::Flagged => Severity::Warning,
        _ if end.status >= 500 => Severity::Fault,
        _ if end.status >= 400 || end.stream_state != StreamState::Complete => Severity::Warning,
        Decision::Transformed => Severity::Notice,
        Decision::Allow => Severity::Plain,
    }
}

fn log_record(name: &str, time: Stamp, severity: Severity, attributes: Attributes) -> Value {
    // Numbers and texts of the log data model.
    let (number, text) = match severity {
        Severity::Plain => (9, "INFO"),
        Severity::Notice => (10, "INFO2"),
        Severity::Warning => (13, "WARN"),
        Severity::Fault => (17, "ERROR"),
    };
    let nanos = u128::from(time.unix_micros()) * 1000;
    json!({
        "timeUnixNano": nanos.to_string(),
        "observedTimeUnixNano": nanos.to_string(),
        "severityNumber": number,
        "severityText": text,
        "eventName": name,
        "attributes": attributes.0,
    })
}

/// The operation names that the conventions know; others keep the endpoint's own.
fn operation(endpoint: &str) -> &str {
    match endpoint {
        "responses" => "chat",
        "completions" => "text_completion",
        other => other,
    }
}

/// Key-value pairs in their OTLP/JSON shape.
#[derive(Default)]
struct Attributes(Vec<Value>);

impl Attributes {
    fn put(&mut self, key: &str, value: Value) {
        self.0.push(json!({"key": key, "value": value}));
    }

    fn text(&mut self, key: &str, text: &str) {
        self.put(key, json!({"stringValue": text}));
    }

    fn maybe(&mut self, key: &str, text: Option<&Text>) {
        if let Some(text) = text.filter(|it| !it.as_str().is_empty()) {
            self.text(key, text.as_str());
        }
    }

    fn int(&mut self, key: &str, number: u64) {
        // int64 on the wire.
        self.put(key, json!({"intValue": number.min(i64::MAX as u64).to_string()}));
    }

    fn double(&mut self, key: &str, number: f64) {
        if number.is_finite() {
            self.put(key, json!({"doubleValue": number}));
        }
    }

    fn list(&mut self, key: &str, texts: impl Iterator<Item = String>) {
        let values: Vec<Value> = texts.map(|it| json!({"stringValue": it})).collect();
        if !values.is_empty() {
            self.put(key, json!({"arrayValue": {"values": values}}));
        }
    }

    fn identify(&mut self, record: &Record) {
        self.text("weir.record_id", &record.record_id.to_string());
        self.text("weir.kind", record.kind.as_str());
        self.text("weir.node_id", record.node_id.as_str());
        self.int("weir.node_seq", record.node_seq);
        self.maybe("weir.tenant", Some(&record.tenant));
    }

    fn intent(&mut self, intent: &Intent) {
        self.text("gen_ai.operation.name", operation(intent.endpoint.as_str()));
        self.maybe("gen_ai.request.model", intent.requested_model.as_ref());
        self.maybe("gen_ai.conversation.id", intent.conversation.as_ref());
        if intent.stream {
            self.put("gen_ai.request.stream", json!({"boolValue": true}));
        }
        self.maybe("weir.app", intent.app.as_ref());
        self.maybe("weir.team", intent.team.as_ref());
        self.maybe("weir.key_id", intent.key_id.as_ref());
        self.maybe("weir.subject_ref", intent.subject_ref.as_ref());
        self.maybe("weir.purpose", intent.purpose.as_ref());
        self.maybe("weir.cost_center", intent.cost_center.as_ref());
        self.maybe("weir.route", intent.route.as_ref());
        self.maybe("weir.policy_set", Some(&intent.policy_set));
        self.maybe("weir.classifiers", intent.classifiers.as_ref());
        self.list("weir.tags", intent.tags.iter().map(|tag| format!("{}={}", tag.name, tag.value)));
    }

    fn completion(&mut self, end: &Completion) {
        self.maybe("gen_ai.provider.name", end.provider.as_ref());
        self.maybe("gen_ai.response.id", end.response_id.as_ref());
        self.maybe("gen_ai.response.model", end.answered_model.as_ref());
        self.list("gen_ai.response.finish_reasons", end.finish_reasons.iter().map(Text::to_string));
        if let Some(usage) = &end.usage {
            self.usage(usage);
        }
        self.maybe("error.type", end.error.as_ref());
        self.int("http.response.status_code", end.status.into());
        self.text("weir.decision", end.decision.as_str());
        self.text("weir.stream_state", stream_state(end.stream_state));
        self.maybe("weir.upstream", end.upstream.as_ref());
        self.maybe("weir.region", end.region.as_ref());
        self.list("weir.rules", end.hits.iter().map(rule));
        self.list("weir.redactions", end.redactions.iter().map(|it| format!("{}={}", it.entity, it.count)));
        self.int("weir.latency.total_us", end.latency.total_us);
        self.int("weir.latency.controls_us", end.latency.controls_us);
        if let Some(cost) = &end.cost {
            // Exact decimal text: money never becomes a float.
            self.text("weir.cost.usd", &cost.total.to_usd());
            self.maybe("weir.cost.catalogue", Some(&cost.catalogue));
        }
        if let Some(impact) = &end.impact {
            self.impact(impact);
        }
    }

    fn usage(&mut self, usage: &Usage) {
        self.int("gen_ai.usage.input_tokens", usage.input);
        self.int("gen_ai.usage.output_tokens", usage.output);
        self.int("gen_ai.usage.cache_read.input_tokens", usage.cached_input);
        self.int("gen_ai.usage.cache_creation.input_tokens", usage.cache_write);
        self.int("gen_ai.usage.reasoning.output_tokens", usage.reasoning);
        self.maybe("weir.usage.source", Some(&usage.source));
    }

    fn impact(&mut self, impact: &Impact) {
        let spans = [("energy_kwh", Some(&impact.energy_kwh)), ("gwp_kg", Some(&impact.gwp_kg))];
        for (name, span) in spans.into_iter().chain([("wcf_l", impact.wcf_l.as_ref())]) {
            let Some(Span { max, min }) = span else { continue };
            self.double(&format!("weir.impact.{name}.min"), min.0);
            self.double(&format!("weir.impact.{name}.max"), max.0);
        }
        self.maybe("weir.impact.method", Some(&impact.method));
        self.maybe("weir.impact.zone", Some(&impact.zone));
    }
}

/// The word a record uses.
pub(super) fn stream_state(state: StreamState) -> &'static str {
    match state {
        StreamState::Complete => "complete",
        StreamState::ClientAbort => "client_abort",
        StreamState::UpstreamAbort => "upstream_abort",
        StreamState::PolicyCut => "policy_cut",
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{END, INTENT, abandoned, completion, ended, open, reveal};
    use super::*;

    /// An attribute as `type:value`.
    fn attribute(record: &Value, key: &str) -> Option<String> {
        let found = record["attributes"].as_array().unwrap().iter().find(|it| it["key"] == key)?;
        let (kind, value) = found["value"].as_object().unwrap().iter().next().unwrap();
        Some(format!("{kind}:{}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    }

    #[test]
    fn a_call_has_the_names_of_the_conventions() {
        let record = call(&ended(completion("allow", 200)));
        assert_eq!(record["eventName"], EVENT);
        assert_eq!(record["timeUnixNano"], "1795413601500000000");
        assert_eq!((&record["severityNumber"], &record["severityText"]), (&json!(9), &json!("INFO")));
        for (key, expect) in [
            ("gen_ai.operation.name", "stringValue:chat"),
            ("gen_ai.provider.name", "stringValue:openai"),
            ("gen_ai.request.model", "stringValue:gpt-4o"),
            ("gen_ai.request.stream", "boolValue:true"),
            ("gen_ai.response.model", "stringValue:gpt-4o-2024"),
            ("gen_ai.response.id", "stringValue:cmpl-1"),
            ("gen_ai.response.finish_reasons", r#"arrayValue:{"values":[{"stringValue":"stop"}]}"#),
            ("gen_ai.response.time_to_first_chunk", "doubleValue:0.25"),
            ("gen_ai.conversation.id", "stringValue:c-1"),
            ("gen_ai.usage.input_tokens", "intValue:30"),
            ("gen_ai.usage.output_tokens", "intValue:12"),
            ("gen_ai.usage.cache_read.input_tokens", "intValue:2"),
            ("gen_ai.usage.cache_creation.input_tokens", "intValue:1"),
            ("gen_ai.usage.reasoning.output_tokens", "intValue:4"),
            ("http.response.status_code", "intValue:200"),
            ("weir.record_id", &format!("stringValue:{END}")),
            ("weir.intent.record_id", &format!("stringValue:{INTENT}")),
            ("weir.node_seq", "intValue:9"),
            ("weir.cost.usd", "stringValue:0.0000015"),
            ("weir.impact.gwp_kg.max", "doubleValue:0.2"),
            ("weir.impact.wcf_l.min", "doubleValue:1.0"),
        ] {
            assert_eq!(attribute(&record, key).as_deref(), Some(expect), "{key}");
        }
        for absent in ["weir.impact.wcf_l.max", "error.type"] {
            assert_eq!(attribute(&record, absent), None, "{absent}");
        }
    }

    #[test]
    fn severity_follows_the_outcome() {
        let check = |call_: Call, expect: &str| assert_eq!(call(&call_)["severityText"], expect);
        check(ended(completion("allow", 200)), "INFO");
        check(ended(completion("transformed", 200)), "INFO2");
        check(ended(completion("flagged", 200)), "WARN");
        check(ended(completion("blocked", 400)), "WARN");
        check(ended(completion("allow", 502)), "ERROR");
        check(ended(abandoned()), "WARN");
        check(open(), "INFO");
    }

    #[test]
    fn endpoints_get_the_operation_names_of_the_conventions() {
        let check = |endpoint: &str, expect: &str| assert_eq!(operation(endpoint), expect);
        check("chat", "chat");
        check("responses", "chat");
        check("completions", "text_completion");
        check("embeddings", "embeddings");
        check("moderations", "moderations");
    }

    #[test]
    fn a_record_of_no_call_names_who_did_what() {
        let record = record(&reveal());
        assert_eq!(record["eventName"], "weir.audit.reveal");
        assert_eq!(attribute(&record, "weir.actor").as_deref(), Some("stringValue:ann"));
        assert_eq!(attribute(&record, "weir.operation").as_deref(), Some("stringValue:reveal"));
    }
}
