//! Policies as the rest of the crate uses them: what a file said, checked.

use std::sync::Arc;

use weir_classifiers::{EntityType, Reading, TermGroup};

use crate::document::Spot;
use crate::keeping::Need;
use crate::treatment::{Audience, Treatment};
use crate::{Action, Caller, Denial, Enforcement};

/// One policy: rules of one owner, under one name.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) lists: Vec<(String, TermGroup)>,
    pub(crate) rules: Vec<Arc<Rule>>,
    pub(crate) tests: Vec<Trial>,
    /// Whether the model is told to keep pseudonyms as they are.
    pub(crate) keep_tokens_hint: bool,
    /// Who reads requests for types of words.
    pub(crate) reading: Reading,
}

/// One rule: what to find, where, and what to do then.
#[derive(Clone)]
pub(crate) struct Rule {
    pub(crate) policy: String,
    pub(crate) id: String,
    pub(crate) stages: Vec<Stage>,
    pub(crate) find: Vec<Target>,
    pub(crate) action: Action,
    /// How values are replaced, by a rule that does.
    pub(crate) treatment: Treatment,
    /// For whom the rule is: those who belong to all of these.
    pub(crate) callers: Vec<Audience>,
    /// What the caller is told when the rule blocks.
    pub(crate) message: String,
    pub(crate) mode: Enforcement,
    pub(crate) on_fault: OnFault,
    /// Where the rule demands that the values it replaces are kept, if it does.
    pub(crate) demand: Option<Demand>,
}

/// A place that demands that values are kept.
#[derive(Clone)]
pub(crate) struct Demand {
    pub(crate) file: String,
    pub(crate) spot: Spot,
}

/// Which way the text goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Request,
    Reply,
}

/// What a rule looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Entity(EntityType),
    /// A list of the same policy, by index.
    List(usize),
    /// Input given as token ids, which can't be read.
    TokenIds,
}

/// What happens when a rule can't be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFault {
    Block,
    Allow,
}

/// A test that stands in a policy file.
#[derive(Clone)]
pub(crate) struct Trial {
    pub(crate) name: String,
    pub(crate) spot: Spot,
    pub(crate) file: String,
    pub(crate) request: Option<String>,
    pub(crate) reply: Option<String>,
    pub(crate) caller: Caller,
    pub(crate) expect: Expectation,
}

/// What a test expects: of the decisions on request and reply the most restrictive, and of the texts
/// that are passed on, what they hold and what not.
#[derive(Clone, Default)]
pub(crate) struct Expectation {
    pub(crate) action: Option<Expected>,
    pub(crate) absent: Vec<String>,
    pub(crate) present: Vec<String>,
}

/// The decision a test expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    Allowed,
    Flagged,
    Transformed,
    Blocked,
}

impl Rule {
    pub(crate) fn watches(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }

    pub(crate) fn is_enforced(&self) -> bool {
        self.mode == Enforcement::Enforce
    }

    /// Whether the rule is for everyone.
    pub(crate) fn is_general(&self) -> bool {
        self.callers.iter().all(Audience::is_everyone)
    }

    /// Whether the rule is for a caller.
    pub(crate) fn concerns(&self, caller: &Caller) -> bool {
        self.callers.iter().all(|audience| audience.includes(caller))
    }

    /// Whether an exchange may go on without the values that the rule replaced being kept.
    pub(crate) fn need(&self) -> Need {
        if self.demand.is_some() { Need::Demand } else { Need::Wish }
    }

    pub(crate) fn denial(&self) -> Denial {
        Denial { policy: self.policy.clone(), rule: self.id.clone(), message: self.message.clone() }
    }
}
