//! HTTP/1.1 as bytes: heads, bodies by length or in chunks. Small enough to be read, so that the tests don't
//! share a parser, or its mistakes, with the gateway.

use tokio::io::{AsyncRead, AsyncReadExt};

/// Lower-case names with values, in the order received.
pub type Headers = Vec<(String, String)>;

/// First value of a header; `name` in lower case.
#[must_use]
pub fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Start line and headers of a message.
pub struct Head {
    /// Request line or status line.
    pub start: String,
    /// The headers.
    pub headers: Headers,
}

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The message ended as its framing says.
    Complete,
    /// The connection ended first.
    CutOff,
}

/// Told all bytes of a connection as they arrive.
pub type Tee = Box<dyn FnMut(&[u8]) + Send>;

/// Reads messages from one side of a connection and keeps what was read too far.
pub struct Reader<R> {
    source: R,
    ahead: Vec<u8>,
    tee: Tee,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Starts at the beginning of a message.
    pub fn new(source: R, tee: Tee) -> Self {
        Self { source, ahead: Vec::new(), tee }
    }

    /// Reads more; false when the connection ended or broke.
    pub async fn more(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        match self.source.read(&mut buffer).await {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                (self.tee)(&buffer[..count]);
                self.ahead.extend_from_slice(&buffer[..count]);
                true
            }
        }
    }

    /// Takes everything read and not yet consumed.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ahead)
    }

    /// The next head; nothing when the connection ends before one.
    pub async fn head(&mut self) -> Option<Head> {
        let end = loop {
            if let Some(at) = find(&self.ahead, b"\r\n\r\n") {
                break at;
            }
            if !self.more().await {
                return None;
            }
        };
        let text = String::from_utf8_lossy(&self.ahead[..end]).into_owned();
        self.ahead.drain(..end + 4);
        let mut lines = text.split("\r\n");
        let start = lines.next()?.to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Head { start, headers })
    }

    /// Exactly `count` bytes, or what there was before the connection ended.
    async fn exactly(&mut self, count: usize) -> (Vec<u8>, End) {
        while self.ahead.len() < count {
            if !self.more().await {
                return (self.take(), End::CutOff);
            }
        }
        (self.ahead.drain(..count).collect(), End::Complete)
    }

    async fn line(&mut self) -> Option<String> {
        let end = loop {
            if let Some(at) = find(&self.ahead, b"\r\n") {
                break at;
            }
            if !self.more().await {
                return None;
            }
        };
        let line: Vec<u8> = self.ahead.drain(..end + 2).collect();
        Some(String::from_utf8_lossy(&line[..end]).into_owned())
    }

    /// One chunk of a chunked body; an empty one, with its trailers read, is the last.
    async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.line().await?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            while !self.line().await?.is_empty() {}
            return Some(Vec::new());
        }
        let (mut bytes, end) = self.exactly(size + 2).await;
        bytes.truncate(size);
        (end == End::Complete).then_some(bytes)
    }

    /// The next part of a body; nothing once it ended, with how it ended kept in `body`.
    pub async fn next(&mut self, body: &mut Body) -> Option<Vec<u8>> {
        let (bytes, end) = match body {
            Body::Ended(_) => return None,
            Body::Length(0) => (Vec::new(), Some(End::Complete)),
            Body::Length(left) => {
                if self.ahead.is_empty() && !self.more().await {
                    (Vec::new(), Some(End::CutOff))
                } else {
                    let count = self.ahead.len().min(*left);
                    *left -= count;
                    (self.ahead.drain(..count).collect(), None)
                }
            }
            Body::Chunked => match self.chunk().await {
                None => (Vec::new(), Some(End::CutOff)),
                Some(bytes) if bytes.is_empty() => (bytes, Some(End::Complete)),
                Some(bytes) => (bytes, None),
            },
            Body::UntilClose => {
                if self.ahead.is_empty() && !self.more().await {
                    (Vec::new(), Some(End::Complete))
                } else {
                    (self.take(), None)
                }
            }
        };
        if let Some(end) = end {
            *body = Body::Ended(end);
            return None;
        }
        Some(bytes)
    }

    /// The rest of a body.
    pub async fn rest(&mut self, body: &mut Body) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(part) = self.next(body).await {
            all.extend(part);
        }
        all
    }
}

/// How the end of a body is told.
pub enum Body {
    /// So many bytes are left.
    Length(usize),
    /// `transfer-encoding: chunked`.
    Chunked,
    /// By the end of the connection.
    UntilClose,
    /// It ended.
    Ended(End),
}

impl Body {
    /// From a request's headers.
    #[must_use]
    pub fn of_request(headers: &Headers) -> Self {
        Self::framed(headers).unwrap_or(Self::Ended(End::Complete))
    }

    /// From a response's status and headers.
    #[must_use]
    pub fn of_response(status: u16, headers: &Headers) -> Self {
        if status == 204 || status == 304 || status < 200 {
            return Self::Ended(End::Complete);
        }
        Self::framed(headers).unwrap_or(Self::UntilClose)
    }

    fn framed(headers: &Headers) -> Option<Self> {
        if header(headers, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Some(Self::Chunked);
        }
        header(headers, "content-length")?.parse().ok().map(Self::Length)
    }

    /// Whether the body ended as its framing says.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Ended(End::Complete))
    }
}

/// Where `needle` starts in `hay`.
#[must_use]
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|window| window == needle)
}
