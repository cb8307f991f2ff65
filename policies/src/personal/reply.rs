//! The way back: pseudonyms of the exchange become values again, and personal data that the caller did not
//! bring along is treated as the rules on replies say.
//!
//! The model's own words are searched before anything is restored, so a restored value is never judged, and a
//! pseudonym is never taken for personal data. Where a rule acts on replies, up to 224 bytes of a channel wait
//! for what follows, more while a long value goes on.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use weir_classifiers::{Deadline, Detectors, EntityType, Finding, Reading};

use super::known::Known;
use super::{NAME, Search, unsearched};
use crate::policy::{OnFault, Rule, Stage, Target};
use crate::pseudonym::{Ended, Restorer, Standing, Step, TenantKey, Vault, recognise};
use crate::screen::Piece;
use crate::slot::{Kind, Slot, Slots};
use crate::substitute::{Value, stand_in};
use crate::tally::{Decision, Tally};
use crate::treatment::Mode;
use crate::window::{Inspector, Window};
use crate::{Action, Caller, Channel, Delta, Fault, PolicySet, Verdict};

/// What is watched in replies.
#[derive(Clone)]
pub(super) struct Watch {
    rules: Arc<[Search]>,
    detectors: Detectors,
    /// Whether requests are searched for the same types, so that one search of a request serves both ways.
    is_shared: bool,
}

impl Watch {
    /// The rules of `policies` that look for personal data in replies; `requests` is what requests are searched
    /// for, and with, and `reading` who reads them. Replies come in small pieces: the fast tagger reads them.
    pub(super) fn new(policies: &PolicySet, requests: (&[EntityType], &Detectors), reading: Reading) -> Self {
        let mut rules: Vec<Search> = Vec::new();
        for (_, rule) in policies.rules(Stage::Reply) {
            for target in &rule.find {
                if let Target::Entity(entity) = target {
                    rules.push((*entity, Arc::clone(rule)));
                }
            }
        }
        let mut types: Vec<EntityType> = rules.iter().map(|(entity, _)| *entity).collect();
        types.sort_unstable();
        types.dedup();
        let is_shared = types == requests.0 && (reading == Reading::Fast || !Detectors::reads_words(&types));
        let detectors = if is_shared { requests.1.clone() } else { Detectors::new(&types) };
        Self { rules: rules.into(), detectors, is_shared }
    }

    /// What is watched for a caller: its rules alone, so that no text of it waits for others' sake.
    pub(super) fn concerning(&self, caller: &Caller) -> Self {
        if self.rules.iter().all(|(_, rule)| rule.is_general()) {
            return self.clone();
        }
        let own = self.rules.iter().filter(|(_, rule)| rule.concerns(caller)).cloned().collect();
        Self { rules: own, ..self.clone() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether what requests were found to hold serves here too.
    pub(super) fn shares_findings(&self) -> bool {
        self.is_shared && !self.is_empty()
    }

    /// Whether any rule changes or refuses text, so that undecided text must wait.
    fn acts(&self) -> bool {
        let acts = |rule: &Rule| rule.is_enforced() && rule.action != Action::Flag;
        self.rules.iter().any(|(_, rule)| acts(rule))
    }
}

/// The reply of one exchange. No `Debug`: it holds text of the reply.
pub(super) struct Replies {
    channels: HashMap<Channel, (Window, Restorer)>,
    /// What the caller brought along.
    known: Known,
    /// Values of the reply that are not the caller's own: their pseudonyms stay.
    invented: Vault,
}

/// What is at hand while a delta is judged.
pub(super) struct Desk<'d> {
    pub(super) watch: &'d Watch,
    pub(super) vault: &'d Vault,
    pub(super) tally: &'d mut Tally,
}

impl Replies {
    pub(super) fn new(key: TenantKey, caller: &Caller) -> Self {
        let invented = Vault::of(key, caller);
        Self { channels: HashMap::new(), known: Known::default(), invented }
    }

    /// Searches the request for what the caller brings along, before any of it is replaced.
    ///
    /// # Errors
    /// When a text could not be searched.
    pub(super) fn brought(&mut self, watch: &Watch, slots: &Slots, deadline: Deadline) -> Result<(), Fault> {
        if watch.is_empty() {
            return Ok(());
        }
        for slot in slots.iter() {
            let found = watch.detectors.search_by(slot.text(), deadline);
            self.note(slot, &found.map_err(unsearched)?);
        }
        Ok(())
    }

    /// Remembers what was found in a slot of the request.
    pub(super) fn note(&mut self, slot: &Slot, found: &[Finding]) {
        for finding in found {
            let text = slot.text().get(finding.range.clone()).unwrap_or_default();
            self.known.note(finding.entity, text);
        }
    }

