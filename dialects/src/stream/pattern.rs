//! Most chunks of a stream differ from the one before in one text only. Such a chunk need not be parsed: what
//! stands around the text was parsed before, byte for byte.

use weir_policies::reply::Channel;
use weir_policies::slot::Kind;

use crate::json::next_special;

/// The last parsed chunk, when it had one text that goes on and nothing else worth a look.
pub struct Pattern {
    before: Vec<u8>,
    after: Vec<u8>,
    /// The channel of the text.
    pub channel: Channel,
    /// What sort of text.
    pub kind: Kind,
}

impl Pattern {
    /// A pattern of `data`, whose text (without quotes) stands at `text`.
    pub fn new(data: &[u8], text: std::ops::Range<usize>, (channel, kind): (Channel, Kind)) -> Self {
        let part = |range: std::ops::Range<usize>| data.get(range).unwrap_or_default().to_vec();
        Self { before: part(0..text.start), after: part(text.end..data.len()), channel, kind }
    }

    /// The text of `data`, when everything else is as in the pattern and the text has no escapes: then parsing
    /// would find what it found before.
    pub fn text<'d>(&self, data: &'d [u8]) -> Option<&'d str> {
        let text = data.strip_prefix(self.before.as_slice())?.strip_suffix(self.after.as_slice())?;
        if text.is_empty() || next_special(text, 0) < text.len() {
            return None;
        }
        std::str::from_utf8(text).ok()
    }

    /// The data with another text, already escaped.
    pub fn with(&self, escaped: &[u8]) -> Vec<u8> {
        [&self.before, escaped, &self.after].concat()
    }
}
