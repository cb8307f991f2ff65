//! The scripted upstream: an OpenAI-shaped server that costs almost nothing, with settable delay and pacing.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::http::{Message, Side};
use crate::script::{self, EVENTS, SECRET, Shape, StreamScript};

/// How the upstream behaves; `PUT /script` replaces it while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// Pause before the response head, in milliseconds (0: none).
    pub latency_ms: u64,
    /// Pause between two stream events, in milliseconds (0: none; each event is its own write).
    pub pace_ms: u64,
    /// Stream events from role chunk to finishing chunk.
    pub events: usize,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { latency_ms: 0, pace_ms: 0, events: EVENTS }
    }
}

/// What the upstream has seen since it started; `GET /counts`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Chat requests.
    pub requests: u64,
    /// Chat requests whose prompt held the personal data in clear.
    pub clear: u64,
    /// Streams being written now.
    pub open_streams: u64,
}

struct Shared {
    behaviour: Behaviour,
    script: Rc<StreamScript>,
    counts: Counts,
}

type State = Rc<RefCell<Shared>>;

/// Serves on `addr` until the process ends; must run inside a `LocalSet`.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(addr: SocketAddr, behaviour: Behaviour) -> std::io::Result<()> {
    let listener = listen(addr)?;
    accept(listener, behaviour).await
}

fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    // A small send buffer, so that a stalled reader is felt by the proxy and not hidden in the kernel.
    socket.set_send_buffer_size(64 * 1024)?;
    socket.bind(addr)?;
    socket.listen(4096)
}

async fn accept(listener: TcpListener, behaviour: Behaviour) -> std::io::Result<()> {
    let script = Rc::new(StreamScript::new(behaviour.events));
    let state: State = Rc::new(RefCell::new(Shared { behaviour, script, counts: Counts::default() }));
    loop {
        let (stream, _) = listener.accept().await?;
        let state = state.clone();
        // A broken connection is the client's business; the load generator reports its own side.
        tokio::task::spawn_local(async move { connection(stream, state).await.ok() });
    }
}

async fn connection(mut stream: TcpStream, state: State) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut message = Message::new(Side::Request);
    let mut wire = Vec::with_capacity(16 * 1024);
    loop {
        message.reset();
        while !message.is_done() {
            wire.clear();
            if stream.read_buf(&mut wire).await? == 0 {
                return Ok(());
            }
            message.push(&wire).map_err(std::io::Error::other)?;
        }
        match message.target.as_str() {
            "/v1/chat/completions" => chat(&mut stream, &message.body, &state).await?,
            "/script" => {
                let answer = set_behaviour(&message.body, &state);
                stream.write_all(&answer).await?;
            }
            "/counts" => {
                let counts = serde_json::to_string(&state.borrow().counts)?;
                stream.write_all(&json_response("200 OK", &counts)).await?;
            }
            _ => stream.write_all(&json_response("404 Not Found", "{}")).await?,
        }
    }
}

fn set_behaviour(body: &[u8], state: &State) -> Vec<u8> {
    match serde_json::from_slice::<Behaviour>(body) {
        Ok(behaviour) => {
            let mut shared = state.borrow_mut();
            shared.script = Rc::new(StreamScript::new(behaviour.events));
            shared.behaviour = behaviour;
            json_response("200 OK", "{}")
        }
        Err(_) => json_response("400 Bad Request", "{}"),
    }
}

fn json_response(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

async fn chat(stream: &mut TcpStream, body: &[u8], state: &State) -> std::io::Result<()> {
    let asked = script::asked(body);
    let (behaviour, script) = {
        let mut shared = state.borrow_mut();
        shared.counts.requests += 1;
        shared.counts.clear += u64::from(asked.echo == SECRET);
        (shared.behaviour.clone(), shared.script.clone())
    };
    if behaviour.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
    }
    if asked.shape == Shape::Plain {
        return stream.write_all(&json_response("200 OK", &script::reply_body(&asked.echo))).await;
    }
    state.borrow_mut().counts.open_streams += 1;
    let sent = send_events(stream, script.events(&asked.echo), behaviour.pace_ms).await;
    state.borrow_mut().counts.open_streams -= 1;
    sent
}

async fn send_events(
    stream: &mut TcpStream,
    events: impl Iterator<Item = std::borrow::Cow<'_, str>>,
    pace_ms: u64,
) -> std::io::Result<()> {
    let mut frame = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
        transfer-encoding: chunked\r\n\r\n"
        .to_vec();
    for (number, event) in events.enumerate() {
        if pace_ms > 0 && number > 0 {
            tokio::time::sleep(Duration::from_millis(pace_ms)).await;
        }
        frame.extend_from_slice(format!("{:x}\r\n", event.len()).as_bytes());
        frame.extend_from_slice(event.as_bytes());
        frame.extend_from_slice(b"\r\n");
        stream.write_all(&frame).await?;
        frame.clear();
        if pace_ms == 0 {
            // Let other connections in: a model server interleaves its streams too.
            tokio::task::yield_now().await;
        }
    }
    stream.write_all(b"0\r\n\r\n").await
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Starts an upstream on a free port inside the current `LocalSet`.
    pub(crate) fn start(behaviour: Behaviour) -> SocketAddr {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::task::spawn_local(accept(listener, behaviour));
        addr
    }
}
