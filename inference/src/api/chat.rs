//! `/v1/chat/completions`: the request's messages and tools, and the words of the answer.

use super::fields::Fields;
use super::problem::Problem;
use super::settings::{self, Delivery, MOST_CHOICES};
use super::stream::{DONE, Finished, Writer, data};
use super::tool_answer::{Answered, Call, HeldAnswer, Tools, read_answer};
use super::usage::Tokens;
use crate::chat_template::{Message, Role, TOOL_CALL, describe_tools};
use crate::generate::Identity;
use crate::job::{Finish, Scored};
use crate::sampler::Sampling;
use crate::tokenizer::Tokenizer;
use serde_json::{Value, json};
use std::sync::Arc;

/// A checked request.
pub(crate) struct ChatRequest {
    pub messages: Vec<Message>,
    pub sampling: Sampling,
    pub stops: Vec<String>,
    pub max_tokens: Option<usize>,
    pub choices: usize,
    pub delivery: Delivery,
    pub tools: Tools,
}

impl ChatRequest {
    /// Checks a request's fields.
    pub(crate) fn parse(fields: &Fields) -> Result<Self, Problem> {
        let list = fields.required("messages").and(fields.list("messages"))?;
        if list.is_empty() {
            return Err(Problem::invalid("messages", "messages must not be empty"));
        }
        let parse = |(index, value): (usize, &Value)| message(&format!("messages[{index}]"), value);
        let mut messages = list.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?;
        let tools = offer_tools(fields, &mut messages)?;
        check_format(fields)?;
        check_words_only(fields)?;
        let limit = fields.count("max_completion_tokens", 0..=usize::MAX)?;
        let older = fields.count("max_tokens", 0..=usize::MAX)?;
        let mut sampling = settings::sampling(fields)?;
        let best = fields.count("top_logprobs", 0..=20)?;
        sampling.report = fields.flag("logprobs")?.then(|| best.unwrap_or(0));
        Ok(Self {
            messages,
            sampling,
            stops: settings::stops(fields)?,
            max_tokens: limit.or(older),
            choices: fields.count("n", 1..=MOST_CHOICES)?.unwrap_or(1),
            delivery: settings::delivery(fields)?,
            tools,
        })
    }
}

fn message(param: &str, value: &Value) -> Result<Message, Problem> {
    let role = value.get("role").and_then(Value::as_str).and_then(Role::parse).ok_or_else(|| {
        let roles = "role must be system, developer, user, assistant or tool";
        Problem::invalid(&format!("{param}.role"), format!("{param}.{roles}"))
    })?;
    let mut content = content(&format!("{param}.content"), value.get("content"))?;
    for call in value.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        content.push_str(&tool_call(call));
    }
    Ok(Message { role, content })
}

/// Text, text parts or nothing; other parts are refused, as the model can't see or hear.
pub(crate) fn content(param: &str, value: Option<&Value>) -> Result<String, Problem> {
    match value {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(parts)) => {
            let mut all = String::new();
            for (index, part) in parts.iter().enumerate() {
                let text = part.get("text").or_else(|| part.get("refusal")).and_then(Value::as_str);
                let problem =
                    || Problem::invalid(&format!("{param}[{index}]"), "this model reads only text parts");
                all.push_str(text.ok_or_else(problem)?);
            }
            Ok(all)
        }
        Some(_) => Err(Problem::invalid(param, format!("{param} must be a string or a list of parts"))),
    }
}

/// An earlier tool call, as the model would have written it.
pub(crate) fn tool_call(call: &Value) -> String {
    let (open, close) = TOOL_CALL;
    let function = call.get("function").unwrap_or(call);
    let arguments = function.get("arguments").and_then(Value::as_str).unwrap_or("{}");
    let arguments: Value = serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
    let list = json!([{"name": function.get("name"), "arguments": arguments}]);
    format!("{open}{list}{close}")
}

