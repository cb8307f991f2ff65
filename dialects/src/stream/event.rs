//! Events of a Responses stream.

use serde_json::{Value, json};
use weir_policies::reply::{Channel, Delta, Part};
use weir_policies::slot::Kind;

use super::open::{Open, Place};
use super::{Cut, Inspect, Judge, State, StreamFault, glance, value_range, write};
use crate::Limits;
use crate::json::{Doc, Edits, ROOT, Strictness, Tape};
use crate::leaves::{Answer, Text};
use crate::shape::Lane;
use crate::sse::{self, Frame};

impl State {
    /// One event: judged, renumbered, forwarded; the last one held.
    pub(super) fn event(
        &mut self,
        frame: &Frame<'_>,
        doc: Doc<'_>,
        judge: &mut Judge<'_>,
    ) -> Result<(), StreamFault> {
        let sort = doc.get_text(ROOT, "type").unwrap_or_default();
        let ends = glance::ends(sort.as_bytes());
        self.read_response(&doc, &sort);
        let own = doc.get(ROOT, "sequence_number").and_then(|at| doc.node(at));
        let own = own.and_then(|node| std::str::from_utf8(doc.raw(node)).ok()?.parse::<u64>().ok());
        let mut edits = Edits::default();
        if self.options.inspect == Inspect::Yes {
            let place = Place::of(&doc, &sort);
            for open in self.close_before(&place, &sort) {
                let number = own.map_or(self.sequence, |own| own.saturating_add(self.added));
                self.flush_one(open, number, judge)?;
            }
            self.collect(doc);
            if place.stem == "response.audio" {
                // Base64: no text control can read it.
                self.leaves.texts.clear();
            }
            self.judge_event(&place, doc, (judge, &mut edits))?;
        }
        if let Some((own, range)) = own.zip(value_range(&doc, "sequence_number")) {
            self.sequence = own.saturating_add(self.added);
            if self.added > 0 {
                edits.raw(range, self.sequence.to_string());
            }
        }
        self.sequence = self.sequence.saturating_add(1);
        let mut event = Vec::new();
        write(frame, doc, edits, &mut event);
        self.keep_response(&doc, &event);
        if ends {
            self.done = true;
            self.held.usage(event);
        } else {
            self.out.append(&mut event);
        }
        Ok(())
    }

    fn read_response(&mut self, doc: &Doc<'_>, sort: &str) {
        let Some(response) = doc.get(ROOT, "response") else { return };
        self.summary.read_names(doc, response);
        if glance::ends(sort.as_bytes()) {
            self.summary.read_usage(doc, response);
            self.summary.read_status(doc, response);
        }
    }

    /// The channels that this event ends: the same text's `done`, or that of the part or item around it.
    fn close_before(&mut self, place: &Place, sort: &str) -> Vec<Open> {
        let item = matches!(sort, "response.output_item.done");
        let part = matches!(sort, "response.content_part.done" | "response.reasoning_summary_part.done");
        let all = glance::ends(sort.as_bytes());
        let done = sort.ends_with(".done");
        let ends = |open: &mut Open| {
            let same = open.place.output == place.output;
            let within = same && open.place.part == place.part;
            all || (item && same) || (part && within) || (done && within && open.place.stem == place.stem)
        };
        self.open.extract_if(.., ends).collect()
    }

