//! Reading with the consent of a second person: ask, approve or refuse, and the permission that follows and ends.
//!
//! All of it is told from the log's `reveal` records. A request is of one person, for one call; what was tried and
//! not allowed leaves a record too.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use uuid::Uuid;
use weir_audit::{Event, RevealRequest, RevealStage, Reveals, Stamp, Text, event::Reveal};
use weir_callers::AuditRole;
use weir_index::Scope;

use super::{Archive, Desk, DeskError, Person, desk::reason};

/// How much longer than their time requests are looked back for: an attempt with one that ended is still told.
const LOOK_BACK: u32 = 4;

/// What a second person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Who asked may read.
    Approve,
    /// Who asked may not.
    Refuse,
}

/// A request to read a call's bodies, for people.
#[derive(Serialize)]
pub struct RevealRow {
    /// Its id.
    pub reveal: Uuid,
    /// The call.
    pub call: Uuid,
    /// Tenant of the call.
    pub tenant: String,
    /// Who asked.
    pub actor: String,
    /// Why, in the words of who asked.
    pub reason: String,
    /// `asked`, `approved`, `refused`, or `expired` once its time is over.
    pub stage: &'static str,
    /// Who approved or refused.
    pub approver: Option<String>,
    /// When the request or the permission ends.
    pub until: Stamp,
}

/// Whether bodies may be read now.
pub(super) enum Permission {
    /// They may: the record of the reading, completed.
    Given(Reveal),
    /// Not yet.
    Asked(RevealRow),
}

impl Desk {
    /// Requests to read bodies, as far back as they may still count.
    ///
    /// # Errors
    /// [`DeskError::Role`], and what the log says.
    pub async fn reveals(&self, who: &Person) -> Result<Vec<RevealRow>, DeskError> {
        who.must_be(AuditRole::Reviewer)?;
        let now = Stamp::from(SystemTime::now());
        let reveals = self.read_reveals(now).await?;
        let seen = reveals.iter().filter(|(_, request)| who.sees(request.tenant.as_str()));
        Ok(seen.map(|(id, request)| row(id, request, now)).collect())
    }

    /// Approves or refuses a request; who asked can't approve it.
    ///
    /// # Errors
    /// [`DeskError::Role`], [`DeskError::Reason`], [`DeskError::NotFound`], [`DeskError::Audit`].
    pub async fn decide_reveal(
        &self,
        who: &Person,
        (id, verdict): (Uuid, Verdict),
        why: &str,
    ) -> Result<RevealRow, DeskError> {
        who.must_be(AuditRole::Reviewer)?;
        let reason = reason(why)?;
        let _turn = self.archive.turn.lock().await;
        let now = SystemTime::now();
        let reveals = self.read_reveals(now.into()).await?;
        let request = reveals.get(id).filter(|request| who.sees(request.tenant.as_str()));
        let request = request.ok_or(DeskError::NotFound)?;
        let (action, stage, until) = match verdict {
            Verdict::Approve => ("approve", RevealStage::Approved, self.end(now)),
            Verdict::Refuse => ("refuse", RevealStage::Refused, request.until),
        };
        let step = Reveal {
            action: Some(action.into()),
            actor: who.name.clone().into(),
            call: Some(request.call),
            reason,
            request: Some(id),
            tenant: request.tenant.clone(),
            until: Some(until),
            ..Reveal::default()
        };
        if let Err(denial) = reveals.check(&step, now.into()) {
            self.record_attempt(step, denial.as_str()).await?;
            return Err(weir_audit::AuditError::from(denial).into());
        }
        let approver = Some(step.actor.clone());
        self.archive.log.append(Event::Reveal(step)).await?;
        Ok(row(id, &RevealRequest { stage, approver, until, ..request.clone() }, now.into()))
    }

