//! A connection that sends a request's head together with the first bytes of its body, in one system call.
//!
//! Pingora's HTTP/1 client flushes the head on its own, and a write is what a small exchange costs most: on
//! loopback it takes the kernel some ten microseconds, the receiver's wake-up included.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_trait::async_trait;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType, raw_connect::ProxyDigest, tls::SslDigest,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose first flush of each request waits for the second: the head's for the body's.
///
/// A request begins with the first write after a read. A client must flush at least twice a request, after the
/// head and at the end, as Pingora's does; with or without a body.
pub struct Gather {
    inner: Stream,
    /// Bytes written but not yet sent.
    held: Vec<u8>,
    sent: usize,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Writes are kept until the head is whole, which its flush tells.
    Head,
    /// Writes go out, after what was kept.
    Body,
}

impl Gather {
    /// Over a new connection.
    pub fn new(inner: Stream) -> Self {
        Self { inner, held: Vec::new(), sent: 0, phase: Phase::Head }
    }

    fn kept(&self) -> &[u8] {
        self.held.get(self.sent..).unwrap_or_default()
    }

    /// `bytes` of what was kept are sent; the number of those that were beyond it.
    fn advance(&mut self, bytes: usize) -> usize {
        let beyond = bytes.saturating_sub(self.kept().len());
        self.sent += bytes - beyond;
        if self.sent == self.held.len() {
            self.held.clear();
            self.sent = 0;
        }
        beyond
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.kept().is_empty() {
            let kept = self.held.get(self.sent..).unwrap_or_default();
            let sent = ready!(Pin::new(&mut self.inner).poll_write(cx, kept))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Gather {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gather({} bytes kept)", self.kept().len())
    }
}

impl AsyncWrite for Gather {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.phase == Phase::Head {
            this.held.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        while !this.kept().is_empty() && !bytes.is_empty() {
            let both = [IoSlice::new(this.held.get(this.sent..).unwrap_or_default()), IoSlice::new(bytes)];
            let sent = ready!(Pin::new(&mut this.inner).poll_write_vectored(cx, &both))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let beyond = this.advance(sent);
            if beyond > 0 {
                return Poll::Ready(Ok(beyond));
            }
        }
        Pin::new(&mut this.inner).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.phase == Phase::Head {
            this.phase = Phase::Body;
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

impl AsyncRead for Gather {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            this.phase = Phase::Head;
        }
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl Shutdown for Gather {
    async fn shutdown(&mut self) {
        self.inner.shutdown().await;
    }
}

impl UniqueID for Gather {
    fn id(&self) -> UniqueIDType {
        self.inner.id()
    }
}

impl Ssl for Gather {
    fn get_ssl_digest(&self) -> Option<Arc<SslDigest>> {
        self.inner.get_ssl_digest()
    }
}

impl GetTimingDigest for Gather {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_timing_digest()
    }
}

impl GetProxyDigest for Gather {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner.get_proxy_digest()
    }
}

impl GetSocketDigest for Gather {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }
}

#[async_trait]
impl Peek for Gather {}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Plays requests of a head and a body over a connection that takes `most` bytes a write; the other end must
    /// read exactly what was written.
    async fn check(bodies: &[usize], most: usize) {
        let (ours, mut theirs) = tokio::net::UnixStream::pair().unwrap();
        let mut gather = Gather::new(Box::new(pingora_core::protocols::l4::stream::Stream::from(ours)));
        for (round, size) in bodies.iter().enumerate() {
            let head = format!("head {round}\r\n\r\n").into_bytes();
            let body = vec![b'a' + u8::try_from(round).unwrap(); *size];
            let expect = [head.clone(), body.clone()].concat();
            let reader = async {
                let mut got = vec![0; expect.len()];
                for part in got.chunks_mut(most) {
                    theirs.read_exact(part).await.unwrap();
                }
                theirs.write_all(b"reply").await.unwrap();
                got
            };
            let writer = async {
                gather.write_all(&head).await.unwrap();
                gather.flush().await.unwrap();
                if !body.is_empty() {
                    gather.write_all(&body).await.unwrap();
                }
                gather.flush().await.unwrap();
                let mut reply = [0; 5];
                gather.read_exact(&mut reply).await.unwrap();
            };
            let (got, ()) = tokio::join!(reader, writer);
            assert_eq!(got, expect, "round {round}");
        }
    }

    #[tokio::test]
    async fn heads_and_bodies_arrive_whole_and_in_order() {
        check(&[10, 0, 1, 100_000, 0, 3_000_000, 5], 1 << 20).await;
        check(&[0, 2_000_000, 0], 777).await;
    }

    #[tokio::test]
    async fn the_head_waits_for_the_body() {
        let (ours, theirs) = tokio::net::UnixStream::pair().unwrap();
        let mut gather = Gather::new(Box::new(pingora_core::protocols::l4::stream::Stream::from(ours)));
        gather.write_all(b"head").await.unwrap();
        gather.flush().await.unwrap();
        let mut buffer = [0; 16];
        assert_eq!(theirs.try_read(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        gather.write_all(b"body").await.unwrap();
        theirs.readable().await.unwrap();
        assert_eq!(theirs.try_read(&mut buffer).unwrap(), 8);
        assert_eq!(&buffer[..8], b"headbody");
    }
}
