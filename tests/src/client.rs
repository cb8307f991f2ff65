//! A client that can do what a well-behaved one wouldn't: raw bytes, early leaving, not reading.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use crate::poll;
use crate::wire::{self, Body, Headers, Reader};

/// A request about to be sent.
#[derive(Clone)]
pub struct Call {
    start: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    /// `GET path`.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path, Vec::new())
    }

    /// `POST path` with a JSON body.
    #[must_use]
    pub fn post(path: &str, body: &Value) -> Self {
        Self::bytes(path, body.to_string().into_bytes())
    }

    /// `POST path` with any bytes, said to be JSON.
    #[must_use]
    pub fn bytes(path: &str, body: Vec<u8>) -> Self {
        Self::new("POST", path, body).header("content-type", "application/json")
    }

    /// Any method.
    #[must_use]
    pub fn new(method: &str, path: &str, body: Vec<u8>) -> Self {
        Self { start: format!("{method} {path} HTTP/1.1"), headers: vec![], body }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a bearer token.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// The request as bytes; `extra` are header lines, each with its line end.
    fn to_bytes(&self, extra: &str) -> Vec<u8> {
        let mut head = format!("{}\r\nhost: weir.test\r\n{extra}", self.start);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        [head.as_bytes(), &self.body].concat()
    }

    /// Sends it and reads the whole answer.
    pub async fn send(&self, to: SocketAddr) -> Answer {
        self.open(to).await.finish().await
    }

    /// Sends it and reads the whole answer; nothing when the gateway isn't there or leaves before a head.
    pub async fn try_send(&self, to: SocketAddr) -> Option<Answer> {
        let stream = TcpStream::connect(to).await.ok()?;
        let mut connection = Connection::over(stream).start(self, "connection: close\r\n").await.connection;
        let head = connection.reader.head().await?;
        let status = head.start.split(' ').nth(1)?.parse().ok()?;
        let mut body = Body::of_response(status, &head.headers);
        let bytes = connection.reader.rest(&mut body).await;
        Some(Answer { status, headers: head.headers, body: bytes, complete: body.is_complete() })
    }

    /// Sends it and reads the head of the answer.
    pub async fn open(&self, to: SocketAddr) -> Open {
        self.start(to).await.head().await
    }

    /// Sends it and returns the status; nothing when the connection was cut without an answer.
    pub async fn raw(&self, to: SocketAddr) -> Option<u16> {
        let answer = raw(to, &self.to_bytes("connection: close\r\n"), poll::SOON).await;
        let text = String::from_utf8_lossy(answer.get(..12)?).into_owned();
        text.strip_prefix("HTTP/1.1 ")?.parse().ok()
    }

    /// Sends it and reads nothing yet.
    pub async fn start(&self, to: SocketAddr) -> Started {
        let stream = TcpStream::connect(to).await.expect("the gateway accepts");
        stream.set_nodelay(true).unwrap();
        Connection::over(stream).start(self, "connection: close\r\n").await
    }
}

/// A connection between two requests.
pub struct Connection {
    reader: Reader<ReadHalf<TcpStream>>,
    writer: WriteHalf<TcpStream>,
}

impl Connection {
    /// Opens one.
    pub async fn to(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.expect("the gateway accepts"))
    }

    fn over(stream: TcpStream) -> Self {
        let (read, writer) = tokio::io::split(stream);
        Self { reader: Reader::new(read, Box::new(|_| ())), writer }
    }

    /// Sends a request and keeps the connection open.
    pub async fn send(self, call: &Call) -> (Answer, Self) {
        self.start(call, "").await.head().await.finish_keeping().await
    }

    async fn start(mut self, call: &Call, extra: &str) -> Started {
        // A gateway may refuse before it has read everything: then the answer still counts.
        let _refused_early = self.writer.write_all(&call.to_bytes(extra)).await;
        Started { connection: self }
    }
}

/// Sent, with nothing read of the answer.
pub struct Started {
    connection: Connection,
}

impl Started {
    /// Reads the head of the answer.
    ///
    /// # Panics
    /// When none comes.
    pub async fn head(mut self) -> Open {
        let head = tokio::time::timeout(poll::SCENARIO, self.connection.reader.head()).await;
        let head = head.expect("an answer in time").expect("an answer before the connection ends");
        let status = head.start.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let body = Body::of_response(status, &head.headers);
        Open { status, headers: head.headers, body, connection: self.connection, text: Vec::new() }
    }

    /// Leaves without a word.
    pub fn leave(self) {
        drop(self);
    }
}

/// An answer whose head was read.
pub struct Open {
    /// Status code.
    pub status: u16,
    /// Headers of the answer.
    pub headers: Headers,
    body: Body,
    connection: Connection,
    text: Vec<u8>,
}

impl Open {
    /// Reads on until the body so far contains `text`.
    ///
    /// # Panics
    /// When it ends before.
    pub async fn until(&mut self, text: &str) {
        while wire::find(&self.text, text.as_bytes()).is_none() {
            let part = tokio::time::timeout(poll::SOON, self.connection.reader.next(&mut self.body)).await;
            let part = part.unwrap_or_else(|_| panic!("no {text:?} in time"));
            self.text.extend(part.unwrap_or_else(|| panic!("the body ended before {text:?}")));
        }
    }

    /// Reads to the end.
    pub async fn finish(self) -> Answer {
        self.finish_keeping().await.0
    }

    async fn finish_keeping(mut self) -> (Answer, Connection) {
        let rest = tokio::time::timeout(poll::SCENARIO, self.connection.reader.rest(&mut self.body)).await;
        self.text.extend(rest.expect("the body ends in time"));
        let complete = self.body.is_complete();
        (Answer { status: self.status, headers: self.headers, body: self.text, complete }, self.connection)
    }

    /// Leaves in the middle.
    pub fn leave(self) {
        drop(self);
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Headers, lower-case names.
    pub headers: Headers,
    /// The body, as much as came.
    pub body: Vec<u8>,
    /// Whether the body ended as its framing says.
    pub complete: bool,
}

impl Answer {
    /// First value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::header(&self.headers, name)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// `error.code`, when the body is an error in OpenAI's shape.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        self.json()["error"]["code"].as_str().map(str::to_owned)
    }
}

/// Sends bytes as they are and returns all that comes back until the other side closes or `limit` passes.
pub async fn raw(to: SocketAddr, bytes: &[u8], limit: Duration) -> Vec<u8> {
    let stream = TcpStream::connect(to).await.expect("the gateway accepts");
    let (read, mut writer) = tokio::io::split(stream);
    let mut reader = Reader::new(read, Box::new(|_| ()));
    let _refused_early = writer.write_all(bytes).await;
    let _timed_out = tokio::time::timeout(limit, async { while reader.more().await {} }).await;
    reader.take()
}