    /// Judges and edits one delta.
    pub(super) fn push(&mut self, desk: Desk<'_>, delta: &mut Delta) -> Result<Verdict, Fault> {
        let Desk { watch, vault, tally } = desk;
        if vault.is_empty() && watch.is_empty() {
            return Ok(Verdict::Allow);
        }
        let ended = if delta.last { Ended::Yes } else { Ended::No };
        let (mut window, mut restorer) = self.channels.remove(&delta.channel).unwrap_or_default();
        let mut decision = Decision::new();
        if !watch.is_empty() {
            let piece = Piece { text: &delta.text, kind: delta.kind, ended };
            let mut guard = Guard {
                watch,
                vault,
                known: &self.known,
                invented: &mut self.invented,
                tally,
                place: (delta.channel.path(), delta.kind),
                decision: &mut decision,
                fault: None,
            };
            let text = window.push(piece, &mut guard);
            if let Some(fault) = guard.fault {
                return Err(fault);
            }
            if matches!(decision.0, Verdict::Deny(_)) {
                // A refused reply is cut by the relay; nothing of this delta may pass.
                delta.text.clear();
                return Ok(decision.0);
            }
            if watch.acts() {
                delta.text = text;
            }
        }
        if !vault.is_empty() {
            let before = restorer.restored();
            restorer.push(vault, &mut delta.text, (delta.kind, ended));
            if restorer.restored() > before {
                decision.tighten(Verdict::Transformed);
            }
        }
        if !delta.last {
            self.channels.insert(delta.channel.clone(), (window, restorer));
        }
        Ok(decision.0)
    }
}

/// Searches and judges the text of one delta.
struct Guard<'d> {
    watch: &'d Watch,
    vault: &'d Vault,
    known: &'d Known,
    invented: &'d mut Vault,
    tally: &'d mut Tally,
    place: (String, Kind),
    decision: &'d mut Decision,
    fault: Option<Fault>,
}

impl Inspector for Guard<'_> {
    fn find(&mut self, meant: &str, source: &str) -> Vec<Finding> {
        let found = self.watch.detectors.search(meant).unwrap_or_else(|why| {
            self.fault = Some(unsearched(why));
            Vec::new()
        });
        if found.is_empty() || self.vault.is_empty() {
            return found;
        }
        let pseudonyms = pseudonyms(self.vault, source);
        found.into_iter().flat_map(|finding| outside(finding, &pseudonyms)).collect()
    }

    fn judge(&mut self, finding: &Finding, text: &str) -> Option<String> {
        let entity = finding.entity;
        if self.known.holds(entity, text) {
            return None;
        }
        let (path, kind) = &self.place;
        let mut replace: Option<Mode> = None;
        let mut on_fault = OnFault::Allow;
        for (_, rule) in self.watch.rules.iter().filter(|(wanted, _)| *wanted == entity) {
            self.tally.hit(rule, path, entity.name());
            if !rule.is_enforced() {
                continue;
            }
            match rule.action {
                Action::Flag => self.decision.tighten(Verdict::Flagged),
                Action::Block => self.decision.tighten(Verdict::Deny(rule.denial())),
                // A name or id can't be replaced without breaking what refers to it.
                Action::Pseudonymise | Action::Redact if *kind == Kind::Identifier => {}
                Action::Pseudonymise | Action::Redact => {
                    self.decision.tighten(Verdict::Transformed);
                    replace = replace.max(Some(rule.treatment.of(entity.name())));
                    if rule.on_fault == OnFault::Block {
                        on_fault = OnFault::Block;
                    }
                }
            }
        }
        let mode = match replace? {
            // It could be that of another value, which the caller brought.
            Mode::Surrogate => Mode::Token,
            mode => mode,
        };
        let (kind, canonical) = (entity.name().to_owned(), entity.canonical(text));
        let value = Value { range: finding.range.clone(), kind, canonical, mode };
        let nothing = Standing::of(std::iter::empty());
        let written = stand_in(self.invented, (&value, text), (Kind::Prose, &nothing));
        if written.is_err() && on_fault == OnFault::Block {
            self.fault = Some(Fault::Failed { control: NAME, reason: "no free pseudonym" });
        }
        written.ok()
    }
}

/// Where pseudonyms of the exchange stand in a text.
fn pseudonyms(vault: &Vault, text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = text.get(at..).and_then(|rest| vault.first_begin(rest)) {
        at += offset;
        let (head, rest) = (text.get(..at).unwrap_or_default(), text.get(at..).unwrap_or_default());
        match recognise(vault, head, rest, Ended::Yes) {
            Step::Token(length, ..) => {
                found.push(at..at + length);
                at += length;
            }
            _ => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    found
}

/// The parts of a finding that are no pseudonyms.
fn outside(finding: Finding, pseudonyms: &[Range<usize>]) -> Vec<Finding> {
    let mut parts = Vec::new();
    let Range { mut start, end } = finding.range.clone();
    let touches = |taken: &&Range<usize>| taken.start < end && finding.range.start < taken.end;
    for taken in pseudonyms.iter().filter(touches) {
        if start < taken.start {
            parts.push(Finding { range: start..taken.start, ..finding.clone() });
        }
        start = taken.end;
    }
    if start < end {
        parts.push(Finding { range: start..end, ..finding });
    }
    parts
}
