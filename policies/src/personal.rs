//! The control for personal identifiers: found in the request, replaced by pseudonyms, and put back in
//! the reply.
//!
//! Every slot of the request is searched, whoever speaks in it. In slots of kind `Identifier` the whole text
//! is replaced, without brackets, since a name may hold none. Failure mode: when a pseudonym can't be made the
//! request is refused.

use std::collections::HashMap;
use std::sync::Arc;

use weir_classifiers::{EntityType, Finding, Identifiers};

use crate::policy::{OnFault, Rule, Stage, Target};
use crate::pseudonym::{Ended, PseudonymKey, Restorer, Vault};
use crate::slot::{Kind, Slot, Slots};
use crate::substitute::{self, Value};
use crate::tally::{Decision, Tally};
use crate::{Action, Caller, Channel, Control, Delta, Fault, Findings, Outcome, Pass, PolicySet, Verdict};

const NAME: &str = "personal-data";

/// The control; made once per policy set.
pub struct PersonalData {
    shared: Arc<Shared>,
    key: PseudonymKey,
}

/// What all passes of a policy set share.
struct Shared {
    rules: Vec<(EntityType, Arc<Rule>)>,
    identifiers: Identifiers,
    hint: bool,
}

impl PersonalData {
    /// The control for the rules of `policies` that look for personal identifiers.
    pub fn from(policies: &Arc<PolicySet>, key: &PseudonymKey) -> Self {
        let mut rules = Vec::new();
        let mut hint = false;
        for (policy, rule) in policies.rules(Stage::Request) {
            for target in &rule.find {
                if let Target::Entity(entity) = target {
                    rules.push((*entity, Arc::clone(rule)));
                    hint |= policy.keep_tokens_hint && rule.is_enforced();
                }
            }
        }
        let mut types: Vec<EntityType> = rules.iter().map(|(entity, _)| *entity).collect();
        types.sort_unstable();
        types.dedup();
        let identifiers = Identifiers::new(&types);
        Self { shared: Arc::new(Shared { rules, identifiers, hint }), key: key.clone() }
    }
}

impl Control for PersonalData {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin(&self, caller: &Caller) -> Box<dyn Pass> {
        Box::new(PersonalPass {
            shared: Arc::clone(&self.shared),
            vault: Vault::new(self.key.tenant(&caller.tenant)),
            channels: HashMap::new(),
            tally: Tally::default(),
        })
    }
}

/// One exchange. No `Debug`: it holds the caller's values.
struct PersonalPass {
    shared: Arc<Shared>,
    vault: Vault,
    channels: HashMap<Channel, Restorer>,
    tally: Tally,
}

impl Pass for PersonalPass {
    fn request(&mut self, slots: &mut Slots) -> Result<Verdict, Fault> {
        if self.shared.rules.is_empty() {
            return Ok(Verdict::Allow);
        }
        let mut decision = Decision::new();
        let mut values = Vec::with_capacity(slots.len());
        for slot in slots.iter() {
            let mut replaced = Vec::new();
            for found in self.shared.identifiers.find(slot.text()) {
                let named = slot.kind() == Kind::Identifier;
                if named && !replaced.is_empty() {
                    continue;
                }
                if self.judge(found.entity, slot.path(), &mut decision) {
                    replaced.push(value(slot, found));
                }
            }
            values.push(replaced);
        }
        if matches!(decision.0, Verdict::Deny(_)) {
            return Ok(decision.0);
        }
        self.replace(slots, &values)?;
        Ok(decision.0)
    }

    fn reply(&mut self, delta: &mut Delta) -> Result<Verdict, Fault> {
        if self.vault.is_empty() {
            return Ok(Verdict::Allow);
        }
        let ended = if delta.last { Ended::Yes } else { Ended::No };
        let channel = match self.channels.get_mut(&delta.channel) {
            Some(channel) => channel,
            None => self.channels.entry(delta.channel.clone()).or_default(),
        };
        let before = channel.restored();
        channel.push(&self.vault, &mut delta.text, (delta.kind, ended));
        let restored = channel.restored() > before;
        if delta.last {
            self.channels.remove(&delta.channel);
        }
        Ok(if restored { Verdict::Transformed } else { Verdict::Allow })
    }

    fn end(self: Box<Self>, _outcome: &Outcome) -> Findings {
        let (hits, redactions) = self.tally.into_parts();
        Findings { hits, redactions, ..Findings::none(NAME) }
    }

    fn watches_reply(&self) -> bool {
        !self.vault.is_empty()
    }
}

/// What is replaced for a finding: the value itself, or the whole of a name or id, since a pseudonym
/// without brackets must stand alone.
fn value(slot: &Slot, found: Finding) -> Value {
    let range = if slot.kind() == Kind::Identifier { 0..slot.text().len() } else { found.range };
    let canonical = found.entity.canonical(slot.text().get(range.clone()).unwrap_or_default());
    Value { range, kind: found.entity.name().to_owned(), canonical }
}

impl PersonalPass {
    /// Notes every rule that a finding matches, and says whether the finding is to be replaced.
    fn judge(&mut self, entity: EntityType, path: &str, decision: &mut Decision) -> bool {
        let mut replace = false;
        for (_, rule) in self.shared.rules.iter().filter(|(wanted, _)| *wanted == entity) {
            self.tally.hit(rule, path, entity.name());
            if !rule.is_enforced() {
                continue;
            }
            match rule.action {
                Action::Flag => decision.tighten(Verdict::Flagged),
                Action::Block => decision.tighten(Verdict::Deny(rule.denial())),
                Action::Pseudonymise => {
                    decision.tighten(Verdict::Transformed);
                    replace = true;
                }
            }
        }
        if replace {
            self.tally.redaction(entity.name());
        }
        replace
    }

    fn replace(&mut self, slots: &mut Slots, values: &[Vec<Value>]) -> Result<(), Fault> {
        if values.iter().all(Vec::is_empty) {
            return Ok(());
        }
        let replaced = substitute::substitute(&mut self.vault, slots, values);
        if replaced.is_err() && self.may_not_pass() {
            return Err(Fault::Failed { control: NAME, reason: "no free pseudonym" });
        }
        if self.shared.hint {
            substitute::hint(slots);
        }
        Ok(())
    }

    /// Whether a rule that replaces must not be left out.
    fn may_not_pass(&self) -> bool {
        self.shared.rules.iter().any(|(_, rule)| {
            rule.action == Action::Pseudonymise && rule.is_enforced() && rule.on_fault == OnFault::Block
        })
    }
}
