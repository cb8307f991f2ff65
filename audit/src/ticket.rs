//! The duty to report how a call ended.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::encode::Body;
use crate::error::AuditError;
use crate::exchange::Completion;
use crate::log::Inner;
use crate::record::Reason;
use crate::text::Text;

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

    /// Whether the call is recorded at all; `false` only in [`Mode::Observe`](crate::Mode::Observe).
    pub fn is_recorded(&self) -> bool {
        self.call.is_some()
    }

    /// Reports the end of the call. Never blocks; the record is durable soon afterwards.
    pub fn complete(mut self, completion: Completion) {
        self.finish(|call| call.completion(completion), None);
    }

    /// Reports the end of the call; resolves when the report is durable.
    ///
    /// # Errors
    /// [`AuditError::Dead`] or [`AuditError::Closed`].
    pub async fn complete_durable(mut self, completion: Completion) -> Result<(), AuditError> {
        if self.call.is_none() {
            return Ok(());
        }
        let (ack, durable) = oneshot::channel();
        self.finish(|call| call.completion(completion), Some(ack));
        durable.await.map_err(|_| AuditError::Dead)
    }

    fn finish(&mut self, body: impl FnOnce(Call) -> Body, ack: Option<oneshot::Sender<()>>) {
        let Some(call) = self.call.take() else { return };
        // The queue counts what comes too late, and the dropped sender tells who waits.
        drop(self.inner.queue.finish(self.inner.entry(body(call), ack)));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.finish(
            |Call { intent_id, tenant }| Body::Abandoned { intent_id, tenant, reason: Reason::Dropped },
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
