//! The events of a streamed response, numbered without gaps.

use super::chat::set;
use super::responses::{Progress, call_item, message_item, new_id, object, status, text_part};
use super::stream::Writer;
use super::tool_answer::{Answered, Call, HeldAnswer, Tools};
use super::usage::Tokens;
use crate::generate::Identity;
use crate::job::{Finish, Scored};
use serde_json::{Value, json};

/// Writes `response.*` events.
pub(crate) struct ResponseWriter {
    identity: Identity,
    echo: Value,
    tools: Tools,
    number: u64,
    held: HeldAnswer,
    /// The message that has been opened: its id and its text so far.
    open: Option<(String, String)>,
    output: Vec<Value>,
    finish: Finish,
}

impl ResponseWriter {
    /// A writer that has written nothing.
    pub(crate) fn new(identity: Identity, echo: Value, tools: Tools) -> Self {
        let (held, output) = (HeldAnswer::default(), Vec::new());
        Self { identity, echo, tools, number: 0, held, open: None, output, finish: Finish::Stop }
    }

    fn event(&mut self, name: &str, mut value: Value) -> String {
        set(&mut value, "type", name.into());
        set(&mut value, "sequence_number", self.number.into());
        self.number += 1;
        format!("event: {name}\ndata: {value}\n\n")
    }

    fn response(&mut self, name: &str, progress: Progress) -> String {
        let object = object(&self.identity, &self.echo, (self.output.clone(), progress));
        self.event(name, json!({ "response": object }))
    }

    fn text(&mut self, text: &str) -> String {
        let mut out = String::new();
        if text.is_empty() {
            return out;
        }
        let index = self.output.len();
        let (id, mut all) = self.open.take().unwrap_or_else(|| {
            let id = new_id("msg");
            let item = message_item(&id, "", "in_progress");
            out += &self.event("response.output_item.added", json!({"output_index": index, "item": item}));
            let part =
                json!({"item_id": id, "output_index": index, "content_index": 0, "part": text_part("")});
            out += &self.event("response.content_part.added", part);
            (id, String::new())
        });
        let delta = json!({
            "item_id": id, "output_index": index, "content_index": 0, "delta": text, "logprobs": [],
        });
        out += &self.event("response.output_text.delta", delta);
        all.push_str(text);
        self.open = Some((id, all));
        out
    }

    fn close_text(&mut self) -> String {
        let Some((id, text)) = self.open.take() else { return String::new() };
        let index = self.output.len();
        let place = json!({"item_id": id, "output_index": index, "content_index": 0});
        let (mut done, mut part) = (place.clone(), place);
        set(&mut done, "text", json!(text));
        set(&mut done, "logprobs", json!([]));
        set(&mut part, "part", text_part(&text));
        let item = message_item(&id, &text, status(self.finish));
        self.output.push(item.clone());
        self.event("response.output_text.done", done)
            + &self.event("response.content_part.done", part)
            + &self.event("response.output_item.done", json!({"output_index": index, "item": item}))
    }

    fn call(&mut self, call: &Call) -> String {
        let (index, id) = (self.output.len(), new_id("fc"));
        let item = call_item(&id, call, "completed");
        self.output.push(item.clone());
        let begun = json!({"output_index": index, "item": call_item(&id, call, "in_progress")});
        let delta = json!({"item_id": id, "output_index": index, "delta": call.arguments});
        let done = json!({
            "item_id": id, "output_index": index, "name": call.name, "arguments": call.arguments,
        });
        self.event("response.output_item.added", begun)
            + &self.event("response.function_call_arguments.delta", delta)
            + &self.event("response.function_call_arguments.done", done)
            + &self.event("response.output_item.done", json!({"output_index": index, "item": item}))
    }
}

impl Writer for ResponseWriter {
    fn start(&mut self) -> String {
        self.response("response.created", Progress::Running)
            + &self.response("response.in_progress", Progress::Running)
    }

    fn piece(&mut self, _choice: u32, text: &str, _scored: &[Scored]) -> String {
        let text = self.held.push(self.tools, text);
        self.text(&text)
    }

    fn end(&mut self, _choice: u32, finish: Finish) -> String {
        self.finish = finish;
        match self.held.finish() {
            Answered::Text(text) => self.text(&text) + &self.close_text(),
            Answered::Calls(calls) => calls.iter().map(|call| self.call(call)).collect(),
        }
    }

    fn finish(&mut self, tokens: Tokens) -> String {
        let name = match self.finish {
            Finish::Stop => "response.completed",
            Finish::Length => "response.incomplete",
        };
        self.response(name, Progress::Ended(self.finish, tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(tools: Tools, pieces: &[&str]) -> Vec<Value> {
        let identity = Identity { id: "resp_1".into(), created: 1, model: "m".into(), fingerprint: "f" };
        let mut writer = ResponseWriter::new(identity, json!({}), tools);
        let mut out = writer.start();
        for piece in pieces {
            out += &writer.piece(0, piece, &[]);
        }
        out += &writer.end(0, Finish::Stop);
        out += &writer.finish(Tokens { prompt: 1, completion: 2 });
        let data = out.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    fn names(events: &[Value]) -> Vec<&str> {
        let names = events.iter().map(|event| event["type"].as_str().unwrap());
        names.map(|name| name.strip_prefix("response.").unwrap()).collect()
    }

    #[test]
    fn text_opens_grows_and_closes() {
        let events = events(Tools::None, &["a", "b"]);
        let expect = [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ];
        assert_eq!(names(&events), expect);
        assert!(events.iter().enumerate().all(|(index, event)| event["sequence_number"] == index));
        assert_eq!(events[6]["text"], "ab");
        assert_eq!(events[9]["response"]["output"][0]["content"][0]["text"], "ab");
        assert_eq!(events[9]["response"]["usage"]["total_tokens"], 3);
    }

    #[test]
    fn a_call_is_an_item_of_its_own() {
        let events = events(Tools::Offered, &["<tool_call>", r#"{"name":"f","arguments":{"a":1}}"#]);
        let expect = [
            "created",
            "in_progress",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ];
        assert_eq!(names(&events), expect);
        assert_eq!(events[6]["response"]["output"][0]["arguments"], r#"{"a":1}"#);
    }
}
