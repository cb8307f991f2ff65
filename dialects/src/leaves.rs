//! The texts of a reply, or of one event of a stream, and how they are put back.

use weir_policies::slot::Kind;

use crate::json::{Doc, Edits, Node, NodeKind};
use crate::offsets::Shifts;
use crate::shape::Lane;
use crate::walk::{Context, Form, Found, Sink};

/// What the answer itself is written in, wherever a reply repeats it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// Words.
    #[default]
    Words,
    /// JSON that the client asked for: its text is JSON source, so what is put into it must be escaped.
    Json,
}

/// Collects texts in document order.
#[derive(Default)]
pub struct Leaves {
    /// The texts.
    pub texts: Vec<Text>,
    /// Values that repeat the text of a choice.
    derived: Vec<(u32, Node)>,
    /// Numbers that count characters of a text: of which choice and content part.
    offsets: Vec<(u32, u32, Node)>,
    naming: Naming,
    reading: Reading,
    /// What the answer's texts are written in.
    pub answer: Answer,
}

/// Whether the texts are decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// For the controls.
    #[default]
    Texts,
    /// Only where they stand: for putting texts back.
    Places,
}

/// Which texts have a channel of their own; all others go by their JSON Pointer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// All that have a lane: chunks, and whole replies.
    #[default]
    Lanes,
    /// Only `delta`: the events of a Responses stream repeat the same text in several places.
    Deltas,
}

/// One text, and where it came from.
pub struct Text {
    /// The decoded text. Whoever shows it to the controls may take it.
    pub text: String,
    /// What sort.
    pub kind: Kind,
    /// Its place in a stream.
    pub lane: Option<Lane>,
    /// The choice it belongs to.
    pub choice: u32,
    /// The tool call.
    pub tool: u32,
    /// The content part.
    pub content: u32,
    /// JSON Pointer; in chunks kept only for texts that have no channel of their own.
    pub pointer: String,
    node: Node,
}

impl Sink for Leaves {
    const NESTS: bool = false;

    fn found(&mut self, found: &Found<'_>) {
        if found.form == Form::Number {
            // A number is no text of the model: it can't be restored into, and is left as it stands.
            return;
        }
        let named = match self.naming {
            Naming::Lanes => found.lane.is_some() && found.at.content == 0,
            Naming::Deltas => found.lane == Some(Lane::EventDelta),
        };
        self.texts.push(Text {
            text: if self.reading == Reading::Texts { found.text() } else { String::new() },
            kind: self.answer.kind(found.lane, found.kind),
            lane: found.lane,
            choice: found.at.choice,
            tool: found.at.tool,
            content: found.at.content,
            pointer: if named || self.reading == Reading::Places { String::new() } else { found.pointer() },
            node: found.node,
        });
    }

    fn offset(&mut self, at: Context, node: Node) {
        self.offsets.push((at.choice, at.content, node));
    }

    fn derived(&mut self, choice: u32, node: Node) {
        if matches!(node.kind, NodeKind::Array | NodeKind::Object) {
            self.derived.push((choice, node));
        }
    }
}

impl Leaves {
    /// An empty collection.
    pub fn new(naming: Naming, reading: Reading) -> Self {
        Self { naming, reading, ..Self::default() }
    }

    /// The only text of the event, when nothing else in it follows from text; and where it stands.
    pub fn only(&self) -> Option<(&Text, std::ops::Range<usize>)> {
        let [text] = self.texts.as_slice() else { return None };
        let range = text.node.start as usize + 1..text.node.end as usize - 1;
        (self.derived.is_empty() && text.node.kind == NodeKind::String).then_some((text, range))
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.texts.clear();
        self.derived.clear();
        self.offsets.clear();
    }

    /// Adds an edit for every text of `doc` that `now` (in the order of `texts`) changed, and drops what repeats
    /// the text of a choice unless that choice has text and all of it is unchanged. The choices whose text changed
    /// join those of `changed`, which count as changed as well.
    pub fn edit<'a>(
        &self,
        doc: &Doc<'_>,
        now: impl Iterator<Item = &'a str>,
        (edits, changed): (&mut Edits, &mut Vec<u32>),
    ) {
        for (text, now) in self.texts.iter().zip(now) {
            if !doc.reads(text.node, now) {
                edits.string(range(text.node), now);
                if !changed.contains(&text.choice) {
                    changed.push(text.choice);
                }
            }
        }
        for (choice, node) in &self.derived {
            let laned = |text: &Text| self.naming == Naming::Deltas || text.lane.is_some();
            let speaks = self.texts.iter().any(|text| text.choice == *choice && laned(text));
            if speaks && !changed.contains(choice) {
                continue;
            }
            let nothing = if node.kind == NodeKind::Array { "[]" } else { "null" };
            edits.raw(range(*node), nothing);
        }
    }
}

impl Leaves {
    /// Whether a number of the event counts characters of a text.
    pub fn has_offsets(&self) -> bool {
        !self.offsets.is_empty()
    }

    /// Adds an edit for every number that counts characters of a text which `shifts` knows to have changed.
    pub fn move_offsets(
        &self,
        doc: &Doc<'_>,
        shifts: &dyn Fn(u32, u32) -> Option<Shifts>,
        edits: &mut Edits,
    ) {
        let mut known: Vec<(u32, u32, Option<Shifts>)> = Vec::new();
        for (choice, content, node) in &self.offsets {
            let number = std::str::from_utf8(doc.raw(*node)).ok().and_then(|raw| raw.parse::<usize>().ok());
            let Some(number) = number else { continue };
            if !known.iter().any(|(of, part, _)| (of, part) == (choice, content)) {
                known.push((*choice, *content, shifts(*choice, *content)));
            }
            let found = known.iter().find(|(of, part, _)| (of, part) == (choice, content));
            let place = found.and_then(|(_, _, shifts)| shifts.as_ref()).map(|shifts| shifts.place(number));
            if let Some(place) = place.filter(|place| *place != number) {
                edits.raw(range(*node), place.to_string());
            }
        }
    }

    /// What became of the answer in a content part whose text stands whole in this document.
    pub fn shifts<'a>(
        &self,
        doc: &Doc<'_>,
        now: impl Iterator<Item = &'a str>,
        (choice, content): (u32, u32),
    ) -> Option<Shifts> {
        let here = |text: &Text| {
            text.lane == Some(Lane::Content) && (text.choice, text.content) == (choice, content)
        };
        let (text, now) = self.texts.iter().zip(now).find(|(text, _)| here(text))?;
        Some(Shifts::between(&doc.text(text.node), now))
    }
}

impl Answer {
    /// The kind of a text in this lane.
    pub fn kind(self, lane: Option<Lane>, kind: Kind) -> Kind {
        match (self, lane, kind) {
            (Self::Json, Some(Lane::Content), Kind::Prose) => Kind::Arguments,
            _ => kind,
        }
    }
}

fn range(node: Node) -> std::ops::Range<usize> {
    node.start as usize..node.end as usize
}
