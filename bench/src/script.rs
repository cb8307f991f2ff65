//! What the load says and what the scripted upstream answers: prompt, reply, stream, and how a reply is checked.

use memchr::memmem;
use serde_json::{Value, json};

/// Model name in every request: a listed one, so that gateways which price calls do that work.
pub const MODEL: &str = "gpt-4o-mini";
/// Personal data in every prompt; the upstream echoes whatever it was given in its place.
pub const SECRET: &str = "margaret.hale@example.com";
/// Characters of message content in a prompt.
pub const PROMPT_CHARS: usize = 1024;
/// Characters of message content in a reply, plain or streamed.
pub const REPLY_CHARS: usize = 2048;
/// Events of a stream from the role chunk to the finishing chunk (usage and `[DONE]` come on top).
pub const EVENTS: usize = 200;

const MARK: &str = "Please write to ";
const FILLER: &str = "the quiet river carried small boats past the mill and everyone on the bank waved back ";
const ECHO_EVENTS: usize = 6;

/// How a request wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One JSON body.
    Plain,
    /// Server-sent events, with the final usage chunk asked for.
    Stream,
}

/// How thoroughly a reply is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Byte searches only: cheap enough for every reply.
    Quick,
    /// Parse all JSON and compare the content.
    Full,
}

fn filler(chars: usize) -> String {
    FILLER.chars().cycle().take(chars).collect()
}

/// The body of a chat completion request with [`PROMPT_CHARS`] characters of content.
pub fn request_body(shape: Shape) -> String {
    let system = "You are a careful clerk.";
    let ask = format!("{MARK}{SECRET} about it. ");
    let user = format!("{ask}{}", filler(PROMPT_CHARS.saturating_sub(system.len() + ask.len())));
    let mut body = json!({
        "model": MODEL,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
        "max_tokens": 600,
    });
    if let (Shape::Stream, Some(fields)) = (shape, body.as_object_mut()) {
        fields.insert("stream".into(), true.into());
        fields.insert("stream_options".into(), json!({"include_usage": true}));
    }
    body.to_string()
}

/// What a request body asks of the upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Plain or stream.
    pub shape: Shape,
    /// The word that stands where the prompt had [`SECRET`].
    pub echo: String,
}

/// Reads a request body by byte search: the upstream must stay far cheaper than what is measured.
pub fn asked(body: &[u8]) -> Asked {
    let streams = memmem::find(body, b"\"stream\"").is_some_and(|at| {
        let rest = body.get(at + 8..).unwrap_or_default();
        let value: Vec<u8> =
            rest.iter().copied().filter(|b| !b.is_ascii_whitespace() && *b != b':').take(4).collect();
        value == b"true"
    });
    let echo = memmem::find(body, MARK.as_bytes())
        .and_then(|at| body.get(at + MARK.len()..))
        .and_then(|rest| rest.split(|b| *b == b' ').next())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .unwrap_or_default();
    Asked { shape: if streams { Shape::Stream } else { Shape::Plain }, echo }
}

fn reply_text(echo: &str) -> String {
    const AROUND: usize = "I will write to  now. ".len();
    // As long as if the address itself stood there: a pseudonym must not change what follows it.
    let rest = filler(REPLY_CHARS.saturating_sub(AROUND + SECRET.len()));
    format!("I will write to {echo} now. {rest}")
}

fn usage() -> Value {
    json!({"prompt_tokens": 233, "completion_tokens": 421, "total_tokens": 654,
           "prompt_tokens_details": {"cached_tokens": 0}})
}

/// The plain reply that echoes `echo`.
pub fn reply_body(echo: &str) -> String {
    json!({
        "id": "chatcmpl-bench", "object": "chat.completion", "created": 1_760_000_000, "model": MODEL,
        "choices": [{"index": 0, "finish_reason": "stop", "logprobs": null,
                     "message": {"role": "assistant", "content": reply_text(echo), "refusal": null}}],
        "usage": usage(), "service_tier": "default", "system_fingerprint": "fp_bench",
    })
    .to_string()
}

fn event(delta: &Value, finish: &Value) -> String {
    let chunk = json!({
        "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1_760_000_000,
        "model": MODEL, "system_fingerprint": "fp_bench",
        "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}],
        "usage": null,
    });
    format!("data: {chunk}\n\n")
}

/// A stream of `events` events as the upstream sends it; only the echoed word is made per request.
pub struct StreamScript {
    before: Vec<String>,
    after: Vec<String>,
}

impl StreamScript {
    /// Prepares a stream of `events` events (at least ten are sent).
    pub fn new(events: usize) -> Self {
        let texts = events.max(10) - 2 - ECHO_EVENTS;
        let (early, late) = (texts / 2, texts - texts / 2);
        let size = (REPLY_CHARS / EVENTS).max(1);
        let text = filler(size * texts);
        let mut pieces = text
            .as_bytes()
            .chunks(size)
            .map(|piece| event(&json!({"content": String::from_utf8_lossy(piece)}), &Value::Null));
        let mut before =
            vec![event(&json!({"role": "assistant", "content": "", "refusal": null}), &Value::Null)];
        before.extend(pieces.by_ref().take(early));
        let mut after: Vec<String> = pieces.take(late).collect();
        after.push(event(&json!({}), &json!("stop")));
        let mut last = json!({"id": "chatcmpl-bench", "object": "chat.completion.chunk",
            "created": 1_760_000_000, "model": MODEL, "system_fingerprint": "fp_bench", "choices": []});
        if let Some(fields) = last.as_object_mut() {
            fields.insert("usage".into(), usage());
        }
        after.push(format!("data: {last}\n\n"));
        after.push("data: [DONE]\n\n".to_owned());
        Self { before, after }
    }

