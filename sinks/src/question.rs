//! A question to a server, by one POST: for witnesses and the like, which are asked as sinks are delivered to.

use http::{HeaderValue, header};

use crate::address::Address;
use crate::error::{Failure, SinkError};
use crate::http_post::{Poster, Wanted};
use crate::settings::{Plaintext, TlsSettings};

/// Whom to ask.
#[derive(Debug)]
pub struct Question(Poster);

/// What was answered, whatever its status.
#[derive(Debug)]
pub struct Said {
    /// HTTP status.
    pub status: u16,
    /// Content type, as it was written.
    pub content_type: String,
    /// At most 64 KiB.
    pub body: Vec<u8>,
}

impl Question {
    /// Questions to `url`, in clear only if that says `http`; `name` is what faults call it.
    ///
    /// # Errors
    /// [`SinkError::Setting`], and [`SinkError::Io`] for files that can't be read.
    pub fn to(name: &str, url: &str, tls: &TlsSettings) -> Result<Self, SinkError> {
        Poster::new(name, (url, Plaintext::Anywhere), tls).map(Self)
    }

    /// What is wrong with an address, without repeating it.
    ///
    /// # Errors
    /// That.
    pub fn check(url: &str) -> Result<(), &'static str> {
        Address::parse(url, Plaintext::Anywhere).map(drop)
    }

    /// Asks once. The caller sets the deadline.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, content_type: &'static str, body: Vec<u8>) -> Result<Said, Failure> {
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        let answer = self.0.post(&headers, body, Wanted::Any).await?;
        Ok(Said {
            status: answer.status,
            content_type: answer.content_type.unwrap_or_default(),
            body: answer.body.to_vec(),
        })
    }
}
