//! The text of a reply as controls see it: deltas on channels, one channel per place text can appear.

use std::sync::Arc;

use crate::slot::Kind;

/// One place in a reply where text arrives in order. Controls keep one state per channel, so that
/// interleaved choices and parallel tool calls never mix.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel {
    /// Index of the choice (or output item) the text belongs to.
    pub choice: u32,
    /// Which part of the choice.
    pub part: Part,
}

impl Channel {
    /// The channel as the record names it.
    pub(crate) fn path(&self) -> String {
        let part = match &self.part {
            Part::Text => "text".to_owned(),
            Part::Refusal => "refusal".to_owned(),
            Part::Reasoning => "reasoning".to_owned(),
            Part::ToolName(call) => format!("tool/{call}/name"),
            Part::ToolArguments(call) => format!("tool/{call}/arguments"),
            Part::Leaf(path) => return format!("reply:{path}"),
        };
        format!("reply/{}/{part}", self.choice)
    }
}

/// A part of a choice; the numbers count tool calls within the choice.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The answer itself.
    Text,
    /// The text of a refusal.
    Refusal,
    /// Reasoning or a summary of it.
    Reasoning,
    /// The name of the tool in the numbered call.
    ToolName(u32),
    /// The JSON arguments of the numbered call.
    ToolArguments(u32),
    /// Any other string leaf, by its JSON Pointer.
    Leaf(Arc<str>),
}

/// A piece of text on a channel. A control may shorten it (holding text back), lengthen it (releasing
/// held text) or rewrite it. There is no `Debug`: the text is the user's.
#[derive(Clone, PartialEq, Eq)]
pub struct Delta {
    /// Where the text belongs.
    pub channel: Channel,
    /// What sort of text it is; `Arguments` means the text is JSON source, escapes included.
    pub kind: Kind,
    /// The text.
    pub text: String,
    /// The channel ends with this delta: everything held back must be released into it.
    pub last: bool,
}
