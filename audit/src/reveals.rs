//! Reading that takes a second person: who asked to read which call, who agreed, and until when.
//!
//! Told from the log's `reveal` records alone. A request stands for itself: one person, one call.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::time::SystemTime;

use uuid::Uuid;

use crate::error::AuditError;
use crate::event::Reveal;
use crate::read::of_kind_since;
use crate::record::{Kind, Record};
use crate::text::{Stamp, Text};

/// All requests of a log to read bodies, as far as its records have been applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reveals {
    requests: BTreeMap<Uuid, RevealRequest>,
}

/// One request and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevealRequest {
    /// Who asked.
    pub actor: Text,
    /// Who approved or refused.
    pub approver: Option<Text>,
    /// When it was asked.
    pub asked: Stamp,
    /// The call whose bodies are to be read.
    pub call: Uuid,
    /// Why, in the words of who asked.
    pub reason: Text,
    /// How far it has come.
    pub stage: RevealStage,
    /// Tenant of the call.
    pub tenant: Text,
    /// When the request ends, or once it is approved, the permission.
    pub until: Stamp,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevealStage {
    /// Nobody has decided it.
    Asked,
    /// A second person agreed: who asked may read.
    Approved,
    /// Somebody said no.
    Refused,
}

/// Why a step is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Who asked can't be the one who approves.
    SelfApproved,
    /// Its time is over.
    Expired,
    /// It was decided before, or its id was used before.
    NotPending,
    /// No such request is known, or it is about something else.
    Unknown,
}

impl Denial {
    /// The word that the record of the attempt has as its outcome.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SelfApproved => "self_approved",
            Self::Expired => "expired",
            Self::NotPending => "not_pending",
            Self::Unknown => "unknown",
        }
    }

    fn reason(self) -> &'static str {
        match self {
            Self::SelfApproved => "it takes a second person",
            Self::Expired => "its time is over: have it asked for again",
            Self::NotPending => "it was decided before",
            Self::Unknown => "there is no such request",
        }
    }
}

impl From<Denial> for AuditError {
    fn from(denial: Denial) -> Self {
        Self::RevealRefused { reason: denial.reason() }
    }
}

impl Reveals {
    /// The requests that all lanes of the log in `dir` tell of, from a time on; some older ones may be among them.
    ///
    /// # Errors
    /// As [`crate::read::Tail::next`]; [`AuditError::Corrupt`] for a record that can't be read.
    pub fn read(dir: &Path, since: SystemTime) -> Result<Self, AuditError> {
        let lanes = of_kind_since(dir, Kind::Reveal, since)?;
        let mut lanes: Vec<_> = lanes.into_iter().map(VecDeque::from).collect();
        let mut reveals = Self::default();
        loop {
            let earliest = lanes.iter_mut().filter(|lane| !lane.is_empty());
            let earliest = earliest.min_by_key(|lane| lane.front().map(|record| record.time));
            let Some(record) = earliest.and_then(VecDeque::pop_front) else { return Ok(reveals) };
            reveals.apply(&record);
        }
    }

    /// Takes note of one record; of a mere attempt, a reading or a step that [`Reveals::check`] refuses, nothing
    /// changes.
    pub fn apply(&mut self, record: &Record) {
        let Some(reveal) = record.reveal.as_ref().filter(|it| it.outcome.is_none()) else { return };
        // The tenant is spelled in the envelope.
        let reveal = Reveal { tenant: record.tenant.clone(), ..reveal.clone() };
        if let (Some(id), Ok(request)) = (reveal.request, self.step(&reveal, record.time)) {
            self.requests.insert(id, request);
        }
    }

