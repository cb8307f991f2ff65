//! Slots of a request, and the way back: edited slots become edits of the bytes they came from.

use std::iter::Peekable;

use weir_policies::slot::{Slot, Slots};

use crate::json::{Edits, Node, NodeKind};
use crate::walk::{Form, Found, Sink};

/// Collects slots.
#[derive(Default)]
pub struct Collect {
    /// The slots so far.
    pub slots: Slots,
    /// Paths of what no text control can read.
    pub opaque: Vec<String>,
}

impl Sink for Collect {
    const NESTS: bool = true;

    fn found(&mut self, found: &Found<'_>) {
        self.slots.push(Slot::new(found.pointer(), found.at.role, found.kind, found.text()));
    }

    fn opaque(&mut self, path: String) {
        self.opaque.push(path);
    }

    fn tokens(&mut self, path: String) {
        self.slots.note_token_ids(path.clone());
        self.opaque.push(path);
    }
}

/// Turns edited slots into edits; walks the same document as [`Collect`] did, so the nth leaf is the nth slot.
pub struct Splice<'s> {
    slots: Peekable<std::slice::Iter<'s, Slot>>,
    /// Edits of the documents that are open, the body's first.
    levels: Vec<Level>,
    /// Log probabilities, which spell the original text.
    derived: Vec<Node>,
}

#[derive(Default)]
struct Level {
    edits: Edits,
    /// New keys by object, so that two members never end up with one key.
    keys: Vec<(u32, String)>,
}

impl<'s> Splice<'s> {
    /// A splice of these slots.
    pub fn new(slots: &'s Slots) -> Self {
        Self { slots: slots.iter().peekable(), levels: vec![Level::default()], derived: Vec::new() }
    }

    /// The edits of the body. Where text was edited, log probabilities are dropped: they spell what was there.
    pub fn into_edits(mut self) -> Edits {
        let mut edits = self.levels.pop().unwrap_or_default().edits;
        for node in self.derived.iter().filter(|_| !edits.is_empty()).copied().collect::<Vec<_>>() {
            let nothing = if node.kind == NodeKind::Array { "[]" } else { "null" };
            edits.instead(node.start as usize..node.end as usize, nothing);
        }
        edits
    }
}

impl Sink for Splice<'_> {
    const NESTS: bool = true;

    fn found(&mut self, found: &Found<'_>) {
        let Some(slot) = self.slots.next() else { return };
        let Some(level) = self.levels.last_mut() else { return };
        // An edit that leaves the text as it was is none: it must not turn a number into a string.
        if !slot.is_edited() || slot.text() == found.text() {
            return;
        }
        let range = found.node.start as usize..found.node.end as usize;
        match found.form {
            Form::Text | Form::Number => level.edits.string(range, slot.text()),
            Form::Key(object) => {
                let name = level.free_key(found, object, slot.text());
                level.edits.string(range, &name);
                level.keys.push((object, name));
            }
        }
    }

    fn open(&mut self) {
        self.levels.push(Level::default());
    }

    fn derived(&mut self, _choice: u32, node: Node) {
        if let NodeKind::Array | NodeKind::Object | NodeKind::String = node.kind {
            self.derived.push(node);
        }
    }

    fn close(&mut self, outer: &Found<'_>, inner: &[u8]) {
        let Some(inside) = self.levels.pop() else { return };
        let Some(level) = self.levels.last_mut().filter(|_| !inside.edits.is_empty()) else { return };
        let mut text = Vec::new();
        inside.edits.apply(inner, &mut text);
        let range = outer.node.start as usize..outer.node.end as usize;
        level.edits.string(range, &String::from_utf8_lossy(&text));
    }
}

impl Level {
    /// `name`, with a number behind it when another member of the object has that key already.
    fn free_key(&self, found: &Found<'_>, object: u32, name: &str) -> String {
        let taken = |name: &str| {
            self.keys.iter().any(|(owner, key)| *owner == object && key == name)
                || found.doc.members(object).any(|(key, _)| found.doc.reads(key, name))
        };
        let mut free = name.to_owned();
        let mut number = 1;
        while taken(&free) {
            number += 1;
            free = format!("{name}_{number}");
        }
        free
    }
}
