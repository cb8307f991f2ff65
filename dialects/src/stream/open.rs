//! A channel of a stream that has begun and not ended.

use weir_policies::reply::{Channel, Part};
use weir_policies::slot::Kind;

use crate::leaves::Text;
use crate::shape::Lane;

/// A channel that may still hold text back.
pub struct Open {
    /// The channel as controls see it.
    pub channel: Channel,
    /// What sort of text it carries.
    pub kind: Kind,
    /// Its place in a chunk.
    pub lane: Lane,
    /// The tool call it belongs to.
    pub tool: u32,
    /// Responses: which item and part.
    pub place: Place,
    /// Responses: the data of its first event, after which later ones are modelled.
    pub model: Vec<u8>,
}

/// Where a Responses event belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The event's type without `.delta` or `.done`.
    pub stem: String,
    /// `output_index`.
    pub output: u32,
    /// `content_index` or `summary_index`.
    pub part: u32,
}

/// Whether a text of a chunk goes on in later chunks. Names come whole, and other leaves are complete.
pub fn goes_on(text: &Text) -> Option<Lane> {
    text.lane.filter(|lane| text.content == 0 && !matches!(lane, Lane::ToolName | Lane::FunctionName))
}

/// The channel of a text of a chunk.
pub fn channel(text: &Text) -> Channel {
    let part = match text.lane {
        Some(lane) if text.content == 0 => lane.part(text.tool),
        Some(_) | None => Part::Leaf(text.pointer.as_str().into()),
    };
    Channel { choice: text.choice, part }
}
