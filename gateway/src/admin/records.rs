//! Records over HTTP: pages of calls by filter, and one call or record whole.

use std::time::SystemTime;

use axum::{
    Json,
    extract::{Path, RawQuery, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use serde_json::json;
use uuid::Uuid;
use weir_audit::{
    AuditError, Decision, Stamp,
    read::{self, Cursor, Filter, Found, Page},
};

use super::{App, Shared, fault::Fault, summary::Summary};

/// Calls of a page that doesn't say how many.
const DEFAULT_LIMIT: usize = 50;
/// Most calls of a page.
const MAX_LIMIT: usize = 500;

/// A page of calls, newest first.
pub(super) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let filter = filter(query.as_deref().unwrap_or_default(), SystemTime::now())?;
    let dir = app.state.audit_dir.clone();
    let page: Page = app.search(move || read::list(&dir, &filter)).await?;
    let rows: Vec<Summary> = page.calls.iter().map(Summary::of).collect();
    let next = page.next.map(|it| it.to_string());
    Ok(Json(json!({"data": rows, "next": next})).into_response())
}

/// One call with its records, or a record that belongs to no call.
pub(super) async fn show(
    State(app): State<App>,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<Response, Fault> {
    let Path(id) = path.map_err(|_| Fault::NoRecord)?;
    let dir = app.state.audit_dir.clone();
    match app.search(move || read::find(&dir, id)).await? {
        Some(Found::Call(call)) => Ok(Json(call).into_response()),
        Some(Found::Record(record)) => Ok(Json(json!({"record": record})).into_response()),
        None => Err(Fault::NoRecord),
    }
}

impl Shared {
    /// Reads files on a thread that may block, a bounded number at once.
    async fn search<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> Result<T, AuditError> + Send + 'static,
    ) -> Result<T, Fault> {
        let _turn = self.searches.acquire().await.map_err(|_| Fault::Unreadable)?;
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                tracing::error!(%error, "the audit log can't be read");
                Err(Fault::Unreadable)
            }
            Err(_) => Err(Fault::Unreadable),
        }
    }
}

/// The filter that a query string asks for.
fn filter(query: &str, now: SystemTime) -> Result<Filter, Fault> {
    let mut filter = Filter { limit: DEFAULT_LIMIT, ..Filter::default() };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.is_empty() {
            continue;
        }
        let text = || Some(value.to_string());
        match &*name {
            "since" => filter.since = Some(time("since", &value, now)?),
            "until" => filter.until = Some(time("until", &value, now)?),
            "tenant" => filter.tenant = text(),
            "app" => filter.app = text(),
            "model" => filter.model = text(),
            "upstream" => filter.upstream = text(),
            "decision" => filter.decision = Some(decision(&value)?),
            "limit" => filter.limit = limit(&value)?,
            "after" => filter.after = Some(after(&value)?),
            _ => return Err(Fault::UnknownParameter),
        }
    }
    Ok(filter)
}

fn time(parameter: &'static str, value: &str, now: SystemTime) -> Result<SystemTime, Fault> {
    let expected = "a time as 2026-11-23T06:00:00Z, a day as 2026-11-23, or an age as 2h";
    Stamp::from_words(value, now).map(Stamp::time).ok_or(Fault::Parameter { parameter, expected })
}

fn decision(value: &str) -> Result<Decision, Fault> {
    let expected = "allow, transformed, flagged or blocked";
    Decision::from_word(value).ok_or(Fault::Parameter { parameter: "decision", expected })
}

fn limit(value: &str) -> Result<usize, Fault> {
    let limit = value.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or(Fault::Parameter { parameter: "limit", expected: "a number from 1 to 500" })
}

fn after(value: &str) -> Result<Cursor, Fault> {
    value.parse().map_err(|_| Fault::Parameter { parameter: "after", expected: "the `next` of a page" })
}