    /// The permission for a reading, as its record would tell of it; asks for one where there is none.
    pub(super) async fn permission(&self, reading: Reveal) -> Result<Permission, DeskError> {
        let _turn = self.archive.turn.lock().await;
        let now = SystemTime::now();
        let reveals = self.read_reveals(now.into()).await?;
        let Some(call) = reading.call else { return Err(DeskError::NotFound) };
        let newest = reveals.newest(reading.actor.as_str(), call);
        match newest.map(|(id, request)| (id, request, request.stage, request.is_over(now.into()))) {
            Some((id, request, RevealStage::Approved, false)) => {
                let (approver, until) = (request.approver.clone(), Some(request.until));
                return Ok(Permission::Given(Reveal { approver, request: Some(id), until, ..reading }));
            }
            Some((id, request, RevealStage::Asked, false)) => {
                return Ok(Permission::Asked(row(id, request, now.into())));
            }
            Some((id, _, RevealStage::Refused, false)) => {
                self.record_attempt(Reveal { request: Some(id), ..reading }, "refused").await?;
                return Err(DeskError::Denied { reason: "a second person refused it" });
            }
            Some((id, _, RevealStage::Approved, true)) => {
                self.record_attempt(Reveal { request: Some(id), ..reading.clone() }, "expired").await?;
            }
            Some((_, _, RevealStage::Asked | RevealStage::Refused, true)) | None => {}
        }
        self.ask_reveal((reading, call), now).await.map(Permission::Asked)
    }

    async fn ask_reveal(
        &self,
        (reading, call): (Reveal, Uuid),
        now: SystemTime,
    ) -> Result<RevealRow, DeskError> {
        let (id, until) = (Uuid::now_v7(), self.end(now));
        let request = RevealRequest {
            actor: reading.actor.clone(),
            approver: None,
            asked: now.into(),
            call,
            reason: reading.reason.clone(),
            stage: RevealStage::Asked,
            tenant: reading.tenant.clone(),
            until,
        };
        let (action, request_id) = (Some("ask".into()), Some(id));
        let ask = Reveal { action, request: request_id, until: Some(until), calls: 0, ..reading };
        self.archive.log.append(Event::Reveal(ask)).await?;
        Ok(row(id, &request, now.into()))
    }

    /// Records what was tried and not allowed: nothing was shown.
    async fn record_attempt(&self, attempt: Reveal, outcome: &'static str) -> Result<(), DeskError> {
        let attempt = Reveal { calls: 0, outcome: Some(outcome.into()), until: None, ..attempt };
        Ok(self.archive.log.append(Event::Reveal(attempt)).await?)
    }

    async fn read_reveals(&self, now: Stamp) -> Result<Reveals, DeskError> {
        let dir = self.archive.settings.dir.clone();
        let back: Duration = self.archive.settings.reveal.expires.saturating_mul(LOOK_BACK);
        let since = now.time().checked_sub(back).unwrap_or(SystemTime::UNIX_EPOCH);
        let read = tokio::task::spawn_blocking(move || Reveals::read(&dir, since));
        Ok(read.await.map_err(|_| DeskError::Stopped)??)
    }

    fn end(&self, now: SystemTime) -> Stamp {
        now.checked_add(self.archive.settings.reveal.expires).unwrap_or(now).into()
    }
}

/// A search opens bodies of many calls, whose consent nobody can give one by one. Refused, and recorded.
pub(super) async fn denied_search<T>(archive: &Archive, who: &Person, reason: Text) -> Result<T, DeskError> {
    let attempt = Reveal {
        actor: who.name.clone().into(),
        outcome: Some("second_person".into()),
        reason,
        tenant: if let Scope::Tenant(tenant) = who.scope() { tenant.into() } else { Text::default() },
        ..Reveal::default()
    };
    archive.log.append(Event::Reveal(attempt)).await?;
    Err(DeskError::Denied {
        reason: "reading takes a second person here, for each call: find calls by their records instead",
    })
}

/// A pseudonym is of no one call whose consent could be asked for. Refused, and recorded.
pub(super) async fn denied_pseudonym<T>(
    archive: &Archive,
    (who, tenant): (&Person, String),
    reason: Text,
) -> Result<T, DeskError> {
    let attempt = Reveal {
        actor: who.name.clone().into(),
        bodies: vec!["pseudonym".into()],
        outcome: Some("second_person".into()),
        reason,
        tenant: tenant.into(),
        ..Reveal::default()
    };
    archive.log.append(Event::Reveal(attempt)).await?;
    Err(DeskError::Denied {
        reason: "reading takes a second person here, for each call: show the call that the pseudonym is from",
    })
}

fn row(id: Uuid, request: &RevealRequest, now: Stamp) -> RevealRow {
    let stage = match request.stage {
        RevealStage::Refused => "refused",
        _ if request.is_over(now) => "expired",
        RevealStage::Asked => "asked",
        RevealStage::Approved => "approved",
    };
    RevealRow {
        reveal: id,
        call: request.call,
        tenant: request.tenant.to_string(),
        actor: request.actor.to_string(),
        reason: request.reason.to_string(),
        stage,
        approver: request.approver.as_ref().map(ToString::to_string),
        until: request.until,
    }
}
