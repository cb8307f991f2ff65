//! OCSF 1.8.0 events of the class API Activity (6003) with the profiles `ai_operation` and `security_control`.
//!
//! Names, numbers and required attributes follow that release of the schema. What has no place in it stands under
//! `unmapped.weir`.

use serde_json::{Value, json};

use super::{Act, Members, act, last, otel, rule};
use crate::exchange::{Completion, Decision, Impact, Intent, StreamState};
use crate::read::Call;
use crate::record::{Kind, Record};
use crate::text::Text;

/// The pinned version of the schema.
pub const VERSION: &str = "1.8.0";
/// API Activity.
pub const CLASS: u32 = 6003;
/// Name a deployment's unknown parts are given, where the schema demands one.
const UNKNOWN: &str = "unknown";

/// An event for a call.
pub fn call(call: &Call) -> Value {
    let record = last(call);
    let (intent, end) = (call.announced(), call.completion());
    let started = call.time().unix_micros() / 1000;
    let mut event = base(record, Activity::Inference)
        .put("start_time", started)
        .put("actor", actor(intent))
        .put("src_endpoint", json!({"name": UNKNOWN}))
        .put("api", api(call))
        .put("message_context", message_context(call))
        .maybe("ai_model", ai_model(call))
        .put("unmapped", json!({"weir": weir(call)}));
    event = status(event, call);
    if let Some(end) = end {
        event = control(event, end, intent)
            .put("end_time", record.time.unix_micros() / 1000)
            .put("duration", end.latency.total_us / 1000)
            .put("http_response", json!({"code": end.status, "body_length": end.reply_bytes}))
            .maybe("dst_endpoint", end.upstream.as_ref().map(|it| json!({"svc_name": it.as_str()})));
    }
    event.done()
}

/// An event for a record that belongs to no call.
pub fn record(record: &Record) -> Value {
    let Act { actor, operation, body } = act(record);
    let name = actor.map_or_else(|| "weir".to_owned(), |it| it.to_string());
    base(record, activity(record.kind))
        .put("actor", json!({"user": {"name": name}}))
        .put("src_endpoint", json!({"name": UNKNOWN}))
        .put("api", json!({"operation": operation, "service": {"name": "weir audit"}}))
        .put("severity_id", 2)
        .put("status_id", 1)
        .put("unmapped", json!({"weir": {"kind": record.kind.as_str(), "body": body}}))
        .done()
}

enum Activity {
    Read,
    Update,
    Delete,
    Inference,
    Other,
}

fn activity(kind: Kind) -> Activity {
    match kind {
        Kind::Reveal | Kind::Export => Activity::Read,
        Kind::Admin | Kind::Review | Kind::Hold | Kind::Key => Activity::Update,
        Kind::Erasure => Activity::Delete,
        _ => Activity::Other,
    }
}

fn base(record: &Record, activity: Activity) -> Members {
    let (id, name) = match activity {
        Activity::Read => (2, "Read"),
        Activity::Update => (3, "Update"),
        Activity::Delete => (4, "Delete"),
        Activity::Inference => (99, "Inference"),
        Activity::Other => (99, "Other"),
    };
    let metadata = Members::default()
        .put("version", VERSION)
        .put("profiles", json!(["ai_operation", "security_control"]))
        .put("product", json!({"name": "Weir", "vendor_name": "Weir", "version": env!("CARGO_PKG_VERSION")}))
        .put("uid", record.record_id.to_string())
        .put("sequence", record.node_seq)
        .put("log_name", "audit")
        .put("reporter", json!({"uid": record.node_id.as_str()}))
        .put("original_time", record.time.to_string())
        .text("tenant_uid", Some(&record.tenant));
    Members::default()
        .put("category_uid", 6)
        .put("category_name", "Application Activity")
        .put("class_uid", CLASS)
        .put("class_name", "API Activity")
        .put("activity_id", id)
        .put("activity_name", name)
        .put("type_uid", CLASS * 100 + id)
        .put("time", record.time.unix_micros() / 1000)
        .put("metadata", metadata.done())
}

