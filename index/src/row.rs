//! The rows of the index: one for each call, one for each record that belongs to no call.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::value::{Cell, ColumnType, LeafHash, Micros, Pico, Row, Value, row};

row! {
    /// What was known of a call when it was announced.
    Announced {
        /// When it was announced.
        time_us: Micros,
        /// The call's id.
        record_id: Uuid,
        /// Tenant of the caller.
        tenant: String,
        /// Application of the caller.
        app: Option<String>,
        /// Team of the caller.
        team: Option<String>,
        /// Key or token of the caller, by its public id.
        key_id: Option<String>,
        /// Random reference to the data subject; none once the subject is erased.
        subject_ref: Option<String>,
        /// Purpose the caller stated.
        purpose: Option<String>,
        /// Cost centre to charge.
        cost_center: Option<String>,
        /// Conversation the call belongs to; none once the subject is erased.
        conversation: Option<String>,
        /// Endpoint of the API.
        endpoint: String,
        /// Name of the route taken.
        route: Option<String>,
        /// Model asked for.
        requested_model: Option<String>,
        /// Hash of the policy set in force.
        policy_set: String,
        /// Retention class.
        retention: Option<String>,
        /// Whether a stream was asked for.
        stream: bool,
        /// Bytes of the request body.
        request_bytes: i64,
        /// The log the records stand in.
        source: Uuid,
        /// Lane of that log.
        lane: i64,
        /// Node that wrote the intent.
        node_id: String,
        /// Run of the writer.
        boot_id: Uuid,
        /// Position of the intent in its lane.
        intent_seq: i64,
        /// Leaf hash of the intent.
        intent_hash: LeafHash,
        /// Whether the intent left out detail.
        shed: bool,
    }
}

row! {
    /// How a call ended; without values while it is open.
    End {
        /// `open`, `completed` or `abandoned`.
        state: String,
        /// When it ended.
        end_us: Option<Micros>,
        /// Position of the end's record in its lane.
        end_seq: Option<i64>,
        /// Leaf hash of the end's record.
        end_hash: Option<LeafHash>,
        /// Whether the end's record left out detail.
        end_shed: Option<bool>,
        /// What the controls decided.
        decision: Option<String>,
        /// HTTP status returned to the caller.
        status: Option<i64>,
        /// Error code of the answer.
        error: Option<String>,
        /// How the reply ended.
        stream_state: Option<String>,
        /// Model the upstream says it used.
        answered_model: Option<String>,
        /// Upstream that answered.
        upstream: Option<String>,
        /// Provider behind it.
        provider: Option<String>,
        /// Its region.
        region: Option<String>,
        /// Prompt tokens.
        input_tokens: Option<i64>,
        /// Reply tokens.
        output_tokens: Option<i64>,
        /// Cost in pico-USD.
        cost_pico: Option<Pico>,
        /// Energy in kWh, lower end.
        energy_min_kwh: Option<f64>,
        /// Energy in kWh, upper end.
        energy_max_kwh: Option<f64>,
        /// Global warming potential in kg CO₂-equivalent, lower end.
        gwp_min_kg: Option<f64>,
        /// Global warming potential in kg CO₂-equivalent, upper end.
        gwp_max_kg: Option<f64>,
        /// From the request's arrival to the reply's end, in microseconds.
        latency_us: Option<i64>,
        /// Bytes of the reply body.
        reply_bytes: Option<i64>,
        /// Rules that hit, and what was redacted.
        hits: Option<Hits>,
    }
}

row! {
    /// What later records said about a call.
    Marks {
        /// State of its review; `pending` for a flagged call that nobody has judged.
        review: Option<String>,
        /// When its subject was erased.
        erased_us: Option<Micros>,
    }
}

row! {
    /// A record that belongs to no call.
    EventRow {
        /// When it was written.
        time_us: Micros,
        /// Its id.
        record_id: Uuid,
        /// `admin`, `reveal`, `review`, `export`, `erasure`, `hold`, `key` or `gap`.
        kind: String,
        /// Tenant concerned; empty for the node itself.
        tenant: String,
        /// Who acted.
        actor: Option<String>,
        /// The call concerned.
        call_id: Option<Uuid>,
        /// The subject concerned.
        subject_ref: Option<String>,
        /// The record's body, as JSON.
        body: String,
        /// The log it stands in.
        source: Uuid,
        /// Lane of that log.
        lane: i64,
        /// Node that wrote it.
        node_id: String,
        /// Position in its lane.
        node_seq: i64,
        /// Leaf hash of the record.
        hash: LeafHash,
    }
}

/// One call, as the index has it.
#[derive(Clone, Default, PartialEq, Serialize)]
pub struct CallRow {
    /// What was known of it when it was announced.
    #[serde(flatten)]
    pub announced: Announced,
    /// How it ended.
    #[serde(flatten)]
    pub end: End,
    /// What later records said about it.
    #[serde(flatten)]
    pub marks: Marks,
}

/// One rule that hit, or one type that was redacted (then without policy and rule).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HitRow {
    /// What was done.
    pub action: String,
    /// How often.
    pub count: u32,
    /// Entity type or term group.
    pub entity: String,
    /// Policy of the rule.
    pub policy: String,
    /// The rule.
    pub rule: String,
}

/// The hits of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hits(pub Vec<HitRow>);

impl Cell for Hits {
    const TYPE: ColumnType = ColumnType::Text;
    fn to_value(&self) -> Value<'_> {
        serde_json::to_string(self).map_or(Value::Null, |text| Value::Text(text.into()))
    }
    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Text(text) = value { serde_json::from_str(&text).ok() } else { None }
    }
}

impl End {
    /// The end of a call that has none yet.
    pub(crate) fn open() -> Self {
        Self { state: "open".to_owned(), ..Self::default() }
    }
}

impl CallRow {
    /// Names of all columns, in the order of [`CallRow::values`].
    pub(crate) fn columns() -> impl Iterator<Item = &'static (&'static str, ColumnType)> {
        Announced::COLUMNS.iter().chain(End::COLUMNS).chain(Marks::COLUMNS)
    }

    pub(crate) fn values(&self) -> Vec<Value<'_>> {
        let mut values = Vec::with_capacity(Announced::WIDTH + End::WIDTH + Marks::WIDTH);
        self.announced.show(&mut values);
        self.end.show(&mut values);
        self.marks.show(&mut values);
        values
    }

    pub(crate) fn from_values(values: Vec<Value<'static>>) -> Option<Self> {
        let mut values = values.into_iter();
        Some(Self {
            announced: Announced::from_values(&mut values)?,
            end: End::from_values(&mut values)?,
            marks: Marks::from_values(&mut values)?,
        })
    }
}

impl fmt::Debug for CallRow {
    /// Only where it stands: the rest may tell about a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Announced { record_id, lane, intent_seq, .. } = &self.announced;
        write!(f, "CallRow({record_id}, lane {lane}, record {intent_seq}, {})", self.end.state)
    }
}

impl fmt::Debug for EventRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventRow({}, {}, lane {}, record {})", self.kind, self.record_id, self.lane, self.node_seq)
    }
}
