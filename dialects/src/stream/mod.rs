//! A streamed reply as a sans-IO machine: upstream bytes in, client bytes out, every text shown to the
//! controls on the channel it belongs to.
//!
//! What no control changes is forwarded byte for byte. When a channel ends, what controls held back comes out
//! in an event of its own before the one that ends it. The last event that carries usage, and `[DONE]`, wait
//! for [`StreamReply::close`], so that Weir's own figures can join them.

mod chunk;
mod event;
mod glance;
mod held;
mod open;
mod options;
mod pattern;
mod spoken;

use serde_json::Value;
use weir_policies::reply::Delta;

pub use self::options::{Cut, Inspect, Judge, StreamFault, StreamOptions};

use self::glance::Glance;
use self::held::Held;
use self::open::Open;
use self::pattern::Pattern;
use self::spoken::Spoken;
use crate::error::ErrorShape;
use crate::json::{Doc, Edits, ROOT, Strictness, Tape};
use crate::leaves::{Answer, Leaves, Naming, Reading};
use crate::shape::Lane;
use crate::sse::{self, Frame};
use crate::summary::Summary;
use crate::walk::walk;
use crate::{Endpoint, Limits};

/// A streamed reply. There is no `Debug`: it holds the user's text.
pub struct StreamReply {
    decoder: sse::Decoder,
    state: State,
}

/// Everything but the decoder, so that a frame can borrow the one while the other changes.
struct State {
    endpoint: Endpoint,
    options: StreamOptions,
    out: Vec<u8>,
    held: Held,
    open: Vec<Open>,
    leaves: Leaves,
    tape: Tape,
    pattern: Option<Pattern>,
    glance: Glance,
    summary: Summary,
    choices: Vec<Choice>,
    /// Choices of completions whose text was changed: the offsets in their later log probabilities are wrong.
    shifted: Vec<u32>,
    spoken: Spoken,
    /// Members that every event made here repeats: of a chunk the ids, of Responses the response object.
    envelope: Vec<u8>,
    /// Events made here so far, by which later sequence numbers shift.
    added: u64,
    /// The sequence number after the last event, as the client sees it.
    sequence: u64,
    done: bool,
}

#[derive(Clone, Copy)]
struct Choice {
    index: u32,
    finished: bool,
}

impl StreamReply {
    /// A machine for one reply.
    pub fn new(endpoint: Endpoint, options: StreamOptions) -> Self {
        let naming = if endpoint == Endpoint::Responses { Naming::Deltas } else { Naming::Lanes };
        let state = State {
            endpoint,
            options,
            out: Vec::new(),
            held: Held::default(),
            open: Vec::new(),
            leaves: Leaves::new(naming, Reading::Texts),
            tape: Tape::default(),
            pattern: None,
            glance: Glance::default(),
            summary: Summary::default(),
            choices: Vec::new(),
            shifted: Vec::new(),
            spoken: Spoken::default(),
            envelope: Vec::new(),
            added: 0,
            sequence: 0,
            done: false,
        };
        Self { decoder: sse::Decoder::new(sse::MOST_FRAME), state }
    }

    /// The same stream, whose answer is written in what the client asked for.
    #[must_use]
    pub fn answering(mut self, answer: Answer) -> Self {
        self.state.leaves.answer = answer;
        self
    }

    /// Takes bytes from the upstream, in any cutting, and gives those for the client.
    ///
    /// # Errors
    /// When a control refuses or the stream can't be read.
    pub fn push(&mut self, bytes: &[u8], judge: &mut Judge<'_>) -> Result<Vec<u8>, StreamFault> {
        let Self { decoder, state } = self;
        decoder.push(bytes, &mut |frame| state.frame(frame, judge)).map_err(fault)?;
        Ok(std::mem::take(&mut state.out))
    }

    /// To call when the upstream has ended or [`Self::is_done`]: releases what controls still hold back.
    ///
    /// # Errors
    /// When a control refuses or the last event can't be read.
    pub fn flush(&mut self, judge: &mut Judge<'_>) -> Result<Vec<u8>, StreamFault> {
        let Self { decoder, state } = self;
        decoder.end(&mut |frame| state.frame(frame, judge)).map_err(fault)?;
        state.flush_all(judge)?;
        Ok(std::mem::take(&mut state.out))
    }

