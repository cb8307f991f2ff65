//! The desk at which people work with the audit log: find, show, and what every act needs to know.

use std::{path::PathBuf, sync::Arc};

use uuid::Uuid;
use weir_audit::{Record, Text, proof::Sealing, read::Tail};
use weir_callers::AuditRole;
use weir_index::{CallPage, CallRow, Completeness, EventPage, EventQuery, Index, Query, Scope, Totals};

use super::{Archive, DeskError};

/// The tenant of a key that may see every tenant's records.
pub(super) const ALL_TENANTS: &str = "*";
/// Least and most bytes of a reason.
const REASON: std::ops::RangeInclusive<usize> = 8..=128;

/// Who works at the desk.
#[derive(Clone, Debug)]
pub struct Person {
    /// Public id of the key, or the random reference of a token's subject.
    pub name: String,
    /// What the person may do.
    pub role: AuditRole,
    /// The tenant whose records the person may see; `*` for all.
    pub tenant: String,
}

impl Person {
    /// Whose records the person may see.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match self.role {
            AuditRole::None => Scope::None,
            AuditRole::Admin => Scope::All,
            _ if self.tenant == ALL_TENANTS => Scope::All,
            AuditRole::Auditor | AuditRole::Reviewer => Scope::Tenant(self.tenant.clone()),
        }
    }

    /// Whether the person has a role, or one that includes it.
    ///
    /// # Errors
    /// [`DeskError::Role`].
    pub fn must_be(&self, role: AuditRole) -> Result<(), DeskError> {
        if self.role >= role { Ok(()) } else { Err(DeskError::Role { role }) }
    }

    /// Whether records of a tenant are the person's to see.
    #[must_use]
    pub fn sees(&self, tenant: &str) -> bool {
        match self.scope() {
            Scope::None => false,
            Scope::All => true,
            Scope::Tenant(own) => own == tenant,
        }
    }
}

/// A reason that a person gives; it stands in the log for good.
///
/// # Errors
/// [`DeskError::Reason`] for one that is too short to say anything, or too long to be kept whole.
pub fn reason(text: &str) -> Result<Text, DeskError> {
    let text = text.trim();
    if REASON.contains(&text.len()) { Ok(text.to_owned().into()) } else { Err(DeskError::Reason) }
}

/// The desk. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    pub(super) archive: Arc<Archive>,
    pub(super) index: Index,
}

/// A call as the log has it: both its records, whole.
#[derive(Debug)]
pub struct Calls {
    /// What the index says of it.
    pub row: CallRow,
    /// The intent.
    pub intent: Record,
    /// The completion or the abandoned record, once there is one.
    pub end: Option<Record>,
}

impl Desk {
    /// A desk over an archive and its index.
    #[must_use]
    pub fn new(archive: Arc<Archive>, index: Index) -> Self {
        Self { archive, index }
    }

    /// A page of the calls that the person may see.
    ///
    /// # Errors
    /// [`DeskError::Role`], and what the index says.
    pub async fn calls(&self, who: &Person, query: Query) -> Result<CallPage, DeskError> {
        who.must_be(AuditRole::Auditor)?;
        Ok(self.index.calls(&Query { scope: who.scope(), ..query }).await?)
    }

    /// Counts and sums of those calls.
    ///
    /// # Errors
    /// As [`Desk::calls`].
    pub async fn totals(&self, who: &Person, query: Query) -> Result<Totals, DeskError> {
        who.must_be(AuditRole::Auditor)?;
        Ok(self.index.totals(&Query { scope: who.scope(), ..query }).await?)
    }

    /// A page of the records that belong to no call.
    ///
    /// # Errors
    /// As [`Desk::calls`].
    pub async fn events(&self, who: &Person, query: EventQuery) -> Result<EventPage, DeskError> {
        who.must_be(AuditRole::Auditor)?;
        Ok(self.index.events(&EventQuery { scope: who.scope(), ..query }).await?)
    }

    /// One call with its records.
    ///
    /// # Errors
    /// [`DeskError::NotFound`] also for a call of another tenant; otherwise as [`Desk::calls`].
    pub async fn call(&self, who: &Person, id: Uuid) -> Result<Calls, DeskError> {
        who.must_be(AuditRole::Auditor)?;
        let row = self.index.call(who.scope(), id).await?.ok_or(DeskError::NotFound)?;
        let lane = row.announced.lane;
        let (intent_seq, end_seq) = (row.announced.intent_seq, row.end.end_seq);
        let dir = self.lane_dir(lane);
        let records = tokio::task::spawn_blocking(move || {
            let intent = record_at(&dir, intent_seq)?;
            let end = end_seq.map(|seq| record_at(&dir, seq)).transpose()?.flatten();
            Ok::<_, DeskError>((intent, end))
        });
        let (intent, end) = records.await.map_err(|_| DeskError::Stopped)??;
        let intent = intent.filter(|record| record.record_id == id).ok_or(DeskError::NotFound)?;
        Ok(Calls { row, intent, end })
    }

    /// The newest checkpoint, a signed note, and how sealing stands.
    ///
    /// # Errors
    /// None today; an anchor that is asked for it will have some.
    pub fn checkpoint(&self) -> Result<(Option<String>, Option<Sealing>), DeskError> {
        let sealing = self.archive.log.sealing();
        let signed = sealing.as_ref().and_then(|it| it.checkpoint.as_ref());
        let note = signed.map(|signed| String::from_utf8_lossy(signed.as_bytes()).into_owned());
        Ok((note, sealing))
    }

    /// For each lane, whether every call is where it must be.
    ///
    /// # Errors
    /// What the index says.
    pub async fn completeness(&self) -> Result<Vec<Completeness>, DeskError> {
        Ok(self.index.completeness().await?)
    }

    /// As [`Archive::note_refused`].
    pub async fn note_refused(&self, who: &Person, asked: String) {
        self.archive.note_refused(who, asked).await;
    }

    fn lane_dir(&self, lane: i64) -> PathBuf {
        let dir = &self.archive.settings.dir;
        if lane == 0 { dir.clone() } else { dir.join(format!("lane-{lane}")) }
    }
}

/// The record at a position of a lane; none when retention has taken it.
fn record_at(dir: &std::path::Path, seq: i64) -> Result<Option<Record>, DeskError> {
    let seq = u64::try_from(seq).unwrap_or(0);
    let mut tail = Tail::open(dir, seq.saturating_sub(1));
    let line = tail.next(1, u64::MAX)?.into_iter().find(|line| line.seq == seq);
    let record = line.map(|line| Record::parse(&line.json)).transpose();
    record.map_err(|_| DeskError::Unreadable)
}
