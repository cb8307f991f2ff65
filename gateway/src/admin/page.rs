//! The page at `/` and its parts, and the description of the API: all of them fixed.

use axum::{Json, http::header, response::IntoResponse};
use serde_json::{Value, json};

use crate::controls::REGISTRY;

/// The page.
pub(super) async fn index() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], include_str!("page/index.html"))
}

/// Its script.
pub(super) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("page/admin.js"))
}

/// Its style.
pub(super) async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page/admin.css"))
}

/// The API description.
pub(super) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("page/openapi.json"))
}

/// The controls, in the order in which they see a request.
pub(super) async fn controls() -> Json<Value> {
    let entry = |entry: &crate::controls::Entry| json!({"name": entry.name, "does": entry.does, "on_fault": entry.on_fault});
    Json(json!({"data": REGISTRY.iter().map(entry).collect::<Vec<_>>()}))
}
