//! `/v1/completions`, the legacy endpoint: prompts to continue as they stand.

use super::fields::Fields;
use super::problem::Problem;
use super::settings::{self, Delivery, MOST_CHOICES};
use super::stream::{DONE, Finished, Writer, data};
use super::usage::Tokens;
use crate::generate::Identity;
use crate::job::{Finish, Scored};
use crate::sampler::Sampling;
use crate::tokenizer::{Token, Tokenizer};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A prompt as text or as tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Prompt {
    Text(String),
    Tokens(Vec<Token>),
}

/// A checked request.
pub(crate) struct CompletionRequest {
    pub prompts: Vec<Prompt>,
    pub sampling: Sampling,
    pub stops: Vec<String>,
    pub max_tokens: usize,
    /// Texts for each prompt.
    pub choices: usize,
    pub delivery: Delivery,
    pub echo: Echo,
}

/// Whether the prompt comes back in front of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Echo {
    No,
    Yes,
}

/// OpenAI's default.
const MAX_TOKENS: usize = 16;
/// Texts that one request may hold: prompts times choices.
const MOST_TEXTS: usize = 128;

impl CompletionRequest {
    /// Checks a request's fields; `vocabulary` bounds token numbers.
    pub(crate) fn parse(fields: &Fields, vocabulary: usize) -> Result<Self, Problem> {
        fields.unsupported("suffix", &[json!("")])?;
        let choices = fields.count("n", 1..=MOST_CHOICES)?.unwrap_or(1);
        fields.unsupported("best_of", &[json!(0), json!(choices)])?;
        let prompts = prompts(fields, vocabulary)?;
        if prompts.len() * choices > MOST_TEXTS {
            return Err(Problem::invalid("prompt", format!("at most {MOST_TEXTS} texts a request")));
        }
        let echo = if fields.flag("echo")? { Echo::Yes } else { Echo::No };
        let mut sampling = settings::sampling(fields)?;
        sampling.report = fields.count("logprobs", 0..=5)?;
        if echo == Echo::Yes && sampling.report.is_some() {
            return Err(Problem::invalid("logprobs", "logprobs together with echo is not supported"));
        }
        Ok(Self {
            prompts,
            sampling,
            stops: settings::stops(fields)?,
            max_tokens: fields.count("max_tokens", 0..=usize::MAX)?.unwrap_or(MAX_TOKENS),
            choices,
            delivery: settings::delivery(fields)?,
            echo,
        })
    }
}

fn prompts(fields: &Fields, vocabulary: usize) -> Result<Vec<Prompt>, Problem> {
    let wrong = || Problem::invalid("prompt", "prompt must be a string, strings, tokens or lists of tokens");
    let prompts = match fields.get("prompt") {
        None => vec![Prompt::Text(String::new())],
        Some(Value::String(text)) => vec![Prompt::Text(text.clone())],
        Some(Value::Array(list)) if list.iter().any(Value::is_number) => {
            vec![Prompt::Tokens(tokens(list, vocabulary).ok_or_else(wrong)?)]
        }
        Some(Value::Array(list)) if !list.is_empty() => {
            let one = |value: &Value| match value {
                Value::String(text) => Some(Prompt::Text(text.clone())),
                Value::Array(list) => tokens(list, vocabulary).map(Prompt::Tokens),
                _ => None,
            };
            list.iter().map(one).collect::<Option<_>>().ok_or_else(wrong)?
        }
        Some(_) => return Err(wrong()),
    };
    Ok(prompts)
}

fn tokens(list: &[Value], vocabulary: usize) -> Option<Vec<Token>> {
    let one =
        |value: &Value| Token::try_from(value.as_u64()?).ok().filter(|token| (*token as usize) < vocabulary);
    list.iter().map(one).collect()
}

/// The whole answer; `echoes` holds the prompts' texts when they are to come back.
pub(crate) fn whole(
    identity: &Identity,
    tokenizer: &Tokenizer,
    (finished, tokens): (&[Finished], Tokens),
    echoes: &[String],
) -> Value {
    let per_prompt = finished.len().checked_div(echoes.len()).unwrap_or(1).max(1);
    let choices: Vec<Value> = finished
        .iter()
        .enumerate()
        .map(|(index, one)| {
            let echo = echoes.get(index / per_prompt).map_or("", String::as_str);
            let logprobs = logprobs(tokenizer, &one.scored, &mut 0);
            let text = format!("{echo}{}", one.text);
            json!({"index": index, "text": text, "logprobs": logprobs, "finish_reason": one.finish.name()})
        })
        .collect();
    json!({
        "id": identity.id, "object": "text_completion", "created": identity.created,
        "model": identity.model, "system_fingerprint": identity.fingerprint,
        "choices": choices, "usage": tokens.json(),
    })
}

