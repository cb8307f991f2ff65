//! Acts that leave a record: search, review, hold, erase, rotate, prune.

use std::time::SystemTime;

use axum::{
    Extension, Json,
    extract::{
        Path, RawQuery, State,
        rejection::{JsonRejection, PathRejection},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{super::App, Refused};
use crate::archive::{DeskError, Person, Whom, filter};

/// The id in a path; one that is none names nothing.
pub(super) type PathId = Result<Path<Uuid>, PathRejection>;
pub(super) type Body<T> = Result<Json<T>, JsonRejection>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Judgement {
    state: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    text: String,
    reason: String,
}

/// Whom an act is about: `subject` as callers name it, or `subject_ref` as records have it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct About {
    tenant: String,
    subject: Option<String>,
    subject_ref: Option<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    action: String,
    reason: String,
}

pub(super) async fn review(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    path: PathId,
    body: Body<Judgement>,
) -> Result<Json<Value>, Refused> {
    let Path(id) = path.map_err(|_| DeskError::NotFound)?;
    let judged = read(body, "a JSON object with `state` and `reason`")?;
    app.state.desk.review(&who, id, (&judged.state, &judged.reason)).await?;
    Ok(Json(json!({"call": id, "state": judged.state})))
}

pub(super) async fn search(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    RawQuery(query): RawQuery,
    body: Body<Search>,
) -> Result<Json<Value>, Refused> {
    let wanted = read(body, "a JSON object with `text` and `reason`")?;
    let query = filter::calls(query.as_deref().unwrap_or_default(), SystemTime::now())?;
    let hits = app.state.desk.search(&who, (query, &wanted.text), &wanted.reason).await?;
    Ok(Json(json!({"data": hits.calls, "searched": hits.searched, "cut": hits.is_cut})))
}

pub(super) async fn holds(
    State(app): State<App>,
    Extension(who): Extension<Person>,
) -> Result<Json<Value>, Refused> {
    Ok(Json(json!({"data": app.state.desk.holds(&who).await?})))
}

pub(super) async fn ask_hold(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    body: Body<About>,
) -> Result<Json<Value>, Refused> {
    let about =
        read(body, "a JSON object with `tenant`, `reason` and, for one person, `subject` or `subject_ref`")?;
    let (tenant, reason) = (about.tenant.clone(), about.reason.clone());
    let hold = app.state.desk.ask_hold(&who, (tenant, about.whom()?), &reason).await?;
    Ok(Json(json!({"hold": hold, "stage": "asked"})))
}

pub(super) async fn step_hold(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    path: PathId,
    body: Body<Step>,
) -> Result<Json<Value>, Refused> {
    const ACTIONS: [&str; 3] = ["place", "ask-lift", "lift"];
    let Path(id) = path.map_err(|_| DeskError::NotFound)?;
    let step = read(body, "a JSON object with `action` and `reason`")?;
    let action = ACTIONS.into_iter().find(|known| *known == step.action);
    let expected = "place, ask-lift or lift";
    let action = action.ok_or(DeskError::Parameter { what: "action", expected })?;
    app.state.desk.step_hold(&who, (id, action), &step.reason).await?;
    Ok(Json(json!({"hold": id, "action": action})))
}

pub(super) async fn erase(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    body: Body<About>,
) -> Result<Json<Value>, Refused> {
    let about = read(body, "a JSON object with `tenant`, `reason` and `subject` or `subject_ref`")?;
    let (tenant, reason) = (about.tenant.clone(), about.reason.clone());
    let expected = "given, or `subject_ref`";
    let whom = about.whom()?.ok_or(DeskError::Parameter { what: "subject", expected })?;
    let bodies = app.state.desk.erase(&who, (tenant, whom), &reason).await?;
    Ok(Json(json!({"bodies": bodies})))
}

pub(super) async fn repeat_erasures(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    body: Body<Why>,
) -> Result<Json<Value>, Refused> {
    let Why { reason } = read(body, "a JSON object with `reason`")?;
    Ok(Json(json!({"subjects": app.state.desk.repeat_erasures(&who, &reason).await?})))
}

pub(super) async fn rotate(
    State(app): State<App>,
    Extension(who): Extension<Person>,
) -> Result<Json<Value>, Refused> {
    Ok(Json(json!({"key": app.state.desk.rotate_key(&who).await?})))
}

pub(super) async fn prune(
    State(app): State<App>,
    Extension(who): Extension<Person>,
) -> Result<Json<Value>, Refused> {
    let pruned = app.state.desk.prune(&who).await?;
    Ok(Json(json!({"segments": pruned.segments, "records": pruned.records, "tiles": pruned.tiles})))
}

impl About {
    fn whom(self) -> Result<Option<Whom>, DeskError> {
        let expected = "either `subject` or `subject_ref`";
        match (self.subject, self.subject_ref) {
            (Some(_), Some(_)) => Err(DeskError::Parameter { what: "subject", expected }),
            (Some(name), None) => Ok(Some(Whom::Name(name))),
            (None, Some(reference)) => Ok(Some(Whom::Reference(reference))),
            (None, None) => Ok(None),
        }
    }
}

/// The body, or what it must be: serde's own words could repeat what stands in it.
pub(in crate::admin) fn read<T>(body: Body<T>, expected: &'static str) -> Result<T, DeskError> {
    body.map(|Json(body)| body).map_err(|_| DeskError::Parameter { what: "the body", expected })
}
