//! Chunks of chat and completions.

use weir_policies::reply::{Delta, Part};

use super::open::{Open, Place, channel, goes_on};
use super::pattern::Pattern;
use super::{Choice, Cut, Inspect, Judge, State, StreamFault, value_range, write};
use crate::Endpoint;
use crate::json::{Doc, Edits, ROOT, push_escaped};
use crate::leaves::Text;
use crate::shape::Lane;
use crate::sse::{self, Frame};

/// Members of a chunk that every chunk of a stream repeats.
const ENVELOPE: [&str; 6] = ["id", "object", "created", "model", "system_fingerprint", "service_tier"];

impl State {
    /// One chunk: judged, edited, forwarded or held.
    pub(super) fn chunk(
        &mut self,
        frame: &Frame<'_>,
        doc: Doc<'_>,
        judge: &mut Judge<'_>,
    ) -> Result<(), StreamFault> {
        if self.envelope.is_empty() {
            self.envelope = envelope(&doc);
        }
        self.summary.read_names(&doc, ROOT);
        let choices = choices(&doc);
        let none = choices.is_empty();
        let finishing: Vec<u32> =
            choices.iter().filter(|(_, reason)| reason.is_some()).map(|(at, _)| *at).collect();
        let usage = self.summary.read_usage(&doc, ROOT);
        let mut edits = Edits::default();
        self.pattern = None;
        if self.options.inspect == Inspect::Yes {
            self.collect(doc);
            if finishing.is_empty() && !usage {
                self.pattern = self.learn(&doc);
            }
            self.flush_absent(&finishing, judge)?;
            self.judge_texts(&finishing, doc, (judge, &mut edits))?;
        }
        self.note_choices(choices);
        if usage && !self.options.client_wants_usage {
            if none {
                return Ok(());
            }
            if let Some(range) = value_range(&doc, "usage") {
                edits.raw(range, "null");
            }
        }
        let last = none || self.choices.iter().all(|choice| choice.finished);
        if usage && last && self.options.client_wants_usage {
            let mut event = Vec::new();
            write(frame, doc, edits, &mut event);
            self.held.usage(event);
        } else {
            write(frame, doc, edits, &mut self.out);
        }
        Ok(())
    }

    /// The pattern of this chunk, if it has one.
    fn learn(&self, doc: &Doc<'_>) -> Option<Pattern> {
        let (text, range) = self.leaves.only().filter(|(text, _)| goes_on(text).is_some())?;
        Some(Pattern::new(doc.bytes(), range, (channel(text), text.kind)))
    }

    /// A chunk that is like the last one but for its text; false when it is not.
    pub(super) fn patterned(
        &mut self,
        frame: &Frame<'_>,
        judge: &mut Judge<'_>,
    ) -> Result<bool, StreamFault> {
        let Some(pattern) = &self.pattern else { return Ok(false) };
        let Some(text) = pattern.text(frame.data().unwrap_or_default()) else { return Ok(false) };
        let channel = pattern.channel.clone();
        let mut delta = Delta { channel, kind: pattern.kind, text: text.to_owned(), last: false };
        judge(&mut delta).map_err(|Cut| StreamFault::Cut)?;
        if delta.channel.part == Part::Text {
            self.spoken.add((delta.channel.choice, 0), text, &delta.text);
        }
        if delta.text == text {
            self.out.extend_from_slice(frame.raw());
        } else {
            let mut escaped = Vec::with_capacity(delta.text.len());
            push_escaped(&mut escaped, &delta.text);
            frame.write_with(&pattern.with(&escaped), &mut self.out);
            self.note_shift(&[delta.channel.choice]);
        }
        Ok(true)
    }

    /// Notes which choices there are and which have finished: only now, since a refused chunk finishes none.
    fn note_choices(&mut self, choices: Vec<(u32, Option<String>)>) {
        for (index, reason) in choices {
            let finished = reason.is_some();
            match self.choices.iter_mut().find(|choice| choice.index == index) {
                Some(choice) if choice.finished => continue,
                Some(choice) => choice.finished = finished,
                None => self.choices.push(Choice { index, finished }),
            }
            self.summary.finish_reasons.extend(reason);
        }
    }

    /// Ends the channels of finishing choices that this chunk adds nothing to.
    fn flush_absent(&mut self, finishing: &[u32], judge: &mut Judge<'_>) -> Result<(), StreamFault> {
        let mut at = 0;
        while let Some(open) = self.open.get(at) {
            let goes_on = |text: &Text| {
                goes_on(text) == Some(open.lane)
                    && text.choice == open.channel.choice
                    && text.tool == open.tool
            };
            if !finishing.contains(&open.channel.choice) || self.leaves.texts.iter().any(goes_on) {
                at += 1;
                continue;
            }
            let open = self.open.remove(at);
            self.flush_one(open, 0, judge)?;
        }
        Ok(())
    }

