//! JSON Pointers (RFC 6901) that never show a key the user made up.

use crate::json::{Doc, Fault, Step};
use crate::shape::Shape;

/// The way to the place a walk is at.
pub struct Path(Vec<Seg>);

/// One step of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seg {
    /// A member that a table names.
    Name(&'static str),
    /// Any other member, by its position: its key may hold personal data, and paths go into records.
    Unnamed(u32),
    /// An element.
    Index(u32),
    /// Into stringified JSON.
    Nested,
}

impl Default for Path {
    fn default() -> Self {
        // Deep enough for all but tool arguments and schemas.
        Self(Vec::with_capacity(12))
    }
}

impl Path {
    /// One step down.
    pub fn push(&mut self, seg: Seg) {
        self.0.push(seg);
    }

    /// One step up.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// Whether this is a place where token ids stand for a prompt.
    pub fn is_prompt(&self) -> bool {
        matches!(self.0.first(), Some(Seg::Name("prompt" | "input")))
    }

    /// The pointer: `/` and the name or number for each step, `*` and the position for unnamed members, `#`
    /// where stringified JSON begins.
    pub fn pointer(&self) -> String {
        pointer(&self.0)
    }

    /// The pointer to what holds this place.
    pub fn parent(&self) -> String {
        pointer(self.0.split_last().map_or(&[], |(_, parents)| parents))
    }
}

fn pointer(segs: &[Seg]) -> String {
    let mut pointer = String::with_capacity(segs.len() * 10);
    for seg in segs {
        push(&mut pointer, *seg);
    }
    pointer
}

fn push(pointer: &mut String, seg: Seg) {
    match seg {
        Seg::Name(name) => {
            pointer.push('/');
            pointer.push_str(name);
        }
        Seg::Unnamed(position) => {
            pointer.push_str("/*");
            pointer.push_str(&position.to_string());
        }
        Seg::Index(position) => {
            pointer.push('/');
            pointer.push_str(&position.to_string());
        }
        Seg::Nested => pointer.push('#'),
    }
}

/// The pointer to a fault in a document that `shape` describes; `/` for the document itself.
pub fn fault_pointer(bytes: &[u8], fault: &Fault, shape: &'static Shape) -> String {
    let tape = crate::json::Tape::default();
    let doc = Doc::new(bytes, &tape);
    let mut shape = shape;
    let mut pointer = String::new();
    for step in &fault.steps {
        match step {
            Step::Element(position) => {
                shape = shape.items.unwrap_or(shape);
                push(&mut pointer, Seg::Index(*position));
            }
            Step::Member(key, position) => match shape.field(doc.text(*key).as_bytes()) {
                Some((name, field)) => {
                    shape = field;
                    push(&mut pointer, Seg::Name(name));
                }
                None => {
                    shape = shape.unnamed();
                    push(&mut pointer, Seg::Unnamed(*position));
                }
            },
        }
    }
    if pointer.is_empty() { "/".to_owned() } else { pointer }
}
