//! Counts what rules matched, for the record: places and numbers, never text.

use crate::policy::Rule;
use crate::slot::Slot;
use crate::substitute::Value;
use crate::{Findings, Hit, Place, Verdict};

/// The hits of one exchange, one entry for each rule and subject, at the first place it matched.
#[derive(Default)]
pub(crate) struct Tally {
    hits: Vec<Hit>,
    redactions: Vec<(String, u32)>,
    places: Vec<Place>,
}

/// Most places that are kept of one control.
const MOST_PLACES: usize = 16;

impl Tally {
    pub(crate) fn hit(&mut self, rule: &Rule, path: &str, subject: &str) {
        let same = |hit: &&mut Hit| {
            hit.rule == rule.id
                && hit.subject == subject
                && hit.policy == rule.policy
                && hit.action == rule.action
        };
        match self.hits.iter_mut().find(same) {
            Some(hit) => hit.count = hit.count.saturating_add(1),
            None => self.hits.push(Hit {
                policy: rule.policy.clone(),
                rule: rule.id.clone(),
                path: path.to_owned(),
                subject: subject.to_owned(),
                action: rule.action,
                count: 1,
                enforced: rule.mode,
            }),
        }
    }

    fn redaction(&mut self, kind: &str) {
        match self.redactions.iter_mut().find(|(known, _)| known == kind) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.redactions.push((kind.to_owned(), 1)),
        }
    }

    /// Notes a value of a slot that is about to be replaced.
    pub(crate) fn replaced(&mut self, slot: &Slot, value: &Value) {
        self.redaction(&value.kind);
        if self.places.len() < MOST_PLACES {
            self.places.push(Place {
                path: slot.path().to_owned(),
                range: slot.original(value.range.clone()),
                subject: value.kind.clone(),
                mode: value.mode.name(),
            });
        }
    }

    /// What the record keeps of the control `control`.
    pub(crate) fn into_findings(self, control: &'static str) -> Findings {
        let Self { hits, redactions, places } = self;
        Findings { hits, redactions, places, ..Findings::none(control) }
    }
}

/// What a control decided so far in one call; the most restrictive wins, the first among equals.
pub(crate) struct Decision(pub(crate) Verdict);

impl Decision {
    pub(crate) fn new() -> Self {
        Self(Verdict::Allow)
    }

    pub(crate) fn tighten(&mut self, verdict: Verdict) {
        let refused = matches!(self.0, Verdict::Deny(_));
        if !refused && verdict > self.0 {
            self.0 = verdict;
        }
    }
}
