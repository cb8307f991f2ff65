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
struct Side {
    whole: Bytes,
    pieces: Vec<u8>,
}

impl Side {
    fn push(&mut self, bytes: &[u8], limit: usize) {
        // One byte over the limit tells that it was longer; more are of no use.
        let room = (limit + 1).saturating_sub(self.pieces.len());
        self.pieces.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn take(&mut self) -> Bytes {
        let side = std::mem::take(self);
        if side.whole.is_empty() { side.pieces.into() } else { side.whole }
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
        self.keep(|keep| keep.reply.whole = body.clone());
    }

    /// More of a reply that comes in pieces.
    pub fn more_reply(&mut self, bytes: &[u8]) {
        self.keep(|keep| keep.reply.push(bytes, keep.limit));
    }

    /// The reply as returned, whole.
    pub fn returned(&mut self, body: &Bytes) {
        self.keep(|keep| keep.returned.whole = body.clone());
    }

    /// More of what the caller gets in pieces.
    pub fn more_returned(&mut self, bytes: &[u8]) {
        self.keep(|keep| keep.returned.push(bytes, keep.limit));
    }

    /// Seals the request, as received and, where that differs, as sent.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub async fn seal_request(&mut self, call: uuid::Uuid) -> Result<Option<Bodies>, AuditError> {
        let (request, sent) = (std::mem::take(&mut self.request), std::mem::take(&mut self.sent));
        self.seal(call, (BodyKind::Request, request), (BodyKind::Sent, sent)).await
    }

    /// Seals the reply, as received and, where that differs, as returned.
    ///
    /// # Errors
    /// As [`Keep::seal_request`].
    pub async fn seal_reply(&mut self, call: uuid::Uuid) -> Result<Option<Bodies>, AuditError> {
        let (reply, returned) = (self.reply.take(), self.returned.take());
        self.seal(call, (BodyKind::Reply, reply), (BodyKind::Returned, returned)).await
    }

    async fn seal(
        &self,
        call: uuid::Uuid,
        first: (BodyKind, Bytes),
        second: (BodyKind, Bytes),
    ) -> Result<Option<Bodies>, AuditError> {
        let Some(subject) = self.subject.clone() else { return Ok(None) };
        let is_heavy = first.1.len() + second.1.len() > HEAVY;
        let work = move || {
            let mut bodies = Bodies::new(&subject, call);
            let is_same = first.1 == second.1;
            for (kind, bytes) in [first, second].into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
                if !(is_same && matches!(kind, BodyKind::Sent | BodyKind::Returned)) {
                    bodies.seal(kind, &bytes)?;
                }
            }
            Ok(Some(bodies))
        };
        if !is_heavy {
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
