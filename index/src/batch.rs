//! Lines of the log become rows: what one transaction writes, and the position behind it.

use std::collections::{HashMap, HashSet};

use serde_json::json;
use uuid::Uuid;
use weir_audit::exchange::StreamState;
use weir_audit::read::Line;
use weir_audit::record::Kind;
use weir_audit::{Completion, Intent, Quantity, Record, Text};

use crate::error::IndexError;
use crate::row::{Announced, CallRow, End, EventRow, HitRow, Hits, Marks};
use crate::store::Erasure;
use crate::value::{LeafHash, Micros, Pico, clamp, row};

/// One lane of one log, among all that are indexed in the same database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LaneId {
    /// The log; see [`crate::source_of`].
    pub source: Uuid,
    /// The lane.
    pub lane: u16,
}

row! {
    /// How far a lane is indexed, and what was found on the way. Moves in the same transaction as the rows.
    #[derive(Copy, Debug, Eq)]
    Watermark {
        /// Position of the last record indexed; 0 for none.
        seq: u64,
        /// Its leaf hash.
        hash: LeafHash,
        /// Its time.
        time_us: Micros,
        /// Records that were pruned from the log before they could be indexed.
        skipped: u64,
        /// Intents read.
        intents: u64,
        /// Completions read.
        completions: u64,
        /// Abandoned records read.
        abandoned: u64,
        /// Ends without an indexed intent: it was pruned from the log, or had ended before.
        orphans: u64,
        /// Calls that retention dropped from the index.
        pruned: u64,
    }
}

/// Kinds of the terms a call can be found by, beside its columns.
pub(crate) const RULE: &str = "rule";
pub(crate) const LABEL: &str = "label";
pub(crate) const MODEL: &str = "model";

/// The end of a call that stands in an earlier batch, or in none.
pub(crate) struct LateEnd {
    pub call: Uuid,
    pub end: End,
}

/// A review's newest state.
pub(crate) struct Reviewed {
    pub call: Uuid,
    pub state: String,
    pub time: Micros,
}

/// The rows of some consecutive records of one lane.
pub struct Batch {
    pub(crate) lane: LaneId,
    /// The position the records follow.
    pub(crate) from: Watermark,
    /// The position behind them. `orphans` still lacks those that only the database can tell.
    pub(crate) to: Watermark,
    pub(crate) calls: Vec<CallRow>,
    pub(crate) ends: Vec<LateEnd>,
    pub(crate) events: Vec<EventRow>,
    pub(crate) erasures: Vec<Erasure>,
    pub(crate) reviews: Vec<Reviewed>,
    /// Where a call of this batch stands in `calls`.
    places: HashMap<Uuid, usize>,
    /// Which calls `ends` has an end of: a second one is one too many.
    late: HashSet<Uuid>,
}

impl Batch {
    /// The rows of `lines`, which follow the position `from`.
    ///
    /// # Errors
    /// As [`Batch::add`].
    pub fn new(lane: LaneId, from: Watermark, lines: &[Line]) -> Result<Self, IndexError> {
        let mut batch = Self::behind(lane, from);
        lines.iter().try_for_each(|line| batch.add(line.seq, &line.json))?;
        Ok(batch)
    }

    /// Empties it, to stand behind the position `from`. Its memory stays: for each batch anew, it would have to be
    /// cleared first.
    pub(crate) fn begin(&mut self, from: Watermark) {
        (self.from, self.to) = (from, from);
        self.calls.clear();
        self.ends.clear();
        self.events.clear();
        self.erasures.clear();
        self.reviews.clear();
        self.places.clear();
        self.late.clear();
    }

    /// No rows yet, behind the position `from`.
    pub fn behind(lane: LaneId, from: Watermark) -> Self {
        Self {
            lane,
            from,
            to: from,
            calls: Vec::new(),
            ends: Vec::new(),
            events: Vec::new(),
            erasures: Vec::new(),
            reviews: Vec::new(),
            places: HashMap::new(),
            late: HashSet::new(),
        }
    }

    /// How many records it holds.
    pub fn records(&self) -> u64 {
        self.to.seq - self.from.seq - (self.to.skipped - self.from.skipped)
    }

