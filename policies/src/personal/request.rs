//! The way to the model: findings are judged, and values replaced by pseudonyms.

use weir_classifiers::{Deadline, Detectors, EntityType, Finding};

use super::{
    NAME, PersonalPass,
    label::{self, Keys},
    unsearched,
};
use crate::coreference;
use crate::keeping::keep;
use crate::policy::OnFault;
use crate::slot::{Kind, Slot, Slots};
use crate::substitute::{self, Value};
use crate::tally::Decision;
use crate::treatment::Mode;
use crate::{Action, Fault, Verdict};

impl PersonalPass {
    /// Judges every slot, and replaces what a rule says.
    pub(super) fn read_request(&mut self, slots: &mut Slots, deadline: Deadline) -> Result<Verdict, Fault> {
        if self.rules.is_empty() && self.vault.is_empty() {
            return Ok(Verdict::Allow);
        }
        if slots.iter().any(|slot| slot.text().len() > Detectors::LONGEST) && self.is_mandatory() {
            return Err(Fault::Limit { control: NAME, limit: Detectors::LONGEST, unit: "bytes of one text" });
        }
        let mut decision = Decision::new();
        let mut values = Vec::with_capacity(slots.len());
        let mut keys = Keys::default();
        for slot in slots.iter() {
            let mut replaced = Vec::new();
            let found = match label::find(&self.shared.detectors, (slot, keys.of(slot)), deadline) {
                Ok(found) => found,
                Err(why) if self.is_mandatory() => return Err(unsearched(why)),
                Err(_) => Vec::new(),
            };
            if self.watch.shares_findings() {
                self.replies.note(slot, &found);
            }
            for found in found {
                let named = slot.kind() == Kind::Identifier;
                if named && !replaced.is_empty() {
                    continue;
                }
                if let Some(mode) = self.judge(found.entity, slot.path(), &mut decision) {
                    replaced.push(value(slot, found, mode));
                }
            }
            values.push(replaced);
        }
        if matches!(decision.0, Verdict::Deny(_)) {
            return Ok(decision.0);
        }
        coreference::resolve(slots, &mut values);
        let before = self.vault.len();
        self.replace(slots, &values)?;
        // Text that looks like an earlier pseudonym was escaped.
        if self.vault.len() > before {
            decision.tighten(Verdict::Transformed);
        }
        Ok(decision.0)
    }

    /// Notes every rule that a finding matches, and says how the finding is to be replaced, if at all: of several
    /// modes by the one that leaves the least.
    fn judge(&mut self, entity: EntityType, path: &str, decision: &mut Decision) -> Option<Mode> {
        let mut replace = None;
        for (_, rule) in self.rules.iter().filter(|(wanted, _)| *wanted == entity) {
            self.tally.hit(rule, path, entity.name());
            if !rule.is_enforced() {
                continue;
            }
            match rule.action {
                Action::Flag => decision.tighten(Verdict::Flagged),
                Action::Block => decision.tighten(Verdict::Deny(rule.denial())),
                Action::Pseudonymise | Action::Redact => {
                    decision.tighten(Verdict::Transformed);
                    replace = replace.max(Some(rule.treatment.of(entity.name())));
                    self.need = self.need.max(rule.need());
                }
            }
        }
        replace
    }

    fn replace(&mut self, slots: &mut Slots, values: &[Vec<Value>]) -> Result<(), Fault> {
        if values.iter().all(Vec::is_empty) && self.vault.is_empty() {
            return Ok(());
        }
        for (slot, found) in slots.iter().zip(values) {
            found.iter().for_each(|value| self.tally.replaced(slot, value));
        }
        let replaced = substitute::substitute(&mut self.vault, slots, values);
        if replaced.is_err() && self.may_not_pass() {
            return Err(Fault::Failed { control: NAME, reason: "no free pseudonym" });
        }
        if self.shared.hint {
            substitute::hint(slots);
        }
        self.promise = keep(self.keeper.as_deref(), (&self.caller, self.need), || self.vault.pairs());
        Ok(())
    }

    /// Whether a rule that acts must not be left out.
    fn is_mandatory(&self) -> bool {
        self.rules.iter().any(|(_, rule)| rule.is_enforced() && rule.on_fault == OnFault::Block)
    }

    /// Whether a rule that replaces must not be left out.
    fn may_not_pass(&self) -> bool {
        self.rules
            .iter()
            .any(|(_, rule)| rule.action.replaces() && rule.is_enforced() && rule.on_fault == OnFault::Block)
    }
}

/// What is replaced for a finding: the value itself, or the whole of a name or id, since a pseudonym
/// without brackets must stand alone.
fn value(slot: &Slot, found: Finding, mode: Mode) -> Value {
    let range = if slot.kind() == Kind::Identifier { 0..slot.text().len() } else { found.range };
    let canonical = found.entity.canonical(slot.text().get(range.clone()).unwrap_or_default());
    Value { range, kind: found.entity.name().to_owned(), canonical, mode }
}
