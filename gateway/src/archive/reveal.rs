//! Bodies in clear: one call's, or those among which a text is looked for. Each leaves a record first.

use serde::Serialize;
use uuid::Uuid;
use weir_audit::{
    BodyKind, Event, Record,
    event::{Reveal, Review},
    vault::{Hidden, Opened},
};
use weir_callers::AuditRole;
use weir_index::{CallRow, Query};

use super::{
    Desk, DeskError, Person, RevealRow,
    desk::{Calls, reason},
    legible,
    permission::{Permission, denied_search},
};
use crate::settings::SecondPerson;

/// Most calls whose bodies one search opens.
pub const MOST_SEARCHED: usize = 2000;

/// One body, or why it is hidden.
#[derive(Serialize)]
pub struct Shown {
    /// `request`, `sent`, `reply` or `returned`.
    pub kind: &'static str,
    /// The body as text; bytes that are not UTF-8 are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The body that it equals, and that stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<&'static str>,
    /// Why there is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<&'static str>,
}

/// What a wish to read bodies led to.
pub enum Revealed {
    /// The bodies.
    Shown(Vec<Shown>),
    /// A request, which a second person has to approve.
    Asked(RevealRow),
}

/// What a search through bodies found.
#[derive(Serialize)]
pub struct Hits {
    /// Calls in whose bodies the text stands.
    pub calls: Vec<CallRow>,
    /// How many calls were opened.
    pub searched: usize,
    /// Whether more calls match the filter than may be opened at once.
    pub is_cut: bool,
}

impl Desk {
    /// All bodies of a call; where it takes a second person, only with that person's consent, and until it ends.
    ///
    /// # Errors
    /// [`DeskError::Role`], [`DeskError::Reason`], [`DeskError::NotFound`], [`DeskError::Denied`]; nothing is shown
    /// when the log doesn't take the record.
    pub async fn reveal(&self, who: &Person, id: Uuid, why: &str) -> Result<Revealed, DeskError> {
        who.must_be(AuditRole::Reviewer)?;
        let reason = reason(why)?;
        let call = self.call(who, id).await?;
        let event = Reveal {
            actor: who.name.clone().into(),
            bodies: BodyKind::ALL.iter().map(|kind| kind.as_str().into()).collect(),
            call: Some(id),
            calls: 1,
            reason,
            tenant: call.intent.tenant.clone(),
            ..Reveal::default()
        };
        let event = match self.archive.settings.reveal.second_person {
            SecondPerson::None => event,
            SecondPerson::Required => match self.permission(event).await? {
                Permission::Given(event) => event,
                Permission::Asked(request) => return Ok(Revealed::Asked(request)),
            },
        };
        self.archive.log.append(Event::Reveal(event)).await?;
        let vault = self.archive.vault.clone();
        let shown = tokio::task::spawn_blocking(move || {
            BodyKind::ALL.into_iter().map(|kind| show(&vault, &call, kind)).collect::<Result<Vec<_>, _>>()
        });
        shown.await.map_err(|_| DeskError::Stopped)?.map(Revealed::Shown)
    }

    /// Calls that a filter matches and in whose bodies `text` stands, looked for without regard to case.
    ///
    /// # Errors
    /// As [`Desk::reveal`].
    pub async fn search(
        &self,
        who: &Person,
        (query, text): (Query, &str),
        why: &str,
    ) -> Result<Hits, DeskError> {
        who.must_be(AuditRole::Reviewer)?;
        let reason = reason(why)?;
        let wanted = text.trim().to_lowercase();
        if wanted.len() < 3 {
            return Err(DeskError::Parameter { what: "text", expected: "at least three letters" });
        }
        if self.archive.settings.reveal.second_person == SecondPerson::Required {
            return denied_search(&self.archive, who, reason).await;
        }
        let (rows, is_cut) = self.candidates(who, query).await?;
        let event = Reveal {
            actor: who.name.clone().into(),
            bodies: BodyKind::ALL.iter().map(|kind| kind.as_str().into()).collect(),
            calls: rows.len() as u64,
            reason,
            tenant: tenant_of(&rows).into(),
            ..Reveal::default()
        };
        self.archive.log.append(Event::Reveal(event)).await?;
        let searched = rows.len();
        let mut calls = Vec::new();
        for row in rows {
            let id = row.announced.record_id;
            let Ok(call) = self.call(who, id).await else { continue };
            let (vault, wanted) = (self.archive.vault.clone(), wanted.clone());
            let found = tokio::task::spawn_blocking(move || {
                BodyKind::ALL.into_iter().any(|kind| {
                    let shown = show(&vault, &call, kind).ok().and_then(|shown| shown.text);
                    shown.is_some_and(|text| legible::says(&text, &wanted))
                })
            });
            if found.await.unwrap_or(false) {
                calls.push(row);
            }
        }
        Ok(Hits { calls, searched, is_cut })
    }