    /// Adds the record whose canonical JSON stands at the position `seq`.
    ///
    /// # Errors
    /// [`IndexError::Unreadable`] if it is no record, or does not say the position it stands at.
    pub fn add(&mut self, seq: u64, json: &[u8]) -> Result<(), IndexError> {
        let unreadable = || IndexError::Unreadable { lane: self.lane.lane, seq };
        let mut record = Record::parse(json).map_err(|_| unreadable())?;
        if record.node_seq != seq || seq <= self.to.seq {
            return Err(unreadable());
        }
        let hash = LeafHash::of(json);
        self.to.skipped += seq - self.to.seq - 1;
        (self.to.seq, self.to.hash, self.to.time_us) = (seq, hash, record.time.into());
        match (record.kind, record.intent_id) {
            (Kind::Intent, _) => {
                self.to.intents += 1;
                let call = record.intent.take().ok_or_else(unreadable)?;
                self.places.insert(record.record_id, self.calls.len());
                let announced = announced(record, call, self.lane, hash);
                self.calls.push(CallRow { announced, end: End::open(), marks: Marks::default() });
            }
            (Kind::Completion | Kind::Abandoned, Some(call)) => self.add_end(record, call, hash),
            (Kind::Completion | Kind::Abandoned, None) => return Err(unreadable()),
            _ => self.add_event(&record, hash),
        }
        Ok(())
    }

    fn add_end(&mut self, record: Record, call: Uuid, hash: LeafHash) {
        match record.kind {
            Kind::Abandoned => self.to.abandoned += 1,
            _ => self.to.completions += 1,
        }
        let end = end(record, hash);
        let place = self.places.get(&call).and_then(|at| self.calls.get_mut(*at));
        match place.filter(|row| row.end.end_seq.is_none()) {
            Some(row) => {
                row.marks.review = end.review().map(str::to_owned);
                row.end = end;
            }
            None if self.late.insert(call) => self.ends.push(LateEnd { call, end }),
            None => self.to.orphans += 1,
        }
    }

    fn add_event(&mut self, record: &Record, hash: LeafHash) {
        let event = event(record, self.lane, hash);
        if let (Some(_), Some(subject_ref)) = (&record.erasure, event.subject_ref.clone()) {
            let tenant = record.tenant.as_str().to_owned();
            self.erasures.push(Erasure { tenant, subject_ref, time: record.time.into() });
        }
        if let Some(review) = &record.review {
            let state = review.state.as_str().to_owned();
            self.reviews.push(Reviewed { call: review.call, state, time: record.time.into() });
        }
        self.events.push(event);
    }
}

impl CallRow {
    /// What the call can be found by, beside its columns: models, rules, labels.
    pub(crate) fn terms(&self) -> Vec<(&'static str, &str)> {
        let mut terms: Vec<_> =
            self.announced.requested_model.iter().map(|it| (MODEL, it.as_str())).collect();
        terms.extend(self.end.terms().into_iter().filter(|(kind, value)| {
            *kind != MODEL || self.announced.requested_model.as_deref() != Some(*value)
        }));
        terms
    }
}

impl End {
    pub(crate) fn terms(&self) -> Vec<(&'static str, &str)> {
        let mut terms: Vec<_> = self.answered_model.iter().map(|it| (MODEL, it.as_str())).collect();
        for hit in self.hits.iter().flat_map(|hits| &hits.0) {
            terms.extend([(RULE, hit.rule.as_str()), (LABEL, hit.entity.as_str())]);
        }
        terms.retain(|(_, value)| !value.is_empty());
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// The state of review that a call gets by its end: flagged calls wait for a person.
    pub(crate) fn review(&self) -> Option<&'static str> {
        (self.decision.as_deref() == Some("flagged")).then_some("pending")
    }
}

fn text(text: Option<Text>) -> Option<String> {
    text.map(String::from)
}

fn announced(record: Record, call: Intent, lane: LaneId, hash: LeafHash) -> Announced {
    Announced {
        time_us: record.time.into(),
        record_id: record.record_id,
        tenant: record.tenant.into(),
        app: text(call.app),
        team: text(call.team),
        key_id: text(call.key_id),
        subject_ref: text(call.subject_ref),
        purpose: text(call.purpose),
        cost_center: text(call.cost_center),
        conversation: text(call.conversation),
        endpoint: call.endpoint.into(),
        route: text(call.route),
        requested_model: text(call.requested_model),
        policy_set: call.policy_set.into(),
        retention: text(call.retention),
        stream: call.stream,
        request_bytes: clamp(call.request_bytes),
        source: lane.source,
        lane: i64::from(lane.lane),
        node_id: record.node_id.into(),
        boot_id: record.boot_id,
        intent_seq: clamp(record.node_seq),
        intent_hash: hash,
        shed: record.shed,
    }
}

