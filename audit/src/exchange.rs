//! What a call leaves in the log: the intent before the upstream is called, the completion after it.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text::{PicoUsd, Quantity, Text};

/// Most tags an intent keeps.
pub const MAX_TAGS: usize = 8;
/// Most rule hits, and most finish reasons, a completion keeps.
pub const MAX_HITS: usize = 8;
/// Most redaction types a completion keeps.
pub const MAX_REDACTIONS: usize = 16;
/// Most places of redactions a completion keeps.
pub const MAX_PLACES: usize = 16;

/// What is about to be done, and for whom. Written and synced before the upstream sees a byte.
///
/// No field may hold personal data: the caller's own identifier belongs in an erasable map, and
/// `subject_ref` is the random reference into it.
// INVARIANT: fields are declared in the order of their names, which makes the JSON canonical.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Intent {
    /// Application of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<Text>,
    /// Request bodies kept beside the log: as received, and as sent where that differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bodies: Vec<BodyRef>,
    /// Version of the classifiers that were active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classifiers: Option<Text>,
    /// Conversation the call belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Text>,
    /// Cost centre to charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_center: Option<Text>,
    /// Endpoint of the API, for example `chat`.
    pub endpoint: Text,
    /// Key or token the caller presented, by its public id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<Text>,
    /// Hash of the policy set in force.
    pub policy_set: Text,
    /// Purpose the caller stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Text>,
    /// The call's own id; its response carries it as `x-request-id`. Spelled in the envelope.
    #[serde(skip)]
    pub record_id: Uuid,
    /// Bytes of the request body as received.
    pub request_bytes: u64,
    /// Model the caller asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_model: Option<Text>,
    /// Retention class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Text>,
    /// Name of the route taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<Text>,
    /// Whether the caller asked for a stream.
    pub stream: bool,
    /// Random reference to the data subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_ref: Option<Text>,
    /// Tags the caller set; at most [`MAX_TAGS`] are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Team of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Text>,
    /// Tenant of the caller. Spelled in the envelope.
    #[serde(skip)]
    pub tenant: Text,
}

/// One tag set by the caller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tag {
    /// Its name.
    pub name: Text,
    /// Its value.
    pub value: Text,
}

/// How the call ended.
// INVARIANT: fields are declared in the order of their names, which makes the JSON canonical.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Completion {
    /// Model the upstream says it used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_model: Option<Text>,
    /// Upstreams tried, in order, where there was more than one try; at most [`MAX_HITS`] are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Reply bodies kept beside the log: as received, and as returned where that differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bodies: Vec<BodyRef>,
    /// Money, when the price is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// What the controls decided.
    pub decision: Decision,
    /// Error code of the answer, for example `content_filter`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Text>,
    /// Finish reasons by choice; at most [`MAX_HITS`] are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finish_reasons: Vec<Text>,
    /// Rules that hit; at most [`MAX_HITS`] are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hits: Vec<Hit>,
    /// Energy and carbon, when a method applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact: Option<Impact>,
    /// Where the time went.
    pub latency: Latency,
    /// Where redacted values stood; at most [`MAX_PLACES`] are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// Provider behind the upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Text>,
    /// Redactions by type; at most [`MAX_REDACTIONS`] are kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redactions: Vec<Redaction>,
    /// Region of the upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Text>,
    /// Bytes of the reply body as returned.
    pub reply_bytes: u64,
    /// Id the provider gave its response; an attribute, never a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_id: Option<Text>,
    /// HTTP status returned to the caller.
    pub status: u16,
    /// How the reply ended.
    pub stream_state: StreamState,
    /// Upstream that answered, if one was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Text>,
    /// Tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// What the log commits to of a body that is kept, encrypted, beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BodyRef {
    /// Commitment to the record key, base64url without padding: no other key can be shown to fit later.
    pub commitment: Text,
    /// The key that the record key was derived from, by its public reference.
    pub key: Text,
    /// Which body: `request`, `sent`, `reply` or `returned`.
    pub kind: Text,
    /// Bytes of the ciphertext.
    pub length: u64,
    /// SHA-256 of the ciphertext, base64url without padding.
    pub sha256: Text,
}

/// One upstream that was tried.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// What came of it: `ok`, `status N`, `connect`, `broken`, `late` or `busy`.
    pub result: Text,
    /// Its name.
    pub upstream: Text,
}

/// What the controls decided about a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Passed unchanged.
    #[default]
    Allow,
    /// Passed with edits.
    Transformed,
    /// Passed, and marked for review.
    Flagged,
    /// Refused.
    Blocked,
}

impl Decision {
    /// The word the record uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Transformed => "transformed",
            Self::Flagged => "flagged",
            Self::Blocked => "blocked",
        }
    }

    /// The decision a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Allow, Self::Transformed, Self::Flagged, Self::Blocked]
            .into_iter()
            .find(|it| it.as_str() == word)
    }
}

/// How the reply ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    /// Whole.
    #[default]
    Complete,
    /// The caller went away.
    ClientAbort,
    /// The upstream broke off.
    UpstreamAbort,
    /// A control cut it.
    PolicyCut,
}

/// Money for one call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Version of the price catalogue.
    pub catalogue: Text,
    /// For the prompt.
    pub input: PicoUsd,
    /// For the reply.
    pub output: PicoUsd,
    /// In all.
    pub total: PicoUsd,
}

/// Energy, carbon and water of one call, each as a range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    /// Energy in kWh.
    pub energy_kwh: Span,
    /// Global warming potential in kg CO₂-equivalent.
    pub gwp_kg: Span,
    /// How the figures were had.
    pub method: Text,
    /// Water consumption footprint in litres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wcf_l: Option<Span>,
    /// Electricity grid.
    pub zone: Text,
}

/// A closed range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Upper end.
    pub max: Quantity,
    /// Lower end.
    pub min: Quantity,
}

/// One rule that hit; never the text that it hit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// What the rule did, for example `block`.
    pub action: Text,
    /// How often it hit.
    pub count: u32,
    /// Entity type or term group.
    pub entity: Text,
    /// Policy the rule belongs to.
    pub policy: Text,
    /// The rule.
    pub rule: Text,
    /// The classifier's score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Quantity>,
    /// JSON Pointer of the slot.
    pub slot: Text,
}

/// Where the time of a call went, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// Inside controls.
    pub controls_us: u64,
    /// Until the upstream's first byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_us: Option<u64>,
    /// Waiting for a place at an upstream.
    pub queue_us: u64,
    /// From the request's arrival to the reply's end.
    pub total_us: u64,
}

/// How many values of one type were replaced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Redaction {
    /// How many.
    pub count: u32,
    /// Entity type.
    pub entity: Text,
}

/// Where a value stood that was replaced; never the value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// First byte after it in the slot's text as it was received, decoded to UTF-8.
    pub end: u64,
    /// Entity type or term list.
    pub entity: Text,
    /// How it was replaced: `token`, `surrogate`, `encrypt`, `hash`, `mask` or `drop`.
    pub mode: Text,
    /// JSON Pointer of the slot.
    pub slot: Text,
    /// Its first byte.
    pub start: u64,
}

/// Tokens of one call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens written to the provider's cache.
    pub cache_write: u64,
    /// Prompt tokens read from the provider's cache.
    pub cached_input: u64,
    /// All prompt tokens, the cached ones included.
    pub input: u64,
    /// All reply tokens, reasoning included.
    pub output: u64,
    /// Reasoning tokens.
    pub reasoning: u64,
    /// Who counted: `provider`, `counted` or `estimated`.
    pub source: Text,
    /// Whether the figures contradict each other.
    pub suspect: bool,
}
