//! Sealing: the encrypted bodies of one call on their way to the log.

use std::fmt;

use uuid::Uuid;

use super::BodyKind;
use super::crypto::{self, OVERHEAD, SALT};
use super::frame::{self, HEAD, Label};
use super::subject::{Key, Subject};
use crate::error::AuditError;
use crate::exchange::BodyRef;
use crate::options::Ambient;
use crate::text::Text;

/// Salts that are drawn at once, which is what a record has bodies: a draw costs more than the key that comes of it.
const DRAW: usize = 2;

/// The sealed bodies of one call, for [`crate::Log::intent_with`], [`crate::Log::settled_with`] and
/// [`crate::Ticket::complete_with`].
pub struct Bodies {
    subject: Subject,
    call: Uuid,
    salts: Salts,
    request: Kept,
    reply: Kept,
}

impl Bodies {
    /// No bodies yet. `call` is the id the intent will have: [`crate::Log::new_id`].
    pub fn new(subject: &Subject, call: Uuid) -> Self {
        let (request, reply) = Default::default();
        Self { subject: subject.clone(), call, salts: Salts::default(), request, reply }
    }

    /// Seals one body, on the caller's thread. One that is longer than the vault's limit is left out, and its
    /// record will say `shed`.
    ///
    /// # Errors
    /// [`AuditError::Crypto`].
    pub fn seal(&mut self, kind: BodyKind, plaintext: &[u8]) -> Result<(), AuditError> {
        let subject = self.subject.clone();
        let key = &*subject.0;
        if plaintext.len() > key.supply.most {
            self.leave_out(kind);
            return Ok(());
        }
        let salt = self.salts.next(&*key.supply.ambient)?;
        let label = Label { call: self.call, kind, key: key.id };
        self.side(kind).seal(key, label, (&salt, plaintext))
    }

    /// Says that a body was left out: its record will say `shed`.
    pub fn leave_out(&mut self, kind: BodyKind) {
        self.side(kind).is_shed = true;
    }

    fn side(&mut self, kind: BodyKind) -> &mut Kept {
        match kind {
            BodyKind::Request | BodyKind::Sent => &mut self.request,
            BodyKind::Reply | BodyKind::Returned => &mut self.reply,
        }
    }

    /// The call they belong to.
    pub fn call(&self) -> Uuid {
        self.call
    }

    /// All of them, for one record.
    pub(crate) fn into_kept(self) -> Kept {
        let (mut all, mut reply) = (self.request, self.reply);
        all.is_shed |= reply.is_shed;
        if all.sealed.is_empty() {
            return Kept { is_shed: all.is_shed, ..reply };
        }
        all.sealed.append(&mut reply.sealed);
        all.frames.append(&mut reply.frames);
        all
    }

    /// Those of the request and those of the reply.
    pub(crate) fn split(self) -> (Kept, Kept) {
        (self.request, self.reply)
    }
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bodies").field("request", &self.request).field("reply", &self.reply).finish()
    }
}

/// Salts on their way to bodies.
// INVARIANT: each is handed out once, and none outlives the bodies of its call.
#[derive(Default)]
struct Salts {
    drawn: [[u8; SALT]; DRAW],
    left: usize,
}

impl Salts {
    fn next(&mut self, ambient: &dyn Ambient) -> Result<[u8; SALT], AuditError> {
        if self.left == 0 {
            ambient.secret(self.drawn.as_flattened_mut())?;
            self.left = DRAW;
        }
        self.left -= 1;
        self.drawn.get(self.left).copied().ok_or(AuditError::Crypto { action: "drawing a random number" })
    }
}

/// Bodies that travel with a record.
#[derive(Default)]
pub(crate) struct Kept {
    sealed: Vec<Sealed>,
    /// The public reference of the key they are sealed by.
    key: Text,
    /// Their frames, one behind the other.
    pub frames: Vec<u8>,
    /// Whether a body was left out.
    pub is_shed: bool,
}

