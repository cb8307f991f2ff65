//! How a record becomes canonical JSON of bounded length, without an allocation of its own.

use serde::Serialize;
use uuid::Uuid;

use crate::canonical::{self, Unsupported};
use crate::event::{AdminEvent, Erasure, Event, Export, Hold, KeyEvent, Reveal, Review};
use crate::exchange::{Completion, Intent, MAX_HITS, MAX_PLACES, MAX_REDACTIONS, MAX_TAGS};
use crate::record::{Abandoned, Gap, Kind, MAX_RECORD, Reason, SCHEMA};
use crate::text::{Stamp, Text};

/// The body of a record that is yet to be written.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "most records are completions, and one more allocation for each costs more than the room"
)]
pub(crate) enum Body {
    Intent(Intent),
    Completion { intent_id: Uuid, tenant: Text, completion: Completion },
    Abandoned { intent_id: Uuid, tenant: Text, reason: Reason },
    Event(Event),
    Gap(Gap),
}

/// What the envelope says beside the body.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub boot_id: Uuid,
    pub clock_offset_us: i64,
    pub monotonic_us: u64,
    pub node_id: &'a str,
    pub node_seq: u64,
    pub record_id: Uuid,
    pub time: Stamp,
}

/// The record as it is written: [`Record`], borrowed.
// INVARIANT: the same fields in the same order as `Record`.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    abandoned: Option<Abandoned>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<&'a AdminEvent>,
    boot_id: Uuid,
    clock_offset_us: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion: Option<&'a Completion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    erasure: Option<&'a Erasure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    export: Option<&'a Export>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<&'a Gap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<&'a Hold>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent: Option<&'a Intent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intent_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a KeyEvent>,
    kind: Kind,
    monotonic_us: u64,
    node_id: &'a str,
    node_seq: u64,
    record_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    reveal: Option<&'a Reveal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    review: Option<&'a Review>,
    schema: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shed: bool,
    tenant: &'a str,
    time: Stamp,
}

/// Appends the record's JSON to `out`, shedding detail until it fits [`MAX_RECORD`].
pub(crate) fn write(
    body: &mut Body,
    envelope: &Envelope<'_>,
    shed: Shed,
    out: &mut Vec<u8>,
) -> Result<(), Unsupported> {
    let start = out.len();
    let mut shed = if body.bound() { shed.max(Shed::Excess) } else { shed };
    loop {
        body.shed(shed);
        let mut line = Line::new(envelope, shed);
        line.set_body(body);
        canonical::append(&line, out)?;
        if out.len() - start <= MAX_RECORD || shed == Shed::Clipped {
            return Ok(());
        }
        out.truncate(start);
        shed = match shed {
            Shed::Nothing | Shed::Excess if body.drop_places() => Shed::Excess,
            Shed::Nothing | Shed::Excess => Shed::Lists,
            Shed::Lists | Shed::Clipped => Shed::Clipped,
        };
    }
}

/// How much detail a record leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shed {
    /// None.
    Nothing,
    /// What is beyond the length of its list.
    Excess,
    /// Tags, and where rules hit.
    Lists,
    /// Also the ends of long texts.
    Clipped,
}

impl<'a> Line<'a> {
    fn new(envelope: &Envelope<'a>, shed: Shed) -> Self {
        Self {
            abandoned: None,
            admin: None,
            boot_id: envelope.boot_id,
            clock_offset_us: envelope.clock_offset_us,
            completion: None,
            erasure: None,
            export: None,
            gap: None,
            hold: None,
            intent: None,
            intent_id: None,
            key: None,
            kind: Kind::Intent,
            monotonic_us: envelope.monotonic_us,
            node_id: envelope.node_id,
            node_seq: envelope.node_seq,
            record_id: envelope.record_id,
            reveal: None,
            review: None,
            schema: SCHEMA,
            shed: shed != Shed::Nothing,
            tenant: "",
            time: envelope.time,
        }
    }

    fn set_body(&mut self, body: &'a Body) {
        match body {
            Body::Intent(intent) => {
                self.record_id = intent.record_id;
                self.tenant = intent.tenant.as_str();
                self.intent = Some(intent);
            }
            Body::Completion { intent_id, tenant, completion } => {
                self.kind = Kind::Completion;
                self.intent_id = Some(*intent_id);
                self.tenant = tenant.as_str();
                self.completion = Some(completion);
            }
            Body::Abandoned { intent_id, tenant, reason } => {
                self.kind = Kind::Abandoned;
                self.intent_id = Some(*intent_id);
                self.tenant = tenant.as_str();
                self.abandoned = Some(Abandoned { reason: *reason });
            }
            Body::Event(event) => {
                self.tenant = event.tenant().as_str();
                self.set_event(event);
            }
            Body::Gap(gap) => {
                self.kind = Kind::Gap;
                self.gap = Some(gap);
            }
        }
    }

