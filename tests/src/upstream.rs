//! A scripted OpenAI-compatible server in the test process that keeps every byte it received.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::poll;
use crate::script::{Script, Step};
use crate::wire::{self, Body, Headers, Reader};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `POST /v1/chat/completions HTTP/1.1`.
    pub start: String,
    /// Its headers.
    pub headers: Headers,
    /// Its body.
    pub body: Vec<u8>,
}

impl Seen {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the gateway sends JSON")
    }

    /// First value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::header(&self.headers, name)
    }
}

type Answer = dyn Fn(&Seen) -> Script + Send + Sync;

#[derive(Default)]
struct State {
    received: Mutex<Vec<u8>>,
    requests: Mutex<Vec<Seen>>,
    /// When the gateway closed a connection on which an answer was still owed.
    left: Mutex<Vec<Instant>>,
    connections: AtomicUsize,
    written: AtomicU64,
}

/// Listens until dropped.
pub struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
    listening: JoinHandle<()>,
}

impl Upstream {
    /// Answers every POST as `answer` says, and `GET /v1/models` with one model.
    pub async fn start(answer: impl Fn(&Seen) -> Script + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let (shared, answer): (_, Arc<Answer>) = (Arc::clone(&state), Arc::new(answer));
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::Relaxed);
                stream.set_nodelay(true).unwrap();
                tokio::spawn(Connection::new(stream, &shared, &answer).serve());
            }
        });
        Self { address, state, listening }
    }

    /// An address on which nobody listens.
    pub async fn nowhere() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The POST requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Whether the text occurs in anything received so far, as it is or with JSON's `\u` escapes for ASCII.
    #[must_use]
    pub fn saw(&self, text: &str) -> bool {
        wire::find(&self.state.received.lock().unwrap(), text.as_bytes()).is_some()
    }

    /// Forgets all it received, so that long runs don't fill memory.
    pub fn forget(&self) {
        self.state.received.lock().unwrap().clear();
        self.state.requests.lock().unwrap().clear();
        self.state.left.lock().unwrap().clear();
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::Relaxed)
    }

    /// Bytes of answers the kernel took so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.state.written.load(Ordering::Relaxed)
    }

    /// Waits for the `count`th POST request.
    pub async fn asked(&self, count: usize) {
        poll::until("the upstream to be asked", poll::SOON, async || {
            (self.state.requests.lock().unwrap().len() >= count).then_some(())
        })
        .await;
    }

    /// Waits until the gateway has left `count` unfinished answers; says when it left the last.
    pub async fn left(&self, count: usize) -> Instant {
        poll::until("the gateway to leave the upstream", poll::SOON, async || {
            self.state.left.lock().unwrap().get(count - 1).copied()
        })
        .await
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

struct Connection {
    reader: Reader<ReadHalf<TcpStream>>,
    writer: WriteHalf<TcpStream>,
    /// A second handle on the connection, for its options.
    socket: OwnedFd,
    state: Arc<State>,
    answer: Arc<Answer>,
}

/// Whether a connection may serve another request.
enum After {
    Next,
    Over,
}

impl Connection {
    fn new(stream: TcpStream, state: &Arc<State>, answer: &Arc<Answer>) -> Self {
        let socket = stream.as_fd().try_clone_to_owned().unwrap();
        let (read, writer) = tokio::io::split(stream);
        let log = Arc::clone(state);
        let tee = Box::new(move |bytes: &[u8]| log.received.lock().unwrap().extend_from_slice(bytes));
        let reader = Reader::new(read, tee);
        Self { reader, writer, socket, state: Arc::clone(state), answer: Arc::clone(answer) }
    }

    async fn serve(mut self) {
        while let Some(head) = self.reader.head().await {
            let mut framing = Body::of_request(&head.headers);
            let body = self.reader.rest(&mut framing).await;
            if !framing.is_complete() {
                return;
            }
            let seen = Seen { start: head.start, headers: head.headers, body };
            let script = if seen.start.starts_with("POST ") {
                self.state.requests.lock().unwrap().push(seen.clone());
                (self.answer)(&seen)
            } else {
                models()
            };
            for step in script.0 {
                if let After::Over = self.play(step).await {
                    return;
                }
            }
        }
    }

    async fn play(&mut self, step: Step) -> After {
        match step {
            Step::Write(bytes) => self.write(&bytes).await,
            Step::Wait(gate) => {
                tokio::select! {
                    () = gate.pass() => After::Next,
                    () = gone(&mut self.reader) => self.note_left(),
                }
            }
            Step::Flood(bytes, times) => {
                for _ in 0..times {
                    if let After::Over = self.write(&bytes).await {
                        return After::Over;
                    }
                }
                After::Next
            }
            Step::Hang => {
                gone(&mut self.reader).await;
                self.note_left()
            }
            Step::Reset => {
                // With no time to linger the kernel resets the connection when it is dropped.
                rustix::net::sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO)).unwrap();
                After::Over
            }
            Step::Close => After::Over,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> After {
        let mut left = bytes;
        while !left.is_empty() {
            let written = tokio::select! {
                written = self.writer.write(left) => written,
                () = gone(&mut self.reader) => return self.note_left(),
            };
            match written {
                Ok(count) if count > 0 => {
                    self.state.written.fetch_add(count as u64, Ordering::Relaxed);
                    left = &left[count..];
                }
                _ => return self.note_left(),
            }
        }
        // Gives the gateway a chance to read this piece alone.
        tokio::task::yield_now().await;
        After::Next
    }

    fn note_left(&self) -> After {
        self.state.left.lock().unwrap().push(Instant::now());
        After::Over
    }
}

/// Ends when the other side closed or reset the connection.
async fn gone<R: AsyncRead + Unpin>(reader: &mut Reader<R>) {
    while reader.more().await {}
}

fn models() -> Script {
    let model = json!({"id": "scripted", "object": "model", "created": 1, "owned_by": "tests"});
    Script::json(200, &json!({"object": "list", "data": [model]}))
}
