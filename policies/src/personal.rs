//! The control for personal data and secrets: found in the request, replaced by pseudonyms, and put back
//! in the reply.
//!
//! Every slot of the request is searched, whoever speaks in it. In slots of kind `Identifier` the whole text
//! is replaced, without brackets, since a name may hold none. Failure mode: when a pseudonym can't be made, or
//! a text is too long to be searched, the request is refused.

mod known;
mod label;
mod reply;
mod request;

use std::sync::Arc;
use std::time::Duration;

use weir_classifiers::{Deadline, Detectors, EntityType, Reading, Unsearched};

use crate::keeping::Need;
use crate::policy::{Rule, Stage, Target};
use crate::pseudonym::{PseudonymKey, Vault};
use crate::slot::Slots;
use crate::tally::Tally;
use crate::{
    Caller, Control, Delta, Fault, Findings, Keeper, Outcome, Pair, Pass, PolicySet, Promise, Verdict,
};
use reply::{Desk, Replies, Watch};

const NAME: &str = "personal-data";
/// Largest body that the fast tagger reads without holding up others: some two milliseconds.
const LIGHT: usize = 2 << 10;

/// What a text that wasn't searched is to the gateway.
fn unsearched(why: Unsearched) -> Fault {
    let reason = match why {
        Unsearched::Failed => "a text could not be searched",
        Unsearched::Late => "a text could not be searched in time",
    };
    Fault::Failed { control: NAME, reason }
}

/// The control; made once per policy set.
pub struct PersonalData {
    shared: Arc<Shared>,
    key: PseudonymKey,
    keeper: Option<Arc<dyn Keeper>>,
}

/// A type that is looked for, and the rule that asks for it.
type Search = (EntityType, Arc<Rule>);

/// What all passes of a policy set share.
#[derive(Clone)]
struct Shared {
    rules: Arc<[Search]>,
    /// Whether every rule is for every caller.
    is_general: bool,
    detectors: Detectors,
    hint: bool,
    watch: Watch,
    /// Largest body that is read without holding up others.
    light: usize,
    /// How long the search of a request may take.
    patience: Option<Duration>,
}

impl PersonalData {
    /// The control for the rules of `policies` that look for personal identifiers.
    pub fn from(policies: &Arc<PolicySet>, key: &PseudonymKey) -> Self {
        let mut rules: Vec<Search> = Vec::new();
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
        let reading = policies.reading();
        let detectors = Detectors::reading(&types, reading);
        let is_general = rules.iter().all(|(_, rule)| rule.is_general());
        let watch = Watch::new(policies, (&types, &detectors), reading);
        let light = match reading {
            _ if !Detectors::reads_words(&types) => usize::MAX,
            Reading::Fast => LIGHT,
            Reading::Unsure | Reading::Accurate => 0,
        };
        let shared =
            Shared { rules: rules.into(), is_general, detectors, hint, watch, light, patience: None };
        Self { shared: Arc::new(shared), key: key.clone(), keeper: None }
    }

    /// The control, with a limit on the time that the search of one request may take. A request that takes longer
    /// could not be evaluated.
    #[must_use]
    pub fn within(self, patience: Duration) -> Self {
        let mut shared = Arc::unwrap_or_clone(self.shared);
        shared.patience = Some(patience);
        Self { shared: Arc::new(shared), ..self }
    }

    /// The control, with someone who keeps values beyond their exchange.
    #[must_use]
    pub fn keeping(self, keeper: Option<Arc<dyn Keeper>>) -> Self {
        Self { keeper, ..self }
    }
}

impl Control for PersonalData {
    fn name(&self) -> &'static str {
        NAME
    }

    fn begin(&self, caller: &Caller) -> Box<dyn Pass> {
        let rules = &self.shared.rules;
        let mut vault = Vault::of(self.key.tenant(&caller.tenant), caller);
        // Pseudonyms of lists are the lexical screen's.
        let own_kind = |pair: &&Pair| EntityType::parse(&pair.kind).is_some();
        caller.earlier.iter().filter(own_kind).for_each(|pair| vault.recall(pair));
        let own = || rules.iter().filter(|(_, rule)| rule.concerns(caller)).cloned().collect();
        Box::new(PersonalPass {
            shared: Arc::clone(&self.shared),
            rules: if self.shared.is_general { Arc::clone(rules) } else { own() },
            vault,
            caller: caller.clone(),
            keeper: self.keeper.clone(),
            watch: self.shared.watch.concerning(caller),
            replies: Replies::new(self.key.tenant(&caller.tenant), caller),
            tally: Tally::default(),
            need: Need::default(),
            promise: None,
        })
    }
}

/// One exchange. No `Debug`: it holds the caller's values.
struct PersonalPass {
    shared: Arc<Shared>,
    /// The rules that are for the caller.
    rules: Arc<[Search]>,
    vault: Vault,
    caller: Caller,
    keeper: Option<Arc<dyn Keeper>>,
    watch: Watch,
    replies: Replies,
    tally: Tally,
    /// Whether a rule that replaced something demands that it is kept.
    need: Need,
    promise: Option<Promise>,
}

impl Pass for PersonalPass {
    fn request(&mut self, slots: &mut Slots) -> Result<Verdict, Fault> {
        let deadline = self.shared.patience.map_or(Deadline::NEVER, Deadline::within);
        if self.rules.is_empty() || !self.watch.shares_findings() {
            self.replies.brought(&self.watch, slots, deadline)?;
        }
        self.read_request(slots, deadline)
    }

    fn reply(&mut self, delta: &mut Delta) -> Result<Verdict, Fault> {
        let Self { watch, vault, replies, tally, .. } = self;
        replies.push(Desk { watch, vault, tally }, delta)
    }

    fn light(&self) -> usize {
        self.shared.light
    }

    fn end(self: Box<Self>, _outcome: &Outcome) -> Findings {
        self.tally.into_findings(NAME)
    }

    fn watches_reply(&self) -> bool {
        !self.vault.is_empty() || !self.watch.is_empty()
    }

    fn names(&self) -> Vec<String> {
        self.vault.pairs().into_iter().map(|pair| pair.name).collect()
    }

    fn awaits(&mut self) -> Option<Promise> {
        self.promise.take()
    }
}