    fn set_event(&mut self, event: &'a Event) {
        match event {
            Event::Admin(it) => (self.kind, self.admin) = (Kind::Admin, Some(it)),
            Event::Erasure(it) => (self.kind, self.erasure) = (Kind::Erasure, Some(it)),
            Event::Export(it) => (self.kind, self.export) = (Kind::Export, Some(it)),
            Event::Hold(it) => (self.kind, self.hold) = (Kind::Hold, Some(it)),
            Event::Key(it) => (self.kind, self.key) = (Kind::Key, Some(it)),
            Event::Reveal(it) => (self.kind, self.reveal) = (Kind::Reveal, Some(it)),
            Event::Review(it) => (self.kind, self.review) = (Kind::Review, Some(it)),
        }
    }
}

impl Body {
    /// The intent that this record closes.
    pub(crate) fn closes(&self) -> Option<Uuid> {
        match self {
            Self::Completion { intent_id, .. } | Self::Abandoned { intent_id, .. } => Some(*intent_id),
            Self::Intent(_) | Self::Event(_) | Self::Gap(_) => None,
        }
    }

    /// Cuts lists to their bounds; whether anything was cut.
    fn bound(&mut self) -> bool {
        match self {
            Self::Intent(intent) => cut(&mut intent.tags, MAX_TAGS),
            Self::Completion { completion, .. } => {
                let cuts = [
                    cut(&mut completion.attempts, MAX_HITS),
                    cut(&mut completion.finish_reasons, MAX_HITS),
                    cut(&mut completion.hits, MAX_HITS),
                    cut(&mut completion.places, MAX_PLACES),
                    cut(&mut completion.redactions, MAX_REDACTIONS),
                ];
                cuts.contains(&true)
            }
            Self::Abandoned { .. } | Self::Event(_) | Self::Gap(_) => false,
        }
    }

    /// Leaves out where redacted values stood; whether there were any. Nothing else is told in so many words.
    fn drop_places(&mut self) -> bool {
        let Self::Completion { completion, .. } = self else { return false };
        !std::mem::take(&mut completion.places).is_empty()
    }

    fn shed(&mut self, shed: Shed) {
        if shed < Shed::Lists {
            return;
        }
        match self {
            Self::Intent(intent) => intent.tags.clear(),
            Self::Completion { completion, .. } => {
                completion.finish_reasons.truncate(1);
                completion.attempts.clear();
                completion.hits.iter_mut().for_each(|hit| hit.slot = Text::default());
            }
            Self::Abandoned { .. } | Self::Event(_) | Self::Gap(_) => {}
        }
        if shed == Shed::Clipped {
            self.clip();
        }
    }

    fn clip(&mut self) {
        if let Self::Completion { completion, .. } = self {
            completion.places.clear();
            completion.hits.truncate(3);
            completion.redactions.truncate(4);
        }
        self.for_each_text(&mut |text| text.clip(40));
    }

    /// Shows every text but the tenant's name to `visit`: keys, holds and filters go by the whole name.
    fn for_each_text(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        match self {
            Self::Intent(intent) => intent.for_each_text(visit),
            Self::Completion { completion, .. } => completion.for_each_text(visit),
            Self::Event(event) => event.for_each_text(visit),
            Self::Abandoned { .. } | Self::Gap(_) => {}
        }
    }
}

impl Intent {
    fn for_each_text(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        let optional = [
            &mut self.app,
            &mut self.classifiers,
            &mut self.conversation,
            &mut self.cost_center,
            &mut self.key_id,
            &mut self.purpose,
            &mut self.requested_model,
            &mut self.retention,
            &mut self.route,
            &mut self.team,
        ];
        let own = [&mut self.endpoint, &mut self.policy_set];
        optional.into_iter().flatten().chain(own).for_each(visit);
    }
}

impl Completion {
    fn for_each_text(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        let optional = [
            &mut self.answered_model,
            &mut self.error,
            &mut self.provider,
            &mut self.region,
            &mut self.response_id,
            &mut self.upstream,
        ];
        optional.into_iter().flatten().chain(&mut self.finish_reasons).for_each(&mut *visit);
        for attempt in &mut self.attempts {
            visit(&mut attempt.result);
            visit(&mut attempt.upstream);
        }
        for hit in &mut self.hits {
            let own = [&mut hit.action, &mut hit.entity, &mut hit.policy, &mut hit.rule];
            own.into_iter().for_each(&mut *visit);
        }
        for place in &mut self.places {
            [&mut place.entity, &mut place.mode, &mut place.slot].into_iter().for_each(&mut *visit);
        }
        self.redactions.iter_mut().for_each(|it| visit(&mut it.entity));
        if let Some(cost) = &mut self.cost {
            visit(&mut cost.catalogue);
        }
        if let Some(impact) = &mut self.impact {
            visit(&mut impact.method);
            visit(&mut impact.zone);
        }
        if let Some(usage) = &mut self.usage {
            visit(&mut usage.source);
        }
    }
}

fn cut<T>(list: &mut Vec<T>, max: usize) -> bool {
    let is_long = list.len() > max;
    list.truncate(max);
    is_long
}
