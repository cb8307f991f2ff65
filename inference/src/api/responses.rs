//! `/v1/responses`: items in, items out. Text and function calls only; nothing is stored.

use super::chat::{content, offer_tools, set, tool_call};
use super::fields::Fields;
use super::problem::Problem;
use super::settings::{self, Delivery};
use super::tool_answer::{Answered, Call, Tools, read_answer};
use super::usage::Tokens;
use crate::chat_template::{Message, Role};
use crate::generate::Identity;
use crate::job::Finish;
use crate::sampler::Sampling;
use serde_json::{Value, json};

/// A checked request.
pub(crate) struct ResponseRequest {
    pub messages: Vec<Message>,
    pub sampling: Sampling,
    pub max_tokens: Option<usize>,
    pub delivery: Delivery,
    pub tools: Tools,
    /// What the answer repeats of the request.
    pub echo: Value,
}

impl ResponseRequest {
    /// Checks a request's fields.
    pub(crate) fn parse(fields: &Fields) -> Result<Self, Problem> {
        for stateful in ["previous_response_id", "conversation", "prompt"] {
            fields.unsupported(stateful, &[])?;
        }
        fields.unsupported("background", &[json!(false)])?;
        fields.unsupported("top_logprobs", &[json!(0)])?;
        let mut messages = Vec::new();
        if let Some(instructions) = fields.text("instructions")? {
            messages.push(Message { role: Role::System, content: instructions.to_owned() });
        }
        input(fields.required("input")?, &mut messages)?;
        let tools = offer_tools(fields, &mut messages)?;
        let sampling = settings::sampling(fields)?;
        let max_tokens = fields.count("max_output_tokens", 1..=usize::MAX)?;
        let echo = echo(fields, &sampling);
        Ok(Self { messages, sampling, max_tokens, delivery: settings::delivery(fields)?, tools, echo })
    }
}

fn input(input: &Value, messages: &mut Vec<Message>) -> Result<(), Problem> {
    match input {
        Value::String(text) => messages.push(Message { role: Role::User, content: text.clone() }),
        Value::Array(items) if !items.is_empty() => {
            for (index, value) in items.iter().enumerate() {
                messages.push(item(&format!("input[{index}]"), value)?);
            }
        }
        _ => return Err(Problem::invalid("input", "input must be a string or a list of items")),
    }
    Ok(())
}

fn item(param: &str, value: &Value) -> Result<Message, Problem> {
    match value.get("type").and_then(Value::as_str) {
        None | Some("message") => {
            let role = value.get("role").and_then(Value::as_str).and_then(Role::parse).ok_or_else(|| {
                let message = format!("{param}.role must be system, developer, user or assistant");
                Problem::invalid(&format!("{param}.role"), message)
            })?;
            Ok(Message { role, content: content(&format!("{param}.content"), value.get("content"))? })
        }
        Some("function_call") => Ok(Message { role: Role::Assistant, content: tool_call(value) }),
        Some("function_call_output") => {
            let output = content(&format!("{param}.output"), value.get("output"))?;
            Ok(Message { role: Role::Tool, content: output })
        }
        // Notes of a model on its own thinking, which this one doesn't read.
        Some("reasoning") => Ok(Message { role: Role::Assistant, content: String::new() }),
        Some(_) => Err(Problem::invalid(param, format!("{param} is an item that this model can't read"))),
    }
}

fn echo(fields: &Fields, sampling: &Sampling) -> Value {
    let or = |name: &str, default: Value| fields.get(name).cloned().unwrap_or(default);
    json!({
        "instructions": or("instructions", Value::Null),
        "max_output_tokens": or("max_output_tokens", Value::Null),
        "metadata": or("metadata", json!({})),
        "parallel_tool_calls": or("parallel_tool_calls", json!(true)),
        "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null},
        "store": false,
        "temperature": sampling.temperature,
        "text": or("text", json!({"format": {"type": "text"}})),
        "tool_choice": or("tool_choice", json!("auto")),
        "tools": or("tools", json!([])),
        "top_p": sampling.top_p,
        "truncation": "disabled",
        "user": or("user", Value::Null),
    })
}

/// How far a response has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Running,
    Ended(Finish, Tokens),
}

/// The response object with its items.
pub(crate) fn object(identity: &Identity, echo: &Value, (output, progress): (Vec<Value>, Progress)) -> Value {
    let mut object = echo.clone();
    let (status, reason, usage) = match progress {
        Progress::Running => ("in_progress", Value::Null, Value::Null),
        Progress::Ended(Finish::Stop, tokens) => ("completed", Value::Null, tokens.responses_json()),
        Progress::Ended(Finish::Length, tokens) => {
            ("incomplete", json!({"reason": "max_output_tokens"}), tokens.responses_json())
        }
    };
    let fields = [
        ("id", json!(identity.id)),
        ("object", json!("response")),
        ("created_at", json!(identity.created)),
        ("model", json!(identity.model)),
        ("status", json!(status)),
        ("error", Value::Null),
        ("incomplete_details", reason),
        ("output", Value::Array(output)),
        ("usage", usage),
    ];
    for (name, value) in fields {
        set(&mut object, name, value);
    }
    object
}

/// The items of a complete answer.
pub(crate) fn items(tools: Tools, text: String, finish: Finish) -> Vec<Value> {
    match read_answer(tools, text) {
        Answered::Text(text) => vec![message_item(&new_id("msg"), &text, status(finish))],
        Answered::Calls(calls) => {
            calls.iter().map(|call| call_item(&new_id("fc"), call, "completed")).collect()
        }
    }
}

pub(super) fn status(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "completed",
        Finish::Length => "incomplete",
    }
}

pub(super) fn new_id(prefix: &str) -> String {
    format!("{prefix}_{}", uuid::Uuid::now_v7().simple())
}

/// The text part of a message.
pub(super) fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

pub(super) fn message_item(id: &str, text: &str, status: &str) -> Value {
    let content = if status == "in_progress" { json!([]) } else { json!([text_part(text)]) };
    json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content})
}

pub(super) fn call_item(id: &str, call: &Call, status: &str) -> Value {
    let arguments = if status == "in_progress" { "" } else { call.arguments.as_str() };
    json!({
        "id": id, "type": "function_call", "status": status, "call_id": call.id, "name": call.name,
        "arguments": arguments,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &str, expect: Result<usize, &str>) {
        let fields = Fields::parse(body.as_bytes()).unwrap();
        let result = ResponseRequest::parse(&fields);
        let got = match &result {
            Ok(request) => Ok(request.messages.len()),
            Err(problem) => Err(problem.param.as_deref().unwrap_or_default()),
        };
        assert_eq!(got, expect, "{body}");
    }

    #[test]
    fn input_comes_as_text_or_items() {
        check(r#"{"input":"a"}"#, Ok(1));
        check(r#"{"input":"a","instructions":"b"}"#, Ok(2));
        check(r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"a"}]}]}"#, Ok(1));
        let call = r#"{"type":"function_call","name":"f","arguments":"{}","call_id":"1"}"#;
        let output = r#"{"type":"function_call_output","call_id":"1","output":"3"}"#;
        check(&format!("{{\"input\":[{call},{output}]}}"), Ok(2));
        check(
            r#"{"input":[{"role":"user","content":[{"type":"input_image","image_url":"x"}]}]}"#,
            Err("input[0].content[0]"),
        );
        check(r#"{"input":[]}"#, Err("input"));
        check(r#"{"input":"a","previous_response_id":"r"}"#, Err("previous_response_id"));
    }
}