impl Kept {
    /// Bytes they take in memory and on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.frames.len() as u64
    }

    /// Leaves all bodies out.
    pub(crate) fn shed(&mut self) {
        self.is_shed |= !self.sealed.is_empty();
        (self.sealed, self.frames) = Default::default();
    }

    /// What the record says of them. Spelled by the thread that writes it: texts that one thread makes and another
    /// one frees cost both of them more.
    pub(crate) fn references(&self) -> impl Iterator<Item = BodyRef> + '_ {
        self.sealed.iter().map(|it| BodyRef {
            commitment: crypto::spell(&it.commitment).into(),
            key: self.key.clone(),
            kind: it.kind.as_str().into(),
            length: it.length,
            sha256: crypto::spell(&it.sha256).into(),
        })
    }

    fn seal(&mut self, key: &Key, label: Label, body: (&[u8; SALT], &[u8])) -> Result<(), AuditError> {
        if self.frames.capacity() == 0 {
            self.frames = key.supply.spare.take();
            self.key = key.spelled.clone();
        }
        let start = self.frames.len();
        let sealed = self.append(key, label, body);
        // What failed must not be written with what did not.
        sealed.inspect_err(|_| self.frames.truncate(start))
    }

    fn append(
        &mut self,
        key: &Key,
        label: Label,
        (salt, plaintext): (&[u8; SALT], &[u8]),
    ) -> Result<(), AuditError> {
        let start = self.frames.len();
        // All of it before there is plaintext: a move to a larger place would leave that behind.
        self.frames.reserve(HEAD + OVERHEAD + plaintext.len());
        self.frames.resize(start + HEAD, 0);
        self.frames.extend_from_slice(salt);
        self.frames.extend_from_slice(plaintext);
        let context = crypto::context(label.call, key.tenant.as_str(), label.kind);
        let commitment = crypto::seal(&key.sealing, &context, &mut self.frames, start + HEAD)?;
        let frame = self.frames.get_mut(start..).unwrap_or_default();
        let sealed = frame.get(HEAD..).unwrap_or_default();
        let (length, sha256) = (sealed.len() as u64, crypto::sha256(sealed));
        self.sealed.push(Sealed { kind: label.kind, length, commitment, sha256 });
        frame::finish(frame, &label);
        Ok(())
    }
}

/// What a record commits to of one body.
struct Sealed {
    kind: BodyKind,
    length: u64,
    commitment: [u8; 32],
    sha256: [u8; 32],
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kept({} bodies, {} bytes)", self.sealed.len(), self.frames.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::time::{Duration, SystemTime};

    use super::super::crypto::{SealingKey, Secret, WRAPPED};
    use super::super::slot::{Slot, State};
    use super::super::supply::{Spare, Supply};
    use super::*;

    /// Counts on from draw to draw; gives nothing after `until` of them.
    struct Draws {
        made: AtomicU8,
        until: u8,
    }

    impl Ambient for Draws {
        fn wall(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }

        fn monotonic(&self) -> Duration {
            Duration::ZERO
        }

        fn random(&self) -> [u8; 10] {
            [0; 10]
        }

        fn secret(&self, out: &mut [u8]) -> Result<(), AuditError> {
            let made = self.made.fetch_add(1, Ordering::Relaxed);
            if made == self.until {
                return Err(AuditError::Crypto { action: "drawing a random number" });
            }
            out.iter_mut().zip(0..).for_each(|(byte, at)| *byte = 64 * made + at);
            Ok(())
        }
    }

    fn subject(until: u8) -> Subject {
        let ambient = Arc::new(Draws { made: AtomicU8::new(0), until });
        let supply = Arc::new(Supply { ambient, most: 100, spare: Spare::default() });
        let slot =
            Slot { state: State::Live, day: 0, reference: [1; 16], blind: [2; 32], wrapped: [0; WRAPPED] };
        let sealing = SealingKey::new(&Secret::new([7; 32])).unwrap();
        Subject(Arc::new(Key::new("acme".into(), &slot, sealing, supply)))
    }

    /// The salt of each frame.
    fn salts(frames: &[u8]) -> Vec<Vec<u8>> {
        let (places, end) = frame::scan(frames, 0);
        assert_eq!(end, frames.len());
        places.iter().map(|it| frames[it.offset as usize..][..SALT].to_vec()).collect()
    }

    #[test]
    fn no_two_bodies_have_one_salt() {
        let mut bodies = Bodies::new(&subject(9), Uuid::nil());
        for kind in BodyKind::ALL.into_iter().chain([BodyKind::Reply]) {
            bodies.seal(kind, b"the same text").unwrap();
        }
        let kept = bodies.into_kept();
        let mut salts = salts(&kept.frames);
        assert_eq!((salts.len(), kept.references().count()), (5, 5));
        salts.sort();
        salts.dedup();
        assert_eq!(salts.len(), 5);
    }

    #[test]
    fn a_body_that_could_not_be_sealed_leaves_those_before_it_as_they_were() {
        let mut bodies = Bodies::new(&subject(1), Uuid::nil());
        bodies.seal(BodyKind::Request, b"one").unwrap();
        bodies.seal(BodyKind::Sent, b"two").unwrap();
        assert!(matches!(bodies.seal(BodyKind::Sent, b"three"), Err(AuditError::Crypto { .. })));
        let (request, reply) = bodies.split();
        assert_eq!(
            (salts(&request.frames).len(), request.references().count(), reply.frames.len()),
            (2, 2, 0)
        );
        let lengths = request.references().map(|it| it.length).collect::<Vec<_>>();
        assert_eq!(lengths, [3 + OVERHEAD as u64; 2]);
    }
}