fn actor(intent: Option<&Intent>) -> Value {
    let user = intent.and_then(|it| it.key_id.as_ref().or(it.subject_ref.as_ref()));
    let app = intent.and_then(|it| it.app.as_ref());
    let actor = Members::default()
        .maybe("user", user.map(|it| json!({"uid": it.as_str()})))
        .put("app_name", app.map_or(UNKNOWN, Text::as_str));
    actor.done()
}

fn api(call: &Call) -> Value {
    let endpoint = call.announced().map_or(UNKNOWN, |it| it.endpoint.as_str());
    let end = call.completion();
    let response =
        end.map(|end| Members::default().put("code", end.status).text("error", end.error.as_ref()).done());
    Members::default()
        .put("operation", endpoint)
        .put("request", json!({"uid": call.id().to_string()}))
        .maybe("response", response)
        .put("service", json!({"name": "weir"}))
        .done()
}

fn ai_model(call: &Call) -> Option<Value> {
    let end = call.completion();
    let asked = call.announced().and_then(|it| it.requested_model.as_ref());
    let answered = end.and_then(|it| it.answered_model.as_ref());
    let provider = end.and_then(|it| it.provider.as_ref());
    let name = answered.or(asked)?;
    Some(json!({"name": name.as_str(), "ai_provider": provider.map_or(UNKNOWN, Text::as_str)}))
}

fn message_context(call: &Call) -> Value {
    let intent = call.announced();
    let usage = call.completion().and_then(|it| it.usage.as_ref());
    Members::default()
        .put("ai_role_id", 2)
        .put("ai_role", "Assistant")
        .put("service", json!({"name": "weir"}))
        .maybe("application", intent.and_then(|it| it.app.as_ref()).map(|it| json!({"name": it.as_str()})))
        .put(
            "uid",
            intent
                .and_then(|it| it.conversation.as_ref())
                .map_or_else(|| call.id().to_string(), Text::to_string),
        )
        .maybe("prompt_tokens", usage.map(|it| it.input))
        .maybe("completion_tokens", usage.map(|it| it.output))
        .maybe("total_tokens", usage.map(|it| it.input.saturating_add(it.output)))
        .done()
}

fn status(event: Members, call: &Call) -> Members {
    let end = call.completion();
    let (id, detail) = match end {
        Some(end) if end.status < 400 && end.stream_state == StreamState::Complete => (1, None),
        Some(end) => {
            (2, end.error.as_ref().map_or_else(|| otel::stream_state(end.stream_state), Text::as_str).into())
        }
        None if call.state() == "abandoned" => (2, Some("abandoned")),
        None => (0, None),
    };
    let severity = match end.map(|it| it.decision) {
        Some(Decision::Blocked) => 3,
        Some(Decision::Flagged) => 2,
        _ if id == 2 => 2,
        _ => 1,
    };
    event
        .put("status_id", id)
        .maybe("status_code", end.map(|it| it.status.to_string()))
        .maybe("status_detail", detail)
        .put("severity_id", severity)
}

/// The profile `security_control`: what was decided, and by which policy.
fn control(event: Members, end: &Completion, intent: Option<&Intent>) -> Members {
    let (action, disposition, name) = match end.decision {
        Decision::Allow => (1, 1, "Allowed"),
        Decision::Transformed => (4, 11, "Corrected"),
        Decision::Flagged => (3, 18, "Tagged"),
        Decision::Blocked => (2, 2, "Blocked"),
    };
    let policy = end.hits.first().map(|hit| {
        Members::default()
            .put("name", hit.policy.as_str())
            .put("is_applied", true)
            .text("version", intent.map(|it| &it.policy_set))
            .done()
    });
    event
        .put("action_id", action)
        .put("disposition_id", disposition)
        .put("disposition", name)
        .put("is_alert", matches!(end.decision, Decision::Blocked | Decision::Flagged))
        .maybe("policy", policy)
}

