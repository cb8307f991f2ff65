//! A sans-IO reader of HTTP/1.1 messages: `push(bytes)` until the message is complete; fixed length or chunked.

use memchr::memmem;

const MAX_HEAD: usize = 64 * 1024;

/// Why a message could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The head is not HTTP/1.1 or too long.
    #[error("malformed message head")]
    Head,
    /// Neither length nor chunked framing, or a malformed chunk.
    #[error("malformed message framing")]
    Framing,
}

/// Which side's messages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Requests: no framing header means no body.
    Request,
    /// Responses: a framing header is required.
    Response,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    Fixed(usize),
    ChunkSize,
    ChunkData(usize),
    ChunkEnd(usize),
    Trailer,
    Done,
}

/// One message being read; `reset` makes it ready for the next on the same connection.
pub struct Message {
    side: Side,
    state: State,
    pending: Vec<u8>,
    /// Decoded body so far.
    pub body: Vec<u8>,
    /// Response status, 0 for a request.
    pub status: u16,
    /// Request target, empty for a response.
    pub target: String,
    /// The peer announced that it will close the connection.
    pub closes: bool,
}

impl Message {
    /// An empty message of one side.
    pub fn new(side: Side) -> Self {
        Self {
            side,
            state: State::Head,
            pending: Vec::new(),
            body: Vec::new(),
            status: 0,
            target: String::new(),
            closes: false,
        }
    }

    /// Forgets the message, keeps the allocations.
    pub fn reset(&mut self) {
        self.state = State::Head;
        self.pending.clear();
        self.body.clear();
        self.status = 0;
        self.target.clear();
        self.closes = false;
    }

    /// No byte of the message has come yet.
    pub fn is_fresh(&self) -> bool {
        self.state == State::Head && self.pending.is_empty()
    }