/// Puts tools into the prompt. `tool_choice` becomes a wish in words: the model isn't forced.
pub(crate) fn offer_tools(fields: &Fields, messages: &mut Vec<Message>) -> Result<Tools, Problem> {
    let tools = fields.list("tools")?;
    let choice = fields.get("tool_choice");
    if tools.is_empty() || choice.and_then(Value::as_str) == Some("none") {
        return Ok(Tools::None);
    }
    let functions: Vec<Value> =
        tools.iter().map(|tool| tool.get("function").unwrap_or(tool).clone()).collect();
    let named = choice.and_then(|choice| choice.pointer("/function/name")).and_then(Value::as_str);
    let wish = match (named, choice.and_then(Value::as_str)) {
        (Some(name), _) => format!(" You must call {name}."),
        (None, Some("required")) => " You must call one of them.".to_owned(),
        _ => String::new(),
    };
    describe_tools(messages, &functions, &wish);
    Ok(Tools::Offered)
}

/// `response_format` is accepted; see the crate's documentation for what it does.
fn check_format(fields: &Fields) -> Result<(), Problem> {
    let Some(format) = fields.get("response_format") else { return Ok(()) };
    match format.get("type").and_then(Value::as_str) {
        Some("text" | "json_object" | "json_schema") => Ok(()),
        _ => Err(Problem::invalid(
            "response_format",
            "response_format.type must be text, json_object or json_schema",
        )),
    }
}

/// An answer of words alone: other modalities are refused, and so are the forerunners of tools, unless they
/// may not be called anyway. `audio` only says how speech would sound.
fn check_words_only(fields: &Fields) -> Result<(), Problem> {
    fields.unsupported("modalities", &[json!([]), json!(["text"])])?;
    if fields.get("function_call").and_then(Value::as_str) != Some("none") {
        fields.unsupported("functions", &[json!([])])?;
    }
    Ok(())
}

