//! What the log's handle says of its seal: how it stands, when it covers a record, and the change of its key.

use crate::encode::Body;
use crate::error::AuditError;
use crate::event::{Event, KeyEvent};
use crate::log::Log;
use crate::options::Ambient;
use crate::proof::Sealing;
use crate::proof::evidence::PURPOSE;
use crate::proof::keys::{SigningKey, VerifierKey};
use crate::queue::Entry;
use crate::text::Text;
use crate::vault::Kept;

impl Log {
    /// How the sealing of the log stands; `None` when it has no seal.
    pub fn sealing(&self) -> Option<Sealing> {
        self.inner.sealing.as_ref().map(|shared| shared.state.borrow().clone())
    }

    /// Resolves when a published checkpoint covers the record `node_seq`, which is soon.
    ///
    /// # Errors
    /// [`AuditError::Unsealed`] when something keeps the log from being sealed.
    pub async fn sealed(&self, node_seq: u64) -> Result<Sealing, AuditError> {
        let shared = self.inner.sealing.as_ref().ok_or_else(|| unsealed("it has no seal"))?;
        let mut state = shared.state.subscribe();
        let mut now = state.borrow_and_update().clone();
        shared.nudge();
        while now.size < node_seq {
            if now.is_over {
                return Err(AuditError::Closed);
            }
            // A fault that stood there before says nothing about this try.
            state.changed().await.map_err(|_| AuditError::Dead)?;
            now = state.borrow_and_update().clone();
            if let Some(fault) = now.fault.as_deref().filter(|_| now.size < node_seq) {
                return Err(unsealed(fault));
            }
        }
        Ok(now)
    }

    /// Changes the key that signs checkpoints; resolves when the record that announces it is durable. The next
    /// checkpoint is signed by both keys, and the old one is then destroyed.
    ///
    /// # Errors
    /// As [`Log::append`]; [`AuditError::Unsealed`] for a log without a seal.
    pub async fn rotate_key(&self, actor: Text) -> Result<VerifierKey, AuditError> {
        let shared = self.inner.sealing.as_ref();
        let shared = shared.ok_or_else(|| unsealed("it has no seal"))?;
        let name = shared.state.borrow().origin.clone();
        let key = SigningKey::generate(&name, &*self.inner.ambient);
        let verifier = key.verifier();
        // The sealer must look out for the record before there can be one.
        shared.rotate(key);
        self.append(Event::Key(KeyEvent { actor, ..key_event("rotate", &verifier) })).await?;
        shared.nudge();
        Ok(verifier)
    }
}

/// The record that says by which key a log begins.
pub(crate) fn announce(key: &VerifierKey, ambient: &dyn Ambient) -> Entry {
    let event = KeyEvent { actor: "gateway".into(), ..key_event("make", key) };
    Entry {
        body: Body::Event(Event::Key(event)),
        kept: Kept::default(),
        wall: ambient.wall(),
        monotonic: ambient.monotonic(),
        ack: None,
    }
}

fn key_event(action: &'static str, key: &VerifierKey) -> KeyEvent {
    KeyEvent {
        action: action.into(),
        key: key.id().into(),
        public: Some(key.to_string().into()),
        purpose: PURPOSE.into(),
        ..KeyEvent::default()
    }
}

fn unsealed(reason: &str) -> AuditError {
    AuditError::Unsealed { reason: reason.to_owned() }
}
