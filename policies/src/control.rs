//! The trait every control implements, and the types it answers with.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use thiserror::Error;
use weir_accounting::{Cost, Impact, Usage};

use crate::{Caller, Delta, Promise, Slots};

/// A control: made once per policy set, asked for one [`Pass`] per exchange.
pub trait Control: Send + Sync {
    /// Stable name, used in records and metrics.
    fn name(&self) -> &'static str;
    /// Starts the control's work on one exchange.
    fn begin(&self, caller: &Caller) -> Box<dyn Pass>;
}

/// One control at work on one exchange: request first, then every reply delta, then the end.
pub trait Pass: Send {
    /// Judges and edits the request's slots.
    ///
    /// # Errors
    /// When the control could not evaluate; the rule's `on_fault` (default deny) then decides.
    fn request(&mut self, slots: &mut Slots) -> Result<Verdict, Fault>;

    /// Judges and edits one delta of the reply. Text may be held back until a later delta of the
    /// same channel; a delta with `last` set releases everything.
    ///
    /// # Errors
    /// When the control could not evaluate.
    fn reply(&mut self, delta: &mut Delta) -> Result<Verdict, Fault>;

    /// Largest request body, in bytes, that [`Pass::request`] judges without holding up others on its thread.
    fn light(&self) -> usize {
        usize::MAX
    }

    /// Ends the exchange and says what the record keeps.
    fn end(self: Box<Self>, outcome: &Outcome) -> Findings;

    /// Whether [`Pass::reply`] may do anything. When false the relay may pass the reply's text on
    /// without decoding it. Asked after [`Pass::request`].
    fn watches_reply(&self) -> bool {
        true
    }

    /// Names of the pseudonyms that stand for values of the request. Asked after [`Pass::request`].
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// What must be done before the request may leave. Asked once, after [`Pass::request`].
    fn awaits(&mut self) -> Option<Promise> {
        None
    }
}

/// What a control decided. Ordered by restriction: the greater verdict of several controls wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing to object to, nothing changed.
    Allow,
    /// Passed on unchanged, but noted in the record.
    Flagged,
    /// Passed on after edits.
    Transformed,
    /// Refused.
    Deny(Denial),
}

/// A refusal: which policy and rule, and what the caller is told. Never holds matched text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// Name of the policy.
    pub policy: String,
    /// Id of the rule within it.
    pub rule: String,
    /// Message for the caller.
    pub message: String,
}

/// A control could not evaluate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A limit on work or memory was exceeded.
    #[error("control {control} exceeded its limit of {limit} {unit}")]
    Limit {
        /// Name of the control.
        control: &'static str,
        /// The limit.
        limit: usize,
        /// What the limit counts.
        unit: &'static str,
    },
    /// An edit did not fit its slot; the control's offsets are wrong.
    #[error("control {control} could not apply an edit")]
    Edit {
        /// Name of the control.
        control: &'static str,
    },
    /// Anything else, without any text of the exchange.
    #[error("control {control} could not evaluate: {reason}")]
    Failed {
        /// Name of the control.
        control: &'static str,
        /// Why, without any text of the exchange.
        reason: &'static str,
    },
}

/// How the exchange went, for controls that account for it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// HTTP status of the upstream's answer.
    pub status: u16,
    /// Name of the upstream in the configuration.
    pub upstream: String,
    /// Provider the upstream belongs to, as price catalogues name it.
    pub provider: String,
    /// Model the caller asked for.
    pub requested_model: String,
    /// Model the upstream says it answered with.
    pub answered_model: Option<String>,
    /// Tokens, as far as they are known.
    pub usage: Option<Usage>,
    /// Time from sending the request to the end of the reply.
    pub latency: Duration,
    /// CPU time attributed to the exchange; embedded engine only.
    pub cpu: Option<Duration>,
    /// When the exchange ended.
    pub at: SystemTime,
}

impl Outcome {
    /// Of an exchange that ended well at a time, and says nothing of who answered or what it took.
    pub fn bare(at: SystemTime) -> Self {
        Self {
            status: 200,
            upstream: String::new(),
            provider: String::new(),
            requested_model: String::new(),
            answered_model: None,
            usage: None,
            latency: Duration::ZERO,
            cpu: None,
            at,
        }
    }
}

/// What one control found, as the record keeps it: never any matched text.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// Name of the control.
    pub control: &'static str,
    /// Rules that matched.
    pub hits: Vec<Hit>,
    /// How many values of each type were replaced on the way to the model.
    pub redactions: Vec<(String, u32)>,
    /// Where the first of them stood.
    pub places: Vec<Place>,
    /// Money, from a control that accounts for it.
    pub cost: Option<Cost>,
    /// Energy and emissions, from a control that accounts for them.
    pub impact: Option<Impact>,
}

impl Findings {
    /// No findings of the control `control`.
    pub fn none(control: &'static str) -> Self {
        Self {
            control,
            hits: Vec::new(),
            redactions: Vec::new(),
            places: Vec::new(),
            cost: None,
            impact: None,
        }
    }
}

/// Where a value stood that was replaced: never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Slot path.
    pub path: String,
    /// Where in the slot's text as it was read, in bytes.
    pub range: Range<usize>,
    /// Entity type or term list.
    pub subject: String,
    /// How it was replaced, as policies call it.
    pub mode: &'static str,
}

/// What a matching rule does to the exchange; greater is more restrictive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Note it in the record.
    Flag,
    /// Replace the value by a pseudonym and restore it in the reply.
    Pseudonymise,
    /// Replace the value for good.
    Redact,
    /// Refuse the exchange.
    Block,
}

impl Action {
    /// The action's name in policy files and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Pseudonymise => "pseudonymise",
            Self::Redact => "redact",
            Self::Block => "block",
        }
    }

    /// Whether it changes the text and lets it pass.
    pub fn replaces(self) -> bool {
        matches!(self, Self::Pseudonymise | Self::Redact)
    }
}

/// One rule that matched in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Name of the policy.
    pub policy: String,
    /// Id of the rule within it.
    pub rule: String,
    /// Slot path, or the channel of a reply.
    pub path: String,
    /// Entity type or term list that matched.
    pub subject: String,
    /// What the rule did, or in shadow mode would have done.
    pub action: Action,
    /// How often it matched there.
    pub count: u32,
    /// Whether the rule acted or was only observed.
    pub enforced: Enforcement,
}

/// Whether a policy acts or only records what it would have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Enforcement {
    /// Decide and act.
    Enforce,
    /// Decide and record, don't act.
    Shadow,
}
