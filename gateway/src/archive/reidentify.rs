//! The value behind a pseudonym, shown to an authorised person. It leaves a record first.

use std::sync::Arc;

use serde::Serialize;
use weir_audit::{Event, event::Reveal};
use weir_callers::AuditRole;
use weir_pseudonyms::Found;

use super::{Desk, DeskError, Person, desk::reason, permission::denied_pseudonym};
use crate::settings::SecondPerson;

/// Most bytes of a pseudonym that is asked for.
const LONGEST: usize = 8192;

/// What stands behind a pseudonym.
#[derive(Serialize)]
pub struct Reidentified {
    /// `revealed`; `erased` (at a person's wish, or past its time), `damaged` or `unknown`.
    pub state: &'static str,
    /// Type of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The values it stood for; in nearly all cases one.
    pub values: Vec<String>,
}

impl Desk {
    /// The value behind a pseudonym, a surrogate or a ciphertext of a tenant.
    ///
    /// # Errors
    /// [`DeskError::Role`], [`DeskError::Reason`], [`DeskError::Parameter`]; [`DeskError::Denied`] where reading takes
    /// a second person, who consents to a call and not to a pseudonym. Nothing is shown when the log doesn't
    /// take the record.
    pub async fn reidentify(
        &self,
        who: &Person,
        (tenant, pseudonym): (String, &str),
        why: &str,
    ) -> Result<Reidentified, DeskError> {
        who.must_be(AuditRole::Reviewer)?;
        let reason = reason(why)?;
        if !who.sees(&tenant) {
            return Err(DeskError::Parameter { what: "tenant", expected: "one whose records you may see" });
        }
        let name = pseudonym.trim().trim_start_matches('⟦').trim_end_matches('⟧').trim().to_owned();
        if name.is_empty() || name.len() > LONGEST {
            return Err(DeskError::Parameter {
                what: "pseudonym",
                expected: "what stood in place of a value",
            });
        }
        if self.archive.settings.reveal.second_person == SecondPerson::Required {
            return denied_pseudonym(&self.archive, (who, tenant), reason).await;
        }
        // What it is isn't recorded: it may not be a pseudonym at all.
        let event = Reveal {
            actor: who.name.clone().into(),
            bodies: vec!["pseudonym".into()],
            reason,
            tenant: tenant.clone().into(),
            ..Reveal::default()
        };
        self.archive.log.append(Event::Reveal(event)).await?;
        let memory = Arc::clone(&self.archive.memory);
        if let Some((kind, value)) = memory.opened(&tenant, &name)? {
            return Ok(Reidentified { state: "revealed", kind: Some(kind), values: vec![value] });
        }
        let found = tokio::task::spawn_blocking(move || {
            let found = memory.look_up(&tenant, &name)?;
            if found.is_empty() { memory.look_up(&tenant, &name.to_ascii_uppercase()) } else { Ok(found) }
        });
        Ok(revealed(found.await.map_err(|_| DeskError::Stopped)??))
    }
}

fn revealed(found: Vec<Found>) -> Reidentified {
    let mut kind = None;
    let mut values: Vec<String> = Vec::new();
    let (mut is_gone, mut is_damaged) = (false, false);
    for found in found {
        match found {
            Found::Value(kept) => {
                kind = Some(kept.kind);
                if !values.contains(&kept.value) {
                    values.push(kept.value);
                }
            }
            Found::Gone => is_gone = true,
            Found::Damaged => is_damaged = true,
        }
    }
    let state = match (values.is_empty(), is_gone, is_damaged) {
        (false, ..) => "revealed",
        (true, true, _) => "erased",
        (true, false, true) => "damaged",
        (true, false, false) => "unknown",
    };
    Reidentified { state, kind, values }
}
