//! A whole reply: its texts as deltas, each complete, and the way back.

use bytes::Bytes;
use weir_policies::reply::{Channel, Delta, Part};

use crate::json::{Doc, Edits, NodeKind, ROOT, Strictness, Tape};
use crate::leaves::{Answer, Leaves, Naming, Reading, Text};
use crate::summary::Summary;
use crate::walk::walk;
use crate::{Endpoint, Invalid, Limits, path};

/// A parsed reply. There is no `Debug`: it is the user's.
pub struct Reply {
    endpoint: Endpoint,
    body: Bytes,
    tape: Tape,
    summary: Summary,
    answer: Answer,
}

impl Reply {
    /// Parses a reply body, an error body included.
    ///
    /// # Errors
    /// When it is not JSON, or beyond the default limits. Duplicate keys are let through: every value is
    /// inspected anyway.
    pub fn parse(endpoint: Endpoint, body: Bytes) -> Result<Self, Invalid> {
        let shape = endpoint.reply_shape();
        let tape = Tape::parse(&body, &Limits::default(), Strictness::Lenient)
            .map_err(|fault| Invalid::at(path::fault_pointer(&body, &fault, shape), fault.reason))?;
        let doc = Doc::new(&body, &tape);
        if doc.node(ROOT).is_none_or(|node| node.kind != NodeKind::Object) {
            return Err(Invalid::at("/", "an object was expected"));
        }
        let mut summary = Summary::default();
        summary.read(&doc, ROOT);
        Ok(Self { endpoint, summary, tape, body, answer: Answer::Words })
    }

    /// The same reply, whose answer is written in what the client asked for.
    #[must_use]
    pub fn answering(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }

    /// Every text of the reply, in document order. Each is complete, so each ends its channel.
    pub fn deltas(&self) -> Vec<Delta> {
        self.leaves(Reading::Texts).texts.into_iter().map(delta).collect()
    }

    /// The body with the texts of `deltas` in place of its own; the original bytes when all are the same. The
    /// deltas must be those of [`Reply::deltas`], in their order.
    ///
    /// Log probabilities repeat the text token by token, so those of a changed choice are dropped. Citations of
    /// a changed text point to the same words as before.
    pub fn render(&self, deltas: &[Delta]) -> Bytes {
        let leaves = self.leaves(Reading::Places);
        let mut edits = Edits::default();
        let doc = Doc::new(&self.body, &self.tape);
        let now = || deltas.iter().map(|delta| delta.text.as_str());
        leaves.edit(&doc, now(), (&mut edits, &mut Vec::new()));
        if !edits.is_empty() {
            let shifts = |choice, content| leaves.shifts(&doc, now(), (choice, content));
            leaves.move_offsets(&doc, &shifts, &mut edits);
        }
        if edits.is_empty() {
            return self.body.clone();
        }
        let mut out = Vec::new();
        edits.apply(&self.body, &mut out);
        out.into()
    }

    /// What the reply says about itself.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The body as it came.
    pub fn into_bytes(self) -> Bytes {
        self.body
    }

    fn leaves(&self, reading: Reading) -> Leaves {
        let mut leaves = Leaves::new(Naming::Lanes, reading);
        leaves.answer = self.answer;
        walk(Doc::new(&self.body, &self.tape), self.endpoint.reply_shape(), &mut leaves);
        leaves
    }
}

fn delta(text: Text) -> Delta {
    let part = match text.lane {
        Some(lane) if text.content == 0 => lane.part(text.tool),
        Some(_) | None => Part::Leaf(text.pointer.as_str().into()),
    };
    Delta { channel: Channel { choice: text.choice, part }, kind: text.kind, text: text.text, last: true }
}
