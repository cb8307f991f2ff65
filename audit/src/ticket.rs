//! The ticket a recorded call holds: its end is reported with it, whatever happens.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::encode::Body;
use crate::error::AuditError;
use crate::exchange::Completion;
use crate::log::Inner;
use crate::queue::Entry;
use crate::record::Reason;
use crate::text::Text;
use crate::vault::{Bodies, Kept};

/// The right and the duty to report how a call ended. Room for the report is kept, so that reporting never
/// waits and never fails for want of room. A ticket dropped without a report leaves an `abandoned` record.
#[must_use = "a call must be reported as complete"]
pub struct Ticket {
    pub(crate) inner: Arc<Inner>,
    pub(crate) record_id: Uuid,
    /// `None` once reported, and for a call that goes unrecorded.
    pub(crate) call: Option<Call>,
}

pub(crate) struct Call {
    pub intent_id: Uuid,
    pub tenant: Text,
}

impl Ticket {
    /// The call's id.
    pub fn record_id(&self) -> Uuid {
        self.record_id
    }

    /// Whether the call is recorded at all; `false` only in [`crate::Mode::Observe`].
    pub fn is_recorded(&self) -> bool {
        self.call.is_some()
    }

    /// Reports the end of the call. Never blocks; the record is durable soon afterwards.
    pub fn complete(mut self, completion: Completion) {
        self.finish(|call| call.completion(completion), Kept::default(), None);
    }

    /// [`Ticket::complete`] with the bodies of the reply. Bodies that find no room are left out, and the record says
    /// `shed`.
    pub fn complete_with(mut self, completion: Completion, bodies: Bodies) {
        let kept = self.fitting(bodies);
        self.finish(|call| call.completion(completion), kept, None);
    }

    /// Reports the end of the call; resolves when the report is durable.
    ///
    /// # Errors
    /// [`AuditError::Dead`] or [`AuditError::Closed`].
    pub async fn complete_durable(self, completion: Completion) -> Result<(), AuditError> {
        self.end_durably(completion, Kept::default()).await
    }

    /// [`Ticket::complete_durable`] with the bodies of the reply, as [`Ticket::complete_with`].
    ///
    /// # Errors
    /// As [`Ticket::complete_durable`].
    pub async fn complete_durable_with(
        self,
        completion: Completion,
        bodies: Bodies,
    ) -> Result<(), AuditError> {
        let kept = self.fitting(bodies);
        self.end_durably(completion, kept).await
    }

    async fn end_durably(mut self, completion: Completion, kept: Kept) -> Result<(), AuditError> {
        if self.call.is_none() {
            return Ok(());
        }
        let (ack, durable) = oneshot::channel();
        self.finish(|call| call.completion(completion), kept, Some(ack));
        durable.await.map_err(|_| AuditError::Dead)
    }

    /// Bodies of another call could never be opened under this one's id.
    fn fitting(&self, bodies: Bodies) -> Kept {
        let is_other = bodies.call() != self.record_id;
        let mut kept = bodies.into_kept();
        if is_other {
            kept.shed();
        }
        kept
    }

    fn finish(&mut self, body: impl FnOnce(Call) -> Body, kept: Kept, ack: Option<oneshot::Sender<()>>) {
        let Some(call) = self.call.take() else { return };
        // The queue counts what comes too late, and the dropped sender tells who waits.
        drop(self.inner.queue.finish(Entry { kept, ..self.inner.entry(body(call), ack) }));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.finish(
            |Call { intent_id, tenant }| Body::Abandoned { intent_id, tenant, reason: Reason::Dropped },
            Kept::default(),
            None,
        );
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({})", self.record_id)
    }
}

impl Call {
    fn completion(self, completion: Completion) -> Body {
        Body::Completion { intent_id: self.intent_id, tenant: self.tenant, completion }
    }
}
