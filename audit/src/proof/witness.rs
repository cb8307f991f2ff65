//! Asking witnesses for cosignatures (C2SP tlog-witness): what to send, and what to make of the answer.

use std::sync::Arc;
use std::time::Duration;

use super::anchor::AnchorError;
use super::checkpoint::SignedCheckpoint;
use super::keys::VerifierKey;
use super::tiles::Tiles;
use crate::error::AuditError;

/// Pauses after a witness failed to sign: the first, and the longest.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A witness as the log reaches it. Calls may block up to a deadline that the implementation sets.
pub trait Witness: Send + Sync {
    /// The key its cosignatures are checked with.
    fn key(&self) -> VerifierKey;

    /// Sends `body` as `POST PREFIX/add-checkpoint`.
    ///
    /// # Errors
    /// [`AnchorError`] when there is no answer.
    fn add_checkpoint(&self, body: &[u8]) -> Result<Reply, AnchorError>;
}

/// An HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// Body.
    pub body: Vec<u8>,
}

/// What a witness said.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It signed: the checkpoint with its cosignature.
    Cosigned(SignedCheckpoint),
    /// The last checkpoint it signed has this size: ask again from there.
    Behind(u64),
    /// It will not sign; its status code.
    Refused(u16),
}

/// The body of an `add-checkpoint` request, for a witness that last signed a tree of `old` leaves.
///
/// # Errors
/// [`AuditError::Proof`] when a tile is missing, or `old` is beyond the checkpoint.
pub fn request(old: u64, signed: &SignedCheckpoint, tiles: &Tiles) -> Result<Vec<u8>, AuditError> {
    let mut body = format!("old {old}\n");
    for hash in tiles.consistency(old, signed.checkpoint().size)? {
        body += &format!("{hash}\n");
    }
    body.push('\n');
    Ok([body.as_bytes(), signed.as_bytes()].concat())
}

/// What the answer to a request for `signed` means. A cosignature counts only if `key` made it.
pub fn interpret(signed: &SignedCheckpoint, key: &VerifierKey, reply: &Reply) -> Answer {
    let size = || std::str::from_utf8(&reply.body).ok()?.strip_suffix('\n')?.parse().ok();
    match reply.status {
        200 => signed.with_lines(&reply.body, key).map_or(Answer::Refused(200), Answer::Cosigned),
        409 => size().map_or(Answer::Refused(409), Answer::Behind),
        status => Answer::Refused(status),
    }
}

/// The witnesses of a log, and how far each is.
pub(crate) struct Cosigners {
    list: Vec<Cosigner>,
}

struct Cosigner {
    witness: Arc<dyn Witness>,
    key: VerifierKey,
    /// Size of the last checkpoint it signed, as far as is known.
    size: u64,
    pause: Duration,
    /// Not before this time of the monotonic clock.
    next: Duration,
}

impl Cosigners {
    pub(crate) fn new(witnesses: &[Arc<dyn Witness>]) -> Self {
        let cosigner = |witness: &Arc<dyn Witness>| Cosigner {
            witness: Arc::clone(witness),
            key: witness.key(),
            size: 0,
            pause: PAUSE,
            next: Duration::ZERO,
        };
        Self { list: witnesses.iter().map(cosigner).collect() }
    }

    /// The checkpoint with the cosignatures that could be had now; `None` if there is no new one.
    pub(crate) fn ask(
        &mut self,
        published: &SignedCheckpoint,
        tiles: &Tiles,
        now: Duration,
    ) -> Option<SignedCheckpoint> {
        let mut signed = published.clone();
        for cosigner in &mut self.list {
            if cosigner.next > now || published.is_signed_by(&cosigner.key) {
                continue;
            }
            match cosigner.ask(&signed, tiles) {
                Ok(more) => {
                    (signed, cosigner.pause) = (more, PAUSE);
                    cosigner.size = published.checkpoint().size;
                }
                Err(reason) => {
                    tracing::warn!(witness = cosigner.key.name(), reason, "no cosignature");
                    cosigner.next = now + cosigner.pause;
                    cosigner.pause = (cosigner.pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        (signed != *published).then_some(signed)
    }
}

impl Cosigner {
    fn ask(&mut self, signed: &SignedCheckpoint, tiles: &Tiles) -> Result<SignedCheckpoint, String> {
        // The second time with the size that the witness names.
        for _ in 0..2 {
            let body = request(self.size, signed, tiles).map_err(|error| error.to_string())?;
            let reply = self.witness.add_checkpoint(&body).map_err(|error| error.reason)?;
            match interpret(signed, &self.key, &reply) {
                Answer::Cosigned(more) => return Ok(more),
                Answer::Behind(size) if size <= signed.checkpoint().size => self.size = size,
                Answer::Behind(size) => {
                    return Err(format!("it has seen this log at the larger size {size}"));
                }
                Answer::Refused(status) => return Err(format!("it refused with status {status}")),
            }
        }
        Err("it has another root for the same size".into())
    }
}