    /// The whole message is here.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes bytes as they come from the wire; bytes after the end are dropped (nobody pipelines here).
    ///
    /// # Errors
    /// [`HttpError`] when head or framing are malformed.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), HttpError> {
        while !bytes.is_empty() && self.state != State::Done {
            bytes = match self.state {
                State::Head => self.head(bytes)?,
                State::Fixed(left) => self.fixed(bytes, left),
                State::ChunkData(left) => self.chunk(bytes, left),
                State::ChunkSize => self.chunk_size(bytes)?,
                State::ChunkEnd(left) => skip(bytes, left, |left| {
                    self.state = if left == 0 { State::ChunkSize } else { State::ChunkEnd(left) };
                }),
                State::Trailer => self.trailer(bytes),
                State::Done => bytes,
            };
        }
        Ok(())
    }

    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], HttpError> {
        let before = self.pending.len();
        self.pending.extend_from_slice(bytes);
        let Some(end) = memmem::find(&self.pending, b"\r\n\r\n").map(|at| at + 4) else {
            return if self.pending.len() > MAX_HEAD { Err(HttpError::Head) } else { Ok(&[]) };
        };
        let framing = self.parse_head()?;
        self.pending.clear();
        self.state = match (framing, self.side) {
            (Framing::Length(0), _) | (Framing::None, Side::Request) => State::Done,
            (Framing::Length(length), _) => State::Fixed(length),
            (Framing::Chunked, _) => State::ChunkSize,
            (Framing::None, Side::Response) => return Err(HttpError::Framing),
        };
        Ok(bytes.get(end - before..).unwrap_or_default())
    }

    fn parse_head(&mut self) -> Result<Framing, HttpError> {
        let mut slots = [httparse::EMPTY_HEADER; 64];
        let head = std::mem::take(&mut self.pending);
        let headers = match self.side {
            Side::Request => {
                let mut request = httparse::Request::new(&mut slots);
                request.parse(&head).map_err(|_| HttpError::Head)?;
                self.target.push_str(request.path.unwrap_or_default());
                request.headers
            }
            Side::Response => {
                let mut response = httparse::Response::new(&mut slots);
                response.parse(&head).map_err(|_| HttpError::Head)?;
                self.status = response.code.unwrap_or_default();
                response.headers
            }
        };
        let mut framing = Framing::None;
        for header in headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                let text = std::str::from_utf8(header.value).map_err(|_| HttpError::Framing)?;
                framing = Framing::Length(text.trim().parse().map_err(|_| HttpError::Framing)?);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                framing = Framing::Chunked;
            } else if header.name.eq_ignore_ascii_case("connection") {
                self.closes = header.value.eq_ignore_ascii_case(b"close");
            }
        }
        Ok(framing)
    }

    fn fixed<'a>(&mut self, bytes: &'a [u8], left: usize) -> &'a [u8] {
        let (now, rest) = bytes.split_at(left.min(bytes.len()));
        self.body.extend_from_slice(now);
        self.state = if now.len() == left { State::Done } else { State::Fixed(left - now.len()) };
        rest
    }

    fn chunk<'a>(&mut self, bytes: &'a [u8], left: usize) -> &'a [u8] {
        let (now, rest) = bytes.split_at(left.min(bytes.len()));
        self.body.extend_from_slice(now);
        self.state = if now.len() == left { State::ChunkEnd(2) } else { State::ChunkData(left - now.len()) };
        rest
    }

    fn chunk_size<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], HttpError> {
        let Some((line, rest)) = self.line(bytes) else { return Ok(&[]) };
        let digits = line.split(|b| *b == b';').next().unwrap_or_default();
        let text = std::str::from_utf8(digits).map_err(|_| HttpError::Framing)?;
        let size = usize::from_str_radix(text.trim(), 16).map_err(|_| HttpError::Framing)?;
        self.state = if size == 0 { State::Trailer } else { State::ChunkData(size) };
        Ok(rest)
    }

    fn trailer<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some((line, rest)) = self.line(bytes) else { return &[] };
        if line.trim_ascii().is_empty() {
            self.state = State::Done;
        }
        rest
    }

    fn line<'a>(&mut self, bytes: &'a [u8]) -> Option<(Vec<u8>, &'a [u8])> {
        match memchr::memchr(b'\n', bytes) {
            None => {
                self.pending.extend_from_slice(bytes);
                None
            }
            Some(at) => {
                let (now, rest) = bytes.split_at(at + 1);
                self.pending.extend_from_slice(now);
                Some((std::mem::take(&mut self.pending), rest))
            }
        }
    }
}

enum Framing {
    None,
    Length(usize),
    Chunked,
}

fn skip(bytes: &[u8], left: usize, then: impl FnOnce(usize)) -> &[u8] {
    let now = left.min(bytes.len());
    then(left - now);
    bytes.get(now..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(side: Side, wire: &[u8], body: &[u8]) {
        for step in 1..=wire.len() {
            let mut message = Message::new(side);
            for piece in wire.chunks(step) {
                assert!(!message.is_done(), "done early at step {step}");
                message.push(piece).unwrap();
            }
            assert!(message.is_done(), "not done at step {step}");
            assert_eq!(message.body, body, "at step {step}");
        }
    }

    #[test]
    fn every_splitting_gives_the_same_body() {
        check(Side::Response, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello");
        check(
            Side::Response,
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
            b"abc0123456789",
        );
        check(Side::Request, b"POST /v1 HTTP/1.1\r\ncontent-length: 2\r\n\r\nok", b"ok");
        check(Side::Request, b"GET /counts HTTP/1.1\r\nhost: a\r\n\r\n", b"");
    }

    #[test]
    fn heads_and_framing_are_read() {
        let mut message = Message::new(Side::Response);
        message.push(b"HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
        assert_eq!((message.status, message.closes, message.is_done()), (502, true, true));
        message.reset();
        assert!(message.is_fresh());
        assert_eq!(message.push(b"HTTP/1.1 200 OK\r\n\r\n"), Err(HttpError::Framing));
        message.reset();
        let bad = message.push(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
        assert_eq!(bad, Err(HttpError::Framing));
    }
}
