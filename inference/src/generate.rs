//! From a checked request to running texts: names, tokens, jobs.

use crate::api::completions::Prompt;
use crate::api::fields::Fields;
use crate::api::problem::Problem;
use crate::api::stream::Generation;
use crate::chat_template::Message;
use crate::job::{Job, Refused};
use crate::meter::Meter;
use crate::sampler::Sampling;
use crate::service::{Inner, Service, now};
use crate::tokenizer::{Token, TokenizeError};
use std::sync::Arc;
use tokio::sync::mpsc::unbounded_channel;

/// What every part of one answer repeats.
#[derive(Clone)]
pub(crate) struct Identity {
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    /// As the caller wrote it.
    pub model: String,
    pub fingerprint: &'static str,
}

/// Changes when equal seeds may give other texts.
const FINGERPRINT: &str = concat!("weir-", env!("CARGO_PKG_VERSION"), "-q4_1");
/// Tokens of an answer whose length the request leaves open.
const OPEN_ANSWER: usize = 1024;

impl Service {
    pub(crate) fn identity(
        &self,
        fields: &Fields,
        (prefix, serves): (&str, &str),
    ) -> Result<Identity, Problem> {
        let problem = || Problem::invalid("model", "model is required");
        let model = fields.text("model")?.ok_or_else(problem)?.to_owned();
        if !self.inner.options.serves(&model, serves) {
            return Err(Problem::unknown_model());
        }
        let id = format!("{prefix}{}", uuid::Uuid::now_v7().simple());
        Ok(Identity { id, created: now(), model, fingerprint: FINGERPRINT })
    }

    pub(crate) async fn tokenize_chat(
        &self,
        messages: Vec<Message>,
        (param, meter): (&str, &Meter),
    ) -> Result<Vec<Token>, Problem> {
        let bytes = messages.iter().map(|message| message.content.len()).sum();
        self.check_length(param, bytes)?;
        for message in &messages {
            self.log_prompt(&message.content);
        }
        let render = move |inner: &Inner| inner.template.render(&inner.tokenizer, &messages);
        tokens(self.aside_if_long(bytes, meter, render).await?, param)
    }

    pub(crate) async fn tokenize_prompt(&self, prompt: Prompt, meter: &Meter) -> Result<Vec<Token>, Problem> {
        let text = match prompt {
            Prompt::Tokens(tokens) => return Ok(tokens),
            Prompt::Text(text) => text,
        };
        self.check_length("prompt", text.len())?;
        self.log_prompt(&text);
        let bytes = text.len();
        let encode = move |inner: &Inner| {
            let mut tokens = Vec::new();
            inner.tokenizer.encode(&text, &mut tokens).map(|()| tokens)
        };
        tokens(self.aside_if_long(bytes, meter, encode).await?, "prompt")
    }

    /// Queues `choices` texts for each prompt.
    pub(crate) fn generate(
        &self,
        (prompts, choices): (Vec<Vec<Token>>, usize),
        wish: &Wish,
    ) -> Result<Generation, Problem> {
        let capacity = self.inner.engine.capacity();
        let (events, receiver) = unbounded_channel();
        let prompt_tokens = prompts.iter().map(Vec::len).sum();
        let mut jobs = Vec::with_capacity(prompts.len() * choices);
        for mut prompt in prompts {
            if prompt.is_empty() {
                prompt.push(self.inner.blank);
            }
            let room = capacity.saturating_sub(prompt.len());
            if room == 0 {
                return Err(Problem::too_long(wish.param, capacity));
            }
            for _ in 0..choices {
                let choice = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
                let mut sampling = wish.sampling.clone();
                sampling.seed = sampling.seed.wrapping_add(u64::from(choice));
                jobs.push(Job {
                    choice,
                    prompt: prompt.clone(),
                    max_tokens: wish.max_tokens.unwrap_or(OPEN_ANSWER).min(room),
                    sampling,
                    stops: wish.stops.clone(),
                    events: events.clone(),
                    meter: wish.meter.clone(),
                });
            }
        }
        let open = jobs.len();
        self.inner.engine.submit(jobs).map_err(refused)?;
        Ok(Generation { events: receiver, open, prompt_tokens })
    }

    fn check_length(&self, param: &str, bytes: usize) -> Result<(), Problem> {
        let capacity = self.inner.engine.capacity();
        let fits = self.inner.tokenizer.least_tokens(bytes) < capacity;
        if fits { Ok(()) } else { Err(Problem::too_long(param, capacity)) }
    }

    pub(crate) fn prompt_text(&self, prompt: &Prompt) -> String {
        match prompt {
            Prompt::Text(text) => text.clone(),
            Prompt::Tokens(tokens) => {
                let bytes: Vec<u8> =
                    tokens.iter().flat_map(|token| self.inner.tokenizer.bytes(*token)).copied().collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
        }
    }

    pub(crate) fn log_prompt(&self, text: &str) {
        if self.inner.options.log_prompts {
            tracing::debug!(target: "weir_inference::prompt", text);
        }
    }

    /// Runs `work` here when it is short, elsewhere when it would hold up this thread.
    async fn aside_if_long<T: Send + 'static>(
        &self,
        bytes: usize,
        meter: &Meter,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        /// About 100 µs of tokenizing.
        const SHORT: usize = 512;
        if bytes <= SHORT {
            return Ok(meter.measure(|| work(&self.inner)));
        }
        self.aside(meter, work).await
    }

    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        meter: &Meter,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (inner, meter) = (Arc::clone(&self.inner), meter.clone());
        let task = tokio::task::spawn_blocking(move || meter.measure(|| work(&inner)));
        task.await.map_err(|_| Problem::broken(500, "tokenizing failed"))
    }
}

/// What all texts of a request share.
pub(crate) struct Wish {
    /// The field that a too long prompt came in.
    param: &'static str,
    pub stops: Vec<String>,
    pub max_tokens: Option<usize>,
    sampling: Sampling,
    meter: Meter,
}

impl Wish {
    /// No stop sequences, no wish for a length.
    pub(crate) fn new(param: &'static str, sampling: Sampling, meter: &Meter) -> Self {
        Self { param, stops: Vec::new(), max_tokens: None, sampling, meter: meter.clone() }
    }
}

fn tokens(result: Result<Vec<Token>, TokenizeError>, param: &str) -> Result<Vec<Token>, Problem> {
    result.map_err(|_| Problem::invalid(param, "the text can't be tokenized"))
}

pub(crate) fn refused(reason: Refused) -> Problem {
    match reason {
        Refused::QueueFull => Problem::busy(),
        Refused::Stopped => Problem::broken(503, "the engine has stopped"),
    }
}