    fn judge_event(
        &mut self,
        place: &Place,
        doc: Doc<'_>,
        (judge, edits): (&mut Judge<'_>, &mut Edits),
    ) -> Result<(), StreamFault> {
        let mut judged = Vec::with_capacity(self.leaves.texts.len());
        for text in &mut self.leaves.texts {
            let (part, kind) = place.part_of(text, self.leaves.answer);
            let channel = Channel { choice: place.output, part };
            let goes_on = text.lane == Some(Lane::EventDelta);
            let came = std::mem::take(&mut text.text);
            let mut delta = Delta { channel, kind, text: came.clone(), last: !goes_on };
            judge(&mut delta).map_err(|Cut| StreamFault::Cut)?;
            if goes_on && place.stem == "response.output_text" {
                self.spoken.add((place.output, place.part), &came, &delta.text);
            }
            judged.push(delta.text);
            if goes_on && !self.open.iter().any(|open| open.channel == delta.channel) {
                self.open.push(Open {
                    channel: delta.channel,
                    kind,
                    lane: Lane::EventDelta,
                    tool: 0,
                    place: place.clone(),
                    model: doc.bytes().to_vec(),
                });
            }
        }
        let now = || judged.iter().map(String::as_str);
        self.leaves.edit(&doc, now(), (edits, &mut Vec::new()));
        if self.leaves.has_offsets() {
            let (leaves, spoken) = (&self.leaves, &self.spoken);
            let shifts = |choice, content| match place.stem.as_str() {
                "response.output_text.annotation.added" => spoken.shifts((place.output, place.part)),
                _ => leaves.shifts(&doc, now(), (choice, content)),
            };
            leaves.move_offsets(&doc, &shifts, edits);
        }
        Ok(())
    }

    /// Appends a delta event of our own, modelled after the first of its channel.
    pub(super) fn write_event(&mut self, open: &Open, text: &str, number: u64) {
        let Ok(tape) = Tape::parse(&open.model, &Limits::default(), Strictness::Lenient) else { return };
        let doc = Doc::new(&open.model, &tape);
        let mut edits = Edits::default();
        for name in ["delta", "sequence_number", "logprobs", "obfuscation"] {
            let Some(range) = value_range(&doc, name) else { continue };
            match name {
                "delta" => edits.string(range, text),
                "sequence_number" => edits.raw(range, number.to_string()),
                "logprobs" => edits.raw(range, "[]"),
                _ => edits.raw(range, "\"\""),
            }
        }
        let mut data = Vec::new();
        edits.apply(doc.bytes(), &mut data);
        sse::write(Some(&format!("{}.delta", open.place.stem)), &data, &mut self.out);
        self.added = self.added.saturating_add(1);
        self.sequence = number.saturating_add(1);
    }

    /// Keeps the first response object as the client saw it, for the case that the stream is cut.
    fn keep_response(&mut self, doc: &Doc<'_>, event: &[u8]) {
        let first = self.envelope.is_empty() && doc.get(ROOT, "response").is_some();
        if first && self.options.inspect == Inspect::Yes {
            event.clone_into(&mut self.envelope);
        }
    }

    /// Ends the response as incomplete.
    pub(super) fn cut_response(&mut self, out: &mut Vec<u8>) {
        let mut response = self.kept_response().unwrap_or_else(|| {
            json!({ "id": "", "object": "response", "created_at": 0, "model": "", "output": [],
                "parallel_tool_calls": true, "tool_choice": "auto", "tools": [] })
        });
        if let Some(fields) = response.as_object_mut() {
            fields.insert("status".to_owned(), json!("incomplete"));
            fields.insert("incomplete_details".to_owned(), json!({ "reason": "content_filter" }));
        }
        let name = "response.incomplete";
        let event = json!({ "type": name, "sequence_number": self.sequence, "response": response });
        self.done = true;
        sse::write(Some(name), event.to_string().as_bytes(), out);
    }

    fn kept_response(&self) -> Option<Value> {
        let mut kept = None;
        let mut read = |frame: &Frame<'_>| {
            kept = frame.data().and_then(|data| serde_json::from_slice::<Value>(data).ok());
            Ok::<(), ()>(())
        };
        let mut decoder = sse::Decoder::new(sse::MOST_FRAME * 2);
        decoder.push(&self.envelope, &mut read).and_then(|()| decoder.end(&mut read)).ok()?;
        kept?.get_mut("response").map(Value::take)
    }
}

impl Place {
    fn of(doc: &Doc<'_>, sort: &str) -> Self {
        let stem = sort.strip_suffix(".delta").or_else(|| sort.strip_suffix(".done")).unwrap_or(sort);
        let number = |name| doc.get_u32(ROOT, name);
        Self {
            stem: stem.to_owned(),
            output: number("output_index").unwrap_or(0),
            part: number("content_index").or_else(|| number("summary_index")).unwrap_or(0),
        }
    }

    /// Where controls see a text of an event at this place. Only `delta` goes on; everything else is complete.
    fn part_of(&self, text: &Text, answer: Answer) -> (Part, Kind) {
        let is_answer = self.stem == "response.output_text";
        let words = if is_answer { answer.kind(Some(Lane::Content), Kind::Prose) } else { Kind::Prose };
        if text.lane != Some(Lane::EventDelta) {
            let kind = if is_answer && text.pointer == "/text" { words } else { text.kind };
            return (Part::Leaf(text.pointer.as_str().into()), kind);
        }
        let part = self.part;
        match (self.stem.as_str(), part) {
            ("response.output_text", 0) => (Part::Text, words),
            ("response.refusal", 0) => (Part::Refusal, Kind::Prose),
            ("response.reasoning_text", 0) => (Part::Reasoning, Kind::Prose),
            ("response.function_call_arguments" | "response.mcp_call_arguments", _) => {
                (Part::ToolArguments(0), Kind::Arguments)
            }
            ("response.code_interpreter_call_code", _) => (Part::Leaf("code".into()), Kind::Code),
            (stem, _) => (Part::Leaf(format!("{stem}/{part}").into()), words),
        }
    }
}