    /// To call after [`Self::flush`]: the event with the usage, into which `weir` goes as `usage.weir`, and
    /// `[DONE]` when the upstream sent it.
    pub fn close(&mut self, weir: Option<&Value>) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.state.out);
        self.state.held.close(weir, &mut out);
        out
    }

    /// Ends a stream that a control refused: every unfinished choice ends with `content_filter`, then
    /// `[DONE]`; Responses end with `response.incomplete`.
    pub fn cut(&mut self) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.state.out);
        match self.state.endpoint {
            Endpoint::Responses => self.state.cut_response(&mut out),
            _ => self.state.cut_choices(&mut out),
        }
        out
    }

    /// Ends a stream that broke: an error frame and no `[DONE]`, so that clients see the truncation.
    pub fn broken(&mut self, error: &ErrorShape<'_>, weir: &Value) -> Vec<u8> {
        let mut out = std::mem::take(&mut self.state.out);
        let mut body = crate::error::body(error, weir);
        let mut name = None;
        if let (Endpoint::Responses, Some(fields)) = (&self.state.endpoint, body.as_object_mut()) {
            // Responses clients look for the fields of an `error` event, others for the object `error`.
            name = Some("error");
            let own = [
                ("type", Value::from("error")),
                ("code", Value::from(error.code)),
                ("message", Value::from(error.message)),
                ("param", Value::Null),
                ("sequence_number", Value::from(self.state.sequence)),
            ];
            fields.extend(own.map(|(name, value)| (name.to_owned(), value)));
        }
        sse::write(name, body.to_string().as_bytes(), &mut out);
        out
    }

    /// What the reply said about itself so far.
    pub fn summary(&self) -> &Summary {
        &self.state.summary
    }

    /// Whether the upstream has said all: `[DONE]`, or a Responses stream's last event.
    pub fn is_done(&self) -> bool {
        self.state.done
    }

    /// Whether the upstream may end here although it did not say so: every choice has finished and no event is
    /// cut in half. Some engines leave `[DONE]` out.
    pub fn is_clean(&self) -> bool {
        let finished =
            !self.state.choices.is_empty() && self.state.choices.iter().all(|choice| choice.finished);
        let rest = self.decoder.pending().trim_ascii();
        self.state.done || (finished && rest.is_empty()) || rest == b"data: [DONE]"
    }
}

fn fault(stop: sse::Stop<StreamFault>) -> StreamFault {
    match stop {
        sse::Stop::TooLarge(most) => StreamFault::EventTooLarge { most },
        sse::Stop::By(fault) => fault,
    }
}

impl State {
    fn frame(&mut self, frame: &Frame<'_>, judge: &mut Judge<'_>) -> Result<(), StreamFault> {
        if self.done {
            return Ok(());
        }
        let Some(data) = frame.data().filter(|data| !data.is_empty()) else {
            self.out.extend_from_slice(frame.raw());
            return Ok(());
        };
        if data.trim_ascii() == b"[DONE]" {
            self.flush_all(judge)?;
            self.done = true;
            self.held.done(frame);
            return Ok(());
        }
        self.held.release(&mut self.out);
        if self.options.inspect == Inspect::No && !self.glance.matters(frame) {
            self.sequence += 1;
            self.out.extend_from_slice(frame.raw());
            return Ok(());
        }
        if self.patterned(frame, judge)? {
            return Ok(());
        }
        let mut tape = std::mem::take(&mut self.tape);
        let parsed = tape.reparse(data, &Limits::default(), Strictness::Lenient);
        match parsed {
            Ok(()) => {
                let done = self.json(frame, Doc::new(data, &tape), judge);
                self.tape = tape;
                done
            }
            Err(_) if self.options.inspect == Inspect::No => {
                self.out.extend_from_slice(frame.raw());
                Ok(())
            }
            Err(fault) => Err(StreamFault::Malformed { reason: fault.reason }),
        }
    }

    fn json(&mut self, frame: &Frame<'_>, doc: Doc<'_>, judge: &mut Judge<'_>) -> Result<(), StreamFault> {
        match self.endpoint {
            Endpoint::Responses => self.event(frame, doc, judge),
            _ => self.chunk(frame, doc, judge),
        }
    }

    /// Collects the texts of an event.
    fn collect(&mut self, doc: Doc<'_>) {
        self.leaves.clear();
        if self.options.inspect == Inspect::Yes {
            walk(doc, self.endpoint.event_shape(), &mut self.leaves);
        }
    }

    /// Releases every open channel, in the order they were opened.
    fn flush_all(&mut self, judge: &mut Judge<'_>) -> Result<(), StreamFault> {
        let number = self.sequence;
        for open in std::mem::take(&mut self.open) {
            self.flush_one(open, number, judge)?;
        }
        Ok(())
    }

    /// Ends a channel; what it still held comes out in an event of its own.
    fn flush_one(&mut self, open: Open, number: u64, judge: &mut Judge<'_>) -> Result<(), StreamFault> {
        let mut delta =
            Delta { channel: open.channel.clone(), kind: open.kind, text: String::new(), last: true };
        judge(&mut delta).map_err(|Cut| StreamFault::Cut)?;
        if delta.text.is_empty() {
            return Ok(());
        }
        match self.endpoint {
            Endpoint::Responses => self.spoken.add((open.place.output, open.place.part), "", &delta.text),
            _ if open.lane == Lane::Content => self.spoken.add((open.channel.choice, 0), "", &delta.text),
            _ => {}
        }
        match self.endpoint {
            Endpoint::Responses => self.write_event(&open, &delta.text, number),
            _ => self.write_chunk(&open, &delta.text),
        }
        Ok(())
    }
}

/// Applies edits to a frame's data and appends the frame.
fn write(frame: &Frame<'_>, doc: Doc<'_>, edits: Edits, out: &mut Vec<u8>) {
    if edits.is_empty() {
        return out.extend_from_slice(frame.raw());
    }
    let mut data = Vec::new();
    edits.apply(doc.bytes(), &mut data);
    frame.write_with(&data, out);
}

/// The range of the value of a member of the root.
fn value_range(doc: &Doc<'_>, name: &str) -> Option<std::ops::Range<usize>> {
    let node = doc.node(doc.get(ROOT, name)?)?;
    Some(node.start as usize..node.end as usize)
}
