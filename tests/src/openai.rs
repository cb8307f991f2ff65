//! Bodies in OpenAI's shapes, as an upstream writes them and a client reads them.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::script::Script;
use crate::upstream::Seen;

/// A chat request with one user message.
#[must_use]
pub fn chat(text: &str) -> Value {
    json!({"model": "scripted", "messages": [{"role": "user", "content": text}]})
}

/// The same as a stream with usage.
#[must_use]
pub fn chat_stream(text: &str) -> Value {
    let mut body = chat(text);
    body["stream"] = json!(true);
    body["stream_options"] = json!({"include_usage": true});
    body
}

/// Usage of every scripted reply: 7 in, 5 out.
#[must_use]
pub fn usage() -> Value {
    json!({"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12})
}

/// A whole chat completion.
#[must_use]
pub fn completion(message: &Value) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "scripted",
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}],
        "usage": usage(),
    })
}

/// A whole chat completion that says `text`.
#[must_use]
pub fn says(text: &str) -> Value {
    completion(&json!({"role": "assistant", "content": text, "refusal": null}))
}

/// How an upstream writes characters outside ASCII in JSON; both are common.
#[derive(Clone, Copy, Debug)]
pub enum Escape {
    /// As UTF-8.
    Raw,
    /// As `\u` escapes, as Python's json module does by default.
    Ascii,
}

impl Escape {
    /// The JSON text of a value.
    #[must_use]
    pub fn json(self, value: &Value) -> String {
        let text = value.to_string();
        match self {
            Self::Raw => text,
            Self::Ascii => {
                let mut units = [0; 2];
                let mut escaped = String::new();
                for c in text.chars() {
                    if c.is_ascii() {
                        escaped.push(c);
                        continue;
                    }
                    for unit in c.encode_utf16(&mut units) {
                        escaped.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                escaped
            }
        }
    }

    /// One server-sent event.
    #[must_use]
    pub fn event(self, value: &Value) -> String {
        format!("data: {}\n\n", self.json(value))
    }
}

/// One chunk of a chat stream for one choice.
#[must_use]
pub fn chunk(choice: u32, delta: &Value, finish: Option<&str>) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "scripted",
        "choices": [{"index": choice, "delta": delta, "logprobs": null, "finish_reason": finish}],
    })
}

/// The chunk that carries usage.
#[must_use]
pub fn usage_chunk() -> Value {
    let mut value = chunk(0, &json!({}), None);
    value["choices"] = json!([]);
    value["usage"] = usage();
    value
}

/// Events of a whole chat stream from its deltas, with finish, usage and `[DONE]`.
#[must_use]
pub fn stream(deltas: &[Value], escape: Escape) -> String {
    let mut text = escape.event(&chunk(0, &json!({"role": "assistant", "content": ""}), None));
    for delta in deltas {
        text.push_str(&escape.event(&chunk(0, delta, None)));
    }
    text.push_str(&escape.event(&chunk(0, &json!({}), Some("stop"))));
    text.push_str(&escape.event(&usage_chunk()));
    text + "data: [DONE]\n\n"
}

/// Deltas that say `text`, cut at positions counted in characters.
#[must_use]
pub fn pieces(text: &str, cuts: &[usize]) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut places: Vec<_> = cuts.iter().map(|at| at % (characters.len() + 1)).collect();
    places.extend([0, characters.len()]);
    places.sort_unstable();
    places.dedup();
    places.windows(2).map(|pair| characters[pair[0]..pair[1]].iter().collect()).collect()
}

/// Text of the last message of a chat request, as the upstream received it.
#[must_use]
pub fn asked(seen: &Seen) -> String {
    let body = seen.json();
    let last = body["messages"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    last["content"].as_str().unwrap_or_default().to_owned()
}

/// Answers chat by saying what was asked, streamed or not as the request wants.
#[must_use]
pub fn echo(seen: &Seen) -> Script {
    let text = asked(seen);
    if seen.json()["stream"] == json!(true) {
        let deltas: Vec<_> =
            pieces(&text, &[3, 7, 11]).iter().map(|piece| json!({"content": piece})).collect();
        return Script::cut(&stream(&deltas, Escape::Raw), &[]);
    }
    Script::json(200, &says(&text))
}

/// The events of a stream as a client sees them.
#[derive(Debug, Default)]
pub struct Events {
    /// Parsed data of each event but `[DONE]`.
    pub values: Vec<Value>,
    /// Whether `[DONE]` came last.
    pub done: bool,
}

impl Events {
    /// Reads a whole answer.
    ///
    /// # Panics
    /// When an event isn't JSON, or one comes after `[DONE]`.
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        let mut events = Self::default();
        for event in answer.text().split("\n\n") {
            let data: Vec<_> =
                event.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim).collect();
            let data = data.join("\n");
            if data.is_empty() {
                continue;
            }
            assert!(!events.done, "an event after [DONE]: {data}");
            if data == "[DONE]" {
                events.done = true;
            } else {
                events.values.push(serde_json::from_str(&data).unwrap_or_else(|e| panic!("{e} in {data:?}")));
            }
        }
        events
    }

    /// Joins the strings at a JSON pointer of every event.
    #[must_use]
    pub fn join(&self, pointer: &str) -> String {
        self.values.iter().filter_map(|value| value.pointer(pointer)?.as_str()).collect()
    }

    /// Text of the first choice of a chat stream.
    #[must_use]
    pub fn text(&self) -> String {
        self.join("/choices/0/delta/content")
    }

    /// The finish reason of the first choice.
    #[must_use]
    pub fn finish(&self) -> Option<String> {
        let mut reasons =
            self.values.iter().filter_map(|value| value.pointer("/choices/0/finish_reason")?.as_str());
        reasons.next_back().map(str::to_owned)
    }

    /// The usage object, when one came.
    #[must_use]
    pub fn usage(&self) -> Option<&Value> {
        self.values.iter().map(|value| &value["usage"]).find(|usage| usage.is_object())
    }
}
