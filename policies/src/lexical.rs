//! The control for listed words and patterns: block, pseudonymise or flag, in requests and replies.
//!
//! A reply is held back only while its end may still become a listed term, and only when a rule would
//! act on it; a term that blocks is never passed on, not even in part. Failure mode: a term stretched
//! over more than 16 KiB can't be judged, and the rule's `on_fault` decides.

use std::collections::HashMap;
use std::sync::Arc;

use weir_classifiers::{EntityType, Lexicon, Term, TermGroup};

use crate::keeping::{Need, keep};
use crate::policy::{OnFault, Rule, Stage, Target};
use crate::pseudonym::{Ended, PseudonymKey, Restorer, Standing, Vault};
use crate::screen::{LIMIT, Piece, Screen, Settled, TooLong};
use crate::slot::{Kind, Slots};
use crate::substitute::{self, Value};
use crate::tally::{Decision, Tally};
use crate::treatment::Mode;
use crate::{
    Action, Caller, Channel, Control, Delta, Fault, Findings, Keeper, Outcome, Pair, Pass, PolicySet,
    Promise, Verdict,
};

const NAME: &str = "lexical-screen";

/// The control; made once per policy set.
pub struct LexicalScreen {
    shared: Arc<Shared>,
    key: PseudonymKey,
    keeper: Option<Arc<dyn Keeper>>,
}

struct Shared {
    request: Watch,
    reply: Watch,
    hint: bool,
}

/// What is watched in one direction.
struct Watch {
    lexicon: Lexicon,
    /// By group of the lexicon: the list's name and the rule it serves.
    groups: Vec<(String, Arc<Rule>)>,
}

impl LexicalScreen {
    /// The control for the rules of `policies` that look for lists.
    ///
    /// # Errors
    /// When all lists together are too large to be searched for at once.
    pub fn from(policies: &Arc<PolicySet>, key: &PseudonymKey) -> Result<Self, Fault> {
        let hint = policies.rules(Stage::Request).any(|(policy, rule)| {
            let lists = rule.find.iter().any(|target| matches!(target, Target::List(_)));
            policy.keep_tokens_hint && lists && rule.is_enforced()
        });
        let request = Watch::new(policies, Stage::Request)?;
        let reply = Watch::new(policies, Stage::Reply)?;
        Ok(Self { shared: Arc::new(Shared { request, reply, hint }), key: key.clone(), keeper: None })
    }

    /// The control, with someone who keeps values beyond their exchange.
    #[must_use]
    pub fn keeping(self, keeper: Option<Arc<dyn Keeper>>) -> Self {
        Self { keeper, ..self }
    }
}

impl Watch {
    fn new(policies: &PolicySet, stage: Stage) -> Result<Self, Fault> {
        let mut groups = Vec::new();
        let mut terms: Vec<TermGroup> = Vec::new();
        for (policy, rule) in policies.rules(stage) {
            for target in &rule.find {
                let Target::List(index) = target else { continue };
                if let Some((name, list)) = policy.lists.get(*index) {
                    groups.push((name.clone(), Arc::clone(rule)));
                    terms.push(list.clone());
                }
            }
        }
        let lexicon = Lexicon::new(&terms)
            .map_err(|_| Fault::Failed { control: NAME, reason: "the lists are too large" })?;
        Ok(Self { lexicon, groups })
    }

    /// Whether any rule changes or refuses text, so that undecided text must wait.
    fn acts(&self) -> bool {
        self.groups.iter().any(|(_, rule)| rule.is_enforced() && rule.action != Action::Flag)
    }

    /// Whether a rule that acts must not be left out.
    fn may_not_pass(&self) -> bool {
        let strict = |rule: &Rule| {
            rule.is_enforced() && rule.action != Action::Flag && rule.on_fault == OnFault::Block
        };
        self.groups.iter().any(|(_, rule)| strict(rule))
    }
}

impl Control for LexicalScreen {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin(&self, caller: &Caller) -> Box<dyn Pass> {
        let mut vault = Vault::of(self.key.tenant(&caller.tenant), caller);
        let own_kind = |pair: &&Pair| EntityType::parse(&pair.kind).is_none();
        caller.earlier.iter().filter(own_kind).for_each(|pair| vault.recall(pair));
        Box::new(LexicalPass {
            shared: Arc::clone(&self.shared),
            caller: caller.clone(),
            keeper: self.keeper.clone(),
            vault,
            invented: Vault::of(self.key.tenant(&caller.tenant), caller),
            channels: HashMap::new(),
            tally: Tally::default(),
            need: Need::default(),
            promise: None,
        })
    }
}