fn end(record: Record, hash: LeafHash) -> End {
    let end = End {
        state: if record.kind == Kind::Abandoned { "abandoned" } else { "completed" }.to_owned(),
        end_us: Some(record.time.into()),
        end_seq: Some(clamp(record.node_seq)),
        end_hash: Some(hash),
        end_shed: Some(record.shed),
        ..End::default()
    };
    let Some(completion) = record.completion else { return end };
    let known = |quantity: Quantity| Some(quantity.0).filter(|it| it.is_finite());
    let impact = completion.impact.as_ref();
    End {
        decision: Some(completion.decision.as_str().to_owned()),
        status: Some(i64::from(completion.status)),
        stream_state: Some(stream_state(completion.stream_state).to_owned()),
        input_tokens: completion.usage.as_ref().map(|it| clamp(it.input)),
        output_tokens: completion.usage.as_ref().map(|it| clamp(it.output)),
        cost_pico: completion.cost.as_ref().map(|it| Pico::from(it.total)),
        energy_min_kwh: impact.and_then(|it| known(it.energy_kwh.min)),
        energy_max_kwh: impact.and_then(|it| known(it.energy_kwh.max)),
        gwp_min_kg: impact.and_then(|it| known(it.gwp_kg.min)),
        gwp_max_kg: impact.and_then(|it| known(it.gwp_kg.max)),
        latency_us: Some(clamp(completion.latency.total_us)),
        reply_bytes: Some(clamp(completion.reply_bytes)),
        hits: hits(&completion),
        error: text(completion.error),
        answered_model: text(completion.answered_model),
        upstream: text(completion.upstream),
        provider: text(completion.provider),
        region: text(completion.region),
        ..end
    }
}

fn stream_state(state: StreamState) -> &'static str {
    match state {
        StreamState::Complete => "complete",
        StreamState::ClientAbort => "client_abort",
        StreamState::UpstreamAbort => "upstream_abort",
        StreamState::PolicyCut => "policy_cut",
    }
}

fn hits(completion: &Completion) -> Option<Hits> {
    let own = |text: &Text| text.as_str().to_owned();
    let hit = completion.hits.iter().map(|it| HitRow {
        action: own(&it.action),
        count: it.count,
        entity: own(&it.entity),
        policy: own(&it.policy),
        rule: own(&it.rule),
    });
    // What a rule did is not told twice.
    let is_told = |entity: &Text| completion.hits.iter().any(|hit| hit.entity == *entity);
    let redacted = completion.redactions.iter().filter(|it| !is_told(&it.entity)).map(|it| HitRow {
        action: "redact".to_owned(),
        count: it.count,
        entity: own(&it.entity),
        ..HitRow::default()
    });
    let hits: Vec<_> = hit.chain(redacted).collect();
    (!hits.is_empty()).then_some(Hits(hits))
}

fn event(record: &Record, lane: LaneId, hash: LeafHash) -> EventRow {
    let (actor, call_id, subject) = match record.kind {
        Kind::Admin => (record.admin.as_ref().map(|it| &it.actor), None, None),
        Kind::Reveal => {
            let it = record.reveal.as_ref();
            (it.map(|it| &it.actor), it.and_then(|it| it.call), None)
        }
        Kind::Review => {
            let it = record.review.as_ref();
            (it.map(|it| &it.actor), it.map(|it| it.call), None)
        }
        Kind::Export => (record.export.as_ref().map(|it| &it.actor), None, None),
        Kind::Erasure => {
            let it = record.erasure.as_ref();
            (it.map(|it| &it.actor), None, it.map(|it| &it.subject_ref))
        }
        Kind::Hold => {
            let it = record.hold.as_ref();
            (it.map(|it| &it.actor), None, it.and_then(|it| it.subject_ref.as_ref()))
        }
        Kind::Key => (record.key.as_ref().map(|it| &it.actor), None, None),
        Kind::Gap | Kind::Intent | Kind::Completion | Kind::Abandoned => (None, None, None),
    };
    EventRow {
        time_us: record.time.into(),
        record_id: record.record_id,
        kind: record.kind.as_str().to_owned(),
        tenant: record.tenant.as_str().to_owned(),
        actor: actor.map(|it| it.as_str().to_owned()),
        call_id,
        subject_ref: subject.map(|it| it.as_str().to_owned()),
        body: body(record),
        source: lane.source,
        lane: i64::from(lane.lane),
        node_id: record.node_id.as_str().to_owned(),
        node_seq: clamp(record.node_seq),
        hash,
    }
}

fn body(record: &Record) -> String {
    let body = match record.kind {
        Kind::Admin => json!(record.admin),
        Kind::Reveal => json!(record.reveal),
        Kind::Review => json!(record.review),
        Kind::Export => json!(record.export),
        Kind::Erasure => json!(record.erasure),
        Kind::Hold => json!(record.hold),
        Kind::Key => json!(record.key),
        Kind::Gap => json!(record.gap),
        Kind::Intent | Kind::Completion | Kind::Abandoned => json!({}),
    };
    body.to_string()
}
