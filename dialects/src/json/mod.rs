//! One strict pass over JSON text that remembers where every value stands, so that single leaves can be
//! read and replaced without serialising the rest again.
//!
//! The crate jiter was weighed: it yields values without the byte ranges of keys and without telling
//! duplicate keys or lone surrogates, so a second pass would have been needed for each.

mod fault;
mod scan;
mod splice;
mod text;
mod token;

pub use fault::{Fault, Step};
pub use scan::Strictness;
use scan::scan;
pub use splice::Edits;
pub use text::{decode, next_special, push_escaped};

use crate::Limits;

/// What a node of a [`Tape`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// `null`.
    Null,
    /// `true`.
    True,
    /// `false`.
    False,
    /// A number.
    Number,
    /// A run of short or fractional numbers in an array, kept as one node (token ids, embeddings).
    Numbers,
    /// A string value.
    String,
    /// The key of an object's member; its value is the next node.
    Key,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// One value of a document: 16 bytes, in the order of the text.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// How a string or key is spelled.
    pub spelling: Spelling,
    /// First byte, quotes and brackets included.
    pub start: u32,
    /// First byte after the value.
    pub end: u32,
    /// Containers: index of the node after the last descendant. Number runs: how many numbers.
    extent: u32,
}

/// How a string is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As it reads.
    Plain,
    /// With at least one backslash.
    Escaped,
}

/// All nodes of one document in the order of the text, parents before children.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    nodes: Vec<Node>,
}

/// Index of a document's root node.
pub const ROOT: u32 = 0;

/// A document: its bytes (valid UTF-8) and where its values stand.
#[derive(Clone, Copy)]
pub struct Doc<'a> {
    bytes: &'a [u8],
    tape: &'a Tape,
}

impl Tape {
    /// Parses `bytes` as one JSON text.
    ///
    /// # Errors
    /// With the place and a reason that repeats nothing of the text.
    pub fn parse(bytes: &[u8], limits: &Limits, strictness: Strictness) -> Result<Self, Fault> {
        let mut tape = Self { nodes: Vec::with_capacity((bytes.len() / 32).clamp(16, 4096)) };
        scan(bytes, limits, (strictness, &mut tape))?;
        Ok(tape)
    }

    /// Parses `bytes` into this tape, using its memory.
    ///
    /// # Errors
    /// As [`Tape::parse`].
    pub fn reparse(&mut self, bytes: &[u8], limits: &Limits, strictness: Strictness) -> Result<(), Fault> {
        self.nodes.clear();
        scan(bytes, limits, (strictness, self))
    }
}

impl<'a> Doc<'a> {
    /// Joins the bytes with the tape that was made from them.
    pub fn new(bytes: &'a [u8], tape: &'a Tape) -> Self {
        Self { bytes, tape }
    }

    /// The bytes of the whole document.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The node at `at`.
    pub fn node(&self, at: u32) -> Option<Node> {
        self.tape.nodes.get(at as usize).copied()
    }

    /// The raw bytes of a node, quotes and brackets included.
    pub fn raw(&self, node: Node) -> &'a [u8] {
        self.slice(node.start, node.end)
    }

    /// The bytes between the quotes of a string or key, escapes included.
    pub fn inner(&self, node: Node) -> &'a [u8] {
        self.slice(node.start.saturating_add(1), node.end.saturating_sub(1))
    }

    /// The decoded text of a string or key; lone surrogates become U+FFFD.
    pub fn text(&self, node: Node) -> String {
        decode(self.inner(node), node.spelling)
    }

    /// Whether a string or key reads `name`.
    pub fn reads(&self, node: Node, name: &str) -> bool {
        match node.spelling {
            Spelling::Plain => self.inner(node) == name.as_bytes(),
            Spelling::Escaped => self.text(node) == name,
        }
    }

    /// The members of the object at `at`: key node, index of the value.
    pub fn members(&self, at: u32) -> Members<'a> {
        let end = self.end_of(at, NodeKind::Object);
        Members { doc: *self, at: at + 1, end }
    }

    /// The elements of the array at `at`: position, index of the node.
    pub fn elements(&self, at: u32) -> Elements<'a> {
        let end = self.end_of(at, NodeKind::Array);
        Elements { doc: *self, at: at + 1, end, position: 0 }
    }

    /// The value of the last member called `name` of the object at `at`.
    pub fn get(&self, at: u32, name: &str) -> Option<u32> {
        self.members(at).filter(|(key, _)| self.reads(*key, name)).map(|(_, value)| value).last()
    }

    /// The value of a member, when it is a string: decoded.
    pub fn get_text(&self, at: u32, name: &str) -> Option<String> {
        let node = self.node(self.get(at, name)?)?;
        (node.kind == NodeKind::String).then(|| self.text(node))
    }

    /// The value of a member, when it is a non-negative integer that fits.
    pub fn get_u32(&self, at: u32, name: &str) -> Option<u32> {
        let node = self.node(self.get(at, name)?)?;
        std::str::from_utf8(self.raw(node)).ok()?.parse().ok()
    }

    fn slice(&self, start: u32, end: u32) -> &'a [u8] {
        self.bytes.get(start as usize..end as usize).unwrap_or_default()
    }

    fn end_of(&self, at: u32, kind: NodeKind) -> u32 {
        self.node(at).filter(|node| node.kind == kind).map_or(0, |node| node.extent)
    }

    fn after(&self, at: u32) -> u32 {
        match self.node(at) {
            Some(Node { kind: NodeKind::Array | NodeKind::Object, extent, .. }) => extent,
            _ => at + 1,
        }
    }
}

/// Iterator over an object's members.
pub struct Members<'a> {
    doc: Doc<'a>,
    at: u32,
    end: u32,
}

impl Iterator for Members<'_> {
    type Item = (Node, u32);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let key = self.doc.node(self.at)?;
        let value = self.at + 1;
        self.at = self.doc.after(value);
        Some((key, value))
    }
}

/// Iterator over an array's elements.
pub struct Elements<'a> {
    doc: Doc<'a>,
    at: u32,
    end: u32,
    position: u32,
}

impl Iterator for Elements<'_> {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let (position, at) = (self.position, self.at);
        let node = self.doc.node(at)?;
        self.position += if node.kind == NodeKind::Numbers { node.extent } else { 1 };
        self.at = self.doc.after(at);
        Some((position, at))
    }
}

#[cfg(test)]
mod tests;