    /// Every event in order, the echoed word cut over several of them.
    pub fn events(&self, echo: &str) -> impl Iterator<Item = std::borrow::Cow<'_, str>> {
        let sentence = format!(" {echo} ");
        // By characters: a pseudonym has some that take several bytes.
        let letters: Vec<char> = sentence.chars().collect();
        let size = letters.len().div_ceil(ECHO_EVENTS).max(1);
        let mut middle: Vec<String> = letters
            .chunks(size)
            .map(|piece| event(&json!({"content": piece.iter().collect::<String>()}), &Value::Null))
            .collect();
        middle.resize_with(ECHO_EVENTS, || event(&json!({"content": ""}), &Value::Null));
        let before = self.before.iter().map(|text| text.as_str().into());
        let after = self.after.iter().map(|text| text.as_str().into());
        before.chain(middle.into_iter().map(Into::into)).chain(after)
    }
}

/// What a correct reply to [`request_body`] looks like to the caller.
pub struct Expected {
    shape: Shape,
    content: String,
}

impl Expected {
    /// The expectation for one shape, [`SECRET`] given back unchanged.
    pub fn new(shape: Shape) -> Self {
        let content = match shape {
            Shape::Plain => reply_text(SECRET),
            Shape::Stream => {
                StreamScript::new(EVENTS).events(SECRET).filter_map(|text| delta_text(&text)).collect()
            }
        };
        Self { shape, content }
    }

    /// Checks a reply body.
    ///
    /// # Errors
    /// Says what is missing; never repeats more than the start of the body.
    pub fn check(&self, body: &[u8], check: Check) -> Result<(), String> {
        match (self.shape, check) {
            (Shape::Plain, Check::Quick) => {
                let found = memmem::find(body, self.content.as_bytes()).is_some();
                if found { Ok(()) } else { Err(mismatch("reply text not found", body)) }
            }
            (Shape::Plain, Check::Full) => self.plain_in_full(body),
            (Shape::Stream, Check::Quick) => stream_frame(body),
            (Shape::Stream, Check::Full) => {
                stream_frame(body)?;
                let text = String::from_utf8_lossy(body);
                let content: String = text.split("\n\n").filter_map(delta_text).collect();
                if content == self.content { Ok(()) } else { Err(mismatch("stream text differs", body)) }
            }
        }
    }

    fn plain_in_full(&self, body: &[u8]) -> Result<(), String> {
        let reply: Value = serde_json::from_slice(body).map_err(|e| mismatch(&e.to_string(), body))?;
        let content = reply.pointer("/choices/0/message/content").and_then(Value::as_str);
        let tokens = reply.pointer("/usage/total_tokens").and_then(Value::as_u64);
        if content == Some(self.content.as_str()) && tokens == Some(654) {
            return Ok(());
        }
        Err(mismatch("content or usage differs", body))
    }
}

fn stream_frame(body: &[u8]) -> Result<(), String> {
    if !body.trim_ascii_end().ends_with(b"data: [DONE]") {
        return Err(mismatch("stream without [DONE]", body));
    }
    // A gateway may merge the role chunk or drop an empty delta; it may not lose text.
    let events = memmem::find_iter(body, b"data: ").count();
    let least = EVENTS - 4;
    if events < least {
        return Err(mismatch(&format!("{events} events, expected at least {least}"), body));
    }
    Ok(())
}

fn delta_text(event: &str) -> Option<String> {
    let json = event.trim().strip_prefix("data: ")?;
    let chunk: Value = serde_json::from_str(json).ok()?;
    chunk.pointer("/choices/0/delta/content")?.as_str().map(str::to_owned)
}

fn mismatch(what: &str, body: &[u8]) -> String {
    let start = body.get(..body.len().min(300)).unwrap_or_default();
    format!("{what}; body of {} bytes begins {:?}", body.len(), String::from_utf8_lossy(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompt_and_reply_have_their_sizes() {
        let body: Value = serde_json::from_str(&request_body(Shape::Plain)).unwrap();
        let chars: usize =
            body["messages"].as_array().unwrap().iter().map(|m| m["content"].as_str().unwrap().len()).sum();
        assert_eq!(chars, PROMPT_CHARS);
        assert_eq!(reply_text(SECRET).len(), REPLY_CHARS);
    }

    #[test]
    fn upstream_understands_the_request() {
        for shape in [Shape::Plain, Shape::Stream] {
            let asked = asked(request_body(shape).as_bytes());
            assert_eq!(asked, Asked { shape, echo: SECRET.to_owned() });
        }
        assert_eq!(asked(b"{\"stream\" : true}").shape, Shape::Stream);
        assert_eq!(asked(b"{\"stream\":false}").shape, Shape::Plain);
    }

    #[test]
    fn a_correct_reply_passes_and_a_changed_one_fails() {
        let plain = Expected::new(Shape::Plain);
        for check in [Check::Quick, Check::Full] {
            assert!(plain.check(reply_body(SECRET).as_bytes(), check).is_ok());
            assert!(plain.check(reply_body("someone@example.org").as_bytes(), check).is_err());
        }
        let stream = Expected::new(Shape::Stream);
        let script = StreamScript::new(EVENTS);
        assert_eq!(script.events(SECRET).count(), EVENTS + 2);
        let good: String = script.events(SECRET).collect();
        let other: String = script.events("someone@example.org").collect();
        let cut: String = script.events(SECRET).take(EVENTS).collect();
        assert!(stream.check(good.as_bytes(), Check::Quick).is_ok());
        assert!(stream.check(good.as_bytes(), Check::Full).is_ok());
        assert!(stream.check(other.as_bytes(), Check::Full).is_err());
        assert!(stream.check(cut.as_bytes(), Check::Quick).is_err());
    }
}
