//! What a scripted upstream does with one request: a list of steps.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Semaphore;

/// One thing an upstream does on a connection, in order.
#[derive(Clone, Debug)]
pub enum Step {
    /// Writes bytes and flushes them.
    Write(Vec<u8>),
    /// Waits until the test opens the gate once more, or the gateway closes the connection.
    Wait(Gate),
    /// Writes the same bytes again and again until the gateway stops reading for good, or so often.
    Flood(Vec<u8>, u64),
    /// Waits until the gateway closes the connection.
    Hang,
    /// Closes the connection with a reset instead of an end.
    Reset,
    /// Closes the connection.
    Close,
}

/// Lets the test say when an upstream goes on.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// Closed.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets `count` waiting steps pass.
    pub fn open(&self, count: usize) {
        self.0.add_permits(count);
    }

    /// Whether somebody opened it and nobody passed since.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.available_permits() > 0
    }

    pub(crate) async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

/// The steps for one request.
#[derive(Clone, Debug, Default)]
pub struct Script(pub Vec<Step>);

impl Script {
    /// No answer, the connection stays open.
    #[must_use]
    pub fn hang() -> Self {
        Self(vec![Step::Hang])
    }

    /// A whole JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::plain(status, "application/json", &body.to_string())
    }

    /// A whole answer of any type.
    #[must_use]
    pub fn plain(status: u16, kind: &str, body: &str) -> Self {
        let head = format!("HTTP/1.1 {status} Scripted\r\ncontent-type: {kind}\r\n");
        Self::default().write(format!("{head}content-length: {}\r\n\r\n{body}", body.len()))
    }

    /// The head of a stream; chunks follow.
    #[must_use]
    pub fn stream() -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        Self::default().write(head)
    }

    /// A whole stream, its bytes cut into chunks at `cuts` (positions in the text, any order).
    #[must_use]
    pub fn cut(text: &str, cuts: &[usize]) -> Self {
        let mut places: Vec<_> = cuts.iter().map(|at| at % (text.len() + 1)).collect();
        places.extend([0, text.len()]);
        places.sort_unstable();
        places.dedup();
        let pieces = places.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]);
        pieces.fold(Self::stream(), Self::chunk).end()
    }

    /// Adds bytes as they are.
    #[must_use]
    pub fn write(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.push(Step::Write(bytes.into()));
        self
    }

    /// Adds one chunk of a chunked body.
    #[must_use]
    pub fn chunk(self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let framed = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        self.write(framed)
    }

    /// Adds the end of a chunked body.
    #[must_use]
    pub fn end(self) -> Self {
        self.write("0\r\n\r\n")
    }

    /// Adds any step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}
