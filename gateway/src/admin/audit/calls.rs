//! Reading: pages of calls and of other records, sums, one call, the checkpoint, completeness.

use std::time::SystemTime;

use axum::{
    Extension, Json,
    extract::{Path, RawQuery, State, rejection::PathRejection},
};
use serde_json::{Value, json};
use uuid::Uuid;
use weir_audit::proof::Sealing;
use weir_callers::AuditRole;

use super::{super::App, Refused};
use crate::archive::{DeskError, Person, filter};

pub(super) async fn list(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refused> {
    let query = filter::calls(query.as_deref().unwrap_or_default(), SystemTime::now())?;
    let page = app.state.desk.calls(&who, query).await?;
    Ok(Json(json!({"data": page.rows, "next": page.next})))
}

pub(super) async fn totals(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refused> {
    let query = filter::calls(query.as_deref().unwrap_or_default(), SystemTime::now())?;
    let totals = app.state.desk.totals(&who, query).await?;
    Ok(Json(json!({"groups": totals.groups, "all": totals.all()})))
}

pub(super) async fn events(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refused> {
    let query = filter::events(query.as_deref().unwrap_or_default(), SystemTime::now())?;
    let page = app.state.desk.events(&who, query).await?;
    Ok(Json(json!({"data": page.rows, "next": page.next})))
}

pub(super) async fn show(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    path: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<Value>, Refused> {
    let Path(id) = path.map_err(|_| DeskError::NotFound)?;
    let call = app.state.desk.call(&who, id).await?;
    Ok(Json(json!({"call": call.row, "intent": call.intent, "end": call.end})))
}

pub(super) async fn checkpoint(
    State(app): State<App>,
    Extension(who): Extension<Person>,
) -> Result<Json<Value>, Refused> {
    who.must_be(AuditRole::Auditor)?;
    let (note, sealing) = app.state.desk.checkpoint()?;
    Ok(Json(json!({"note": note, "sealing": sealing.as_ref().map(state)})))
}

/// How the log is sealed, for people and metrics.
pub(super) fn state(sealing: &Sealing) -> Value {
    json!({
        "origin": sealing.origin,
        "size": sealing.size,
        "anchor": format!("{:?}", sealing.anchor),
        "fault": sealing.fault,
    })
}

pub(super) async fn completeness(
    State(app): State<App>,
    Extension(who): Extension<Person>,
) -> Result<Json<Value>, Refused> {
    who.must_be(AuditRole::Auditor)?;
    let lanes = app.state.desk.completeness().await?;
    let complete = lanes.iter().all(weir_index::Completeness::is_complete);
    Ok(Json(json!({"complete": complete, "lanes": lanes})))
}