    /// Whether a step may be taken at a time; ask this before the step is appended to the log.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, reveal: &Reveal, now: Stamp) -> Result<(), Denial> {
        self.step(reveal, now).map(drop)
    }

    /// One request.
    pub fn get(&self, id: Uuid) -> Option<&RevealRequest> {
        self.requests.get(&id)
    }

    /// All requests.
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, &RevealRequest)> {
        self.requests.iter().map(|(id, request)| (*id, request))
    }

    /// The newest request of a person to read a call.
    pub fn newest(&self, actor: &str, call: Uuid) -> Option<(Uuid, &RevealRequest)> {
        let own = self.iter().filter(|(_, it)| it.actor == *actor && it.call == call);
        own.max_by_key(|(_, it)| it.asked)
    }

    fn step(&self, reveal: &Reveal, now: Stamp) -> Result<RevealRequest, Denial> {
        let id = reveal.request.ok_or(Denial::Unknown)?;
        let (call, until) = (reveal.call.ok_or(Denial::Unknown)?, reveal.until.ok_or(Denial::Unknown)?);
        let action = reveal.action.as_ref().map_or("", Text::as_str);
        let before = self.requests.get(&id);
        if action == "ask" {
            let asked = RevealRequest {
                actor: reveal.actor.clone(),
                approver: None,
                asked: now,
                call,
                reason: reveal.reason.clone(),
                stage: RevealStage::Asked,
                tenant: reveal.tenant.clone(),
                until,
            };
            return if before.is_some() { Err(Denial::NotPending) } else { Ok(asked) };
        }
        let before = before.filter(|it| it.call == call && it.tenant == reveal.tenant);
        let before = before.ok_or(Denial::Unknown)?;
        let stage = match action {
            "approve" => RevealStage::Approved,
            "refuse" => RevealStage::Refused,
            _ => return Err(Denial::Unknown),
        };
        if stage == RevealStage::Approved && before.actor == reveal.actor {
            return Err(Denial::SelfApproved);
        }
        if before.stage != RevealStage::Asked {
            return Err(Denial::NotPending);
        }
        if now >= before.until {
            return Err(Denial::Expired);
        }
        Ok(RevealRequest { approver: Some(reveal.actor.clone()), stage, until, ..before.clone() })
    }
}

impl RevealRequest {
    /// Whether its time is over.
    pub fn is_over(&self, now: Stamp) -> bool {
        now >= self.until
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ID: Uuid = Uuid::from_u128(1);
    const CALL: Uuid = Uuid::from_u128(7);

    fn at(minute: u64) -> Stamp {
        (SystemTime::UNIX_EPOCH + Duration::from_secs(60 * minute)).into()
    }

    fn step(action: &'static str, actor: &'static str, until: u64) -> Reveal {
        Reveal {
            action: Some(action.into()),
            actor: actor.into(),
            call: Some(CALL),
            request: Some(ID),
            tenant: "acme".into(),
            until: Some(at(until)),
            ..Reveal::default()
        }
    }

    /// Takes steps that must be allowed, one a minute.
    fn after(steps: &[Reveal]) -> Reveals {
        let mut reveals = Reveals::default();
        for (minute, reveal) in steps.iter().enumerate() {
            let request = reveals.step(reveal, at(minute as u64)).unwrap();
            reveals.requests.insert(ID, request);
        }
        reveals
    }

    #[test]
    fn a_request_is_decided_once_in_time_and_by_another_person() {
        let asked = [step("ask", "ann", 15)];
        let check = |taken: &[Reveal], next: Reveal, minute, expect: Result<(), Denial>| {
            assert_eq!(after(taken).check(&next, at(minute)), expect, "{next:?} after {}", taken.len());
        };
        check(&[], step("ask", "ann", 15), 0, Ok(()));
        check(&[], step("approve", "bob", 15), 0, Err(Denial::Unknown));
        check(&asked, step("ask", "ann", 15), 1, Err(Denial::NotPending));
        check(&asked, step("approve", "bob", 15), 14, Ok(()));
        check(&asked, step("approve", "bob", 30), 15, Err(Denial::Expired));
        check(&asked, step("approve", "ann", 15), 1, Err(Denial::SelfApproved));
        check(&asked, step("refuse", "bob", 15), 1, Ok(()));
        check(&asked, step("refuse", "ann", 15), 1, Ok(()));
        check(&asked, step("grant", "bob", 15), 1, Err(Denial::Unknown));
        check(&asked, Reveal { call: Some(ID), ..step("approve", "bob", 15) }, 1, Err(Denial::Unknown));
        check(
            &asked,
            Reveal { tenant: "other".into(), ..step("approve", "bob", 15) },
            1,
            Err(Denial::Unknown),
        );
        check(&asked, Reveal { until: None, ..step("approve", "bob", 15) }, 1, Err(Denial::Unknown));
        for decided in ["approve", "refuse"] {
            let taken = [asked[0].clone(), step(decided, "bob", 20)];
            check(&taken, step("approve", "cid", 30), 2, Err(Denial::NotPending));
            check(&taken, step("refuse", "cid", 30), 2, Err(Denial::NotPending));
        }
    }

    #[test]
    fn the_permission_is_of_who_asked_and_ends() {
        let reveals = after(&[step("ask", "ann", 15), step("approve", "bob", 16)]);
        let (id, request) = reveals.newest("ann", CALL).unwrap();
        assert_eq!(
            (id, request.stage, request.approver.as_ref().unwrap().as_str()),
            (ID, RevealStage::Approved, "bob")
        );
        assert_eq!((request.is_over(at(15)), request.is_over(at(16))), (false, true));
        assert!(reveals.newest("bob", CALL).is_none() && reveals.newest("ann", ID).is_none());
    }
}
