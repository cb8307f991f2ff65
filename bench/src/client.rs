//! One keep-alive connection of the load generator: send a prepared request, read and check the reply.

use std::net::SocketAddr;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::http::{Message, Side};
use crate::script::{Check, Expected, Shape, request_body};

/// Every how many replies a connection parses one in full.
const FULL_CHECK_EVERY: u64 = 32;

/// Where requests go and what they carry.
pub struct Target {
    /// Address of the proxy, or of the upstream itself.
    pub addr: SocketAddr,
    /// The whole request, head and body.
    request: Vec<u8>,
    expected: Expected,
}

impl Target {
    /// A chat completion request of `shape` with `headers` on top of the usual ones.
    pub fn new(addr: SocketAddr, shape: Shape, headers: &[(String, String)]) -> Self {
        let body = request_body(shape);
        let extra: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {addr}\r\ncontent-type: application/json\r\n\
             accept: */*\r\nuser-agent: weir-bench\r\n{extra}content-length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { addr, request: request.into_bytes(), expected: Expected::new(shape) }
    }
}

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Connecting, writing or reading failed.
    #[error("connection: {0}")]
    Io(#[from] std::io::Error),
    /// The reply is not HTTP.
    #[error("reply: {0}")]
    Http(#[from] crate::http::HttpError),
    /// The connection closed before the reply was complete.
    #[error("reply cut off after {0} body bytes")]
    CutOff(usize),
    /// Status other than 200.
    #[error("status {status}: {body}")]
    Status {
        /// Status as received.
        status: u16,
        /// Start of the body.
        body: String,
    },
    /// The reply is not the scripted one.
    #[error("wrong reply: {0}")]
    Wrong(String),
    /// No reply in time.
    #[error("no complete reply within {0} s")]
    Timeout(u64),
}

/// When things happened in one exchange.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// First body byte of the reply.
    pub first: Instant,
    /// Last body byte of the reply.
    pub last: Instant,
}

/// One connection, opened when first needed and again when the server closed it.
pub struct Connection {
    stream: Option<TcpStream>,
    message: Message,
    wire: Vec<u8>,
    exchanges: u64,
}

impl Connection {
    /// A connection that is not open yet.
    pub fn new() -> Self {
        Self {
            stream: None,
            message: Message::new(Side::Response),
            wire: Vec::with_capacity(64 * 1024),
            exchanges: 0,
        }
    }

    /// A connection that is open before the first request is due.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn connect(target: &Target) -> Result<Self, ExchangeError> {
        Ok(Self { stream: Some(open(target.addr, None).await?), ..Self::new() })
    }

    /// Sends the request and reads the whole reply.
    ///
    /// # Errors
    /// [`ExchangeError`]; an idle connection that the server had closed is replaced once without error.
    pub async fn exchange(&mut self, target: &Target) -> Result<Timing, ExchangeError> {
        let reused = self.stream.is_some();
        let timing = match self.attempt(target).await {
            Err(_) if reused && self.message.is_fresh() => self.attempt(target).await,
            other => other,
        }?;
        if self.message.closes {
            self.stream = None;
        }
        self.verify(target)?;
        Ok(timing)
    }

    async fn attempt(&mut self, target: &Target) -> Result<Timing, ExchangeError> {
        self.message.reset();
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => open(target.addr, None).await?,
        };
        stream.write_all(&target.request).await?;
        let mut first = None;
        while !self.message.is_done() {
            self.wire.clear();
            if stream.read_buf(&mut self.wire).await? == 0 {
                return Err(ExchangeError::CutOff(self.message.body.len()));
            }
            self.message.push(&self.wire)?;
            if first.is_none() && !self.message.body.is_empty() {
                first = Some(Instant::now());
            }
        }
        let last = Instant::now();
        self.stream = Some(stream);
        Ok(Timing { first: first.unwrap_or(last), last })
    }

    fn verify(&mut self, target: &Target) -> Result<(), ExchangeError> {
        if self.message.status != 200 {
            let start = self.message.body.get(..self.message.body.len().min(400)).unwrap_or_default();
            let body = String::from_utf8_lossy(start).into_owned();
            return Err(ExchangeError::Status { status: self.message.status, body });
        }
        let full = self.exchanges.is_multiple_of(FULL_CHECK_EVERY);
        self.exchanges += 1;
        let check = if full { Check::Full } else { Check::Quick };
        target.expected.check(&self.message.body, check).map_err(ExchangeError::Wrong)
    }
}

/// A connection that asks for a stream and then reads as it is told: for memory scenarios.
pub struct SlowReader {
    stream: TcpStream,
    wire: Vec<u8>,
}

impl SlowReader {
    /// Connects with a small receive buffer and sends the request.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn start(target: &Target) -> Result<Self, ExchangeError> {
        let mut stream = open(target.addr, Some(4096)).await?;
        stream.write_all(&target.request).await?;
        Ok(Self { stream, wire: Vec::with_capacity(1024) })
    }

    /// Reads at most 1 KiB; returns how many bytes came, 0 at the end.
    ///
    /// # Errors
    /// When the connection fails or the first bytes are not a 200 response.
    pub async fn sip(&mut self) -> Result<usize, ExchangeError> {
        self.wire.clear();
        let mut limited = (&mut self.stream).take(1024);
        let count = limited.read_buf(&mut self.wire).await?;
        if self.wire.starts_with(b"HTTP/1.1 ") && !self.wire.starts_with(b"HTTP/1.1 200") {
            let body = String::from_utf8_lossy(&self.wire).into_owned();
            return Err(ExchangeError::Status { status: 0, body });
        }
        Ok(count)
    }
}

async fn open(addr: SocketAddr, receive_buffer: Option<u32>) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One control request (`/script`, `/counts`, …) on its own connection.
///
/// # Errors
/// When the exchange fails or the status is not 200.
pub async fn control(addr: SocketAddr, request_line: &str, body: &str) -> Result<Vec<u8>, ExchangeError> {
    let mut stream = open(addr, None).await?;
    let head = format!(
        "{request_line} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    let mut message = Message::new(Side::Response);
    let mut wire = Vec::with_capacity(4096);
    while !message.is_done() {
        wire.clear();
        if stream.read_buf(&mut wire).await? == 0 {
            return Err(ExchangeError::CutOff(message.body.len()));
        }
        message.push(&wire)?;
    }
    if message.status == 200 {
        return Ok(message.body);
    }
    Err(ExchangeError::Status {
        status: message.status,
        body: String::from_utf8_lossy(&message.body).into_owned(),
    })
}
