//! The bodies of an exchange on their way into the vault.

use std::sync::Arc;

use bytes::Bytes;
use weir_audit::{AuditError, Bodies, BodyKind, vault::Subject};

use super::gathered::{Gathered, Room};

/// Bodies over this many bytes together are sealed off the proxy threads.
const HEAVY: usize = 128 << 10;

/// What is kept of an exchange, in clear and in memory until it is sealed.
#[derive(Default)]
pub struct Keep {
    place: Option<Place>,
    request: Bytes,
    sent: Bytes,
    reply: Side,
    returned: Side,
}

/// Where the bodies of an exchange are kept.
struct Place {
    subject: Subject,
    /// Most bytes of a body.
    limit: usize,
    /// Memory for replies that come in pieces.
    room: Arc<Room>,
}

/// One side of a reply: whole if it came so, gathered from pieces otherwise.
#[derive(Default)]
enum Side {
    #[default]
    Nothing,
    Whole(Bytes),
    Pieces(Gathered),
    /// So many bytes of the returned reply, the same as of the received one.
    Same(usize),
    /// It is longer than what is kept, or there was no room: nothing of it is held any more.
    TooLong,
}

impl Side {
    fn push(&mut self, bytes: &[u8], place: &Place) {
        if matches!(self, Self::Nothing | Self::Whole(_)) {
            *self = Self::Pieces(Gathered::new(Arc::clone(&place.room)));
        }
        if let Self::Pieces(gathered) = self
            && gathered.push(bytes, place.limit).is_err()
        {
            metrics::counter!("weir_bodies_left_out_total").increment(1);
            *self = Self::TooLong;
        }
    }

    /// More of what is returned. As long as it is what was received, it isn't held twice.
    fn push_returned(&mut self, received: &Self, bytes: &[u8], place: &Place) {
        let from = match self {
            Self::Nothing => 0,
            Self::Same(length) => *length,
            _ => return self.push(bytes, place),
        };
        let received = match received {
            Self::Pieces(gathered) => Some(gathered),
            // What it was the same as is not there any more.
            Self::TooLong if from > 0 => {
                *self = Self::TooLong;
                return;
            }
            _ => None,
        };
        if received.is_some_and(|gathered| gathered.holds(from, bytes)) {
            *self = Self::Same(from + bytes.len());
            return;
        }
        *self = Self::Nothing;
        received
            .into_iter()
            .flat_map(|gathered| gathered.first(from))
            .for_each(|piece| self.push(piece, place));
        self.push(bytes, place);
    }

    /// Its bytes; none when it was too long. `received` is what the other side was.
    fn take(&mut self, received: Option<&Bytes>) -> Option<Bytes> {
        match std::mem::take(self) {
            Self::Nothing => Some(Bytes::new()),
            Self::Whole(bytes) => Some(bytes),
            Self::Pieces(gathered) => Some(gathered.into_bytes()),
            Self::Same(length) => received.map(|bytes| bytes.slice(..length.min(bytes.len()))),
            Self::TooLong => None,
        }
    }
}

impl Keep {
    /// Keeps bodies of at most `limit` bytes under the key of `subject`; those that come in pieces in `room`.
    pub fn of(subject: Subject, limit: usize, room: &Arc<Room>) -> Self {
        let place = Place { subject, limit, room: Arc::clone(room) };
        Self { place: Some(place), ..Self::default() }
    }

    /// The request as received.
    pub fn request(&mut self, body: &Bytes) {
        if self.place.is_some() {
            self.request = body.clone();
        }
    }

    /// The request as it is sent.
    pub fn sent(&mut self, body: &Bytes) {
        if self.place.is_some() {
            self.sent = body.clone();
        }
    }

    /// The reply as received, whole.
    pub fn reply(&mut self, body: &Bytes) {
        if self.place.is_some() {
            self.reply = Side::Whole(body.clone());
        }
    }

    /// More of a reply that comes in pieces.
    pub fn more_reply(&mut self, bytes: &Bytes) {
        if let Some(place) = &self.place {
            self.reply.push(bytes, place);
        }
    }

    /// The reply as returned, whole.
    pub fn returned(&mut self, body: &Bytes) {
        if self.place.is_some() {
            self.returned = Side::Whole(body.clone());
        }
    }

    /// More of what the caller gets in pieces.
    pub fn more_returned(&mut self, bytes: &Bytes) {
        if let Some(place) = &self.place {
            self.returned.push_returned(&self.reply, bytes, place);
        }
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
        let reply = self.reply.take(None);
        let returned = self.returned.take(reply.as_ref());
        self.seal(call, [(BodyKind::Reply, reply), (BodyKind::Returned, returned)]).await
    }

    async fn seal(
        &self,
        call: uuid::Uuid,
        pair: [(BodyKind, Option<Bytes>); 2],
    ) -> Result<Option<Bodies>, AuditError> {
        let Some(subject) = self.place.as_ref().map(|place| place.subject.clone()) else { return Ok(None) };
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
}

#[cfg(test)]
mod tests {
    use weir_audit::vault::{Vault, VaultOptions};

    use super::*;

    /// Gathers what came and what was returned, in turns; both as they would be sealed.
    fn gathered(turns: &[(&str, &str)], (limit, room): (usize, usize)) -> (Option<Bytes>, Option<Bytes>) {
        let dir = tempfile::tempdir().unwrap();
        let (bodies, keys) = (dir.path().join("bodies"), dir.path().join("keys"));
        let vault = Vault::open(&bodies, &keys, VaultOptions::default()).unwrap();
        let room = Room::new(room);
        let mut keep = Keep::of(vault.subject("acme", None).unwrap(), limit, &room);
        for (received, returned) in turns {
            keep.more_reply(&Bytes::copy_from_slice(received.as_bytes()));
            keep.more_returned(&Bytes::copy_from_slice(returned.as_bytes()));
        }
        let reply = keep.reply.take(None);
        let returned = keep.returned.take(reply.as_ref());
        (reply, returned)
    }

    #[test]
    fn what_is_returned_is_kept_whether_or_not_it_is_what_came() {
        let check = |turns: &[(&str, &str)]| {
            let side =
                |pick: fn(&(&str, &str)) -> String| Some(turns.iter().map(pick).collect::<String>().into());
            let expect = (side(|turn| turn.0.to_owned()), side(|turn| turn.1.to_owned()));
            assert_eq!(gathered(turns, (100, 1 << 20)), expect, "{turns:?}");
        };
        check(&[]);
        check(&[("one ", "one "), ("two", "two")]);
        check(&[("one ", ""), ("two", "one two"), ("", "")]);
        check(&[("one ", "one "), ("two", "2"), ("three", "three")]);
        check(&[("one ", "one "), ("two", ""), ("", "two and more")]);
        check(&[("", "first"), ("one", "one")]);
    }

    #[test]
    fn a_body_that_is_too_long_or_has_no_room_is_left_out() {
        let long = "x".repeat(60);
        let twice: &[(&str, &str)] = &[(&long, &long), (&long, &long)];
        assert_eq!(gathered(twice, (100, 1 << 20)), (None, None));
        assert_eq!(gathered(twice, (1000, 119)), (None, None));
        let (reply, returned) = gathered(&[(&long, "y"), (&long, "y")], (100, 1 << 20));
        assert_eq!((reply, returned), (None, Some("yy".into())));
    }
}
