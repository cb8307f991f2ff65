//! A small witness (C2SP tlog-witness): signs a checkpoint only if it goes on from the last one it signed.

use std::sync::Arc;
use std::time::SystemTime;

use tlog_tiles::{Hash, check_tree};

use super::anchor::{Anchor, AnchorError, Swapped};
use super::checkpoint::{Checkpoint, SignedCheckpoint};
use super::keys::{Cosigning, SigningKey, VerifierKey};
use super::witness::Reply;
use crate::options::Ambient;

/// Most lines of a consistency proof.
const MOST_HASHES: usize = 63;

/// A witness: its key, the logs it knows, and a store for the last checkpoint of each.
pub struct WitnessServer {
    key: SigningKey,
    logs: Vec<VerifierKey>,
    store: Arc<dyn Anchor>,
    ambient: Arc<dyn Ambient>,
}

impl WitnessServer {
    /// A witness that signs with `key` for the logs whose keys are in `logs`; `store` must be its own.
    pub fn new(
        key: SigningKey,
        logs: Vec<VerifierKey>,
        store: Arc<dyn Anchor>,
        ambient: Arc<dyn Ambient>,
    ) -> Self {
        Self { key, logs, store, ambient }
    }

    /// The key its cosignatures are checked with.
    pub fn key(&self) -> VerifierKey {
        self.key.cosigner()
    }

    /// The last checkpoint it signed for a log.
    ///
    /// # Errors
    /// [`AnchorError`] when the store can't be asked.
    pub fn last(&self, origin: &str) -> Result<Option<SignedCheckpoint>, AnchorError> {
        let damaged = |_| AnchorError { reason: "the store holds no checkpoint".into() };
        self.store.load(origin)?.map(|note| SignedCheckpoint::parse(&note).map_err(damaged)).transpose()
    }

    /// Answers the body of `POST PREFIX/add-checkpoint`.
    pub fn add_checkpoint(&self, body: &[u8]) -> Reply {
        self.answer(body).unwrap_or_else(|refusal| refusal)
    }

    fn answer(&self, body: &[u8]) -> Result<Reply, Reply> {
        let Submission { old, proof, signed } = Submission::parse(body).ok_or(status(400))?;
        let new = signed.checkpoint();
        let mut keys = self.logs.iter().filter(|key| key.name() == new.origin).peekable();
        keys.peek().ok_or(status(404))?;
        keys.find(|key| signed.is_signed_by(key)).ok_or(status(403))?;
        if old > new.size {
            return Err(status(400));
        }
        let last = self.last(&new.origin).map_err(|_| status(500))?;
        let known = last.as_ref().map(SignedCheckpoint::checkpoint);
        let size = known.map_or(0, |it| it.size);
        if old != size || known.is_some_and(|it| it.size == new.size && it.root != new.root) {
            return Err(conflict(size));
        }
        if !goes_on(known, new, &proof) {
            return Err(status(422));
        }
        let time = self.ambient.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let cosigned = signed.signed_too(&Cosigning { key: &self.key, time }).map_err(|_| status(400))?;
        let expected = last.as_ref().map(SignedCheckpoint::as_bytes);
        match self.store.swap(&new.origin, expected, cosigned.as_bytes()) {
            Ok(Swapped::Done) => {}
            // Another request was faster; what it left is the new truth.
            Ok(Swapped::Conflict) => {
                let last = self.last(&new.origin).map_err(|_| status(500))?;
                return Err(conflict(last.map_or(0, |it| it.checkpoint().size)));
            }
            Err(_) => return Err(status(500)),
        }
        let line = cosigned.as_bytes().rsplitn(3, |byte| *byte == b'\n').nth(1).unwrap_or_default();
        Ok(Reply { status: 200, content_type: "text/plain; charset=utf-8", body: [line, b"\n"].concat() })
    }
}

fn goes_on(known: Option<&Checkpoint>, new: &Checkpoint, proof: &Vec<Hash>) -> bool {
    match known {
        Some(known) if known.size > 0 => {
            check_tree(proof, new.size, new.root, known.size, known.root).is_ok()
        }
        _ => proof.is_empty(),
    }
}

/// A request, as it is spelled.
struct Submission {
    old: u64,
    proof: Vec<Hash>,
    signed: SignedCheckpoint,
}

impl Submission {
    fn parse(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.lines();
        let size = lines.next()?.strip_prefix("old ")?;
        let old = size.parse::<u64>().ok().filter(|old| old.to_string() == size)?;
        let proof = lines.map(|line| Hash::parse_hash(line).ok()).collect::<Option<Vec<_>>>()?;
        let signed = SignedCheckpoint::parse(note.as_bytes()).ok()?;
        (proof.len() <= MOST_HASHES).then_some(Self { old, proof, signed })
    }
}

fn status(status: u16) -> Reply {
    Reply { status, content_type: "text/plain; charset=utf-8", body: Vec::new() }
}

fn conflict(size: u64) -> Reply {
    Reply { status: 409, content_type: "text/x.tlog.size", body: format!("{size}\n").into_bytes() }
}
