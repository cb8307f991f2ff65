//! Holds an answer back as long as it may turn out to be a tool call.

use crate::chat_template::{TOOL_CALL, parse_tool_calls};
use serde_json::{Value, json};

/// Whether an answer may be a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tools {
    None,
    Offered,
}

/// One call: the function's name and its arguments as JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

/// The text of one choice while it is streamed.
#[derive(Default)]
pub(crate) struct HeldAnswer {
    held: String,
    /// Text went out, so the answer is no tool call.
    plain: bool,
}

/// What a complete answer is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    Text(String),
    Calls(Vec<Call>),
}

impl HeldAnswer {
    /// Adds text; returns what may go out.
    pub(crate) fn push(&mut self, tools: Tools, text: &str) -> String {
        if tools == Tools::None || self.plain {
            return text.to_owned();
        }
        self.held.push_str(text);
        let begun = self.held.trim_start();
        if begun.starts_with(TOOL_CALL.0) || TOOL_CALL.0.starts_with(begun) {
            return String::new();
        }
        self.plain = true;
        std::mem::take(&mut self.held)
    }

    /// What was held back is a call, or text after all.
    pub(crate) fn finish(&mut self) -> Answered {
        read_answer(Tools::Offered, std::mem::take(&mut self.held))
    }
}

/// Reads a complete answer.
pub(crate) fn read_answer(tools: Tools, text: String) -> Answered {
    let calls = if tools == Tools::Offered { parse_tool_calls(&text) } else { None };
    let Some(calls) = calls else { return Answered::Text(text) };
    let call =
        |(name, arguments)| Call { id: format!("call_{}", uuid::Uuid::now_v7().simple()), name, arguments };
    Answered::Calls(calls.into_iter().map(call).collect())
}

impl Call {
    /// The call in the words of chat completions.
    pub(crate) fn chat_json(&self) -> Value {
        let function = json!({"name": self.name, "arguments": self.arguments});
        json!({"id": self.id, "type": "function", "function": function})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&str], out: &str, rest: Option<&str>) {
        let mut held = HeldAnswer::default();
        let sent: String = pieces.iter().map(|piece| held.push(Tools::Offered, piece)).collect();
        let calls = match held.finish() {
            Answered::Text(text) => {
                assert_eq!(sent + &text, out);
                None
            }
            Answered::Calls(calls) => calls.first().map(|call| call.name.clone()),
        };
        assert_eq!(calls.as_deref(), rest);
    }

    #[test]
    fn only_a_tool_call_is_held_to_the_end() {
        check(&["He", "llo"], "Hello", None);
        check(&["<tool", "box>"], "<toolbox>", None);
        check(&["<tool_call>", "{\"name\":\"f\"}", "</tool_call>"], "", Some("f"));
        check(&["<tool_call>", "nonsense"], "<tool_call>nonsense", None);
        check(&["Use ", "<tool_call>{\"name\":\"f\"}"], "Use <tool_call>{\"name\":\"f\"}", None);
    }
}
