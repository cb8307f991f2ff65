//! The model server without HTTP: a path and a body in, an answer out.

use crate::answer::Answer;
use crate::api::models;
use crate::api::problem::Problem;
use crate::chat_template::ChatTemplate;
use crate::embed::Embedder;
use crate::engine::{Engine, EngineOptions, Load};
use crate::error::InferenceError;
use crate::files::{ModelFiles, SMOLLM2};
use crate::kernels::Workers;
use crate::meter::Meter;
use crate::model::Model;
use crate::tokenizer::{Token, Tokenizer};
use crate::weights;
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The embedded model server. Clones share one engine.
#[derive(Clone)]
pub struct Service {
    pub(crate) inner: Arc<Inner>,
}

/// What all clones share.
pub(crate) struct Inner {
    pub tokenizer: Arc<Tokenizer>,
    pub template: ChatTemplate,
    pub engine: Engine,
    pub embedder: Embedder,
    pub options: EngineOptions,
    /// Document separator: the prompt that stands for no prompt.
    pub blank: Token,
    started: u64,
}

impl Service {
    /// Checks and loads the model files and starts the engine's threads.
    ///
    /// # Errors
    /// A file is missing, unreadable or another one; a thread can't be started.
    pub fn load(files: &ModelFiles, options: EngineOptions) -> Result<Self, InferenceError> {
        let unusable = |reason: String| files.unusable(SMOLLM2, reason);
        let file = files.read(SMOLLM2)?;
        let (weights, vocabulary) = weights::read(&file).map_err(unusable)?;
        drop(file);
        let tokenizer = Arc::new(Tokenizer::new(vocabulary).map_err(|error| unusable(error.to_string()))?);
        let missing = || unusable("it lacks the chat template's tokens".into());
        let template = ChatTemplate::new(&tokenizer).ok_or_else(missing)?;
        let blank = tokenizer.control("<|endoftext|>").ok_or_else(missing)?;
        let end = tokenizer.control("<|im_end|>").ok_or_else(missing)?;
        let workers = Workers::start(options.threads)?;
        tracing::info!(instructions = workers.isa.name(), threads = options.threads, "model loaded");
        let model = Model::new(weights, workers);
        let engine = Engine::start(model, (Arc::clone(&tokenizer), vec![blank, end]), &options)?;
        let embedder = Embedder::load(files, options.queue)?;
        let inner = Inner { tokenizer, template, engine, embedder, options, blank, started: now() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Names of the models, the chat model first.
    pub fn models() -> [&'static str; 2] {
        [models::CHAT, models::EMBEDDING]
    }

    /// What the engine is doing.
    pub fn load_now(&self) -> Load {
        self.inner.engine.load()
    }

    /// Answers one request; `path` as in the URL, without a query. Must be called inside a Tokio runtime.
    /// Dropping the future frees the request's place in the engine within one step.
    pub async fn handle(&self, path: &str, body: Bytes) -> Answer {
        let meter = Meter::default();
        let result = match path {
            "/v1/chat/completions" => self.chat(body, &meter).await,
            "/v1/completions" => self.completions(body, &meter).await,
            "/v1/responses" => self.responses(body, &meter).await,
            "/v1/embeddings" => self.embeddings(body, &meter).await,
            "/tokenize" => self.tokenize(body, &meter).await,
            "/v1/models" => Ok(Answer::json(&models::list(self.names(), self.inner.started), meter.clone())),
            "/health" => Ok(Answer::json(&json!({"status": "ok"}), meter.clone())),
            "/metrics" => Ok(Answer::text(crate::exposition::render(&self.load_now()))),
            other => self.model(other, &meter),
        };
        result.unwrap_or_else(|problem| Answer::problem(&problem, meter))
    }

    /// Names that a request may give; not those that only a wildcard takes.
    fn names(&self) -> impl Iterator<Item = &str> {
        let aliases = self.inner.options.aliases.iter().map(|(alias, _)| alias.as_str());
        Self::models().into_iter().chain(aliases.filter(|alias| *alias != "*"))
    }

    fn model(&self, path: &str, meter: &Meter) -> Result<Answer, Problem> {
        let id = path.strip_prefix("/v1/models/").ok_or_else(Problem::unknown_path)?;
        let known = self.names().find(|known| known.eq_ignore_ascii_case(id));
        let any = Self::models().into_iter().any(|model| self.inner.options.serves(id, model));
        let name = known.or(any.then_some(id)).ok_or_else(Problem::unknown_model)?;
        Ok(Answer::json(&models::entry(name, self.inner.started), meter.clone()))
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