    async fn candidates(&self, who: &Person, query: Query) -> Result<(Vec<CallRow>, bool), DeskError> {
        let mut query = Query { limit: 500, after: None, ..query };
        let mut rows = Vec::new();
        loop {
            let page = self.calls(who, query.clone()).await?;
            rows.extend(page.rows);
            match page.next {
                Some(_) if rows.len() >= MOST_SEARCHED => return Ok((rows, true)),
                Some(next) => query.after = Some(next),
                None => return Ok((rows, false)),
            }
        }
    }

    /// A person's judgement of a call.
    ///
    /// # Errors
    /// As [`Desk::reveal`].
    pub async fn review(&self, who: &Person, id: Uuid, (state, why): (&str, &str)) -> Result<(), DeskError> {
        const STATES: [&str; 4] = ["pending", "confirmed", "false_alarm", "closed"];
        who.must_be(AuditRole::Reviewer)?;
        let reason = reason(why)?;
        let expected = "pending, confirmed, false_alarm or closed";
        let state = STATES.into_iter().find(|known| *known == state);
        let state = state.ok_or(DeskError::Parameter { what: "state", expected })?;
        let call = self.call(who, id).await?;
        let event = Review {
            actor: who.name.clone().into(),
            call: id,
            reason,
            state: state.into(),
            tenant: call.intent.tenant.clone(),
        };
        Ok(self.archive.log.append(Event::Review(event)).await?)
    }
}

/// The tenant of all rows, or none when they are of several.
fn tenant_of(rows: &[CallRow]) -> String {
    let mut tenants = rows.iter().map(|row| &row.announced.tenant);
    let first = tenants.next().cloned().unwrap_or_default();
    if tenants.all(|tenant| *tenant == first) { first } else { String::new() }
}

fn show(vault: &weir_audit::Vault, call: &Calls, kind: BodyKind) -> Result<Shown, DeskError> {
    let record: Option<&Record> = match kind {
        BodyKind::Request | BodyKind::Sent => Some(&call.intent),
        BodyKind::Reply | BodyKind::Returned => call.end.as_ref(),
    };
    let empty = Shown { kind: kind.as_str(), text: None, same_as: None, hidden: None };
    let Some(record) = record else { return Ok(Shown { hidden: Some(Hidden::NeverKept.as_str()), ..empty }) };
    Ok(match vault.open_body(record, kind)? {
        Opened::Plain(plain) => {
            Shown { text: Some(String::from_utf8_lossy(plain.as_bytes()).into_owned()), ..empty }
        }
        Opened::Hidden(Hidden::NeverKept) if !record.shed => match twin(record, kind) {
            Some(twin) => Shown { same_as: Some(twin), ..empty },
            None => Shown { hidden: Some(Hidden::NeverKept.as_str()), ..empty },
        },
        Opened::Hidden(hidden) => Shown { hidden: Some(hidden.as_str()), ..empty },
    })
}

/// The body that is kept for another, because nothing changed on the way.
fn twin(record: &Record, kind: BodyKind) -> Option<&'static str> {
    let first = match kind {
        BodyKind::Sent => BodyKind::Request,
        BodyKind::Returned => BodyKind::Reply,
        BodyKind::Request | BodyKind::Reply => return None,
    };
    let intent = record.intent.iter().flat_map(|intent| &intent.bodies);
    let completion = record.completion.iter().flat_map(|completion| &completion.bodies);
    intent.chain(completion).any(|body| body.kind == *first.as_str()).then_some(first.as_str())
}
