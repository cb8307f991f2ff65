//! The end of a stream, kept back until the gateway has its own figures.

use serde_json::Value;

use crate::json::{Doc, Edits, NodeKind, ROOT, Strictness, Tape};
use crate::sse::{Frame, MOST_FRAME};
use crate::{Limits, sse};

/// The event with the usage, and `[DONE]`.
#[derive(Default)]
pub struct Held {
    usage: Vec<u8>,
    done: Vec<u8>,
}

impl Held {
    /// Keeps an event with usage back.
    pub fn usage(&mut self, event: Vec<u8>) {
        self.usage = event;
    }

    /// Keeps `[DONE]` back.
    pub fn done(&mut self, frame: &Frame<'_>) {
        frame.raw().clone_into(&mut self.done);
        if !frame.raw().ends_with(b"\n\n") && !frame.raw().ends_with(b"\r\n\r\n") {
            // The stream ended without the blank line that makes it an event.
            self.done = b"data: [DONE]\n\n".to_vec();
        }
    }

    /// More follows, so what was kept was not the end.
    pub fn release(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.usage);
    }

    /// Hands out the end of the stream, `weir` inside the usage.
    pub fn close(&mut self, weir: Option<&Value>, out: &mut Vec<u8>) {
        let usage = std::mem::take(&mut self.usage);
        match weir {
            None => out.extend_from_slice(&usage),
            Some(weir) => {
                let mut add = |frame: &Frame<'_>| {
                    add(frame, weir, out);
                    Ok::<(), ()>(())
                };
                let mut decoder = sse::Decoder::new(MOST_FRAME * 2);
                // Neither can fail: the event was decoded before, and `add` refuses nothing.
                let whole = decoder.push(&usage, &mut add).and_then(|()| decoder.end(&mut add));
                debug_assert!(whole.is_ok(), "a held event stays readable");
            }
        }
        out.append(&mut self.done);
    }
}

/// Appends the frame with `weir` as last member of its usage.
fn add(frame: &Frame<'_>, weir: &Value, out: &mut Vec<u8>) {
    let data = frame.data().unwrap_or_default();
    let mut edits = Edits::default();
    if let Ok(tape) = Tape::parse(data, &Limits::default(), Strictness::Lenient) {
        let doc = Doc::new(data, &tape);
        let owner = doc.get(ROOT, "response").unwrap_or(ROOT);
        let usage = doc.get(owner, "usage").and_then(|at| Some((at, doc.node(at)?)));
        if let Some((at, node)) = usage.filter(|(_, node)| node.kind == NodeKind::Object) {
            let comma = if doc.members(at).next().is_some() { "," } else { "" };
            let end = node.end as usize - 1;
            edits.raw(end..end, format!("{comma}\"weir\":{weir}"));
        }
        super::write(frame, doc, edits, out);
    } else {
        out.extend_from_slice(frame.raw());
    }
}
