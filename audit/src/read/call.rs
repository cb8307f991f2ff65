//! One call as a reader sees it: its intent joined with its end.

use serde::Serialize;
use uuid::Uuid;

use crate::exchange::{Completion, Decision, Intent};
use crate::record::{Kind, Record};
use crate::text::{Stamp, Text};

/// A call: the intent, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Call {
    /// The record written before the upstream was called.
    pub intent: Record,
    /// How it ended.
    #[serde(flatten)]
    pub ending: Ending,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", content = "end", rename_all = "snake_case")]
pub enum Ending {
    /// With the `completion` or `abandoned` record that is here.
    Ended(Box<Record>),
    /// Not yet.
    Open,
    /// Not within the records that a page looks at; [`find`](crate::read::find) tells.
    Later,
}

impl Call {
    /// The call's id.
    pub fn id(&self) -> Uuid {
        self.intent.record_id
    }

    /// When it was announced.
    pub fn time(&self) -> Stamp {
        self.intent.time
    }

    /// The tenant.
    pub fn tenant(&self) -> &Text {
        &self.intent.tenant
    }

    /// What was announced.
    pub fn announced(&self) -> Option<&Intent> {
        self.intent.intent.as_ref()
    }

    /// The end's record, if it has one.
    pub fn end(&self) -> Option<&Record> {
        if let Ending::Ended(record) = &self.ending { Some(record) } else { None }
    }

    /// What was reported at the end.
    pub fn completion(&self) -> Option<&Completion> {
        self.end().and_then(|record| record.completion.as_ref())
    }

    /// What the controls decided, once it ended.
    pub fn decision(&self) -> Option<Decision> {
        self.completion().map(|completion| completion.decision)
    }

    /// One word for how it stands: `completed`, `abandoned`, `open` or `later`.
    pub fn state(&self) -> &'static str {
        match &self.ending {
            Ending::Ended(record) if record.kind == Kind::Abandoned => "abandoned",
            Ending::Ended(_) => "completed",
            Ending::Open => "open",
            Ending::Later => "later",
        }
    }
}
