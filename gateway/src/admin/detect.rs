//! `POST /api/v1/detect`: what detectors find in a text. The text is neither kept nor logged.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use serde::Deserialize;
use serde_json::{Value, json};
use weir_classifiers::Detectors;

use super::{App, fault::Fault};
use crate::detection::{entities, tiers, types};

/// A text and what to look for. No `Debug`: it holds the text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    text: String,
    #[serde(default)]
    types: Vec<String>,
    #[serde(default)]
    tiers: Vec<String>,
}

/// The findings of a text.
pub(super) async fn detect(
    State(app): State<App>,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<Json<Value>, Fault> {
    let Json(request) = body.map_err(|rejection| match rejection.status().as_u16() {
        413 => Fault::TooLarge,
        _ => Fault::Parameter { parameter: "body", expected: "{\"text\", \"types\"?, \"tiers\"?}" },
    })?;
    let chosen = types(request.types.iter().map(String::as_str)).map_err(|_| Fault::Parameter {
        parameter: "types",
        expected: "names of types and groups that are detected",
    })?;
    let tiers = tiers(request.tiers.iter().map(String::as_str))
        .map_err(|_| Fault::Parameter { parameter: "tiers", expected: "some of rules, fast, accurate" })?;
    let kept = app.clone();
    let _turn = app.searches.acquire().await.map_err(|_| Fault::Undetected)?;
    let searched = tokio::task::spawn_blocking(move || {
        // A detector for fewer types is made anew: what it finds doesn't give way to other types.
        let found = if request.types.is_empty() && request.tiers.is_empty() {
            kept.detectors.get_or_init(|| Detectors::new(&chosen)).search(&request.text)
        } else {
            Detectors::tiers(&chosen, &tiers).search(&request.text)
        };
        found.map(|found| entities(&request.text, &found))
    });
    let entities = searched.await.ok().and_then(Result::ok).ok_or(Fault::Undetected)?;
    Ok(Json(json!({"entities": entities, "labels": {}})))
}
