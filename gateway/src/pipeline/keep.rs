//! The bodies of an exchange on their way into the vault.

use bytes::Bytes;
use weir_audit::{AuditError, Bodies, BodyKind, vault::Subject};

/// Bodies over this many bytes together are sealed off the proxy threads.
const HEAVY: usize = 128 << 10;

/// What is kept of an exchange, in clear and in memory until it is sealed.
#[derive(Default)]
pub struct Keep {
    subject: Option<Subject>,
    limit: usize,
    request: Bytes,
    sent: Bytes,
    reply: Side,
    returned: Side,
}

/// One side of a reply: whole if it came so, gathered from pieces otherwise.
#[derive(Default)]
enum Side {
    #[default]
    Nothing,
    Whole(Bytes),
    /// The pieces, shared with whoever sent them, and their bytes in all.
    Pieces(Vec<Bytes>, usize),
    /// It is longer than what is kept: nothing of it is held any more.
    TooLong,
}

impl Side {
    fn push(&mut self, bytes: &Bytes, limit: usize) {
        match self {
            Self::Nothing | Self::Whole(_) => *self = Self::Pieces(vec![bytes.clone()], bytes.len()),
            Self::Pieces(pieces, length) => {
                pieces.push(bytes.clone());
                *length += bytes.len();
            }
            Self::TooLong => {}
        }
        if matches!(self, Self::Pieces(_, length) if *length > limit) {
            *self = Self::TooLong;
        }
    }

    /// Its bytes; none when it was too long.
    fn take(&mut self) -> Option<Bytes> {
        match std::mem::take(self) {
            Self::Nothing => Some(Bytes::new()),
            Self::Whole(bytes) => Some(bytes),
            Self::Pieces(pieces, _) => Some(pieces.concat().into()),
            Self::TooLong => None,
        }
    }
}

impl Keep {
    /// Keeps bodies of at most `limit` bytes under the key of `subject`.
    pub fn of(subject: Subject, limit: usize) -> Self {
        Self { subject: Some(subject), limit, ..Self::default() }
    }

    /// The request as received.
    pub fn request(&mut self, body: &Bytes) {
        self.keep(|keep| keep.request = body.clone());
    }

    /// The request as it is sent.
    pub fn sent(&mut self, body: &Bytes) {
        self.keep(|keep| keep.sent = body.clone());
    }

    /// The reply as received, whole.
    pub fn reply(&mut self, body: &Bytes) {
        self.keep(|keep| keep.reply = Side::Whole(body.clone()));
    }

    /// More of a reply that comes in pieces.
    pub fn more_reply(&mut self, bytes: &Bytes) {
        self.keep(|keep| keep.reply.push(bytes, keep.limit));
    }

    /// The reply as returned, whole.
    pub fn returned(&mut self, body: &Bytes) {
        self.keep(|keep| keep.returned = Side::Whole(body.clone()));
    }

    /// More of what the caller gets in pieces.
    pub fn more_returned(&mut self, bytes: &Bytes) {
        self.keep(|keep| keep.returned.push(bytes, keep.limit));
    }

    /// Seals the request, as received and, where that differs, as sent.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub async fn seal_request(&mut self, call: uuid::Uuid) -> Result<Option<Bodies>, AuditError> {
        let (request, sent) = (std::mem::take(&mut self.request), std::mem::take(&mut self.sent));
        self.seal(call, [(BodyKind::Request, Some(request)), (BodyKind::Sent, Some(sent))]).await
    }

    /// Seals the reply, as received and, where that differs, as returned.
    ///
    /// # Errors
    /// As [`Keep::seal_request`].
    pub async fn seal_reply(&mut self, call: uuid::Uuid) -> Result<Option<Bodies>, AuditError> {
        let (reply, returned) = (self.reply.take(), self.returned.take());
        self.seal(call, [(BodyKind::Reply, reply), (BodyKind::Returned, returned)]).await
    }

    async fn seal(
        &self,
        call: uuid::Uuid,
        pair: [(BodyKind, Option<Bytes>); 2],
    ) -> Result<Option<Bodies>, AuditError> {
        let Some(subject) = self.subject.clone() else { return Ok(None) };
        let size: usize = pair.iter().filter_map(|(_, bytes)| bytes.as_ref()).map(Bytes::len).sum();
        let work = move || {
            let mut bodies = Bodies::new(&subject, call);
            let [(_, first), (_, second)] = &pair;
            let is_twice = first.is_some() && first == second;
            // What did not change on the way is kept once.
            for (kind, bytes) in pair.into_iter().take(if is_twice { 1 } else { 2 }) {
                match bytes {
                    Some(bytes) if bytes.is_empty() => {}
                    Some(bytes) => bodies.seal(kind, &bytes)?,
                    None => bodies.leave_out(kind),
                }
            }
            Ok(Some(bodies))
        };
        if size <= HEAVY {
            return work();
        }
        let sealed = tokio::task::spawn_blocking(work).await;
        sealed.unwrap_or(Err(AuditError::Crypto { action: "sealing a body" }))
    }

    fn keep(&mut self, change: impl FnOnce(&mut Self)) {
        if self.subject.is_some() {
            change(self);
        }
    }
}
