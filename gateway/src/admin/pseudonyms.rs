//! `/api/v1/pseudonyms/…`: what stands behind a pseudonym, for a reviewer with a reason.

use axum::{Extension, Json, Router, extract::State, extract::rejection::JsonRejection, routing::post};
use serde::Deserialize;

use super::{
    App,
    audit::{Refused, read},
};
use crate::archive::{Person, Reidentified};

/// The routes; the caller is known by then.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/api/v1/pseudonyms/reveal", post(reveal))
}

/// A pseudonym, whose it is, and why its value is wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    tenant: String,
    pseudonym: String,
    reason: String,
}

async fn reveal(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Result<Json<Reidentified>, Refused> {
    let wanted = read(body, "a JSON object with `tenant`, `pseudonym` and `reason`")?;
    let about = (wanted.tenant, wanted.pseudonym.as_str());
    Ok(Json(app.state.desk.reidentify(&who, about, &wanted.reason).await?))
}
