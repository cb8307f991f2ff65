//! SmolLM2's chat template, written out: what the model file's `tokenizer.chat_template` does.
//!
//! `<|im_start|>ROLE\nCONTENT<|im_end|>\n` for each message, a default system message when the
//! first one is not a system message, and an opened assistant message at the end. What callers
//! write is never read as a control token.

use crate::tokenizer::{Token, TokenizeError, Tokenizer};
use serde_json::{Value, json};
use std::fmt::Write;

/// Who speaks in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

impl Role {
    /// The role by the API's name; `developer` is the newer word for `system`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "system" | "developer" => Some(Self::System),
            "user" => Some(Self::User),
            "assistant" => Some(Self::Assistant),
            "tool" | "function" => Some(Self::Tool),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// One message, its parts and tool calls already joined to text.
#[derive(Clone)]
pub(crate) struct Message {
    pub role: Role,
    pub content: String,
}

const DEFAULT_SYSTEM: &str = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
/// Brackets of a tool call in the model's answer.
pub(crate) const TOOL_CALL: (&str, &str) = ("<tool_call>", "</tool_call>");

/// Control tokens of the template.
pub(crate) struct ChatTemplate {
    start: Token,
    end: Token,
}

impl ChatTemplate {
    /// `None` if the vocabulary lacks the template's tokens.
    pub(crate) fn new(tokenizer: &Tokenizer) -> Option<Self> {
        Some(Self { start: tokenizer.control("<|im_start|>")?, end: tokenizer.control("<|im_end|>")? })
    }

    /// The prompt that asks for the assistant's next message.
    pub(crate) fn render(
        &self,
        tokenizer: &Tokenizer,
        messages: &[Message],
    ) -> Result<Vec<Token>, TokenizeError> {
        let mut tokens = Vec::new();
        if messages.first().is_some_and(|first| first.role != Role::System) {
            self.message(tokenizer, (Role::System.name(), DEFAULT_SYSTEM), &mut tokens)?;
        }
        for message in messages {
            self.message(tokenizer, (message.role.name(), &message.content), &mut tokens)?;
        }
        tokens.push(self.start);
        tokenizer.encode_plain("assistant\n", &mut tokens)?;
        Ok(tokens)
    }

    fn message(
        &self,
        tokenizer: &Tokenizer,
        (role, content): (&str, &str),
        tokens: &mut Vec<Token>,
    ) -> Result<(), TokenizeError> {
        tokens.push(self.start);
        tokenizer.encode_plain(&format!("{role}\n{content}"), tokens)?;
        tokens.push(self.end);
        tokenizer.encode_plain("\n", tokens)
    }
}

/// Puts the tools into the system message, in the form SmolLM2 was taught.
pub(crate) fn describe_tools(messages: &mut Vec<Message>, tools: &[Value], wish: &str) {
    let mut text = String::from(
        "You can call functions. To call one, answer only with \
         <tool_call>[{\"name\": \"FUNCTION\", \"arguments\": {…}}]</tool_call>.",
    );
    // Writing to a String can't fail.
    write!(text, "{wish}\nThe functions are:\n{}", json!(tools)).ok();
    match messages.first_mut().filter(|first| first.role == Role::System) {
        Some(first) => first.content = format!("{}\n\n{text}", first.content),
        None => {
            messages.insert(0, Message { role: Role::System, content: format!("{DEFAULT_SYSTEM}\n\n{text}") })
        }
    }
}

/// The tool calls in an answer that is one bracketed list (or one object); `None` if it is not.
pub(crate) fn parse_tool_calls(answer: &str) -> Option<Vec<(String, String)>> {
    let (open, close) = TOOL_CALL;
    let inner = answer.trim().strip_prefix(open)?.trim();
    let inner = inner.strip_suffix(close).unwrap_or(inner);
    let calls = match serde_json::from_str(inner.trim()).ok()? {
        Value::Array(calls) => calls,
        call @ Value::Object(_) => vec![call],
        _ => return None,
    };
    let parsed: Option<Vec<_>> = calls.iter().map(parse_call).collect();
    parsed.filter(|calls| !calls.is_empty())
}

fn parse_call(call: &Value) -> Option<(String, String)> {
    let name = call.get("name")?.as_str()?.to_owned();
    let arguments = call.get("arguments").cloned().unwrap_or_else(|| json!({}));
    let arguments = match arguments {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Some((name, arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tool_calls_are_found_only_when_they_are_the_whole_answer() {
        let call = |name: &str, arguments: &str| Some(vec![(name.to_owned(), arguments.to_owned())]);
        let list = r#"<tool_call>[{"name":"f","arguments":{"a":1}}]</tool_call>"#;
        assert_eq!(parse_tool_calls(list), call("f", r#"{"a":1}"#));
        assert_eq!(parse_tool_calls(r#" <tool_call>{"name":"f"}"#), call("f", "{}"));
        assert_eq!(parse_tool_calls("I would use <tool_call>[]</tool_call>"), None);
        assert_eq!(parse_tool_calls("<tool_call>[]</tool_call>"), None);
        assert_eq!(parse_tool_calls("<tool_call>[{\"name\":"), None);
    }

    #[test]
    fn tools_join_the_callers_system_message() {
        let mut messages = vec![Message { role: Role::System, content: "Be brief.".into() }];
        describe_tools(&mut messages, &[json!({"name": "f"})], "");
        assert!(messages.len() == 1 && messages[0].content.starts_with("Be brief.\n\nYou can call"));
        let mut messages = vec![Message { role: Role::User, content: "Hi".into() }];
        describe_tools(&mut messages, &[json!({"name": "f"})], "");
        assert!(messages.len() == 2 && messages[0].content.starts_with(DEFAULT_SYSTEM));
    }
}
