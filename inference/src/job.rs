//! What a request asks of the engine, and what it hears back.

use crate::meter::Meter;
use crate::sampler::{Report, Sampling};
use crate::tokenizer::Token;
use tokio::sync::mpsc::UnboundedSender;

/// One text to continue. Its queue of events is bounded by `max_tokens`, so a slow reader
/// never holds up the others.
pub(crate) struct Job {
    /// Which of the request's texts this is; comes back with each event.
    pub choice: u32,
    pub prompt: Vec<Token>,
    /// At most this many tokens are generated; prompt and this fit into the context.
    pub max_tokens: usize,
    pub sampling: Sampling,
    pub stops: Vec<String>,
    pub events: UnboundedSender<Event>,
    pub meter: Meter,
}

/// A token and how likely it was.
#[derive(Debug, Clone)]
pub(crate) struct Scored {
    pub token: Token,
    pub report: Report,
}

/// Why a text ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    /// The model ended it, or a stop sequence did.
    Stop,
    /// It reached its token limit.
    Length,
}

impl Finish {
    /// OpenAI's word for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
        }
    }
}

/// News of one text.
#[derive(Debug)]
pub(crate) enum Event {
    /// More text, never splitting a character; may be empty when only scores are reported.
    Piece { choice: u32, text: String, scored: Vec<Scored> },
    /// The text is complete; `tokens` were generated, the ending one included.
    End { choice: u32, finish: Finish, tokens: usize },
}

/// Why texts were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the engine's queue is full")]
    QueueFull,
    #[error("the engine has stopped")]
    Stopped,
}