/// The whole answer.
pub(crate) fn whole(
    identity: &Identity,
    tokenizer: &Tokenizer,
    (finished, tokens): (&[Finished], Tokens),
    tools: Tools,
) -> Value {
    let choices: Vec<Value> = (0u32..)
        .zip(finished)
        .map(|(index, one)| {
            let (mut message, mut finish) =
                (json!({"role": "assistant", "refusal": null}), one.finish.name());
            match read_answer(tools, one.text.clone()) {
                Answered::Text(text) => set(&mut message, "content", text.into()),
                Answered::Calls(calls) => {
                    set(&mut message, "content", Value::Null);
                    set(&mut message, "tool_calls", calls.iter().map(Call::chat_json).collect());
                    finish = "tool_calls";
                }
            }
            let logprobs = logprobs(tokenizer, &one.scored);
            json!({"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish})
        })
        .collect();
    json!({
        "id": identity.id, "object": "chat.completion", "created": identity.created,
        "model": identity.model, "system_fingerprint": identity.fingerprint,
        "choices": choices, "usage": tokens.json(),
    })
}

/// Sets a field of an object.
pub(crate) fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

/// The `logprobs` object, null when nobody asked.
fn logprobs(tokenizer: &Tokenizer, scored: &[Scored]) -> Value {
    if scored.is_empty() {
        return Value::Null;
    }
    let entry = |token: u32, logprob: f32| {
        let bytes = tokenizer.bytes(token);
        json!({"token": String::from_utf8_lossy(bytes), "logprob": logprob, "bytes": bytes})
    };
    let content: Vec<Value> = scored
        .iter()
        .map(|one| {
            let mut value = entry(one.token, one.report.chosen);
            let best: Vec<Value> =
                one.report.best.iter().map(|(token, logprob)| entry(*token, *logprob)).collect();
            if let Some(place) = value.as_object_mut() {
                place.insert("top_logprobs".into(), Value::Array(best));
            }
            value
        })
        .collect();
    json!({"content": content, "refusal": null})
}

/// Writes `chat.completion.chunk` events.
pub(crate) struct ChatWriter {
    pub identity: Identity,
    pub tokenizer: Arc<Tokenizer>,
    pub delivery: Delivery,
    pub tools: Tools,
    /// By choice.
    pub held: Vec<HeldAnswer>,
}

impl ChatWriter {
    fn chunk(&self, choices: Value, usage: Value) -> String {
        let identity = &self.identity;
        let mut chunk = json!({
            "id": identity.id, "object": "chat.completion.chunk", "created": identity.created,
            "model": identity.model, "system_fingerprint": identity.fingerprint, "choices": choices,
        });
        if let (Delivery::StreamWithUsage, Some(place)) = (self.delivery, chunk.as_object_mut()) {
            place.insert("usage".into(), usage);
        }
        data(&chunk)
    }

    fn delta(&self, choice: u32, delta: Value, finish: Option<&str>) -> String {
        self.chunk(
            json!([{"index": choice, "delta": delta, "logprobs": null, "finish_reason": finish}]),
            Value::Null,
        )
    }
}

impl Writer for ChatWriter {
    fn start(&mut self) -> String {
        let first = json!({"role": "assistant", "content": "", "refusal": null});
        let choices = 0..u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        choices.map(|choice| self.delta(choice, first.clone(), None)).collect()
    }

    fn piece(&mut self, choice: u32, text: &str, scored: &[Scored]) -> String {
        let Some(held) = self.held.get_mut(choice as usize) else { return String::new() };
        let text = held.push(self.tools, text);
        if text.is_empty() && scored.is_empty() {
            return String::new();
        }
        let logprobs = logprobs(&self.tokenizer, scored);
        let choice = json!([{"index": choice, "delta": {"content": text}, "logprobs": logprobs, "finish_reason": null}]);
        self.chunk(choice, Value::Null)
    }

    fn end(&mut self, choice: u32, finish: Finish) -> String {
        let answered = self.held.get_mut(choice as usize).map(HeldAnswer::finish);
        let end = |finish| self.delta(choice, json!({}), Some(finish));
        match answered {
            Some(Answered::Calls(calls)) => {
                let numbered = |(index, call): (u32, &Call)| {
                    let mut call = call.chat_json();
                    set(&mut call, "index", index.into());
                    call
                };
                let calls: Vec<Value> = (0..).zip(&calls).map(numbered).collect();
                self.delta(choice, json!({"tool_calls": calls}), None) + &end("tool_calls")
            }
            Some(Answered::Text(text)) if !text.is_empty() => {
                self.delta(choice, json!({"content": text}), None) + &end(finish.name())
            }
            _ => end(finish.name()),
        }
    }

    fn finish(&mut self, tokens: Tokens) -> String {
        match self.delivery {
            Delivery::StreamWithUsage => self.chunk(json!([]), tokens.json()) + DONE,
            Delivery::Stream | Delivery::Whole => DONE.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(more: &str, param: &str) {
        let body = format!(r#"{{"messages":[{{"role":"user","content":"a"}}]{more}}}"#);
        let result = ChatRequest::parse(&Fields::parse(body.as_bytes()).unwrap());
        assert_eq!(result.err().and_then(|problem| problem.param).unwrap_or_default(), param, "{body}");
    }

    #[test]
    fn what_would_change_the_answer_is_refused_and_the_rest_ignored() {
        check("", "");
        check(r#","max_tokens":0,"max_completion_tokens":0,"verbosity":"low","store":true"#, "");
        check(r#","modalities":["text"],"audio":{"format":"wav","voice":"alloy"}"#, "");
        check(r#","modalities":["text","audio"]"#, "modalities");
        check(r#","functions":[{"name":"f"}],"function_call":"none""#, "");
        check(r#","functions":[{"name":"f"}]"#, "functions");
        check(r#","max_tokens":-1"#, "max_tokens");
        check(r#","response_format":{"type":"grammar"}"#, "response_format");
    }
}
