//! Bodies in clear, and the consent of a second person where it takes one.

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    super::App,
    Refused,
    acts::{Body, PathId, Why, read},
};
use crate::archive::{DeskError, Person, Revealed, Verdict};

pub(super) async fn reveal(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    path: PathId,
    body: Body<Why>,
) -> Result<Response, Refused> {
    let Path(id) = path.map_err(|_| DeskError::NotFound)?;
    let why = read(body, "a JSON object with `reason`")?;
    Ok(match app.state.desk.reveal(&who, id, &why.reason).await? {
        Revealed::Shown(bodies) => Json(json!({"bodies": bodies})).into_response(),
        Revealed::Asked(request) => (StatusCode::ACCEPTED, Json(request)).into_response(),
    })
}

pub(super) async fn list(
    State(app): State<App>,
    Extension(who): Extension<Person>,
) -> Result<Json<Value>, Refused> {
    Ok(Json(json!({"data": app.state.desk.reveals(&who).await?})))
}

pub(super) async fn approve(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    path: PathId,
    body: Body<Why>,
) -> Result<Response, Refused> {
    decide(&app, &who, (path, body, Verdict::Approve)).await
}

pub(super) async fn refuse(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    path: PathId,
    body: Body<Why>,
) -> Result<Response, Refused> {
    decide(&app, &who, (path, body, Verdict::Refuse)).await
}

async fn decide(
    app: &App,
    who: &Person,
    (path, body, verdict): (PathId, Body<Why>, Verdict),
) -> Result<Response, Refused> {
    let Path(id) = path.map_err(|_| DeskError::NotFound)?;
    let why = read(body, "a JSON object with `reason`")?;
    Ok(Json(app.state.desk.decide_reveal(who, (id, verdict), &why.reason).await?).into_response())
}
