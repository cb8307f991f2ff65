//! A request body: checked once, read as slots, rendered back with the smallest possible change.

use bytes::Bytes;
use weir_policies::slot::{Slot, Slots};

use crate::fields::{Fields, Origin};
use crate::json::{Doc, Edits, Strictness, Tape};
use crate::leaves::Answer;
use crate::slots::{Collect, Splice};
use crate::walk::walk;
use crate::{Endpoint, Invalid, Limits, path};

/// A parsed request body. There is no `Debug`: it is the user's.
pub struct Request {
    endpoint: Endpoint,
    body: Bytes,
    tape: Tape,
    fields: Fields,
}

/// What the gateway itself changes on the way to the upstream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rewrite<'a> {
    /// Another model name.
    pub model: Option<&'a str>,
    /// Whether the upstream is asked for usage.
    pub ask_usage: AskUsage,
}

/// Whether a stream is asked to end with token counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AskUsage {
    /// As the client asked.
    #[default]
    Keep,
    /// Asked for in streams of chat and completions; Responses always count.
    Always,
}

impl Request {
    /// Parses a body. `Models` and `Model` have none: pass an empty one.
    ///
    /// # Errors
    /// Malformed JSON, duplicate keys, invalid UTF-8, lone surrogates, trailing bytes, exceeded limits, and
    /// wrong types of the fields Weir relies on; with a path and without repeating a value.
    pub fn parse(endpoint: Endpoint, body: Bytes, limits: &Limits) -> Result<Self, Invalid> {
        if let Endpoint::Models | Endpoint::Model(_) = endpoint {
            return match body.is_empty() {
                true => Ok(Self { endpoint, body, tape: Tape::default(), fields: Fields::default() }),
                false => Err(Invalid::at("/", "a body was not expected")),
            };
        }
        let shape = endpoint.request_shape();
        let tape = Tape::parse(&body, limits, Strictness::Strict)
            .map_err(|fault| Invalid::at(path::fault_pointer(&body, &fault, shape), fault.reason))?;
        let fields = Fields::read(&endpoint, &Doc::new(&body, &tape))?;
        Ok(Self { endpoint, body, tape, fields })
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The model's name as the client wrote it; empty for the list of models.
    pub fn model(&self) -> &str {
        match &self.endpoint {
            Endpoint::Model(id) => id,
            _ => &self.fields.model,
        }
    }

    /// Whether the client wants a stream.
    pub fn stream(&self) -> bool {
        self.fields.stream
    }

    /// Whether the client asked for usage at the end of a stream; Responses streams always carry it.
    pub fn wants_usage(&self) -> bool {
        self.fields.include_usage || self.endpoint == Endpoint::Responses
    }

    /// What the answer's text shall be written in.
    pub fn answer(&self) -> Answer {
        if self.fields.wants_json { Answer::Json } else { Answer::Words }
    }

    /// The most output tokens per choice; the larger one when both spellings are given.
    pub fn max_output_tokens(&self) -> Option<u64> {
        self.fields.max_output_tokens
    }

    /// How many answers are generated: `n` (or `best_of` when larger) for every prompt of the request.
    pub fn choices(&self) -> u32 {
        self.fields.choices.max(1)
    }

    /// What the request goes on from that the upstream holds: `previous_response_id` and `conversation`.
    pub fn origins(&self) -> &[Origin] {
        &self.fields.origins
    }

    /// Length of the original body in bytes.
    pub fn size(&self) -> usize {
        self.body.len()
    }

    /// The original body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Every string leaf that is text, and every free key, in document order.
    pub fn slots(&self) -> Slots {
        self.collect().slots
    }

    /// Paths of inputs that no text control can read: token ids, pictures, sound, files, encrypted state.
    pub fn opaque_inputs(&self) -> Vec<String> {
        self.collect().opaque
    }

    fn collect(&self) -> Collect {
        let mut collect = Collect::default();
        walk(self.doc(), self.endpoint.request_shape(), &mut collect);
        collect
    }

    /// The body with the edited slots and the rewrite spliced in; the original bytes, not copied, when nothing
    /// changed.
    pub fn render(&self, slots: &Slots, rewrite: &Rewrite<'_>) -> Bytes {
        let mut edits = match slots.iter().any(Slot::is_edited) {
            false => Edits::default(),
            true => {
                let mut splice = Splice::new(slots);
                walk(self.doc(), self.endpoint.request_shape(), &mut splice);
                splice.into_edits()
            }
        };
        self.fields.rewrite(&self.endpoint, rewrite, &mut edits);
        if edits.is_empty() {
            return self.body.clone();
        }
        let mut out = Vec::new();
        edits.apply(&self.body, &mut out);
        out.into()
    }

    fn doc(&self) -> Doc<'_> {
        Doc::new(&self.body, &self.tape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_goes_on_from_is_read_where_responses_say_it() {
        let read = |endpoint: Endpoint, body: &str| {
            let request = Request::parse(endpoint, body.to_owned().into(), &Limits::default()).unwrap();
            let said = |origin: &Origin| match origin {
                Origin::Response(id) => format!("response {id}"),
                Origin::Conversation(id) => format!("conversation {id}"),
            };
            request.origins().iter().map(said).collect::<Vec<_>>()
        };
        for (more, expect) in [
            (r#""previous_response_id": "resp_1""#, &["response resp_1"][..]),
            (r#""conversation": "conv_1""#, &["conversation conv_1"]),
            (r#""conversation": {"id": "conv_2"}"#, &["conversation conv_2"]),
            (r#""previous_response_id": null, "conversation": null"#, &[]),
            (r#""metadata": {"previous_response_id": "resp_1"}"#, &[]),
        ] {
            let body = format!(r#"{{"model": "m", "input": "hi", {more}}}"#);
            assert_eq!(read(Endpoint::Responses, &body), expect, "{body}");
            let body = format!(r#"{{"model": "m", "messages": [], {more}}}"#);
            assert!(read(Endpoint::ChatCompletions, &body).is_empty(), "{body}");
        }
    }
}
