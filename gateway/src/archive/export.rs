//! Taking calls out: an evidence bundle, or one file in a form that other tools read.

use std::{collections::HashSet, path::Path, time::SystemTime};

use sha2::{Digest, Sha256};
use weir_audit::{
    Event, Stamp,
    bundle::{self, Selection},
    event::Export,
    export::{Totals, csv, html, ocsf, otel},
    read::{Call, Ending},
};
use weir_callers::AuditRole;
use weir_index::Query;

use super::{Desk, DeskError, Person, desk::reason};

/// Most calls of one export.
const MOST: usize = 100_000;

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A folder that a stranger can check: records, proofs, keys, summary, format.
    Bundle,
    /// Comma-separated values.
    Csv,
    /// OCSF events, one JSON object a line.
    Ocsf,
    /// One OTLP/JSON request.
    Otel,
    /// A readable summary.
    Html,
}

impl Form {
    /// All forms with their names.
    pub const ALL: [(&'static str, Self); 5] = [
        ("bundle", Self::Bundle),
        ("csv", Self::Csv),
        ("ocsf", Self::Ocsf),
        ("otel", Self::Otel),
        ("html", Self::Html),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, form)| *form == self).map_or("", |(name, _)| name)
    }
}

impl Desk {
    /// Takes the calls out that a query matches: one file, or a bundle, which is written into `folder`. The export is recorded before anything leaves.
    ///
    /// # Errors
    /// [`DeskError::Role`], [`DeskError::Reason`]; what index and log say; [`DeskError::Parameter`] when too many
    /// calls match, or a bundle has no folder.
    pub async fn export(
        &self,
        who: &Person,
        (query, form, why): (Query, Form, &str),
        folder: Option<&Path>,
    ) -> Result<Option<String>, DeskError> {
        who.must_be(AuditRole::Auditor)?;
        let reason = reason(why)?;
        let calls = self.collect(who, &query).await?;
        let event = Export {
            actor: who.name.clone().into(),
            calls: calls.len() as u64,
            filter: fingerprint(&query).into(),
            format: form.name().into(),
            reason,
            tenant: query.tenant.clone().unwrap_or_default().into(),
        };
        self.archive.log.append(Event::Export(event)).await?;
        let taken = |text| Ok(Some(text));
        match form {
            Form::Csv => taken(table(&calls)),
            Form::Ocsf => taken(calls.iter().map(|call| format!("{}\n", ocsf::call(call))).collect()),
            Form::Otel => {
                let records: Vec<_> = calls.iter().map(otel::call).collect();
                let node = calls.first().map_or("", |call| call.intent.node_id.as_str());
                taken(otel::request(node, &records).to_string())
            }
            Form::Html => taken(self.summary(&query, &calls)),
            Form::Bundle => {
                let expected = "a new folder for the bundle";
                let folder = folder.ok_or(DeskError::Parameter { what: "output", expected })?;
                self.bundle(&query, &calls, folder).await?;
                Ok(None)
            }
        }
    }

    async fn bundle(&self, query: &Query, calls: &[Call], folder: &Path) -> Result<(), DeskError> {
        // The newest records must be under a checkpoint to be proven.
        self.archive.log.sealed(self.archive.log.durable_seq()).await?;
        let ids: HashSet<_> = calls.iter().map(|call| call.id()).collect();
        let (dir, folder) = (self.archive.settings.dir.clone(), folder.to_owned());
        let (rows, page) = (table(calls), self.summary(query, calls));
        let written = tokio::task::spawn_blocking(move || {
            let mut bundle = bundle::write(&dir, &Selection::Ids(ids), &folder)?;
            bundle.add_file("calls.csv", rows.as_bytes())?;
            bundle.add_file("summary.html", page.as_bytes())?;
            bundle.finish().map(drop)
        });
        Ok(written.await.map_err(|_| DeskError::Stopped)??)
    }

    fn summary(&self, query: &Query, calls: &[Call]) -> String {
        let mut totals = Totals::default();
        calls.iter().for_each(|call| totals.add(call));
        let path = self.archive.settings.dir.join("tree/checkpoint");
        let checkpoint = std::fs::read_to_string(path).ok();
        html::render(&html::Summary {
            title: "Calls from the audit log",
            made: Stamp::from(SystemTime::now()),
            filter: &spelled(query),
            totals: &totals,
            calls,
            checkpoint: checkpoint.as_deref(),
        })
    }

    async fn collect(&self, who: &Person, query: &Query) -> Result<Vec<Call>, DeskError> {
        let mut query = Query { limit: 500, after: None, ..query.clone() };
        let mut calls = Vec::new();
        loop {
            let page = self.calls(who, query.clone()).await?;
            for row in page.rows {
                let call = match self.call(who, row.announced.record_id).await {
                    Ok(call) => call,
                    // Retention took it while the index still had it.
                    Err(DeskError::NotFound) => continue,
                    Err(error) => return Err(error),
                };
                let ending = call.end.map_or(Ending::Open, |end| Ending::Ended(Box::new(end)));
                calls.push(Call { intent: call.intent, ending });
            }
            if calls.len() > MOST {
                let expected = "narrower: it matches more than 100,000 calls";
                return Err(DeskError::Parameter { what: "the filter", expected });
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(calls),
            }
        }
    }
}

fn table(calls: &[Call]) -> String {
    std::iter::once(csv::header()).chain(calls.iter().map(csv::row)).collect()
}

/// The filter in words, without what is not set.
fn spelled(query: &Query) -> Vec<(String, String)> {
    let Ok(serde_json::Value::Object(parts)) = serde_json::to_value(query) else { return Vec::new() };
    let set = parts.into_iter().filter(|(name, value)| !value.is_null() && name != "scope");
    let text = |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    set.map(|(name, value)| (name, text(value))).collect()
}

fn fingerprint(query: &Query) -> String {
    use base64::Engine as _;
    let spelled = serde_json::to_vec(query).unwrap_or_default();
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Sha256::digest(spelled))
}