/// One exchange. No `Debug`: it holds the caller's values.
struct LexicalPass {
    shared: Arc<Shared>,
    caller: Caller,
    keeper: Option<Arc<dyn Keeper>>,
    /// Values of the request, which are put back in the reply.
    vault: Vault,
    /// Terms of the reply that are not the caller's own: their pseudonyms stay.
    invented: Vault,
    channels: HashMap<Channel, (Screen, Restorer)>,
    tally: Tally,
    /// Whether a rule that replaced something demands that it is kept.
    need: Need,
    promise: Option<Promise>,
}

impl Pass for LexicalPass {
    fn request(&mut self, slots: &mut Slots) -> Result<Verdict, Fault> {
        if self.shared.request.lexicon.is_empty() && self.vault.is_empty() {
            return Ok(Verdict::Allow);
        }
        let shared = Arc::clone(&self.shared);
        let mut decision = Decision::new();
        let mut values = Vec::with_capacity(slots.len());
        for slot in slots.iter() {
            let terms = shared.request.lexicon.find(slot.text());
            let changes = judge(self.noting(&shared.request), (&terms, slot.path()), &mut decision);
            // A name or id can't be replaced without breaking what refers to it.
            let changes = if slot.kind() == Kind::Identifier { Vec::new() } else { changes };
            self.need = changes.iter().map(|change| change.need).fold(self.need, Need::max);
            values.push(changes.into_iter().map(|change| change.value(slot.text())).collect::<Vec<_>>());
        }
        let untouched = values.iter().all(Vec::is_empty) && self.vault.is_empty();
        if matches!(decision.0, Verdict::Deny(_)) || untouched {
            return Ok(decision.0);
        }
        let before = self.vault.len();
        for (slot, found) in slots.iter().zip(&values) {
            found.iter().for_each(|value| self.tally.replaced(slot, value));
        }
        let replaced = substitute::substitute(&mut self.vault, slots, &values);
        if replaced.is_err() && shared.request.may_not_pass() {
            return Err(Fault::Failed { control: NAME, reason: "no free pseudonym" });
        }
        if self.vault.len() > before {
            decision.tighten(Verdict::Transformed);
        }
        if shared.hint {
            substitute::hint(slots);
        }
        self.promise = keep(self.keeper.as_deref(), (&self.caller, self.need), || self.vault.pairs());
        Ok(decision.0)
    }

    fn reply(&mut self, delta: &mut Delta) -> Result<Verdict, Fault> {
        let mut channel = self.channels.remove(&delta.channel).unwrap_or_default();
        let mut decision = Decision::new();
        if !self.shared.reply.lexicon.is_empty() {
            self.screen(&mut channel.0, delta, &mut decision)?;
        }
        if !self.vault.is_empty() {
            let restorer = &mut channel.1;
            let before = restorer.restored();
            let place = (delta.kind, ended(delta));
            restorer.push(&self.vault, &mut delta.text, place);
            if restorer.restored() > before {
                decision.tighten(Verdict::Transformed);
            }
        }
        if !delta.last {
            self.channels.insert(delta.channel.clone(), channel);
        }
        Ok(decision.0)
    }

    fn end(self: Box<Self>, _outcome: &Outcome) -> Findings {
        self.tally.into_findings(NAME)
    }

    fn watches_reply(&self) -> bool {
        !self.shared.reply.lexicon.is_empty() || !self.vault.is_empty()
    }

    fn names(&self) -> Vec<String> {
        self.vault.pairs().into_iter().map(|pair| pair.name).collect()
    }

    fn awaits(&mut self) -> Option<Promise> {
        self.promise.take()
    }
}

/// What a judgement notes, and for whom and by which lists it judges.
struct Noting<'p> {
    tally: &'p mut Tally,
    watch: &'p Watch,
    caller: &'p Caller,
}

impl LexicalPass {
    fn noting<'p>(&'p mut self, watch: &'p Watch) -> Noting<'p> {
        Noting { tally: &mut self.tally, watch, caller: &self.caller }
    }

