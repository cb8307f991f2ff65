//! The control for input that is given as token ids: text that no other control can read.
//!
//! Where a rule looks into the requests of a caller, such input can't be judged, and what a rule does then says its
//! `on_fault`: by default the call is refused. A rule that names `token_ids` decides instead: it blocks, or flags
//! and lets pass.

use std::sync::Arc;

use crate::policy::{OnFault, Rule, Stage, Target};
use crate::slot::Slots;
use crate::tally::{Decision, Tally};
use crate::{Action, Caller, Control, Delta, Denial, Fault, Findings, Outcome, Pass, PolicySet, Verdict};

const NAME: &str = "token-ids";
/// What the rules call it.
pub(crate) const TOKEN_IDS: &str = "token_ids";
const UNREADABLE: &str =
    "Send the text itself: a policy looks into requests, and input given as token ids can't be read.";

/// The control; made once per policy set.
pub struct TokenIds {
    rules: Arc<Rules>,
}

struct Rules {
    /// Rules that name token ids.
    own: Vec<Arc<Rule>>,
    /// Rules that look into text and must not be left out.
    mandatory: Vec<Arc<Rule>>,
}

impl TokenIds {
    /// The control for the rules of `policies` on requests.
    pub fn from(policies: &PolicySet) -> Self {
        let all = || policies.rules(Stage::Request).map(|(_, rule)| rule);
        let names = |rule: &Rule| rule.find.contains(&Target::TokenIds);
        let reads = |rule: &Rule| rule.find.iter().any(|target| *target != Target::TokenIds);
        let must = |rule: &Rule| rule.is_enforced() && rule.on_fault == OnFault::Block;
        let own = all().filter(|rule| names(rule)).cloned().collect();
        let mandatory = all().filter(|rule| reads(rule) && must(rule)).cloned().collect();
        Self { rules: Arc::new(Rules { own, mandatory }) }
    }
}

impl Control for TokenIds {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin(&self, caller: &Caller) -> Box<dyn Pass> {
        Box::new(TokenPass {
            rules: Arc::clone(&self.rules),
            caller: caller.clone(),
            tally: Tally::default(),
        })
    }
}

struct TokenPass {
    rules: Arc<Rules>,
    caller: Caller,
    tally: Tally,
}

impl Pass for TokenPass {
    fn request(&mut self, slots: &mut Slots) -> Result<Verdict, Fault> {
        let Some(path) = slots.token_ids() else { return Ok(Verdict::Allow) };
        let mut decision = Decision::new();
        let mut decided = false;
        for rule in self.rules.own.iter().filter(|rule| rule.concerns(&self.caller)) {
            self.tally.hit(rule, path, TOKEN_IDS);
            if rule.is_enforced() {
                decided = true;
                decision.tighten(match rule.action {
                    Action::Block => Verdict::Deny(rule.denial()),
                    _ => Verdict::Flagged,
                });
            }
        }
        if let Some(rule) = self.rules.mandatory.iter().find(|rule| !decided && rule.concerns(&self.caller)) {
            self.tally.hit(rule, path, TOKEN_IDS);
            decision.tighten(Verdict::Deny(Denial { message: UNREADABLE.to_owned(), ..rule.denial() }));
        }
        Ok(decision.0)
    }

    fn reply(&mut self, _delta: &mut Delta) -> Result<Verdict, Fault> {
        Ok(Verdict::Allow)
    }

    fn end(self: Box<Self>, _outcome: &Outcome) -> Findings {
        self.tally.into_findings(NAME)
    }

    fn watches_reply(&self) -> bool {
        false
    }
}
