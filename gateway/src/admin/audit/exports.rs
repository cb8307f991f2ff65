//! Exports: one file as it is, or a bundle as a tar archive.

use std::time::SystemTime;

use axum::{
    Extension, Json,
    extract::{RawQuery, State, rejection::JsonRejection},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{super::App, Refused, acts::read};
use crate::archive::{DeskError, Person, export::Form, filter};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    format: String,
    reason: String,
}

pub(super) async fn export(
    State(app): State<App>,
    Extension(who): Extension<Person>,
    RawQuery(query): RawQuery,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Result<Response, Refused> {
    let wanted = read(body, "a JSON object with `format` and `reason`")?;
    let expected = "bundle, csv, ocsf, otel or html";
    let form = Form::ALL.into_iter().find(|(name, _)| *name == wanted.format).map(|(_, form)| form);
    let form = form.ok_or(DeskError::Parameter { what: "format", expected })?;
    let query = filter::calls(query.as_deref().unwrap_or_default(), SystemTime::now())?;
    if form != Form::Bundle {
        let taken = app.state.desk.export(&who, (query, form, &wanted.reason), None).await?;
        let kind = [(header::CONTENT_TYPE, media(form))];
        return Ok((kind, taken.text.unwrap_or_default()).into_response());
    }
    let scratch = tempfile::tempdir().map_err(DeskError::File)?;
    let folder = scratch.path().join("bundle");
    app.state.desk.export(&who, (query, form, &wanted.reason), Some(&folder)).await?;
    let packed = tokio::task::spawn_blocking(move || {
        let mut archive = tar::Builder::new(Vec::new());
        archive.mode(tar::HeaderMode::Deterministic);
        archive.append_dir_all("bundle", &folder)?;
        let packed = archive.into_inner();
        drop(scratch);
        packed
    });
    let packed = packed.await.map_err(|_| DeskError::Stopped)?.map_err(DeskError::File)?;
    Ok(([(header::CONTENT_TYPE, media(form))], packed).into_response())
}

fn media(form: Form) -> &'static str {
    match form {
        Form::Bundle => "application/x-tar",
        Form::Csv => "text/csv; charset=utf-8",
        Form::Ocsf => "application/x-ndjson",
        Form::Otel => "application/json",
        Form::Html => "text/html; charset=utf-8",
    }
}
