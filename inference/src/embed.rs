//! The embedding worker: one thread, a bounded queue, requests whose caller left are skipped.

use crate::bert::{Bert, POSITIONS};
use crate::error::InferenceError;
use crate::files::{MINILM, MINILM_TOKENIZER, ModelFiles};
use crate::job::Refused;
use crate::meter::Meter;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tokio::sync::oneshot;

/// Texts to vectors; the thread ends when the last handle is dropped.
pub(crate) struct Embedder {
    tokenizer: tokenizers::Tokenizer,
    jobs: SyncSender<Job>,
}

struct Job {
    texts: Vec<Vec<u32>>,
    answer: oneshot::Sender<Vec<Vec<f32>>>,
    meter: Meter,
}

/// Texts that this model can't take.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EncodeError {
    #[error("a text is longer than {POSITIONS} tokens")]
    TooLong,
    #[error("a text can't be tokenized")]
    Failed,
}

impl Embedder {
    /// Loads the model and starts the thread; `queue` requests may wait.
    pub(crate) fn load(files: &ModelFiles, queue: usize) -> Result<Self, InferenceError> {
        let tokenizer = files.read(MINILM_TOKENIZER)?;
        let mut tokenizer = tokenizers::Tokenizer::from_bytes(tokenizer)
            .map_err(|error| files.unusable(MINILM_TOKENIZER, error))?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| files.unusable(MINILM_TOKENIZER, error))?;
        let bert = Bert::read(files.read(MINILM)?).map_err(|error| files.unusable(MINILM, error))?;
        let (jobs, receiver) = sync_channel(queue.max(1));
        std::thread::Builder::new()
            .name("weir-embed".into())
            .spawn(move || work(&bert, &receiver))
            .map_err(|error| InferenceError::Thread { reason: error.to_string() })?;
        Ok(Self { tokenizer, jobs })
    }

    /// Tokens of each text. Takes time that grows with the texts: not for a proxy's thread.
    pub(crate) fn encode(&self, texts: &[String]) -> Result<Vec<Vec<u32>>, EncodeError> {
        let one = |text: &String| {
            let encoding =
                self.tokenizer.encode_fast(text.as_str(), true).map_err(|_| EncodeError::Failed)?;
            let tokens = encoding.get_ids().to_vec();
            if tokens.len() > POSITIONS { Err(EncodeError::TooLong) } else { Ok(tokens) }
        };
        texts.iter().map(one).collect()
    }

    /// Queues a request.
    pub(crate) fn submit(
        &self,
        texts: Vec<Vec<u32>>,
        meter: Meter,
    ) -> Result<oneshot::Receiver<Vec<Vec<f32>>>, Refused> {
        let (answer, receiver) = oneshot::channel();
        match self.jobs.try_send(Job { texts, answer, meter }) {
            Ok(()) => Ok(receiver),
            Err(TrySendError::Full(_)) => Err(Refused::QueueFull),
            Err(TrySendError::Disconnected(_)) => Err(Refused::Stopped),
        }
    }
}

fn work(bert: &Bert, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        let mut vectors = Vec::with_capacity(job.texts.len());
        for text in &job.texts {
            if job.answer.is_closed() {
                break;
            }
            match job.meter.measure(|| bert.embed(text)) {
                Ok(vector) => vectors.push(vector),
                Err(error) => {
                    tracing::error!(%error, "a text could not be embedded");
                    break;
                }
            }
        }
        if vectors.len() == job.texts.len() {
            // The caller may have left meanwhile; one who has not is told by the dropped sender.
            drop(job.answer.send(vectors));
        }
    }
}