    fn judge_texts(
        &mut self,
        finishing: &[u32],
        doc: Doc<'_>,
        (judge, edits): (&mut Judge<'_>, &mut Edits),
    ) -> Result<(), StreamFault> {
        let mut judged = Vec::with_capacity(self.leaves.texts.len());
        for text in &mut self.leaves.texts {
            let lane = goes_on(text);
            let last = lane.is_none() || finishing.contains(&text.choice);
            let came = std::mem::take(&mut text.text);
            let mut delta = Delta { channel: channel(text), kind: text.kind, text: came.clone(), last };
            judge(&mut delta).map_err(|Cut| StreamFault::Cut)?;
            if delta.channel.part == Part::Text {
                self.spoken.add((text.choice, 0), &came, &delta.text);
            }
            judged.push(delta.text);
            let known = self.open.iter().position(|open| open.channel == delta.channel);
            match (known, lane) {
                (Some(at), _) if last => drop(self.open.remove(at)),
                (None, Some(lane)) if !last => self.open.push(Open {
                    channel: delta.channel,
                    kind: text.kind,
                    lane,
                    tool: text.tool,
                    place: Place::default(),
                    model: Vec::new(),
                }),
                _ => {}
            }
        }
        let mut changed = self.shifted.clone();
        self.leaves.edit(&doc, judged.iter().map(String::as_str), (edits, &mut changed));
        self.note_shift(&changed);
        if self.leaves.has_offsets() {
            let spoken = &self.spoken;
            self.leaves.move_offsets(&doc, &|choice, content| spoken.shifts((choice, content)), edits);
        }
        Ok(())
    }

    /// Notes choices whose text was changed, where later log probabilities count characters from its beginning.
    fn note_shift(&mut self, changed: &[u32]) {
        if self.endpoint != Endpoint::Completions {
            return;
        }
        for choice in changed {
            if !self.shifted.contains(choice) {
                self.shifted.push(*choice);
            }
        }
    }

    /// Appends a chunk of our own that carries released text.
    pub(super) fn write_chunk(&mut self, open: &Open, text: &str) {
        let mut quoted = Vec::with_capacity(text.len() + 2);
        quoted.push(b'"');
        push_escaped(&mut quoted, text);
        quoted.push(b'"');
        let text = String::from_utf8_lossy(&quoted);
        let tool = open.tool;
        let body = match open.lane {
            Lane::Content | Lane::EventDelta => format!("\"content\":{text}"),
            Lane::Refusal => format!("\"refusal\":{text}"),
            Lane::Reasoning => format!("\"reasoning_content\":{text}"),
            Lane::ReasoningAlt => format!("\"reasoning\":{text}"),
            Lane::Transcript => format!("\"audio\":{{\"transcript\":{text}}}"),
            Lane::ToolArguments => {
                format!("\"tool_calls\":[{{\"index\":{tool},\"function\":{{\"arguments\":{text}}}}}]")
            }
            Lane::ToolInput => {
                format!("\"tool_calls\":[{{\"index\":{tool},\"custom\":{{\"input\":{text}}}}}]")
            }
            Lane::FunctionArguments => format!("\"function_call\":{{\"arguments\":{text}}}"),
            Lane::ToolName | Lane::FunctionName => return,
        };
        let choice = match self.endpoint {
            Endpoint::Completions => format!("\"text\":{text},\"logprobs\":null"),
            _ => format!("\"delta\":{{{body}}}"),
        };
        let mut out = std::mem::take(&mut self.out);
        self.write_choice(open.channel.choice, &format!("{choice},\"finish_reason\":null"), &mut out);
        self.out = out;
    }

    /// Ends every unfinished choice with `content_filter`.
    pub(super) fn cut_choices(&mut self, out: &mut Vec<u8>) {
        if self.choices.is_empty() {
            self.choices.push(Choice { index: 0, finished: false });
        }
        let body = match self.endpoint {
            Endpoint::Completions => "\"text\":\"\",\"logprobs\":null,\"finish_reason\":\"content_filter\"",
            _ => "\"delta\":{},\"finish_reason\":\"content_filter\"",
        };
        for choice in std::mem::take(&mut self.choices).into_iter().filter(|choice| !choice.finished) {
            self.write_choice(choice.index, body, out);
        }
        self.done = true;
        sse::write(None, b"[DONE]", out);
    }

    fn write_choice(&self, index: u32, body: &str, out: &mut Vec<u8>) {
        let mut data = b"{".to_vec();
        let object = match self.endpoint {
            Endpoint::Completions => "text_completion",
            _ => "chat.completion.chunk",
        };
        if self.envelope.is_empty() {
            let bare = format!("\"id\":\"\",\"object\":\"{object}\",\"created\":0,\"model\":\"\",");
            data.extend_from_slice(bare.as_bytes());
        }
        data.extend_from_slice(&self.envelope);
        data.extend_from_slice(format!("\"choices\":[{{\"index\":{index},{body}}}]}}").as_bytes());
        sse::write(None, &data, out);
    }
}

/// The choices of a chunk, and why they finish if they do.
fn choices(doc: &Doc<'_>) -> Vec<(u32, Option<String>)> {
    let Some(list) = doc.get(ROOT, "choices") else { return Vec::new() };
    let index = |(position, at)| doc.get_u32(at, "index").unwrap_or(position);
    doc.elements(list).map(|entry| (index(entry), doc.get_text(entry.1, "finish_reason"))).collect()
}

/// The members that every chunk repeats, each with a comma behind it.
fn envelope(doc: &Doc<'_>) -> Vec<u8> {
    let mut envelope = Vec::new();
    for name in ENVELOPE {
        let node = doc.get(ROOT, name).and_then(|at| doc.node(at));
        if let Some(node) = node {
            envelope.extend_from_slice(format!("\"{name}\":").as_bytes());
            envelope.extend_from_slice(doc.raw(node));
            envelope.push(b',');
        }
    }
    envelope
}