/// What the schema has no place for.
fn weir(call: &Call) -> Value {
    let (intent, end) = (call.announced(), call.completion());
    let text = |pick: fn(&Intent) -> Option<&Text>| intent.and_then(pick);
    Members::default()
        .put("state", call.state())
        .put("intent_node_seq", call.intent.node_seq)
        .text("policy_set", intent.map(|it| &it.policy_set))
        .text("team", text(|it| it.team.as_ref()))
        .text("subject_ref", text(|it| it.subject_ref.as_ref()))
        .text("purpose", text(|it| it.purpose.as_ref()))
        .text("cost_center", text(|it| it.cost_center.as_ref()))
        .text("route", text(|it| it.route.as_ref()))
        .maybe("decision", end.map(|it| it.decision.as_str()))
        .maybe("rules", end.map(|it| it.hits.iter().map(rule).collect::<Vec<_>>()))
        .maybe("redactions", end.map(|it| serde_json::to_value(&it.redactions).unwrap_or_default()))
        .maybe("cost_usd", end.and_then(|it| it.cost.as_ref()).map(|it| it.total.to_usd()))
        .maybe("impact", end.and_then(|it| it.impact.as_ref()).map(impact))
        .done()
}

fn impact(impact: &Impact) -> Value {
    serde_json::to_value(impact).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{END, INTENT, abandoned, completion, ended, open, reveal};
    use super::*;

    /// Every attribute that the schema requires of the class and of the objects that stand in it.
    const REQUIRED: [&str; 16] = [
        "/category_uid",
        "/class_uid",
        "/activity_id",
        "/type_uid",
        "/time",
        "/severity_id",
        "/metadata/version",
        "/metadata/product/name",
        "/metadata/uid",
        "/metadata/sequence",
        "/metadata/reporter/uid",
        "/actor",
        "/api/operation",
        "/src_endpoint/name",
        "/status_id",
        "/unmapped/weir",
    ];

    #[test]
    fn every_event_has_what_the_schema_requires() {
        let calls =
            [open(), ended(completion("allow", 200)), ended(completion("blocked", 400)), ended(abandoned())];
        for event in calls.iter().map(call).chain([record(&reveal())]) {
            for pointer in REQUIRED {
                assert!(event.pointer(pointer).is_some_and(|it| !it.is_null()), "{pointer} in {event}");
            }
            let numbers = ["/class_uid", "/activity_id", "/type_uid"]
                .map(|it| event.pointer(it).unwrap().as_u64().unwrap());
            assert_eq!(numbers[0] * 100 + numbers[1], numbers[2]);
        }
    }

    #[test]
    fn a_call_carries_model_tokens_and_decision() {
        let event = call(&ended(completion("blocked", 400)));
        for (pointer, expect) in [
            ("/metadata/uid", json!(END.to_string())),
            ("/api/request/uid", json!(INTENT.to_string())),
            ("/metadata/sequence", json!(9)),
            ("/metadata/tenant_uid", json!("acme")),
            ("/time", json!(1_795_413_601_500_u64)),
            ("/duration", json!(1500)),
            ("/ai_model", json!({"name": "gpt-4o-2024", "ai_provider": "openai"})),
            ("/message_context/total_tokens", json!(42)),
            ("/message_context/uid", json!("c-1")),
            ("/action_id", json!(2)),
            ("/disposition_id", json!(2)),
            ("/is_alert", json!(true)),
            ("/policy/name", json!("p")),
            ("/severity_id", json!(3)),
            ("/status_id", json!(2)),
            ("/status_detail", json!("content_filter")),
            ("/unmapped/weir/rules", json!(["p/r"])),
            ("/unmapped/weir/cost_usd", json!("0.0000015")),
        ] {
            assert_eq!(event.pointer(pointer), Some(&expect), "{pointer}");
        }
    }

    #[test]
    fn an_open_call_claims_no_outcome() {
        let event = call(&open());
        assert_eq!((&event["status_id"], &event["metadata"]["uid"]), (&json!(0), &json!(INTENT.to_string())));
        assert_eq!((event.get("action_id"), event.get("end_time")), (None, None));
    }

    #[test]
    fn a_reveal_is_a_read_by_somebody() {
        let event = record(&reveal());
        assert_eq!((&event["activity_id"], &event["actor"]["user"]["name"]), (&json!(2), &json!("ann")));
        assert_eq!(event["unmapped"]["weir"]["body"]["reason"], "case 4");
    }
}
