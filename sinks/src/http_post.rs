//! One POST: no redirects, proxies or cookies, a connection of its own, and a bounded answer.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::future::{self, Either};
use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::address::{Address, Security};
use crate::connect::Door;
use crate::error::{Failure, SinkError};
use crate::settings::{Plaintext, TlsSettings};
use crate::tls;

/// Most bytes of an answer that are looked at.
const MOST_ANSWER: usize = 64 << 10;

/// A place to post to.
#[derive(Debug)]
pub(crate) struct Poster {
    pub(crate) address: Address,
    pub(crate) door: Door,
}

/// Which part of an answer counts.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    Status,
    /// The body of an answer that says yes.
    Body,
    /// The body of any answer.
    Any,
}

/// What the receiver said.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) content_type: Option<String>,
    /// Empty where it was not wanted.
    pub(crate) body: Bytes,
}

impl Poster {
    /// A place at an address; `name` is what faults call it.
    pub(crate) fn new(
        name: &str,
        (url, plaintext): (&str, Plaintext),
        settings: &TlsSettings,
    ) -> Result<Self, SinkError> {
        let address = Address::parse(url, plaintext).map_err(|problem| SinkError::Setting {
            sink: name.to_owned(),
            field: "url",
            problem: problem.to_owned(),
        })?;
        let tls = if address.security == Security::Tls { Some(tls::config(name, settings)?) } else { None };
        let door = Door { host: address.host.clone(), port: address.port, security: address.security, tls };
        Ok(Self { address, door })
    }

    /// Posts JSON, or what a header of the caller's says. The caller sets the deadline.
    pub(crate) async fn post(
        &self,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
        wanted: Wanted,
    ) -> Result<Answer, Failure> {
        let request = self.request(headers, body).map_err(|_| Failure::Unreachable)?;
        let stream = self.door.open().await?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|_| Failure::Broken)?;
        let answer = async move {
            let reply = sender.send_request(request).await.map_err(|_| Failure::Broken)?;
            read(reply, wanted).await
        };
        // The connection has to be driven while the answer is read; it may well end first.
        match future::select(Box::pin(connection), Box::pin(answer)).await {
            Either::Left((_ended, answer)) => answer.await,
            Either::Right((answer, _connection)) => answer,
        }
    }

    fn request(
        &self,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::post(self.address.target())
            .header(header::HOST, self.address.authority())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("weir/", env!("CARGO_PKG_VERSION")))
            .header(header::CONNECTION, "close")
            .body(Full::new(Bytes::from(body)))?;
        let all: HeaderMap = headers.iter().cloned().collect();
        request.headers_mut().extend(all);
        Ok(request)
    }
}

async fn read(reply: http::Response<Incoming>, wanted: Wanted) -> Result<Answer, Failure> {
    let status = reply.status().as_u16();
    let text =
        |name: HeaderName| reply.headers().get(name).and_then(|it| it.to_str().ok()).map(str::to_owned);
    let (retry_after, content_type) = (text(header::RETRY_AFTER), text(header::CONTENT_TYPE));
    let is_wanted = match wanted {
        Wanted::Status => false,
        Wanted::Body => reply.status().is_success(),
        Wanted::Any => true,
    };
    let body = if is_wanted {
        let read = Limited::new(reply.into_body(), MOST_ANSWER).collect().await;
        read.map_err(|_| Failure::Broken)?.to_bytes()
    } else {
        Bytes::new()
    };
    Ok(Answer { status, retry_after, content_type, body })
}

impl Answer {
    /// What the status means.
    pub(crate) fn verdict(&self, now: SystemTime) -> Result<(), Failure> {
        let retry_after = self.retry_after.as_deref().and_then(|text| wait(text, now));
        Failure::of_status(self.status, retry_after).map_or(Ok(()), Err)
    }
}

/// The wait that a `Retry-After` header asks for: seconds, or a date.
fn wait(text: &str, now: SystemTime) -> Option<Duration> {
    let seconds = text.trim().parse().ok().map(Duration::from_secs);
    seconds
        .or_else(|| httpdate::parse_http_date(text).ok().map(|at| at.duration_since(now).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let check =
            |text: &str, expect: Option<u64>| assert_eq!(wait(text, now), expect.map(Duration::from_secs));
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("-1", None);
        check("soon", None);
    }
}
