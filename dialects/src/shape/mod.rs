//! What each place of a body holds: the tables that say which strings are text, whose, and which are not.
//!
//! A [`Shape`] is laid over the JSON as it is walked. What no table names is inspected as prose, keys
//! included, so a new field of an API is covered before anyone knows it. What is skipped is named here with
//! its [`Why`], and even then only while it looks like what it should be.

mod chat;
mod conform;
mod parts;
mod reply;
mod responses;
mod tools;

pub use conform::{conforms, is_blob};
pub use parts::VALUES;
use weir_policies::reply::Part;
use weir_policies::slot::{Kind, Role};

use crate::Endpoint;

/// What a place of a body holds, whatever JSON type stands there.
pub struct Shape {
    /// How a string here is treated.
    pub leaf: Leaf,
    /// Where in a reply's stream the string belongs.
    pub lane: Option<Lane>,
    /// Shape of array elements; the shape itself when `None`.
    pub items: Option<&'static Shape>,
    /// Known members.
    pub fields: &'static [(&'static str, &'static Shape)],
    /// Shape of other members; prose when `None`.
    pub other: Option<&'static Shape>,
    /// How the keys of other members are treated. Those of free-form objects are the user's own words: they are
    /// text, but not prose, so that no control adds a sentence to one.
    pub keys: Keys,
    /// What entering this place changes for everything below.
    pub scope: Scope,
}

/// Treatment of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// Text.
    Text(Kind),
    /// JSON in a string: walked inside, or text when it is not JSON.
    Nested(Kind),
    /// Base64 or a data URL, which no text control can read; anything else here is text.
    Blob,
    /// Not text, while it conforms to its reason.
    Skip(Why),
    /// A number that counts characters of the text it belongs to.
    Offset,
    /// Derived from other text of the same choice, of any JSON type: kept or dropped with it.
    Derived,
}

/// Why a string is not handed to controls. The rest of the reason stands in [`conforms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The model's name: the gateway matches it against routes and may rewrite it.
    Model,
    /// A word of a vocabulary that the API fixes.
    Closed,
    /// An opaque id that other parts of the exchange refer to.
    Reference,
}

/// Treatment of keys that a table does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Text of this kind.
    Text(Kind),
    /// Words of a vocabulary (counters, category names); text when they don't look so.
    Closed,
}

/// What changes below a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing.
    Inherit,
    /// The speaker.
    As(Role),
    /// The speaker, by the member `role`.
    Message,
    /// The speaker, by `role` or else `type`; in replies also the choice, by position.
    Item,
    /// The choice, by `index` or else position.
    Choice,
    /// The tool call, by `index` or else position.
    ToolCall,
    /// The content part, by position.
    Content,
}

/// Texts of a reply that arrive piece by piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// The answer.
    Content,
    /// A refusal.
    Refusal,
    /// `reasoning_content`, or a Responses reasoning part.
    Reasoning,
    /// `reasoning`, the other spelling; some engines send both.
    ReasoningAlt,
    /// The transcript of spoken output.
    Transcript,
    /// A tool's name. It comes whole, so it never waits.
    ToolName,
    /// A tool's JSON arguments.
    ToolArguments,
    /// A custom tool's free text.
    ToolInput,
    /// The legacy function's name.
    FunctionName,
    /// The legacy function's arguments.
    FunctionArguments,
    /// `delta` of a Responses event: the event's type says what it is.
    EventDelta,
}

impl Shape {
    const fn leaf(leaf: Leaf) -> Self {
        let keys = Keys::Text(Kind::Schema);
        Self { leaf, lane: None, items: None, fields: &[], other: None, keys, scope: Scope::Inherit }
    }

    const fn text(kind: Kind) -> Self {
        Self { keys: Keys::Text(kind), ..Self::leaf(Leaf::Text(kind)) }
    }

    const fn object(fields: &'static [(&'static str, &'static Shape)]) -> Self {
        Self { fields, ..Self::leaf(Leaf::Text(Kind::Prose)) }
    }

    /// A shape whose other members are as `other` says.
    const fn others(self, other: &'static Shape) -> Self {
        Self { other: Some(other), ..self }
    }

    const fn items(self, items: &'static Shape) -> Self {
        Self { items: Some(items), ..self }
    }

    const fn fields(self, fields: &'static [(&'static str, &'static Shape)]) -> Self {
        Self { fields, ..self }
    }

    const fn scope(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    const fn lane(self, lane: Lane) -> Self {
        Self { lane: Some(lane), ..self }
    }

    /// The shape of the member `key`, with the table's own spelling; `None` when no table names it.
    pub fn field(&self, key: &[u8]) -> Option<(&'static str, &'static Shape)> {
        self.fields.iter().copied().find(|(name, _)| name.as_bytes() == key)
    }

    /// The shape of members that no table names.
    pub fn unnamed(&self) -> &'static Shape {
        self.other.unwrap_or(&UNKNOWN)
    }
}

impl Lane {
    /// The part of a reply that controls see for this lane.
    pub fn part(self, tool: u32) -> Part {
        match self {
            Self::Content => Part::Text,
            Self::Refusal => Part::Refusal,
            Self::Reasoning => Part::Reasoning,
            Self::ReasoningAlt => Part::Leaf("reasoning".into()),
            Self::Transcript => Part::Leaf("audio/transcript".into()),
            Self::ToolName => Part::ToolName(tool),
            Self::ToolArguments => Part::ToolArguments(tool),
            Self::ToolInput => Part::Leaf(format!("tool_calls/{tool}/custom/input").into()),
            Self::FunctionName => Part::ToolName(0),
            Self::FunctionArguments => Part::ToolArguments(0),
            Self::EventDelta => Part::Leaf("delta".into()),
        }
    }
}

impl Endpoint {
    /// The table for request bodies.
    pub(crate) fn request_shape(&self) -> &'static Shape {
        match self {
            Self::ChatCompletions => &chat::CHAT,
            Self::Completions => &chat::COMPLETIONS,
            Self::Responses => &responses::RESPONSE,
            Self::Embeddings => &chat::EMBEDDINGS,
            Self::Models | Self::Model(_) => &UNKNOWN,
        }
    }

    /// The table for whole replies.
    pub(crate) fn reply_shape(&self) -> &'static Shape {
        match self {
            Self::ChatCompletions | Self::Completions => &reply::COMPLETION,
            Self::Responses => &responses::RESPONSE,
            Self::Embeddings => &reply::EMBEDDING_LIST,
            Self::Models | Self::Model(_) => &reply::MODEL_LIST,
        }
    }

    /// The table for the events of a stream.
    pub(crate) fn event_shape(&self) -> &'static Shape {
        match self {
            Self::Responses => &responses::EVENT,
            _ => &reply::COMPLETION,
        }
    }
}

/// What no table names.
pub static UNKNOWN: Shape = Shape::leaf(Leaf::Text(Kind::Prose));
