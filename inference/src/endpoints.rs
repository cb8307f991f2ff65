//! What each endpoint does with a request.

use crate::answer::Answer;
use crate::api::chat::{self, ChatRequest, ChatWriter};
use crate::api::completions::{self, CompletionRequest, CompletionWriter, Echo};
use crate::api::embeddings::{self, EmbeddingRequest};
use crate::api::fields::Fields;
use crate::api::models;
use crate::api::problem::Problem;
use crate::api::responses::{self, Progress, ResponseRequest};
use crate::api::responses_stream::ResponseWriter;
use crate::api::settings::Delivery;
use crate::api::tool_answer::HeldAnswer;
use crate::bert::{POSITIONS, WIDTH};
use crate::embed::EncodeError;
use crate::generate::{Wish, refused};
use crate::job::{Finish, Refused};
use crate::meter::Meter;
use crate::service::Service;
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;

impl Service {
    pub(crate) async fn chat(&self, body: Bytes, meter: &Meter) -> Result<Answer, Problem> {
        let fields = Fields::parse(&body)?;
        let identity = self.identity(&fields, ("chatcmpl-", models::CHAT))?;
        let request = ChatRequest::parse(&fields)?;
        let prompt = self.tokenize_chat(request.messages, ("messages", meter)).await?;
        let mut wish = Wish::new("messages", request.sampling, meter);
        wish.stops = request.stops;
        wish.max_tokens = request.max_tokens;
        let generation = self.generate((vec![prompt], request.choices), &wish)?;
        let tokenizer = Arc::clone(&self.inner.tokenizer);
        if request.delivery == Delivery::Whole {
            let (finished, tokens) = generation.collect(request.choices).await?;
            let answer = chat::whole(&identity, &tokenizer, (&finished, tokens), request.tools);
            return Ok(Answer::json(&answer, meter.clone()));
        }
        let held = std::iter::repeat_with(HeldAnswer::default).take(request.choices).collect();
        let (delivery, tools) = (request.delivery, request.tools);
        let writer = ChatWriter { identity, tokenizer, delivery, tools, held };
        Ok(Answer::stream(generation.stream(writer), meter.clone()))
    }

    pub(crate) async fn completions(&self, body: Bytes, meter: &Meter) -> Result<Answer, Problem> {
        let fields = Fields::parse(&body)?;
        let identity = self.identity(&fields, ("cmpl-", models::CHAT))?;
        let request = CompletionRequest::parse(&fields, self.inner.tokenizer.len())?;
        let echoes = match request.echo {
            Echo::Yes => request.prompts.iter().map(|prompt| self.prompt_text(prompt)).collect(),
            Echo::No => Vec::new(),
        };
        let mut prompts = Vec::with_capacity(request.prompts.len());
        for prompt in request.prompts {
            prompts.push(self.tokenize_prompt(prompt, meter).await?);
        }
        let mut wish = Wish::new("prompt", request.sampling, meter);
        wish.stops = request.stops;
        wish.max_tokens = Some(request.max_tokens);
        let texts = prompts.len() * request.choices;
        let generation = self.generate((prompts, request.choices), &wish)?;
        let tokenizer = Arc::clone(&self.inner.tokenizer);
        if request.delivery == Delivery::Whole {
            let (finished, tokens) = generation.collect(texts).await?;
            let answer = completions::whole(&identity, &tokenizer, (&finished, tokens), &echoes);
            return Ok(Answer::json(&answer, meter.clone()));
        }
        let offsets = vec![0; texts];
        let writer = CompletionWriter { identity, tokenizer, delivery: request.delivery, echoes, offsets };
        Ok(Answer::stream(generation.stream(writer), meter.clone()))
    }

    pub(crate) async fn responses(&self, body: Bytes, meter: &Meter) -> Result<Answer, Problem> {
        let fields = Fields::parse(&body)?;
        let identity = self.identity(&fields, ("resp_", models::CHAT))?;
        let request = ResponseRequest::parse(&fields)?;
        let prompt = self.tokenize_chat(request.messages, ("input", meter)).await?;
        let mut wish = Wish::new("input", request.sampling, meter);
        wish.max_tokens = request.max_tokens;
        let generation = self.generate((vec![prompt], 1), &wish)?;
        if request.delivery != Delivery::Whole {
            let writer = ResponseWriter::new(identity, request.echo, request.tools);
            return Ok(Answer::stream(generation.stream(writer), meter.clone()));
        }
        let (mut finished, tokens) = generation.collect(1).await?;
        let (text, finish) =
            finished.pop().map_or((String::new(), Finish::Stop), |one| (one.text, one.finish));
        let output = responses::items(request.tools, text, finish);
        let answer = responses::object(&identity, &request.echo, (output, Progress::Ended(finish, tokens)));
        Ok(Answer::json(&answer, meter.clone()))
    }

    pub(crate) async fn embeddings(&self, body: Bytes, meter: &Meter) -> Result<Answer, Problem> {
        let fields = Fields::parse(&body)?;
        let identity = self.identity(&fields, ("embd-", models::EMBEDDING))?;
        let request = EmbeddingRequest::parse(&fields, WIDTH)?;
        for text in &request.texts {
            self.log_prompt(text);
        }
        let texts = request.texts;
        let tokens = self.aside(meter, move |inner| inner.embedder.encode(&texts)).await?;
        let tokens = tokens.map_err(|error| match error {
            EncodeError::TooLong => Problem::too_long("input", POSITIONS),
            EncodeError::Failed => Problem::invalid("input", error.to_string()),
        })?;
        let count = tokens.iter().map(Vec::len).sum();
        let vectors = self.inner.embedder.submit(tokens, meter.clone()).map_err(refused)?;
        let vectors = vectors.await.map_err(|_| refused(Refused::Stopped))?;
        let answer = embeddings::whole(&identity.model, request.format, (&vectors, count));
        Ok(Answer::json(&answer, meter.clone()))
    }

    /// vLLM's `/tokenize` for plain prompts: how many tokens a text has, and which.
    pub(crate) async fn tokenize(&self, body: Bytes, meter: &Meter) -> Result<Answer, Problem> {
        let fields = Fields::parse(&body)?;
        let text = fields.text("prompt")?.ok_or_else(|| Problem::invalid("prompt", "prompt is required"))?;
        let tokens = self.tokenize_prompt(completions::Prompt::Text(text.to_owned()), meter).await?;
        let limit = self.inner.engine.capacity();
        let answer = json!({"count": tokens.len(), "max_model_len": limit, "tokens": tokens});
        Ok(Answer::json(&answer, meter.clone()))
    }
}
