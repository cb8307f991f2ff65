//! Follows a request's texts from the engine to the caller, whole or as server-sent events.

use super::problem::Problem;
use super::usage::Tokens;
use crate::job::{Event, Finish, Scored};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc::{self, Receiver, UnboundedReceiver};

/// Pieces of a stream that may wait for a slow reader before its writer waits too.
const PIECES: usize = 32;

/// The running texts of one request.
pub(crate) struct Generation {
    pub events: UnboundedReceiver<Event>,
    /// Choices that have not ended.
    pub open: usize,
    pub prompt_tokens: usize,
}

/// A complete text.
pub(crate) struct Finished {
    pub text: String,
    pub scored: Vec<Scored>,
    pub finish: Finish,
}

/// How one endpoint words its events. Every method returns whole events, or nothing.
pub(crate) trait Writer: Send + 'static {
    /// Before the first text.
    fn start(&mut self) -> String;
    /// More text of a choice.
    fn piece(&mut self, choice: u32, text: &str, scored: &[Scored]) -> String;
    /// A choice has ended.
    fn end(&mut self, choice: u32, finish: Finish) -> String;
    /// All choices have ended.
    fn finish(&mut self, tokens: Tokens) -> String;
}

impl Generation {
    /// Waits for all texts.
    pub(crate) async fn collect(mut self, choices: usize) -> Result<(Vec<Finished>, Tokens), Problem> {
        let new = || Finished { text: String::new(), scored: Vec::new(), finish: Finish::Stop };
        let mut all: Vec<Finished> = std::iter::repeat_with(new).take(choices).collect();
        let mut tokens = Tokens { prompt: self.prompt_tokens, completion: 0 };
        while self.open > 0 {
            match self.events.recv().await.ok_or_else(gone)? {
                Event::Piece { choice, text, scored } => {
                    if let Some(one) = all.get_mut(choice as usize) {
                        one.text.push_str(&text);
                        one.scored.extend(scored);
                    }
                }
                Event::End { choice, finish, tokens: generated } => {
                    self.open -= 1;
                    tokens.completion += generated;
                    if let Some(one) = all.get_mut(choice as usize) {
                        one.finish = finish;
                    }
                }
            }
        }
        Ok((all, tokens))
    }

    /// Writes events as they come. When the reader goes away, so does the generation.
    pub(crate) fn stream(mut self, mut writer: impl Writer) -> Receiver<Bytes> {
        let (sender, receiver) = mpsc::channel(PIECES);
        tokio::spawn(async move {
            let mut tokens = Tokens { prompt: self.prompt_tokens, completion: 0 };
            let mut text = writer.start();
            loop {
                if !text.is_empty() && sender.send(Bytes::from(text)).await.is_err() {
                    return;
                }
                if self.open == 0 {
                    break;
                }
                let event = tokio::select! {
                    biased;
                    () = sender.closed() => return,
                    event = self.events.recv() => event,
                };
                text = self.write(&mut writer, event, &mut tokens);
            }
        });
        receiver
    }

    fn write(&mut self, writer: &mut impl Writer, event: Option<Event>, tokens: &mut Tokens) -> String {
        match event {
            Some(Event::Piece { choice, text, scored }) => writer.piece(choice, &text, &scored),
            Some(Event::End { choice, finish, tokens: generated }) => {
                self.open -= 1;
                tokens.completion += generated;
                let mut text = writer.end(choice, finish);
                if self.open == 0 {
                    text.push_str(&writer.finish(*tokens));
                }
                text
            }
            // No [DONE]: the reader must see that the answer is cut off.
            None => {
                self.open = 0;
                format!("data: {}\n\n", String::from_utf8_lossy(&gone().body()))
            }
        }
    }
}

fn gone() -> Problem {
    Problem::broken(503, "the engine has stopped")
}

/// One unnamed server-sent event.
pub(crate) fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// The end of a stream of chat or legacy completions.
pub(crate) const DONE: &str = "data: [DONE]\n\n";
