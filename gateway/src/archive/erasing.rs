//! Erasing a person, and the legal holds that forbid it.

use serde::Serialize;
use uuid::Uuid;
use weir_audit::{
    Event, Holds, Stage,
    event::Hold,
    vault::{Erase, Whom},
};
use weir_callers::AuditRole;

use super::{Desk, DeskError, Person, desk::reason};

/// Who is meant: by the name that callers use, or by the reference that records have.
#[derive(Clone, Debug)]
pub enum Subject {
    /// As callers name it.
    Name(String),
    /// As records refer to it.
    Reference(String),
}

/// A hold, for people.
#[derive(Serialize)]
pub struct HoldRow {
    /// Its id.
    pub hold: Uuid,
    /// `asked`, `placed`, `lift_asked` or `lifted`.
    pub stage: &'static str,
    /// Whether it stops erasure and pruning.
    pub in_force: bool,
    /// Tenant it covers; empty for all.
    pub tenant: String,
    /// Subject it covers.
    pub subject_ref: Option<String>,
    /// Who acted last.
    pub actor: String,
    /// The last reason given.
    pub reason: String,
}

impl Desk {
    /// Makes a person's bodies, and the values behind its pseudonyms, unreadable for good; how many there were.
    ///
    /// # Errors
    /// [`DeskError::Role`], [`DeskError::Reason`]; [`DeskError::Audit`] with the hold that forbids it.
    pub async fn erase(
        &self,
        who: &Person,
        (tenant, subject): (String, Subject),
        why: &str,
    ) -> Result<u64, DeskError> {
        who.must_be(AuditRole::Admin)?;
        let (reason, actor) = (reason(why)?, who.name.clone().into());
        let _turn = self.archive.turn.lock().await;
        let holds = self.read_holds().await?;
        let (vault, memory) = (self.archive.vault.clone(), self.archive.memory.clone());
        let erased = tokio::task::spawn_blocking(move || {
            // What waits to be written would be sealed by a new key of the person's otherwise, and stay.
            memory.flush()?;
            let whom = match &subject {
                Subject::Name(name) => Whom::Subject(name),
                Subject::Reference(reference) => Whom::Reference(reference),
            };
            let receipt = vault.erase(&Erase { tenant: &tenant, whom, actor, reason }, &holds)?;
            let named = match &subject {
                Subject::Name(name) => Some((tenant.as_str(), name.as_str())),
                Subject::Reference(_) => None,
            };
            memory.forget(receipt.erasure.subject_ref.as_str(), named)?;
            Ok::<_, DeskError>(receipt)
        });
        let receipt = erased.await.map_err(|_| DeskError::Stopped)??;
        let bodies = receipt.erasure.bodies;
        self.archive.log.append(Event::Erasure(receipt.erasure.clone())).await?;
        self.archive.vault.confirm(receipt)?;
        Ok(bodies)
    }

    /// All holds, lifted ones too.
    ///
    /// # Errors
    /// [`DeskError::Role`], and what the log says.
    pub async fn holds(&self, who: &Person) -> Result<Vec<HoldRow>, DeskError> {
        who.must_be(AuditRole::Auditor)?;
        let holds = self.read_holds().await?;
        let rows = holds.iter().map(|(hold, standing)| HoldRow {
            hold,
            stage: match standing.stage {
                Stage::Asked => "asked",
                Stage::Placed => "placed",
                Stage::LiftAsked => "lift_asked",
                Stage::Lifted => "lifted",
            },
            in_force: standing.is_in_force(),
            tenant: standing.tenant.as_str().to_owned(),
            subject_ref: standing.subject_ref.as_ref().map(ToString::to_string),
            actor: standing.actor.as_str().to_owned(),
            reason: standing.reason.as_str().to_owned(),
        });
        Ok(rows.filter(|row| who.sees(&row.tenant)).collect())
    }

    /// Asks for a hold over a tenant, or over one of its subjects; the hold's id. A second person places it.
    ///
    /// # Errors
    /// [`DeskError::Role`], [`DeskError::Reason`], [`DeskError::Audit`].
    pub async fn ask_hold(
        &self,
        who: &Person,
        (tenant, subject): (String, Option<Subject>),
        why: &str,
    ) -> Result<Uuid, DeskError> {
        let subject_ref = match subject {
            None => None,
            Some(Subject::Reference(reference)) => Some(reference.into()),
            Some(Subject::Name(name)) => {
                let known = self.archive.vault.known_ref(&tenant, &name)?;
                Some(known.ok_or(weir_audit::AuditError::NoSubject)?)
            }
        };
        let hold = Uuid::now_v7();
        let step = Hold { action: "ask".into(), hold, subject_ref, tenant: tenant.into(), ..Hold::default() };
        self.step(who, step, why).await?;
        Ok(hold)
    }

    /// The next step of a hold: `place`, `ask-lift` or `lift`.
    ///
    /// # Errors
    /// As [`Desk::ask_hold`]; [`DeskError::NotFound`].
    pub async fn step_hold(
        &self,
        who: &Person,
        (hold, action): (Uuid, &'static str),
        why: &str,
    ) -> Result<(), DeskError> {
        let holds = self.read_holds().await?;
        let standing = holds.get(hold).ok_or(DeskError::NotFound)?;
        let step = Hold {
            action: action.into(),
            hold,
            subject_ref: standing.subject_ref.clone(),
            tenant: standing.tenant.clone(),
            ..Hold::default()
        };
        self.step(who, step, why).await
    }

    async fn step(&self, who: &Person, step: Hold, why: &str) -> Result<(), DeskError> {
        who.must_be(AuditRole::Admin)?;
        let step = Hold { actor: who.name.clone().into(), reason: reason(why)?, ..step };
        let _turn = self.archive.turn.lock().await;
        self.read_holds().await?.check(&step)?;
        Ok(self.archive.log.append(Event::Hold(step)).await?)
    }

    /// Signs with a new key from now on.
    ///
    /// # Errors
    /// [`DeskError::Role`], [`DeskError::Audit`].
    pub async fn rotate_key(&self, who: &Person) -> Result<String, DeskError> {
        who.must_be(AuditRole::Admin)?;
        let key = self.archive.log.rotate_key(who.name.clone().into()).await?;
        Ok(key.to_string())
    }

    async fn read_holds(&self) -> Result<Holds, DeskError> {
        let dir = self.archive.settings.dir.clone();
        let read = tokio::task::spawn_blocking(move || Holds::read(&dir));
        Ok(read.await.map_err(|_| DeskError::Stopped)??)
    }
}