    /// Judges what a delta decides, and leaves in it what may be passed on.
    fn screen(
        &mut self,
        screen: &mut Screen,
        delta: &mut Delta,
        decision: &mut Decision,
    ) -> Result<(), Fault> {
        let shared = Arc::clone(&self.shared);
        let watch = &shared.reply;
        let piece = Piece { text: &delta.text, kind: delta.kind, ended: ended(delta) };
        let judged = screen.push(&watch.lexicon, piece, |settled| {
            if settled.terms.is_empty() {
                return Ok(settled.text.get(settled.range).unwrap_or_default().to_owned());
            }
            let changes = judge(self.noting(watch), (&settled.terms, &delta.channel.path()), decision);
            self.rewrite(&settled, &changes)
        });
        match judged {
            // A refused reply is cut by the relay; nothing of this delta may pass.
            Ok(_) if matches!(decision.0, Verdict::Deny(_)) => delta.text.clear(),
            Ok(text) if watch.acts() => delta.text = text?,
            Ok(text) => drop(text?),
            Err(_) if watch.may_not_pass() => {
                return Err(Fault::Limit { control: NAME, limit: LIMIT, unit: "bytes held back" });
            }
            Err(TooLong(text)) if watch.acts() => delta.text = text,
            Err(_) => {}
        }
        Ok(())
    }

    /// The decided text with listed terms replaced, except those the caller brought along.
    fn rewrite(&mut self, settled: &Settled<'_>, changes: &[Change]) -> Result<String, Fault> {
        let mut text = String::with_capacity(settled.range.len());
        let mut from = settled.range.start;
        for change in changes {
            let value = change.value(settled.text);
            let spelling = settled.text.get(value.range.clone()).unwrap_or_default();
            text.push_str(settled.text.get(from..value.range.start).unwrap_or_default());
            from = value.range.end;
            if self.vault.knows(&value.kind, spelling) {
                text.push_str(spelling);
                continue;
            }
            let nothing = Standing::of(std::iter::empty());
            let written =
                substitute::stand_in(&mut self.invented, (&value, spelling), (Kind::Prose, &nothing))
                    .map_err(|_| Fault::Failed { control: NAME, reason: "no free pseudonym" })?;
            text.push_str(&written);
        }
        text.push_str(settled.text.get(from..settled.range.end).unwrap_or_default());
        Ok(text)
    }
}

/// A term to be replaced, and the list it is on.
struct Change {
    term: Term,
    list: String,
    mode: Mode,
    need: Need,
}

impl Change {
    fn value(&self, text: &str) -> Value {
        let spelling = text.get(self.term.range.clone()).unwrap_or_default();
        let canonical = spelling.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        Value {
            range: self.term.range.clone(),
            kind: self.list.to_ascii_uppercase(),
            canonical,
            mode: self.mode,
        }
    }
}

/// Notes every rule that terms match, tightens the decision, and says which terms are to be replaced:
/// in order, the longer of two that overlap.
fn judge(noting: Noting<'_>, found: (&[Term], &str), decision: &mut Decision) -> Vec<Change> {
    let (terms, path) = found;
    let Noting { tally, watch, caller } = noting;
    let mut changes: Vec<Change> = Vec::new();
    for term in terms {
        let Some((list, rule)) = watch.groups.get(term.group) else { continue };
        if !rule.concerns(caller) {
            continue;
        }
        tally.hit(rule, path, list);
        if !rule.is_enforced() {
            continue;
        }
        match rule.action {
            Action::Flag => decision.tighten(Verdict::Flagged),
            Action::Block => decision.tighten(Verdict::Deny(rule.denial())),
            Action::Pseudonymise | Action::Redact => {
                decision.tighten(Verdict::Transformed);
                let mode = rule.treatment.of(&list.to_ascii_uppercase());
                let (term, list, need) = (term.clone(), list.clone(), rule.need());
                keep_longer(&mut changes, Change { term, list, mode, need });
            }
        }
    }
    changes
}

fn keep_longer(changes: &mut Vec<Change>, next: Change) {
    match changes.last_mut() {
        Some(last) if next.term.range.start < last.term.range.end => {
            // Whatever overlaps is replaced as one, so that no part of either remains.
            let whole = last.term.range.start..last.term.range.end.max(next.term.range.end);
            last.term.range = whole;
            last.mode = last.mode.max(next.mode);
            last.need = last.need.max(next.need);
        }
        _ => changes.push(next),
    }
}

fn ended(delta: &Delta) -> Ended {
    if delta.last { Ended::Yes } else { Ended::No }
}