/// The legacy `logprobs` object, null when nobody asked. `offset` is where the next token's text starts.
fn logprobs(tokenizer: &Tokenizer, scored: &[Scored], offset: &mut usize) -> Value {
    if scored.is_empty() {
        return Value::Null;
    }
    let text = |token: Token| String::from_utf8_lossy(tokenizer.bytes(token)).into_owned();
    let mut offsets = Vec::new();
    for one in scored {
        offsets.push(*offset);
        *offset += text(one.token).chars().count();
    }
    let best = |one: &Scored| -> Map<String, Value> {
        one.report.best.iter().map(|(token, logprob)| (text(*token), Value::from(*logprob))).collect()
    };
    json!({
        "tokens": scored.iter().map(|one| text(one.token)).collect::<Vec<_>>(),
        "token_logprobs": scored.iter().map(|one| one.report.chosen).collect::<Vec<_>>(),
        "top_logprobs": scored.iter().map(best).collect::<Vec<_>>(),
        "text_offset": offsets,
    })
}

/// Writes `text_completion` events.
pub(crate) struct CompletionWriter {
    pub identity: Identity,
    pub tokenizer: Arc<Tokenizer>,
    pub delivery: Delivery,
    pub echoes: Vec<String>,
    /// By choice: where the next token's text starts.
    pub offsets: Vec<usize>,
}

impl CompletionWriter {
    fn chunk(&self, choices: Value, usage: Value) -> String {
        let identity = &self.identity;
        let mut chunk = json!({
            "id": identity.id, "object": "text_completion", "created": identity.created,
            "model": identity.model, "system_fingerprint": identity.fingerprint, "choices": choices,
        });
        if let (Delivery::StreamWithUsage, Some(place)) = (self.delivery, chunk.as_object_mut()) {
            place.insert("usage".into(), usage);
        }
        data(&chunk)
    }

    fn text(&self, choice: usize, text: &str, (logprobs, finish): (Value, Option<&str>)) -> String {
        let choice = json!([{"index": choice, "text": text, "logprobs": logprobs, "finish_reason": finish}]);
        self.chunk(choice, Value::Null)
    }
}

impl Writer for CompletionWriter {
    fn start(&mut self) -> String {
        let per_prompt = self.offsets.len().checked_div(self.echoes.len()).unwrap_or(1).max(1);
        let echo = |choice| self.echoes.get(choice / per_prompt).map(|echo| (choice, echo));
        let echoes = (0..self.offsets.len()).filter_map(echo);
        echoes.map(|(choice, echo)| self.text(choice, echo, (Value::Null, None))).collect()
    }

    fn piece(&mut self, choice: u32, text: &str, scored: &[Scored]) -> String {
        let mut offset = 0;
        let kept = self.offsets.get_mut(choice as usize).unwrap_or(&mut offset);
        let logprobs = logprobs(&self.tokenizer, scored, kept);
        self.text(choice as usize, text, (logprobs, None))
    }

    fn end(&mut self, choice: u32, finish: Finish) -> String {
        self.text(choice as usize, "", (Value::Null, Some(finish.name())))
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

    fn check(prompt: &str, expect: Option<Vec<Prompt>>) {
        let fields = Fields::parse(format!("{{\"prompt\":{prompt}}}").as_bytes()).unwrap();
        assert_eq!(
            CompletionRequest::parse(&fields, 100).ok().map(|request| request.prompts),
            expect,
            "{prompt}"
        );
    }

    #[test]
    fn prompts_come_in_four_forms() {
        let text = |text: &str| Prompt::Text(text.into());
        check(r#""a""#, Some(vec![text("a")]));
        check(r#"["a","b"]"#, Some(vec![text("a"), text("b")]));
        check("[1,2]", Some(vec![Prompt::Tokens(vec![1, 2])]));
        check(r#"[[1],"a"]"#, Some(vec![Prompt::Tokens(vec![1]), text("a")]));
        check("[1,100]", None);
        check("[1,-1]", None);
        check("[]", None);
        check("{}", None);
    }
}
